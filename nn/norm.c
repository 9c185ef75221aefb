/* SPDX-License-Identifier: Apache-2.0
 *
 * nn/norm.c -- layer norm, and the norms and activations of mmcv's norm_cfg and act_cfg.
 */
#include <string.h>
#include <strings.h>

#include "nn/nn.h"

void nn_layer_norm_init(NnScope s, NnLayerNorm *n, int dim, double eps)
{
    n->weight = nn_param(s, "weight", DF_SHAPE(dim), NN_AS_IS, nn_constant(1));
    nn_last(s)->role = NN_OF_NORM;
    n->bias = nn_param(s, "bias", DF_SHAPE(dim), NN_AS_IS, nn_constant(0));
    nn_last(s)->role = NN_OF_NORM;
    n->eps = (float)eps;
}

DfTensor *nn_layer_norm(DfCtx *c, const NnLayerNorm *n, DfTensor *x)
{
    return df_layer_norm(c, x, n->weight, n->bias, n->eps);
}

/* ---- norm_cfg ---------------------------------------------------------------------------------------------------- */

typedef struct {
    int num_groups;
    double eps, momentum;
    bool requires_grad, affine, track_running_stats;
} Config;

static const DfOpt opts[] = {
    DF_OPT_INT(Config, num_groups, 32, 1, 65536, "GN: number of groups of channels"),
    DF_OPT_FLOAT(Config, eps, 1e-5, 0, 1, "added to the variance, so that nothing is divided by 0"),
    DF_OPT_FLOAT(Config, momentum, 0.1, 0, 1, "BN: weight of a batch in the running statistics"),
    DF_OPT_BOOL(Config, requires_grad, True, "False: training does not change weight and bias"),
    DF_OPT_END
};
static const DfOpt instance_opts[] = { /* torch.nn.InstanceNorm2d's */
    DF_OPT_FLOAT(Config, eps, 1e-5, 0, 1, "added to the variance, so that nothing is divided by 0"),
    DF_OPT_FLOAT(Config, momentum, 0.1, 0, 1, "weight of a batch in running statistics, of which there are none"),
    DF_OPT_BOOL(Config, affine, False, "there are a weight and a bias"),
    DF_OPT_BOOL(Config, track_running_stats, False, "only False is supported: every picture by its own statistics"),
    DF_OPT_BOOL(Config, requires_grad, True, "False: training does not change weight and bias"),
    DF_OPT_END
};

static const struct {
    const char *type, *key;
    int kind;
    bool sync;
} kinds[] = {
    { "BN",       "bn", NN_NORM_BATCH, false },
    { "BN2d",     "bn", NN_NORM_BATCH, false },
    { "SyncBN",   "bn", NN_NORM_BATCH, true  },
    { "MMSyncBN", "bn", NN_NORM_BATCH, true  },
    { "GN",       "gn", NN_NORM_GROUP, false },
    { "LN",       "ln", NN_NORM_LAYER, false },
    { "IN",       "in", NN_NORM_GROUP, false }, /* instance norm: every channel is a group */
    { "IN2d",     "in", NN_NORM_GROUP, false },
};

static int find_kind(const DfNode *norm_cfg)
{
    const char *type = df_node_text(df_node_get(norm_cfg, "type"), "");
    for (int i = 0; i < (int)(sizeof kinds / sizeof *kinds); i++)
        if (strcmp(kinds[i].type, type) == 0)
            return i;
    return -1;
}

const char *nn_norm_name(const DfNode *norm_cfg)
{
    const int i = find_kind(norm_cfg);
    return i < 0 ? "norm" : kinds[i].key;
}

static void weights_init(NnScope s, NnNorm *n, int channels)
{
    n->weight = nn_param(s, "weight", DF_SHAPE(channels), NN_AS_IS, nn_constant(1));
    nn_last(s)->role = NN_OF_NORM;
    n->bias = nn_param(s, "bias", DF_SHAPE(channels), NN_AS_IS, nn_constant(0));
    nn_last(s)->role = NN_OF_NORM;
}

static void statistics_init(NnScope s, NnNorm *n, int channels)
{
    n->running_mean = nn_buffer(s, "running_mean", DF_SHAPE(channels), 0);
    n->running_var = nn_buffer(s, "running_var", DF_SHAPE(channels), 1);
}

/* Instance norm (Ulyanov et al., 2016). */
static void instance_init(NnScope s, NnNorm *n, const DfNode *norm_cfg, int channels)
{
    Config config = { 0 };
    if (!nn_configure(s, norm_cfg, instance_opts, &config, "IN"))
        return;
    if (config.track_running_stats)
        nn_fail(s, DF_EVALUE, "IN has track_running_stats=True: want False");
    n->kind = NN_NORM_GROUP;
    n->groups = channels;
    n->eps = (float)config.eps;
    if (config.affine)
        weights_init(s, n, channels);
    if (!config.requires_grad)
        nn_freeze(s);
}

void nn_norm_init(NnScope s, NnNorm *n, const DfNode *norm_cfg, int channels)
{
    Config config = { 0 };
    const int i = find_kind(norm_cfg);
    if (i < 0) {
        const char *type = df_node_text(df_node_get(norm_cfg, "type"), "(none)");
        nn_fail(s, DF_EVALUE, "norm_cfg has type '%s': want BN, SyncBN, GN, LN or IN", type);
        return;
    }
    if (strcmp(kinds[i].key, "in") == 0) {
        instance_init(s, n, norm_cfg, channels);
        return;
    }
    if (!nn_configure(s, norm_cfg, opts, &config, kinds[i].type))
        return;
    n->kind = (unsigned)kinds[i].kind;
    n->groups = config.num_groups;
    n->eps = (float)config.eps;
    n->momentum = (float)config.momentum;
    n->sync = kinds[i].sync;
    if (n->kind == NN_NORM_GROUP && channels % n->groups)
        nn_fail(s, DF_EVALUE, "num_groups = %d does not divide %d channels", n->groups, channels);
    weights_init(s, n, channels);
    if (!config.requires_grad)
        nn_freeze(s);
    if (n->kind == NN_NORM_BATCH)
        statistics_init(s, n, channels);
}

void nn_batch_norm_init(NnScope s, NnNorm *n, int channels)
{
    *n = (NnNorm){ .kind = NN_NORM_BATCH, .eps = 1e-5f, .momentum = 0.1f };
    weights_init(s, n, channels);
    statistics_init(s, n, channels);
}

/* Which mean and variance a batch norm uses: running statistics, the batch's, or those of all processes. */
static DfNormBy norm_by(const DfCtx *c, const NnNorm *n)
{
    if (!c->training || n->evaluates)
        return DF_BY_RUNNING;
    return n->sync ? DF_BY_ALL_BATCHES : DF_BY_BATCH;
}

bool nn_norm_is_local(const DfCtx *c, const NnNorm *n)
{
    if (n->kind == NN_NORM_BATCH)
        return norm_by(c, n) == DF_BY_RUNNING;
    return n->kind != NN_NORM_GROUP;
}

DfTensor *nn_norm(DfCtx *c, const NnNorm *n, DfTensor *x)
{
    switch (n->kind) {
    case NN_NORM_BATCH:
        return df_batch_norm(c, x, n->weight, n->bias, n->running_mean, n->running_var, norm_by(c, n), n->momentum,
                             n->eps);
    case NN_NORM_GROUP:
        return df_group_norm(c, x, n->groups, n->weight, n->bias, n->eps);
    case NN_NORM_LAYER:
        return df_layer_norm(c, x, n->weight, n->bias, n->eps);
    case NN_NORM_NONE:
        break;
    }
    return x;
}

DfTensor *nn_norm_fused(DfCtx *c, const NnNorm *n, DfTensor *x, DfAct act, DfTensor *residual)
{
    if (n->kind == NN_NORM_BATCH && norm_by(c, n) == DF_BY_RUNNING)
        return df_batch_norm_fused(c, x, n->weight, n->bias, n->running_mean, n->running_var, n->eps, act, residual);
    x = nn_norm(c, n, x);
    if (residual)
        x = df_add(c, x, residual);
    return df_act(c, x, act);
}

/* ---- act_cfg ----------------------------------------------------------------------------------------------------- */

DfAct nn_act_named(NnScope s, const char *name)
{
    static const struct {
        const char *name;
        DfAct act;
    } acts[] = {
        { "ReLU",         DF_ACT_RELU          },
        { "GELU",         DF_ACT_GELU          },
        { "Sigmoid",      DF_ACT_SIGMOID       },
        { "Tanh",         DF_ACT_TANH          },
        { "SiLU",         DF_ACT_SILU          },
        { "Mish",         DF_ACT_MISH          },
        { "Hardswish",    DF_ACT_HARDSWISH     },
        { "ReLU6",        DF_ACT_RELU6         },
        { "LeakyReLU",    DF_ACT_LEAKY_RELU    },
        { "Identity",     DF_ACT_NONE          },
        { "GELUTanh",     DF_ACT_GELU_TANH     },
        { "QuickGELU",    DF_ACT_QUICK_GELU    },
        { "ClippedGELU",  DF_ACT_CLIPPED_GELU  },
        { "ReLUSquared",  DF_ACT_RELU_SQUARED  },
        { "Laplace",      DF_ACT_LAPLACE       },
        { "SqrtSoftplus", DF_ACT_SQRT_SOFTPLUS },
    };
    for (size_t i = 0; i < sizeof acts / sizeof *acts; i++)
        if (strcasecmp(acts[i].name, name) == 0)
            return acts[i].act;
    nn_fail(s, DF_EVALUE, "activation '%s': want ReLU, GELU, Sigmoid, Tanh, SiLU, Mish, Hardswish, ReLU6, LeakyReLU, "
                          "Identity, GELUTanh, QuickGELU, ClippedGELU, ReLUSquared, Laplace or SqrtSoftplus", name);
    return DF_ACT_NONE;
}

DfAct nn_act(NnScope s, const DfNode *act_cfg)
{
    return act_cfg ? nn_act_named(s, df_node_text(df_node_get(act_cfg, "type"), "(none)")) : DF_ACT_NONE;
}
