/* SPDX-License-Identifier: Apache-2.0
 *
 * heads/pixel/decode_head.h -- private: the common part of all segmentation heads, mmseg's BaseDecodeHead: selecting
 * their input maps, and the 1x1 convolution to classes at their end.
 */
#ifndef DF_HEADS_PIXEL_DECODE_HEAD_H
#define DF_HEADS_PIXEL_DECODE_HEAD_H

#include "heads/pixel.h"
#include "heads/settings/loss_cfg.h"
#include "heads/settings/train_cfg.h"

enum { DECODE_LOSSES = 8 };

typedef struct {
    DfInts in_channels, in_index;
    int channels, num_classes, input_transform, ignore_index;
    double dropout_ratio;
    bool align_corners;
    const DfNode *conv_cfg, *norm_cfg, *act_cfg, *loss_decode_cfg, *sampler_cfg;
    NnConv conv_seg;
    /* for training */
    int n_losses;
    LossCfg loss_decode[DECODE_LOSSES];
    PixelSamplerCfg sampler;
    const char *problem; /* NULL, or why no losses can be computed */
} DecodeHead;

enum { ONE_MAP, RESIZE_CONCAT, MULTIPLE_SELECT }; /* input_transform */

/* Rows of the table of a struct T that begins with `DecodeHead base`. */
#define DECODE_HEAD_ROW(T, name, kind, fallback, lo, hi, choices, help) \
    DF_OPT_AS(T, name, base.name, kind, fallback, lo, hi, choices, help)
#define DECODE_HEAD_OPTS(T) \
    DECODE_HEAD_ROW(T, in_channels, DF_KIND_INTS, NULL, 1, 65536, NULL, "channels of each feature map that is used"), \
    DECODE_HEAD_ROW(T, channels, DF_KIND_INT, NULL, 1, 65536, NULL, "number of channels inside the head"),            \
    DECODE_HEAD_ROW(T, num_classes, DF_KIND_INT, NULL, 1, 100000, NULL, "number of classes"), \
    DECODE_HEAD_ROW(T, dropout_ratio, DF_KIND_FLOAT, "0.1", 0, 0.99, NULL, \
                    "part of the channels dropped before the last convolution, in training"), \
    DECODE_HEAD_ROW(T, conv_cfg, DF_KIND_DICT, "None", 0, 0, NULL, \
                    "type of the convolutions: None, Conv2d or ConvWS"), \
    DECODE_HEAD_ROW(T, norm_cfg, DF_KIND_DICT, "None", 0, 0, NULL, "kind of norm after each convolution"),           \
    DECODE_HEAD_ROW(T, act_cfg, DF_KIND_DICT, "dict(type='ReLU')", 0, 0, NULL, "activation after each convolution"), \
    DECODE_HEAD_ROW(T, in_index, DF_KIND_INTS, "-1", -DF_LEVELS, DF_LEVELS, NULL, \
                    "which feature maps are used; -1 is the last"), \
    DECODE_HEAD_ROW(T, input_transform, DF_KIND_ENUM, "None", 0, 0, "None|resize_concat|multiple_select", \
                    "None: one map; resize_concat: maps of one size, concatenated; multiple_select: a list of maps"), \
    DF_OPT_AS(T, loss_decode, base.loss_decode_cfg, DF_KIND_NODE, "dict(type='CrossEntropyLoss')", 0, 0, NULL, \
              "loss, or a list of losses"), \
    DECODE_HEAD_ROW(T, ignore_index, DF_KIND_INT, "255", -100000, 100000, NULL, \
                    "label of pixels that the loss ignores"),                                                         \
    DECODE_HEAD_ROW(T, align_corners, DF_KIND_BOOL, "False", 0, 1, NULL, \
                    "align the centres of the corner pixels when a map is resized"), \
    DF_OPT_AS(T, sampler, base.sampler_cfg, DF_KIND_NODE, "None", 0, 0, NULL, \
              "selects the pixels of the loss: OHEMPixelSampler; None: all"),        \
    DF_OPT_UNUSED(init_cfg, "how mmseg initialises weights")

/* Checks the options and builds conv_seg. `several`: the head takes a list of maps, whatever input_transform says. */
void df_decode_head_init(NnScope, DecodeHead *, bool several);
/* The maps that the head takes, one (or their concatenation) for input_transform None and resize_concat. */
void df_decode_head_inputs(DfCtx *, const DecodeHead *, const DfMaps *in, DfMaps *out);
/* A convolution, norm and activation as the head's options say. */
void df_decode_head_conv(NnScope, NnConvModule *, const DecodeHead *, int in, int kernel, int dilation);
DfTensor *df_decode_head_resize(DfCtx *, const DecodeHead *, DfTensor *x, const DfTensor *like);
DfTensor *df_decode_head_classes(DfCtx *, const DecodeHead *, DfTensor *x); /* N H W channels -> N H W classes */
/* What a DfPixelHead is asked, of a struct that begins with its DecodeHead. */
int df_decode_head_n_classes(const void *self);
bool df_decode_head_align_corners(const void *self);
/* decode_losses.c */
void df_decode_head_losses(DfCtx *, const void *self, DfTensor *scores, const DfLossBatch *,
                           const DfPixelLossSettings *, DfLosses *out);

#endif
