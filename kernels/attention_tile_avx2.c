/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/attention_tile_avx2.c -- the leaves of attention for AVX2 and FMA.
 */
#include "kernels/attention_tile.h"
#include "kernels/ladder.h"
#include "kernels/vector_avx2.h"

void df_attention_init_avx2(DfAttentionKernels *k)
{
    (void)k;
}
