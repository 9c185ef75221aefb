/* SPDX-License-Identifier: Apache-2.0
 *
 * heads/pixel.h -- pixel heads, of semantic segmentation: a score of every class for every cell of the finest map. UPerNet (Xiao et
 * al., ECCV 2018), Semantic FPN (Kirillov et al., CVPR 2019), FCN (Long et al., CVPR 2015). Part of the door heads/heads.h.
 */
#ifndef DF_HEADS_PIXEL_H
#define DF_HEADS_PIXEL_H

#include "heads/head.h"
#include "heads/losses.h"

typedef struct {
    const char *name, *help;
    const DfOpt *opts;
    size_t size;
    void (*init)(NnScope, void *self);
    int (*classes)(const void *self);
    bool (*align_corners)(const void *self); /* how its scores are to be enlarged to the size of the image */
    DfTensor *(*forward)(DfCtx *, const void *self, const DfMaps *in); /* -> N h w classes, logits */
    /* The losses of a batch, added to `out`; targets[N], metas[N]. NULL: the head cannot be trained. */
    void (*losses)(DfCtx *, const void *self, DfTensor *scores, const DfTargets *targets, const DfImageMeta *metas, DfLosses *out);
} DfPixelHead;

extern const DfPixelHead *const df_pixel_heads[]; /* ends with NULL */
const DfPixelHead *df_pixel_head_find(const char *type); /* NULL, with a sentence in df_error(): there is none of this kind */

#endif
