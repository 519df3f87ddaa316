/* SPDX-License-Identifier: MIT
 *
 * identity.c - see identity.h. The file is one line of text and its CRC-32C:
 *
 *   riacho-store 1 <id> <number> <crc of what stands before it>
 */
#include "identity.h"

#include <inttypes.h>
#include <string.h>
#include <sys/random.h>

#include "base/hash.h"
#include "base/macros.h"
#include "base/text.h"
#include "files.h"

static const char file_name[] = "STORE_ID";
static const char head[] = "riacho-store 1 ";

riacho_status riacho_identity_new(riacho_identity *ret_identity, riacho_error *err)
{
    uint8_t random[RIACHO_IDENTITY_ID_BYTES / 2];
    if (getrandom(random, sizeof random, 0) != sizeof random)
        return riacho_fail(err, RIACHO_FATAL, "cannot get random bytes for the id of a store");
    *ret_identity = (riacho_identity){0};
    for (size_t i = 0; i < sizeof random; i++) {
        ret_identity->id[2 * i] = "0123456789abcdef"[random[i] >> 4];
        ret_identity->id[2 * i + 1] = "0123456789abcdef"[random[i] & 15];
    }
    return RIACHO_OK;
}

/* Appends the line up to its CRC. */
static void put_line(riacho_buffer *line, const riacho_identity *identity)
{
    riacho_buffer_printf(line, "%s%s %" PRIu64 " ", head, identity->id, identity->number);
}

static void put_crc(riacho_buffer *line)
{
    riacho_buffer_printf(line, "%08x\n", riacho_crc32c(riacho_buffer_bytes(line)));
}

/* Reads what put_line wrote, without judging it: the CRC does that. */
static void parse_line(riacho_bytes content, riacho_identity *identity)
{
    const char *text = content.data;
    const size_t id_at = sizeof head - 1;
    const size_t number_at = id_at + RIACHO_IDENTITY_ID_BYTES + 1;
    if (content.size <= number_at)
        return;
    memcpy(identity->id, text + id_at, RIACHO_IDENTITY_ID_BYTES);
    for (size_t i = number_at; i < content.size && text[i] >= '0' && text[i] <= '9'; i++)
        identity->number = identity->number * 10 + (uint64_t)(text[i] - '0');
}

riacho_status riacho_identity_read(const char *folder, riacho_identity *ret_identity,
                                   riacho_error *err)
{
    RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
    RIACHO_AUTO(buffer) riacho_buffer expected = {0};
    riacho_bytes content;
    *ret_identity = (riacho_identity){0};
    RIACHO_TRY(
        riacho_files_read(riacho_format(arena, "%s/%s", folder, file_name), arena, &content, err));
    if (!content.data)
        return RIACHO_OK;
    riacho_identity identity = {0};
    parse_line(content, &identity);
    put_line(&expected, &identity);
    put_crc(&expected);
    if (!riacho_bytes_equal(content, riacho_buffer_bytes(&expected)))
        return riacho_fail(err, RIACHO_REJECT, "%s/%s is damaged", folder, file_name);
    *ret_identity = identity;
    return RIACHO_OK;
}

riacho_status riacho_identity_write(const char *folder, const riacho_identity *identity,
                                    riacho_error *err)
{
    RIACHO_AUTO(buffer) riacho_buffer line = {0};
    put_line(&line, identity);
    put_crc(&line);
    return riacho_files_replace(folder, file_name, riacho_buffer_bytes(&line), err);
}
