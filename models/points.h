/* SPDX-License-Identifier: Apache-2.0
 *
 * models/points.h -- where a network looks: the sampling points and weights of Deformable DETR (Zhu et al., ICLR
 * 2021), of DAT (Xia et al., CVPR 2022) and of deformable convolutions (Dai et al., ICCV 2017; Zhu et al., CVPR 2019),
 * in pixels of the original picture. Included by models/models.h: include that.
 *
 *     DfPoints *points;
 *     df_points_new(&points, model, 800, 1216);          which layers there are: a dry pass, before any weights
 *     df_points_want(points, i);                         keep what layer i reads
 *     df_points_listen(points, c);
 *     df_model_detect(model, c, image, &meta, 1, true, &found);
 *     df_points_done(points, c);
 *     df_points_read(points, i, 0, &meta, query, out);   now, and until the next df_points_listen()
 */
#ifndef DF_MODELS_POINTS_H
#define DF_MODELS_POINTS_H

#include "models/model.h"

DF_BEGIN_DECLS

typedef struct DfPoints DfPoints;

/* A layer of one of two kinds: every query has its own points, or the queries are the cells of a map and share the
 * points. A query has heads * levels * points points; if they are shared, the heads of a group have the same points.
 * The queries of a deformable convolution are the cells of its output, and its heads are its offset groups. */
typedef struct {
    const char *path;                /* of its module: "transformer.decoder.layers.5", "backbone.stages.2.attns.1" */
    bool shared;
    bool answers;                    /* detections come from its queries: DfDetection.index is one of them         */
    int queries, heads, groups, levels, points; /* points of a head and level; all as in the last pass */
} DfPointLayer;

typedef struct {
    float x, y;                      /* pixels of the original picture; may lie outside */
    float weight;                    /* those of a head sum to 1; of a deformable convolution it is the
                                      * mask (1 without one) over the number of points  */
} DfPoint;

/* The layers of a model at an input of H x W, in the order in which they run; none is fine. */
DF_API int df_points_new(DfPoints **out, const DfModel *, int H, int W);
DF_API void df_points_free(DfPoints *);
DF_API int df_points_layers(const DfPoints *);
DF_API const DfPointLayer *df_points_layer(const DfPoints *, int layer);

/* The next pass in `c` records the points of the wanted layers; for several views of a picture, those of the first. */
DF_API void df_points_want(DfPoints *, int layer);
DF_API void df_points_listen(DfPoints *, DfCtx *c);
DF_API int df_points_done(DfPoints *, DfCtx *c); /* stops listening; an error if a wanted layer did not run */

/* The position of a query of image n, and the query nearest to a position. `meta` describes how that image was
 * prepared. */
DF_API void df_points_query(const DfPoints *, int layer, int n, const DfImageMeta *meta, int query, float at[2]);
DF_API int df_points_nearest(const DfPoints *, int layer, int n, const DfImageMeta *meta, const float at[2]);
/* The points of a query: out[heads * levels * points], ordered by head, then level, then point.
 * DF_ENOMEM. */
DF_API int df_points_read(const DfPoints *, int layer, int n, const DfImageMeta *meta, int query, DfPoint *out);

DF_END_DECLS

#endif
