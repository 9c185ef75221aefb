/* SPDX-License-Identifier: Apache-2.0
 *
 * models/model.h -- builds the network of a config, loads its weights and runs it. Included by models/models.h.
 */
#ifndef DF_MODELS_MODEL_H
#define DF_MODELS_MODEL_H

#include "heads/heads.h"

DF_BEGIN_DECLS

typedef struct DfModel DfModel;

/* Functions that return int return DF_OK or a negative code, with a sentence in df_error(). */

/* Builds the network of the config: `model = dict(type='RetinaNet', ..)`, or only `backbone = dict(type='DAT', ..)`.
 * The config must outlive the model. Weights have no memory yet, which is enough for a dry pass. DF_EVALUE: the
 * sentence names file, line and key; DF_ENOMEM. */
DF_API int df_model_new(DfModel **out, const DfNode *root);
DF_API void df_model_free(DfModel *);
DF_API NnModel *df_model_weights(DfModel *);          /* the tree of parameters, for counting and saving */
DF_API const char *df_model_type(const DfModel *);    /* "RetinaNet", "DAT"                              */
DF_API bool df_model_is_detector(const DfModel *);
DF_API bool df_model_has_masks(const DfModel *);      /* a detector whose detections have masks          */
DF_API bool df_model_is_segmentor(const DfModel *);
DF_API int df_model_classes(const DfModel *);         /* without background; 0 for a backbone alone     */
DF_API int df_model_channels(const DfModel *);        /* of an image: 3, or the backbone's in_chans     */

DF_API int df_model_init(DfModel *, uint64_t seed);   /* random weights, drawn as by the official code */
typedef struct {
    const char *wrapper;                              /* which dict of the file: NULL, "model_ema", .. */
    bool allow_missing, allow_wrong_shape;
    bool onto;                                        /* missing parameters (if allowed) keep their values */
    uint64_t seed;                                    /* else they get random values with this seed      */
    const char *prefix, *module;                      /* a part of the file, a part of the network: as in NnLoad */
    NnReport *report;                                 /* gets the fate of each key, or NULL; nn_report_free() it */
} DfModelLoad;
/* Weights from a file; what it lacks and the caller allows to lack is as df_model_init(seed) leaves it, or as it was.
 * Logs the report on its keys. DF_EVALUE: keys that are missing or of another shape; or what reading the file says. */
DF_API int df_model_load(DfModel *, const char *path, const DfModelLoad *);
/* The class names in the loaded file; returns how many, 0: the file has none. */
DF_API int df_model_learnt_classes(const DfModel *, const char *const **names);

/* One pass; errors stay in the context, df_ctx_error(). image: N H W 3, normalised. The listener of the context gets
 * the outputs by their official names: backbone_0, fpn_0, cls_score_0, bbox_pred_0, ..; for a backbone alone out0, ..
 * or logits. */
DF_API void df_model_forward(const DfModel *, DfCtx *, DfTensor *image);
/* A pass with post-processing for n images of a batch: results[n]; boxes are in pixels of the original picture, or,
 * without `rescale`, of the network's input. Free each with df_detections_free(). */
DF_API int df_model_detect(const DfModel *, DfCtx *, DfTensor *image, const DfImageMeta *metas, int n, bool rescale,
                           DfDetections *results);
/* One image in n views (resized, flipped: see metas), merged as mmdet's aug_test does; in original pixels. */
DF_API int df_model_detect_views(const DfModel *, DfCtx *, DfTensor *const *views, const DfImageMeta *metas, int n,
                                 DfDetections *result);
/* One image in n views (test-time augmentation; 1 for none): labels[ori_h * ori_w]. Whole or by sliding window, as in
 * test_cfg. A listener also gets input_logits of the first view, and seg_logits and prob at the original size. */
DF_API int df_model_segment(const DfModel *, DfCtx *, DfTensor *const *views, const DfImageMeta *metas, int n,
                            uint16_t *labels);

/* The forward pass of a training step, for a batch with as many pictures as `image`. Boxes of objects are in pixels;
 * for set detectors they may be relative to the picture. Let the context record, then call df_backward(c, out->total,
 * NULL). */
DF_API int df_model_losses(const DfModel *, DfCtx *, DfTensor *image, const DfLossBatch *batch, DfLosses *out);

DF_END_DECLS

#endif
