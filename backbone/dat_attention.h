/* SPDX-License-Identifier: Apache-2.0
 *
 * backbone/dat_attention.h -- private: the deformable attention of DAT, block letter D.
 */
#ifndef DF_BACKBONE_DAT_ATTENTION_H
#define DF_BACKBONE_DAT_ATTENTION_H

#include "nn/nn.h"

typedef struct {
    int heads, groups, stride, ksize;
    int table_side;             /* side of the map that the position tables were made for  */
    double offset_range_factor; /* >= 0: tanh(offset) times this many cells; < 0: free, clamped */
    bool use_pe, fixed_pe, dwc_pe, log_cpb, no_off;
    bool code_2022;             /* the arithmetic of the code that the paper's checkpoints came with */
    bool fixed_size;            /* classification: a fixed_pe table is used as it is        */
    float proj_drop;
} DatAttentionOptions;

typedef struct {
    DatAttentionOptions o;
    int channels;
    NnConv offset_conv;         /* conv_offset.0: depthwise, its weights shared by the groups */
    NnLayerNorm offset_norm;    /* conv_offset.1.norm                                         */
    NnLinear offset_out;        /* conv_offset.3: to (dy, dx)                                 */
    NnLinear proj_q, proj_k, proj_v, proj_out;
    DfTensor *table;            /* rpe_table: heads 2H-1 2W-1, or heads HW Ns                 */
    NnConv lepe;                /* dwc_pe                                                     */
    NnLinear cpb[2];            /* log_cpb                                                    */
} DatAttention;

void dat_attention_init(NnScope, DatAttention *, int channels, DatAttentionOptions);
DfTensor *dat_attention_add(DfCtx *, const DatAttention *, DfTensor *x, NnResidual); /* B H W C, already normalised */

#endif
