/* SPDX-License-Identifier: Apache-2.0
 *
 * train/layers.c -- layer-wise decay of the learning rate: with L blocks, a parameter of block l learns at
 *
 *     rate * factor^(L + 1 - l),    l = 0 for the layers that read the image, 1..L for the blocks, L + 1 for the rest,
 *
 * so that pretrained early layers change least. Published code defines it for ConvNeXt and plain transformers, and for
 * Swin as in SimMIM (Xie et al., CVPR 2022); the other backbones here are numbered in the same way. Biases, norms and
 * position tables have no weight decay.
 */
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "train/groups.h"

/* The position of a parameter in the backbone. */
typedef struct {
    enum { IN_FRONT, IN_BLOCK, BEHIND_STAGE, AT_THE_END } where;
    int stage, block;
} Place;

/* The number after `head` at the start of a name, and the *rest of the name; -1 if it does not start like this. */
static int number_behind(const char *name, const char *head, const char **rest)
{
    const char *at = strstr(name, head);
    if (!at || !isdigit((unsigned char)at[strlen(head)]))
        return -1;
    char *end;
    const long n = strtol(at + strlen(head), &end, 10);
    *rest = *end == '.' ? end + 1 : end;
    return n >= 0 && n < 10000 ? (int)n : -1;
}

/* "blocks.3.attn.." of Swin and Focal, "attns.3.." of DAT, whose norms are two a block, "3.conv1.." of the others. */
static int block_in_stage(const char *rest)
{
    static const char *const twice[] = { "layer_norms.", "layer_scales.", "local_perception_units.", NULL };
    const char *behind;
    for (int i = 0; twice[i]; i++)
        if (df_starts_with(rest, twice[i]))
            return number_behind(rest, twice[i], &behind) / 2;
    if (isdigit((unsigned char)rest[0]))
        return atoi(rest);
    static const char *const once[] = { "blocks.", "attns.", "mlps.", NULL };
    for (int i = 0; once[i]; i++)
        if (df_starts_with(rest, once[i]))
            return number_behind(rest, once[i], &behind);
    return -1;
}

/* The prefix of the backbone's names; "" if the network is only a backbone. */
static const char *find_prefix(const NnModel *model)
{
    static const char *const prefixes[] = { "backbone.0.body.", "backbone.", NULL };
    for (int k = 0; prefixes[k]; k++)
        for (int i = 0; i < nn_model_count(model); i++)
            if (df_starts_with(nn_model_at(model, i)->name, prefixes[k]))
                return prefixes[k];
    return "";
}

static Place place_of(const char *prefix, const char *name)
{
    static const char *const stages[] = { "layers.", "stages.", "block", "layer", NULL };
    static const char *const between[] = { "down_projs.", "patch_embed", NULL };
    if (!df_starts_with(name, prefix))
        return (Place){ .where = AT_THE_END };
    const char *own = name + strlen(prefix);
    const char *rest = own;
    for (int i = 0; stages[i]; i++) {
        const int one = i >= 2; /* ResNet's and PVT's stages are numbered from 1 */
        const int stage = df_starts_with(own, stages[i]) ? number_behind(own, stages[i], &rest) - one : -1;
        if (stage < 0)
            continue;
        const int block = block_in_stage(rest);
        return (Place){ block < 0 ? BEHIND_STAGE : IN_BLOCK, stage, block };
    }
    for (int i = 0; between[i]; i++) {
        const int stage = df_starts_with(own, between[i]) ? number_behind(own, between[i], &rest) - 2 * i : -1;
        if (stage >= 0)
            return (Place){ BEHIND_STAGE, stage, 0 };
    }
    static const char *const ends[] = { "norm", "cls_", "fc", "head", NULL };
    for (int i = 0; ends[i]; i++)
        if (df_starts_with(own, ends[i]))
            return (Place){ .where = AT_THE_END };
    return (Place){ .where = IN_FRONT };
}

static int sum_of_depths(const DfLayers *l, int stages)
{
    int sum = 0;
    for (int i = 0; i < stages && i < l->n; i++)
        sum += l->stages ? 1 : l->depth[i];
    return sum;
}

static int layer_of(const DfLayers *l, const char *name)
{
    const Place p = place_of(l->prefix, name);
    switch (p.where) {
    case IN_FRONT: return 0;
    case IN_BLOCK: return sum_of_depths(l, p.stage) + (l->stages ? 0 : p.block) + 1;
    case BEHIND_STAGE: return sum_of_depths(l, p.stage + 1);
    default: return sum_of_depths(l, l->n) + 1;
    }
}

int df_layers_read(DfLayers *out, const DfParamwise *p, const NnModel *model)
{
    const double given = isnan(p->decay_rate) ? p->layer_decay_rate : p->decay_rate;
    *out = (DfLayers){ .factor = given, .stages = strcmp(p->decay_type, "stage_wise") == 0 };
    out->prefix = find_prefix(model);
    if (isnan(given))
        return df_fail(DF_EVALUE, "paramwise_cfg of a layer-wise decay: want decay_rate");
    for (int i = 0; i < nn_model_count(model); i++) {
        const Place at = place_of(out->prefix, nn_model_at(model, i)->name);
        if (at.where != IN_BLOCK || at.stage >= DF_STAGES)
            continue;
        out->n = at.stage + 1 > out->n ? at.stage + 1 : out->n;
        out->depth[at.stage] = at.block + 1 > out->depth[at.stage] ? at.block + 1 : out->depth[at.stage];
    }
    const int layers = sum_of_depths(out, out->n);
    if (layers == 0)
        return df_fail(DF_EVALUE, "layer-wise decay: the network has no backbone with blocks");
    if (!isnan(p->num_layers) && !out->stages && (int)p->num_layers != layers)
        return df_fail(DF_EVALUE, "paramwise_cfg.num_layers = %d: the backbone has %d blocks", (int)p->num_layers,
                       layers);
    return DF_OK;
}

void df_layers_rate(const DfLayers *l, const NnParam *param, DfParamRate *out)
{
    const int last = sum_of_depths(l, l->n) + 1;
    out->rate *= pow(l->factor, last - layer_of(l, param->name));
    const bool table = strstr(param->name, "pos_embed") || strstr(param->name, "cls_token") ||
                       strstr(param->name, "bias_table") || strstr(param->name, "rpe_table");
    if (param->shape.n == 1 || df_ends_with(param->name, ".bias") || table)
        out->decay = 0;
}
