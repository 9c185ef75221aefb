/* SPDX-License-Identifier: Apache-2.0
 *
 * config/dialect/hub_timm.h -- private: classifiers of timm. The name selects the network, `model_args` has the
 * differences from it, `pretrained_cfg` describes how a picture is prepared.
 */
#ifndef DF_CONFIG_DIALECT_HUB_TIMM_H
#define DF_CONFIG_DIALECT_HUB_TIMM_H

#include "config/dialect/hub_network.h"

typedef struct {
    const char *name;      /* without the tag behind the dot: "swin_tiny_patch4_window7_224"                 */
    const DfNode *args;    /* model_args, or NULL                                                            */
    int num_classes, in_chans;
    int picture[2];        /* height, width                                                                  */
    int img_size[2];       /* what the network is built for: that of the picture, unless model_args says so  */
} DfTimm;

/* Reads what all networks have in common. Keys of model_args in `unlike` are refused unless they have the usual value:
 * they change the network in ways that are not built in. */
typedef struct {
    const char *key, *usual; /* the value as text: "avg", "True", "1"; "" for None or '' */
} DfTimmUsual;
int df_timm_read(DfHub *, DfTimm *, const DfTimmUsual *unlike);

/* The name and the arguments are those of no network that is built in. */
int df_timm_fail(const DfHub *, const char *want);

/* The activation that act_layer names, by its name here; `usual` where nothing is said. NULL after df_fail(). */
const char *df_timm_activation(const DfNode *args, const char *usual);

/* How a classifier makes one vector of its last map: avg, max, avgmax (the mean of both) or catavgmax (one behind the
 * other). NULL after df_fail(). */
const char *df_timm_pool(const DfHub *, const DfTimm *);
/* DF_EVALUE unless that is avg. */
int df_timm_wants_mean(const DfHub *, const DfTimm *);

/* Writes `data`: timm's own transform for evaluation. */
int df_timm_write_data(DfHub *, const DfTimm *);

#endif
