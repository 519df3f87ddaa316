/* SPDX-License-Identifier: MIT
 *
 * bind_scalar.h - the scalar half of bind.h: each stores one value at `target` or adds an issue and
 * leaves it.
 */
#pragma once

#include "bind.h"

/* Text; a number or boolean without quotes is an issue. */
void riacho_bind_text(riacho_binder *binder, const riacho_key *key, const riacho_yaml_node *node,
                      const char **target);
/* Any scalar as it was written; nothing at all is an issue. */
void riacho_bind_expression(riacho_binder *binder, const riacho_key *key,
                            const riacho_yaml_node *node, const char **target);
void riacho_bind_word(riacho_binder *binder, const riacho_key *key, const riacho_yaml_node *node,
                      int *target);
/* By the key's type. */
void riacho_bind_scalar(riacho_binder *binder, const riacho_key *key, const riacho_yaml_node *node,
                        void *target);
/* The key's default, as if it had been written. */
void riacho_bind_default(riacho_binder *binder, const riacho_key *key, void *target);
