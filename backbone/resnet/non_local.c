/* SPDX-License-Identifier: Apache-2.0
 *
 * backbone/resnet/non_local.c -- the non-local block, Wang et al., "Non-local Neural Networks", CVPR 2018: every pixel
 * adds a mean of g over all pixels, weighted by f(x_i, x_j) (eq. 2 to 6).
 */
#include <math.h>
#include <string.h>

#include "backbone/resnet/plugin.h"

enum { EMBEDDED_GAUSSIAN, GAUSSIAN, DOT_PRODUCT, CONCATENATION };

typedef struct {
    int reduction, mode, inner;
    bool use_scale, sub_sample;
    const DfNode *norm_cfg, *conv_cfg;
    NnLinear g, theta, phi;
    DfTensor *concat;   /* 1 2C' 1 1 in files */
    NnLinear out;
    NnNorm norm;
} NonLocal;

static const DfOpt opts[] = {
    DF_OPT_INT(NonLocal, reduction, 2, 1, 65536, "channels of the map, over those within the block"),
    DF_OPT_BOOL(NonLocal, use_scale, True, "embedded_gaussian: energies are divided by the root of the channels"),
    DF_OPT_BOOL(NonLocal, sub_sample, False, "keys and values are pooled, 2 x 2 pixels to one"),
    DF_OPT_ENUM(NonLocal, mode, embedded_gaussian, "embedded_gaussian|gaussian|dot_product|concatenation",
                "how alike two pixels are"),
    DF_OPT_NODE(NonLocal, norm_cfg, "None", "the norm behind the last layer; None: none"),
    DF_OPT_NODE(NonLocal, conv_cfg, "None", "None or Conv2d"),
    PLUGIN_OPTIONS,
    DF_OPT_END
};

static void pointwise(NnScope s, NnLinear *l, int in, int out, NnInit weight, bool bias)
{
    l->weight = nn_param(s, "weight", DF_SHAPE(out, in, 1, 1), NN_POINTWISE, weight);
    l->bias = bias ? nn_param(s, "bias", DF_SHAPE(out), NN_AS_IS, nn_constant(0)) : NULL;
}

static void out_init(NnScope s, NonLocal *b, int channels)
{
    const bool norm = b->norm_cfg && b->norm_cfg->kind == DF_NODE_DICT;
    const NnInit start = norm ? nn_normal(sqrt(2.0 / channels)) : nn_constant(0);
    pointwise(nn_at(s, "conv"), &b->out, b->inner, channels, start, !norm);
    if (!norm)
        return;
    nn_norm_init(nn_at(s, "%s", nn_norm_name(b->norm_cfg)), &b->norm, b->norm_cfg, channels);
    NnParam *weight = nn_model_find(s.model, nn_at(s, "%s.weight", nn_norm_name(b->norm_cfg)).path);
    if (weight)
        weight->init = nn_constant(0); /* the block begins as nothing */
}

static void init(NnScope s, void *self, int channels)
{
    NonLocal *b = self;
    const char *conv = df_node_text(df_node_get(b->conv_cfg, "type"), "Conv2d");
    const NnInit small = nn_normal(0.01);
    b->inner = channels / b->reduction > 1 ? channels / b->reduction : 1;
    if (strcmp(conv, "Conv2d") != 0 && strcmp(conv, "Conv") != 0)
        nn_fail(s, DF_EVALUE, "conv_cfg has type '%s': want Conv2d", conv);
    /* In mmcv's Sequential the pooling comes behind the convolution. */
    pointwise(nn_at(s, b->sub_sample ? "g.0.conv" : "g.conv"), &b->g, channels, b->inner, small, true);
    if (b->mode != GAUSSIAN) {
        pointwise(nn_at(s, "theta.conv"), &b->theta, channels, b->inner, small, true);
        pointwise(nn_at(s, b->sub_sample ? "phi.0.conv" : "phi.conv"), &b->phi, channels, b->inner, small, true);
    }
    if (b->mode == CONCATENATION)
        b->concat = nn_param(nn_at(s, "concat_project.conv"), "weight", DF_SHAPE(1, 2 * b->inner, 1, 1), NN_POINTWISE,
                             nn_kaiming_uniform(2 * b->inner));
    out_init(nn_at(s, "conv_out"), b, channels);
}

static DfTensor *pooled(DfCtx *c, const NonLocal *b, DfTensor *x)
{
    const int two[2] = { 2, 2 }, none[2] = { 0, 0 };
    return b->sub_sample ? df_max_pool2d(c, x, two, two, none, false) : x;
}

static DfTensor *tokens(DfCtx *c, DfTensor *x)                                   /* N H W C -> N HW C */
{
    return df_reshape(c, x, DF_SHAPE(df_dim(x, 0), df_dim(x, 1) * df_dim(x, 2), df_dim(x, 3)));
}

/* relu(w . [theta_i, phi_j]), as the product of two columns, (w1 . theta_i, 1), and two rows, (1, w2 . phi_j). */
static DfTensor *concatenated(DfCtx *c, const NonLocal *b, DfTensor *theta, DfTensor *phi)
{
    DfTensor *weight = df_reshape(c, b->concat, DF_SHAPE(1, 2 * b->inner));
    DfTensor *t = df_linear(c, theta, df_slice(c, weight, 1, 0, b->inner), NULL);         /* N L 1 */
    DfTensor *p = df_linear(c, phi, df_slice(c, weight, 1, b->inner, b->inner), NULL);
    DfTensor *ones[2] = { df_zeros(c, t->shape), df_zeros(c, p->shape) };
    for (int i = 0; i < 2; i++)
        for (size_t k = 0; ones[i]->data && k < df_count(ones[i]->shape); k++)
            ones[i]->data[k] = 1;
    DfTensor *left = df_concat(c, (DfTensor *[]){ t, ones[0] }, 2, -1);
    DfTensor *right = df_concat(c, (DfTensor *[]){ ones[1], p }, 2, -1);
    return df_relu(c, df_matmul(c, left, df_transpose(c, right)));
}

static DfTensor *weights(DfCtx *c, const NonLocal *b, DfTensor *theta, DfTensor *phi) /* N L C', N M C' -> N L M */
{
    if (b->mode == CONCATENATION || b->mode == DOT_PRODUCT) {
        DfTensor *f =
            b->mode == CONCATENATION ? concatenated(c, b, theta, phi) : df_matmul(c, theta, df_transpose(c, phi));
        return df_scale(c, f, 1.0F / (float)df_dim(phi, 1));
    }
    const float scale = b->mode == EMBEDDED_GAUSSIAN && b->use_scale ? 1 / sqrtf((float)b->inner) : 1;
    return df_softmax(c, df_scale(c, df_matmul(c, theta, df_transpose(c, phi)), scale), -1);
}

static DfTensor *forward(DfCtx *c, const void *self, DfTensor *x)
{
    const NonLocal *b = self;
    const bool embeds = b->mode != GAUSSIAN;
    DfTensor *g = tokens(c, pooled(c, b, nn_linear(c, &b->g, x)));
    DfTensor *theta = tokens(c, embeds ? nn_linear(c, &b->theta, x) : x);
    DfTensor *phi = tokens(c, pooled(c, b, embeds ? nn_linear(c, &b->phi, x) : x));
    DfTensor *y = df_matmul(c, weights(c, b, theta, phi), g);
    y = df_reshape(c, y, DF_SHAPE(df_dim(x, 0), df_dim(x, 1), df_dim(x, 2), b->inner));
    return nn_norm_fused(c, &b->norm, nn_linear(c, &b->out, y), DF_ACT_NONE, x);
}

const PluginKind df_non_local = { "NonLocal2d", "nonlocal_block", opts, sizeof(NonLocal), init, forward };
