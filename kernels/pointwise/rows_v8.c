/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/pointwise/rows_v8.c -- softmax and layer norm of rows, eight floats at a time. A row is read from memory
 * once and from the first-level cache after that.
 */
#include <math.h>

#include "kernels/ladder.h"
#include "kernels/vector.h"

static inline V8 only(V8 x, V8Part lanes) /* 0 in the others */
{
    return v8_where(v8_lanes(lanes), x);
}

/* ---- softmax ---------------------------------------------------------------------------------------------------- */

static inline float largest(const float *x, size_t n)
{
    V8 top = v8_set(-INFINITY);
    size_t i = 0;
    for (; i + 8 <= n; i += 8)
        top = v8_max(top, v8_load(x + i));
    const V8Part rest = v8_first((int)(n - i));
    const V8 last = v8_choose(v8_lanes(rest), v8_load_part(x + i, rest), top);
    return v8_largest(v8_max(top, last));
}

static inline void scale_row(float *y, float factor, size_t n)
{
    const V8 f = v8_set(factor);
    size_t i = 0;
    for (; i + 8 <= n; i += 8)
        v8_store(y + i, v8_mul(f, v8_load(y + i)));
    const V8Part rest = v8_first((int)(n - i));
    v8_store_part(y + i, rest, v8_mul(f, v8_load_part(y + i, rest)));
}

static inline void softmax_row(float *y, const float *x, size_t n)
{
    const V8 top = v8_set(largest(x, n));
    V8 sum = v8_zero();
    size_t i = 0;
    for (; i + 8 <= n; i += 8) {
        const V8 e = v8_exp_le(v8_sub(v8_load(x + i), top));
        v8_store(y + i, e);
        sum = v8_add(sum, e);
    }
    const V8Part rest = v8_first((int)(n - i));
    const V8 e = only(v8_exp_le(v8_sub(v8_load_part(x + i, rest), top)), rest);
    v8_store_part(y + i, rest, e);
    scale_row(y, 1 / v8_sum(v8_add(sum, e)), n);
}

static void softmax_v8(float *y, const float *x, size_t rows, size_t n)
{
    for (size_t i = 0; i < rows; i++)
        softmax_row(y + i * n, x + i * n, n);
}

static inline float inner_product(const float *a, const float *b, size_t n)
{
    V8 sum = v8_zero();
    size_t i = 0;
    for (; i + 8 <= n; i += 8)
        sum = v8_fma(v8_load(a + i), v8_load(b + i), sum);
    const V8Part rest = v8_first((int)(n - i));
    return v8_sum(v8_fma(v8_load_part(a + i, rest), v8_load_part(b + i, rest), sum));
}

static void softmax_grad_v8(float *gx, const float *g, const float *y, size_t rows, size_t n)
{
    for (size_t row = 0; row < rows; row++, gx += n, g += n, y += n) {
        const V8 inner = v8_set(inner_product(g, y, n));
        for (size_t i = 0; i < n; i += 8) {
            const V8Part lanes = v8_first(n - i < 8 ? (int)(n - i) : 8);
            const V8 d = v8_sub(v8_load_part(g + i, lanes), inner);
            const V8 before = v8_load_part(gx + i, lanes);
            v8_store_part(gx + i, lanes, v8_fma(v8_load_part(y + i, lanes), d, before));
        }
    }
}

/* ---- layer norm ------------------------------------------------------------------------------------------------- */

#define WIDE 8
#include "kernels/pointwise/layer_norm_wide.h"
#undef WIDE

void df_rows_init_v8(DfPointwiseKernels *k)
{
    k->softmax = softmax_v8;
    k->softmax_grad = softmax_grad_v8;
    k->layer_norm = layer_norm;
    k->layer_norm_grad = layer_norm_grad;
}
