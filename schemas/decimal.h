/* SPDX-License-Identifier: MIT
 *
 * decimal.h - decimals: big-endian two's complement bytes of at most 38 digits, and their text.
 * Pure; any thread.
 */
#pragma once

#include "riacho/type.h"

__extension__ typedef __int128 riacho_int128;

enum { RIACHO_DECIMAL_TEXT_MAX = 48 };

/* False for no bytes, and for a number of more digits than the type has. */
bool riacho_decimal_read(const riacho_type *type, riacho_bytes bytes, riacho_int128 *ret_number);
/* Writes the number as big-endian two's complement: the fewest bytes, or exactly `size` of them
 * when size is not 0. Returns how many; `ret_bytes` has room for 16 or for size. */
size_t riacho_decimal_write(riacho_int128 number, size_t size, uint8_t *ret_bytes);

/* Writes "-12.50"; returns its size. */
size_t riacho_decimal_print(const riacho_type *type, riacho_int128 number,
                            char ret_text[RIACHO_DECIMAL_TEXT_MAX]);
/* Reads what print writes; fewer digits behind the point are as good as zeros. False when it is no
 * such number or has too many digits, before or behind the point. */
bool riacho_decimal_parse(const riacho_type *type, riacho_bytes text, riacho_int128 *ret_number);
