/* SPDX-License-Identifier: Apache-2.0
 *
 * necks/fpn.c -- Feature Pyramid Network. Lin et al., "Feature Pyramid Networks for Object Detection", CVPR 2017,
 * section 3 and figure 3; with extra levels as in RetinaNet (Lin et al., ICCV 2017).
 *
 * From the coarsest backbone map C_l down to the finest:
 *     M_l = conv1x1(C_l) + upsample(M_{l+1})    the laterals: all of one width; each knows what the coarser ones know
 *     P_l = conv3x3(M_l)                        the outputs
 * and beyond the coarsest P, extra outputs by convolutions of stride 2 or by taking every other point.
 */
#include <math.h>

#include "necks/necks.h"

enum { NO, ON_INPUT, ON_LATERAL, ON_OUTPUT, YES }; /* add_extra_convs */

typedef struct {
    /* options */
    DfInts in_channels;
    int out_channels, num_outs, start_level, end_level, add_extra_convs;
    bool extra_convs_on_inputs, relu_before_extra_convs, no_norm_on_lateral;
    const DfNode *conv_cfg, *norm_cfg, *act_cfg, *upsample_cfg;
    /* modules */
    int levels;           /* laterals                                                 */
    int top;              /* the backbone map behind the last one that is used        */
    int extra;            /* from what the first extra output is convolved; NO: subsampled */
    NnConvModule lateral[DF_LEVELS], out[DF_LEVELS];
    DfInterpolation mode;
    bool align_corners;
    double scale_factor;  /* 0: to the size of the finer map                          */
} Fpn;

/* ---- forward ----------------------------------------------------------------------------------------------------- */

static DfTensor *upsample(DfCtx *c, const Fpn *f, DfTensor *coarse, const DfTensor *fine)
{
    const double k = f->scale_factor;
    int H = df_dim(fine, 1);
    int W = df_dim(fine, 2);
    if (k > 0) {
        H = (int)(df_dim(coarse, 1) * k);
        W = (int)(df_dim(coarse, 2) * k);
    }
    return df_interpolate(c, coarse, H, W, f->mode, f->align_corners);
}

static DfTensor *subsample(DfCtx *c, DfTensor *x)                                /* N H W C -> N H/2 W/2 C */
{
    return df_max_pool2d(c, x, (int[2]){ 1, 1 }, (int[2]){ 2, 2 }, (int[2]){ 0, 0 }, false);
}

/* M_l = conv1x1(C_l) + upsample(M_{l+1}); there is no coarser one at the top: NULL. */
static DfTensor *lateral(DfCtx *c, const Fpn *f, int level, DfTensor *map, DfTensor *coarser)
{
    const DfMark m = df_enter(c, "lateral_convs", level);
    DfTensor *x = nn_conv_module(c, &f->lateral[level], map);
    if (coarser)
        x = df_add(c, x, upsample(c, f, coarser, x));
    return df_leave(c, m, x);
}

/* What the first extra output is made from: the coarsest backbone map, lateral or output. */
static DfTensor *source_of_extra(const Fpn *f, const DfMaps *in, DfTensor *const *laterals, const DfMaps *out)
{
    if (f->extra == ON_INPUT)
        return in->map[f->top - 1];
    if (f->extra == ON_LATERAL)
        return laterals[f->levels - 1];
    return out->map[f->levels - 1];
}

/* An output beyond the coarsest lateral, from the one before it. */
static DfTensor *extra(DfCtx *c, const Fpn *f, int i, DfTensor *x)
{
    if (f->extra == NO)
        return subsample(c, x);
    if (i > f->levels && f->relu_before_extra_convs)
        x = df_relu(c, x);
    return nn_conv_module(c, &f->out[i], x);
}

static void forward(DfCtx *c, const void *self, const DfMaps *in, DfMaps *out)
{
    const Fpn *f = self;
    *out = (DfMaps){ 0 };
    if (in->n != f->in_channels.n) {
        df_ctx_fail(c, DF_ESHAPE, "FPN has %d in_channels and met %d maps", f->in_channels.n, in->n);
        return; /* the maps that are missing are no tensors at all */
    }
    DfTensor *laterals[DF_LEVELS];                                               /* N H W C: finest first */
    for (int i = f->levels - 1; i >= 0; i--)
        laterals[i] = lateral(c, f, i, in->map[f->start_level + i], i + 1 < f->levels ? laterals[i + 1] : NULL);
    for (int i = 0; i < f->num_outs; i++) {
        const DfMark m = df_enter(c, "fpn_convs", i);
        if (i < f->levels)
            out->map[i] = nn_conv_module(c, &f->out[i], laterals[i]);
        else
            out->map[i] = extra(c, f, i, i == f->levels ? source_of_extra(f, in, laterals, out) : out->map[i - 1]);
        df_leave(c, m, out->map[i]);
    }
    out->n = f->num_outs;
}

/* ---- construction ------------------------------------------------------------------------------------------------ */

typedef struct {
    int mode;
    bool align_corners;
    double scale_factor;
} Upsample;

static const DfOpt upsample_opts[] = {
    DF_OPT_ENUM(Upsample, mode, nearest, "nearest|bilinear|bicubic", "kind of interpolation"),
    DF_OPT_BOOL(Upsample, align_corners, False, "corner pixels keep their place"),
    DF_OPT_FLOAT(Upsample, scale_factor, None, 0.01, 64, "factor of each side; None: to the size of the finer map"),
    DF_OPT_END
};

static void upsample_init(NnScope s, Fpn *f)
{
    static const DfInterpolation modes[] = { DF_NEAREST, DF_BILINEAR, DF_BICUBIC };
    Upsample up = { 0 };
    if (!nn_configure(s, f->upsample_cfg, upsample_opts, &up, "upsample_cfg"))
        return;
    f->mode = modes[up.mode];
    f->align_corners = up.align_corners;
    f->scale_factor = isnan(up.scale_factor) ? 0 : up.scale_factor;
}

static int source_of_options(const Fpn *f)
{
    if (f->add_extra_convs != YES)
        return f->add_extra_convs;
    return f->extra_convs_on_inputs ? ON_INPUT : ON_OUTPUT; /* mmdet's older way to say it */
}

/* The map behind the last one that is used. mmseg and mmdet up to 2.23 end before the map end_level, later releases
 * behind it, and there the last map means all of them; which one is meant follows from num_outs. */
static int top_of_options(const Fpn *f)
{
    const int n = f->in_channels.n;
    if (f->end_level < 0)
        return n;
    const bool before = f->end_level >= n || f->num_outs == f->end_level - f->start_level;
    return before ? f->end_level : f->end_level + 1;
}

static bool options_fit(NnScope s, const Fpn *f)
{
    const int n = f->in_channels.n;
    const bool open_ended = f->end_level < 0 || (f->end_level == n - 1 && f->top == n);
    if (n < 1 || n > DF_LEVELS || f->top > n || f->levels < 1)
        nn_fail(s, DF_EVALUE, "start_level = %d and end_level = %d of %d in_channels: no level is left",
                f->start_level, f->end_level, n);
    else if (f->num_outs < f->levels || (!open_ended && f->num_outs != f->levels))
        nn_fail(s, DF_EVALUE, "num_outs = %d: want %s%d", f->num_outs, open_ended ? "at least " : "", f->levels);
    return nn_ok(s);
}

static void conv_init(NnScope s, NnConvModule *m, const Fpn *f, int in, NnConvShape shape, const DfNode *norm_cfg)
{
    const int area = shape.kernel * shape.kernel;
    const NnInit start = nn_xavier_uniform(in * area, f->out_channels * area);
    shape.standard_eps = nn_conv_kind(s, f->conv_cfg);
    nn_conv_module_init(s, m, in, f->out_channels, shape, norm_cfg, nn_act(s, f->act_cfg), start);
}

static void level_init(NnScope s, Fpn *f, int i)
{
    const NnConvShape to_width = { .kernel = 1 };
    const NnConvShape smooth = { .kernel = 3, .padding = 1 };
    const DfNode *lateral_norm = f->no_norm_on_lateral ? NULL : f->norm_cfg;
    const int in = f->in_channels.v[f->start_level + i];
    conv_init(nn_at(s, "lateral_convs.%d", i), &f->lateral[i], f, in, to_width, lateral_norm);
    conv_init(nn_at(s, "fpn_convs.%d", i), &f->out[i], f, f->out_channels, smooth, f->norm_cfg);
}

static void extra_init(NnScope s, Fpn *f, int i)
{
    const NnConvShape half = { .kernel = 3, .stride = 2, .padding = 1 };
    const bool on_input = i == f->levels && f->extra == ON_INPUT;
    const int in = on_input ? f->in_channels.v[f->top - 1] : f->out_channels;
    conv_init(nn_at(s, "fpn_convs.%d", i), &f->out[i], f, in, half, f->norm_cfg);
}

static void init(NnScope s, void *self)
{
    Fpn *f = self;
    f->top = top_of_options(f);
    f->levels = f->top - f->start_level;
    f->extra = source_of_options(f);
    if (!options_fit(s, f))
        return;
    upsample_init(s, f);
    for (int i = 0; nn_ok(s) && i < f->levels; i++)
        level_init(s, f, i);
    for (int i = f->levels; nn_ok(s) && f->extra != NO && i < f->num_outs; i++)
        extra_init(s, f, i);
}

/* ---- the record -------------------------------------------------------------------------------------------------- */

static const DfOpt opts[] = {
    DF_OPT_INTS(Fpn, in_channels, NULL, 1, 65536, "number of channels of each backbone map"),
    DF_OPT_ROW(Fpn, out_channels, DF_KIND_INT, NULL, 1, 65536, NULL, "number of channels of every output"),
    DF_OPT_ROW(Fpn, num_outs, DF_KIND_INT, NULL, 1, DF_LEVELS, NULL, "number of outputs"),
    DF_OPT_INT(Fpn, start_level, 0, 0, DF_LEVELS, "index of the first backbone map that is used"),
    DF_OPT_INT(Fpn, end_level, -1, -1, DF_LEVELS,
               "backbone map before which it ends, or with one output more the last one that is used; -1: all are "
               "used, and extra outputs are allowed"),
    DF_OPT_ENUM(Fpn, add_extra_convs, False, "False|on_input|on_lateral|on_output|True",
                "what the first extra output is convolved from, with stride 2; False: every other point is taken"),
    DF_OPT_BOOL(Fpn, extra_convs_on_inputs, True, "what add_extra_convs=True means: on_input if True, else on_output"),
    DF_OPT_BOOL(Fpn, relu_before_extra_convs, False, "apply ReLU before the extra convolutions"),
    DF_OPT_BOOL(Fpn, no_norm_on_lateral, False, "the 1x1 convolutions have no norm, whatever norm_cfg says"),
    DF_OPT_DICT(Fpn, conv_cfg, "None", "kind of convolution: None, Conv2d or ConvWS"),
    DF_OPT_DICT(Fpn, norm_cfg, "None", "kind of norm after each convolution"),
    DF_OPT_DICT(Fpn, act_cfg, "None", "activation after every convolution"),
    DF_OPT_DICT(Fpn, upsample_cfg, "dict(mode='nearest')", "how a coarse map is enlarged to the size of the finer one"),
    DF_OPT_UNUSED(init_cfg, "weights that a training run starts from"),
    DF_OPT_END
};

const DfNeck df_neck_fpn = {
    .name = "FPN",
    .help = "Feature Pyramid Network (Lin et al., CVPR 2017)",
    .size = sizeof(Fpn),
    .opts = opts,
    .init = init,
    .forward = forward,
};
