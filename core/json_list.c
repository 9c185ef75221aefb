/* SPDX-License-Identifier: Apache-2.0
 *
 * core/json_list.c -- parses lists of numbers, 64 bytes at a time.
 *
 * For each kind of byte there is a word of 64 bits, with a bit set where a byte of the block is of this kind. The
 * grammar is checked by shifts and masks of these words, for all numbers of a block at once (Langdale and Lemire,
 * "Parsing gigabytes of JSON per second", VLDB Journal 2019). A shift to the left by one moves from a byte to the next
 * one. Constructs that JSON allows but lists rarely contain (exponents, a space before a comma) end a block, as the
 * end of the text does; df_json_next() continues there.
 */
#include "core/json_list.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#elif defined(__aarch64__) && !defined(__ARM_BIG_ENDIAN)
#include <arm_neon.h>
#endif

#include "core/bits.h"
#include "core/json_number.h"

/* Which bytes are what. */
typedef struct {
    uint64_t digit, zero, point, minus, comma, line, blank;
} Kinds;

#if defined(__SSE2__)
static inline uint64_t equal(__m128i bytes, char c)
{
    return (uint64_t)(unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, _mm_set1_epi8(c)));
}

static inline void add_kinds(Kinds *k, const unsigned char *p, int at)
{
    const __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)(p + at));
    const __m128i value = _mm_sub_epi8(bytes, _mm_set1_epi8('0'));
    const __m128i digit = _mm_cmpeq_epi8(_mm_min_epu8(value, _mm_set1_epi8(9)), value); /* value <= 9, unsigned */
    const uint64_t line = equal(bytes, '\n');
    k->digit |= (uint64_t)(unsigned)_mm_movemask_epi8(digit) << at;
    k->zero |= equal(bytes, '0') << at;
    k->point |= equal(bytes, '.') << at;
    k->minus |= equal(bytes, '-') << at;
    k->comma |= equal(bytes, ',') << at;
    k->line |= line << at;
    k->blank |= (equal(bytes, ' ') | line) << at;
}

static inline Kinds kinds_of(const unsigned char *p)
{
    Kinds k = { 0 };
    add_kinds(&k, p, 0);
    add_kinds(&k, p, 16);
    add_kinds(&k, p, 32);
    add_kinds(&k, p, 48);
    return k;
}
#elif defined(__aarch64__) && !defined(__ARM_BIG_ENDIAN)
typedef struct {
    uint8x16_t part[4];
} Bytes;

/* The lowest bits of bytes that are 0 or 255: each keeps the bit of its place among eight, and three additions of
 * neighbours join them. */
static inline uint64_t word_of(Bytes on)
{
    const uint8x16_t place = vreinterpretq_u8_u64(vdupq_n_u64(0x8040201008040201u));
    for (int i = 0; i < 4; i++)
        on.part[i] = vandq_u8(on.part[i], place);
    const uint8x16_t left = vpaddq_u8(on.part[0], on.part[1]);
    const uint8x16_t right = vpaddq_u8(on.part[2], on.part[3]);
    const uint8x16_t both = vpaddq_u8(left, right);
    return vgetq_lane_u64(vreinterpretq_u64_u8(vpaddq_u8(both, both)), 0);
}

static inline uint64_t equal(Bytes bytes, char c)
{
    for (int i = 0; i < 4; i++)
        bytes.part[i] = vceqq_u8(bytes.part[i], vdupq_n_u8((uint8_t)c));
    return word_of(bytes);
}

static inline uint64_t digits(Bytes bytes)
{
    for (int i = 0; i < 4; i++)
        bytes.part[i] = vcltq_u8(vsubq_u8(bytes.part[i], vdupq_n_u8('0')), vdupq_n_u8(10));
    return word_of(bytes);
}

static inline Kinds kinds_of(const unsigned char *p)
{
    const Bytes bytes = { { vld1q_u8(p), vld1q_u8(p + 16), vld1q_u8(p + 32), vld1q_u8(p + 48) } };
    const uint64_t line = equal(bytes, '\n');
    return (Kinds){
        .digit = digits(bytes),
        .zero = equal(bytes, '0'),
        .point = equal(bytes, '.'),
        .minus = equal(bytes, '-'),
        .comma = equal(bytes, ','),
        .line = line,
        .blank = equal(bytes, ' ') | line,
    };
}
#else
static inline Kinds kinds_of(const unsigned char *p)
{
    Kinds k = { 0 };
    for (int i = 0; i < DF_JSON_LIST_BLOCK; i++) {
        k.digit |= (uint64_t)(p[i] >= '0' && p[i] <= '9') << i;
        k.zero |= (uint64_t)(p[i] == '0') << i;
        k.point |= (uint64_t)(p[i] == '.') << i;
        k.minus |= (uint64_t)(p[i] == '-') << i;
        k.comma |= (uint64_t)(p[i] == ',') << i;
        k.line |= (uint64_t)(p[i] == '\n') << i;
        k.blank |= (uint64_t)(p[i] == ' ' || p[i] == '\n') << i;
    }
    return k;
}
#endif

/* The bits below a bit. */
static inline uint64_t below(unsigned bit)
{
    return bit < 64 ? ((uint64_t)1 << bit) - 1 : UINT64_MAX;
}

/* Where the block ends: at the bracket that closes the list if it comes before anything else, else at the last
 * comma. */
static inline unsigned end_of(const Kinds *k, const unsigned char *p)
{
    const uint64_t others = ~(k->digit | k->point | k->minus | k->comma | k->blank);
    const unsigned other = others ? df_bits_below(others) : 64;
    if (other < 64 && p[other] == ']')
        return other;
    return 63 - df_bits_above((k->comma & below(other)) | 1);
}

bool df_json_list(DfJsonList *list, const unsigned char *comma)
{
    const Kinds k = kinds_of(comma);
    const unsigned end = end_of(&k, comma);
    const uint64_t inside = below(end);
    const uint64_t digit = k.digit;
    const uint64_t separated = (k.comma | k.blank) << 1; /* behind a comma or a blank */
    const uint64_t fraction = k.point << 1;              /* behind a point            */
    const uint64_t behind_fraction = (fraction + digit) & ~digit; /* 1 added to its first digit carries past its last */
    const uint64_t leading_zero = k.zero & ~((digit | k.point) << 1);
    *list = (DfJsonList){
        .begins = (digit | k.minus) & separated & inside,
        .ends = (k.comma & inside & ~(uint64_t)1) | (uint64_t)1 << end,
        .points = k.point & inside,
        .lines = k.line & inside,
        .length = end,
    };
    const uint64_t wrong_end = list->ends & ~(digit << 1); /* a number ends in a digit */
    const uint64_t wrong =
        (separated & ~(k.blank | digit | k.minus)) | /* a comma is followed by blanks or a number */
        (k.blank & ~separated) |                     /* blanks stand nowhere else,                */
        (k.minus & ~separated) |                     /* nor does a minus,                         */
        (k.minus << 1 & ~digit) |                    /* which a digit follows                     */
        (k.point & ~(digit << 1)) |                  /* a point stands behind a digit,            */
        (fraction & ~digit) |                        /* in front of another,                      */
        (k.point & behind_fraction) |                /* and once in a number                      */
        (leading_zero << 1 & digit);                 /* 012 is no number                          */
    return end > 0 && !wrong_end && !(wrong & inside);
}

/* The number between begin and end; point: its point, or end. */
static inline double value_of(const unsigned char *begin, const unsigned char *end, const unsigned char *point)
{
    const bool negative = *begin == '-';
    const unsigned char *digits = begin + negative;
    const unsigned length = (unsigned)(end - digits);
    const unsigned whole = (unsigned)(point - digits);
    if (length <= 8)
        return df_short_value(digits, whole, length, negative);
    DfJsonValue value;
    df_json_number(&begin, &value);
    return value.number;
}

size_t df_json_list_numbers(const DfJsonList *list, const unsigned char *comma, double *to, size_t room, size_t *length)
{
    uint64_t begins = list->begins;
    uint64_t ends = list->ends;
    size_t n = 0;
    *length = 0;
    for (; begins && n < room; begins &= begins - 1, ends &= ends - 1) { /* clears the lowest bit of each */
        const unsigned begin = df_bits_below(begins);
        const unsigned end = df_bits_below(ends);
        const uint64_t point = list->points & below(end) & ~below(begin);
        to[n++] = value_of(comma + begin, comma + end, comma + (point ? df_bits_below(point) : end));
        *length = end;
    }
    return n;
}
