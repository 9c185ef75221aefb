/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/pointwise/rows_avx512.c -- layer norm of rows, sixteen floats at a time. Softmax is that of the AVX2 rung.
 */
#include "kernels/ladder.h"
#include "kernels/vector_avx512.h"

#define WIDE 16
#include "kernels/pointwise/layer_norm_wide.h"
#undef WIDE

void df_rows_init_avx512(DfPointwiseKernels *k)
{
    k->layer_norm = layer_norm;
    k->layer_norm_grad = layer_norm_grad;
}
