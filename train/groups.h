/* SPDX-License-Identifier: Apache-2.0
 *
 * train/groups.h -- private: the rules that give parameters their own learning rates and weight decays.
 */
#ifndef DF_TRAIN_GROUPS_H
#define DF_TRAIN_GROUPS_H

#include "train/recipe.h"

typedef struct {
    const char *key;
    double lr_mult, decay_mult;
} DfCustomKey;

/* paramwise_cfg; a factor that it does not name is NAN. */
typedef struct {
    const DfNode *custom_keys;
    DfCustomKey *keys; /* longest first */
    int n_keys;
    double bias_lr_mult, bias_decay_mult, norm_decay_mult, dwconv_decay_mult, flat_decay_mult, dcn_offset_lr_mult;
    double num_layers, decay_rate, layer_decay_rate;
    const char *decay_type;
} DfParamwise;

typedef struct {
    double rate, decay;
} DfParamRate;

/* layers.c: the rate falls by a factor from layer to layer, towards the image (Clark et al., ELECTRA, ICLR 2020). */
enum { DF_STAGES = 8 };
typedef struct {
    const char *prefix;     /* prefix of the backbone's names                  */
    double factor;
    bool stages;            /* all blocks of a stage have the same rate        */
    int depth[DF_STAGES];   /* number of blocks of each stage                  */
    int n;                  /* number of stages                                */
} DfLayers;
int df_layers_read(DfLayers *out, const DfParamwise *, const NnModel *);
void df_layers_rate(const DfLayers *, const NnParam *, DfParamRate *);

#endif
