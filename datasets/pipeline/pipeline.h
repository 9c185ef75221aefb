/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/pipeline/pipeline.h -- the test pipeline of an mmdet config: from a picture to the input of a network.
 *
 *     DfPipeline *pipeline;
 *     df_pipeline_new(&pipeline, df_node_at(config, "data.test.pipeline"));
 *     df_pipeline_run(pipeline, &image, &views);       from any thread
 *
 * Resizing, mirroring, normalising and padding have the bits of mmdet 2.x with OpenCV. A pipeline is read-only once
 * made.
 */
#ifndef DF_DATASETS_PIPELINE_PIPELINE_H
#define DF_DATASETS_PIPELINE_PIPELINE_H

#include "boxes/boxes.h"
#include "config/config.h"
#include "datasets/image/image_file.h"

DF_BEGIN_DECLS

typedef enum { DF_FLIP_NONE, DF_FLIP_HORIZONTAL, DF_FLIP_VERTICAL, DF_FLIP_DIAGONAL } DfFlip;
DF_API const char *df_flip_name(DfFlip); /* as in mmdet: "horizontal", ...; "" for none */

/* One prepared view of a picture, and how it was made from the picture. */
typedef struct {
    float *pixels;    /* meta.pad_h meta.pad_w 3, normalised; B G R or R G B as the config says */
    DfImageMeta meta;
} DfView;

/* The views of one picture: one, or with test-time augmentation one for each scale and mirroring, in mmdet's order. */
typedef struct {
    int n;
    DfView *view;
} DfViews;
DF_API void df_views_free(DfViews *);

typedef struct DfPipeline DfPipeline;

/* `list` is the value of a config's `pipeline`. An unknown transform or option is an error that names the nearest
 * known. */
DF_API int df_pipeline_new(DfPipeline **out, const DfNode *list);
DF_API void df_pipeline_free(DfPipeline *);

/* Whether one of its steps normalises; otherwise the network gets pixels of 0 to 255. */
DF_API bool df_pipeline_normalises(const DfPipeline *);
/* How to read the pictures for it: df_image_read_as(). */
DF_API DfImageReading df_pipeline_pictures(const DfPipeline *);

/* `image` is BGR and is not changed. Free `out` with df_views_free(). */
DF_API int df_pipeline_run(const DfPipeline *, const DfImage *image, DfViews *out);

/* The same for a picture with pixels in the given order. R G B, the order of most other libraries, gives the same views
 * as B G R, without a conversion. */
typedef enum { DF_PIXELS_BGR, DF_PIXELS_RGB } DfPixelOrder;
DF_API int df_pipeline_run_as(const DfPipeline *, const DfImage *image, DfPixelOrder, DfViews *out);

DF_END_DECLS

#endif
