/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/pointwise/pointwise_avx2.c -- element by element, sums, taps, eight floats at a time.
 *
 * Each kernel is one step on eight lanes and a loop that runs it, the last time with the lanes that are left. The
 * loops take the step as a constant argument and are inlined.
 */
#include "kernels/act_avx2.h"
#include "kernels/ladder.h"

/* ---- loops ------------------------------------------------------------------------------------------------------ */

typedef V8 Unary(V8 x);
typedef V8 Binary(V8 a, V8 b);
typedef V8 Ternary(V8 a, V8 b, V8 c);
typedef V8 Quaternary(V8 a, V8 b, V8 c, V8 d);

static inline void unary(Unary *step, float *y, const float *x, size_t n)
{
    size_t i = 0;
    for (; i + 8 <= n; i += 8)
        _mm256_storeu_ps(y + i, step(_mm256_loadu_ps(x + i)));
    if (i == n)
        return;
    const __m256i rest = v8_first((int)(n - i));
    _mm256_maskstore_ps(y + i, rest, step(_mm256_maskload_ps(x + i, rest)));
}

static inline void binary(Binary *step, float *y, const float *a, const float *b, size_t n)
{
    size_t i = 0;
    for (; i + 8 <= n; i += 8)
        _mm256_storeu_ps(y + i, step(_mm256_loadu_ps(a + i), _mm256_loadu_ps(b + i)));
    if (i == n)
        return;
    const __m256i rest = v8_first((int)(n - i));
    _mm256_maskstore_ps(y + i, rest, step(_mm256_maskload_ps(a + i, rest), _mm256_maskload_ps(b + i, rest)));
}

static inline void ternary(Ternary *step, float *y, const float *a, const float *b, const float *c, size_t n)
{
    size_t i = 0;
    for (; i + 8 <= n; i += 8)
        _mm256_storeu_ps(y + i, step(_mm256_loadu_ps(a + i), _mm256_loadu_ps(b + i), _mm256_loadu_ps(c + i)));
    if (i == n)
        return;
    const __m256i rest = v8_first((int)(n - i));
    _mm256_maskstore_ps(y + i, rest, step(_mm256_maskload_ps(a + i, rest), _mm256_maskload_ps(b + i, rest),
                                          _mm256_maskload_ps(c + i, rest)));
}

static inline void quaternary(Quaternary *step, float *y, const float *a, const float *b, const float *c,
                              const float *d, size_t n)
{
    size_t i = 0;
    for (; i + 8 <= n; i += 8)
        _mm256_storeu_ps(y + i, step(_mm256_loadu_ps(a + i), _mm256_loadu_ps(b + i), _mm256_loadu_ps(c + i),
                                     _mm256_loadu_ps(d + i)));
    if (i == n)
        return;
    const __m256i rest = v8_first((int)(n - i));
    _mm256_maskstore_ps(y + i, rest, step(_mm256_maskload_ps(a + i, rest), _mm256_maskload_ps(b + i, rest),
                                          _mm256_maskload_ps(c + i, rest), _mm256_maskload_ps(d + i, rest)));
}

/* ---- activations ------------------------------------------------------------------------------------------------ */

static inline V8 relu(V8 x) { return v8_act(DF_ACT_RELU, x); }
static inline V8 gelu_tanh(V8 x) { return v8_act(DF_ACT_GELU_TANH, x); }
static inline V8 same(V8 x) { return x; }

static void act_avx2(DfAct act, float *y, const float *x, size_t n)
{
    switch (act) {
    case DF_ACT_RELU: unary(relu, y, x, n); break;
    case DF_ACT_GELU: unary(v8_gelu, y, x, n); break;
    case DF_ACT_GELU_TANH: unary(gelu_tanh, y, x, n); break;
    case DF_ACT_SIGMOID: unary(v8_sigmoid, y, x, n); break;
    case DF_ACT_TANH: unary(v8_tanh, y, x, n); break;
    case DF_ACT_NONE: unary(same, y, x, n); break;
    }
}

static inline V8 relu_grad(V8 gx, V8 g, V8 x)
{
    return _mm256_add_ps(gx, _mm256_and_ps(g, _mm256_cmp_ps(x, _mm256_setzero_ps(), _CMP_GT_OQ)));
}

/* Phi(x) + x phi(x) */
static inline V8 gelu_grad(V8 gx, V8 g, V8 x)
{
    const V8 half = v8_set(0.5f), square = _mm256_mul_ps(x, x);
    const V8 phi = _mm256_mul_ps(v8_set(0.398942280f), v8_exp_le(_mm256_mul_ps(square, v8_set(-0.5f))));
    const V8 Phi = _mm256_fmadd_ps(half, v8_erf(_mm256_mul_ps(x, v8_set(0.707106781f))), half);
    return _mm256_fmadd_ps(g, _mm256_fmadd_ps(x, phi, Phi), gx);
}

static inline V8 gelu_tanh_grad(V8 gx, V8 g, V8 x)
{
    const V8 half = v8_set(0.5f), one = v8_set(1.0f), square = _mm256_mul_ps(x, x);
    const V8 inner = _mm256_mul_ps(x, _mm256_fmadd_ps(v8_set(0.0356774081f), square, v8_set(0.797884561f)));
    const V8 inner_slope = _mm256_fmadd_ps(v8_set(0.107032224f), square, v8_set(0.797884561f));
    const V8 t = v8_tanh(inner), t_slope = _mm256_fnmadd_ps(t, t, one);
    const V8 twice = _mm256_fmadd_ps(_mm256_mul_ps(x, t_slope), inner_slope, _mm256_add_ps(one, t));
    return _mm256_fmadd_ps(g, _mm256_mul_ps(half, twice), gx);
}

static inline V8 sigmoid_grad(V8 gx, V8 g, V8 x)
{
    const V8 other = v8_sigmoid(_mm256_xor_ps(x, v8_set(-0.0f))); /* 1 - sigmoid(x), without cancelling */
    return _mm256_fmadd_ps(g, _mm256_mul_ps(v8_sigmoid(x), other), gx);
}

static inline V8 tanh_grad(V8 gx, V8 g, V8 x)
{
    const V8 t = v8_tanh(x);
    return _mm256_fmadd_ps(g, _mm256_fnmadd_ps(t, t, v8_set(1.0f)), gx);
}

static inline V8 same_grad(V8 gx, V8 g, V8 x)
{
    (void)x;
    return _mm256_add_ps(gx, g);
}

static void act_grad_avx2(DfAct act, float *gx, const float *g, const float *x, size_t n)
{
    switch (act) {
    case DF_ACT_RELU: ternary(relu_grad, gx, gx, g, x, n); break;
    case DF_ACT_GELU: ternary(gelu_grad, gx, gx, g, x, n); break;
    case DF_ACT_GELU_TANH: ternary(gelu_tanh_grad, gx, gx, g, x, n); break;
    case DF_ACT_SIGMOID: ternary(sigmoid_grad, gx, gx, g, x, n); break;
    case DF_ACT_TANH: ternary(tanh_grad, gx, gx, g, x, n); break;
    case DF_ACT_NONE: ternary(same_grad, gx, gx, g, x, n); break;
    }
}

/* ---- arithmetic ------------------------------------------------------------------------------------------------- */

static inline V8 plus(V8 a, V8 b) { return _mm256_add_ps(a, b); }
static inline V8 times(V8 a, V8 b) { return _mm256_mul_ps(a, b); }
static inline V8 larger(V8 a, V8 b) { return _mm256_max_ps(a, b); }
static inline V8 product_plus(V8 a, V8 b, V8 c) { return _mm256_fmadd_ps(a, b, c); }
static inline V8 plus_product(V8 y, V8 a, V8 b) { return _mm256_fmadd_ps(a, b, y); }
static inline V8 plus_centred(V8 y, V8 g, V8 x, V8 mean) { return _mm256_fmadd_ps(g, _mm256_sub_ps(x, mean), y); }
static inline V8 plus_square(V8 y, V8 x, V8 mean)
{
    const V8 d = _mm256_sub_ps(x, mean);
    return _mm256_fmadd_ps(d, d, y);
}

static void add_avx2(float *y, const float *a, const float *b, size_t n)
{
    binary(plus, y, a, b, n);
}

static void mul_avx2(float *y, const float *a, const float *b, size_t n)
{
    binary(times, y, a, b, n);
}

static void max_avx2(float *y, const float *a, const float *b, size_t n)
{
    binary(larger, y, a, b, n);
}

static void affine_avx2(float *y, const float *x, const float *scale, const float *shift, size_t n)
{
    ternary(product_plus, y, x, scale, shift, n);
}

static void accumulate_product_avx2(float *y, const float *a, const float *b, size_t n)
{
    ternary(plus_product, y, y, a, b, n);
}

static void accumulate_centred_avx2(float *y, const float *g, const float *x, const float *mean, size_t n)
{
    quaternary(plus_centred, y, y, g, x, mean, n);
}

static void accumulate_square_avx2(float *y, const float *x, const float *mean, size_t n)
{
    ternary(plus_square, y, y, x, mean, n);
}

static void scale_avx2(float *y, const float *x, float factor, size_t n)
{
    const V8 f = v8_set(factor);
    size_t i = 0;
    for (; i + 8 <= n; i += 8)
        _mm256_storeu_ps(y + i, _mm256_mul_ps(f, _mm256_loadu_ps(x + i)));
    const __m256i rest = v8_first((int)(n - i));
    _mm256_maskstore_ps(y + i, rest, _mm256_mul_ps(f, _mm256_maskload_ps(x + i, rest)));
}

static void accumulate_avx2(float *y, const float *x, float factor, size_t n)
{
    const V8 f = v8_set(factor);
    size_t i = 0;
    for (; i + 8 <= n; i += 8)
        _mm256_storeu_ps(y + i, _mm256_fmadd_ps(f, _mm256_loadu_ps(x + i), _mm256_loadu_ps(y + i)));
    const __m256i rest = v8_first((int)(n - i));
    const V8 sum = _mm256_fmadd_ps(f, _mm256_maskload_ps(x + i, rest), _mm256_maskload_ps(y + i, rest));
    _mm256_maskstore_ps(y + i, rest, sum);
}

/* ---- sums, in float64 ------------------------------------------------------------------------------------------- */

static inline __m256d low(V8 x)
{
    return _mm256_cvtps_pd(_mm256_castps256_ps128(x));
}

static inline __m256d high(V8 x)
{
    return _mm256_cvtps_pd(_mm256_extractf128_ps(x, 1));
}

static inline double total(__m256d x)
{
    const __m128d s = _mm_add_pd(_mm256_castpd256_pd128(x), _mm256_extractf128_pd(x, 1));
    return _mm_cvtsd_f64(_mm_add_sd(s, _mm_unpackhi_pd(s, s)));
}

static double sum_avx2(const float *x, size_t n)
{
    __m256d a = _mm256_setzero_pd(), b = a;
    for (size_t i = 0; i < n; i += 8) {
        const V8 v = i + 8 <= n ? _mm256_loadu_ps(x + i) : _mm256_maskload_ps(x + i, v8_first((int)(n - i)));
        a = _mm256_add_pd(a, low(v));
        b = _mm256_add_pd(b, high(v));
    }
    return total(_mm256_add_pd(a, b));
}

static double dot_avx2(const float *x, const float *y, size_t n)
{
    __m256d a = _mm256_setzero_pd(), b = a;
    size_t i = 0;
    for (; i + 8 <= n; i += 8) {
        const V8 u = _mm256_loadu_ps(x + i), v = _mm256_loadu_ps(y + i);
        a = _mm256_fmadd_pd(low(u), low(v), a);
        b = _mm256_fmadd_pd(high(u), high(v), b);
    }
    const __m256i rest = v8_first((int)(n - i));
    const V8 u = _mm256_maskload_ps(x + i, rest), v = _mm256_maskload_ps(y + i, rest);
    a = _mm256_fmadd_pd(low(u), low(v), a);
    b = _mm256_fmadd_pd(high(u), high(v), b);
    return total(_mm256_add_pd(a, b));
}

/* ---- taps ------------------------------------------------------------------------------------------------------- */

/* 32 channels at a time: four sums in registers while the taps go by. */
static inline void blend_32(float *y, const float *const *tap, const float *weight, int taps, size_t at)
{
    V8 a = _mm256_setzero_ps(), b = a, c = a, d = a;
    for (int t = 0; t < taps; t++) {
        const V8 w = v8_set(weight[t]);
        const float *x = tap[t] + at;
        a = _mm256_fmadd_ps(w, _mm256_loadu_ps(x), a);
        b = _mm256_fmadd_ps(w, _mm256_loadu_ps(x + 8), b);
        c = _mm256_fmadd_ps(w, _mm256_loadu_ps(x + 16), c);
        d = _mm256_fmadd_ps(w, _mm256_loadu_ps(x + 24), d);
    }
    _mm256_storeu_ps(y + at, a);
    _mm256_storeu_ps(y + at + 8, b);
    _mm256_storeu_ps(y + at + 16, c);
    _mm256_storeu_ps(y + at + 24, d);
}

static void blend_avx2(float *y, const float *const *tap, const float *weight, int taps, size_t n)
{
    size_t i = 0;
    for (; i + 32 <= n; i += 32)
        blend_32(y, tap, weight, taps, i);
    for (; i < n; i += 8) {
        const __m256i lanes = v8_first(n - i < 8 ? (int)(n - i) : 8);
        V8 sum = _mm256_setzero_ps();
        for (int t = 0; t < taps; t++)
            sum = _mm256_fmadd_ps(v8_set(weight[t]), _mm256_maskload_ps(tap[t] + i, lanes), sum);
        _mm256_maskstore_ps(y + i, lanes, sum);
    }
}

/* ---- transposition ---------------------------------------------------------------------------------------------- */

static inline void transpose_8x8(float *y, size_t ldy, const float *x, size_t ldx)
{
    V8 r[8], s[8];
    for (size_t i = 0; i < 8; i++)
        r[i] = _mm256_loadu_ps(x + i * ldx);
    for (size_t i = 0; i < 8; i += 2) { /* pairs of rows interleaved */
        s[i] = _mm256_unpacklo_ps(r[i], r[i + 1]);
        s[i + 1] = _mm256_unpackhi_ps(r[i], r[i + 1]);
    }
    for (size_t i = 0; i < 8; i += 4) { /* columns of four rows, in each half of the register */
        r[i] = _mm256_shuffle_ps(s[i], s[i + 2], 0x44);
        r[i + 1] = _mm256_shuffle_ps(s[i], s[i + 2], 0xee);
        r[i + 2] = _mm256_shuffle_ps(s[i + 1], s[i + 3], 0x44);
        r[i + 3] = _mm256_shuffle_ps(s[i + 1], s[i + 3], 0xee);
    }
    for (size_t i = 0; i < 4; i++) { /* and of all eight */
        _mm256_storeu_ps(y + i * ldy, _mm256_permute2f128_ps(r[i], r[i + 4], 0x20));
        _mm256_storeu_ps(y + (i + 4) * ldy, _mm256_permute2f128_ps(r[i], r[i + 4], 0x31));
    }
}

static inline void transpose_edge(float *y, size_t ldy, const float *x, size_t ldx, size_t rows, size_t columns)
{
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < columns; j++)
            y[j * ldy + i] = x[i * ldx + j];
}

static void transpose_avx2(float *y, size_t ldy, const float *x, size_t ldx, size_t rows, size_t columns)
{
    const size_t whole_rows = rows & ~(size_t)7, whole_columns = columns & ~(size_t)7;
    for (size_t j = 0; j < whole_columns; j += 8)
        for (size_t i = 0; i < whole_rows; i += 8)
            transpose_8x8(y + j * ldy + i, ldy, x + i * ldx + j, ldx);
    transpose_edge(y + whole_columns * ldy, ldy, x + whole_columns, ldx, whole_rows, columns - whole_columns);
    transpose_edge(y + whole_rows, ldy, x + whole_rows * ldx, ldx, rows - whole_rows, columns);
}

void df_pointwise_init_avx2(DfPointwiseKernels *k)
{
    k->act = act_avx2;
    k->act_grad = act_grad_avx2;
    k->add = add_avx2;
    k->mul = mul_avx2;
    k->max = max_avx2;
    k->scale = scale_avx2;
    k->affine = affine_avx2;
    k->accumulate = accumulate_avx2;
    k->accumulate_product = accumulate_product_avx2;
    k->accumulate_centred = accumulate_centred_avx2;
    k->accumulate_square = accumulate_square_avx2;
    k->sum = sum_avx2;
    k->dot = dot_avx2;
    k->blend = blend_avx2;
    k->transpose = transpose_avx2;
}
