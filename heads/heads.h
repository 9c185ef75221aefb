/* SPDX-License-Identifier: Apache-2.0
 *
 * heads/heads.h -- the door to heads/: what turns feature maps into detections. A head is forward, and decode.
 */
#ifndef DF_HEADS_HEADS_H
#define DF_HEADS_HEADS_H

#include "boxes/boxes.h"
#include "nn/nn.h"

/* Raw outputs of a dense head, one pair of maps a level: N H W (anchors * classes), N H W (anchors * 4). */
typedef struct {
    int n;
    DfTensor *cls_score[DF_LEVELS], *bbox_pred[DF_LEVELS];
} DfDense;

/* Detections of one image, best first. */
typedef struct {
    DfDetection *v;
    size_t n;
    DfMask *masks; /* one of each detection, at the size of the image that boxes are given for; NULL: the network makes none */
} DfDetections;
void df_detections_free(DfDetections *); /* and empties it */

/* Where the objects of one image may be: x1 y1 x2 y2 in network pixels, and a score; best first. */
typedef struct {
    float (*v)[5];
    size_t n;
} DfProposals;
void df_proposals_free(DfProposals *); /* and empties it */

/* A head is of one kind, and has the functions of that kind. */
typedef struct {
    const char *name, *help;
    const DfOpt *opts;
    size_t size;
    void (*init)(NnScope, void *self, const DfNode *test_cfg);
    int (*classes)(const void *self);
    /* dense: an output for every place of every map */
    void (*forward)(DfCtx *, const void *self, const DfMaps *in, DfDense *out);
    /* Boxes of image `n` of the batch; with `rescale` in original pixels, else in network pixels. */
    int (*decode)(const void *self, const DfDense *, int n, const DfImageMeta *, bool rescale, DfDetections *out);
    /* The same from n views of one image, together; in original pixels. */
    int (*decode_views)(const void *self, const DfDense *views, const DfImageMeta *, int n, DfDetections *out);
    /* region proposals: dense, with these instead of decode; of several views: merged, in original pixels */
    int (*propose)(const void *self, const DfDense *, int n, const DfImageMeta *, DfProposals *out);
    int (*merge)(const void *self, const DfProposals *views, const DfImageMeta *, int n, DfProposals *out);
    /* parts of the next: n h w C features of regions to scores n classes+1 and deltas (NULL: none) n 4*classes or n 4; to mask logits */
    void (*classify)(DfCtx *, const void *self, DfTensor *regions, DfTensor **scores, DfTensor **deltas);
    DfTensor *(*outline)(DfCtx *, const void *self, DfTensor *regions);
    /* regions: n images of a batch with their proposals, to what they are and where; without data, what a pass costs */
    int (*detect)(DfCtx *, const void *self, const DfMaps *in, const DfProposals *, const DfImageMeta *, int n, bool rescale, DfDetections *results);
    int (*detect_views)(DfCtx *, const void *self, const DfMaps *views, const DfProposals *merged, const DfImageMeta *, int n, DfDetections *out);
    void (*pass)(DfCtx *, const void *self, const DfMaps *in, const float *rois, int n, int n_masks);
    bool (*has_masks)(const void *self);
    /* segmentation: class scores at a fraction of the image's size, N h w classes, and how they are to be enlarged */
    DfTensor *(*segment)(DfCtx *, const void *self, const DfMaps *in);
    bool (*align_corners)(const void *self);
} DfHead;

/* ---- training ---------------------------------------------------------------------------------------------------- */

/* The objects of an image: classes, and boxes cx cy w h in [0, 1] of the image. */
typedef struct {
    size_t n;
    const int *labels;
    const float *boxes;
} DfTargets;

/* What a training step computes, by name. Figures for the log have no tensor; all tensors are scalars. */
enum { DF_LOSSES = 256 };
typedef struct {
    char name[32];
    DfTensor *loss;  /* unweighted, or NULL      */
    float figure;    /* its value, without loss  */
} DfLoss;
typedef struct {
    int n;
    DfLoss v[DF_LOSSES];
    DfTensor *total; /* weighted: seed backward with it; NULL if there is nothing */
} DfLosses;

extern const DfHead *const df_heads[]; /* NULL-terminated */
const DfHead *df_head_find(const char *type); /* NULL if there is none; df_fail() names the nearest */

#include "heads/set.h"

#endif
