/* SPDX-License-Identifier: Apache-2.0
 *
 * models/set_detector.h -- private: a detector whose head predicts a set: DETR (Carion et al., ECCV 2020), Deformable
 * DETR (Zhu et al., ICLR 2021). The image goes through the backbone, the neck if there is one, and the head; configs
 * are read elsewhere.
 */
#ifndef DF_MODELS_SET_DETECTOR_H
#define DF_MODELS_SET_DETECTOR_H

#include "models/parts.h"

/* Stands first in the struct of an architecture. */
typedef struct {
    Trunk trunk; /* first */
    SetPart head;
    const char *const *ignorable; /* keys of checkpoints that are known and not needed */
} SetDetector;

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
    .losses = df_set_detector_losses

#endif
