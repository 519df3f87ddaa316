/* SPDX-License-Identifier: MIT
 *
 * lab.c - see lab.h.
 */
#include "lab.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/macros.h"

enum { HEADER_BYTES = 5, FILE_BYTES_MAX = 1 << 20 };

void lab_folder_new(char folder[64])
{
    const char *root = getenv("TMPDIR");
    snprintf(folder, 64, "%.40s/riacho-XXXXXX", root && *root ? root : "/tmp");
    assert_non_null(mkdtemp(folder));
}

static void path_of(char *ret_path, size_t size, const char *folder, const char *name)
{
    assert_true((size_t)snprintf(ret_path, size, "%s/%s", folder, name) < size);
}

void lab_folder_delete(const char *folder)
{
    char path[512];
    DIR *entries = opendir(folder);
    assert_non_null(entries);
    for (const struct dirent *entry; (entry = readdir(entries));) {
        path_of(path, sizeof path, folder, entry->d_name);
        if (entry->d_name[0] != '.')
            assert_int_equal(unlink(path), 0);
    }
    closedir(entries);
    assert_int_equal(rmdir(folder), 0);
}

void lab_file_write(const char *folder, const char *name, const char *text)
{
    char path[512];
    path_of(path, sizeof path, folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
    assert_int_equal(fclose(file), 0);
}

const char *lab_file_read(riacho_arena *arena, const char *folder, const char *name)
{
    char path[512];
    path_of(path, sizeof path, folder, name);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    char *text = riacho_alloc(arena, FILE_BYTES_MAX);
    text[fread(text, 1, FILE_BYTES_MAX - 1, file)] = 0;
    fclose(file);
    return text;
}

void lab_open(struct lab *lab, const struct lab_file *files, size_t count)
{
    riacho_error err;
    lab_folder_new(lab->folder);
    for (size_t i = 0; i < count; i++) {
        char name[80];
        snprintf(name, sizeof name, "%s.avsc", files[i].stem);
        lab_file_write(lab->folder, name, files[i].text);
    }
    const riacho_schemas_options options = {.folders = (const char *const[]){lab->folder},
                                            .folder_count = 1};
    if (riacho_schemas_open(&options, &lab->schemas, &err) != RIACHO_OK)
        fail_msg("%s", err.text);
    lab->arena = riacho_arena_new();
}

void lab_close(struct lab *lab)
{
    riacho_schemas_close(lab->schemas);
    riacho_arena_free(lab->arena);
    lab_folder_delete(lab->folder);
}

const riacho_codec *lab_codec(struct lab *lab, const char *word)
{
    const riacho_codec *codec;
    riacho_error err;
    if (riacho_schemas_codec(lab->schemas, word, &codec, &err) != RIACHO_OK)
        fail_msg("%s", err.text);
    return codec;
}

riacho_bytes lab_hex(riacho_arena *arena, const char *text)
{
    const size_t size = strlen(text) / 2;
    uint8_t *bytes = riacho_alloc(arena, size);
    for (size_t i = 0; i < size; i++) {
        unsigned byte;
        assert_int_equal(sscanf(text + 2 * i, "%2x", &byte), 1);
        bytes[i] = (uint8_t)byte;
    }
    return (riacho_bytes){bytes, size};
}

/* The header that the codec itself writes: of a value that always encodes. */
static size_t header_of(const riacho_codec *codec, uint8_t header[HEADER_BYTES])
{
    if (strncmp(codec->name, "avro:", 5) != 0)
        return 0;
    RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
    RIACHO_AUTO(buffer) riacho_buffer out = {0};
    void *value = riacho_alloc_zero(arena, 1, codec->type->size);
    riacho_value_init(codec->type, value);
    if (codec->type->logical == RIACHO_UUID)
        *(riacho_bytes *)value = riacho_text("00000000-0000-0000-0000-000000000000");
    assert_int_equal(riacho_encode(codec, value, &out, NULL), RIACHO_OK);
    memcpy(header, out.data, HEADER_BYTES);
    return HEADER_BYTES;
}

riacho_status lab_decode(struct lab *lab, const char *word, riacho_bytes body,
                         const char **ret_json, riacho_error *err)
{
    const riacho_codec *codec = lab_codec(lab, word);
    uint8_t header[HEADER_BYTES];
    const size_t header_bytes = header_of(codec, header), size = header_bytes + body.size;
    RIACHO_AUTO(heap) uint8_t *exact = malloc(size ? size : 1);
    if (header_bytes)
        memcpy(exact, header, header_bytes);
    memcpy(exact + header_bytes, body.data, body.size);
    void *value = riacho_alloc_zero(lab->arena, 1, codec->type->size);
    RIACHO_TRY(riacho_decode(codec, (riacho_bytes){exact, size}, lab->arena, value, err));
    RIACHO_AUTO(buffer) riacho_buffer out = {0};
    riacho_json_write(codec->type, value, &out);
    if (ret_json)
        *ret_json = riacho_copy(lab->arena, riacho_buffer_bytes(&out)).data;
    return RIACHO_OK;
}

void lab_expect_both_ways(struct lab *lab, const char *word, const char *hex, const char *json)
{
    riacho_error err;
    const char *shown;
    riacho_json_issues issues;
    RIACHO_AUTO(buffer) riacho_buffer out = {0};
    riacho_arena_reset(lab->arena);
    const riacho_codec *codec = lab_codec(lab, word);
    const riacho_bytes body = lab_hex(lab->arena, hex);
    if (lab_decode(lab, word, body, &shown, &err) != RIACHO_OK)
        fail_msg("%s %s: %s", word, hex, err.text);
    if (strcmp(shown, json) != 0)
        fail_msg("%s %s: %s, not %s", word, hex, shown, json);
    void *value = riacho_alloc_zero(lab->arena, 1, codec->type->size);
    if (riacho_json_read(codec->type, riacho_text(json), lab->arena, value, &issues) != RIACHO_OK)
        fail_msg("%s %s: %s: %s", word, json, issues.items[0].pointer, issues.items[0].detail);
    if (riacho_encode(codec, value, &out, &err) != RIACHO_OK)
        fail_msg("%s %s: %s", word, json, err.text);
    const size_t header = strncmp(word, "avro:", 5) == 0 ? HEADER_BYTES : 0;
    const riacho_bytes written = {out.data ? out.data + header : (const uint8_t *)"",
                                  out.size - header};
    if (!riacho_bytes_equal(written, body))
        fail_msg("%s %s: %zu other bytes are written", word, json, written.size);
}
