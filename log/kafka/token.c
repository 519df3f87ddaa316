/* SPDX-License-Identifier: MIT
 *
 * token.c - who a worker is in its group, taken fresh; and the notes beside positions. See
 * shared.h.
 */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "log/kafka/shared.h"

/* ---- tokens ---------------------------------------------------------------------------------- */

#if RD_KAFKA_VERSION >= 0x02080000
static void read_metadata(struct riacho_kafka_token *token)
{
    const char *id = rd_kafka_consumer_group_metadata_member_id(token->metadata);
    token->token.generation = rd_kafka_consumer_group_metadata_generation_id(token->metadata);
    token->token.member_id = riacho_memory_text(id ? id : "");
}
#else
/* "CGMDv2:", the generation as it is in memory, then group and member as terminated texts. */
static void read_metadata(struct riacho_kafka_token *token)
{
    static const char mark[] = "CGMDv2:";
    void *bytes = NULL;
    size_t size = 0;
    token->token.generation = -1;
    rd_kafka_error_t *error =
        rd_kafka_consumer_group_metadata_write(token->metadata, &bytes, &size);
    const size_t at = strlen(mark) + sizeof token->token.generation;
    const char *id = "";
    if (!error && size > at && !memcmp(bytes, mark, strlen(mark))) {
        const char *text = bytes;
        const char *group_end = memchr(text + at, 0, size - at);
        memcpy(&token->token.generation, text + strlen(mark), sizeof token->token.generation);
        if (group_end && memchr(group_end + 1, 0, size - (size_t)(group_end + 1 - text)))
            id = group_end + 1;
    }
    token->token.member_id = riacho_memory_text(id);
    if (error)
        rd_kafka_error_destroy(error);
    rd_kafka_mem_free(NULL, bytes);
}
#endif

riacho_member_token *riacho_kafka_token_new(struct riacho_kafka_handle *member)
{
    struct riacho_kafka_token *token = riacho_memory_get_zero(1, sizeof *token);
    token->member = riacho_kafka_handle_ref(member);
    token->metadata = rd_kafka_consumer_group_metadata(member->rk);
    if (token->metadata)
        read_metadata(token);
    else
        token->token = (riacho_member_token){-1, riacho_memory_text("")};
    return &token->token;
}

void riacho_kafka_token_free(riacho_member_token *base)
{
    if (!base)
        return;
    struct riacho_kafka_token *token = (struct riacho_kafka_token *)base;
    free((char *)(uintptr_t)token->token.member_id);
    if (token->metadata)
        rd_kafka_consumer_group_metadata_destroy(token->metadata);
    riacho_kafka_handle_unref(token->member);
    free(token);
}

/* Without a generation the brokers would take positions from anybody: they think it is a client
 * that is older than generations in transactions. */
riacho_verdict riacho_kafka_token_check(const riacho_member_token *token, riacho_error *err)
{
    const struct riacho_kafka_token *own = (const struct riacho_kafka_token *)token;
    if (token->generation >= 0 && token->member_id[0] && own->metadata)
        return RIACHO_VERDICT_OK;
    riacho_fail(err, RIACHO_ABORT, "positions: this worker is no member of its group now");
    return RIACHO_VERDICT_ABORT;
}

/* ---- notes ----------------------------------------------------------------------------------- */

static const char note_mark[] = "riacho:";
static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void riacho_kafka_note_write(riacho_bytes note, rd_kafka_topic_partition_t *at)
{
    if (!note.data)
        return;
    const uint8_t *bytes = note.data;
    const size_t mark = strlen(note_mark);
    char *text = riacho_memory_get(mark + (note.size + 2) / 3 * 4 + 1);
    memcpy(text, note_mark, mark);
    char *next = text + mark;
    for (size_t i = 0; i < note.size; i += 3) {
        const size_t left = note.size - i;
        const uint32_t three = (uint32_t)bytes[i] << 16 |
                               (left > 1 ? (uint32_t)bytes[i + 1] << 8 : 0) |
                               (left > 2 ? bytes[i + 2] : 0);
        *next++ = digits[three >> 18];
        *next++ = digits[three >> 12 & 63];
        *next++ = left > 1 ? digits[three >> 6 & 63] : '=';
        *next++ = left > 2 ? digits[three & 63] : '=';
    }
    *next = 0;
    /* The list frees it. */
    at->metadata = text;
    at->metadata_size = (size_t)(next - text);
}

/* -1: no digit. */
static int digit_of(char letter)
{
    const char *at = letter ? strchr(digits, letter) : NULL;
    return at ? (int)(at - digits) : -1;
}

riacho_bytes riacho_kafka_note_read(const rd_kafka_topic_partition_t *at, riacho_arena *arena)
{
    const size_t mark = strlen(note_mark);
    const char *text = at->metadata;
    if (!text || at->metadata_size < mark || memcmp(text, note_mark, mark) != 0)
        return (riacho_bytes){0};
    uint8_t *bytes = riacho_alloc(arena, at->metadata_size);
    size_t size = 0;
    uint32_t held = 0;
    int bits = 0;
    for (size_t i = mark; i < at->metadata_size && text[i] != '='; i++) {
        const int digit = digit_of(text[i]);
        if (digit < 0)
            return (riacho_bytes){0};
        held = held << 6 | (uint32_t)digit;
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            bytes[size++] = (uint8_t)(held >> bits);
        }
    }
    return (riacho_bytes){bytes, size};
}
