/* SPDX-License-Identifier: Apache-2.0
 *
 * tensor/losses.h -- losses, which are ops, too (loss/). Included by tensor/tensor.h; tensor/ops.h has the
 * conventions.
 */
#ifndef DF_TENSOR_LOSSES_H
#define DF_TENSOR_LOSSES_H

#include "tensor/context.h"

DF_BEGIN_DECLS

/* One number for each element or row, not reduced: df_scale(c, df_sum(c, loss), 1 / average). Targets, labels and
 * weights are plain arrays, read during the call only; a weight multiplies one result and may be NULL. */

/* |x - t|        .. -> .. */
DF_API DfTensor *df_l1_loss(DfCtx *, DfTensor *x, const float *target, const float *weight);
/* d^2 / (2 beta) for |d| < beta, else |d| - beta / 2, with d = x - t (Girshick, ICCV 2015). beta >= 0.   .. -> .. */
DF_API DfTensor *df_smooth_l1_loss(DfCtx *, DfTensor *x, const float *target, const float *weight, float beta);
/* -pos_weight t log s - (1 - t) log(1 - s) with s = sigmoid(x); pos_weight: of the last dimension, or NULL. .. -> .. */
DF_API DfTensor *df_bce_with_logits(DfCtx *, DfTensor *x, const float *target, const float *weight,
                                    const float *pos_weight);
/* (x - t)^2      .. -> .. */
DF_API DfTensor *df_square_loss(DfCtx *, DfTensor *x, const float *target, const float *weight);
/* Pang et al., Libra R-CNN, CVPR 2019, as mmdet has it. With b = e^(gamma / alpha) - 1 and d = |x - t|:
 * alpha / b (b d + 1) ln(b d / beta + 1) - alpha d for d < beta, else gamma d + gamma / b - alpha beta.    .. -> .. */
typedef struct {
    float alpha, gamma, beta; /* all greater than 0 */
} DfBalancedL1;
DF_API DfTensor *df_balanced_l1_loss(DfCtx *, DfTensor *x, const float *target, const float *weight, DfBalancedL1);
/* Of logits (Lin et al., ICCV 2017). A label in 0..C-1 is a class, anything else background; labels are those of whole
 * rows.                                                                                                .. C -> .. C */
typedef struct {
    float alpha, gamma;  /* gamma >= 0                           */
    bool activated;      /* x is a probability, no logit         */
    bool weight_each;    /* a weight for each number, not row    */
    const float *weight; /* or NULL                              */
} DfFocal;
DF_API DfTensor *df_sigmoid_focal_loss(DfCtx *, DfTensor *x, const int *label, DfFocal);

/* -log softmax(x)[label]. PyTorch's: class weights w (C, or NULL for ones) apply to the label's own share and to the
 * smoothed shares (Szegedy et al., CVPR 2016). Its weighted mean divides by the sum of w over the labels that count.
 * DF_EVALUE for a label that is neither in 0..C-1 nor ignored.                                           .. C -> .. */
typedef struct {
    const float *class_weight;
    const float *weight;  /* of each row, or NULL                       */
    int ignore_index;     /* rows with this label have loss 0           */
    float smoothing;      /* 0: none                                    */
} DfCrossEntropy;
DF_API DfTensor *df_cross_entropy(DfCtx *, DfTensor *x, const int *label, DfCrossEntropy);
/* The same of the pixels of a map that is first enlarged to height x width (bilinear), whose scores never exist whole:
 * df_cross_entropy() of df_interpolate(). The labels must last as long as the tape.        N h w C -> N height width */
typedef struct {
    int height, width;
    bool align_corners;
    const int *label;          /* N height width                                            */
    const float *class_weight; /* C, or NULL for ones; must last as long as the tape        */
    int ignore_index;          /* pixels with this label have loss 0                        */
    float *probability;        /* N height width: of the label's class is put here, or NULL */
    int *best;                 /* N height width: the likeliest class is put here, or NULL  */
} DfPixelCrossEntropy;
DF_API DfTensor *df_pixel_cross_entropy(DfCtx *, DfTensor *x, DfPixelCrossEntropy);
/* -sum t log softmax(x) with targets t, as x: shares of classes, as a mixture of two pictures has. Labels, and what
 * belongs to them, do not count.                                                                         .. C -> .. */
DF_API DfTensor *df_soft_cross_entropy(DfCtx *, DfTensor *x, const float *target, DfCrossEntropy);
/* Of each first index one channel: x[n][..][channel[n]]. DF_EVALUE: there is no such channel.         N .. C -> N .. */
DF_API DfTensor *df_pick_channel(DfCtx *, DfTensor *x, const int *channel);

/* Overlap of boxes x1 y1 x2 y2, as mmdet has it; a box of weight 0 may be anything.
 *     IOU    1 - IoU, 1 - IoU^2, -log IoU (Yu et al., 2016): the IoU is at least eps, the union at least 1e-6
 *     GIOU   1 - GIoU (Rezatofighi et al., CVPR 2019): union and enclosing area are at least eps
 *     DIOU, CIOU   (Zheng et al., AAAI 2020): eps is added to the divisors. CIOU_211 is mmdet's up to 2.11, where the
 *            weight of the aspect ratio has a gradient and acts at any IoU                               .. 4 -> .. */
typedef enum {
    DF_LOSS_IOU_LINEAR, DF_LOSS_IOU_SQUARE, DF_LOSS_IOU_LOG,
    DF_LOSS_GIOU, DF_LOSS_DIOU, DF_LOSS_CIOU, DF_LOSS_CIOU_211
} DfBoxLossKind;
DF_API DfTensor *df_box_loss(DfCtx *, DfTensor *x, const float *target, const float *weight, DfBoxLossKind, float eps);
DF_API DfTensor *df_giou_loss(DfCtx *, DfTensor *x, const float *target, const float *weight, float eps);
/* Bounded IoU of x, y, width, height (Tychsen-Smith and Petersson, CVPR 2018), through a smooth L1. weight: .. 4, or
 * NULL.                                                                                                .. 4 -> .. 4 */
DF_API DfTensor *df_bounded_iou_loss(DfCtx *, DfTensor *x, const float *target, const float *weight, float beta,
                                     float eps);
/* 1 - the Dice coefficient (Milletari et al., 3DV 2016) of probabilities p, each first index a mask. With i = sum p t:
 *     squared  1 - 2 i / (sum p^2 + sum t^2 + 2 eps)
 *     else     1 - (2 i + eps) / (sum p + sum t + eps), with eps 1 MaskFormer's                          N .. -> N */
DF_API DfTensor *df_dice_loss(DfCtx *, DfTensor *p, const float *target, const float *weight, bool squared, float eps);
/* mmseg's up to 0.30: of each picture the mean over classes of w (1 - (2 sum p t + smooth) / (sum p^e + t^e + smooth)).
 * Labels, one for each pixel, are clamped to the classes; those ignored are not in the numerator, and a class of that
 * number is left out.                                                                              N .. C -> N */
typedef struct {
    double smooth, exponent;
    const float *class_weight; /* w: C, or NULL for ones */
    int ignore_index;
} DfClassDice;
DF_API DfTensor *df_class_dice_loss(DfCtx *, DfTensor *p, const int *label, DfClassDice);
/* The Lovasz extension of 1 - IoU (Berman et al., CVPR 2018). x: probabilities, whose loss is a mean over classes; of a
 * hinge the logits of one class, label 1. One number for each picture, or for the batch.
 *                                                                              N .. C -> N, or 1 without per_image */
typedef struct {
    bool hinge, per_image;
    bool present;              /* classes without a pixel are not in the mean   */
    const int *classes;        /* those in the mean, or NULL for all of them    */
    int n_classes;
    const float *class_weight; /* C, or NULL for ones                           */
    int ignore_index;
} DfLovasz;
DF_API DfTensor *df_lovasz_loss(DfCtx *, DfTensor *x, const int *label, DfLovasz);

DF_END_DECLS

#endif
