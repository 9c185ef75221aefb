/* SPDX-License-Identifier: Apache-2.0
 *
 * backbone/pvt/block.h -- private: a block of PVT and PVT v2, attention and an MLP. In v2 the MLP has a depthwise
 * convolution between its layers.
 */
#ifndef DF_BACKBONE_PVT_BLOCK_H
#define DF_BACKBONE_PVT_BLOCK_H

#include "backbone/pvt/attention.h"

typedef struct {
    PvtAttention attn;
    NnLayerNorm norm2;
    NnMlp mlp;
    NnConv dwconv;       /* v2; else without a weight                           */
    DfAct first_act;     /* v2, behind fc1: ReLU in the linear form, else none  */
    float drop_path;
} PvtBlock;

typedef enum { PVT_MLP, PVT_CONV_MLP } PvtMlpKind;

/* The blocks of a stage, keys blockN.J.{attn,norm1,norm2,mlp}.*, N = stage + 1. NULL if the model is poisoned. */
PvtBlock *df_pvt_blocks_init(NnScope, const PvtOptions *, PvtMlpKind, int stage);

/* Runs the blocks of a stage, each once more on the way back with o->with_cp. B H W C -> B H W C */
DfTensor *df_pvt_blocks(DfCtx *, const PvtBlock *, const PvtOptions *o, int stage, DfTensor *x);

/* "patch_embed1" of stage 0, ..: the scope of the patches. */
const char *df_pvt_patches_name(int stage);

/* He's: normal, by the number of outputs; as all convolutions of v2. */
void df_pvt_conv_init(NnScope, NnConv *, int in, int out, NnConvShape shape);

#endif
