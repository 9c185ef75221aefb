/* SPDX-License-Identifier: Apache-2.0
 *
 * backbone/transformer.h -- private: the parts that the transformer backbones share. Swin and the networks derived
 * from its code also share their options.
 */
#ifndef DF_BACKBONE_TRANSFORMER_H
#define DF_BACKBONE_TRANSFORMER_H

#include "backbone/backbone.h"

/* ---- construction: timm's starting weights, normal with deviation 0.02 and cut off, biases 0 --------------------- */

void df_transformer_linear_init(NnScope, NnLinear *, int in, int out, bool bias);
void df_transformer_mlp_init(NnScope, NnMlp *, int dim, int hidden, double drop); /* keys fc1.*, fc2.*; GELU */

void df_transformer_norm_init(NnScope, NnLayerNorm *, const DfNode *norm_cfg, int dim); /* mmcv's LN; others poison */

/* Attention in windows, eq. 4 of the Swin paper. attn: all but the scale. qk_scale as below. Keys:
 * relative_position_bias_table, qkv.*, proj.* */
void df_transformer_window_init(NnScope, NnWindowAttention *, int dim, DfWindowAttention attn, double qk_scale,
                                bool qkv_bias);

/* 1 / sqrt(D) of eq. 4 of the Swin paper for heads of D = dim / heads channels, or `given` where a config has qk_scale
 * > 0. */
float df_transformer_scale(double given, int dim, int heads);

/* Stochastic depth (Huang et al., ECCV 2016): the probability that a block is dropped, which grows linearly from 0 for
 * the first block of the network to `rate` for the last. depths: blocks of each stage. */
float df_transformer_drop_path(double rate, DfInts depths, int stage, int block);

/* Swin's detection code: with frozen_stages >= 0 the patch embedding is left as it is, with >= 1 the absolute position
 * embedding, with >= 2 the first frozen_stages - 1 stages, in which nothing is dropped either. To be called when all is
 * built. */
void df_transformer_freeze(NnScope, int frozen_stages);
static inline bool df_transformer_is_frozen(int frozen_stages, int stage)
{
    return stage < frozen_stages - 1;
}

/* The norm of a stage's map in a detector, keys norm0.*, norm1.*, .. A classification checkpoint has none, so they are
 * optional. */
void df_transformer_output_init(NnScope, NnLayerNorm *, int stage, int dim);

/* A side in pixels, or height and width: `axis` 0 is the height. */
static inline int df_transformer_side(DfInts pair, int axis)
{
    return pair.v[pair.n > 1 ? axis : 0];
}
bool df_transformer_pair_fits(NnScope, const char *name, DfInts pair); /* false poisons the model */

/* ---- stages: those of Swin, as mmdet has it too, and of Focal ---------------------------------------------------- */

/* Where the networks differ: in their blocks, and in how they go on to the next stage. `net` is the network. */
typedef struct {
    const char *scope;   /* what a stage is called while it runs; NULL: "layers"       */
    size_t block_size;
    void (*block_init)(NnScope, void *block, const void *net, int i, int j);     /* block j of stage i        */
    DfTensor *(*block)(DfCtx *, const void *block, DfTensor *x, int j);          /* B H W C -> B H W C        */
    size_t downsample_size;
    void (*downsample_init)(NnScope, void *downsample, const void *net, int i);  /* from stage i to the next  */
    DfTensor *(*downsample)(DfCtx *, const void *downsample, DfTensor *x);       /* B H W C -> B H/2 W/2 2C   */
} TransformerParts;

typedef struct {
    const TransformerParts *parts;
    int depth;
    void *blocks;        /* `depth` of them, of the network's own type                 */
    void *downsample;    /* of the network's own type; NULL in the last stage          */
    /* set by the network */
    NnLayerNorm norm;    /* of its map; without a weight where that is not given, or as it is */
    bool plain;          /* its map is given as it is                                  */
    bool checkpoints;    /* training: each block runs once more on the way back        */
    bool frozen;         /* training leaves it as it is                                */
} TransformerStage;

/* Makes the blocks of stage i, keys blocks.J.*, and in all but the last stage the way to the next, keys downsample.*.
 * depths: blocks of each stage. */
void df_transformer_stage_init(NnScope, TransformerStage *, const TransformerParts *, const void *net, DfInts depths,
                               int i);

/* Runs the blocks of stage i, gives norm(x) as the next map of a detector, and goes on to the next stage. */
DfTensor *df_transformer_stage(DfCtx *, const TransformerStage *, int i, DfTensor *x, DfMaps *out);

/* ---- forward ----------------------------------------------------------------------------------------------------- */

/* Poisons the context where a pass cannot be run: an image that is not H x W. */
void df_transformer_check(DfCtx *, const DfTensor *image, int H, int W);

/* Zeros below and to the right, so that the image is whole patches (a side, or height and width). */
DfTensor *df_transformer_pad(DfCtx *, DfTensor *image, DfInts patch);        /* N H W C -> N H' W' C */

/* x plus an embedding of the absolute position, 1 h w C. On a map of another size it is resized. B H W C -> B H W C */
DfTensor *df_transformer_add_position(DfCtx *, DfTensor *x, DfTensor *position);

/* How a network that classifies ends: head(mean of norm(x)). Without a head it is that mean. N H W C -> N classes */
DfTensor *df_transformer_classify(DfCtx *, const NnLayerNorm *norm, const NnLinear *head, DfTensor *x);

/* ---- options of Swin and Focal, for a struct T with fields of the same names ------------------------------------- */

#define WINDOW_OPTIONS(T, drop_path) \
    DF_OPT_INTS(T, patch_size, "[4]", 1, 64, "side of a patch, or its height and width, in pixels"), \
    DF_OPT_INT(T, in_chans, 3, 1, 4096, "number of channels of the image"), \
    DF_OPT_INT(T, num_classes, 1000, 0, 1000000, \
               "classification: number of classes; 0: no classifier, the mean token is output"),        \
    DF_OPT_INT(T, embed_dim, 96, 1, 8192, \
               "number of channels of stage 0; each stage has twice those of the one before"), \
    DF_OPT_INTS(T, depths, "[2, 2, 6, 2]", 0, 1000, "number of blocks of each stage"), \
    DF_OPT_INTS(T, num_heads, "[3, 6, 12, 24]", 1, 1024, "number of attention heads of each stage"), \
    DF_OPT_INT(T, window_size, 7, 1, 64, "side of an attention window, in tokens"), \
    DF_OPT_FLOAT(T, mlp_ratio, 4.0, 0.01, 64, "hidden width of a block's MLP, in multiples of its channels"), \
    DF_OPT_BOOL(T, qkv_bias, True, "the projections to query, key and value have a bias"), \
    DF_OPT_FLOAT(T, drop_rate, 0.0, 0, 0.99, "training: dropout after the projections and in the MLPs"), \
    DF_OPT_FLOAT(T, attn_drop_rate, 0.0, 0, 0.99, "training: dropout of attention weights"), \
    DF_OPT_FLOAT(T, drop_path_rate, drop_path, 0, 0.99, \
                 "training: probability that the last block is skipped (stochastic depth); it grows linearly from 0"), \
    DF_OPT_BOOL(T, ape, False, "add a learned embedding of the absolute position to the patches"), \
    DF_OPT_BOOL(T, patch_norm, True, "apply a norm after the patch embedding"),                                        \
    DF_OPT_INTS(T, out_indices, "[0, 1, 2, 3]", 0, 7, "detection: stages whose maps are output, counted from 0"), \
    DF_OPT_INT(T, frozen_stages, -1, -1, 8, \
               "detection, training: n >= 0: the patch embedding stays as it is; and so do the first n - 1 stages"), \
    DF_OPT_BOOL(T, use_checkpoint, False, "training: recompute blocks in the backward pass, to save memory"),        \
    DF_OPT_UNUSED(pretrained, "in training: weights to begin with, if they are a file"), \
    DF_OPT_UNUSED(init_cfg, "in training: weights to begin with, if they are a file")

#endif
