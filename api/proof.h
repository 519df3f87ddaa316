/* SPDX-License-Identifier: MIT
 *
 * proof.h - how workers of a group show each other that they know its secret: each question has the
 * time and a tag over both, each answer a tag over itself and the question's. What was overheard
 * can be asked again for a minute, which gives nothing that the answer did not give; it cannot be
 * changed, and nobody else's answer is taken.
 *
 * Threads: pure functions.
 */
#pragma once

#include "secret.h"

enum { RIACHO_PROOF_TEXT_BYTES = 64, RIACHO_PROOF_SECONDS = 60 };

/* "seconds.tag" of a question asked at now_s. */
void riacho_proof_question(const riacho_secret *secret, int64_t now_s, riacho_bytes question,
                           char ret_text[RIACHO_PROOF_TEXT_BYTES]);
/* RIACHO_REJECT: not made with this secret, or not within the last minute. */
RIACHO_CHECKED riacho_status riacho_proof_check(const riacho_secret *secret, int64_t now_s,
                                                riacho_bytes question, riacho_bytes text,
                                                riacho_error *err);
/* Of the answer to the question that had `text`. */
void riacho_proof_answer(const riacho_secret *secret, riacho_bytes text, riacho_bytes answer,
                         char ret_text[RIACHO_PROOF_TEXT_BYTES]);
bool riacho_proof_answers(const riacho_secret *secret, riacho_bytes text, riacho_bytes answer,
                          riacho_bytes said);
