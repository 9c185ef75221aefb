/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/pipeline/training.h -- the training pipeline of a config: transforms a picture and its annotations
 * together, at random, to the network's input.
 *
 *     DfPipeline *pipeline;
 *     DfPipelineKind kind = { .training = true };
 *     df_pipeline_new_as(&pipeline, df_node_at(config, "data.train.pipeline"), &kind);
 *     DfPipelineNeeds needs = df_pipeline_needs(pipeline);       what the data set has to load
 *     DfDraws draws = { .random = ... };                         the stream of this sample
 *     DfTrainingSample sample;
 *     df_pipeline_train(pipeline, &image, &annotations, NULL, &draws, &sample);      from any thread
 *     if (!sample.left_out)
 *         use(sample.pixels, &sample.meta, &sample.annotations);
 *     df_training_sample_free(&sample);
 *
 * Transforms have the pixels, boxes and masks of mmdet 2.x and 3.x, mmseg 0.x and 1.x for given draws.
 */
#ifndef DF_DATASETS_PIPELINE_TRAINING_H
#define DF_DATASETS_PIPELINE_TRAINING_H

#include "boxes/boxes.h"
#include "datasets/pipeline/draws.h"
#include "datasets/pipeline/pipeline.h"

DF_BEGIN_DECLS

/* ---- making one ------------------------------------------------------------------------------------------------ */

/* Transforms of the same name differ between mmdet and mmseg, and between their releases. AUTO: told by what else the
 * list has (packing transforms, keys), else the first of each. */
typedef enum {
    DF_CODEBASE_AUTO,
    DF_CODEBASE_DETECTION,   /* mmdet */
    DF_CODEBASE_SEGMENTATION /* mmseg */
} DfCodebase;
typedef enum { DF_RELEASE_AUTO, DF_RELEASE_OLD, DF_RELEASE_NEW } DfRelease; /* mmdet 2.x, mmseg 0.x; 3.x, 1.x      */

typedef struct {
    bool training;
    DfCodebase codebase;
    DfRelease release;
} DfPipelineKind;

/* As df_pipeline_new(), which is this with {0}. */
DF_API int df_pipeline_new_as(DfPipeline **out, const DfNode *list, const DfPipelineKind *);

/* What a data set has to load for it. */
typedef struct {
    bool boxes, masks, map; /* LoadAnnotations: with_bbox, with_mask, with_seg                                 */
    bool others;            /* Mosaic, MixUp: df_pipeline_train() wants DfOthers                               */
    bool reduces_zero;      /* it takes class 0 out of the label map itself (reduce_zero_label): hand it over
                               as the file has it                                                              */
} DfPipelineNeeds;
DF_API DfPipelineNeeds df_pipeline_needs(const DfPipeline *);

/* ---- running it ------------------------------------------------------------------------------------------------ */

/* Other samples of the set, for transforms that mix several. */
typedef struct {
    void *set;
    /* A picture (BGR) and its annotations, drawn from all of the set by `draws`. They belong to the pipeline, which
     * frees them with df_image_free() and df_annotations_done(). */
    int (*another)(void *set, DfDraws *draws, DfImage *image, DfAnnotations *annotations);
} DfOthers;

typedef struct {
    float *pixels;             /* meta.pad_h meta.pad_w 3, normalised; B G R or R G B as the config says           */
    DfImageMeta meta;          /* flips are those of the last RandomFlip, scale_factor that of the last Resize     */
    DfAnnotations annotations; /* in pixels of img_h x img_w; map and masks have pad_h x pad_w, or img_h x img_w if
                                  only data_preprocessor pads. `ignore` and `crowd` move with the boxes            */
    bool left_out;             /* a crop or a filter left nothing to learn from: take another sample, as mmdet does */
} DfTrainingSample;

/* `image` is BGR; it and the annotations stay as they are and are not referred to afterwards. `others` may be NULL if
 * the pipeline needs none. The result is a function of these and the draws. DF_EVALUE for a picture or annotations
 * that do not fit a transform. Free `out`, which is {0} after a failure. */
DF_API int df_pipeline_train(const DfPipeline *, const DfImage *image, const DfAnnotations *annotations,
                             const DfOthers *others, DfDraws *draws, DfTrainingSample *out);
DF_API void df_training_sample_free(DfTrainingSample *);

DF_END_DECLS

#endif
