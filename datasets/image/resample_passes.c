/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/image/resample_passes.c -- weighted sums of bytes, along the lines of a picture and along its columns:
 *     output = (2^(bits - 1) + sum of weight input) >> bits, clamped to 0..255
 * Every x86-64 processor has an instruction that multiplies eight pairs of 16-bit integers and adds neighbouring
 * products in 32 bits. A weight has up to 23 bits, so it is split into two such factors; their sum is exact, so the
 * bits are the same.
 */
#include <string.h>

#include "datasets/image/resample.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

/* Sums fit in 32 bits: the weights of an output add up to 2^22, and those below zero to less than a half of that. */
static uint8_t rounded(int32_t sum, int bits)
{
    const int32_t value = sum >> bits;
    return (uint8_t)df_clamp_int(value, 0, 255); /* some filters have weights below zero */
}

/* One output, of inputs that are `step` apart. */
static uint8_t weighted(const uint8_t *from, size_t step, const int32_t *weights, int n, int bits)
{
    int32_t sum = (1 << bits) >> 1;
    for (int k = 0; k < n; k++)
        sum += from[(size_t)k * step] * weights[k];
    return rounded(sum, bits);
}

static void line_of_any(uint8_t *to, const uint8_t *line, int channels, const DfResampling *f)
{
    for (int x = 0; x < f->out; x++)
        for (int c = 0; c < channels; c++) {
            const DfSpan span = f->spans[x];
            const uint8_t *from = line + (size_t)span.first * (size_t)channels + c;
            *to++ = weighted(from, (size_t)channels, df_weights_of(f, x), span.n, f->bits);
        }
}

static size_t stride_of(const DfImage *image)
{
    return (size_t)image->width * (size_t)image->channels;
}

#if defined(__SSE2__)
/* ---- eight products at once -------------------------------------------------------------------------------------- */

/* Four sums, in the parts that weights have. */
typedef struct {
    __m128i high, low;
} Sums;

/* A pair of weights in every lane. */
typedef struct {
    __m128i high, low;
} Factors;

static inline Factors factors_of(const DfWeightPair *pair)
{
    int high, low;
    memcpy(&high, pair->high, sizeof high);
    memcpy(&low, pair->low, sizeof low);
    return (Factors){ _mm_set1_epi32(high), _mm_set1_epi32(low) };
}

static inline Sums sums_new(int bits)
{
    return (Sums){ _mm_setzero_si128(), _mm_set1_epi32((1 << bits) >> 1) };
}

/* Of four pairs of inputs, as 16-bit integers. */
static inline void sums_add(Sums *s, __m128i pairs, Factors w)
{
    s->high = _mm_add_epi32(s->high, _mm_madd_epi16(pairs, w.high));
    s->low = _mm_add_epi32(s->low, _mm_madd_epi16(pairs, w.low));
}

static inline __m128i sums_rounded(Sums s, int bits)
{
    const __m128i sum = _mm_add_epi32(_mm_slli_epi32(s.high, DF_LOW_BITS), s.low);
    return _mm_sra_epi32(sum, _mm_cvtsi32_si128(bits));
}

static inline __m128i load_8(const uint8_t *from)
{
    return _mm_loadl_epi64((const __m128i *)(const void *)from);
}

static inline __m128i load_16(const uint8_t *from)
{
    return _mm_loadu_si128((const __m128i *)(const void *)from);
}

/* ---- lines of pixels of three bytes ------------------------------------------------------------------------------ */

enum {
    LINES = 4, /* that share the weights    */
    AHEAD = 8  /* bytes that a load takes   */
};

/* A pixel and the next: r r g g b b, as 16-bit integers. */
static inline __m128i two_pixels(const uint8_t *from)
{
    const __m128i both = load_8(from);
    const __m128i bytes = _mm_unpacklo_epi8(both, _mm_srli_si128(both, 3));
    return _mm_unpacklo_epi8(bytes, _mm_setzero_si128());
}

static inline void store_pixel(uint8_t *to, Sums s, int bits)
{
    const __m128i words = _mm_packs_epi32(sums_rounded(s, bits), _mm_setzero_si128());
    const int pixel = _mm_cvtsi128_si32(_mm_packus_epi16(words, words));
    memcpy(to, &pixel, 3);
}

/* Behind the last pixel of every line there are bytes to read. */
static void four_lines(uint8_t *const *to, const uint8_t *const *line, const DfResampling *f)
{
    for (int x = 0; x < f->out; x++) {
        const DfSpan span = f->spans[x];
        const DfWeightPair *pair = df_pairs_of(f, x);
        size_t at = (size_t)span.first * 3;
        Sums s[LINES];
        for (int r = 0; r < LINES; r++)
            s[r] = sums_new(f->bits);
        for (int k = 0; k < span.n; k += 2, at += 6) {
            const Factors w = factors_of(pair++);
            for (int r = 0; r < LINES; r++)
                sums_add(&s[r], two_pixels(line[r] + at), w);
        }
        for (int r = 0; r < LINES; r++)
            store_pixel(to[r] + (size_t)x * 3, s[r], f->bits);
    }
}

/* The last line is read from a copy, which has bytes behind it. Past it, the last line is computed again. */
static int lines_of_pixels(DfImage *out, const DfImage *in, const DfResampling *f)
{
    const size_t from = stride_of(in), to = stride_of(out);
    const int last = in->height - 1;
    uint8_t *copy = df_calloc(from + AHEAD, 1);
    if (!copy)
        return df_fail_memory("a line of a resize");
    memcpy(copy, in->pixels + (size_t)last * from, from);
    for (int y = 0; y <= last; y += LINES) {
        const uint8_t *line[LINES];
        uint8_t *result[LINES];
        for (int r = 0; r < LINES; r++) {
            const int at = y + r < last ? y + r : last;
            line[r] = at < last ? in->pixels + (size_t)at * from : copy;
            result[r] = out->pixels + (size_t)at * to;
        }
        four_lines(result, line, f);
    }
    df_free(copy);
    return DF_OK;
}

static bool takes_pixels(const DfImage *in)
{
    return in->channels == 3 && stride_of(in) >= AHEAD;
}

/* ---- columns ----------------------------------------------------------------------------------------------------- */

enum { BYTES = 16 };

/* Of 16 bytes of a line and of another, whose weights are a pair. */
static inline void add_bytes(Sums *s, __m128i a, __m128i b, Factors w)
{
    const __m128i zero = _mm_setzero_si128();
    const __m128i first = _mm_unpacklo_epi8(a, b), second = _mm_unpackhi_epi8(a, b);
    sums_add(&s[0], _mm_unpacklo_epi8(first, zero), w);
    sums_add(&s[1], _mm_unpackhi_epi8(first, zero), w);
    sums_add(&s[2], _mm_unpacklo_epi8(second, zero), w);
    sums_add(&s[3], _mm_unpackhi_epi8(second, zero), w);
}

static inline void store_bytes(uint8_t *to, const Sums *s, int bits)
{
    const __m128i first = _mm_packs_epi32(sums_rounded(s[0], bits), sums_rounded(s[1], bits));
    const __m128i second = _mm_packs_epi32(sums_rounded(s[2], bits), sums_rounded(s[3], bits));
    _mm_storeu_si128((__m128i *)(void *)to, _mm_packus_epi16(first, second));
}

/* A line of the result; the bytes behind the last whole block are left. */
static size_t line_of_blocks(uint8_t *to, const uint8_t *from, size_t stride, int y, const DfResampling *f)
{
    const int n = f->spans[y].n;
    size_t i = 0;
    for (; i + BYTES <= stride; i += BYTES) {
        const DfWeightPair *pair = df_pairs_of(f, y);
        Sums s[4] = { sums_new(f->bits), sums_new(f->bits), sums_new(f->bits), sums_new(f->bits) };
        for (int k = 0; k < n; k += 2) {
            const uint8_t *line = from + (size_t)k * stride + i;
            add_bytes(s, load_16(line), load_16(k + 1 < n ? line + stride : line), factors_of(pair++));
        }
        store_bytes(to + i, s, f->bits);
    }
    return i;
}

#else
/* ---- one product at a time --------------------------------------------------------------------------------------- */

static bool takes_pixels(const DfImage *in)
{
    return in->channels == 3;
}

static void line_of_three(uint8_t *restrict to, const uint8_t *restrict line, const DfResampling *f)
{
    const int32_t half = (1 << f->bits) >> 1;
    for (int x = 0; x < f->out; x++, to += 3) {
        const DfSpan span = f->spans[x];
        const int32_t *weights = df_weights_of(f, x);
        const uint8_t *from = line + (size_t)span.first * 3;
        int32_t sum[3] = { half, half, half };
        for (int k = 0; k < span.n; k++, from += 3) {
            sum[0] += from[0] * weights[k];
            sum[1] += from[1] * weights[k];
            sum[2] += from[2] * weights[k];
        }
        for (int c = 0; c < 3; c++)
            to[c] = rounded(sum[c], f->bits);
    }
}

static int lines_of_pixels(DfImage *out, const DfImage *in, const DfResampling *f)
{
    for (size_t y = 0; y < (size_t)in->height; y++)
        line_of_three(out->pixels + y * stride_of(out), in->pixels + y * stride_of(in), f);
    return DF_OK;
}

enum { BYTES = 64 };

static void add_bytes(int32_t *restrict sums, const uint8_t *restrict line, int32_t weight)
{
    for (size_t i = 0; i < BYTES; i++)
        sums[i] += line[i] * weight;
}

static void block_of_sums(uint8_t *restrict to, const uint8_t *from, size_t stride, const int32_t *weights, int n,
                          int bits)
{
    int32_t sums[BYTES];
    for (size_t i = 0; i < BYTES; i++)
        sums[i] = (1 << bits) >> 1;
    for (int k = 0; k < n; k++)
        add_bytes(sums, from + (size_t)k * stride, weights[k]);
    for (size_t i = 0; i < BYTES; i++)
        to[i] = rounded(sums[i], bits);
}

/* A line of the result; the bytes behind the last whole block are left. */
static size_t line_of_blocks(uint8_t *to, const uint8_t *from, size_t stride, int y, const DfResampling *f)
{
    size_t i = 0;
    for (; i + BYTES <= stride; i += BYTES)
        block_of_sums(to + i, from + i, stride, df_weights_of(f, y), f->spans[y].n, f->bits);
    return i;
}
#endif

/* ---- both -------------------------------------------------------------------------------------------------------- */

int df_resample_lines(DfImage *out, const DfImage *in, const DfResampling *f)
{
    if (takes_pixels(in))
        return lines_of_pixels(out, in, f);
    for (size_t y = 0; y < (size_t)in->height; y++)
        line_of_any(out->pixels + y * stride_of(out), in->pixels + y * stride_of(in), in->channels, f);
    return DF_OK;
}

void df_resample_columns(DfImage *out, const DfImage *in, const DfResampling *f)
{
    const size_t stride = stride_of(in);
    for (int y = 0; y < f->out; y++) {
        const DfSpan span = f->spans[y];
        const uint8_t *from = in->pixels + (size_t)span.first * stride;
        uint8_t *to = out->pixels + (size_t)y * stride;
        for (size_t i = line_of_blocks(to, from, stride, y, f); i < stride; i++)
            to[i] = weighted(from + i, stride, df_weights_of(f, y), span.n, f->bits);
    }
}
