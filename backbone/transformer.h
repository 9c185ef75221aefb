/* SPDX-License-Identifier: Apache-2.0
 *
 * backbone/transformer.h -- private: what the transformers among the backbones have in common. Swin and the networks that grew from
 * its code also share their options.
 */
#ifndef DF_BACKBONE_TRANSFORMER_H
#define DF_BACKBONE_TRANSFORMER_H

#include "backbone/backbone.h"

void df_transformer_linear_init(NnScope, NnLinear *, int in, int out, bool bias); /* timm's: a truncated normal, biases 0 */
void df_transformer_mlp_init(NnScope, NnMlp *, int dim, int hidden, double drop);  /* fc1, GELU, fc2                      */
/* Stochastic depth: the probability of a block, growing linearly from 0 to `rate`. */
float df_transformer_drop_path(double rate, int block, int blocks);
/* Poisons the context where a pass cannot be run: an image whose sides are not img_size (0: any will do), training with dropped attention weights. */
void df_transformer_check(DfCtx *, const DfTensor *image, int img_size, double attn_drop_rate);

/* For a struct T with fields of the same names. */
#define WINDOW_OPTIONS(T, drop_path) \
    DF_OPT_INT(T, patch_size, 4, 1, 64, "side of a patch, in pixels"), \
    DF_OPT_INT(T, in_chans, 3, 1, 64, "channels of the image"), \
    DF_OPT_INT(T, num_classes, 1000, 0, 1000000, "classification: number of classes; 0 gives the mean token"), \
    DF_OPT_INT(T, embed_dim, 96, 1, 8192, "channels of stage 0; doubled from stage to stage"), \
    DF_OPT_INTS(T, depths, "[2, 2, 6, 2]", 0, 1000, "blocks of each stage"), \
    DF_OPT_INTS(T, num_heads, "[3, 6, 12, 24]", 1, 1024, "attention heads of each stage"), \
    DF_OPT_INT(T, window_size, 7, 1, 64, "side of an attention window, in tokens"), \
    DF_OPT_FLOAT(T, mlp_ratio, 4.0, 0.01, 64, "hidden width of a block's MLP over its channels"), \
    DF_OPT_BOOL(T, qkv_bias, True, "query, key and value projections have a bias"), \
    DF_OPT_FLOAT(T, qk_scale, None, 0, 1e6, "replaces head_dim ** -0.5 if it is not 0"), \
    DF_OPT_FLOAT(T, drop_rate, 0.0, 0, 0.99, "training: dropout after projections"), \
    DF_OPT_FLOAT(T, attn_drop_rate, 0.0, 0, 0.99, "training: dropout of attention weights"), \
    DF_OPT_FLOAT(T, drop_path_rate, drop_path, 0, 0.99, "training: stochastic depth of the last block, growing linearly from 0"), \
    DF_OPT_BOOL(T, ape, False, "add a learned absolute position embedding"), \
    DF_OPT_BOOL(T, patch_norm, True, "normalise patch embeddings"), \
    DF_OPT_INTS(T, out_indices, "[0, 1, 2, 3]", 0, 7, "detection: stages whose maps are given"), \
    DF_OPT_UNUSED(frozen_stages, "which stages a training run leaves alone"), \
    DF_OPT_UNUSED(use_checkpoint, "trades time for memory in PyTorch training"), \
    DF_OPT_UNUSED(pretrained, "weights to start a training run from"), \
    DF_OPT_UNUSED(init_cfg, "weights to start a training run from")

#endif
