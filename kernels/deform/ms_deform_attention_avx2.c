/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/deform/ms_deform_attention_avx2.c -- the leaves of multi-scale deformable attention, eight floats at once:
 * samples side by side while their taps are found, channels side by side while they are summed.
 */
#include "kernels/ladder.h"
#include "kernels/vector.h"

/* ---- taps ------------------------------------------------------------------------------------------------------- */

typedef struct {
    V8 x, y;
} Pairs;

static Pairs load_pairs(const float *from, int n) /* x y x y .. of up to eight samples */
{
    V8 low, high;
    if (n >= 8) {
        low = _mm256_loadu_ps(from);
        high = _mm256_loadu_ps(from + 8);
    } else {
        low = _mm256_maskload_ps(from, v8_first(2 * n));
        high = n > 4 ? _mm256_maskload_ps(from + 8, v8_first(2 * n - 8)) : _mm256_setzero_ps();
    }
    const V8 a = _mm256_permute2f128_ps(low, high, 0x20);
    const V8 b = _mm256_permute2f128_ps(low, high, 0x31);
    return (Pairs){ _mm256_shuffle_ps(a, b, 0x88), _mm256_shuffle_ps(a, b, 0xdd) };
}

/* A row or a column of taps: in the level where `cell` is not negative and below `size`. */
static V8 within(V8 cell, V8 size)
{
    return _mm256_and_ps(_mm256_cmp_ps(cell, _mm256_setzero_ps(), _CMP_GE_OQ), _mm256_cmp_ps(cell, size, _CMP_LT_OQ));
}

static void store_tap(int *cell, float *weight, V8 on, __m256i at, V8 share)
{
    _mm256_storeu_si256((__m256i *)(void *)cell, _mm256_and_si256(at, _mm256_castps_si256(on)));
    _mm256_storeu_ps(weight, _mm256_and_ps(on, share));
}

static __m256i load_ints(const int *from)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)from);
}

/* The taps of eight samples: (x, y) in cells, with pixel centres at halves; x0 y0 the tap above and left of it, ax
 * ay how far beyond it lies. */
static void eight_taps(int *cell, float *weight, const DfMsSamples *s, int i, Pairs location, V8 attention)
{
    const V8 one = v8_set(1), half = v8_set(0.5f);
    const V8 w = _mm256_loadu_ps(s->w + i), h = _mm256_loadu_ps(s->h + i);
    const V8 x = _mm256_sub_ps(_mm256_mul_ps(location.x, w), half);
    const V8 y = _mm256_sub_ps(_mm256_mul_ps(location.y, h), half);
    const V8 x0 = _mm256_floor_ps(x), x1 = _mm256_add_ps(x0, one);
    const V8 y0 = _mm256_floor_ps(y), y1 = _mm256_add_ps(y0, one);
    const V8 ax = _mm256_sub_ps(x, x0), bx = _mm256_sub_ps(one, ax);
    const V8 ay = _mm256_sub_ps(y, y0), by = _mm256_sub_ps(one, ay);
    const V8 left = within(x0, w), right = within(x1, w);
    const V8 top = within(y0, h), bottom = within(y1, h);
    const __m256i width = load_ints(s->width + i);
    const __m256i next = _mm256_set1_epi32(1);
    const __m256i row = _mm256_mullo_epi32(_mm256_cvttps_epi32(y0), width);
    const __m256i above = _mm256_add_epi32(load_ints(s->first + i), _mm256_add_epi32(row, _mm256_cvttps_epi32(x0)));
    const __m256i below = _mm256_add_epi32(above, width);
    const int room = s->room;
    cell += i;
    weight += i;
    store_tap(cell, weight, _mm256_and_ps(top, left), above, _mm256_mul_ps(_mm256_mul_ps(bx, by), attention));
    store_tap(cell + room, weight + room, _mm256_and_ps(top, right), _mm256_add_epi32(above, next),
              _mm256_mul_ps(_mm256_mul_ps(ax, by), attention));
    store_tap(cell + 2 * room, weight + 2 * room, _mm256_and_ps(bottom, left), below,
              _mm256_mul_ps(_mm256_mul_ps(bx, ay), attention));
    store_tap(cell + 3 * room, weight + 3 * room, _mm256_and_ps(bottom, right), _mm256_add_epi32(below, next),
              _mm256_mul_ps(_mm256_mul_ps(ax, ay), attention));
}

static void taps_avx2(int *cell, float *weight, const DfMsSamples *s, const float *location, const float *attention)
{
    for (int i = 0; i < s->room; i += 8) {
        const int left = s->n - i;
        const V8 a = left >= 8 ? _mm256_loadu_ps(attention + i) : _mm256_maskload_ps(attention + i, v8_first(left));
        eight_taps(cell, weight, s, i, load_pairs(location + 2 * i, left), a);
    }
}

/* ---- gather ----------------------------------------------------------------------------------------------------- */

/* 32 channels: four vectors, in two chains of sums so that additions do not wait for one another. */
static void gather_32(float *out, const float *value, size_t stride, const int *cell, const float *weight, int n)
{
    V8 a[4], b[4];
    for (int i = 0; i < 4; i++)
        a[i] = b[i] = _mm256_setzero_ps();
    for (int t = 0; t < n; t += 2) {
        const float *const row = value + (size_t)cell[t] * stride;
        const float *const other = value + (size_t)cell[t + 1] * stride;
        const V8 w = v8_set(weight[t]), u = v8_set(weight[t + 1]);
        for (int i = 0; i < 4; i++) {
            a[i] = _mm256_fmadd_ps(w, _mm256_loadu_ps(row + 8 * i), a[i]);
            b[i] = _mm256_fmadd_ps(u, _mm256_loadu_ps(other + 8 * i), b[i]);
        }
    }
    for (int i = 0; i < 4; i++)
        _mm256_storeu_ps(out + 8 * i, _mm256_add_ps(a[i], b[i]));
}

static void gather_8(float *out, const float *value, size_t stride, const int *cell, const float *weight, int n)
{
    V8 a = _mm256_setzero_ps(), b = a;
    for (int t = 0; t < n; t += 2) {
        a = _mm256_fmadd_ps(v8_set(weight[t]), _mm256_loadu_ps(value + (size_t)cell[t] * stride), a);
        b = _mm256_fmadd_ps(v8_set(weight[t + 1]), _mm256_loadu_ps(value + (size_t)cell[t + 1] * stride), b);
    }
    _mm256_storeu_ps(out, _mm256_add_ps(a, b));
}

static void gather_rest(float *out, const float *value, size_t stride, const int *cell, const float *weight, int n,
                        int depth)
{
    const __m256i on = v8_first(depth);
    V8 a = _mm256_setzero_ps();
    for (int t = 0; t < n; t++)
        a = _mm256_fmadd_ps(v8_set(weight[t]), _mm256_maskload_ps(value + (size_t)cell[t] * stride, on), a);
    _mm256_maskstore_ps(out, on, a);
}

static void gather_avx2(float *out, const float *value, size_t stride, const int *cell, const float *weight, int n,
                        int depth)
{
    int d = 0;
    for (; d + 32 <= depth; d += 32)
        gather_32(out + d, value + d, stride, cell, weight, n);
    for (; d + 8 <= depth; d += 8)
        gather_8(out + d, value + d, stride, cell, weight, n);
    if (d < depth)
        gather_rest(out + d, value + d, stride, cell, weight, n, depth - d);
}

void df_ms_deform_init_avx2(DfMsDeformKernels *k)
{
    k->taps = taps_avx2;
    k->gather = gather_avx2;
}
