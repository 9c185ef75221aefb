/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/act_avx512.h -- private to the *_avx512.c files: the activations, and DfEpilogue, on sixteen floats.
 */
#ifndef DF_KERNELS_ACT_AVX512_H
#define DF_KERNELS_ACT_AVX512_H

#include "kernels/act_v8.h"
#include "kernels/gemm/gemm.h"
#include "kernels/vector_avx512.h"

/* The rarer ones, as two halves. */
static inline V16 v16_act_halves(DfAct act, V16 x)
{
    const V8 low = v8_act(act, _mm512_castps512_ps256(x));
    const V8 high = v8_act(act, _mm256_castpd_ps(_mm512_extractf64x4_pd(_mm512_castps_pd(x), 1)));
    const __m512d joined = _mm512_castpd256_pd512(_mm256_castps_pd(low));
    return _mm512_castpd_ps(_mm512_insertf64x4(joined, _mm256_castps_pd(high), 1));
}

static inline V16 v16_act(DfAct act, V16 x)
{
    switch (act) {
    case DF_ACT_RELU: return v16_relu(x);
    case DF_ACT_GELU: return v16_gelu(x);
    case DF_ACT_GELU_TANH: case DF_ACT_SIGMOID: case DF_ACT_TANH: return v16_act_halves(act, x);
    case DF_ACT_NONE: break;
    }
    return x;
}

/* For the results at offset `at` of the result (and residual), in columns from `column` on; only the lanes `on` are
 * read. */
static inline V16 v16_epilogue(V16 y, __mmask16 on, const DfEpilogue *e, size_t at, size_t column)
{
    if (e->bias)
        y = _mm512_add_ps(y, _mm512_maskz_loadu_ps(on, e->bias + column));
    if (e->residual && e->inside)
        y = _mm512_add_ps(y, _mm512_maskz_loadu_ps(on, e->residual + at));
    if (e->act != DF_ACT_NONE)
        y = v16_act(e->act, y);
    if (e->scale)
        y = _mm512_mul_ps(y, _mm512_maskz_loadu_ps(on, e->scale + column));
    if (e->residual && !e->inside)
        y = _mm512_add_ps(y, _mm512_maskz_loadu_ps(on, e->residual + at));
    return y;
}

#endif
