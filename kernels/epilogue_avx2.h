/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/epilogue_avx2.h -- private to the *_avx2.c files: DfEpilogue on eight floats.
 */
#ifndef DF_KERNELS_EPILOGUE_AVX2_H
#define DF_KERNELS_EPILOGUE_AVX2_H

#include "kernels/kernels.h"
#include "kernels/vector_avx2.h"

/* x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2, the approximation. */
static inline V8 v8_tanh_form_of_gelu(V8 x)
{
    const V8 half = _mm256_mul_ps(v8_set(0.5f), x), square = _mm256_mul_ps(x, x);
    const V8 inner = _mm256_mul_ps(x, _mm256_fmadd_ps(v8_set(0.0356774081f), square, v8_set(0.797884561f)));
    return _mm256_fmadd_ps(half, v8_tanh(inner), half);
}

static inline V8 v8_act(DfAct act, V8 x)
{
    switch (act) {
    case DF_ACT_RELU: return _mm256_max_ps(_mm256_setzero_ps(), x); /* in this order max keeps a NaN */
    case DF_ACT_GELU: return v8_gelu(x);
    case DF_ACT_GELU_TANH: return v8_tanh_form_of_gelu(x);
    case DF_ACT_SIGMOID: return v8_sigmoid(x);
    case DF_ACT_TANH: return v8_tanh(x);
    case DF_ACT_NONE: break;
    }
    return x;
}

/* For the eight results at offset `at` of the result (and residual), in columns from `column` on. */
static inline V8 v8_epilogue(V8 y, const DfEpilogue *e, size_t at, size_t column)
{
    if (e->bias)
        y = _mm256_add_ps(y, _mm256_loadu_ps(e->bias + column));
    if (e->act != DF_ACT_NONE)
        y = v8_act(e->act, y);
    if (e->scale)
        y = _mm256_mul_ps(y, _mm256_loadu_ps(e->scale + column));
    if (e->residual)
        y = _mm256_add_ps(y, _mm256_loadu_ps(e->residual + at));
    return y;
}

#endif
