/* SPDX-License-Identifier: Apache-2.0
 *
 * models/parts.h -- private: a backbone, neck or head chosen by the `type` of its dict.
 */
#ifndef DF_MODELS_PARTS_H
#define DF_MODELS_PARTS_H

#include "models/models.h"

typedef enum { PART_BACKBONE, PART_NECK, PART_HEAD } PartKind;

typedef struct {
    const DfBackbone *backbone; /* one of the three */
    const DfNeck *neck;
    const DfHead *head;
    void *self;
} Part;

/* Finds the plugin, fills its options from the dict and builds its modules. `test_cfg` goes to heads. */
void df_part_init(NnScope, Part *, PartKind, const DfNode *dict, const DfNode *test_cfg);
void df_part_backbone(DfCtx *, const Part *, const char *scope, DfTensor *image, DfMaps *out); /* scope NULL: none */
void df_part_neck(DfCtx *, const Part *, const DfMaps *in, DfMaps *out);
/* Backbone and neck (or none: neck->self NULL) one after the other; a listener hears backbone_i and fpn_i. */
void df_part_pyramid(DfCtx *, const Part *backbone, const Part *neck, DfTensor *image, DfMaps *out);
void df_part_head(DfCtx *, const Part *, const char *scope, const DfMaps *in, DfDense *out); /* a dense one */

#endif
