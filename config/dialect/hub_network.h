/* SPDX-License-Identifier: Apache-2.0
 *
 * config/dialect/hub_network.h -- private: classifiers and backbones of transformers and timm, and what their
 * translators have in common.
 */
#ifndef DF_CONFIG_DIALECT_HUB_NETWORK_H
#define DF_CONFIG_DIALECT_HUB_NETWORK_H

#include "config/dialect/hub.h"

enum { DF_HUB_STAGES = 8 };

/* Which stages give maps to a head. */
typedef struct {
    int n;
    int stage[DF_HUB_STAGES];    /* from 0 on, rising                 */
    int channels[DF_HUB_STAGES]; /* of their maps                     */
    int index[DF_HUB_STAGES];    /* which of the backbone's maps it is */
} DfHubMaps;

/* ---- hub_network.c ----------------------------------------------------------------------------------------------- */

const char *df_hub_truth(bool value); /* "True" or "False" */
void df_hub_write_list(DfHub *, const char *key, const int *v, int n); /* ", key=[1, 2]" */

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

/* ---- networks: each writes `dict(..)` and fills the maps' channels ----------------------------------------------- */

typedef int DfHubBackbone(DfHub *, const DfNode *backbone_config, DfHubMaps *);
DfHubBackbone df_hub_swin_backbone, df_hub_swin_v2_backbone, df_hub_pvt_v2_backbone, df_hub_resnet_backbone;

#endif
