/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/pointwise/pointwise_v8.c -- kernels on single elements, weighted sums of rows and transposition, eight
 * floats at a time.
 *
 * Each kernel is one step on eight lanes, and a loop that runs it; the last step of the loop has only the lanes that
 * are left. The loops take the step as a constant argument and are inlined.
 */
#include "kernels/act_v8.h"
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
        v8_store(y + i, step(v8_load(x + i)));
    if (i == n)
        return;
    const V8Part rest = v8_first((int)(n - i));
    v8_store_part(y + i, rest, step(v8_load_part(x + i, rest)));
}

static inline void binary(Binary *step, float *y, const float *a, const float *b, size_t n)
{
    size_t i = 0;
    for (; i + 8 <= n; i += 8)
        v8_store(y + i, step(v8_load(a + i), v8_load(b + i)));
    if (i == n)
        return;
    const V8Part rest = v8_first((int)(n - i));
    v8_store_part(y + i, rest, step(v8_load_part(a + i, rest), v8_load_part(b + i, rest)));
}

static inline void ternary(Ternary *step, float *y, const float *a, const float *b, const float *c, size_t n)
{
    size_t i = 0;
    for (; i + 8 <= n; i += 8)
        v8_store(y + i, step(v8_load(a + i), v8_load(b + i), v8_load(c + i)));
    if (i == n)
        return;
    const V8Part rest = v8_first((int)(n - i));
    v8_store_part(y + i, rest, step(v8_load_part(a + i, rest), v8_load_part(b + i, rest),
                                          v8_load_part(c + i, rest)));
}

static inline void quaternary(Quaternary *step, float *y, const float *a, const float *b, const float *c,
                              const float *d, size_t n)
{
    size_t i = 0;
    for (; i + 8 <= n; i += 8)
        v8_store(y + i, step(v8_load(a + i), v8_load(b + i), v8_load(c + i),
                                     v8_load(d + i)));
    if (i == n)
        return;
    const V8Part rest = v8_first((int)(n - i));
    v8_store_part(y + i, rest, step(v8_load_part(a + i, rest), v8_load_part(b + i, rest),
                                          v8_load_part(c + i, rest), v8_load_part(d + i, rest)));
}

/* ---- activations ------------------------------------------------------------------------------------------------ */

static inline V8 relu(V8 x) { return v8_act(DF_ACT_RELU, x); }
static inline V8 gelu_tanh(V8 x) { return v8_act(DF_ACT_GELU_TANH, x); }
static inline V8 same(V8 x) { return x; }

static void act_v8(DfAct act, float *y, const float *x, size_t n)
{
    switch (act) {
    case DF_ACT_RELU: unary(relu, y, x, n); break;
    case DF_ACT_GELU: unary(v8_gelu, y, x, n); break;
    case DF_ACT_GELU_TANH: unary(gelu_tanh, y, x, n); break;
    case DF_ACT_SIGMOID: unary(v8_sigmoid, y, x, n); break;
    case DF_ACT_TANH: unary(v8_tanh, y, x, n); break;
    case DF_ACT_NONE: unary(same, y, x, n); break;
    default: df_act_c(act, y, x, n); break;
    }
}

static inline V8 relu_grad(V8 gx, V8 g, V8 x)
{
    return v8_add(gx, v8_where(v8_gt(x, v8_zero()), g));
}

/* Phi(x) + x phi(x) */
static inline V8 gelu_grad(V8 gx, V8 g, V8 x)
{
    const V8 half = v8_set(0.5f), square = v8_mul(x, x);
    const V8 phi = v8_mul(v8_set(0.398942280f), v8_exp_le(v8_mul(square, v8_set(-0.5f))));
    const V8 Phi = v8_fma(half, v8_erf(v8_mul(x, v8_set(0.707106781f))), half);
    return v8_fma(g, v8_fma(x, phi, Phi), gx);
}

static inline V8 gelu_tanh_grad(V8 gx, V8 g, V8 x)
{
    const V8 half = v8_set(0.5f), one = v8_set(1.0f), square = v8_mul(x, x);
    const V8 inner = v8_mul(x, v8_fma(v8_set(0.0356774081f), square, v8_set(0.797884561f)));
    const V8 inner_slope = v8_fma(v8_set(0.107032224f), square, v8_set(0.797884561f));
    const V8 t = v8_tanh(inner), t_slope = v8_fnma(t, t, one);
    const V8 twice = v8_fma(v8_mul(x, t_slope), inner_slope, v8_add(one, t));
    return v8_fma(g, v8_mul(half, twice), gx);
}

static inline V8 sigmoid_grad(V8 gx, V8 g, V8 x)
{
    const V8 other = v8_sigmoid(v8_negate(x)); /* 1 - sigmoid(x), without cancelling */
    return v8_fma(g, v8_mul(v8_sigmoid(x), other), gx);
}

static inline V8 tanh_grad(V8 gx, V8 g, V8 x)
{
    const V8 t = v8_tanh(x);
    return v8_fma(g, v8_fnma(t, t, v8_set(1.0f)), gx);
}

static inline V8 same_grad(V8 gx, V8 g, V8 x)
{
    (void)x;
    return v8_add(gx, g);
}

static void act_grad_v8(DfAct act, float *gx, const float *g, const float *x, size_t n)
{
    switch (act) {
    case DF_ACT_RELU: ternary(relu_grad, gx, gx, g, x, n); break;
    case DF_ACT_GELU: ternary(gelu_grad, gx, gx, g, x, n); break;
    case DF_ACT_GELU_TANH: ternary(gelu_tanh_grad, gx, gx, g, x, n); break;
    case DF_ACT_SIGMOID: ternary(sigmoid_grad, gx, gx, g, x, n); break;
    case DF_ACT_TANH: ternary(tanh_grad, gx, gx, g, x, n); break;
    case DF_ACT_NONE: ternary(same_grad, gx, gx, g, x, n); break;
    default: df_act_grad_c(act, gx, g, x, n); break;
    }
}

/* ---- arithmetic ------------------------------------------------------------------------------------------------- */

static inline V8 plus(V8 a, V8 b) { return v8_add(a, b); }
static inline V8 times(V8 a, V8 b) { return v8_mul(a, b); }
static inline V8 larger(V8 a, V8 b) { return v8_max(a, b); }
static inline V8 product_plus(V8 a, V8 b, V8 c) { return v8_fma(a, b, c); }
static inline V8 plus_product(V8 y, V8 a, V8 b) { return v8_fma(a, b, y); }
static inline V8 plus_centred(V8 y, V8 g, V8 x, V8 mean) { return v8_fma(g, v8_sub(x, mean), y); }
static inline V8 plus_square(V8 y, V8 x, V8 mean)
{
    const V8 d = v8_sub(x, mean);
    return v8_fma(d, d, y);
}

static void add_v8(float *y, const float *a, const float *b, size_t n)
{
    binary(plus, y, a, b, n);
}

static void mul_v8(float *y, const float *a, const float *b, size_t n)
{
    binary(times, y, a, b, n);
}

static void max_v8(float *y, const float *a, const float *b, size_t n)
{
    binary(larger, y, a, b, n);
}

static void affine_v8(float *y, const float *x, const float *scale, const float *shift, size_t n)
{
    ternary(product_plus, y, x, scale, shift, n);
}

static void accumulate_product_v8(float *y, const float *a, const float *b, size_t n)
{
    ternary(plus_product, y, y, a, b, n);
}

static void accumulate_centred_v8(float *y, const float *g, const float *x, const float *mean, size_t n)
{
    quaternary(plus_centred, y, y, g, x, mean, n);
}

static void accumulate_square_v8(float *y, const float *x, const float *mean, size_t n)
{
    ternary(plus_square, y, y, x, mean, n);
}

static void scale_v8(float *y, const float *x, float factor, size_t n)
{
    const V8 f = v8_set(factor);
    size_t i = 0;
    for (; i + 8 <= n; i += 8)
        v8_store(y + i, v8_mul(f, v8_load(x + i)));
    const V8Part rest = v8_first((int)(n - i));
    v8_store_part(y + i, rest, v8_mul(f, v8_load_part(x + i, rest)));
}

static inline V4d inverse_root(V4d x, V4d eps)
{
    return v4d_div(v4d_set(1), v4d_sqrt(v4d_add(x, eps)));
}

static void inverse_root_v8(float *y, const float *x, float eps, size_t n)
{
    const V4d e = v4d_set((double)eps);
    for (size_t i = 0; i < n; i += 8) {
        const V8Part lanes = v8_first(n - i < 8 ? (int)(n - i) : 8);
        const V8 some = v8_load_part(x + i, lanes);
        v8_store_part(y + i, lanes, v8_rounded(inverse_root(v8_low(some), e), inverse_root(v8_high(some), e)));
    }
}

static void accumulate_v8(float *y, const float *x, float factor, size_t n)
{
    const V8 f = v8_set(factor);
    size_t i = 0;
    for (; i + 8 <= n; i += 8)
        v8_store(y + i, v8_fma(f, v8_load(x + i), v8_load(y + i)));
    const V8Part rest = v8_first((int)(n - i));
    const V8 sum = v8_fma(f, v8_load_part(x + i, rest), v8_load_part(y + i, rest));
    v8_store_part(y + i, rest, sum);
}

/* ---- sums, in float64 ------------------------------------------------------------------------------------------- */

static double sum_v8(const float *x, size_t n)
{
    V4d a = v4d_zero(), b = a;
    for (size_t i = 0; i < n; i += 8) {
        const V8 v = i + 8 <= n ? v8_load(x + i) : v8_load_part(x + i, v8_first((int)(n - i)));
        a = v4d_add(a, v8_low(v));
        b = v4d_add(b, v8_high(v));
    }
    return v4d_sum(v4d_add(a, b));
}

static double dot_v8(const float *x, const float *y, size_t n)
{
    V4d a = v4d_zero(), b = a;
    size_t i = 0;
    for (; i + 8 <= n; i += 8) {
        const V8 u = v8_load(x + i), v = v8_load(y + i);
        a = v4d_fma(v8_low(u), v8_low(v), a);
        b = v4d_fma(v8_high(u), v8_high(v), b);
    }
    const V8Part rest = v8_first((int)(n - i));
    const V8 u = v8_load_part(x + i, rest), v = v8_load_part(y + i, rest);
    a = v4d_fma(v8_low(u), v8_low(v), a);
    b = v4d_fma(v8_high(u), v8_high(v), b);
    return v4d_sum(v4d_add(a, b));
}

/* ---- taps ------------------------------------------------------------------------------------------------------- */

/* 32 channels at a time: four sums stay in registers during the loop over taps. */
static inline void blend_32(float *y, const float *const *tap, const float *weight, int taps, size_t at)
{
    V8 a = v8_zero(), b = a, c = a, d = a;
    for (int t = 0; t < taps; t++) {
        const V8 w = v8_set(weight[t]);
        const float *x = tap[t] + at;
        a = v8_fma(w, v8_load(x), a);
        b = v8_fma(w, v8_load(x + 8), b);
        c = v8_fma(w, v8_load(x + 16), c);
        d = v8_fma(w, v8_load(x + 24), d);
    }
    v8_store(y + at, a);
    v8_store(y + at + 8, b);
    v8_store(y + at + 16, c);
    v8_store(y + at + 24, d);
}

static void blend_v8(float *y, const float *const *tap, const float *weight, int taps, size_t n)
{
    size_t i = 0;
    for (; i + 32 <= n; i += 32)
        blend_32(y, tap, weight, taps, i);
    for (; i < n; i += 8) {
        const V8Part lanes = v8_first(n - i < 8 ? (int)(n - i) : 8);
        V8 sum = v8_zero();
        for (int t = 0; t < taps; t++)
            sum = v8_fma(v8_set(weight[t]), v8_load_part(tap[t] + i, lanes), sum);
        v8_store_part(y + i, lanes, sum);
    }
}

/* ---- the largest of several -------------------------------------------------------------------------------------- */

static inline void max_of_16(float *y, const float *const *tap, int taps, size_t at)
{
    V8 a = v8_load(tap[0] + at);
    V8 b = v8_load(tap[0] + at + 8);
    for (int t = 1; t < taps; t++) {
        a = v8_max(a, v8_load(tap[t] + at));
        b = v8_max(b, v8_load(tap[t] + at + 8));
    }
    v8_store(y + at, a);
    v8_store(y + at + 8, b);
}

static void max_of_v8(float *y, const float *const *tap, int taps, size_t n)
{
    size_t i = 0;
    for (; i + 16 <= n; i += 16)
        max_of_16(y, tap, taps, i);
    for (; i < n; i += 8) {
        const V8Part lanes = v8_first(n - i < 8 ? (int)(n - i) : 8);
        V8 most = v8_load_part(tap[0] + i, lanes);
        for (int t = 1; t < taps; t++)
            most = v8_max(most, v8_load_part(tap[t] + i, lanes));
        v8_store_part(y + i, lanes, most);
    }
}

/* ---- transposition ---------------------------------------------------------------------------------------------- */

static inline void transpose_8x8(float *y, size_t ldy, const float *x, size_t ldx)
{
    V8 r[8];
    for (size_t i = 0; i < 8; i++)
        r[i] = v8_load(x + i * ldx);
    v8_transpose(r);
    for (size_t i = 0; i < 8; i++)
        v8_store(y + i * ldy, r[i]);
}

static inline void transpose_edge(float *y, size_t ldy, const float *x, size_t ldx, size_t rows, size_t columns)
{
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < columns; j++)
            y[j * ldy + i] = x[i * ldx + j];
}

static void transpose_v8(float *y, size_t ldy, const float *x, size_t ldx, size_t rows, size_t columns)
{
    const size_t whole_rows = rows & ~(size_t)7, whole_columns = columns & ~(size_t)7;
    for (size_t j = 0; j < whole_columns; j += 8)
        for (size_t i = 0; i < whole_rows; i += 8)
            transpose_8x8(y + j * ldy + i, ldy, x + i * ldx + j, ldx);
    transpose_edge(y + whole_columns * ldy, ldy, x + whole_columns, ldx, whole_rows, columns - whole_columns);
    transpose_edge(y + whole_rows, ldy, x + whole_rows * ldx, ldx, rows - whole_rows, columns);
}

void df_pointwise_init_v8(DfPointwiseKernels *k)
{
    k->act = act_v8;
    k->act_grad = act_grad_v8;
    k->add = add_v8;
    k->mul = mul_v8;
    k->max = max_v8;
    k->max_of = max_of_v8;
    k->scale = scale_v8;
    k->affine = affine_v8;
    k->inverse_root = inverse_root_v8;
    k->accumulate = accumulate_v8;
    k->accumulate_product = accumulate_product_v8;
    k->accumulate_centred = accumulate_centred_v8;
    k->accumulate_square = accumulate_square_v8;
    k->sum = sum_v8;
    k->dot = dot_v8;
    k->blend = blend_v8;
    k->transpose = transpose_v8;
}
