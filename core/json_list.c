/* SPDX-License-Identifier: Apache-2.0
 *
 * core/json_list.c -- lists of numbers, 64 bytes at a time.
 *
 * Every byte becomes one bit in a word for each kind of byte, and the grammar is checked by shifting and masking these words, so for
 * all numbers of a block at once (as in Langdale and Lemire, "Parsing gigabytes of JSON per second", VLDB Journal 2019). What JSON
 * allows and lists seldom hold (exponents, space in front of a comma) ends a block, as the end of the text does.
 */
#include "core/json_list.h"

#if defined(__SSE2__)
#include <emmintrin.h>
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
    const __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)(p + at)), value = _mm_sub_epi8(bytes, _mm_set1_epi8('0'));
    const __m128i digit = _mm_cmpeq_epi8(_mm_min_epu8(value, _mm_set1_epi8(9)), value);
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

static inline uint64_t below(unsigned bit)
{
    return bit < 64 ? ((uint64_t)1 << bit) - 1 : UINT64_MAX;
}

/* Where the block ends: at the bracket that closes the list if it comes before anything else, else at the last comma. */
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
    const uint64_t inside = below(end), digit = k.digit, separated = (k.comma | k.blank) << 1;
    const uint64_t fraction = k.point << 1, behind_fraction = (fraction + digit) & ~digit; /* the carry runs through its digits */
    const uint64_t leading_zero = k.zero & ~((digit | k.point) << 1);
    *list = (DfJsonList){ .ends = (k.comma & inside & ~(uint64_t)1) | (uint64_t)1 << end, .points = k.point & inside, .lines = k.line & inside, .length = end };
    list->begins = (digit | k.minus) & separated & inside;
    const uint64_t wrong = (list->ends & ~(digit << 1)) |                       /* behind a digit                */
                           (inside & ((separated & ~(k.blank | digit | k.minus)) | /* space, then a number       */
                                      (k.blank & ~separated) |                  /* only there                    */
                                      (k.minus & ~separated) | (k.minus << 1 & ~digit) |
                                      (k.point & ~(digit << 1)) | (fraction & ~digit) | (k.point & behind_fraction) |
                                      (leading_zero << 1 & digit)));
    return end > 0 && !wrong;
}

/* The number between begin and end; point: its point, or end. */
static inline double value_of(const unsigned char *begin, const unsigned char *end, const unsigned char *point)
{
    const bool negative = *begin == '-';
    const unsigned char *digits = begin + negative;
    const unsigned length = (unsigned)(end - digits), whole = (unsigned)(point - digits);
    if (length <= 8)
        return df_short_value(digits, whole, length, negative);
    DfJsonValue value;
    df_json_number(&begin, &value);
    return value.number;
}

size_t df_json_list_numbers(const DfJsonList *list, const unsigned char *comma, double *to, size_t room, size_t *length)
{
    uint64_t begins = list->begins, ends = list->ends;
    size_t n = 0;
    *length = 0;
    for (; begins && n < room; begins &= begins - 1, ends &= ends - 1) {
        const unsigned begin = df_bits_below(begins), end = df_bits_below(ends);
        const uint64_t point = list->points & below(end) & ~below(begin);
        to[n++] = value_of(comma + begin, comma + end, comma + (point ? df_bits_below(point) : end));
        *length = end;
    }
    return n;
}
