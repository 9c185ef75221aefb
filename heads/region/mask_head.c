/* SPDX-License-Identifier: Apache-2.0
 *
 * heads/region/mask_head.c -- the mask head: a few convolutions, an upsampling, and a 1x1 convolution to a mask for
 * each class. He et al., Mask R-CNN, ICCV 2017.
 */
#include <math.h>
#include <string.h>

#include "heads/apply_loss.h"
#include "heads/region.h"
#include "heads/region/predictor.h"
#include "heads/settings/loss_cfg.h"
#include "heads/settings/settings.h"

enum { MASK_AS_IS, MASK_DECONV, MASK_NEAREST, MASK_BILINEAR };

typedef struct {
    /* options */
    int num_convs, in_channels, conv_kernel_size, conv_out_channels, num_classes;
    bool class_agnostic;
    const DfNode *upsample_cfg, *conv_cfg, *norm_cfg, *predictor_cfg, *loss_mask_cfg;
    /* modules */
    NnConvModule *convs;
    int upsample, scale;           /* how, and how much           */
    DfTensor *up_weight, *up_bias; /* of MASK_DECONV: I k k O, O  */
    NnConv logits;
    Predictor predictor;           /* how they are computed       */
    /* for training */
    LossCfg loss_mask;
} MaskHead;

static const DfOpt opts[] = {
    DF_OPT_INT(MaskHead, num_convs, 4, 0, 64, "number of convolutions before the upsampling"),
    DF_OPT_INT(MaskHead, in_channels, 256, 1, 65536, "channels of a region's features"),
    DF_OPT_INT(MaskHead, conv_kernel_size, 3, 1, 63, "side of the kernels of the convolutions"),
    DF_OPT_INT(MaskHead, conv_out_channels, 256, 1, 65536, "channels of the convolutions"),
    DF_OPT_INT(MaskHead, num_classes, 80, 1, 1000000, "number of classes"),
    DF_OPT_BOOL(MaskHead, class_agnostic, False, "predict one mask a region instead of one a class"),
    DF_OPT_DICT(MaskHead, upsample_cfg, "dict(type='deconv', scale_factor=2)",
                "how features are enlarged before the last layer: type deconv, nearest, bilinear or None"),
    DF_OPT_DICT(MaskHead, conv_cfg, "None", "type of the convolutions: None, Conv2d or ConvWS"),
    DF_OPT_DICT(MaskHead, norm_cfg, "None", "kind of norm after each convolution"),
    DF_OPT_DICT(MaskHead, predictor_cfg, "dict(type='Conv')", "type of the last layer: Conv or NormedConv2d"),
    DF_OPT_AS(MaskHead, loss_mask, loss_mask_cfg, DF_KIND_DICT, "dict(type='CrossEntropyLoss', use_mask=True)",
              0, 0, NULL, "loss of the masks"),
    DF_OPT_UNUSED(roi_feat_size, "size of a region's features; these layers work at any size"),
    DF_OPT_UNUSED(init_cfg, "how mmdet initialises weights"),
    DF_OPT_END
};

/* ---- construction ------------------------------------------------------------------------------------------------ */

typedef struct {
    int scale_factor;
} Upsample;

static const DfOpt upsample_opts[] = {
    DF_OPT_INT(Upsample, scale_factor, 2, 1, 64, "factor by which height and width grow"),
    DF_OPT_END
};

static NnInit kaiming(int fan_out)
{
    return nn_normal(sqrt(2.0 / fan_out));
}

static void upsample_init(NnScope s, MaskHead *h, int in)
{
    static const char *const types[] = { "", "deconv", "nearest", "bilinear" };
    const DfNode *type = df_node_get(h->upsample_cfg, "type");
    const char *name = df_node_text(type, NULL);
    h->upsample = MASK_AS_IS;
    for (int i = 1; name && i < 4; i++)
        if (strcmp(name, types[i]) == 0)
            h->upsample = i;
    if (name && h->upsample == MASK_AS_IS) {
        nn_fail(s, DF_EVALUE, "upsample_cfg has type '%s': want deconv, nearest, bilinear or None", name);
        return;
    }
    Upsample u = { 0 };
    if (!nn_configure(s, h->upsample_cfg, upsample_opts, &u, "upsample_cfg"))
        return;
    h->scale = u.scale_factor;
    if (h->upsample != MASK_DECONV)
        return;
    const int k = h->scale, out = h->conv_out_channels;
    const NnScope at = nn_at(s, "upsample");
    const NnInit init = kaiming(in * k * k); /* PyTorch takes a transposed convolution's inputs for its outputs */
    h->up_weight = nn_param(at, "weight", DF_SHAPE(in, out, k, k), NN_CONV_TRANSPOSE, init);
    h->up_bias = nn_param(at, "bias", DF_SHAPE(out), NN_AS_IS, nn_constant(0));
}

static void init(NnScope s, void *self)
{
    MaskHead *h = self;
    df_loss_cfg(s, &h->loss_mask, h->loss_mask_cfg, "loss_mask");
    const int k = h->conv_kernel_size, out = h->class_agnostic ? 1 : h->num_classes;
    const NnConvShape shape = { .kernel = k, .padding = (k - 1) / 2, .standard_eps = nn_conv_kind(s, h->conv_cfg) };
    int in = h->in_channels;
    h->convs = nn_alloc(s, (size_t)h->num_convs, sizeof *h->convs);
    for (int i = 0; nn_ok(s) && i < h->num_convs; i++, in = h->conv_out_channels)
        nn_conv_module_init(nn_at(s, "convs.%d", i), &h->convs[i], in, h->conv_out_channels, shape, h->norm_cfg,
                            DF_ACT_RELU, kaiming(k * k * h->conv_out_channels));
    upsample_init(s, h, in);
    in = h->upsample == MASK_DECONV ? h->conv_out_channels : in;
    df_predictor_init(s, &h->predictor, h->predictor_cfg, "Conv", "NormedConv2d");
    const NnConvShape one = { .kernel = 1, .no_bias = !h->predictor.has_bias };
    nn_conv_init_as(nn_at(s, "conv_logits"), &h->logits, in, out, one, kaiming(out), nn_constant(0));
}

/* ---- forward ----------------------------------------------------------------------------------------------------- */

static DfTensor *upsample(DfCtx *c, const MaskHead *h, DfTensor *x)
{
    if (h->upsample == MASK_AS_IS)
        return x;
    if (h->upsample == MASK_DECONV) {
        const DfConv conv = { { h->scale, h->scale }, { 0, 0 }, { 1, 1 }, 1 };
        x = df_conv_transpose2d(c, x, h->up_weight, h->up_bias, conv, (int[2]){ 0, 0 });
        return df_act_own(c, x, DF_ACT_RELU);
    }
    const DfInterpolation how = h->upsample == MASK_NEAREST ? DF_NEAREST : DF_BILINEAR;
    return df_interpolate(c, x, df_dim(x, 1) * h->scale, df_dim(x, 2) * h->scale, how, false);
}

/* Figure 4 of the paper, right. Masks keep the layout of the region: they are convolutions all the way, where a linear
 * layer would give it up. */
static DfTensor *forward(DfCtx *c, const void *self, DfTensor *regions)
{
    const MaskHead *h = self;
    DfTensor *x = regions; /* the caller's: the loop may not release it */
    if (h->num_convs)
        x = nn_conv_module(c, &h->convs[0], x);
    for (int i = 1; i < h->num_convs; i++)
        df_next(c, &x, nn_conv_module(c, &h->convs[i], x)); /* n 14 14 256     */
    DfTensor *large = upsample(c, h, x);                    /* n 28 28 256     */
    if (x != regions)
        df_next(c, &x, large);
    return df_predictor_conv(c, &h->predictor, &h->logits, large); /* n 28 28 classes */
}

/* ---- losses ------------------------------------------------------------------------------------------------------ */

/* Section 3 of the paper: a sigmoid for every cell of the mask of the object's own class; masks of other classes learn
 * nothing, so that classes do not compete. */
static void losses(DfCtx *c, const void *self, DfTensor *logits, const DfRegionTargets *t, DfLosses *out)
{
    const MaskHead *h = self;
    int *zeros = (int *)(void *)df_workspace(c, (size_t)t->n + 1);
    if (zeros) /* there is no memory in a dry pass */
        memset(zeros, 0, ((size_t)t->n + 1) * sizeof *zeros);
    if (!h->loss_mask.problem && !(h->loss_mask.kind == LOSS_CROSS_ENTROPY && h->loss_mask.cross_entropy.use_mask))
        df_ctx_fail(c, DF_EVALUE, "loss_mask: want CrossEntropyLoss with use_mask=True");
    const LossTargets targets = { .label = h->class_agnostic ? zeros : t->labels, .target = t->masks };
    df_losses_add(c, out, df_loss_apply(c, &h->loss_mask, logits, &targets), "loss_mask");
}

static int classes(const void *self)
{
    const MaskHead *h = self;
    return h->num_classes;
}

const DfMaskHead df_head_fcn_mask = {
    .name = "FCNMaskHead",
    .help = "masks of regions, by convolutions (He et al., ICCV 2017)",
    .size = sizeof(MaskHead),
    .opts = opts,
    .init = init,
    .classes = classes,
    .forward = forward,
    .losses = losses,
};
