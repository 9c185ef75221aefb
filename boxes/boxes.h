/* SPDX-License-Identifier: Apache-2.0
 *
 * boxes/boxes.h -- the public header of boxes/: geometry of detection on plain arrays, as mmdet 2.x computes it.
 *
 * A box is four floats x1 y1 x2 y2 in pixels; its width is x2 - x1, without a "+ 1" anywhere. n boxes are 4 n floats
 * in a row.
 */
#ifndef DF_BOXES_BOXES_H
#define DF_BOXES_BOXES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "boxes/annotation.h"
#include "boxes/box_iou.h"
#include "boxes/image_meta.h"
#include "boxes/masks/boundary.h"
#include "boxes/masks/mask.h"
#include "boxes/masks/outline.h"
#include "boxes/masks/runs.h"
#include "boxes/masks/trace.h"
#include "boxes/rotated.h"
#include "core/core.h"

DF_BEGIN_DECLS

/* ---- anchors (Ren et al., NIPS 2015; scales in octaves: Lin et al., ICCV 2017) --------------------------------- */

/* The arguments of mmdet's AnchorGenerator. Give exactly one of `scales` and the octave pair: scales.n > 0, or
 * octave_base_scale > 0 and scales_per_octave > 0. */
typedef struct {
    int levels;
    const int *strides_w;     /* [levels], pixels                                        */
    const int *strides_h;     /* [levels], or NULL: as strides_w                         */
    DfFloats ratios;          /* height / width                                          */
    DfFloats scales;          /* of the base size; or n = 0                              */
    double octave_base_scale; /* in place of scales: base * 2^(i / scales_per_octave)    */
    int scales_per_octave;
    DfFloats base_sizes;      /* one per level, pixels; n = 0: the smaller stride        */
    bool scale_major;         /* true (mmdet's default): loop over ratios, then scales   */
    const double *centers;    /* [levels][2], x y of the cell at (0, 0), pixels; or NULL */
    double center_offset;     /* 0..1 of the base size; 0 in mmdet 2.x                   */
    const DfFloats *sizes;    /* [levels], pixels, all of the same length, in place of scales and base_sizes; or NULL */
    bool rounded;             /* round half of each side to an integer, as in torchvision */
    bool fit_strides;         /* see df_anchors_fit()                                     */
} DfAnchorOptions;

typedef struct {
    int levels, per_cell; /* anchors in each cell of the grid, the same on every level */
    int *strides;         /* w h of each level                                         */
    float *base;          /* [levels][per_cell][4], around the cell at (0, 0)          */
    bool fit_strides;
} DfAnchors;

/* DF_EVALUE: the sentence names the wrong key */
DF_API int df_anchors_init(DfAnchors *out, const DfAnchorOptions *options);
DF_API void df_anchors_done(DfAnchors *);

/* torchvision: the stride of a level is the size of the padded picture divided by that of the map, rounded down.
 * Computes these strides for maps of h[level] x w[level] cells; the size of the picture follows from the first level
 * and its stride. Without fit_strides nothing changes. `strides` has room for 2 * levels numbers; *out borrows it and
 * the anchors. */
DF_API void df_anchors_fit(DfAnchors *out, const DfAnchors *, const int *h, const int *w, int *strides);

/* All anchors of a level of h x w cells: out[h][w][per_cell][4]. */
DF_API void df_anchors_grid(const DfAnchors *, int level, int h, int w, float *out);
/* Only the anchor at `index` of that order: after top-k, few are needed. */
DF_API void df_anchors_at(const DfAnchors *, int level, int w, size_t index, float out[4]);
/* Which anchors lie in the padded image of pad_h x pad_w pixels: out[h][w][per_cell]. */
DF_API void df_anchors_valid(const DfAnchors *, int level, int h, int w, int pad_h, int pad_w, bool *out);
/* Clears the flags of anchors that extend more than `border` pixels beyond an image of h x w; a border below 0 changes
 * nothing. */
DF_API void df_anchors_inside(size_t n, const float *anchors, int h, int w, double border, bool *flag);

/* ---- box coding (Girshick et al., CVPR 2014) ------------------------------------------------------------------- */

/* mmdet's DeltaXYWHBBoxCoder. df_delta_coder() has its defaults. */
typedef struct {
    double means[4], stds[4];
    bool clip_border;     /* clip decoded boxes at the image                                     */
    bool add_ctr_clamp;   /* YOLOF: centres move at most ctr_clamp pixels, sizes may shrink freely */
    int ctr_clamp;
    double wh_ratio_clip; /* sizes change at most by this factor or its inverse: 16 / 1000       */
    bool shrink_freely;   /* torchvision and detectron2: sizes grow at most by it                */
} DfDeltaCoder;
DF_API DfDeltaCoder df_delta_coder(void);

/* deltas[n][4] of boxes to targets. */
DF_API void df_delta_encode(const DfDeltaCoder *, size_t n, const float *boxes, const float *targets, float *deltas);

/* out[n][per_box][4] from boxes[n][4] and deltas[n][per_box][4] (per_box: 1, or the classes); clipped to
 * 0..image_w, 0..image_h if clip_border and image_w > 0. `out` may be `deltas`. */
DF_API void df_delta_decode(const DfDeltaCoder *, size_t n, int per_box, const float *boxes, const float *deltas,
                            int image_h, int image_w, float *out);

/* ---- overlaps -------------------------------------------------------------------------------------------------- */

typedef enum {
    DF_IOU,  /* intersection over union                                                    */
    DF_IOF,  /* intersection over the area of the first box ("foreground")                 */
    DF_GIOU  /* generalised IoU in [-1, 1]: Rezatofighi et al., CVPR 2019                  */
} DfOverlap;

/* out[n][m] of a[n][4] with b[m][4]; unions (and GIoU's hulls) are at least eps, mmdet's 1e-6. */
DF_API void df_overlaps(DfOverlap, size_t n, const float *a, size_t m, const float *b, float eps, float *out);

/* ---- non-maximum suppression ----------------------------------------------------------------------------------- */

typedef enum {
    DF_NMS_HARD,         /* a box with IoU > iou_threshold to a better one is dropped            */
    DF_NMS_SOFT_NAIVE,   /* soft: the score is lowered, and the box dropped below min_score: to 0 */
    DF_NMS_SOFT_LINEAR,  /* or by the factor 1 - IoU (both for IoU >= iou_threshold),            */
    DF_NMS_SOFT_GAUSSIAN /* or by exp(-IoU^2 / sigma): Bodla et al., ICCV 2017                   */
} DfNmsKind;

/* mmcv's nms_cfg. df_nms_options() has mmcv's defaults with type='nms', iou_threshold=0.5. */
typedef struct {
    DfNmsKind kind;
    double iou_threshold;
    bool class_agnostic;     /* boxes of different labels suppress one another         */
    int max_num;             /* boxes kept at most; <= 0: all                          */
    int split_thr;           /* from this number of boxes on, label by label, even if class_agnostic */
    double sigma, min_score; /* of soft NMS                                            */
    int offset;              /* 0, or 1: width is x2 - x1 + 1                          */
} DfNms;
DF_API DfNms df_nms_options(void);

typedef struct {
    uint32_t index; /* of the input box                */
    float score;    /* the input's, or lowered by soft NMS */
} DfKept;

/* Boxes of different labels do not suppress each other, unless class_agnostic is set and there are fewer than split_thr
 * (labels are >= 0; NULL: one class). As in mmcv, boxes are separated by adding label * (largest coordinate + 1) in
 * float32. keep[n] gets the remaining boxes, best first, equal scores in input order; *kept their number. */
DF_API int df_nms(const DfNms *, size_t n, const float *boxes, const float *scores, const int *labels, DfKept *keep,
                  size_t *kept);

typedef struct {
    float box[4], score;
    int label;
    uint32_t index; /* the row it came from */
} DfDetection;

/* mmdet's multiclass_nms. scores[n][score_stride], of which the first `classes` count (a background column after
 * them is ignored); boxes[n][4], or [n][classes][4] if box_per_class. A pair counts if its score > score_thr.
 * *out (df_free it) holds *found detections, best first, at most max_per_img if that is > 0. `factors`, NULL or
 * [n], multiply the scores after the threshold. */
DF_API int df_multiclass_nms(const DfNms *, double score_thr, int max_per_img, size_t n, int classes, int score_stride,
                             const float *boxes, bool box_per_class, const float *scores, const float *factors,
                             DfDetection **out, size_t *found);

/* The k largest of n scores, best first, equal ones in input order: index[min(k, n)]. NaN counts as the smallest. */
DF_API int df_top_k(size_t n, const float *scores, size_t k, uint32_t *index);

/* ---- masks ----------------------------------------------------------------------------------------------------- */

/* Mask R-CNN's last step: mask[mask_h][mask_w], values 0 to 1 over `box`, read bilinearly at the pixels of the
 * image (0 around it); pixels of at least `threshold` belong to the instance. df_mask_done() the result. */
typedef enum {
    DF_PASTE_MMDET,       /* also detectron2: pixels with a probability >= threshold  */
    DF_PASTE_TORCHVISION  /* on the box, expanded to whole pixels; > threshold        */
} DfPaste;
DF_API int df_paste_mask_as(DfPaste, DfMask *out, const float *mask, int mask_h, int mask_w, const float box[4],
                            int image_h, int image_w, float threshold);
DF_API int df_paste_mask(DfMask *out, const float *mask, int mask_h, int mask_w, const float box[4],
                         int image_h, int image_w, float threshold);

/* The targets of a mask head: out[n][out_height][out_width], for each of n regions the mask of its object within the
 * region. Regions are clipped to the picture of the masks, height x width pixels. Values are 0 and 1, or for RLE masks
 * with `soft` the fraction of a cell that belongs to the object. An object without a mask gives zeros. DF_EVALUE: an
 * RLE mask of another size. */
typedef struct {
    uint32_t height, width;
    int out_height, out_width;
    bool soft;
} DfMaskTarget;
typedef struct {
    size_t n, stride;     /* stride: floats from one box to the next, at least 4 */
    const float *boxes;   /* [n][stride]: x1 y1 x2 y2 in pixels                 */
    const int *objects;   /* [n], below n_masks                                 */
} DfMaskRegions;
DF_API int df_mask_targets(const DfMaskTarget *, const DfObjectMask *masks, size_t n_masks, const DfMaskRegions *,
                           float *out);

/* ---- assigning boxes to objects, sampling ---------------------------------------------------------------------- */

/* mmdet's MaxIoUAssigner (Ren et al., Faster R-CNN, NIPS 2015, section 3.1.2). The largest IoU of a box
 * with an object decides: in [neg_iou_lo, neg_iou_hi) the box is background, from pos_iou_thr on it is assigned to that
 * object, and otherwise it is ignored. */
typedef struct {
    double pos_iou_thr, neg_iou_lo, neg_iou_hi;
    bool match_low_quality;     /* an object also gets the boxes with its largest IoU, if that is >= min_pos_iou */
    double min_pos_iou;
    bool gt_max_assign_all;     /* all boxes with that IoU, or only the first                                    */
    double ignore_iof_thr;      /* boxes whose IoF with an ignored region is larger are ignored; <= 0: none      */
    bool ignore_wrt_candidates; /* relative to the area of the box, not of the region                            */
} DfMaxIou;

enum {
    DF_BACKGROUND = -1, /* negative                         */
    DF_NEITHER = -2     /* ignored                          */
};
/* object_of_box[n]: one of the m objects, or one of the above; overlap[n]: the largest IoU, -1 in an ignored region,
 * and 0 if there are no objects. DF_ENOMEM. */
DF_API int df_assign(const DfMaxIou *, size_t n, const float *boxes, size_t m, const float *objects, size_t n_ignored,
                     const float *ignored, int *object_of_box, float *overlap);

typedef enum {
    DF_SAMPLE_ALL,              /* PseudoSampler                                                            */
    DF_SAMPLE_RANDOM,           /* RandomSampler                                                            */
    DF_SAMPLE_HARD,             /* OHEMSampler: those with the largest loss (Shrivastava et al., CVPR 2016) */
    DF_SAMPLE_IOU_BALANCED,     /* IoUBalancedNegSampler: evenly over IoUs (Pang et al., CVPR 2019)         */
    DF_SAMPLE_INSTANCE_BALANCED /* InstanceBalancedPosSampler: evenly over objects                          */
} DfSampleKind;

/* mmdet's samplers: which of the assigned boxes a loss counts. */
typedef struct {
    DfSampleKind positives, negatives; /* not IOU_BALANCED, and not INSTANCE_BALANCED                    */
    int num;               /* boxes of an image                                                          */
    double pos_fraction;   /* the largest fraction of positives; the rest are negatives                  */
    double neg_pos_ub;     /* the most negatives per positive (or in all, without positives); < 0: no limit */
    double floor_thr;      /* IOU_BALANCED: overlaps below this are sampled separately; 0: those without overlap; < 0:
                            * no such set. (mmdet's sampler uses -1 in its first call and 0 in all later ones.) */
    double floor_fraction; /* the fraction of negatives from that set                                    */
    int num_bins;          /* IOU_BALANCED: ranges of overlaps, at least 1                               */
} DfBoxSampler;

typedef struct {
    size_t n_positive, n_negative;
    int *positive, *negative; /* box numbers, ascending; one block of memory */
} DfBoxSample;

/* Samples from n boxes with the results of df_assign(). loss[n] is needed only for DF_SAMPLE_HARD, else NULL. To
 * include the objects themselves ("add_gt_as_proposals"), put them first: object i assigned to i, with overlap 1.
 * df_box_sample_done() the result. DF_ENOMEM. */
DF_API int df_sample_boxes(const DfBoxSampler *, size_t n, const int *object_of_box, const float *overlap,
                           const float *loss, DfRandom *, DfBoxSample *out);
DF_API void df_box_sample_done(DfBoxSample *);

/* ---- one-to-one matching --------------------------------------------------------------------------------------- */

/* The one-to-one assignment of rows to columns with the lowest total of cost[rows][columns]: column_of_row[rows], -1
 * for rows without a column. All of the shorter side are assigned. INFINITY forbids a pair. DF_EVALUE: every
 * assignment is forbidden, or a cost is NaN. Ties are resolved as in SciPy. */
DF_API int df_linear_assignment(size_t rows, size_t columns, const double *cost, int *column_of_row);

/* The cost of matching a prediction (class logits, box cx cy w h in the unit square) with an object:
 *     cost_bbox |box - box|_1 + cost_class (focal loss as that class - as background) - cost_giou GIoU
 * df_set_matcher() has the numbers of Deformable DETR. */
typedef struct {
    double cost_class, cost_bbox, cost_giou;
    double alpha, gamma; /* of the focal loss                                                              */
    double eps;          /* keeps its logarithms finite: 1e-8, of mmdet 1e-12                              */
    bool softmax;        /* DETR: class scores are a softmax, and the last class is no-object               */
    bool corners;        /* mmdet 2.11's DETR: the distance of boxes is that of their corners               */
    bool plain_iou;      /* cost_giou counts IoU, not GIoU                                                  */
} DfSetMatcher;
DF_API DfSetMatcher df_set_matcher(void);
/* cost[queries][n] for logits[queries][classes], boxes[queries][4], labels[n] below `classes` (and not the last of
 * a softmax), targets[n][4]. */
DF_API void df_set_costs(const DfSetMatcher *, size_t queries, int classes, const float *logits, const float *boxes,
                         size_t n, const int *labels, const float *targets, float *cost);
/* target_of_query[queries]: one of the n objects, or -1; the matching with the lowest total cost. */
DF_API int df_set_match(const DfSetMatcher *, size_t queries, int classes, const float *logits, const float *boxes,
                        size_t n, const int *labels, const float *targets, int *target_of_query);

DF_END_DECLS

#endif
