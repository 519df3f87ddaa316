/* SPDX-License-Identifier: MIT
 *
 * names.c - see names.h. Pure.
 */
#include "names.h"

#include <ctype.h>
#include <string.h>

static const char *const keywords[] = {
    "alignas",  "alignof",   "and",     "and_eq",   "asm",           "atomic",    "auto",
    "bitand",   "bitor",     "bool",    "break",    "case",          "catch",     "char",
    "class",    "compl",     "concept", "const",    "constexpr",     "continue",  "decltype",
    "default",  "delete",    "do",      "double",   "else",          "enum",      "explicit",
    "export",   "extern",    "false",   "float",    "for",           "friend",    "goto",
    "if",       "inline",    "int",     "long",     "mutable",       "namespace", "new",
    "noexcept", "not",       "not_eq",  "nullptr",  "operator",      "or",        "or_eq",
    "private",  "protected", "public",  "register", "requires",      "restrict",  "return",
    "short",    "signed",    "sizeof",  "static",   "static_assert", "struct",    "switch",
    "template", "this",      "throw",   "true",     "try",           "typedef",   "typeid",
    "typename", "typeof",    "union",   "unsigned", "using",         "virtual",   "void",
    "volatile", "wchar_t",   "while",   "xor",      "xor_eq",        "linux",     "unix"};

static bool is_keyword(const char *name)
{
    for (size_t i = 0; i < sizeof keywords / sizeof *keywords; i++)
        if (strcmp(name, keywords[i]) == 0)
            return true;
    return false;
}

/* A word begins at a capital behind a small letter or digit, and at the last capital of a run that
 * a small letter follows ("HTTPServer": at the S). */
static bool begins_word(const char *name, size_t at)
{
    const unsigned char before = (unsigned char)name[at - 1], here = (unsigned char)name[at];
    if (!isupper(here) || before == '_')
        return false;
    return !isupper(before) || islower((unsigned char)name[at + 1]);
}

static char *split_words(riacho_arena *arena, const char *name)
{
    const char *dot = strrchr(name, '.');
    name = dot ? dot + 1 : name;
    char *text = riacho_alloc(arena, 2 * strlen(name) + 2);
    size_t size = 0;
    for (size_t i = 0; name[i]; i++) {
        if (i && begins_word(name, i))
            text[size++] = '_';
        text[size++] = (char)tolower((unsigned char)name[i]);
    }
    text[size] = 0;
    return text;
}

const char *riacho_gen_snake(riacho_arena *arena, const char *name)
{
    char *text = split_words(arena, name);
    return is_keyword(text) ? riacho_format(arena, "%s_", text) : text;
}

const char *riacho_gen_capitals(riacho_arena *arena, const char *name)
{
    char *text = split_words(arena, name);
    for (char *at = text; *at; at++)
        *at = (char)toupper((unsigned char)*at);
    return text;
}
