/* SPDX-License-Identifier: Apache-2.0
 *
 * heads/pixel/decode_head.h -- private: what all heads of semantic segmentation share, mmseg's BaseDecodeHead: which maps they take,
 * and the 1x1 convolution to classes at their end.
 */
#ifndef DF_HEADS_PIXEL_DECODE_HEAD_H
#define DF_HEADS_PIXEL_DECODE_HEAD_H

#include "heads/pixel.h"

typedef struct {
    DfInts in_channels, in_index;
    int channels, num_classes, input_transform, ignore_index;
    double dropout_ratio;
    bool align_corners;
    const DfNode *conv_cfg, *norm_cfg, *act_cfg, *loss_decode;
    NnConv conv_seg;
} DecodeHead;

enum { ONE_MAP, RESIZE_CONCAT, MULTIPLE_SELECT }; /* input_transform */

#define DECODE_HEAD_ROW(T, name, kind, fallback, lo, hi, choices, help) DF_OPT_AS(T, name, base.name, kind, fallback, lo, hi, choices, help)
#define DECODE_HEAD_OPTS(T)                                                                                                            \
    DECODE_HEAD_ROW(T, in_channels, DF_KIND_INTS, NULL, 1, 65536, NULL, "channels of the maps that are taken"),                       \
    DECODE_HEAD_ROW(T, channels, DF_KIND_INT, NULL, 1, 65536, NULL, "channels inside the head"),                                      \
    DECODE_HEAD_ROW(T, num_classes, DF_KIND_INT, NULL, 1, 100000, NULL, "number of classes"),                                         \
    DECODE_HEAD_ROW(T, dropout_ratio, DF_KIND_FLOAT, "0.1", 0, 0.99, NULL, "training: whole channels dropped before the last convolution"), \
    DECODE_HEAD_ROW(T, conv_cfg, DF_KIND_DICT, "None", 0, 0, NULL, "kind of convolution: only the plain one"),                        \
    DECODE_HEAD_ROW(T, norm_cfg, DF_KIND_DICT, "None", 0, 0, NULL, "norm behind every convolution"),                                  \
    DECODE_HEAD_ROW(T, act_cfg, DF_KIND_DICT, "dict(type='ReLU')", 0, 0, NULL, "activation behind every convolution"),                \
    DECODE_HEAD_ROW(T, in_index, DF_KIND_INTS, "-1", -DF_LEVELS, DF_LEVELS, NULL, "which maps are taken"),                            \
    DECODE_HEAD_ROW(T, input_transform, DF_KIND_ENUM, "None", 0, 0, "None|resize_concat|multiple_select", "how several maps become the input"), \
    DECODE_HEAD_ROW(T, loss_decode, DF_KIND_NODE, "dict(type='CrossEntropyLoss')", 0, 0, NULL, "the loss of a training run"),         \
    DECODE_HEAD_ROW(T, ignore_index, DF_KIND_INT, "255", -100000, 100000, NULL, "label of pixels that do not count"),                 \
    DECODE_HEAD_ROW(T, align_corners, DF_KIND_BOOL, "False", 0, 1, NULL, "corner pixels keep their place in every resizing"),         \
    DF_OPT_UNUSED(sampler, "which pixels a training run learns from"),                                                                \
    DF_OPT_UNUSED(init_cfg, "weights to start a training run from")

/* Checks the options and builds conv_seg. `several`: the head takes a list of maps, whatever input_transform says. */
void df_decode_head_init(NnScope, DecodeHead *, bool several);
/* The maps that the head takes, one (or their concatenation) for input_transform None and resize_concat. */
void df_decode_head_inputs(DfCtx *, const DecodeHead *, const DfMaps *in, DfMaps *out);
/* A convolution, norm and activation as the head's options say. */
void df_decode_head_conv(NnScope, NnConvModule *, const DecodeHead *, int in, int kernel, int dilation);
DfTensor *df_decode_head_resize(DfCtx *, const DecodeHead *, DfTensor *x, const DfTensor *like);
DfTensor *df_decode_head_classes(DfCtx *, const DecodeHead *, DfTensor *x);         /* N H W channels -> N H W classes */
/* What a DfPixelHead is asked, of a struct that begins with its DecodeHead. */
int df_decode_head_n_classes(const void *self);
bool df_decode_head_align_corners(const void *self);

#endif
