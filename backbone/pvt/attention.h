/* SPDX-License-Identifier: Apache-2.0
 *
 * backbone/pvt/attention.h -- private: the first half of a block of both PVTs, spatial-reduction attention.
 */
#ifndef DF_BACKBONE_PVT_ATTENTION_H
#define DF_BACKBONE_PVT_ATTENTION_H

#include "backbone/pvt/options.h"

/* Attention over keys and values from a map reduced by a strided convolution (sr_ratio > 1) or by pooling (linear). */
typedef struct {
    NnLayerNorm norm1;      /* before it                */
    NnLinear q, kv, proj;
    NnConv sr;              /* sr_ratio > 1             */
    NnLinear pooled;        /* linear                   */
    NnLayerNorm norm;       /* of the reduced map       */
    int heads;
    bool linear;
    float scale, drop, attn_drop, drop_path;
} PvtAttention;

/* Keys norm1.* and attn.* of the block's scope. */
void df_pvt_attention_init(NnScope block, PvtAttention *, const PvtOptions *, int stage, int index);
/* x + SRA(LN(x)): B H W C -> B H W C */
DfTensor *df_pvt_attention(DfCtx *, const PvtAttention *, DfTensor *x);

#endif
