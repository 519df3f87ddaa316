/* SPDX-License-Identifier: MIT
 *
 * reference.c - see reference.h.
 */
#include "reference.h"

#include "settings.h"

static const struct {
    int code;
    const char *doc;
} exits[] = {
    {RIACHO_EXIT_OK, "It was done."},
    {RIACHO_EXIT_FAILED, "It could not be done; for a test: one failed; for a read: not there."},
    {RIACHO_EXIT_USAGE, "The command line is wrong."},
    {RIACHO_EXIT_DATA, "A topology, a schema or a record is wrong."},
    {RIACHO_EXIT_UNAVAILABLE, "No worker answers, or the data folder or the port is taken."},
    {RIACHO_EXIT_TRY_AGAIN, "Not now: the worker is starting, or its disk is full."},
    {RIACHO_EXIT_CONFIG, "A configuration value is wrong."},
    {RIACHO_EXIT_INTERRUPTED, "SIGINT ended it."},
};

/* In a table cell a bar would end the cell. */
static void print_cell(const char *text, riacho_buffer *out)
{
    for (; *text; text++) {
        if (*text == '|')
            riacho_buffer_printf(out, "\\");
        riacho_buffer_append(out, text, 1);
    }
}

static void print_flags(const riacho_verb *verb, riacho_buffer *out)
{
    if (!verb->flags[0].name)
        return;
    riacho_buffer_printf(out, "\n| flag | does |\n|---|---|\n");
    for (size_t i = 0; verb->flags[i].name; i++) {
        const riacho_flag *flag = &verb->flags[i];
        riacho_buffer_printf(out, "| `--%s%s%s`", flag->name, flag->arg ? " " : "",
                             flag->arg ? flag->arg : "");
        if (flag->letter)
            riacho_buffer_printf(out, ", `-%c`", flag->letter);
        riacho_buffer_printf(out, " | ");
        print_cell(flag->doc, out);
        riacho_buffer_printf(out, " |\n");
    }
}

static void print_settings(riacho_buffer *out)
{
    riacho_buffer_printf(
        out, "\n## Configuration\n\nA flag wins over the environment, that over the worker file, "
             "that over the default.\n\n| key | flag | environment | default | is |\n"
             "|---|---|---|---|---|\n");
    for (size_t i = 0; i < RIACHO_SETTING_COUNT; i++) {
        const riacho_setting *setting = &riacho_settings[i];
        riacho_buffer_printf(out, "| `%s` | `--%s` | `%s` | %s%s%s | ", setting->key, setting->flag,
                             setting->env, *setting->fallback ? "`" : "", setting->fallback,
                             *setting->fallback ? "`" : "");
        print_cell(setting->doc, out);
        riacho_buffer_printf(out, " |\n");
    }
}

void riacho_reference_print(riacho_buffer *out)
{
    riacho_buffer_printf(
        out, "# `riacho`\n\n<!-- Written by `riacho --reference`; do not edit. -->\n\n"
             "Data goes to stdout, everything else to stderr. `riacho VERB --help` has what "
             "stands here.\n\n| exit | means |\n|---|---|\n");
    for (size_t i = 0; i < sizeof exits / sizeof *exits; i++)
        riacho_buffer_printf(out, "| %d | %s |\n", exits[i].code, exits[i].doc);
    for (const riacho_verb *verb = riacho_verbs; verb->name; verb++) {
        riacho_buffer_printf(out, "\n## `riacho %s%s%s`\n\n%c%s.%s%s\n", verb->name,
                             *verb->args ? " " : "", verb->args, verb->summary[0] & ~0x20,
                             verb->summary + 1, verb->details ? " " : "",
                             verb->details ? verb->details : "");
        print_flags(verb, out);
    }
    print_settings(out);
}
