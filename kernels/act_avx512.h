/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/act_avx512.h -- private to the *_avx512.c files: activations and epilogues (DfEpilogue) of sixteen floats at
 * a time.
 */
#ifndef DF_KERNELS_ACT_AVX512_H
#define DF_KERNELS_ACT_AVX512_H

#include "kernels/act_c.h"
#include "kernels/gemm/gemm.h"
#include "kernels/vector_avx512.h"

#define WIDE 16
#include "kernels/act_wide.h"
#include "kernels/gemm/epilogue_wide.h"
#undef WIDE

/* Only the lanes `on` are read. */
static inline V16 v16_epilogue(V16 y, V16Part on, const DfEpilogue *e, size_t at, size_t column)
{
    return v16_epilogue_of(y, e, at, column, false, on);
}

#endif
