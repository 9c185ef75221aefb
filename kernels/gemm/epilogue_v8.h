/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/gemm/epilogue_v8.h -- private to the *_v8.c files: DfEpilogue on eight floats.
 */
#ifndef DF_KERNELS_GEMM_EPILOGUE_V8_H
#define DF_KERNELS_GEMM_EPILOGUE_V8_H

#include "kernels/act_v8.h"
#include "kernels/gemm/gemm.h"

/* For the eight results at offset `at` of the result (and residual), in columns from `column` on. */
static inline V8 v8_epilogue(V8 y, const DfEpilogue *e, size_t at, size_t column)
{
    if (e->bias)
        y = v8_add(y, v8_load(e->bias + column));
    if (e->residual && e->inside)
        y = v8_add(y, v8_load(e->residual + at));
    if (e->act != DF_ACT_NONE)
        y = v8_act(e->act, y);
    if (e->scale)
        y = v8_mul(y, v8_load(e->scale + column));
    if (e->residual && !e->inside)
        y = v8_add(y, v8_load(e->residual + at));
    return y;
}

#endif
