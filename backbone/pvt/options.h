/* SPDX-License-Identifier: Apache-2.0
 *
 * backbone/pvt/options.h -- private: the options that both PVTs share, by the names of the official constructors.
 */
#ifndef DF_BACKBONE_PVT_OPTIONS_H
#define DF_BACKBONE_PVT_OPTIONS_H

#include "nn/nn.h"

enum { PVT_STAGES = 4 };
enum { PVT_DETECTION, PVT_CLASSIFICATION, PVT_PYTORCH /* what official detection configs say */ };

typedef struct {
    int img_size, in_chans, num_classes, num_stages, style;
    DfInts patch_size;   /* v1, of stage 0: a side, or height and width */
    DfInts embed_dims, num_heads, depths, sr_ratios;
    DfFloats mlp_ratios;
    double layer_norm_eps, qk_scale, drop_rate, attn_drop_rate, drop_path_rate;
    bool qkv_bias, linear, F4, with_cp;
    const DfNode *norm_layer;
    const char *hidden_act;
} PvtOptions;

/* Checks that every list has an entry per stage and that heads divide channels; false if the model is poisoned. */
bool df_pvt_options_fit(NnScope, const PvtOptions *);
double df_pvt_norm_eps(const PvtOptions *);   /* of the norms in blocks and after stages              */
double df_pvt_other_eps(const PvtOptions *);  /* of those of patches and of reduced maps              */
float df_pvt_drop_path(const PvtOptions *, int stage, int block);

/* ---- rows for option tables of a struct T that begins with a PvtOptions ------------------------------------------ */

#define PVT_SIZES(T, dims, heads, ratios, blocks) \
    DF_OPT_INTS(T, embed_dims, dims, 1, 8192, "number of channels of each stage"), \
    DF_OPT_INTS(T, num_heads, heads, 1, 1024, "number of attention heads of each stage"), \
    DF_OPT_FLOATS(T, mlp_ratios, ratios, 0.01, 64, "hidden width of a block's MLP, in multiples of its channels"), \
    DF_OPT_INTS(T, depths, blocks, 0, 1000, "number of blocks of each stage")
#define PVT_COMMON(T, bias, norm) \
    DF_OPT_INT(T, img_size, 224, 4, 65536, "side of the image that position embeddings are made for, in pixels"), \
    DF_OPT_INT(T, in_chans, 3, 1, 4096, "number of channels of the image"), \
    DF_OPT_INT(T, num_classes, 1000, 0, 1000000, \
               "classification: number of classes; 0: no classifier, the class token is output"),             \
    DF_OPT_INTS(T, sr_ratios, "[8, 4, 2, 1]", 1, 64, \
                "factor by which each side of the map of keys is reduced, for each stage"), \
    DF_OPT_INT(T, num_stages, 4, 1, 4, "number of stages"), \
    DF_OPT_BOOL(T, qkv_bias, bias, "the projections to query, key and value have a bias"), \
    DF_OPT_FLOAT(T, qk_scale, None, 0, 1e6, \
                 "factor of the attention scores; None or 0: 1 / sqrt(channels of a head)"), \
    DF_OPT_FLOAT(T, drop_rate, 0.0, 0, 0.99, "training: dropout after the projections and in the MLPs"), \
    DF_OPT_FLOAT(T, attn_drop_rate, 0.0, 0, 0.99, "training: dropout of attention weights"), \
    DF_OPT_FLOAT(T, drop_path_rate, 0.1, 0, 0.99, \
                 "training: probability that the last block is skipped (stochastic depth); it grows linearly from 0"), \
    DF_OPT_BOOL(T, with_cp, False, "training: recompute blocks in the backward pass, to save memory"),                 \
    DF_OPT_TEXT(T, hidden_act, "'GELU'", "activation in the MLPs"), \
    DF_OPT_NODE(T, norm_layer, norm, "the LayerNorm of blocks, with its eps; None: eps is 1e-5"), \
    DF_OPT_FLOAT(T, layer_norm_eps, None, 0, 1, \
                 "transformers: eps of every norm; None or 0: that of norm_layer, and 1e-5 for patches and reduced " \
                 "maps"), \
    DF_OPT_ENUM(T, style, detection, "detection|classification|pytorch", \
                "detection: maps, for images of any size; classification: logits; pytorch: as detection"), \
    DF_OPT_UNUSED(pretrained, "in training: weights to begin with, if they are a file"), \
    DF_OPT_UNUSED(init_cfg, "in training: weights to begin with, if they are a file")
/* The official configs lay the named networks over a ResNet's dict, whose keys they ignore. */
#define PVT_LEFTOVERS \
    DF_OPT_UNUSED(depth, "setting of a ResNet, left over in the official configs; not used"), \
    DF_OPT_UNUSED(out_indices, "setting of a ResNet, left over in the official configs; not used"), \
    DF_OPT_UNUSED(frozen_stages, "setting of a ResNet, left over in the official configs; not used"), \
    DF_OPT_UNUSED(norm_cfg, "setting of a ResNet, left over in the official configs; not used"), \
    DF_OPT_UNUSED(norm_eval, "setting of a ResNet, left over in the official configs; not used"), \
    DF_OPT_UNUSED(strides, "setting of a ResNet, left over in the official configs; not used"), \
    DF_OPT_UNUSED(dilations, "setting of a ResNet, left over in the official configs; not used"), \
    DF_OPT_UNUSED(contract_dilation, "setting of a ResNet, left over in the official configs; not used")
#define PVT_EPS6 "{'type': 'LayerNorm', 'eps': 1e-6}"

#endif
