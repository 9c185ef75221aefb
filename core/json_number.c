/* SPDX-License-Identifier: Apache-2.0
 *
 * core/json_number.c -- converts decimal numbers to binary, correctly rounded, by the cheapest of three methods:
 *   1. mantissa up to 2^53, power of ten up to 22: one exact multiplication or division (Clinger, PLDI 1990). Short
 *      numbers are converted like this at once, without being split into parts (json_number.h);
 *   2. up to 19 digits and a power of ten in -27..0, as Python prints scores and boxes: a 128-bit product;
 *   3. anything else: df_strtod().
 */
#include "core/json_number.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/bits.h"
#include "core/json_digits.h"
#include "core/plain.h"

enum {
    MOST_FIVES = 27,  /* 5^27 is the largest power of five below 2^64                 */
    MOST_DIGITS = 19  /* so many digits always fit into 64 bits                       */
};

typedef struct {
    uint64_t high, low;
} Wide;

/* 1 / 5^k as 128 bits with the top one set, rounded up. */
static const Wide fifths[MOST_FIVES + 1] = {
    { 0x8000000000000000u, 0x0000000000000000u }, { 0xccccccccccccccccu, 0xcccccccccccccccdu },
    { 0xa3d70a3d70a3d70au, 0x3d70a3d70a3d70a4u }, { 0x83126e978d4fdf3bu, 0x645a1cac083126eau },
    { 0xd1b71758e219652bu, 0xd3c36113404ea4a9u }, { 0xa7c5ac471b478423u, 0x0fcf80dc33721d54u },
    { 0x8637bd05af6c69b5u, 0xa63f9a49c2c1b110u }, { 0xd6bf94d5e57a42bcu, 0x3d32907604691b4du },
    { 0xabcc77118461cefcu, 0xfdc20d2b36ba7c3eu }, { 0x89705f4136b4a597u, 0x31680a88f8953031u },
    { 0xdbe6fecebdedd5beu, 0xb573440e5a884d1cu }, { 0xafebff0bcb24aafeu, 0xf78f69a51539d749u },
    { 0x8cbccc096f5088cbu, 0xf93f87b7442e45d4u }, { 0xe12e13424bb40e13u, 0x2865a5f206b06fbau },
    { 0xb424dc35095cd80fu, 0x538484c19ef38c95u }, { 0x901d7cf73ab0acd9u, 0x0f9d37014bf60a11u },
    { 0xe69594bec44de15bu, 0x4c2ebe687989a9b4u }, { 0xb877aa3236a4b449u, 0x09befeb9fad487c3u },
    { 0x9392ee8e921d5d07u, 0x3aff322e62439fd0u }, { 0xec1e4a7db69561a5u, 0x2b31e9e3d06c32e6u },
    { 0xbce5086492111aeau, 0x88f4bb1ca6bcf585u }, { 0x971da05074da7beeu, 0xd3f6fc16ebca5e04u },
    { 0xf1c90080baf72cb1u, 0x5324c68b12dd6339u }, { 0xc16d9a0095928a27u, 0x75b7053c0f178294u },
    { 0x9abe14cd44753b52u, 0xc4926a9672793543u }, { 0xf79687aed3eec551u, 0x3a83ddbd83f52205u },
    { 0xc612062576589ddau, 0x95364afe032a819eu }, { 0x9e74d1b791e07e48u, 0x775ea264cf55347eu }
};

const double df_json_tens[23] = { 1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                  1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22 };

/* All 128 bits of a * b, from four products of 32-bit halves. */
static inline Wide multiply(uint64_t a, uint64_t b)
{
    const uint64_t half = UINT32_MAX;
    const uint64_t low = (a & half) * (b & half);
    const uint64_t middle = (a >> 32) * (b & half) + (low >> 32);
    const uint64_t other = (a & half) * (b >> 32) + (middle & half);
    const uint64_t high = (a >> 32) * (b >> 32) + (middle >> 32) + (other >> 32);
    return (Wide){ high, other << 32 | (low & half) };
}

/* m / 10^k for m > 0, rounded once, after Eisel and Lemire ("Number parsing at a gigabyte per second", 2021, section
 * 5).
 *
 * 1 / 10^k = 1 / 5^k * 2^-k, and the power of two only changes the exponent. So the mantissa is the upper part of
 * m * (1 / 5^k), both shifted so that their top bit is set. Multiplying by the upper half of 1 / 5^k alone gives
 * 64 bits that are right or one too low. 53 bits are the result and one decides how it is rounded, so an error in
 * the last bit matters only if the nine bits below them are all ones: only then the lower half of 1 / 5^k is
 * multiplied too. */
static double divide_by_tens(uint64_t m, int k)
{
    const unsigned shift = df_bits_above(m);
    Wide product = multiply(m << shift, fifths[k].high);
    if ((product.high & 0x1ff) == 0x1ff) {
        const uint64_t carried = multiply(m << shift, fifths[k].low).high;
        product.low += carried;
        product.high += product.low < carried;
    }
    const unsigned top = (unsigned)(product.high >> 63); /* of a product of two numbers with the top bit set: 0 or 1 */
    const unsigned cut = top + 9;
    uint64_t bits = product.high >> cut; /* 54, the last one to be rounded away */
    /* Exactly half way between two doubles, so the even one is taken: m is then 5^k times a number of 54 bits,
     * which fits up to 5^4. */
    if (product.low <= 1 && k <= 4 && (bits & 3) == 1 && bits << cut == product.high)
        bits--;
    bits = (bits + (bits & 1)) >> 1;
    const int log2_of_fives = (k * 152170 + 65535) / 65536; /* of 5^k, rounded up: log2(5) = 152170 / 2^16 */
    const int exponent = 11 - k - log2_of_fives + (int)top - (int)shift; /* of the last bit */
    const uint64_t scale_bits = (uint64_t)(1023 + exponent) << 52;
    double scale;
    memcpy(&scale, &scale_bits, sizeof scale);
    return (double)(int64_t)bits * scale;
}

/* A number cut into its parts: mantissa * 10^power. */
typedef struct {
    const unsigned char *begin; /* behind the sign                                              */
    uint64_t mantissa;          /* of all digits, wrong if there are more than MOST_DIGITS      */
    ptrdiff_t digits;           /* from the first that is not zero                              */
    int power;
    bool negative, whole;       /* whole: neither point nor exponent                            */
} Decimal;

static inline const unsigned char *read_digits(const unsigned char *p, uint64_t *mantissa)
{
    uint64_t m = *mantissa;
    for (unsigned digit; (digit = *p - (unsigned)'0') < 10; p++)
        m = m * 10 + digit;
    *mantissa = m;
    return p;
}

/* The digits behind the point, eight at a time: there are many where Python wrote the number. */
static inline const unsigned char *read_fraction(const unsigned char *p, uint64_t *mantissa)
{
    for (uint64_t eight; df_eight_digits(p, &eight); p += 8)
        *mantissa = *mantissa * 100000000 + eight;
    return read_digits(p, mantissa);
}

static bool read_exponent(const unsigned char **at, Decimal *d)
{
    const unsigned char *p = *at + 1;
    const bool negative = *p == '-';
    if (*p == '-' || *p == '+')
        p++;
    const unsigned char *const begin = p;
    int exponent = 0;
    for (; *p >= '0' && *p <= '9'; p++)
        exponent = exponent < 100000 ? exponent * 10 + (*p - '0') : exponent;
    d->power += negative ? -exponent : exponent;
    d->whole = false;
    *at = p;
    return p > begin;
}

/* The number of digits from the first that is not zero. */
static ptrdiff_t significant(const unsigned char *begin, const unsigned char *end)
{
    bool point = false;
    while (begin < end && (*begin == '0' || *begin == '.')) {
        point |= *begin == '.';
        begin++;
    }
    const bool point_inside = !point && memchr(begin, '.', (size_t)(end - begin));
    return end - begin - point_inside;
}

static bool read_decimal(const unsigned char **at, Decimal *d)
{
    const unsigned char *p = *at;
    *d = (Decimal){ .negative = *p == '-', .whole = true };
    p += d->negative;
    d->begin = p;
    p = read_digits(p, &d->mantissa);
    d->digits = p - d->begin;
    *at = p;
    if (d->digits == 0)
        return false;
    if (d->begin[0] == '0' && d->digits > 1) { /* 012 is no JSON number */
        *at = d->begin + 1;
        return false;
    }
    if (*p == '.') {
        const unsigned char *const fraction = p + 1;
        *at = p = read_fraction(fraction, &d->mantissa);
        if (p == fraction)
            return false;
        d->whole = false;
        d->digits += p - fraction;
        d->power = (int)(fraction - p > -100000 ? fraction - p : -100000);
    }
    if (d->digits > MOST_DIGITS)
        d->digits = significant(d->begin, p);
    return (*p | 0x20) != 'e' || read_exponent(at, d);
}

static double magnitude(const Decimal *d)
{
    const uint64_t m = d->mantissa;
    if (d->digits <= MOST_DIGITS) {
        /* Clinger's fast path: both are exact doubles, so that their product or quotient is rounded only once. */
        if (m <= (uint64_t)1 << 53 && d->power >= 0 && d->power <= 22)
            return (double)(int64_t)m * df_json_tens[d->power];
        if (m <= (uint64_t)1 << 53 && d->power < 0 && d->power >= -22)
            return (double)(int64_t)m / df_json_tens[-d->power];
        if (m > 0 && d->power <= 0 && d->power >= -MOST_FIVES)
            return divide_by_tens(m, -d->power);
    }
    return df_strtod((const char *)d->begin, NULL);
}

static void as_integer(const Decimal *d, DfJsonValue *value)
{
    static const double two63 = 9223372036854775808.0;
    if (!d->whole) { /* 1.0 and 1e3 count too */
        const bool fits = value->number >= -two63 && value->number < two63;
        value->is_integer = fits && (double)(int64_t)value->number == value->number;
        value->integer = value->is_integer ? (int64_t)value->number : 0;
        return;
    }
    const uint64_t limit = (uint64_t)INT64_MAX + d->negative;
    value->is_integer = d->digits <= MOST_DIGITS && d->mantissa <= limit;
    if (!value->is_integer)
        return;
    /* -2^63 is an int64_t and 2^63 is not, hence this way to negate. */
    value->integer = d->negative ? -(int64_t)(d->mantissa - 1) - 1 : (int64_t)d->mantissa;
    value->number = (double)value->integer; /* -0 is 0 */
}

bool df_json_number(const unsigned char **p, DfJsonValue *value)
{
    const unsigned char *const begin = *p;
    Decimal decimal;
    if (df_json_short_number(p, value))
        return true;
    if (!read_decimal(p, &decimal))
        return false;
    if (value) {
        value->number = decimal.negative ? -magnitude(&decimal) : magnitude(&decimal);
        as_integer(&decimal, value);
        value->length = decimal.whole && !value->is_integer ? (size_t)(*p - begin) : 0;
    }
    return true;
}
