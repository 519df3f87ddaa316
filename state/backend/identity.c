/* SPDX-License-Identifier: MIT
 *
 * identity.c - see identity.h. The file is one line of text and its CRC-32C:
 *
 *   riacho-store <layout> <id> <number> <crc of what stands before it>
 *
 * Whatever a later layout writes into the line, it begins and ends so.
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
static const char head[] = "riacho-store ";
enum { CRC_BYTES = 9 }; /* with the end of the line */

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
    riacho_buffer_printf(line, "%s%d %s %" PRIu64 " ", head, RIACHO_IDENTITY_LAYOUT, identity->id,
                         identity->number);
}

static void put_crc(riacho_buffer *line)
{
    riacho_buffer_printf(line, "%08x\n", riacho_crc32c(riacho_buffer_bytes(line)));
}

/* Reads the digits at `*at` and goes behind them. */
static uint64_t take_number(riacho_bytes content, size_t *at)
{
    const char *text = content.data;
    uint64_t number = 0;
    for (; *at < content.size && text[*at] >= '0' && text[*at] <= '9'; ++*at)
        number = number * 10 + (uint64_t)(text[*at] - '0');
    return number;
}

/* Whether it is a line of any layout, whole. */
static bool is_whole(riacho_bytes content)
{
    RIACHO_AUTO(buffer) riacho_buffer line = {0};
    if (content.size < sizeof head - 1 + CRC_BYTES || memcmp(content.data, head, sizeof head - 1))
        return false;
    riacho_buffer_append(&line, content.data, content.size - CRC_BYTES);
    put_crc(&line);
    return riacho_bytes_equal(content, riacho_buffer_bytes(&line));
}

/* Reads what put_line wrote behind the layout. */
static void parse_line(riacho_bytes content, size_t at, riacho_identity *identity)
{
    const size_t number_at = at + RIACHO_IDENTITY_ID_BYTES + 1;
    if (content.size <= number_at)
        return;
    memcpy(identity->id, (const char *)content.data + at, RIACHO_IDENTITY_ID_BYTES);
    at = number_at;
    identity->number = take_number(content, &at);
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
    size_t at = sizeof head - 1;
    const uint64_t layout = is_whole(content) ? take_number(content, &at) : RIACHO_IDENTITY_LAYOUT;
    if (layout != RIACHO_IDENTITY_LAYOUT)
        return riacho_fail(err, RIACHO_REJECT,
                           "%.200s was written by another version of riacho (layout %" PRIu64
                           ", this one has %d) and is rebuilt from the log",
                           folder, layout, RIACHO_IDENTITY_LAYOUT);
    riacho_identity identity = {0};
    parse_line(content, at + 1, &identity);
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
