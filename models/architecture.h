/* SPDX-License-Identifier: Apache-2.0
 *
 * models/architecture.h -- the record of a whole network, which connects a backbone, a neck and heads, under its
 * name in configs. Included by models/models.h.
 */
#ifndef DF_MODELS_ARCHITECTURE_H
#define DF_MODELS_ARCHITECTURE_H

#include "backbone/backbone.h"
#include "heads/heads.h"
#include "necks/necks.h"

DF_BEGIN_DECLS

typedef struct {
    const char *name, *help;
    const DfOpt *opts;
    size_t size;
    /* root: the whole config, where older ones have train_cfg and test_cfg */
    void (*init)(NnScope, void *self, const DfNode *root);
    /* Keys of official checkpoints that the network does not need, as patterns ("*.attn_mask"); ends with NULL. */
    const char *const *(*ignorable)(const void *self);
    int (*classes)(const void *self); /* without background */
    /* The network without post-processing, for counting and timing. Data-dependent parts run on a typical amount of
     * data. */
    void (*forward)(DfCtx *, const void *self, DfTensor *image);
    /* Detectors: n images of a batch, boxes in original pixels if `rescale`, else in network pixels. results[n] start
     * empty. */
    int (*detect)(DfCtx *, const void *self, DfTensor *image, const DfImageMeta *metas, int n, bool rescale,
                  DfDetections *results);
    /* One image in n views (test-time augmentation), in original pixels; NULL: not built in. */
    int (*detect_views)(DfCtx *, const void *self, DfTensor *const *views, const DfImageMeta *metas, int n,
                        DfDetections *result);
    bool (*has_masks)(const void *self); /* its detections have masks; NULL: none of them */
    /* Segmentors: the views of one image (1 H W 3 each), the class of every pixel of the original. */
    int (*segment)(DfCtx *, const void *self, DfTensor *const *views, const DfImageMeta *metas, int n,
                   uint16_t *labels);
    /* Training: the losses of a batch, in `out`, which starts empty. */
    void (*losses)(DfCtx *, const void *self, DfTensor *image, const DfLossBatch *, DfLosses *out);
} DfArchitecture;

DF_API extern const DfArchitecture *const df_architectures[]; /* NULL-terminated */

DF_END_DECLS

#endif
