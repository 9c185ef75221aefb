/* SPDX-License-Identifier: Apache-2.0
 *
 * heads/dense.h -- dense heads: a prediction for every anchor of every cell of every map. RetinaNet's head (Lin et
 * al., ICCV 2017) predicts the class of objects; the region proposal network (Ren et al., NIPS 2015) only predicts
 * where objects may be. Included by heads/heads.h.
 */
#ifndef DF_HEADS_DENSE_H
#define DF_HEADS_DENSE_H

#include "heads/head.h"
#include "heads/losses.h"

DF_BEGIN_DECLS

/* What a pass gives, a pair of maps a level. A cell's anchors stand one after the other. */
typedef struct {
    int n;
    DfTensor *cls_score[DF_LEVELS]; /* N h w anchors*classes, logits                    */
    DfTensor *bbox_pred[DF_LEVELS]; /* N h w anchors*4: dx dy dw dh from anchor to box   */
} DfDense;

typedef struct {
    const char *name, *help;
    const DfOpt *opts;
    size_t size;
    void (*init)(NnScope, void *self, DfHeadSettings);
    /* How many classes its detections have. NULL: they are proposals, regions that may hold an object, without a
     * class. */
    int (*classes)(const void *self);
    void (*forward)(DfCtx *, const void *self, const DfMaps *in, DfDense *out);
    /* The losses of a batch, added to `out`. NULL: the head cannot be trained. */
    void (*losses)(DfCtx *, const void *self, const DfDense *, const DfLossBatch *, DfLosses *out);
    /* Detections of image `n` of the batch; boxes in original pixels if `rescale`, else in network pixels.
     * DF_ENOMEM. */
    int (*decode)(const void *self, const DfDense *, int n, const DfImageMeta *, bool rescale, DfDetections *out);
    /* Heads whose detections are proposals: those that the second stage learns from in training. NULL: decode(). */
    int (*propose)(const void *self, const DfDense *, int n, const DfImageMeta *, DfDetections *out);
    /* The same as decode() from n views of one image together (test-time augmentation), in original pixels. */
    int (*decode_views)(const void *self, const DfDense *views, const DfImageMeta *, int n, DfDetections *out);
} DfDenseHead;

DF_API extern const DfDenseHead *const df_dense_heads[]; /* ends with NULL */
/* NULL, with a sentence in df_error(): there is none of this kind. */
DF_API const DfDenseHead *df_dense_head_find(const char *type);

DF_END_DECLS

#endif
