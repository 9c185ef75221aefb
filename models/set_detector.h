/* SPDX-License-Identifier: Apache-2.0
 *
 * models/set_detector.h -- private: a detector whose head predicts a set: DETR (Carion et al., ECCV 2020), Deformable
 * DETR (Zhu et al., ICLR 2021). The image passes through the backbone, the neck if there is one, and the head. detr.c
 * and detr_official.c read the configs.
 */
#ifndef DF_MODELS_SET_DETECTOR_H
#define DF_MODELS_SET_DETECTOR_H

#include "models/parts.h"

/* Stands first in the struct of an architecture. */
typedef struct {
    Trunk trunk; /* first */
    SetPart head;
    const char *const *ignorable; /* keys of checkpoints that are known and not needed */
    DfDetrMasks *masks;           /* DETR's mask head; NULL: none                      */
    DfSegmenting segmenting;      /* how its masks become segments                     */
    bool last_alone;              /* in training the last layer of the decoder alone has losses */
} SetDetector;

bool df_set_detector_has_masks(const void *self);
/* One view: the class of every pixel. */
int df_set_detector_segment(DfCtx *, const void *self, DfTensor *const *views, const DfImageMeta *metas, int n,
                            uint16_t *labels);

int df_set_detector_classes(const void *self);
const char *const *df_set_detector_ignorable(const void *self);
void df_set_detector_forward(DfCtx *, const void *self, DfTensor *image);
int df_set_detector_detect(DfCtx *, const void *self, DfTensor *image, const DfImageMeta *metas, int n, bool rescale,
                           DfDetections *results);
void df_set_detector_losses(DfCtx *, const void *self, DfTensor *image, const DfLossBatch *batch, DfLosses *out);

#define SET_DETECTOR_FUNCTIONS \
    .classes = df_set_detector_classes, \
    .ignorable = df_set_detector_ignorable, \
    .forward = df_set_detector_forward, \
    .detect = df_set_detector_detect, \
    .has_masks = df_set_detector_has_masks, \
    .losses = df_set_detector_losses

#endif
