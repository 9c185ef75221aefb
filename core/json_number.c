/* SPDX-License-Identifier: Apache-2.0
 *
 * core/json_number.c -- decimal to binary, correctly rounded, by the cheapest of three ways:
 *   1. mantissa up to 2^53, power of ten up to 22: one exact multiplication or division (Clinger, PLDI 1990);
 *   2. up to 19 digits and a power of ten in -27..0 (what Python prints for scores and boxes): an exact integer division;
 *   3. anything else: strtod() in the C locale.
 */
#include "core/json_number.h"

#include <locale.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* 5^k, shifted left until the top bit is set; it fits 64 bits up to k = 27. */
enum { MOST_FIVES = 27, MOST_DIGITS = 19 };
static const uint64_t fives[MOST_FIVES + 1] = {
    0x8000000000000000u, 0xa000000000000000u, 0xc800000000000000u, 0xfa00000000000000u,
    0x9c40000000000000u, 0xc350000000000000u, 0xf424000000000000u, 0x9896800000000000u,
    0xbebc200000000000u, 0xee6b280000000000u, 0x9502f90000000000u, 0xba43b74000000000u,
    0xe8d4a51000000000u, 0x9184e72a00000000u, 0xb5e620f480000000u, 0xe35fa931a0000000u,
    0x8e1bc9bf04000000u, 0xb1a2bc2ec5000000u, 0xde0b6b3a76400000u, 0x8ac7230489e80000u,
    0xad78ebc5ac620000u, 0xd8d726b7177a8000u, 0x878678326eac9000u, 0xa968163f0a57b400u,
    0xd3c21bcecceda100u, 0x84595161401484a0u, 0xa56fa5b99019a5c8u, 0xcecb8f27f4200f3au
};
static const double tens[] = { 1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                               1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22 };

static int leading_zeros(uint64_t x)
{
    int n = 0;
    for (int step = 32; step; step /= 2)
        if (!(x >> (64 - step))) {
            x <<= step;
            n += step;
        }
    return n;
}

/* floor((high * 2^64) / d) for high < d and d >= 2^63, in two steps of 32 bits (Knuth, TAOCP 2, 4.3.1 D); *exact: no remainder. */
static uint64_t divide(uint64_t high, uint64_t d, bool *exact)
{
    const uint64_t base = (uint64_t)1 << 32, d1 = d >> 32, d0 = d & (base - 1);
    uint64_t digit[2], rest = high;
    for (int i = 0; i < 2; i++) {
        uint64_t q = rest / d1, r = rest % d1;
        while (q >= base || q * d0 > r * base) {
            q--;
            r += d1;
            if (r >= base)
                break;
        }
        rest = rest * base - q * d; /* modulo 2^64, as the true value is below d */
        digit[i] = q;
    }
    *exact = rest == 0;
    return digit[0] * base + digit[1];
}

/* m / 10^k for 0 < m < 2^63, rounded once: the quotient keeps 62 bits or more, and a remainder sets its last bit. */
static double divide_by_tens(uint64_t m, int k)
{
    const int shift = leading_zeros(m) - 1, five_shift = 63 - (k * 1217359 >> 19); /* log2(5) = 1217359 / 2^19 */
    bool exact;
    const uint64_t quotient = divide(m << shift, fives[k], &exact);
    const int64_t odd = (int64_t)(quotient >> 1 | (quotient & 1) | !exact);
    const uint64_t scale_bits = (uint64_t)(1023 - 63 + five_shift - k - shift) << 52;
    double scale;
    memcpy(&scale, &scale_bits, sizeof scale);
    return (double)odd * scale;
}

/* strtod() reads the decimal point of the user's language; JSON knows only '.'. */
static double by_library(const unsigned char *text)
{
    const locale_t plain = newlocale(LC_NUMERIC_MASK, "C", (locale_t)0);
    const locale_t kept = plain ? uselocale(plain) : (locale_t)0;
    const double number = strtod((const char *)text, NULL);
    if (plain) {
        uselocale(kept);
        freelocale(plain);
    }
    return number;
}

/* A number cut into its parts: mantissa * 10^power. */
typedef struct {
    const unsigned char *begin; /* behind the sign                                              */
    uint64_t mantissa;          /* of all digits, wrong if there are more than MOST_DIGITS      */
    ptrdiff_t digits;           /* from the first that is not zero                              */
    int power;
    bool negative, whole;       /* whole: neither point nor exponent                            */
} Decimal;

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
/* The value of eight digits, the first in the lowest byte, of which only the lower four bits count: pairs, then fours, then all
 * (Lemire, "Number parsing at a gigabyte per second", 2021). */
static inline uint64_t digits_value(uint64_t x)
{
    x = (x & 0x0f0f0f0f0f0f0f0fu) * 2561 >> 8;
    x = (x & 0x00ff00ff00ff00ffu) * 6553601 >> 16;
    return (x & 0x0000ffff0000ffffu) * 42949672960001u >> 32;
}

/* Eight digits at once, in one register. */
static inline bool eight_digits(const unsigned char *p, uint64_t *value)
{
    uint64_t x;
    memcpy(&x, p, sizeof x);
    if (((x & 0xf0f0f0f0f0f0f0f0u) | ((x + 0x0606060606060606u) & 0xf0f0f0f0f0f0f0f0u) >> 4) != 0x3333333333333333u)
        return false;
    *value = digits_value(x);
    return true;
}

/* The bytes that are no digits: 0x80 in each. */
static inline uint64_t no_digits(uint64_t x)
{
    const uint64_t ones = UINT64_MAX / 255, digits = x ^ ones * '0';
    return (((digits & ones * 0x7f) + ones * 0x76) | digits) & ones * 0x80;
}

/* The place of the first byte with a bit set. */
static inline unsigned first_byte(uint64_t x)
{
#if defined(__GNUC__)
    return (unsigned)__builtin_ctzll(x) / 8;
#else
    unsigned n = 0;
    for (; !(x & 255); x >>= 8)
        n++;
    return n;
#endif
}

/* Digits, perhaps a point and digits, and a comma or bracket among eight bytes: how long all are, and those before the point. */
static inline bool is_short(uint64_t x, unsigned *whole, unsigned *length)
{
    const uint64_t others = no_digits(x), behind = others & (others - 1);
    if (!others)
        return false;
    *whole = *length = first_byte(others);
    const bool point = (x >> 8 * *whole & 255) == '.';
    if (point && !behind)
        return false;
    if (point)
        *length = first_byte(behind);
    const unsigned next = (unsigned)(x >> 8 * *length & 255);
    return *whole > 0 && *length != *whole + 1 && (next == ',' || next == ']') && (*whole == 1 || (x & 255) != '0');
}

/* The digits move to the upper end, without the point. As in Python -0 is 0, and -0.0 is not. */
static inline double short_value(uint64_t x, unsigned whole, unsigned length, bool negative)
{
    if (whole == length) {
        const int64_t integer = (int64_t)digits_value(x << 8 * (8 - length));
        return (double)(negative ? -integer : integer);
    }
    const uint64_t before = ((uint64_t)1 << 8 * whole) - 1, digits = (x & before) | (x >> 8 & ~before);
    const double magnitude = (double)(int64_t)digits_value(digits << 8 * (9 - length)) / tens[length - 1 - whole];
    return negative ? -magnitude : magnitude;
}

const unsigned char *df_json_short_number(const unsigned char *p, double *value)
{
    const bool negative = *p == '-';
    uint64_t x;
    unsigned whole, length;
    p += negative;
    memcpy(&x, p, sizeof x);
    if (!is_short(x, &whole, &length))
        return NULL;
    *value = short_value(x, whole, length, negative);
    return p + length;
}

const unsigned char *df_json_skip_short_number(const unsigned char *p)
{
    uint64_t x;
    unsigned whole, length;
    p += *p == '-';
    memcpy(&x, p, sizeof x);
    return is_short(x, &whole, &length) ? p + length : NULL;
}
#else
static inline bool eight_digits(const unsigned char *p, uint64_t *value)
{
    (void)p;
    (void)value;
    return false;
}

const unsigned char *df_json_short_number(const unsigned char *p, double *value)
{
    (void)p;
    (void)value;
    return NULL;
}

const unsigned char *df_json_skip_short_number(const unsigned char *p)
{
    (void)p;
    return NULL;
}
#endif

static inline const unsigned char *read_digits(const unsigned char *p, uint64_t *mantissa)
{
    uint64_t m = *mantissa;
    for (unsigned digit; (digit = *p - (unsigned)'0') < 10; p++)
        m = m * 10 + digit;
    *mantissa = m;
    return p;
}

/* The digits behind the point are many where Python wrote them; those before it are few. */
static inline const unsigned char *read_fraction(const unsigned char *p, uint64_t *mantissa)
{
    for (uint64_t eight; eight_digits(p, &eight); p += 8)
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

/* How many digits count, when there are many: leading zeros do not. */
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
        if (m <= (uint64_t)1 << 53 && d->power >= -22 && d->power <= 22)
            return d->power < 0 ? (double)(int64_t)m / tens[-d->power] : (double)(int64_t)m * tens[d->power];
        if (m >> 63 == 0 && m > 0 && d->power <= 0 && d->power >= -MOST_FIVES)
            return divide_by_tens(m, -d->power);
    }
    return by_library(d->begin);
}

static void as_integer(const Decimal *d, DfJsonValue *value)
{
    static const double two63 = 9223372036854775808.0;
    if (!d->whole) { /* 1.0 and 1e3 count too */
        value->is_integer = value->number >= -two63 && value->number < two63 && (double)(int64_t)value->number == value->number;
        value->integer = value->is_integer ? (int64_t)value->number : 0;
        return;
    }
    const uint64_t limit = (uint64_t)INT64_MAX + d->negative;
    value->is_integer = d->digits <= MOST_DIGITS && d->mantissa <= limit;
    if (!value->is_integer)
        return;
    value->integer = d->negative ? -(int64_t)(d->mantissa - 1) - 1 : (int64_t)d->mantissa;
    value->number = (double)value->integer; /* -0 is 0 */
}

bool df_json_number(const unsigned char **p, DfJsonValue *value)
{
    Decimal decimal;
    if (!read_decimal(p, &decimal))
        return false;
    if (value) {
        value->number = decimal.negative ? -magnitude(&decimal) : magnitude(&decimal);
        as_integer(&decimal, value);
    }
    return true;
}
