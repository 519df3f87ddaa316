/* SPDX-License-Identifier: MIT
 *
 * shortest.c - see shortest.h. The method is Raffaello Giulietti's Schubfach.
 *
 * A number c x 2^q is what all reals between the middles to its neighbours are rounded to. Let k be
 * the largest for which this interval is at least 10^k wide: then it holds one or two multiples of
 * 10^k, or even one of 10^(k+1), and the answer is one of them. The interval's ends and the number
 * are brought to units of a quarter of 10^k by one multiplication with 10^-k, of which 128 bits
 * (rounded up) suffice: what is lost is kept as a sticky last bit, which is all that the
 * comparisons need.
 *
 * The 617 powers are worked out with whole numbers of any size at first use, in about a
 * millisecond, which is less than a table of constants that nobody can check.
 */
#include "shortest.h"

#include <assert.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>

enum {
    POWER_MIN = -292,
    POWER_MAX = 324,
    LIMBS = 18, /* 10^324 has 1077 bits */
    DOUBLE_FRACTION_BITS = 52,
    DOUBLE_BIAS = 1075,
    FLOAT_FRACTION_BITS = 23,
    FLOAT_BIAS = 150,
};

/* ---- powers of ten --------------------------------------------------------------------------- */

typedef unsigned __int128 wide;

/* 2^127 <= value < 2^128: the power times a power of two, rounded up. */
typedef struct power {
    uint64_t high, low;
} power;

static power powers[POWER_MAX - POWER_MIN + 1];
static pthread_once_t powers_once = PTHREAD_ONCE_INIT;

/* A whole number, its lowest limb first. */
typedef struct whole {
    uint64_t limbs[LIMBS];
} whole;

static void times_ten(whole *number)
{
    uint64_t carry = 0;
    for (int i = 0; i < LIMBS; i++) {
        const wide product = (wide)number->limbs[i] * 10 + carry;
        number->limbs[i] = (uint64_t)product;
        carry = (uint64_t)(product >> 64);
    }
}

static void twice(whole *number)
{
    for (int i = LIMBS - 1; i > 0; i--)
        number->limbs[i] = number->limbs[i] << 1 | number->limbs[i - 1] >> 63;
    number->limbs[0] <<= 1;
}

static bool is_below(const whole *number, const whole *other)
{
    int i = LIMBS - 1;
    while (i > 0 && number->limbs[i] == other->limbs[i])
        i--;
    return number->limbs[i] < other->limbs[i];
}

static void subtract(whole *number, const whole *other)
{
    uint64_t borrow = 0;
    for (int i = 0; i < LIMBS; i++) {
        const wide difference = (wide)number->limbs[i] - other->limbs[i] - borrow;
        number->limbs[i] = (uint64_t)difference;
        borrow = (uint64_t)(difference >> 64) & 1;
    }
}

static int bit_length(const whole *number)
{
    int i = LIMBS - 1;
    while (number->limbs[i] == 0)
        i--;
    return 64 * i + 64 - __builtin_clzll(number->limbs[i]);
}

static power round_up(wide value, bool inexact)
{
    value += inexact;
    return (power){(uint64_t)(value >> 64), (uint64_t)value};
}

/* The highest 128 bits. */
static power head_of(const whole *number)
{
    const int length = bit_length(number);
    wide head = 0;
    bool inexact = false;
    for (int bit = length - 1; bit >= 0; bit--) {
        const unsigned one = number->limbs[bit / 64] >> (bit % 64) & 1;
        if (length - bit <= 128)
            head = head << 1 | one;
        else
            inexact |= one;
    }
    return round_up(length < 128 ? head << (128 - length) : head, inexact);
}

/* The highest 128 bits of 1 / number, which is no power of two. */
static power inverse_of(const whole *number)
{
    const int length = bit_length(number);
    whole rest = {{0}};
    wide quotient = 0;
    rest.limbs[(length - 1) / 64] = (uint64_t)1 << ((length - 1) % 64);
    for (int i = 0; i < 128; i++) {
        twice(&rest);
        const bool fits = !is_below(&rest, number);
        if (fits)
            subtract(&rest, number);
        quotient = quotient << 1 | fits;
    }
    return round_up(quotient, true);
}

static void make_powers(void)
{
    whole number = {{1}};
    for (int exponent = 0; exponent <= POWER_MAX; exponent++) {
        powers[exponent - POWER_MIN] = head_of(&number);
        if (exponent > 0 && -exponent >= POWER_MIN)
            powers[-exponent - POWER_MIN] = inverse_of(&number);
        times_ten(&number);
    }
}

/* ---- the shortest decimal -------------------------------------------------------------------- */

/* floor(log10(2^q)), or of 3/4 of it. */
static int log10_of_power(int q, bool near_below)
{
    return (q * 1262611 - (near_below ? 524031 : 0)) >> 22;
}

/* floor(log2(10^e)) */
static int log2_of_power(int e)
{
    return (e * 1741647) >> 19;
}

/* The highest 64 of the 192 bits of ten x factor, the last bit set when any below is. */
static uint64_t multiply(power ten, uint64_t factor)
{
    const wide low = (wide)ten.low * factor;
    const wide high = (wide)ten.high * factor + (uint64_t)(low >> 64);
    return (uint64_t)(high >> 64) | ((uint64_t)high > 1);
}

/* The number in quarters of 10^k, and the ends of what is rounded to it: both within. */
typedef struct interval {
    uint64_t from, at, to;
} interval;

static riacho_shortest pick(interval within, int k)
{
    const uint64_t whole_units = within.at / 4, tens = whole_units / 10;
    if (whole_units >= 10) {
        const bool below = within.from <= 40 * tens;
        const bool above = 40 * tens + 40 <= within.to;
        if (below != above)
            return (riacho_shortest){tens + above, k + 1};
    }
    const bool below = within.from <= 4 * whole_units;
    const bool above = 4 * whole_units + 4 <= within.to;
    if (below != above)
        return (riacho_shortest){whole_units + above, k};
    const uint64_t middle = 4 * whole_units + 2;
    const bool up = within.at > middle || (within.at == middle && (whole_units & 1));
    return (riacho_shortest){whole_units + up, k};
}

/* near_below: the neighbour below is half as far as the one above. */
static riacho_shortest shortest_of(uint64_t c, int q, bool near_below)
{
    if (q <= 0 && q > -64 && (c & (((uint64_t)1 << -q) - 1)) == 0)
        return (riacho_shortest){c >> -q, 0}; /* a whole number */
    pthread_once(&powers_once, make_powers);
    const int k = log10_of_power(q, near_below);
    const int shift = q + log2_of_power(-k) + 1;
    const power ten = powers[-k - POWER_MIN];
    const uint64_t open = c & 1; /* ties are rounded to even numbers */
    assert(shift >= 1 && shift <= 4);
    const interval within = {multiply(ten, (4 * c - 2 + near_below) << shift) + open,
                             multiply(ten, (4 * c) << shift),
                             multiply(ten, (4 * c + 2) << shift) - open};
    return pick(within, k);
}

riacho_shortest riacho_shortest_double(double magnitude)
{
    uint64_t bits;
    memcpy(&bits, &magnitude, sizeof bits);
    const uint64_t fraction = bits & (((uint64_t)1 << DOUBLE_FRACTION_BITS) - 1);
    const int exponent = (int)(bits >> DOUBLE_FRACTION_BITS);
    if (exponent == 0)
        return shortest_of(fraction, 1 - DOUBLE_BIAS, false);
    return shortest_of(fraction | (uint64_t)1 << DOUBLE_FRACTION_BITS, exponent - DOUBLE_BIAS,
                       fraction == 0 && exponent > 1);
}

riacho_shortest riacho_shortest_float(float magnitude)
{
    uint32_t bits;
    memcpy(&bits, &magnitude, sizeof bits);
    const uint32_t fraction = bits & (((uint32_t)1 << FLOAT_FRACTION_BITS) - 1);
    const int exponent = (int)(bits >> FLOAT_FRACTION_BITS);
    if (exponent == 0)
        return shortest_of(fraction, 1 - FLOAT_BIAS, false);
    return shortest_of(fraction | (uint32_t)1 << FLOAT_FRACTION_BITS, exponent - FLOAT_BIAS,
                       fraction == 0 && exponent > 1);
}
