/* SPDX-License-Identifier: MIT
 *
 * issues.c - what is wrong with a text is said at the right place and in words one can act on. The
 * second line of an entry marks the range with ~ below the text.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/limits.h"
#include "base/macros.h"
#include "fixture.h"

static const struct {
    const char *text;
    const char *range;
    const char *issue;
    const char *expected; /* a type word, or NULL */
} issues[] = {
    {"", "", "the expression is empty", NULL},
    {"   ", "~~~", "the expression is empty", NULL},
    {"\"abc", "~~~~", "the text that starts here is not closed by \"", NULL},
    {"'abc\\", "    ~",
     "unknown escape: there are \\\" \\' \\\\ \\/ \\b \\f \\n \\r \\t and \\uXXXX", NULL},
    {"\"a\\qb\"", "  ~~",
     "unknown escape: there are \\\" \\' \\\\ \\/ \\b \\f \\n \\r \\t and \\uXXXX", NULL},
    {"\"a\\ud83dx\"", "  ~~~~~~",
     "unknown escape: there are \\\" \\' \\\\ \\/ \\b \\f \\n \\r \\t and \\uXXXX", NULL},
    {"\"a\tb\"", "  ~", "a control character in a text: write it as an escape, such as \\n or \\t",
     NULL},
    {"1 = 2", "  ~", "'=' is not part of an expression: compare with ==", NULL},
    {"value.small & 3", "            ~", "'&' is not part of an expression: write && for and",
     NULL},
    {"a @ b", "  ~", "'@' is not part of an expression", NULL},
    {"é", "~~", "'é' is not part of an expression", NULL},
    {"007", "~~~", "'007': write the number without zeros before it", NULL},
    {"12abc", "~~~~~", "'12abc' is neither a number nor a name", NULL},
    {"9223372036854775808", "~~~~~~~~~~~~~~~~~~~", "'9223372036854775808' does not fit a long",
     NULL},
    {"99999999999999999999", "~~~~~~~~~~~~~~~~~~~~", "'99999999999999999999' does not fit a long",
     NULL},
    {"1e999", "~~~~~", "'1e999' does not fit a double", NULL},
    {"1.", "  ", "a field's name is missing at the end", NULL},
    {"1 +", "   ", "a value is missing at the end", NULL},
    {"(1 + 2", "      ", "')' is missing at the end", NULL},
    {"1 2", "  ~", "an operator or the end is needed here, not '2'", NULL},
    {")", "~", "a value is needed here, not ')'", NULL},
    {"[1, 2]", "~", "a list stands only behind 'in': x in [1, 2]", NULL},
    {"key in \"abc\"", "       ~~~~~",
     "'in' needs a list such as [\"A\", \"B\"]; to look into an array write contains(array, x)",
     NULL},
    {"key in []", "~~~~~~~~~", "the list is empty, so nothing can be in it", NULL},
    {"key in [\"a\",]", "            ~", "a value is needed here, not ']'", NULL},
    {"1 < 2 < 3", "      ~", "comparisons cannot be chained: join them with &&, or use brackets",
     NULL},
    {"1 == 1 == true", "       ~~",
     "comparisons cannot be chained: join them with &&, or use brackets", NULL},
    {"value.", "      ", "a field's name is missing at the end", NULL},
    {"value.small ? 1", "               ", "':' is missing at the end", NULL},
    {"value.small ? 1 : 2", "~~~~~~~~~~~", "'value.small' is of type int; '?' needs a boolean",
     NULL},
    {"size(key", "        ", "',' or ')' is missing at the end", NULL},
    {"size()", "~~~~~~", "'size' takes one argument: write size(x)", NULL},
    {"size(key, key)", "~~~~~~~~~~~~~~", "'size' takes one argument: write size(x)", NULL},
    {"min(1)", "~~~~~~", "'min' takes from 2 to 64 arguments: write min(a, b, ...)", NULL},
    {"siz(key)", "~~~", "there is no function 'siz'; did you mean 'size'?", NULL},
    {"foo(key)", "~~~", "there is no function 'foo'", NULL},
    {"size", "~~~~", "'size' is a function: it needs its arguments in brackets", NULL},
    {"vlaue.small", "~~~~~", "there is no 'vlaue' here; a text is written \"vlaue\"", NULL},
    {"FEED", "~~~~", "there is no 'FEED' here; a text is written \"FEED\"", NULL},
    {"headers", "~~~~~~~", "'headers' has no value of its own: write headers.name", NULL},
    {"headers.trace.x", "              ~", "'headers.trace' is of type string and has no fields",
     NULL},
    {"headers[1]", "        ~", "'1' is of type long where a string, the entry's name, is needed",
     NULL},
    {"agg.x", "~~~", "'agg' is always null here", NULL},
    {"agg + 1", "~~~", "'agg' is of type null; '+' needs a number", NULL},
    {"value.acton", "      ~~~~~",
     "'value.acton': Thing has no field 'acton'; did you mean 'action'?", NULL},
    {"value.inner.z", "            ~", "'value.inner.z': Inner has no field 'z'; did you mean 'x'?",
     NULL},
    {"key.x", "    ~", "'key' is of type string and has no fields", NULL},
    {"value.counts.one", "             ~~~", "'value.counts' is a map: write value.counts[\"one\"]",
     NULL},
    {"value.counts[1]", "             ~",
     "'1' is of type long where a string, the entry's key, is needed", NULL},
    {"value.texts[\"a\"]", "            ~~~",
     "'\"a\"' is of type string where a whole number, the item's place, is needed", NULL},
    {"key[0]", "~~~", "'key' is of type string: only arrays and maps have [...]", NULL},
    {"value.action == \"FED\"", "                ~~~~~",
     "Action has no symbol 'FED'; did you mean 'FEED'?", NULL},
    {"value.action == \"DANCE\"", "                ~~~~~~~", "Action has no symbol 'DANCE'", NULL},
    {"value.action in [\"FEED\", \"PETT\"]", "                         ~~~~~~",
     "Action has no symbol 'PETT'; did you mean 'PET'?", NULL},
    {"value.action == key", "                ~~~",
     "'key' is of type string where enum Action is needed; only a text that is written here can "
     "become a symbol",
     NULL},
    {"value.action < \"FEED\"", "~~~~~~~~~~~~",
     "'value.action' is of type enum Action; '<' needs numbers, strings or bytes", NULL},
    {"value.action == 1", "             ~~",
     "'value.action' is of type enum Action and '1' of type long: they do not go together", NULL},
    {"value.flag ? value.action : \"PETS\"", "                            ~~~~~~",
     "Action has no symbol 'PETS'; did you mean 'PET'?", NULL},
    {"key + 1", "      ~",
     "'1' is of type long; '+' needs a string beside a string: convert it with string(...)", NULL},
    {"1 + key", "~",
     "'1' is of type long; '+' needs a string beside a string: convert it with string(...)", NULL},
    {"key - \"a\"", "~~~", "'key' is of type string; '-' needs a number", NULL},
    {"true + 1", "~~~~", "'true' is of type boolean; '+' needs a number", NULL},
    {"-key", " ~~~", "'key' is of type string; '-' needs a number", NULL},
    {"!1", " ~", "'1' is of type long; '!' needs a boolean", NULL},
    {"1.5 % 2", "~~~", "'1.5' is of type double; '%' needs whole numbers", NULL},
    {"value.small / 0", "              ~", "'value.small / 0': division by zero", NULL},
    {"value.small % 0", "              ~", "'value.small % 0': division by zero", NULL},
    {"value.real / 0.0", "             ~~~", "'value.real / 0.0': division by zero", NULL},
    {"1 / 0", "    ~", "'1 / 0': division by zero", NULL},
    {"1 / (2 - 2)", "    ~~~~~~~", "'1 / (2 - 2)': division by zero", NULL},
    {"9223372036854775807 + 1", "~~~~~~~~~~~~~~~~~~~~~~~",
     "'9223372036854775807 + 1': the result does not fit a long", NULL},
    {"-(-9223372036854775808)", "~~~~~~~~~~~~~~~~~~~~~~~",
     "'-(-9223372036854775808)': the result does not fit a long", NULL},
    {"abs(-9223372036854775808)", "~~~~~~~~~~~~~~~~~~~~~~~~~",
     "'abs(-9223372036854775808)': the result does not fit a long", NULL},
    {"int(3000000000)", "~~~~~~~~~~~~~~~", "'int(3000000000)': the number does not fit an int",
     NULL},
    {"int(\"x\")", "    ~~~",
     "'\"x\"': 'x' is not a whole number from -9223372036854775808 to 9223372036854775807", NULL},
    {"double(\"1,5\")", "~~~~~~~~~~~~~",
     "'double(\"1,5\")': '1,5' is not a number that fits a double", NULL},
    {"int(true)", "    ~~~~", "'true' is of type boolean where a number or a string is needed",
     NULL},
    {"string(value.data)", "       ~~~~~~~~~~",
     "'value.data' is of type bytes where a boolean, a number, an enum or a string is needed",
     NULL},
    {"size(3)", "     ~", "'3' is of type long where a string, bytes, an array or a map is needed",
     NULL},
    {"lower(3)", "      ~", "'3' is of type long where a string is needed", NULL},
    {"abs(key)", "    ~~~", "'key' is of type string where a number is needed", NULL},
    {"hash(1.5)", "     ~~~",
     "'1.5' is of type double where a string, bytes, an enum or a whole number is needed", NULL},
    {"contains(1, 2)", "         ~",
     "'1' is of type long where a string, an array or a map is needed", NULL},
    {"contains(value.texts, 1)", "                      ~",
     "'1' is of type long where string is needed; convert it with string(...)", NULL},
    {"contains(value.inners, 1)", "         ~~~~~~~~~~~~",
     "'value.inners' is of type array of record Inner where an array of simple values is needed",
     NULL},
    {"min(1, key)", "~~~", "'1' is of type long and 'key' of type string: they do not go together",
     NULL},
    {"null + 1", "~~~~", "'null' is of type null; '+' needs a number", NULL},
    {"size(null)", "     ~~~~", "'null' is of type null where a value is needed", NULL},
    {"key < null", "      ~~~~", "'null' is of type null; '<' needs numbers, strings or bytes",
     NULL},
    {"null in [1]", "~~~~", "'null' is of type null; 'in' needs a value before it", NULL},
    {"1 in [null]", "      ~~~~", "null is in no list: compare with == null", NULL},
    {"key ?? 1", "    ~~", "'key' is of type string and '1' of type long: they do not go together",
     NULL},
    {"value.flag ? 1 : \"a\"", "           ~",
     "'1' is of type long and '\"a\"' of type string: they do not go together", NULL},
    {"value.inner == value.inner", "            ~~",
     "values of type record Inner cannot be compared; compare what is in them", NULL},
    {"value.price < value.price", "~~~~~~~~~~~",
     "'value.price' is of type decimal; '<' needs numbers, strings or bytes", NULL},
    {"value.atMs == value.atUs", "           ~~",
     "'value.atMs' is of type timestamp in milliseconds and 'value.atUs' of type timestamp in "
     "microseconds: they do not go together",
     NULL},
    {"null == value.odd", "        ~~~~~~~~~",
     "'value.odd' is of type union; '==' needs a value that is no union", NULL},
    {"1 && true", "~", "'1' is of type long; '&&' needs a boolean", NULL},
    {"true || \"x\"", "        ~~~", "'\"x\"' is of type string; '||' needs a boolean", NULL},
    {"value.data == \"abc\"", "           ~~",
     "'value.data' is of type bytes and '\"abc\"' of type string: they do not go together", NULL},
    {"key", "~~~", "'key' is of type string where int is needed; convert it with int(...)", "int"},
    {"value.big", "~~~~~~~~~",
     "'value.big' is of type long where int is needed; convert it with int(...)", "int"},
    {"3000000000", "~~~~~~~~~~", "'3000000000' does not fit an int", "int"},
    {"1.5", "~~~", "'1.5' does not fit a long", "long"},
    {"value.real", "~~~~~~~~~~",
     "'value.real' is of type double where float is needed; convert it with float(...)", "float"},
    {"value.real", "~~~~~~~~~~",
     "'value.real' is of type double where long is needed; convert it with long(...)", "long"},
    {"value.action", "~~~~~~~~~~~~",
     "'value.action' is of type enum Action where string is needed; convert it with string(...)",
     "string"},
    {"key", "~~~",
     "'key' is of type string where enum Action is needed; only a text that is written here can "
     "become a symbol",
     ".action"},
    {"\"FED\"", "~~~~~", "Action has no symbol 'FED'; did you mean 'FEED'?", ".action"},
    {"value.flag ? \"FEED\" : key", "                      ~~~",
     "'key' is of type string where enum Action is needed; only a text that is written here can "
     "become a symbol",
     ".action"},
    {"value.small", "~~~~~~~~~~~",
     "'value.small' is of type int where boolean is needed; compare it, as in x != 0", "boolean"},
    {"5", "~", "'5' is of type long where string is needed; convert it with string(...)", "string"},
    {"value.inner", "~~~~~~~~~~~",
     "'value.inner' is of type record Inner where array of string is needed", ".texts"},
    {"value.atMs", "~~~~~~~~~~",
     "'value.atMs' is of type timestamp in milliseconds where timestamp in microseconds is needed; "
     "say how, as in long(x) * 1000",
     ".atUs"},
    {"value.data", "~~~~~~~~~~", "'value.data' is of type bytes where string is needed", "string"},
    {"value.tag", "~~~~~~~~~", "'value.tag' is of type fixed Tag where bytes is needed", "bytes"},
    {"1e39", "~~~~", "'1e39' does not fit a float", "float"},
};

static void issues_say_where_and_what(void **state)
{
    expr_fixture *fixture = *state;
    for (size_t i = 0; i < sizeof issues / sizeof *issues; i++) {
        const char *range = issues[i].range;
        const size_t offset = strspn(range, " ");
        const riacho_expr *expr = NULL;
        riacho_expr_issue issue;
        const riacho_status status = riacho_expr_compile(
            riacho_text(issues[i].text), &fixture->scope, fixture_type(fixture, issues[i].expected),
            fixture->arena, &expr, &issue);
        if (status != RIACHO_REJECT || expr)
            fail_msg("%s compiles", issues[i].text);
        if (strcmp(issue.text, issues[i].issue) != 0)
            fail_msg("%s: %s\nnot %s", issues[i].text, issue.text, issues[i].issue);
        if (issue.offset != offset || issue.length != strlen(range) - offset)
            fail_msg("%s: %zu + %zu\n%s", issues[i].text, issue.offset, issue.length, range);
    }
}

/* `count` times `part`, then `end`; compiled. */
static riacho_status compile_repeated(expr_fixture *fixture, const char *part, size_t count,
                                      const char *end, riacho_expr_issue *issue)
{
    RIACHO_AUTO(buffer) riacho_buffer text = {0};
    const riacho_expr *expr;
    for (size_t i = 0; i < count; i++)
        riacho_buffer_append(&text, part, strlen(part));
    riacho_buffer_append(&text, end, strlen(end));
    return riacho_expr_compile(riacho_buffer_bytes(&text), &fixture->scope, NULL, fixture->arena,
                               &expr, issue);
}

static void depth_and_size_are_limited(void **state)
{
    static const struct {
        const char *part;
        const char *end;
        size_t good;
        size_t bad;
    } table[] = {
        {"!", "true", RIACHO_EXPRESSION_DEPTH_MAX - 1, RIACHO_EXPRESSION_DEPTH_MAX},
        {"-", "value.real", RIACHO_EXPRESSION_DEPTH_MAX - 2, RIACHO_EXPRESSION_DEPTH_MAX},
        {"1 + ", "1", RIACHO_EXPRESSION_DEPTH_MAX - 1, RIACHO_EXPRESSION_DEPTH_MAX},
        {"lower(", "key", 0, 1000},
        {"(", "1", 0, RIACHO_EXPRESSION_DEPTH_MAX},
        {"(", "1", 0, RIACHO_EXPRESSION_BYTES_MAX - 1},
        {"key[", "1", 0, 1000},
        {"true?1:", "1", 60, 100},
        {"value.flag && ", "true", 280, 300}, /* a chain is not deep, but it has a size */
        {"value.maybeBig??", "1", 250, 260},
        {" ", "1", RIACHO_EXPRESSION_BYTES_MAX - 1, RIACHO_EXPRESSION_BYTES_MAX},
    };
    riacho_expr_issue issue;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        if (compile_repeated(*state, table[i].part, table[i].good, table[i].end, &issue) !=
            RIACHO_OK)
            fail_msg("%zu %s: %s", table[i].good, table[i].part, issue.text);
        if (compile_repeated(*state, table[i].part, table[i].bad, table[i].end, &issue) !=
            RIACHO_REJECT)
            fail_msg("%zu %s compiles", table[i].bad, table[i].part);
    }
}

static void what_is_not_utf8_is_refused(void **state)
{
    expr_fixture *fixture = *state;
    const riacho_expr *expr;
    riacho_expr_issue issue;
    assert_int_equal(riacho_expr_compile(riacho_text("\"\xff\""), &fixture->scope, NULL,
                                         fixture->arena, &expr, &issue),
                     RIACHO_REJECT);
    assert_string_equal(issue.text, "the expression is not UTF-8");
    assert_int_equal(riacho_expr_compile((riacho_bytes){"1\0", 2}, &fixture->scope, NULL,
                                         fixture->arena, &expr, NULL),
                     RIACHO_REJECT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(issues_say_where_and_what),
        cmocka_unit_test(depth_and_size_are_limited),
        cmocka_unit_test(what_is_not_utf8_is_refused),
    };
    return cmocka_run_group_tests(tests, fixture_open, fixture_close);
}
