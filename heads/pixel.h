/* SPDX-License-Identifier: Apache-2.0
 *
 * heads/pixel.h -- pixel heads, for semantic segmentation: a score of every class for every cell of the finest map.
 * UPerNet (Xiao et al., ECCV 2018), Semantic FPN (Kirillov et al., CVPR 2019), FCN (Long et al., CVPR 2015). Included
 * by heads/heads.h.
 */
#ifndef DF_HEADS_PIXEL_H
#define DF_HEADS_PIXEL_H

#include "heads/head.h"
#include "heads/losses.h"

DF_BEGIN_DECLS

/* ---- heads ------------------------------------------------------------------------------------------------------- */

/* How the losses of a head are asked for. */
typedef struct {
    const char *prefix;  /* of their names in the log: "decode.", "aux_0."                                     */
    int height, width;   /* of the network's input: scores are enlarged to it, and label maps are no larger    */
    bool older;          /* as mmseg before 1.0 averaged, and named the only loss of a head: `loss_seg`        */
} DfPixelLossSettings;

typedef struct {
    const char *name, *help;
    const DfOpt *opts;
    size_t size;
    void (*init)(NnScope, void *self);
    int (*classes)(const void *self);
    bool (*align_corners)(const void *self); /* how its scores are to be enlarged to the size of the image */
    DfTensor *(*forward)(DfCtx *, const void *self, const DfMaps *in); /* -> N h w classes, logits */
    /* The losses of a batch by its label maps, added to `out`. */
    void (*losses)(DfCtx *, const void *self, DfTensor *scores, const DfLossBatch *, const DfPixelLossSettings *,
                   DfLosses *out);
} DfPixelHead;

DF_API extern const DfPixelHead *const df_pixel_heads[]; /* ends with NULL */
/* NULL, with a sentence in df_error(): there is none of this kind. */
DF_API const DfPixelHead *df_pixel_head_find(const char *type);

/* ---- decode: pixel/score_rows.c, the same for all pixel heads ---------------------------------------------------- */

/* The reference enlarges scores twice, to the size of the network's input and from there to the original image, and
 * keeps every class of every pixel both times: 2.2 GB for 150 classes of a 2200x1650 picture. Here the scores stay
 * small, and a block of the result, a few rows by some columns, is made from the rows and columns it needs: they fit
 * into the second cache. */

/* Scores of a part of a view: h x w pixels of the network's input from (y, x) on, as a map of map_h x map_w x
 * classes. */
typedef struct {
    int y, x, h, w, map_h, map_w;
    const float *scores; /* borrowed */
} DfScoreWindow;

/* One pass over the image: windows that cover height x width together, or more;
 * where they overlap their mean counts. */
typedef struct {
    int height, width, n;
    DfScoreWindow *windows;
    bool flip_x, flip_y; /* the view is mirrored; the result is mirrored back */
} DfScoreView;

typedef struct {
    int classes, height, width; /* of the original image */
    bool align_corners;         /* DfPixelHead.align_corners() */
    int n;
    const DfScoreView *views;
} DfScoreSet;

/* labels[height][width]: the first of the largest scores, after a mean of softmaxes if there are several views.
 * `scores` and `prob` ([height][width][classes]) are filled too unless NULL; scores are those of the first view.
 * DF_ENOMEM. */
DF_API int df_score_labels(DfPool *, const DfKernels *, const DfScoreSet *, uint16_t *labels, float *scores,
                           float *prob);
/* The scores of a view at the size of the network's input: out[height][width][classes]. DF_ENOMEM. */
DF_API int df_score_view(const DfKernels *, const DfScoreSet *, const DfScoreView *, float *out);

DF_END_DECLS

#endif
