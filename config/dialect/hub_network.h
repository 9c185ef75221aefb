/* SPDX-License-Identifier: Apache-2.0
 *
 * config/dialect/hub_network.h -- private: classifiers and backbones of transformers and timm, and functions that
 * their translators share.
 */
#ifndef DF_CONFIG_DIALECT_HUB_NETWORK_H
#define DF_CONFIG_DIALECT_HUB_NETWORK_H

#include "config/dialect/hub.h"


/* ---- hub_network.c ----------------------------------------------------------------------------------------------- */

const char *df_hub_truth(bool value); /* "True" or "False" */
void df_hub_write_list(DfHub *, const char *key, const int *v, int n); /* ", key=[1, 2]" */

/* The activation that `key` of the dict names, by its name here; `usual` where it names none. NULL after df_fail(). */
const char *df_hub_activation(const DfNode *dict, const char *key, const char *usual);

/* Reads out_features ("stage2") or out_indices (1 for stage1) of a backbone of `stages` stages; the last one where
 * neither is there. The stem is refused. */
int df_hub_maps(const DfNode *backbone_config, DfHubMaps *, int stages);

/* The size (height, width) of the pictures that the processor of the folder hands on; 0 0: they have different sizes.
 * `usual`: the processor where no file names one. */
int df_hub_picture(DfHub *, const char *usual, int picture[2]);

/* Classes of a network: as many as the last layer, `weight`, has; else as many as config.json says. */
int df_hub_classifier_classes(const DfHub *, const char *weight);

/* Writes `data`: the test pipeline of a classifier. */
int df_hub_write_classifier_data(DfHub *, const char *usual);

/* ---- hub_agree.c: does config.json fit the weights? -------------------------------------------------------------- */

/* A key of a dict, and which item of its list. */
typedef struct {
    const DfNode *dict;
    const char *key;
    int item;
} DfHubKey;
#define DF_HUB_KEY(dict, key, item) (&(DfHubKey){ dict, key, item })

/* DF_OK, or a sentence where dimension `dim` of the tensor of that name is not `wanted`, which the key says. */
int df_hub_agrees(const DfHub *, const DfHubKey *, int dim, int64_t wanted, const char *name, ...) DF_PRINTF(5, 6);
/* The same where not `count` tensors are there whose names have the numbers from 0 on in the place of '#'. */
int df_hub_counts(const DfHub *, const DfHubKey *, int count, const char *name, ...) DF_PRINTF(4, 5);

/* ---- networks: each writes `dict(..)` and fills the maps' channels ----------------------------------------------- */

typedef int DfHubBackbone(DfHub *, const DfNode *backbone_config, DfHubMaps *);
DfHubBackbone df_hub_swin_backbone, df_hub_swin_v2_backbone, df_hub_pvt_v2_backbone, df_hub_resnet_backbone;

#endif
