/* SPDX-License-Identifier: Apache-2.0
 *
 * models/models.h -- the door to models/: networks as wholes. A config goes in, backbone, neck and head are wired; then
 * an image in, detections out. This is what a program that links the library calls:
 *
 *     DfModel *model;  DfCtx *c;  DfConfig *config;
 *     df_config_read(&config, "configs/retinanet/retinanet_dat_tiny_fpn_1x_coco.py", NULL, 0);
 *     df_model_new(&model, df_config_root(config));
 *     df_model_load(model, "weights.pth", NULL);
 *     df_ctx_new(&c, pool);
 *     df_model_detect(model, c, image, &meta, 1, true, &detections);
 */
#ifndef DF_MODELS_MODELS_H
#define DF_MODELS_MODELS_H

#include "backbone/backbone.h"
#include "heads/heads.h"
#include "necks/necks.h"

typedef struct {
    const char *name, *help;
    const DfOpt *opts;
    size_t size;
    /* root: the whole config, where older ones have train_cfg and test_cfg */
    void (*init)(NnScope, void *self, const DfNode *root);
    /* Keys of official checkpoints that the network does not need, as patterns ("*.attn_mask"); ends with NULL. */
    const char *const *(*ignorable)(const void *self);
    int (*classes)(const void *self); /* without background */
    /* The network without its post-processing: what is counted and timed. Data-dependent parts run on a usual amount of
     * data. */
    void (*forward)(DfCtx *, const void *self, DfTensor *image);
    /* Detectors: n images of a batch, boxes in original pixels if `rescale`, else in network pixels. results[n] start
     * empty. */
    int (*detect)(DfCtx *, const void *self, DfTensor *image, const DfImageMeta *metas, int n, bool rescale,
                  DfDetections *results);
    /* One image in n views (test-time augmentation), in original pixels; NULL: not built in. */
    int (*detect_views)(DfCtx *, const void *self, DfTensor *const *views, const DfImageMeta *metas, int n,
                        DfDetections *result);
    bool (*has_masks)(const void *self); /* its detections have masks; NULL: none of them */
    /* Segmentors: the views of one image (1 H W 3 each), the class of every pixel of the original. */
    int (*segment)(DfCtx *, const void *self, DfTensor *const *views, const DfImageMeta *metas, int n,
                   uint16_t *labels);
    /* Training: the losses of a batch, in `out`, which starts empty. targets[N]. */
    void (*losses)(DfCtx *, const void *self, DfTensor *image, const DfImageMeta *metas, const DfTargets *targets,
                   DfLosses *out);
} DfArchitecture;

extern const DfArchitecture *const df_architectures[]; /* NULL-terminated */

typedef struct DfModel DfModel;

/* Builds what the config describes: `model = dict(type='RetinaNet', ..)`, or a bare `backbone = dict(type='DAT', ..)`.
 * The config must outlive the model. Weights have no memory yet: enough for a dry pass. */
int df_model_new(DfModel **out, const DfNode *root);
void df_model_free(DfModel *);
NnModel *df_model_weights(DfModel *);                 /* the tree of parameters, for counting and saving */
const char *df_model_type(const DfModel *);           /* "RetinaNet", "DAT"                              */
bool df_model_is_detector(const DfModel *);
bool df_model_has_masks(const DfModel *);             /* a detector whose detections have masks          */
bool df_model_is_segmentor(const DfModel *);
int df_model_classes(const DfModel *);                /* of a detector or segmentor; 0 for a bare backbone */

int df_model_init(DfModel *, uint64_t seed);          /* fresh weights, the official way */
typedef struct {
    const char *wrapper;                              /* which dict of the file: NULL, "model_ema", .. */
    bool allow_missing, allow_wrong_shape;
} DfModelLoad;
/* Weights from a file; what it lacks and the caller allows to lack is as df_model_init(seed 0) leaves it. Logs the key
 * report. */
int df_model_load(DfModel *, const char *path, const DfModelLoad *);

/* One pass. image: N H W 3, normalised. Outputs are given to the context's listener by their official names:
 * backbone_0, fpn_0, cls_score_0, bbox_pred_0, ..; out0 or logits of a bare backbone. */
void df_model_forward(const DfModel *, DfCtx *, DfTensor *image);
/* The pass and its post-processing, for n images of a batch: results[n], boxes in original pixels, or in network pixels
 * without `rescale`. Free each with df_detections_free(). */
int df_model_detect(const DfModel *, DfCtx *, DfTensor *image, const DfImageMeta *metas, int n, bool rescale,
                    DfDetections *results);
/* One image, as n views of it (resized, mirrored: metas say how), together as mmdet's aug_test; in original pixels. */
int df_model_detect_views(const DfModel *, DfCtx *, DfTensor *const *views, const DfImageMeta *metas, int n,
                          DfDetections *result);
/* One image, as n views of it (test-time augmentation; 1 for none): labels[ori_h * ori_w]. Whole or by sliding window
 * as test_cfg says. A listener also hears input_logits of the first view, and seg_logits and prob of the original's
 * size. */
int df_model_segment(const DfModel *, DfCtx *, DfTensor *const *views, const DfImageMeta *metas, int n,
                     uint16_t *labels);

/* A training step's way forward: metas[N] and targets[N] for a batch of N. Record, then df_backward(c, out->total,
 * NULL). */
int df_model_losses(DfModel *, DfCtx *, DfTensor *image, const DfImageMeta *metas, const DfTargets *targets,
                    DfLosses *out);

#include "models/points.h"

#endif
