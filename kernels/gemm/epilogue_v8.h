/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/gemm/epilogue_v8.h -- private to the *_v8.c files: epilogues (DfEpilogue) of eight floats at a time.
 */
#ifndef DF_KERNELS_GEMM_EPILOGUE_V8_H
#define DF_KERNELS_GEMM_EPILOGUE_V8_H

#include "kernels/act_v8.h"
#include "kernels/gemm/gemm.h"

#define WIDE 8
#include "kernels/gemm/epilogue_wide.h"
#undef WIDE

static inline V8 v8_epilogue(V8 y, const DfEpilogue *e, size_t at, size_t column)
{
    return v8_epilogue_of(y, e, at, column, true, v8_first(8));
}

#endif
