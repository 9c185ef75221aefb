/* SPDX-License-Identifier: Apache-2.0
 *
 * heads/set/detr_masks.h -- the mask head of DETR (Carion et al., ECCV 2020, section 4.4 and appendix): each query
 * attends to the memory, and its attention maps are upsampled with the backbone's maps to a mask. Inference only.
 * Included by heads/heads.h: include that.
 */
#ifndef DF_HEADS_DETR_MASKS_H
#define DF_HEADS_DETR_MASKS_H

#include "heads/set.h"

DF_BEGIN_DECLS

enum { DF_DETR_MASK_CONVS = 5, DF_DETR_MASK_MAPS = 3 };

typedef struct {
    int dim, heads;                     /* channels of memory and queries; heads of the attention         */
    NnLinear query, key;                /* bbox_attention.q_linear, k_linear                              */
    NnConv conv[DF_DETR_MASK_CONVS], out; /* mask_head.lay1 .. lay5, out_lay                              */
    NnLayerNorm norm[DF_DETR_MASK_CONVS]; /* mask_head.gn1 .. gn5: weights of group norms                 */
    NnConv adapter[DF_DETR_MASK_MAPS];  /* mask_head.adapter1 .. 3: 1x1, from the maps below the last     */
} DfDetrMasks;

/* channels[] of the maps below the last one, from the coarsest: C4, C3, C2. */
DF_API void df_detr_masks_init(NnScope, DfDetrMasks *, int dim, int heads, const int channels[DF_DETR_MASK_MAPS]);

/* Logits of a mask for each query: N Q h w, of the size of the largest map. `maps` are C2 to C5; `outputs` kept the
 * states of the transformer. */
DF_API DfTensor *df_detr_masks(DfCtx *, const DfDetrMasks *, const DfMaps *maps, const DfSetOutputs *outputs);

/* ---- results: detr_segments.c ------------------------------------------------------------------------------------ */

/* Masks of detections by their queries: sigmoid over the threshold, in pixels of the original. logits of image n. */
DF_API int df_detr_detection_masks(const DfTensor *logits, int n, const DfImageMeta *, DfDetections *found);

/* The class of every pixel of the original: the sum over queries of softmax times sigmoid, resized, and its best
 * class. labels[ori_h ori_w] */
DF_API int df_detr_semantic(const DfTensor *logits, const DfTensor *masks, const DfImageMeta *, uint16_t *labels);

/* Which segment has every pixel of the original, counted from 1; 0: none; -1 everywhere if no query counts. A query
 * counts above `threshold`. Each pixel goes to the largest product of score and mask; a segment is there if more than
 * `overlap` of the pixels in which its product reaches `mask_threshold` are its own. Segments of one class of `fused`
 * are one. */
typedef struct {
    double threshold, mask_threshold, overlap;
    const int *fused;
    int n_fused;
} DfSegmenting;
DF_API int df_detr_segments(const DfTensor *logits, const DfTensor *masks, const DfImageMeta *, const DfSegmenting *,
                            int32_t *segment);

DF_END_DECLS

#endif
