/* SPDX-License-Identifier: MIT
 *
 * number.h - numbers as JSON writes them, exactly: what is printed reads back as the same bits.
 * Locale plays no part. Pure; any thread.
 */
#pragma once

#include "riacho/types.h"

enum { RIACHO_NUMBER_TEXT_MAX = 32 };

/* Write a finite number without a terminating NUL and return the size. */
size_t riacho_number_print_long(int64_t value, char ret_text[RIACHO_NUMBER_TEXT_MAX]);
size_t riacho_number_print_double(double value, char ret_text[RIACHO_NUMBER_TEXT_MAX]);
size_t riacho_number_print_float(float value, char ret_text[RIACHO_NUMBER_TEXT_MAX]);

/* The text is a JSON number. Rounded to nearest; infinite when it is too large. */
double riacho_number_parse_double(riacho_bytes text);
float riacho_number_parse_float(riacho_bytes text);
/* The text is a JSON number. False when it has a fraction or an exponent, or does not fit. */
bool riacho_number_parse_long(riacho_bytes text, int64_t *ret_value);
