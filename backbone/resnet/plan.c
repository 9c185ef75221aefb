/* SPDX-License-Identifier: Apache-2.0
 *
 * backbone/resnet/plan.c -- derives the stages of a ResNet from its options: number of blocks, width, stride and
 * dilation.
 */
#include "backbone/resnet/network.h"

enum { PUBLISHED_STAGES = 4 };

/* Table 1 of He et al., CVPR 2016. */
static const struct {
    int depth, blocks[PUBLISHED_STAGES];
} known[] = {
    {  18, { 2, 2,  2, 2 } },
    {  34, { 3, 4,  6, 3 } },
    {  50, { 3, 4,  6, 3 } },
    { 101, { 3, 4, 23, 3 } },
    { 152, { 3, 8, 36, 3 } },
};

/* Blocks of each stage. NULL poisons the model. */
static const int *depths_of(NnScope s, const ResNet *net)
{
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (known[i].depth == net->depth && (net->stage_blocks.n || net->num_stages <= PUBLISHED_STAGES))
            return net->stage_blocks.n ? net->stage_blocks.v : known[i].blocks;
    nn_fail(s, DF_EVALUE, "depth = %d, num_stages = %d: want 18, 34, 50, 101 or 152, and stage_blocks if there are more "
                          "than %d stages", net->depth, net->num_stages, PUBLISHED_STAGES);
    return NULL;
}

static bool lists_fit(NnScope s, const ResNet *net, const int *depths)
{
    const int n = net->num_stages;
    if (net->strides.n != n || net->dilations.n != n || (net->dcn && net->stage_with_dcn.n != n))
        nn_fail(s, DF_EVALUE, "strides has %d entries, dilations %d, stage_with_dcn %d: want num_stages = %d",
                net->strides.n, net->dilations.n, net->stage_with_dcn.n, n);
    else if (net->stage_blocks.n && net->stage_blocks.n != n)
        nn_fail(s, DF_EVALUE, "stage_blocks has %d entries: want num_stages = %d", net->stage_blocks.n, n);
    else if (net->stage_channels.n && net->stage_channels.n != n)
        nn_fail(s, DF_EVALUE, "stage_channels has %d entries: want num_stages = %d", net->stage_channels.n, n);
    else if (net->multi_grid.n && net->multi_grid.n != depths[n - 1])
        nn_fail(s, DF_EVALUE, "multi_grid has %d entries: want one for each of the last stage's %d blocks",
                net->multi_grid.n, depths[n - 1]);
    else if (net->replace_stride_with_dilation.n && net->replace_stride_with_dilation.n != PUBLISHED_STAGES - 1)
        nn_fail(s, DF_EVALUE, "replace_stride_with_dilation has %d entries: want 3, or None",
                net->replace_stride_with_dilation.n);
    return nn_ok(s);
}

static bool options_fit(NnScope s, const ResNet *net)
{
    if (net->plugins && net->depth < 50)
        nn_fail(s, DF_EVALUE, "plugins with depth = %d: want at least 50, basic blocks have none", net->depth);
    else if (net->plugins && !df_plugins_fit(s, net->plugins, net->num_stages))
        return false;
    else if (net->dcn && net->conv_cfg)
        nn_fail(s, DF_EVALUE, "conv_cfg beside dcn: want None");
    else if (net->dcn && net->depth < 50)
        nn_fail(s, DF_EVALUE, "dcn with depth = %d: want at least 50, basic blocks have no deformable form",
                net->depth);
    for (int i = 0; i < net->out_indices.n; i++)
        if (net->out_indices.v[i] >= net->num_stages)
            nn_fail(s, DF_EVALUE, "out_indices has %d: want stages below num_stages = %d",
                    net->out_indices.v[i], net->num_stages);
    return nn_ok(s);
}

/* Channels of the 3x3 convolutions of stage i. */
static int width_of(NnScope s, const ResNet *net, int i)
{
    const int given = net->stage_channels.n ? net->stage_channels.v[i] : 0;
    if (given % net->expansion)
        nn_fail(s, DF_EVALUE, "stage_channels has %d: want a multiple of %d, for bottlenecks", given, net->expansion);
    return given ? given / net->expansion : net->base_channels << i;
}

/* mmdet and mmseg: a stage has the dilation that it is given. */
static void plan_stage(const ResNet *net, ResNetStage *stage, int i)
{
    stage->stride = net->strides.v[i];
    stage->dilation = net->dilations.v[i];
    stage->first_dilation = stage->dilation;
    if (net->contract_dilation && stage->dilation > 1)
        stage->first_dilation = stage->dilation / 2;
    if (net->multi_grid.n && i == net->num_stages - 1)
        stage->grid = net->multi_grid.v;
    stage->dcn = net->dcn && net->stage_with_dcn.v[i];
    stage->frozen = i < net->frozen_stages;
    stage->given = df_ints_have(net->out_indices, i);
}

/* torchvision dilates instead of striding; the first block of such a stage still has the dilation from before. */
static void replace_strides(ResNet *net)
{
    int dilation = 1;
    for (int i = 0; i < net->num_stages; i++) {
        ResNetStage *stage = &net->stages[i];
        stage->first_dilation = dilation;
        if (i && i <= net->replace_stride_with_dilation.n && net->replace_stride_with_dilation.v[i - 1]) {
            dilation *= stage->stride;
            stage->stride = 1;
        }
        stage->dilation = dilation;
    }
}

bool df_resnet_plan(NnScope s, ResNet *net)
{
    const int *depths = depths_of(s, net);
    bool dcn_before = false;
    if (net->base_width)
        net->base_channels = net->base_width;
    if (!depths || !lists_fit(s, net, depths) || !options_fit(s, net))
        return false;
    net->n_convs = net->depth < 50 ? 2 : 3;
    net->expansion = net->depth < 50 ? 1 : 4;
    net->act = nn_act_named(s, net->hidden_act);
    net->inner = nn_act_named(s, net->inner_act);
    for (int i = 0; i < net->num_stages; i++) {
        ResNetStage *stage = &net->stages[i];
        *stage = (ResNetStage){ .depth = depths[i] };
        plan_stage(net, stage, i);
        stage->width = width_of(s, net, i);
        stage->first_dcn = stage->dcn && !dcn_before && !net->never_falls_back;
        dcn_before |= stage->dcn;
    }
    if (net->style == RESNET_TORCHVISION)
        replace_strides(net);
    return nn_ok(s);
}
