/* SPDX-License-Identifier: MIT
 *
 * docs_main.c - riacho-topology-docs FOLDER writes topology.v1.json and topology.md there;
 * riacho-topology-docs --check FOLDER says whether those there are what it would write.
 */
#include <stdio.h>
#include <string.h>

#include "base/macros.h"
#include "yaml.h"

typedef enum docs_mode { MODE_WRITE, MODE_CHECK } docs_mode;

static int check(const char *path, riacho_bytes wanted)
{
    RIACHO_AUTO(buffer) riacho_buffer found = {0};
    FILE *stream = fopen(path, "rbe");
    size_t got = stream ? 1 : 0;
    while (got) {
        got = fread(riacho_buffer_reserve(&found, 65536), 1, 65536, stream);
        found.size += got;
    }
    if (stream)
        fclose(stream);
    if (riacho_bytes_equal(riacho_buffer_bytes(&found), wanted))
        return 0;
    fprintf(stderr, "%s is stale: build and run riacho-topology-docs docs/reference\n", path);
    return 1;
}

static int write_file(const char *path, riacho_bytes text)
{
    FILE *stream = fopen(path, "wbe");
    const bool written = stream && fwrite(text.data, 1, text.size, stream) == text.size;
    const bool closed = stream && fclose(stream) == 0;
    if (written && closed)
        return 0;
    perror(path);
    return 1;
}

static int one_file(docs_mode mode, const char *folder, const char *name,
                    void (*print)(riacho_buffer *out))
{
    RIACHO_AUTO(buffer) riacho_buffer text = {0};
    RIACHO_AUTO(buffer) riacho_buffer path = {0};
    print(&text);
    riacho_buffer_printf(&path, "%s/%s", folder, name);
    riacho_buffer_append(&path, "", 1);
    const char *file = (const char *)path.data;
    return mode == MODE_CHECK ? check(file, riacho_buffer_bytes(&text))
                              : write_file(file, riacho_buffer_bytes(&text));
}

int main(int count, char **arguments)
{
    const bool checks = count == 3 && strcmp(arguments[1], "--check") == 0;
    if (count != 2 && !checks) {
        fprintf(stderr, "usage: riacho-topology-docs [--check] FOLDER\n");
        return 2;
    }
    const docs_mode chosen = checks ? MODE_CHECK : MODE_WRITE;
    const char *folder = arguments[count - 1];
    return one_file(chosen, folder, "topology.v1.json", riacho_yaml_print_schema) |
           one_file(chosen, folder, "topology.md", riacho_yaml_print_reference);
}
