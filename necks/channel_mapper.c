/* SPDX-License-Identifier: Apache-2.0
 *
 * necks/channel_mapper.c -- feature levels of equal width from the backbone's maps, as Deformable DETR reads them: Zhu
 * et al., ICLR 2021, appendix A.2; mmdet's ChannelMapper. A convolution projects each map to this width. Levels beyond
 * the last map are 3x3 convolutions with stride 2: the first of them of the last map, each other of the level before.
 */
#include "necks/necks.h"

typedef struct {
    /* options */
    DfInts in_channels, num_outs;
    int kernel_size, out_channels, bias;
    const DfNode *conv_cfg, *norm_cfg, *act_cfg;
    /* modules */
    int n;
    NnConvModule level[DF_LEVELS];
} ChannelMapper;

static const DfOpt opts[] = {
    DF_OPT_INTS(ChannelMapper, in_channels, NULL, 1, 65536,
                "number of channels of each backbone map; the last maps are used"),
    DF_OPT_INT(ChannelMapper, kernel_size, 3, 1, 31, "kernel size of the convolutions that read the maps"),
    DF_OPT_ROW(ChannelMapper, out_channels, DF_KIND_INT, NULL, 1, 65536, NULL, "number of channels of every level"),
    DF_OPT_INTS(ChannelMapper, num_outs, "None", 1, DF_LEVELS,
                "number of levels; those beyond the last map are made by 3x3 convolutions of stride 2; None: as maps"),
    DF_OPT_DICT(ChannelMapper, norm_cfg, "None", "kind of norm after each convolution, which then has no bias"),
    DF_OPT_DICT(ChannelMapper, act_cfg, "dict(type='ReLU')", "activation after each convolution"),
    DF_OPT_DICT(ChannelMapper, conv_cfg, "None", "kind of convolution: None, Conv2d or ConvWS"),
    DF_OPT_ENUM(ChannelMapper, bias, auto, "auto|False|True",
                "whether the convolutions have a bias; auto: those without a norm have one"),
    DF_OPT_UNUSED(init_cfg, "weights that a training run starts from"),
    DF_OPT_END
};

enum { BIAS_AUTO, BIAS_NO, BIAS_YES };

/* mmcv's ConvModule, whose convolution has a bias by what is said here. */
static void conv_init(NnScope s, NnConvModule *m, const ChannelMapper *mapper, int in, NnConvShape shape)
{
    const int cells = shape.kernel * shape.kernel;
    const NnInit spread = nn_xavier_uniform(in * cells, mapper->out_channels * cells);
    shape.no_bias = mapper->bias == BIAS_AUTO ? mapper->norm_cfg != NULL : mapper->bias == BIAS_NO;
    shape.standard_eps = nn_conv_kind(s, mapper->conv_cfg);
    m->act = nn_act(s, mapper->act_cfg);
    nn_conv_init_as(nn_at(s, "conv"), &m->conv, in, mapper->out_channels, shape, spread, nn_constant(0));
    if (mapper->norm_cfg)
        nn_norm_init(nn_at(s, "%s", nn_norm_name(mapper->norm_cfg)), &m->norm, mapper->norm_cfg, mapper->out_channels);
}

static void level_init(NnScope s, ChannelMapper *m, int l)
{
    const int maps = m->in_channels.n;
    const bool extra = l >= maps;
    const NnConvShape given = { .kernel = m->kernel_size, .padding = (m->kernel_size - 1) / 2 };
    const NnConvShape halves = { .kernel = 3, .stride = 2, .padding = 1 };
    int in = m->out_channels;
    if (l <= maps)
        in = m->in_channels.v[extra ? maps - 1 : l];
    const NnScope at = extra ? nn_at(s, "extra_convs.%d", l - maps) : nn_at(s, "convs.%d", l);
    conv_init(at, &m->level[l], m, in, extra ? halves : given);
}

static void init(NnScope s, void *self)
{
    ChannelMapper *m = self;
    const int maps = m->in_channels.n;
    m->n = m->num_outs.n && m->num_outs.v[0] > maps ? m->num_outs.v[0] : maps;
    if (maps < 1 || maps > DF_LEVELS)
        nn_fail(s, DF_EVALUE, "maps in in_channels = %d: want 1 to %d", maps, DF_LEVELS);
    for (int l = 0; nn_ok(s) && l < m->n; l++)
        level_init(s, m, l);
}

static DfTensor *level(DfCtx *c, const ChannelMapper *m, int l, DfTensor *x)            /* N h w I -> N h' w' C */
{
    const bool extra = l >= m->in_channels.n;
    const DfMark mark = df_enter(c, extra ? "extra_convs" : "convs", extra ? l - m->in_channels.n : l);
    return df_leave(c, mark, nn_conv_module(c, &m->level[l], x));
}

static void forward(DfCtx *c, const void *self, const DfMaps *in, DfMaps *out)
{
    const ChannelMapper *m = self;
    const int n = m->in_channels.n;
    *out = (DfMaps){ 0 };
    if (in->n < n) {
        df_ctx_fail(c, DF_ESHAPE, "the backbone gives %d maps: want %d", in->n, n);
        return;
    }
    DfTensor *const *maps = in->map + in->n - n; /* of more maps the last ones are taken */
    for (int l = 0; l < m->n; l++) {
        DfTensor *x = l <= n ? maps[l < n ? l : n - 1] : out->map[l - 1];
        out->map[out->n++] = level(c, m, l, x);
    }
}

const DfNeck df_neck_channel_mapper = {
    .name = "ChannelMapper",
    .help = "levels of one width from the backbone's maps, for Deformable DETR (Zhu et al., ICLR 2021)",
    .size = sizeof(ChannelMapper),
    .opts = opts,
    .init = init,
    .forward = forward,
};
