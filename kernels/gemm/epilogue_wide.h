/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/gemm/epilogue_wide.h -- template of kernels/gemm/epilogue_v8.h and kernels/act_avx512.h (kernels/wide.h):
 * applies a DfEpilogue to WIDE floats. Only the lanes of `some` are read, or all of them if `whole`, which is a
 * constant wherever this is inlined.
 */
#include "kernels/wide.h"

static inline V v_load_some(const float *from, const bool whole, VPart some)
{
    return whole ? v_load(from) : v_load_part(from, some);
}

static inline void v_store_some(float *to, V x, const bool whole, VPart some)
{
    if (whole)
        v_store(to, x);
    else
        v_store_part(to, some, x);
}

/* For the results at offset `at` of the result (and residual), in columns from `column` on. */
static inline V v_epilogue_of(V y, const DfEpilogue *e, size_t at, size_t column, const bool whole, VPart some)
{
    if (e->bias)
        y = v_add(y, v_load_some(e->bias + column, whole, some));
    if (e->residual && e->inside)
        y = v_add(y, v_load_some(e->residual + at, whole, some));
    if (e->act != DF_ACT_NONE)
        y = v_act(e->act, y);
    if (e->scale)
        y = v_mul(y, v_load_some(e->scale + column, whole, some));
    if (e->residual && !e->inside)
        y = v_add(y, v_load_some(e->residual + at, whole, some));
    return y;
}
