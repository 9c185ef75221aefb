/* SPDX-License-Identifier: Apache-2.0
 *
 * models/detr_parts.h -- private: what DETR (Carion et al., ECCV 2020) and Deformable DETR (Zhu et al., ICLR 2021) share. The network
 * as a whole is in detr_run.c, padding and positions in detr_positions.c, answers and their losses in detr_answers.c; the arguments of
 * the official programs are read in detr_args.c, mmdet's dicts in detr_mmdet.c.
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
void df_detr_add_losses(DfCtx *, const DfSetCriterion *, const DetrOutputs *, const DfTargets *, DfLosses *out);
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

/* ---- detr_run.c ----------------------------------------------------------------------------------------------------- */

typedef struct {
    int dim, heads, ffn, encoder_layers, decoder_layers, queries;
    int classes;                                /* of DETR without the one that is nothing */
    int n_maps, channels[DF_LEVELS];            /* how many of the backbone's maps are taken, the last ones */
    int levels, encoder_points, decoder_points; /* of Deformable DETR alone */
    int most;                                   /* detections of an image */
    bool refine, two_stage;                     /* of Deformable DETR alone */
    bool pre_norm;                              /* of DETR alone */
    bool clip;                                  /* mmdet's boxes end at the image */
    double dropout;
} DetrOptions;

/* Either network, as it stands first in its struct. */
typedef struct DetrBase DetrBase;
struct DetrBase {
    Trunk trunk; /* first; no neck */
    DetrOptions o;
    DetrPositions positions;
    DfSetCriterion criterion;      /* its softmax: every query says one class, or that it sees nothing; else each class counts alone */
    const char *const *ignorable;
    /* From the backbone's maps to answers, of every layer if `all`. H W: of the image; metas NULL: no padding. */
    void (*answer)(DfCtx *, const DetrBase *, const DfMaps *, const DfImageMeta *metas, int H, int W, bool all, DetrOutputs *out);
};
void df_detr_forward(DfCtx *, const void *net, DfTensor *image);
int df_detr_detect(DfCtx *, const void *net, DfTensor *image, const DfImageMeta *metas, int n, bool rescale, DfDetections *results);
void df_detr_losses(DfCtx *, const void *net, DfTensor *image, const DfImageMeta *metas, const DfTargets *, DfLosses *out);
const char *const *df_detr_ignorable(const void *net);
int df_detr_classes(const void *net);
#define DETR_FUNCTIONS \
    .forward = df_detr_forward, .detect = df_detr_detect, .losses = df_detr_losses, .ignorable = df_detr_ignorable, .classes = df_detr_classes

/* ---- detr_transformer.c --------------------------------------------------------------------------------------------- */

void df_detr_ffn_init(NnScope, const DetrOptions *, NnMlp *, const char *linear1, const char *linear2);

/* ---- detr_args.c ---------------------------------------------------------------------------------------------------- */

/* The arguments that both programs have, by their names. A struct T has them as `args`. */
typedef struct {
    bool dilation, masks;
    int backbone, position_embedding, enc_layers, dec_layers, dim_feedforward, hidden_dim, nheads, num_queries;
    double dropout, set_cost_class, set_cost_bbox, set_cost_giou, bbox_loss_coef, giou_loss_coef;
    const char *dataset_file;
} DetrArgs;

/* Sets what they say; `n_maps` of a torchvision ResNet with frozen batch norms become the backbone's dict. `resnet` at the top of the
 * config may make it smaller (blocks of each stage, width), `num_classes` there replaces the data set's. */
void df_detr_args(NnScope, DetrBase *, const DetrArgs *, const DfNode *root, int n_maps);

#define DETR_ARG(T, name, kind, fallback, lo, hi, choices, help) DF_OPT_AS(T, name, args.name, kind, fallback, lo, hi, choices, help)
#define DETR_ARGS(T, ffn, dim_from, queries, class_cost) \
    DETR_ARG(T, backbone, DF_KIND_ENUM, "resnet50", 0, 0, "resnet18|resnet34|resnet50|resnet101|resnet152", "the backbone"), \
    DETR_ARG(T, dilation, DF_KIND_BOOL, "False", 0, 1, NULL, "DC5: the last stage dilates instead of striding"), \
    DETR_ARG(T, position_embedding, DF_KIND_ENUM, "sine", 0, 0, "sine|learned|v2|v3", "position encoding"), \
    DETR_ARG(T, enc_layers, DF_KIND_INT, "6", 0, DETR_LAYERS, NULL, "layers of the encoder"), \
    DETR_ARG(T, dec_layers, DF_KIND_INT, "6", 1, DETR_LAYERS, NULL, "layers of the decoder"), \
    DETR_ARG(T, dim_feedforward, DF_KIND_INT, ffn, 1, 65536, NULL, "hidden channels of the layers"), \
    DETR_ARG(T, hidden_dim, DF_KIND_INT, "256", dim_from, 8192, NULL, "channels of the transformer"), \
    DETR_ARG(T, dropout, DF_KIND_FLOAT, "0.1", 0, 1, NULL, "of the transformer, in training"), \
    DETR_ARG(T, nheads, DF_KIND_INT, "8", 1, 256, NULL, "attention heads"), \
    DETR_ARG(T, num_queries, DF_KIND_INT, queries, 1, 10000, NULL, "queries"), \
    DETR_ARG(T, set_cost_class, DF_KIND_FLOAT, class_cost, 0, 1e6, NULL, "class weight of the matching cost"), \
    DETR_ARG(T, set_cost_bbox, DF_KIND_FLOAT, "5", 0, 1e6, NULL, "L1 weight of the matching cost"), \
    DETR_ARG(T, set_cost_giou, DF_KIND_FLOAT, "2", 0, 1e6, NULL, "GIoU weight of the matching cost"), \
    DETR_ARG(T, bbox_loss_coef, DF_KIND_FLOAT, "5", 0, 1e6, NULL, "weight of the L1 loss"), \
    DETR_ARG(T, giou_loss_coef, DF_KIND_FLOAT, "2", 0, 1e6, NULL, "weight of the GIoU loss"), \
    DETR_ARG(T, masks, DF_KIND_BOOL, "False", 0, 1, NULL, "a segmentation head: not built in"), \
    DETR_ARG(T, dataset_file, DF_KIND_TEXT, "'coco'", 0, 0, NULL, \
             "91 classes for 'coco', 250 for 'coco_panoptic', else 20; num_classes at the top of the config says otherwise")

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

/* ---- detr_mmdet.c --------------------------------------------------------------------------------------------------- */

int df_detr_number(const DfNode *dict, const char *path, int fallback);
bool df_detr_in_range(NnScope, const char *what, int value, int least, int most);

/* mmdet's encoder or decoder, and what it says in one dict for each kind of layer. */
typedef struct {
    const DfNode *layer, *attention; /* its transformerlayers; the first of their attn_cfgs. NULL: absent */
    int layers, heads, ffn;
} DetrStack;
DetrStack df_detr_stack(const DfNode *transformer, const char *name, int usual_ffn);
void df_detr_take_stacks(NnScope, DetrOptions *, const DetrStack *encoder, const DetrStack *decoder);

#endif
