/* SPDX-License-Identifier: Apache-2.0
 *
 * models/detr_parts.h -- private: what DETR (Carion et al., ECCV 2020) and Deformable DETR (Zhu et al., ICLR 2021) share. Padding and
 * positions are in detr_positions.c, answers and their losses in detr_answers.c, the arguments of the official programs in
 * detr_args.c.
 */
#ifndef DF_MODELS_DETR_PARTS_H
#define DF_MODELS_DETR_PARTS_H

#include "models/models.h"
#include "models/parts.h"

enum { DETR_LAYERS = 32 };

/* ---- detr_positions.c ----------------------------------------------------------------------------------------------- */

/* Half of the channels say y, half x. Learned ones come from two tables. Sines are of (i + 1 + offset) / n * scale, where i counts
 * the n cells of an axis that are no padding; of i + 1 alone if `raw`. */
typedef struct {
    int dim, rows, columns;
    bool learned, raw;
    double temperature, offset, scale;
    DfTensor *row_embed, *column_embed;
} DetrPositions;
DetrPositions df_detr_sine(int dim); /* as DETR has them */
/* mmdet's positional_encoding (NULL: its default); poisons the scope's model if it is wrong. */
DetrPositions df_detr_positions_mmdet(NnScope, const DfNode *dict, int dim);
void df_detr_positions_init(NnScope, DetrPositions *, const char *row_name, const char *column_name);
/* Pictures of a batch end at different places: which cells of field->levels are padding, and what part of a level is not.
 * metas NULL: nothing is. */
void df_detr_mark_padding(DfCtx *, NnField *, const DfImageMeta *metas, int N, int H, int W);
DfTensor *df_detr_positions(DfCtx *, const DetrPositions *, const NnField *, int N, int level); /* -> N h w dim */
void df_detr_observe_masks(DfCtx *, const NnField *, int N);

/* ---- detr_answers.c ------------------------------------------------------------------------------------------------- */

typedef struct {
    int n;                            /* layers that gave something: all of them, or the last alone */
    DfTensor *logits[DETR_LAYERS], *boxes[DETR_LAYERS]; /* N Q classes, N Q 4 (cx cy w h in [0, 1]) */
    DfTensor *first_logits, *first_boxes; /* of the first of two stages: N cells ..; or NULL        */
} DetrOutputs;

/* Three linear layers with ReLU between. */
typedef struct {
    NnLinear linear[3];
} DetrBoxHead;
DfTensor *df_detr_locate(DfCtx *, const DetrBoxHead *, DfTensor *x); /* N Q C -> N Q 4, before the sigmoid */

/* Every layer's losses: the last layer's first, the others by their number, then the first stage's. */
void df_detr_losses(DfCtx *, const DfSetCriterion *, const DetrOutputs *, const DfTargets *, DfLosses *out);
/* Leaves a scope with what is answered. */
void df_detr_leave(DfCtx *, DfMark, DetrOutputs *);
/* From [0, 1] of an image to pixels: of the original if `rescale`. The official code takes boxes straight there; mmdet (`clip`) to
 * the network's picture, where they end, and back. */
void df_detr_place(const float box[4], const DfImageMeta *, bool rescale, bool clip, float out[4]);
void df_detr_observe_outputs(DfCtx *, const DetrOutputs *);
/* x[n], N Q C each, as one n N Q C. */
void df_detr_observe_layers(DfCtx *, DfTensor *const *x, int n, const char *name);
/* A listener takes what has four dimensions for a map N H W C and turns it; this arrives as it is. */
void df_detr_observe(DfCtx *, DfTensor *x, const char *name, int index);

/* ---- detr_args.c ---------------------------------------------------------------------------------------------------- */

enum { DETR_R18, DETR_R34, DETR_R50, DETR_R101, DETR_R152 };
#define DETR_BACKBONES "resnet18|resnet34|resnet50|resnet101|resnet152"

/* torchvision's ResNet with frozen batch norms, as a dict. `resnet` at the top of the config may make it smaller: blocks of each
 * stage, width. Gives the stages 1 to 3, or with one map the last, whose `channels` are told. NULL after a failure. */
const DfNode *df_detr_resnet(NnScope, const DfNode *root, int backbone, bool dilation, int n_maps, int *channels);
/* 91 for 'coco', 250 for 'coco_panoptic', else 20, unless num_classes stands at the top of the config. */
int df_detr_classes(NnScope, const DfNode *root, const char *dataset_file);

/* What both programs accept and this one does not need. */
#define DETR_ARGS_UNUSED \
    DF_OPT_UNUSED(aux_loss, "losses of every layer, in training"), \
    DF_OPT_UNUSED(lr, "of a training run"), DF_OPT_UNUSED(lr_backbone, "of a training run"), DF_OPT_UNUSED(batch_size, "of a training run"), \
    DF_OPT_UNUSED(weight_decay, "of a training run"), DF_OPT_UNUSED(epochs, "of a training run"), DF_OPT_UNUSED(lr_drop, "of a training run"), \
    DF_OPT_UNUSED(clip_max_norm, "of a training run"), DF_OPT_UNUSED(frozen_weights, "of the segmentation head"), \
    DF_OPT_UNUSED(mask_loss_coef, "of the segmentation head"), DF_OPT_UNUSED(dice_loss_coef, "of the segmentation head"), \
    DF_OPT_UNUSED(coco_path, "data is given in data.test"), DF_OPT_UNUSED(coco_panoptic_path, "of the segmentation head"), \
    DF_OPT_UNUSED(remove_difficult, "of the official data"), DF_OPT_UNUSED(output_dir, "of the official program"), \
    DF_OPT_UNUSED(device, "of the official program"), DF_OPT_UNUSED(seed, "of the official program"), \
    DF_OPT_UNUSED(resume, "of the official program"), DF_OPT_UNUSED(start_epoch, "of the official program"), \
    DF_OPT_UNUSED(eval, "of the official program"), DF_OPT_UNUSED(num_workers, "of the official program"), \
    DF_OPT_UNUSED(world_size, "of the official program"), DF_OPT_UNUSED(dist_url, "of the official program"), \
    DF_OPT_UNUSED(distributed, "of the official program"), DF_OPT_UNUSED(rank, "of the official program"), \
    DF_OPT_UNUSED(gpu, "of the official program"), DF_OPT_UNUSED(dist_backend, "of the official program")

#endif
