/* SPDX-License-Identifier: Apache-2.0
 *
 * models/model.h -- a network by its config: built, given weights, run. Included by models/models.h.
 */
#ifndef DF_MODELS_MODEL_H
#define DF_MODELS_MODEL_H

#include "heads/heads.h"

DF_BEGIN_DECLS

typedef struct DfModel DfModel;

/* Functions that return int give DF_OK or a negative code, with a sentence in df_error(). */

/* Builds what the config describes: `model = dict(type='RetinaNet', ..)`, or a bare `backbone = dict(type='DAT', ..)`.
 * The config must outlive the model. Weights have no memory yet: enough for a dry pass. DF_EVALUE: the sentence names
 * file, line and key; DF_ENOMEM. */
DF_API int df_model_new(DfModel **out, const DfNode *root);
DF_API void df_model_free(DfModel *);
DF_API NnModel *df_model_weights(DfModel *);          /* the tree of parameters, for counting and saving */
DF_API const char *df_model_type(const DfModel *);    /* "RetinaNet", "DAT"                              */
DF_API bool df_model_is_detector(const DfModel *);
DF_API bool df_model_has_masks(const DfModel *);      /* a detector whose detections have masks          */
DF_API bool df_model_is_segmentor(const DfModel *);
DF_API int df_model_classes(const DfModel *);         /* without background; 0 for a bare backbone      */
DF_API int df_model_channels(const DfModel *);        /* of an image: 3, or the backbone's in_chans     */

DF_API int df_model_init(DfModel *, uint64_t seed);   /* fresh weights, the official way */
typedef struct {
    const char *wrapper;                              /* which dict of the file: NULL, "model_ema", .. */
    bool allow_missing, allow_wrong_shape;
    bool onto;                                        /* what is allowed to lack stays as it is          */
    uint64_t seed;                                    /* else it is drawn anew, with this seed           */
    const char *prefix, *module;                      /* a part of the file, a part of the network: as in NnLoad */
    NnReport *report;                                 /* gets what became of each key, or NULL; nn_report_free() it */
} DfModelLoad;
/* Weights from a file; what it lacks and the caller allows to lack is as df_model_init(seed) leaves it, or as it was. Logs the
 * report on its keys. DF_EVALUE: keys that are missing or of another shape; or what reading the file says. */
DF_API int df_model_load(DfModel *, const char *path, const DfModelLoad *);
/* The names of the classes that the file says its network was trained for: how many; 0: it says nothing. */
DF_API int df_model_learnt_classes(const DfModel *, const char *const **names);

/* One pass; errors stay in the context, df_ctx_error(). image: N H W 3, normalised. Outputs are given to the
 * context's listener by their official names: backbone_0, fpn_0, cls_score_0, bbox_pred_0, ..; out0 or logits of a
 * bare backbone. */
DF_API void df_model_forward(const DfModel *, DfCtx *, DfTensor *image);
/* The pass and its post-processing, for n images of a batch: results[n], boxes in original pixels, or in network pixels
 * without `rescale`. Free each with df_detections_free(). */
DF_API int df_model_detect(const DfModel *, DfCtx *, DfTensor *image, const DfImageMeta *metas, int n, bool rescale,
                           DfDetections *results);
/* One image, as n views of it (resized, mirrored: metas say how), together as mmdet's aug_test; in original pixels. */
DF_API int df_model_detect_views(const DfModel *, DfCtx *, DfTensor *const *views, const DfImageMeta *metas, int n,
                                 DfDetections *result);
/* One image, as n views of it (test-time augmentation; 1 for none): labels[ori_h * ori_w]. Whole or by sliding window
 * as test_cfg says. A listener also hears input_logits of the first view, and seg_logits and prob of the original's
 * size. */
DF_API int df_model_segment(const DfModel *, DfCtx *, DfTensor *const *views, const DfImageMeta *metas, int n,
                            uint16_t *labels);

/* A training step's way forward, for a batch with as many pictures as `image`. The objects' boxes are in pixels or, of
 * set detectors, may be relative to the picture. Record, then df_backward(c, out->total, NULL). */
DF_API int df_model_losses(const DfModel *, DfCtx *, DfTensor *image, const DfLossBatch *batch, DfLosses *out);

DF_END_DECLS

#endif
