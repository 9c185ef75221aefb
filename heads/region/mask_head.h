/* SPDX-License-Identifier: Apache-2.0
 *
 * heads/region/mask_head.h -- private: from the features of regions to a mask for each class. mmdet's FCNMaskHead.
 */
#ifndef DF_HEADS_REGION_MASK_HEAD_H
#define DF_HEADS_REGION_MASK_HEAD_H

#include "heads/heads.h"

enum { MASK_AS_IS, MASK_DECONV, MASK_NEAREST, MASK_BILINEAR };

typedef struct {
    /* options */
    int num_convs, in_channels, conv_kernel_size, conv_out_channels, num_classes;
    bool class_agnostic;
    const DfNode *upsample_cfg, *conv_cfg, *norm_cfg, *loss_mask;
    /* modules */
    NnConvModule *convs;
    int upsample, scale;           /* how, and how much           */
    DfTensor *up_weight, *up_bias; /* of MASK_DECONV: I k k O, O  */
    NnConv logits;
} MaskHead;

/* n h w C -> n H W classes (or n H W 1 if class agnostic), logits. */
DfTensor *df_mask_head_forward(DfCtx *, const MaskHead *, DfTensor *x);

#endif
