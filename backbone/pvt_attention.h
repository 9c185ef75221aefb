/* SPDX-License-Identifier: Apache-2.0
 *
 * backbone/pvt_attention.h -- private: the spatial-reduction attention of both PVTs, and the options that they share.
 */
#ifndef DF_BACKBONE_PVT_ATTENTION_H
#define DF_BACKBONE_PVT_ATTENTION_H

#include "backbone/transformer.h"

enum { PVT_STAGES = 4 };
enum { PVT_DETECTION, PVT_CLASSIFICATION, PVT_PYTORCH /* what official detection configs say */ };

/* The constructor's arguments, by their official names. */
typedef struct {
    int img_size, patch_size, in_chans, num_classes, num_stages, style;
    DfInts embed_dims, num_heads, depths, sr_ratios;
    DfFloats mlp_ratios;
    double qk_scale, drop_rate, attn_drop_rate, drop_path_rate;
    bool qkv_bias, linear, F4;
    const DfNode *norm_layer;
} PvtOptions;

#define PVT_SIZES(T, dims, heads, ratios, blocks) \
    DF_OPT_INTS(T, embed_dims, dims, 1, 8192, "channels of each stage"), \
    DF_OPT_INTS(T, num_heads, heads, 1, 1024, "attention heads of each stage"), \
    DF_OPT_FLOATS(T, mlp_ratios, ratios, 0.01, 64, "hidden width of a block's MLP over its channels"), \
    DF_OPT_INTS(T, depths, blocks, 0, 1000, "blocks of each stage")
#define PVT_COMMON(T, bias, norm) \
    DF_OPT_INT(T, img_size, 224, 4, 65536, "image side that position embeddings are made for"), \
    DF_OPT_INT(T, in_chans, 3, 1, 4096, "channels of the image"), \
    DF_OPT_INT(T, num_classes, 1000, 0, 1000000, "classification: number of classes; 0 gives the pooled token"), \
    DF_OPT_INTS(T, sr_ratios, "[8, 4, 2, 1]", 1, 64, "keys are fewer than queries by this factor along each side"), \
    DF_OPT_INT(T, num_stages, 4, 1, 4, "how many stages"), \
    DF_OPT_BOOL(T, qkv_bias, bias, "query, key and value projections have a bias"), \
    DF_OPT_FLOAT(T, qk_scale, None, 0, 1e6, "replaces head_dim ** -0.5 if it is not 0"), \
    DF_OPT_FLOAT(T, drop_rate, 0.0, 0, 0.99, "training: dropout after projections"), \
    DF_OPT_FLOAT(T, attn_drop_rate, 0.0, 0, 0.99, "training: dropout of attention weights"), \
    DF_OPT_FLOAT(T, drop_path_rate, 0.1, 0, 0.99, "training: stochastic depth of the last block, growing linearly from 0"), \
    DF_OPT_NODE(T, norm_layer, norm, "LayerNorm with its eps; None means 1e-5"), \
    DF_OPT_ENUM(T, style, detection, "detection|classification|pytorch", "maps of any input size, or logits; pytorch: as in official detection configs, maps"), \
    DF_OPT_UNUSED(pretrained, "weights to start a training run from"), \
    DF_OPT_UNUSED(init_cfg, "weights to start a training run from")
/* The official configs lay the named networks over a ResNet's dict, whose keys they ignore. */
#define PVT_LEFTOVERS \
    DF_OPT_UNUSED(depth, "of the ResNet that official configs start from"), \
    DF_OPT_UNUSED(out_indices, "of the ResNet that official configs start from"), \
    DF_OPT_UNUSED(frozen_stages, "of the ResNet that official configs start from"), \
    DF_OPT_UNUSED(norm_cfg, "of the ResNet that official configs start from"), \
    DF_OPT_UNUSED(norm_eval, "of the ResNet that official configs start from"), \
    DF_OPT_UNUSED(strides, "of the ResNet that official configs start from"), \
    DF_OPT_UNUSED(dilations, "of the ResNet that official configs start from"), \
    DF_OPT_UNUSED(contract_dilation, "of the ResNet that official configs start from")
#define PVT_EPS6 "{'type': 'LayerNorm', 'eps': 1e-6}"

/* Checks that every list has an entry per stage and that heads divide channels; false if the model is poisoned. */
bool df_pvt_options_fit(NnScope, const PvtOptions *);
double df_pvt_norm_eps(const PvtOptions *); /* of the norms in blocks and after stages; the others have 1e-5 */
float df_pvt_drop_path(const PvtOptions *, int stage, int block);

/* Attention over keys and values from a reduced map: a strided convolution (sr_ratio), or pooling to 7x7 (linear). */
typedef struct {
    NnLinear q, kv, proj;
    NnConv sr;         /* sr_ratio > 1    */
    NnLinear pooled;   /* linear          */
    NnLayerNorm norm;
    int heads;
    bool linear;
    float scale, drop;
} PvtAttention;
void df_pvt_attention_init(NnScope, PvtAttention *, const PvtOptions *, int stage);
DfTensor *df_pvt_attention_add(DfCtx *, const PvtAttention *, DfTensor *x, NnResidual); /* B H W C, normalised -> B H W C */

#endif
