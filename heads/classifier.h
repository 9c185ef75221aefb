/* SPDX-License-Identifier: Apache-2.0
 *
 * heads/classifier.h -- the loss of a classifier's logits, as in the configs of mmcls.
 * Included by heads/heads.h.
 */
#ifndef DF_HEADS_CLASSIFIER_H
#define DF_HEADS_CLASSIFIER_H

#include "heads/head.h"
#include "heads/losses.h"

DF_BEGIN_DECLS

/* The loss of a classifier. Its memory is the model's. */
typedef struct DfClassLoss DfClassLoss;
/* From a dict such as dict(type='LabelSmoothLoss', label_smooth_val=0.1); NULL or None: cross entropy. If the loss is
 * not built in, only df_class_losses() fails. NULL: the model is poisoned, out of memory. */
DF_API const DfClassLoss *df_class_loss_new(NnScope, const DfNode *dict);
/* Adds `loss`, the mean over the pictures, and the figure `accuracy_top-1`, a percentage. The class of every picture is
 * in its annotations (image_class; of a mixture second_class too). logits: N C. */
DF_API void df_class_losses(DfCtx *, const DfClassLoss *, DfTensor *logits, const DfLossBatch *, DfLosses *out);

DF_END_DECLS

#endif
