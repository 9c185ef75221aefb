/* SPDX-License-Identifier: Apache-2.0
 *
 * backbone/dat/offsets.h -- private: the offset network of the deformable blocks, D and A.
 */
#ifndef DF_BACKBONE_DAT_OFFSETS_H
#define DF_BACKBONE_DAT_OFFSETS_H

#include "nn/nn.h"

typedef struct {
    NnConv conv;      /* conv_offset.0: depthwise, its weights shared by the groups */
    NnLayerNorm norm; /* conv_offset.1.norm                                         */
    NnLinear out;     /* conv_offset.3                                              */
    int groups;
} DatOffsets;

/* C channels in G groups, which divide them; `numbers` come out for each group and place. `shape` says kernel, stride
 * and padding. */
void df_dat_offsets_init(NnScope, DatOffsets *, int C, int G, NnConvShape shape, int numbers);
DfTensor *df_dat_offsets(DfCtx *, const DatOffsets *, DfTensor *q); /* B H W C -> B Hk Wk G numbers */

#endif
