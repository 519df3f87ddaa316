/* SPDX-License-Identifier: MIT
 *
 * proof.c - see proof.h.
 */
#include "proof.h"

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <stdio.h>
#include <string.h>

#include "base/macros.h"
#include "base/text.h"

enum { DIGEST_BYTES = 32, SECONDS_DIGITS_MAX = 12 };

/* "front.tag", the tag over purpose, front and body. */
static void print(const riacho_secret *secret, const char *purpose, riacho_bytes front,
                  riacho_bytes body, char ret_tag[2 * RIACHO_TAG_BYTES + 1])
{
    uint8_t text[RIACHO_PROOF_TEXT_BYTES + DIGEST_BYTES] = {0};
    uint8_t tag[RIACHO_TAG_BYTES];
    memcpy(text, front.data,
           front.size < RIACHO_PROOF_TEXT_BYTES ? front.size : RIACHO_PROOF_TEXT_BYTES);
    if (gnutls_hash_fast(GNUTLS_DIG_SHA256, body.data, body.size, text + RIACHO_PROOF_TEXT_BYTES))
        abort(); /* Without the hash nothing can be told apart. */
    riacho_secret_tag(secret, purpose, (riacho_bytes){text, sizeof text}, tag);
    for (size_t i = 0; i < sizeof tag; i++)
        snprintf(ret_tag + 2 * i, 3, "%02x", tag[i]);
}

static bool is_same(const char *tag, riacho_bytes said)
{
    const size_t size = strlen(tag);
    return said.size == size && gnutls_memcmp(tag, said.data, size) == 0;
}

void riacho_proof_question(const riacho_secret *secret, int64_t now_s, riacho_bytes question,
                           char ret_text[RIACHO_PROOF_TEXT_BYTES])
{
    char tag[2 * RIACHO_TAG_BYTES + 1];
    const int size = snprintf(ret_text, SECONDS_DIGITS_MAX + 1, "%lld", (long long)now_s);
    print(secret, "question", (riacho_bytes){ret_text, (size_t)size}, question, tag);
    snprintf(ret_text + size, RIACHO_PROOF_TEXT_BYTES - (size_t)size, ".%s", tag);
}

riacho_status riacho_proof_check(const riacho_secret *secret, int64_t now_s, riacho_bytes question,
                                 riacho_bytes text, riacho_error *err)
{
    char tag[2 * RIACHO_TAG_BYTES + 1];
    int64_t asked_s;
    const char *dot = text.data ? memchr(text.data, '.', text.size) : NULL;
    if (!dot)
        return riacho_fail(err, RIACHO_REJECT, "only workers of the group may ask here");
    const riacho_bytes front = {text.data, (size_t)(dot - (const char *)text.data)};
    const riacho_bytes said = {dot + 1, text.size - front.size - 1};
    print(secret, "question", front, question, tag);
    if (front.size > SECONDS_DIGITS_MAX || !is_same(tag, said) ||
        riacho_int_parse(front, 0, INT64_MAX, &asked_s, NULL) != RIACHO_OK)
        return riacho_fail(err, RIACHO_REJECT, "the one who asks has another secret");
    if (asked_s < now_s - RIACHO_PROOF_SECONDS || asked_s > now_s + RIACHO_PROOF_SECONDS)
        return riacho_fail(err, RIACHO_REJECT,
                           "the clocks of the two machines are more than %d s apart",
                           RIACHO_PROOF_SECONDS);
    return RIACHO_OK;
}

void riacho_proof_answer(const riacho_secret *secret, riacho_bytes text, riacho_bytes answer,
                         char ret_text[RIACHO_PROOF_TEXT_BYTES])
{
    print(secret, "answer", text, answer, ret_text);
}

bool riacho_proof_answers(const riacho_secret *secret, riacho_bytes text, riacho_bytes answer,
                          riacho_bytes said)
{
    char tag[RIACHO_PROOF_TEXT_BYTES];
    riacho_proof_answer(secret, text, answer, tag);
    return said.data && is_same(tag, said);
}
