/* SPDX-License-Identifier: Apache-2.0
 *
 * models/parts.h -- private: a backbone, neck or head chosen by the `type` of its dict, and the trunk that most networks have.
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
void df_part_head(DfCtx *, const Part *, const char *scope, const DfMaps *in, DfDense *out); /* a dense one */

/* What a network of mmdet or mmseg begins with: a backbone, a neck or none. It stands first in the network's struct; its rows stand
 * around those of the heads. */
typedef struct {
    const DfNode *backbone_cfg, *neck_cfg, *train_cfg, *test_cfg;
    Part backbone, neck;
} Trunk;
#define TRUNK_PARTS \
    DF_OPT_AS(Trunk, backbone, backbone_cfg, DF_KIND_DICT, NULL, 0, 0, NULL, "the backbone"), \
    DF_OPT_AS(Trunk, neck, neck_cfg, DF_KIND_DICT, "None", 0, 0, NULL, "the neck")
#define TRUNK_SETTINGS(train_help, test_help) \
    DF_OPT_DICT(Trunk, train_cfg, "None", train_help), \
    DF_OPT_DICT(Trunk, test_cfg, "None", test_help), \
    DF_OPT_UNUSED(pretrained, "weights to start a training run from"), \
    DF_OPT_UNUSED(init_cfg, "weights to start a training run from")
const DfNode *df_trunk_test_cfg(const Trunk *, const DfNode *root); /* mmdet before 2.8 has it at the top of the config */
void df_trunk_init(NnScope, Trunk *);
/* Backbone and neck one after the other; a listener hears backbone_i and fpn_i. */
void df_trunk_pyramid(DfCtx *, const Trunk *, DfTensor *image, DfMaps *out);
const char *const *df_trunk_ignorable(const void *trunk); /* what a DfArchitecture is asked */

#endif
