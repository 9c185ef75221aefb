/* SPDX-License-Identifier: Apache-2.0
 *
 * necks/channel_mapper.c -- levels of one width from the backbone's maps, as Deformable DETR reads them: Zhu et al.,
 * ICLR 2021, appendix A.2. The arithmetic is nn/levels.c; here are mmdet's names and options.
 */
#include <string.h>

#include "necks/necks.h"

typedef struct {
    /* options */
    DfInts in_channels;
    int kernel_size, out_channels, num_outs;
    const DfNode *conv_cfg, *norm_cfg, *act_cfg;
    /* modules */
    NnLevels levels;
} ChannelMapper;

static const DfOpt opts[] = {
    DF_OPT_INTS(ChannelMapper, in_channels, NULL, 1, 65536,
                "number of channels of each backbone map; the last maps are used"),
    DF_OPT_INT(ChannelMapper, kernel_size, 3, 1, 99, "side of the convolutions; only 1 is supported"),
    DF_OPT_INT(ChannelMapper, out_channels, 256, 32, 8192, "number of channels of every level, a multiple of 32"),
    DF_OPT_INT(ChannelMapper, num_outs, 4, 1, DF_LEVELS,
               "number of levels; those beyond the last map are made by 3x3 convolutions of stride 2"),
    DF_OPT_DICT(ChannelMapper, norm_cfg, "None", "norm after each convolution; only GN of 32 groups is supported"),
    DF_OPT_DICT(ChannelMapper, act_cfg, "None", "activation; only None is supported"),
    DF_OPT_DICT(ChannelMapper, conv_cfg, "None", "kind of convolution; only None is supported"),
    DF_OPT_UNUSED(init_cfg, "weights that a training run starts from"),
    DF_OPT_END
};

static void init(NnScope s, void *self)
{
    static const NnLevelNames names = {
        .scope = "convs", .given = "convs.%d", .extra = "extra_convs.%d", .conv = "conv", .norm = "gn", .no_bias = true,
    };
    ChannelMapper *m = self;
    const int groups = (int)df_node_int(df_node_get(m->norm_cfg, "num_groups"), 32);
    if (strcmp(nn_norm_name(m->norm_cfg), "gn") != 0 || groups != 32 || m->act_cfg || m->conv_cfg)
        nn_fail(s, DF_EVALUE, "want norm_cfg=dict(type='GN', num_groups=32) and no act_cfg or conv_cfg");
    if (m->kernel_size != 1)
        nn_fail(s, DF_EVALUE, "kernel_size = %d: want 1", m->kernel_size);
    if (m->in_channels.n < 1 || m->in_channels.n >= DF_LEVELS)
        nn_fail(s, DF_EVALUE, "maps in in_channels = %d: want 1 to %d", m->in_channels.n, DF_LEVELS - 1);
    if (nn_ok(s))
        nn_levels_init(s, &m->levels, &names, m->in_channels.n, m->in_channels.v, m->num_outs, m->out_channels);
}

static void forward(DfCtx *c, const void *self, const DfMaps *in, DfMaps *out)
{
    const ChannelMapper *m = self;
    nn_levels(c, &m->levels, in, out);
}

const DfNeck df_neck_channel_mapper = {
    .name = "ChannelMapper",
    .help = "Deformable DETR's levels: a convolution and a group norm for each map (Zhu et al., ICLR 2021)",
    .size = sizeof(ChannelMapper),
    .opts = opts,
    .init = init,
    .forward = forward,
};
