/* SPDX-License-Identifier: Apache-2.0
 *
 * backbone/resnet/context_block.c -- the context block of GCNet, Cao et al., "GCNet: Non-local
 * Networks Meet Squeeze-Excitation Networks and Beyond", ICCV workshops 2019. One vector of context
 * for a whole picture changes every pixel (eq. 5):
 *     z = x * sigmoid(V2 relu(LN(V1 context))) + W2 relu(LN(W1 context))
 * either part may be absent; context is the mean of the pixels, weighted by attention, or plain.
 */
#include <math.h>
#include <string.h>

#include "backbone/resnet/plugin.h"

enum { POOL_ATT, POOL_AVG };

/* W2 relu(LN(W1 x)) */
typedef struct {
    NnLinear in, out;
    DfTensor *weight, *bias; /* of the norm: planes 1 1 in files */
} Transform;

typedef struct {
    double ratio;
    int pooling_type;
    const DfNode *fusion_types;
    NnLinear mask;       /* C 1, without a weight where the mean is plain */
    Transform mul, add;  /* without weights where a part is absent        */
} ContextBlock;

static const DfOpt opts[] = {
    DF_OPT_FLOAT(ContextBlock, ratio, 0.0625, 1e-6, 64, "channels between the two layers, over those of the map"),
    DF_OPT_ENUM(ContextBlock, pooling_type, att, "att|avg", "the mean of the pixels: by attention, or plain"),
    DF_OPT_NODE(ContextBlock, fusion_types, "None", "channel_add, channel_mul or both; None: channel_add"),
    PLUGIN_OPTIONS,
    DF_OPT_END
};

static void pointwise(NnScope s, NnLinear *l, int in, int out, NnInit weight)
{
    nn_pointwise_init(s, l, in, out, true);
    NnParam *param = nn_model_find(s.model, nn_at(s, "weight").path);
    if (param)
        param->init = weight;
}

static void transform_init(NnScope s, Transform *t, int channels, int planes)
{
    nn_pointwise_init(nn_at(s, "0"), &t->in, channels, planes, true);
    t->weight = nn_param(nn_at(s, "1"), "weight", DF_SHAPE(planes, 1, 1), NN_AS_IS, nn_constant(1));
    nn_last(s)->role = NN_OF_NORM;
    t->bias = nn_param(nn_at(s, "1"), "bias", DF_SHAPE(planes, 1, 1), NN_AS_IS, nn_constant(0));
    nn_last(s)->role = NN_OF_NORM;
    pointwise(nn_at(s, "3"), &t->out, planes, channels, nn_constant(0)); /* the block begins as nothing */
    NnParam *bias = nn_model_find(s.model, nn_at(s, "3.bias").path);
    if (bias)
        bias->init = nn_constant(0);
}

/* Whether `fusion` is among the fusion types; anything else there is wrong. */
static bool fuses(NnScope s, const ContextBlock *b, const char *fusion)
{
    bool found = false;
    if (!b->fusion_types)
        return strcmp(fusion, "channel_add") == 0;
    if (b->fusion_types->kind != DF_NODE_LIST || b->fusion_types->n == 0)
        nn_fail(s, DF_EVALUE, "fusion_types: want a list of channel_add and channel_mul");
    for (const DfNode *type = b->fusion_types->first; type && nn_ok(s); type = type->next) {
        const char *text = df_node_text(type, "");
        if (strcmp(text, "channel_add") != 0 && strcmp(text, "channel_mul") != 0)
            nn_fail(s, DF_EVALUE, "fusion_types: want channel_add and channel_mul");
        found |= strcmp(text, fusion) == 0;
    }
    return found;
}

static void init(NnScope s, void *self, int channels)
{
    ContextBlock *b = self;
    const int planes = (int)(channels * b->ratio);
    if (planes < 1)
        nn_fail(s, DF_EVALUE, "ratio = %g leaves none of %d channels", b->ratio, channels);
    if (nn_ok(s) && b->pooling_type == POOL_ATT)
        pointwise(nn_at(s, "conv_mask"), &b->mask, channels, 1, nn_normal(sqrt(2.0 / channels)));
    if (nn_ok(s) && fuses(s, b, "channel_add"))
        transform_init(nn_at(s, "channel_add_conv"), &b->add, channels, planes);
    if (nn_ok(s) && fuses(s, b, "channel_mul"))
        transform_init(nn_at(s, "channel_mul_conv"), &b->mul, channels, planes);
}

static DfTensor *context(DfCtx *c, const ContextBlock *b, DfTensor *x)          /* N H W C -> N 1 1 C */
{
    const int N = df_dim(x, 0), HW = df_dim(x, 1) * df_dim(x, 2), C = df_dim(x, 3);
    if (b->pooling_type == POOL_AVG)
        return df_reshape(c, df_mean_tokens(c, x), DF_SHAPE(N, 1, 1, C));
    DfTensor *weights = df_reshape(c, nn_linear(c, &b->mask, x), DF_SHAPE(N, 1, HW));
    weights = df_softmax(c, weights, -1);
    DfTensor *mean = df_matmul(c, weights, df_reshape(c, x, DF_SHAPE(N, HW, C)));
    return df_reshape(c, mean, DF_SHAPE(N, 1, 1, C));
}

static DfTensor *transform(DfCtx *c, const Transform *t, DfTensor *x)           /* N 1 1 C -> N 1 1 C */
{
    const int planes = df_dim(t->weight, 0);
    DfTensor *weight = df_reshape(c, t->weight, DF_SHAPE(planes)), *bias = df_reshape(c, t->bias, DF_SHAPE(planes));
    DfTensor *hidden = df_layer_norm(c, nn_linear(c, &t->in, x), weight, bias, 1e-5F);
    return nn_linear(c, &t->out, df_relu(c, hidden));
}

/* A vector for each picture, to be added to or multiplied with its map: one alone is repeated by these ops
 * themselves. */
static DfTensor *spread(DfCtx *c, DfTensor *v, const DfTensor *x)
{
    if (df_dim(x, 0) == 1)
        return df_reshape(c, v, DF_SHAPE(df_dim(x, 3)));
    return df_interpolate(c, v, df_dim(x, 1), df_dim(x, 2), DF_NEAREST, false);
}

static DfTensor *forward(DfCtx *c, const void *self, DfTensor *x)
{
    const ContextBlock *b = self;
    DfTensor *of = context(c, b, x);
    if (b->mul.weight)
        x = df_mul(c, x, spread(c, df_sigmoid(c, transform(c, &b->mul, of)), x));
    if (b->add.weight)
        x = df_add(c, x, spread(c, transform(c, &b->add, of), x));
    return x;
}

const PluginKind df_context_block = { "ContextBlock", "context_block", opts, sizeof(ContextBlock), init, forward };
