/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/tensor/loss_cases.h -- the losses that test_ops.c runs. Their values are witnessed in test_losses.c and in
 * tests/heads/test_apply_loss.c.
 */
#ifndef DF_TESTS_TENSOR_LOSS_CASES_H
#define DF_TESTS_TENSOR_LOSS_CASES_H

#include "tensor/tensor.h"

enum { LABELS = 4000 };

/* Labels below C, the first of every nine ignored (255); the same in every call. */
static const int *labels(int C)
{
    static int label[8][LABELS];
    int *of = label[C % 8];
    for (int i = 0; i < LABELS; i++)
        of[i] = i % 9 ? (i * 7 + i / 5) % C : 255;
    return of;
}

static const float *shares(void)
{
    static float share[LABELS];
    for (int i = 0; i < LABELS; i++)
        share[i] = (float)(i % 5) / 4;
    return share;
}

/* Boxes in [0, 1], none of them without an area. */
static DfTensor *boxes_of(DfCtx *c, DfTensor *x) { return df_box_corners(c, df_sigmoid(c, x)); }
static const float *box_targets(void)
{
    static float box[LABELS];
    for (int i = 0; i < LABELS; i++)
        box[i] = i % 4 < 2 ? 0.21f + 0.013f * (float)(i % 11) : 0.63f + 0.017f * (float)(i % 13);
    return box;
}

static DfTensor *iou_loss(DfCtx *c, DfTensor *const *in) { return df_box_loss(c, boxes_of(c, in[0]), box_targets(), shares(), DF_LOSS_IOU_LOG, 1e-3f); }
static DfTensor *giou_loss(DfCtx *c, DfTensor *const *in) { return df_box_loss(c, boxes_of(c, in[0]), box_targets(), NULL, DF_LOSS_GIOU, 1e-6f); }
static DfTensor *diou_loss(DfCtx *c, DfTensor *const *in) { return df_box_loss(c, boxes_of(c, in[0]), box_targets(), NULL, DF_LOSS_DIOU, 1e-6f); }
static DfTensor *ciou_211_loss(DfCtx *c, DfTensor *const *in) { return df_box_loss(c, boxes_of(c, in[0]), box_targets(), NULL, DF_LOSS_CIOU_211, 1e-6f); }
static DfTensor *bounded_iou(DfCtx *c, DfTensor *const *in) { return df_bounded_iou_loss(c, boxes_of(c, in[0]), box_targets(), shares(), 0.2f, 1e-3f); }
static DfTensor *balanced_l1(DfCtx *c, DfTensor *const *in) { return df_balanced_l1_loss(c, in[0], shares(), NULL, (DfBalancedL1){ 0.5f, 1.5f, 1 }); }
static DfTensor *square_loss(DfCtx *c, DfTensor *const *in) { return df_square_loss(c, in[0], shares(), shares()); }
static DfTensor *focal_each(DfCtx *c, DfTensor *const *in)
{
    return df_sigmoid_focal_loss(c, in[0], labels(5), (DfFocal){ 0.25f, 1.5f, false, true, shares() });
}
static DfTensor *focal_activated(DfCtx *c, DfTensor *const *in)
{
    return df_sigmoid_focal_loss(c, df_sigmoid(c, in[0]), labels(5), (DfFocal){ .alpha = 0.25f, .gamma = 2, .activated = true });
}
static DfTensor *smoothed(DfCtx *c, DfTensor *const *in)
{
    return df_cross_entropy(c, in[0], labels(5), (DfCrossEntropy){ .weight = shares(), .ignore_index = 255, .smoothing = 0.1f });
}
static DfTensor *soft(DfCtx *c, DfTensor *const *in) { return df_soft_cross_entropy(c, in[0], shares(), (DfCrossEntropy){ .weight = shares() }); }
static DfTensor *of_pixels(DfCtx *c, DfTensor *const *in)
{
    return df_pixel_cross_entropy(c, in[0], (DfPixelCrossEntropy){ .height = 37, .width = 21, .label = labels(5), .ignore_index = 255 });
}
static DfTensor *class_dice(DfCtx *c, DfTensor *const *in)
{
    return df_class_dice_loss(c, df_softmax(c, in[0], -1), labels(5), (DfClassDice){ .smooth = 1, .exponent = 2, .ignore_index = 255 });
}
static DfTensor *lovasz(DfCtx *c, DfTensor *const *in)
{
    return df_lovasz_loss(c, df_softmax(c, in[0], -1), labels(5), (DfLovasz){ .per_image = true, .present = true, .ignore_index = 255 });
}
static DfTensor *pick(DfCtx *c, DfTensor *const *in)
{
    static const int channel[] = { 2, 0, 4 };
    return df_pick_channel(c, in[0], channel);
}

#endif
