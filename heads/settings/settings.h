/* SPDX-License-Identifier: Apache-2.0
 *
 * heads/settings/settings.h -- private: dicts that several heads have, for the forward pass and for decoding. A wrong
 * dict poisons the scope's model. loss_cfg.h and train_cfg.h have those that only training needs.
 */
#ifndef DF_HEADS_SETTINGS_SETTINGS_H
#define DF_HEADS_SETTINGS_SETTINGS_H

#include "boxes/boxes.h"
#include "nn/nn.h"

bool df_head_type(NnScope, const DfNode *dict, const char *wanted); /* whether its `type` is the one that is built in */
void df_head_anchors(NnScope, DfAnchors *, const DfNode *anchor_generator); /* freed with the model */
void df_head_coder(NnScope, DfDeltaCoder *, const DfNode *bbox_coder);
void df_head_nms(NnScope, DfNms *, const DfNode *nms); /* mmcv's nms_cfg: nms or soft_nms */
int df_nms_cfg(DfNms *, const DfNode *nms, DfArena *); /* the same, as an error: DF_EVALUE or DF_ENOMEM */

#endif
