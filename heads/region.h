/* SPDX-License-Identifier: Apache-2.0
 *
 * heads/region.h -- region heads, the second stage of a detector: the class of a region, its refined box, and its
 * mask. Fast and Faster R-CNN (Girshick, ICCV 2015; Ren et al., NIPS 2015), Mask R-CNN (He et al., ICCV 2017), Cascade
 * R-CNN (Cai and Vasconcelos, CVPR 2018). A region head reads features of regions from the maps and passes them to its
 * box heads and mask heads, which see nothing else. Included by heads/heads.h.
 */
#ifndef DF_HEADS_REGION_H
#define DF_HEADS_REGION_H

#include "heads/head.h"
#include "heads/losses.h"

DF_BEGIN_DECLS

/* ---- the parts --------------------------------------------------------------------------------------------------- */

/* Regions that a training step chose, and what each should have been. Box heads are given all of them, mask heads those
 * of objects alone. */
typedef struct {
    int n;
    const float *rois;    /* [n][5]: index in the batch, x1 y1 x2 y2 in network pixels            */
    const int *labels;    /* [n]: the class of its object; the number of classes for background   */
    const float *weights; /* [n]: what each counts in the class loss; box heads alone             */
    const float *boxes;   /* [n][4]: the box of its object, likewise; of background not read      */
    const float *masks;   /* [n][h][w], 0 to 1, at the size of the mask head's output; mask heads alone */
} DfRegionTargets;

/* What the numbers that a box head gives for a region mean, and how they become scores of classes and of background. */
typedef enum {
    DF_SCORES_SOFTMAX,        /* classes + 1: a softmax                                  */
    DF_SCORES_OBJECTNESS,     /* classes + 2: the last two say whether there is an object, and share that among the
                               * classes' softmax (SeesawLoss)                           */
    DF_SCORES_SIGMOID,        /* classes: a sigmoid each; background is what is left of 1 */
} DfRegionScores;

/* How a box head answers. */
typedef struct {
    int classes;              /* without background                                      */
    int columns;              /* of what it says of a region                             */
    DfRegionScores scores;
    bool has_boxes;           /* false: it only classifies                               */
    bool class_agnostic;      /* one box a region, not one a class                       */
    const DfDeltaCoder *coder; /* how a box is written relative to its region             */
} DfBoxHeadShape;

typedef struct {
    const char *name, *help;
    const DfOpt *opts;
    size_t size;
    void (*init)(NnScope, void *self);
    DfBoxHeadShape (*shape)(const void *self);
    /* regions R h w C -> scores R columns, logits; deltas R 4*classes or R 4, or NULL without
     * boxes */
    void (*forward)(DfCtx *, const void *self, DfTensor *regions, DfTensor **scores, DfTensor **deltas);
    /* Added to `out`. NULL: the head cannot be trained. */
    void (*losses)(DfCtx *, const void *self, DfTensor *scores, DfTensor *deltas, const DfRegionTargets *,
                   DfLosses *out);
    /* The class loss of each region alone, by which hard ones are found.                  -> R */
    DfTensor *(*class_losses)(DfCtx *, const void *self, DfTensor *scores, const int *labels);
} DfBoxHead;

typedef struct {
    const char *name, *help;
    const DfOpt *opts;
    size_t size;
    void (*init)(NnScope, void *self);
    int (*classes)(const void *self);
    /* regions R h w C -> mask logits R H W classes or, class agnostic, R H W 1 */
    DfTensor *(*forward)(DfCtx *, const void *self, DfTensor *regions);
    /* Added to `out`. NULL: the head cannot be trained. */
    void (*losses)(DfCtx *, const void *self, DfTensor *mask_logits, const DfRegionTargets *, DfLosses *out);
} DfMaskHead;

/* ---- the head ---------------------------------------------------------------------------------------------------- */

typedef struct {
    const char *name, *help;
    const DfOpt *opts;
    size_t size;
    void (*init)(NnScope, void *self, DfHeadSettings);
    int (*classes)(const void *self);
    bool (*has_masks)(const void *self); /* its detections have masks */
    /* All stages on the same regions, for what a pass costs: rois[n][5], index in the batch and box; masks of the first
     * n_masks. */
    void (*forward)(DfCtx *, const void *self, const DfMaps *in, const float *rois, int n, int n_masks);
    /* The losses of a batch, added to `out`: regions are sampled from the proposals before they are read.
     * NULL: it cannot be trained. */
    void (*losses)(DfCtx *, const void *self, const DfMaps *in, const DfDetections *proposals,
                   const DfLossBatch *, DfLosses *out);
    /* Forward and decode in turns, as the regions of a cascade's next stage are the boxes of this one: from proposals
     * in network pixels to results[n]; boxes in original pixels if `rescale`, else in network pixels. An error of `c`,
     * or DF_ENOMEM. */
    int (*detect)(DfCtx *, const void *self, const DfMaps *in, const DfDetections *proposals, const DfImageMeta *metas,
                  int n, bool rescale, DfDetections *results);
    /* One image in n views (test-time augmentation), its proposals and its detections in original pixels. */
    int (*detect_views)(DfCtx *, const void *self, const DfMaps *views, const DfDetections *proposals,
                        const DfImageMeta *metas, int n, DfDetections *out);
} DfRegionHead;

DF_API extern const DfRegionHead *const df_region_heads[]; /* these end with NULL */
DF_API extern const DfBoxHead *const df_box_heads[];
DF_API extern const DfMaskHead *const df_mask_heads[];
/* NULL, with a sentence in df_error(): there is none of this kind */
DF_API const DfRegionHead *df_region_head_find(const char *type);
DF_API const DfBoxHead *df_box_head_find(const char *type);
DF_API const DfMaskHead *df_mask_head_find(const char *type);

DF_END_DECLS

#endif
