/* SPDX-License-Identifier: Apache-2.0
 *
 * backbone/swin.h -- private: the parts that Swin (swin.c) and Swin v2 (swin_v2.c) share.
 */
#ifndef DF_BACKBONE_SWIN_H
#define DF_BACKBONE_SWIN_H

#include "backbone/transformer.h"

enum { DETECTION, CLASSIFICATION };

typedef struct {
    NnLayerNorm norm1, norm2;
    NnWindowAttention attn;
    NnCosineWindowAttention cosine; /* v2: in place of `attn` */
    NnMlp mlp;
    float drop_path;
} SwinBlock;

typedef struct {
    NnLayerNorm norm;    /* of 4C channels; v2: of 2C */
    NnLinear reduction;  /* to 2C                     */
} SwinMerging;

typedef struct Swin Swin;

/* Where Swin and Swin v2 differ. */
typedef struct {
    TransformerParts parts;  /* a block, and merging                      */
    void (*attention_init)(NnScope, SwinBlock *, const Swin *, int stage, DfWindowAttention);
    void (*norm_init)(NnScope, NnLayerNorm *, int dim, const Swin *); /* of a block */
    int merging_normed;      /* how many times the channels of a map merging norms */
} SwinKind;

struct Swin {
    const SwinKind *kind;
    /* options */
    int in_chans, num_classes, embed_dim, window_size, style, frozen_stages;
    DfInts pretrain_img_size, img_size, patch_size; /* a side, or height and width */
    DfInts depths, num_heads, out_indices, pretrained_window_sizes;
    DfInts stage_windows, stage_shifts; /* of each stage; none: what window_size and img_size come to */
    bool pad_after_shift, shrink_windows, out_norm;
    double layer_norm_eps, mlp_ratio, qk_scale, drop_rate, attn_drop_rate, drop_path_rate;
    bool qkv_bias, ape, patch_norm, use_checkpoint;
    const char *hidden_act;
    /* modules */
    NnConv embed;
    NnLayerNorm embed_norm;
    DfTensor *position;  /* absolute_pos_embed: 1 h w C, or 1 h*w C in classification; NULL without ape */
    TransformerStage *stages; /* of SwinBlocks and a SwinMerging */
    NnLayerNorm norm;    /* classification: before the head */
    NnLinear head;
};

/* The parts of either, which are made alike and run as `block_forward` and `merging_forward` say. */
#define SWIN_PARTS(block_forward, merging_forward) { \
    .block_size = sizeof(SwinBlock), .block_init = df_swin_block_init, .block = block_forward, \
    .downsample_size = sizeof(SwinMerging), .downsample_init = df_swin_merging_init, .downsample = merging_forward, \
}
void df_swin_block_init(NnScope, void *block, const void *swin, int i, int j);
void df_swin_merging_init(NnScope, void *merging, const void *swin, int i);

/* Builds the modules from the options. Errors poison the model. */
void df_swin_init(NnScope, Swin *, const SwinKind *);
void df_swin_forward(DfCtx *, const void *swin, DfTensor *image, DfMaps *out);

extern const char *const df_swin_ignorable[]; /* keys of checkpoints that nobody needs */

#define SWIN_OPTIONS(drop_path) \
    WINDOW_OPTIONS(Swin, drop_path), \
    DF_OPT_INTS(Swin, pretrain_img_size, "[224]", 1, 65536, \
                "detection: side of the image that the absolute position embedding was made for, or its height and " \
                "width, in pixels"), \
    DF_OPT_INTS(Swin, img_size, "[224]", 1, 65536, \
                "classification: side of the image, or its height and width, in pixels; []: any; no window shrinks"), \
    DF_OPT_INTS(Swin, stage_windows, "None", 1, 64, \
                "side of the windows of each stage, in tokens; None: window_size, shrunk to img_size"), \
    DF_OPT_INTS(Swin, stage_shifts, "None", 0, 64, \
                "how far the windows of odd blocks are shifted, for each stage; None: half a window"), \
    DF_OPT_BOOL(Swin, shrink_windows, True, \
                "classification: a window larger than the map shrinks to it; False: the map is padded, as in " \
                "torchvision"), \
    DF_OPT_BOOL(Swin, pad_after_shift, False, "timm: maps are padded to whole windows after they are shifted"), \
    DF_OPT_BOOL(Swin, out_norm, True, "detection: normalise the maps that are output"),                         \
    DF_OPT_TEXT(Swin, hidden_act, "'GELU'", "activation in the MLPs"), \
    DF_OPT_FLOAT(Swin, layer_norm_eps, 1e-5, 0, 1, "eps of the norms of blocks, and of the last one"), \
    DF_OPT_ENUM(Swin, style, detection, "detection|classification", \
                "detection: maps, for images of any size; classification: logits, for images of one size"), \
    DF_OPT_UNUSED(fused_window_process, "selects a CUDA kernel of the official code"),                      \
    DF_OPT_UNUSED(pretrain_config, "describes a checkpoint, not the network")

#endif
