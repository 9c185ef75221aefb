/* SPDX-License-Identifier: Apache-2.0
 *
 * necks/fpn.c -- Feature Pyramid Network. Lin et al., CVPR 2017; with extra levels as in RetinaNet (Lin et al., ICCV 2017).
 */
#include <math.h>

#include "necks/necks.h"

enum { NO, ON_INPUT, ON_LATERAL, ON_OUTPUT, YES };

typedef struct {
    /* options */
    DfInts in_channels;
    int out_channels, num_outs, start_level, end_level, add_extra_convs;
    bool extra_convs_on_inputs, relu_before_extra_convs, no_norm_on_lateral;
    const DfNode *conv_cfg, *norm_cfg, *act_cfg, *upsample_cfg;
    /* modules */
    int levels, top;      /* laterals; the backbone map behind the last of them */
    int extra;            /* from what the first extra convolution is made     */
    NnConvModule lateral[DF_LEVELS], out[DF_LEVELS];
    DfInterpolation mode;
    bool align_corners;
    double scale_factor;  /* 0: to the size of the finer map */
} Fpn;

static const DfOpt opts[] = {
    DF_OPT_INTS(Fpn, in_channels, NULL, 1, 65536, "channels of each backbone map"),
    DF_OPT_ROW(Fpn, out_channels, DF_KIND_INT, NULL, 1, 65536, NULL, "channels of every output"),
    DF_OPT_ROW(Fpn, num_outs, DF_KIND_INT, NULL, 1, DF_LEVELS, NULL, "number of outputs"),
    DF_OPT_INT(Fpn, start_level, 0, 0, DF_LEVELS, "first backbone map that is used"),
    DF_OPT_INT(Fpn, end_level, -1, -1, DF_LEVELS, "the one behind the last that is used; -1: all, and extra levels are allowed"),
    DF_OPT_ENUM(Fpn, add_extra_convs, False, "False|on_input|on_lateral|on_output|True", "extra levels by stride-2 convolutions from that map; else by subsampling"),
    DF_OPT_BOOL(Fpn, extra_convs_on_inputs, True, "what add_extra_convs=True means: on_input, else on_output"),
    DF_OPT_BOOL(Fpn, relu_before_extra_convs, False, "ReLU between extra convolutions"),
    DF_OPT_BOOL(Fpn, no_norm_on_lateral, False, "norm_cfg does not hold for the laterals"),
    DF_OPT_DICT(Fpn, conv_cfg, "None", "kind of convolution: only the plain one"),
    DF_OPT_DICT(Fpn, norm_cfg, "None", "norm behind every convolution"),
    DF_OPT_DICT(Fpn, act_cfg, "None", "activation behind every convolution"),
    DF_OPT_DICT(Fpn, upsample_cfg, "dict(mode='nearest')", "how a coarse map becomes as large as the finer one"),
    DF_OPT_UNUSED(init_cfg, "weights to start a training run from"),
    DF_OPT_END
};

/* ---- construction ------------------------------------------------------------------------------------------------ */

typedef struct {
    int mode;
    bool align_corners;
    double scale_factor;
} Upsample;

static const DfOpt upsample_opts[] = {
    DF_OPT_ENUM(Upsample, mode, nearest, "nearest|bilinear|bicubic", "interpolation"),
    DF_OPT_BOOL(Upsample, align_corners, False, "corner pixels keep their place"),
    DF_OPT_FLOAT(Upsample, scale_factor, None, 0.01, 64, "by this factor instead of to the size of the finer map"),
    DF_OPT_END
};

static bool options_fit(NnScope s, Fpn *f)
{
    const int n = f->in_channels.n;
    f->top = f->end_level < 0 ? n : f->end_level;
    f->levels = f->top - f->start_level;
    f->extra = f->add_extra_convs == YES ? (f->extra_convs_on_inputs ? ON_INPUT : ON_OUTPUT) : f->add_extra_convs;
    if (n < 1 || n > DF_LEVELS || f->top > n || f->levels < 1)
        nn_fail(s, DF_EVALUE, "start_level = %d and end_level = %d of %d in_channels: no level is left", f->start_level, f->end_level, n);
    else if (f->num_outs < f->levels || (f->end_level >= 0 && f->num_outs != f->levels))
        nn_fail(s, DF_EVALUE, "num_outs = %d: want %s%d", f->num_outs, f->end_level < 0 ? "at least " : "", f->levels);
    else if (f->conv_cfg)
        nn_fail(s, DF_EVALUE, "conv_cfg has type '%s': only the plain convolution is built in", df_node_text(df_node_get(f->conv_cfg, "type"), "?"));
    Upsample up = { 0 };
    if (nn_configure(s, f->upsample_cfg, upsample_opts, &up, "upsample_cfg")) {
        f->mode = (DfInterpolation[]){ DF_NEAREST, DF_BILINEAR, DF_BICUBIC }[up.mode];
        f->align_corners = up.align_corners;
        f->scale_factor = isnan(up.scale_factor) ? 0 : up.scale_factor;
    }
    return nn_ok(s);
}

static void conv_init(NnScope s, NnConvModule *m, const Fpn *f, int in, NnConvShape shape, const DfNode *norm_cfg)
{
    const int k = shape.kernel, area = k * k;
    nn_conv_module_init(s, m, in, f->out_channels, shape, norm_cfg, nn_act(s, f->act_cfg), nn_xavier_uniform(in * area, f->out_channels * area));
}

static void init(NnScope s, void *self)
{
    Fpn *f = self;
    if (!options_fit(s, f))
        return;
    for (int i = 0; i < f->levels; i++) {
        conv_init(nn_at(s, "lateral_convs.%d", i), &f->lateral[i], f, f->in_channels.v[f->start_level + i], (NnConvShape){ .kernel = 1 },
                  f->no_norm_on_lateral ? NULL : f->norm_cfg);
        conv_init(nn_at(s, "fpn_convs.%d", i), &f->out[i], f, f->out_channels, (NnConvShape){ .kernel = 3, .padding = 1 }, f->norm_cfg);
    }
    for (int i = f->levels; f->extra != NO && i < f->num_outs; i++) {
        const int in = i == f->levels && f->extra == ON_INPUT ? f->in_channels.v[f->top - 1] : f->out_channels;
        conv_init(nn_at(s, "fpn_convs.%d", i), &f->out[i], f, in, (NnConvShape){ .kernel = 3, .stride = 2, .padding = 1 }, f->norm_cfg);
    }
}

/* ---- forward ----------------------------------------------------------------------------------------------------- */

static DfTensor *upsample(DfCtx *c, const Fpn *f, DfTensor *coarse, const DfTensor *fine)
{
    const double k = f->scale_factor;
    const int H = k > 0 ? (int)(df_dim(coarse, 1) * k) : df_dim(fine, 1), W = k > 0 ? (int)(df_dim(coarse, 2) * k) : df_dim(fine, 2);
    return df_interpolate(c, coarse, H, W, f->mode, f->align_corners);
}

static DfTensor *subsample(DfCtx *c, DfTensor *x)
{
    return df_max_pool2d(c, x, (int[2]){ 1, 1 }, (int[2]){ 2, 2 }, (int[2]){ 0, 0 }, false);
}

static void forward(DfCtx *c, const void *self, const DfMaps *in, DfMaps *out)
{
    const Fpn *f = self;
    *out = (DfMaps){ 0 };
    if (in->n != f->in_channels.n) {
        df_ctx_fail(c, DF_ESHAPE, "FPN has %d in_channels and met %d maps", f->in_channels.n, in->n);
        return; /* the maps that are missing are no tensors at all */
    }
    DfTensor *lateral[DF_LEVELS];
    for (int i = f->levels - 1; i >= 0; i--) { /* top-down: the coarser map is added to the finer one */
        const DfMark m = df_enter(c, "lateral_convs", i);
        lateral[i] = nn_conv_module(c, &f->lateral[i], in->map[f->start_level + i]);
        if (i + 1 < f->levels)
            lateral[i] = df_add(c, lateral[i], upsample(c, f, lateral[i + 1], lateral[i]));
        df_leave(c, m, lateral[i]);
    }
    out->n = f->num_outs;
    for (int i = 0; i < f->num_outs; i++) {
        const DfMark m = df_enter(c, "fpn_convs", i);
        DfTensor *x = i < f->levels ? lateral[i] : out->map[i - 1];
        if (i == f->levels && f->extra == ON_INPUT)
            x = in->map[f->top - 1];
        else if (i == f->levels && f->extra == ON_LATERAL)
            x = lateral[i - 1];
        else if (i > f->levels && f->extra != NO && f->relu_before_extra_convs)
            x = df_relu(c, x);
        out->map[i] = i < f->levels || f->extra != NO ? nn_conv_module(c, &f->out[i], x) : subsample(c, x);
        df_leave(c, m, out->map[i]);
    }
}

const DfNeck df_neck_fpn = {
    .name = "FPN",
    .help = "Feature Pyramid Network (Lin et al., CVPR 2017)",
    .size = sizeof(Fpn),
    .opts = opts,
    .init = init,
    .forward = forward,
};
