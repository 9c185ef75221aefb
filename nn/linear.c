/* SPDX-License-Identifier: Apache-2.0
 *
 * nn/linear.c -- linear layers, y = x W' + b; the end of a residual branch; the two-layer perceptron (MLP) of a
 * transformer block.
 */
#include "nn/nn.h"

void nn_linear_init_as(NnScope s, NnLinear *l, int in, int out, bool bias, NnInit weight, NnInit bias_init)
{
    l->weight = nn_param(s, "weight", DF_SHAPE(out, in), NN_AS_IS, weight);
    nn_last(s)->product = true;
    l->bias = bias ? nn_param(s, "bias", DF_SHAPE(out), NN_AS_IS, bias_init) : NULL;
}

void nn_linear_init(NnScope s, NnLinear *l, int in, int out, bool bias)
{
    nn_linear_init_as(s, l, in, out, bias, nn_kaiming_uniform(in), nn_kaiming_uniform(in));
}

void nn_pointwise_init(NnScope s, NnLinear *l, int in, int out, bool bias)
{
    l->weight = nn_param(s, "weight", DF_SHAPE(out, in, 1, 1), NN_POINTWISE, nn_kaiming_uniform(in));
    nn_last(s)->product = true;
    l->bias = bias ? nn_param(s, "bias", DF_SHAPE(out), NN_AS_IS, nn_kaiming_uniform(in)) : NULL;
}

DfTensor *nn_linear(DfCtx *c, const NnLinear *l, DfTensor *x)
{
    return df_linear(c, x, l->weight, l->bias);
}

/* ---- the end of a branch: residual + drop_path(scale * dropout(branch)) ------------------------------------------ */

/* Without dropout and drop_path, scale and residual are applied while the branch's result is
 * stored. */
static bool fusible(const DfCtx *c, NnResidual r)
{
    return !c->training || (r.drop_path == 0 && r.drop == 0);
}

static DfFuse fuse(NnResidual r)
{
    return (DfFuse){ .scale = r.scale, .residual = r.residual };
}

DfTensor *nn_add(DfCtx *c, DfTensor *branch, NnResidual r)
{
    branch = df_dropout(c, branch, r.drop);
    if (r.scale)
        branch = df_mul(c, branch, r.scale);
    if (r.drop_path > 0)
        branch = df_drop_path(c, branch, r.drop_path);
    return r.residual ? df_add(c, branch, r.residual) : branch;
}

DfTensor *nn_linear_add(DfCtx *c, const NnLinear *l, DfTensor *x, NnResidual r)
{
    if (fusible(c, r))
        return df_linear_fused(c, x, l->weight, l->bias, fuse(r));
    return nn_add(c, nn_linear(c, l, x), r);
}

/* ---- fc2(act(fc1(x))) -------------------------------------------------------------------------------------------- */

DfTensor *nn_mlp_add(DfCtx *c, const NnMlp *m, DfTensor *x, NnResidual r)
{
    const DfMark mark = df_enter(c, NULL, -1);
    r.drop = m->drop[1];
    if (fusible(c, r) && (!c->training || m->drop[0] == 0)) {
        x = df_mlp(c, x, m->fc1.weight, m->fc1.bias, m->act, m->fc2.weight, m->fc2.bias, fuse(r));
    } else {
        x = df_act(c, nn_linear(c, &m->fc1, x), m->act);
        x = df_dropout(c, x, m->drop[0]);
        x = nn_linear_add(c, &m->fc2, x, r);
    }
    return df_leave(c, mark, x);
}
