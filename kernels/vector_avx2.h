/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/vector_avx2.h -- private to kernels/vector.h, which documents the functions: vectors of eight floats, with
 * AVX2 and FMA.
 */
#ifndef DF_KERNELS_VECTOR_AVX2_H
#define DF_KERNELS_VECTOR_AVX2_H

#include <immintrin.h>

typedef __m256 V8;
typedef __m256i V8i;
typedef __m256i V8m;
typedef __m256i V8Part;
typedef __m256d V4d;

/* ---- memory ----------------------------------------------------------------------------------------------------- */

static inline V8 v8_zero(void)
{
    return _mm256_setzero_ps();
}

static inline V8 v8_set(float x)
{
    return _mm256_set1_ps(x);
}

static inline V8 v8_load(const float *from)
{
    return _mm256_loadu_ps(from);
}

static inline void v8_store(float *to, V8 x)
{
    _mm256_storeu_ps(to, x);
}

static inline V8 v8_load_aligned(const float *from)
{
    return _mm256_load_ps(from);
}

static inline void v8_store_aligned(float *to, V8 x)
{
    _mm256_store_ps(to, x);
}

static inline V8Part v8_first(int n)
{
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}

static inline V8 v8_load_part(const float *from, V8Part part)
{
    return _mm256_maskload_ps(from, part);
}

static inline void v8_store_part(float *to, V8Part part, V8 x)
{
    _mm256_maskstore_ps(to, part, x);
}

static inline V8m v8_lanes(V8Part part)
{
    return part;
}

/* ---- arithmetic ------------------------------------------------------------------------------------------------- */

static inline V8 v8_add(V8 a, V8 b)
{
    return _mm256_add_ps(a, b);
}

static inline V8 v8_sub(V8 a, V8 b)
{
    return _mm256_sub_ps(a, b);
}

static inline V8 v8_mul(V8 a, V8 b)
{
    return _mm256_mul_ps(a, b);
}

static inline V8 v8_div(V8 a, V8 b)
{
    return _mm256_div_ps(a, b);
}

static inline V8 v8_fma(V8 a, V8 b, V8 c)
{
    return _mm256_fmadd_ps(a, b, c);
}

static inline V8 v8_fnma(V8 a, V8 b, V8 c)
{
    return _mm256_fnmadd_ps(a, b, c);
}

static inline V8 v8_min(V8 a, V8 b)
{
    return _mm256_min_ps(a, b);
}

static inline V8 v8_max(V8 a, V8 b)
{
    return _mm256_max_ps(a, b);
}

static inline V8 v8_floor(V8 x)
{
    return _mm256_floor_ps(x);
}

static inline V8 v8_abs(V8 x)
{
    return _mm256_andnot_ps(v8_set(-0.0f), x);
}

static inline V8 v8_minus_abs(V8 x)
{
    return _mm256_or_ps(v8_set(-0.0f), x);
}

static inline V8 v8_negate(V8 x)
{
    return _mm256_xor_ps(x, v8_set(-0.0f));
}

static inline V8 v8_with_sign(V8 x, V8 sign)
{
    return _mm256_or_ps(_mm256_and_ps(v8_set(-0.0f), sign), x);
}

static inline V8 v8_shift_exponent(V8 x, V8 shifted)
{
    const __m256i power = _mm256_slli_epi32(_mm256_castps_si256(shifted), 23);
    return _mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(x), power));
}

/* ---- choices ---------------------------------------------------------------------------------------------------- */

static inline V8m v8_lt(V8 a, V8 b)
{
    return _mm256_castps_si256(_mm256_cmp_ps(a, b, _CMP_LT_OQ));
}

static inline V8m v8_gt(V8 a, V8 b)
{
    return _mm256_castps_si256(_mm256_cmp_ps(a, b, _CMP_GT_OQ));
}

static inline V8m v8_ge(V8 a, V8 b)
{
    return _mm256_castps_si256(_mm256_cmp_ps(a, b, _CMP_GE_OQ));
}

static inline V8m v8m_and(V8m a, V8m b)
{
    return _mm256_and_si256(a, b);
}

static inline V8 v8_choose(V8m lanes, V8 a, V8 b)
{
    return _mm256_blendv_ps(b, a, _mm256_castsi256_ps(lanes));
}

static inline V8 v8_choose_by_sign(V8 x, V8 negative, V8 positive)
{
    return _mm256_blendv_ps(positive, negative, x);
}

static inline V8 v8_where(V8m lanes, V8 x)
{
    return _mm256_and_ps(_mm256_castsi256_ps(lanes), x);
}

static inline V8 v8_unless(V8m lanes, V8 x)
{
    return _mm256_andnot_ps(_mm256_castsi256_ps(lanes), x);
}

/* ---- across lanes ----------------------------------------------------------------------------------------------- */

static inline float v8_sum(V8 x)
{
    __m128 s = _mm_add_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
    s = _mm_add_ps(s, _mm_movehl_ps(s, s));
    return _mm_cvtss_f32(_mm_add_ss(s, _mm_movehdup_ps(s)));
}

static inline float v8_largest(V8 x)
{
    __m128 s = _mm_max_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
    s = _mm_max_ps(s, _mm_movehl_ps(s, s));
    return _mm_cvtss_f32(_mm_max_ss(s, _mm_movehdup_ps(s)));
}

static inline float v8_lane_0(V8 x)
{
    return _mm256_cvtss_f32(x);
}

static inline int v8_lane_0_to_int(V8 x)
{
    return _mm_cvttss_si32(_mm256_castps256_ps128(x));
}

static inline V8 v8_spread_lane_0(V8 x)
{
    return _mm256_broadcastss_ps(_mm256_castps256_ps128(x));
}

static inline V8 v8_lookup(V8 table, V8i at)
{
    return _mm256_permutevar8x32_ps(table, at);
}

static inline V8 v8_gather(const float *from, V8i at)
{
    return _mm256_i32gather_ps(from, at, 4);
}

static inline V8 v8_even(V8 a, V8 b)
{
    const __m256 low = _mm256_permute2f128_ps(a, b, 0x20);
    const __m256 high = _mm256_permute2f128_ps(a, b, 0x31);
    return _mm256_shuffle_ps(low, high, 0x88);
}

static inline V8 v8_odd(V8 a, V8 b)
{
    const __m256 low = _mm256_permute2f128_ps(a, b, 0x20);
    const __m256 high = _mm256_permute2f128_ps(a, b, 0x31);
    return _mm256_shuffle_ps(low, high, 0xdd);
}

static inline V8 v8_zip_low(V8 a, V8 b)
{
    return _mm256_permute2f128_ps(_mm256_unpacklo_ps(a, b), _mm256_unpackhi_ps(a, b), 0x20);
}

static inline V8 v8_zip_high(V8 a, V8 b)
{
    return _mm256_permute2f128_ps(_mm256_unpacklo_ps(a, b), _mm256_unpackhi_ps(a, b), 0x31);
}

static inline void v8_transpose(V8 r[8])
{
    V8 a[8], b[8];
    for (int i = 0; i < 8; i += 2) { /* pairs of rows interleaved */
        a[i] = _mm256_unpacklo_ps(r[i], r[i + 1]);
        a[i + 1] = _mm256_unpackhi_ps(r[i], r[i + 1]);
    }
    for (int i = 0; i < 8; i += 4) { /* columns of four rows, in each half of the register */
        b[i] = _mm256_shuffle_ps(a[i], a[i + 2], 0x44);
        b[i + 1] = _mm256_shuffle_ps(a[i], a[i + 2], 0xee);
        b[i + 2] = _mm256_shuffle_ps(a[i + 1], a[i + 3], 0x44);
        b[i + 3] = _mm256_shuffle_ps(a[i + 1], a[i + 3], 0xee);
    }
    for (int i = 0; i < 4; i++) { /* and of all eight */
        r[i] = _mm256_permute2f128_ps(b[i], b[i + 4], 0x20);
        r[i + 4] = _mm256_permute2f128_ps(b[i], b[i + 4], 0x31);
    }
}

/* ---- integers --------------------------------------------------------------------------------------------------- */

static inline V8i v8i_zero(void)
{
    return _mm256_setzero_si256();
}

static inline V8i v8i_set(int x)
{
    return _mm256_set1_epi32(x);
}

static inline V8i v8i_count(void)
{
    return _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
}

static inline V8i v8i_load(const int *from)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)from);
}

static inline void v8i_store(int *to, V8i x)
{
    _mm256_storeu_si256((__m256i *)(void *)to, x);
}

static inline V8i v8i_add(V8i a, V8i b)
{
    return _mm256_add_epi32(a, b);
}

static inline V8i v8i_mul(V8i a, V8i b)
{
    return _mm256_mullo_epi32(a, b);
}

static inline V8m v8i_eq(V8i a, V8i b)
{
    return _mm256_cmpeq_epi32(a, b);
}

static inline V8i v8i_choose(V8m lanes, V8i a, V8i b)
{
    return _mm256_blendv_epi8(b, a, lanes);
}

static inline V8i v8i_where(V8m lanes, V8i x)
{
    return _mm256_and_si256(lanes, x);
}

static inline V8i v8_to_int(V8 x)
{
    return _mm256_cvttps_epi32(x);
}

static inline V8 v8_from_int(V8i x)
{
    return _mm256_cvtepi32_ps(x);
}

/* ---- float64 ---------------------------------------------------------------------------------------------------- */

static inline V4d v4d_zero(void)
{
    return _mm256_setzero_pd();
}

static inline V4d v4d_set(double x)
{
    return _mm256_set1_pd(x);
}

static inline V4d v8_low(V8 x)
{
    return _mm256_cvtps_pd(_mm256_castps256_ps128(x));
}

static inline V4d v8_high(V8 x)
{
    return _mm256_cvtps_pd(_mm256_extractf128_ps(x, 1));
}

static inline V8 v8_rounded(V4d low, V4d high)
{
    return _mm256_set_m128(_mm256_cvtpd_ps(high), _mm256_cvtpd_ps(low));
}

static inline V4d v4d_add(V4d a, V4d b)
{
    return _mm256_add_pd(a, b);
}

static inline V4d v4d_div(V4d a, V4d b)
{
    return _mm256_div_pd(a, b);
}

static inline V4d v4d_sqrt(V4d x)
{
    return _mm256_sqrt_pd(x);
}

static inline V4d v4d_fma(V4d a, V4d b, V4d c)
{
    return _mm256_fmadd_pd(a, b, c);
}

static inline double v4d_sum(V4d x)
{
    const __m128d s = _mm_add_pd(_mm256_castpd256_pd128(x), _mm256_extractf128_pd(x, 1));
    return _mm_cvtsd_f64(_mm_add_sd(s, _mm_unpackhi_pd(s, s)));
}

#endif
