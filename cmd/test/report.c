/* SPDX-License-Identifier: MIT
 *
 * report.c - see report.h.
 */
#include "report.h"

#include <stdio.h>

#include "base/text.h"
#include "riacho/codec.h"

static void print_place(const riacho_test_result *result, const riacho_failure *failure)
{
    printf("  %s:%u", failure->mark.file ? failure->mark.file : result->file, failure->mark.line);
    if (failure->step)
        printf(": step %zu", failure->step);
    printf(": %s\n", failure->text);
}

void riacho_report_print(const riacho_test_result *result)
{
    printf("%s  %s / %s\n", result->failures ? "FAIL" : "ok  ", result->suite, result->test);
    for (const riacho_failure *at = result->failures; at; at = at->following)
        print_place(result, at);
    fflush(stdout);
}

static void put_text(const char *name, const char *text, riacho_buffer *out)
{
    riacho_buffer_printf(out, "\"%s\":", name);
    riacho_json_quote(riacho_text(text), out);
}

void riacho_report_json(const riacho_test_result *results, riacho_buffer *out)
{
    size_t passed = 0, failed = 0;
    riacho_buffer_printf(out, "{\"tests\":[");
    for (const riacho_test_result *at = results; at; at = at->following) {
        riacho_buffer_printf(out, at == results ? "{" : ",{");
        put_text("suite", at->suite, out);
        riacho_buffer_printf(out, ",");
        put_text("name", at->test, out);
        riacho_buffer_printf(out, ",\"ok\":%s,\"failures\":[", at->failures ? "false" : "true");
        for (const riacho_failure *failure = at->failures; failure; failure = failure->following) {
            riacho_buffer_printf(out, failure == at->failures ? "{" : ",{");
            put_text("file", failure->mark.file ? failure->mark.file : at->file, out);
            riacho_buffer_printf(out, ",\"line\":%u,\"column\":%u,\"step\":%zu,",
                                 failure->mark.line, failure->mark.column, failure->step);
            put_text("text", failure->text, out);
            riacho_buffer_printf(out, "}");
        }
        riacho_buffer_printf(out, "]}");
        at->failures ? failed++ : passed++;
    }
    riacho_buffer_printf(out, "],\"passed\":%zu,\"failed\":%zu}\n", passed, failed);
}

void riacho_report_junit(const riacho_test_result *results, riacho_buffer *out)
{
    size_t count = 0, failed = 0;
    for (const riacho_test_result *at = results; at; at = at->following) {
        count++;
        failed += at->failures != NULL;
    }
    riacho_buffer_printf(out,
                         "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite name=\"riacho\" "
                         "tests=\"%zu\" failures=\"%zu\">\n",
                         count, failed);
    for (const riacho_test_result *at = results; at; at = at->following) {
        riacho_buffer_printf(out, "  <testcase classname=\"");
        riacho_markup_escape(at->suite, out);
        riacho_buffer_printf(out, "\" name=\"");
        riacho_markup_escape(at->test, out);
        riacho_buffer_printf(out, at->failures ? "\">\n" : "\"/>\n");
        for (const riacho_failure *failure = at->failures; failure; failure = failure->following) {
            riacho_buffer_printf(out, "    <failure message=\"");
            riacho_markup_escape(failure->text, out);
            riacho_buffer_printf(out, "\">");
            riacho_markup_escape(failure->mark.file ? failure->mark.file : at->file, out);
            riacho_buffer_printf(out, ":%u</failure>\n", failure->mark.line);
        }
        if (at->failures)
            riacho_buffer_printf(out, "  </testcase>\n");
    }
    riacho_buffer_printf(out, "</testsuite>\n");
}
