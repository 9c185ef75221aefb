/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/vector_avx512.h -- private to the *_avx512.c files: vectors of sixteen floats, with AVX-512F. The functions
 * have the names and meanings of those in kernels/vector.h, which has vectors of eight; only those exist that a
 * template for both widths uses (kernels/wide.h). A mask stands both for the lanes that a comparison selects and for
 * the first lanes of a row.
 */
#ifndef DF_KERNELS_VECTOR_AVX512_H
#define DF_KERNELS_VECTOR_AVX512_H

#include <immintrin.h>

typedef __m512 V16;
typedef __mmask16 V16m;
typedef __mmask16 V16Part;

/* ---- memory ----------------------------------------------------------------------------------------------------- */

static inline V16 v16_zero(void)
{
    return _mm512_setzero_ps();
}

static inline V16 v16_set(float x)
{
    return _mm512_set1_ps(x);
}

static inline V16 v16_load(const float *from)
{
    return _mm512_loadu_ps(from);
}

static inline void v16_store(float *to, V16 x)
{
    _mm512_storeu_ps(to, x);
}

static inline V16Part v16_first(int n)
{
    if (n >= 16)
        return 0xffff;
    return n > 0 ? (V16Part)((1U << n) - 1U) : 0;
}

static inline V16 v16_load_part(const float *from, V16Part part)
{
    return _mm512_maskz_loadu_ps(part, from);
}

static inline void v16_store_part(float *to, V16Part part, V16 x)
{
    _mm512_mask_storeu_ps(to, part, x);
}

static inline V16m v16_lanes(V16Part part)
{
    return part;
}

/* ---- arithmetic ------------------------------------------------------------------------------------------------- */

static inline V16 v16_add(V16 a, V16 b)
{
    return _mm512_add_ps(a, b);
}

static inline V16 v16_sub(V16 a, V16 b)
{
    return _mm512_sub_ps(a, b);
}

static inline V16 v16_mul(V16 a, V16 b)
{
    return _mm512_mul_ps(a, b);
}

static inline V16 v16_div(V16 a, V16 b)
{
    return _mm512_div_ps(a, b);
}

static inline V16 v16_min(V16 a, V16 b)
{
    return _mm512_min_ps(a, b);
}

static inline V16 v16_max(V16 a, V16 b)
{
    return _mm512_max_ps(a, b);
}

static inline V16 v16_fma(V16 a, V16 b, V16 c)
{
    return _mm512_fmadd_ps(a, b, c);
}

static inline V16 v16_fnma(V16 a, V16 b, V16 c)
{
    return _mm512_fnmadd_ps(a, b, c);
}

static inline V16 v16_abs(V16 x)
{
    return _mm512_abs_ps(x);
}

/* AVX-512F has no bitwise instructions for floats, only for integers. */
static inline V16 v16_or(V16 a, V16 b)
{
    return _mm512_castsi512_ps(_mm512_or_epi32(_mm512_castps_si512(a), _mm512_castps_si512(b)));
}

static inline V16 v16_and(V16 a, V16 b)
{
    return _mm512_castsi512_ps(_mm512_and_epi32(_mm512_castps_si512(a), _mm512_castps_si512(b)));
}

static inline V16 v16_minus_abs(V16 x)
{
    return v16_or(v16_set(-0.0f), x);
}

static inline V16 v16_with_sign(V16 x, V16 sign)
{
    return v16_or(v16_and(v16_set(-0.0f), sign), x);
}

static inline V16 v16_shift_exponent(V16 x, V16 shifted)
{
    const __m512i power = _mm512_slli_epi32(_mm512_castps_si512(shifted), 23);
    return _mm512_castsi512_ps(_mm512_add_epi32(_mm512_castps_si512(x), power));
}

/* ---- choices ---------------------------------------------------------------------------------------------------- */

static inline V16m v16_lt(V16 a, V16 b)
{
    return _mm512_cmp_ps_mask(a, b, _CMP_LT_OQ);
}

static inline V16 v16_choose(V16m lanes, V16 a, V16 b)
{
    return _mm512_mask_blend_ps(lanes, b, a);
}

static inline V16 v16_choose_by_sign(V16 x, V16 negative, V16 positive)
{
    const V16m below = _mm512_cmplt_epi32_mask(_mm512_castps_si512(x), _mm512_setzero_si512());
    return v16_choose(below, negative, positive);
}

static inline V16 v16_where(V16m lanes, V16 x)
{
    return _mm512_maskz_mov_ps(lanes, x);
}

static inline V16 v16_unless(V16m lanes, V16 x)
{
    return _mm512_mask_mov_ps(x, lanes, _mm512_setzero_ps());
}

/* ---- across lanes ----------------------------------------------------------------------------------------------- */

static inline float v16_sum(V16 x)
{
    return _mm512_reduce_add_ps(x);
}

#define WIDE 16
#include "kernels/functions_wide.h"
#undef WIDE

#endif
