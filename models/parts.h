/* SPDX-License-Identifier: Apache-2.0
 *
 * models/parts.h -- private: a backbone, neck or head chosen by the `type` of its dict, and the trunk that most
 * networks share.
 */
#ifndef DF_MODELS_PARTS_H
#define DF_MODELS_PARTS_H

#include "models/architecture.h"

/* A part is a record and the struct that its functions take as `self`. */
typedef struct {
    const DfBackbone *record;
    void *self;
} BackbonePart;

typedef struct {
    const DfNeck *record;
    void *self; /* NULL: the network has no neck */
} NeckPart;

typedef struct {
    const DfDenseHead *record;
    void *self;
} DensePart;

typedef struct {
    const DfRegionHead *record;
    void *self;
} RegionPart;

typedef struct {
    const DfPixelHead *record;
    void *self;
} PixelPart;

typedef struct {
    const DfSetHead *record;
    void *self;
} SetPart;

/* Each finds the record that the dict's `type` names, fills its options from the dict and builds its modules; a failure
 * poisons the scope's model. */
void df_backbone_part(NnScope, BackbonePart *, const DfNode *dict);
void df_neck_part(NnScope, NeckPart *, const DfNode *dict);
void df_dense_part(NnScope, DensePart *, const DfNode *dict, DfHeadSettings);
void df_region_part(NnScope, RegionPart *, const DfNode *dict, DfHeadSettings);
void df_pixel_part(NnScope, PixelPart *, const DfNode *dict);
void df_set_part(NnScope, SetPart *, const DfNode *dict, DfHeadSettings);

/* Runs in the scope of that name; NULL: in none. Outputs that are no numbers are a failure, df_want_numbers(). After a
 * failure there are no maps. */
void df_run_backbone(DfCtx *, const BackbonePart *, const char *scope, DfTensor *image, DfMaps *out);
void df_run_neck(DfCtx *, const NeckPart *, const DfMaps *in, DfMaps *out); /* in the scope "neck" */
void df_run_dense(DfCtx *, const DensePart *, const char *scope, const DfMaps *in, DfDense *out);

/* What a network of mmdet or mmseg begins with: a backbone, a neck or none. It stands first in the network's struct;
 * its rows stand around those of the heads. */
typedef struct {
    const DfNode *backbone_cfg, *neck_cfg, *train_cfg, *test_cfg;
    BackbonePart backbone;
    NeckPart neck;
} Trunk;
#define TRUNK_PARTS \
    DF_OPT_AS(Trunk, backbone, backbone_cfg, DF_KIND_DICT, NULL, 0, 0, NULL, \
              "network that turns the image into feature maps"), \
    DF_OPT_AS(Trunk, neck, neck_cfg, DF_KIND_DICT, "None", 0, 0, NULL, \
              "network between backbone and head, such as FPN; None: there is none")
#define TRUNK_SETTINGS(train_help, test_help) \
    DF_OPT_DICT(Trunk, train_cfg, "None", train_help), \
    DF_OPT_DICT(Trunk, test_cfg, "None", test_help), \
    DF_OPT_UNUSED(pretrained, "in training: weights to begin with, if they are a file"), \
    DF_OPT_UNUSED(init_cfg, "how mmdet initialises weights")
/* mmdet before 2.8 has these two at the top of the config. */
const DfNode *df_trunk_train_cfg(const Trunk *, const DfNode *root);
const DfNode *df_trunk_test_cfg(const Trunk *, const DfNode *root);
/* Is the config of a release of mmdetection 2.x before 2.MINOR? */
bool df_trunk_is_before(const DfNode *root, int minor);
void df_trunk_init(NnScope, Trunk *);
/* Backbone and neck one after the other; a listener hears backbone_i and fpn_i. */
void df_trunk_pyramid(DfCtx *, const Trunk *, DfTensor *image, DfMaps *out);
const char *const *df_trunk_ignorable(const void *trunk); /* what a DfArchitecture is asked */

#endif
