/* SPDX-License-Identifier: Apache-2.0
 *
 * nn/cosine_window_attention.c -- the window attention of Swin v2: Liu et al., "Swin Transformer V2: Scaling Up
 * Capacity and Resolution", CVPR 2022, section 3.2, eq. 2:
 *     Sim(q, k) = cos(q, k) / tau + B
 * with 1 / tau = e^min(logit_scale, ln 100) for each head. B is not a table but the output of a small network G, whose
 * input is the log-spaced distance of query and key (section 3.3, eq. 3 and 4), so it fits windows of any size.
 */
#include <math.h>

#include "nn/nn.h"

enum { HIDDEN = 512 }; /* hidden channels of G */

/* 16 sigmoid(G(distance)) for the (2w-1)^2 distances within a window. */
static DfTensor *bias_table(DfCtx *c, const NnCosineWindowAttention *a)          /* -> (2w-1)^2 heads */
{
    const DfMark m = df_enter(c, "cpb_mlp", -1);
    const int side = 2 * a->attn.window - 1;
    DfTensor *d = df_from(c, DF_SHAPE(side * side, 2), a->distances);
    d = df_relu(c, nn_linear(c, &a->cpb[0], d));
    d = df_sigmoid(c, nn_linear(c, &a->cpb[1], d));
    return df_leave(c, m, df_scale(c, d, 16));
}

/* Keys have no bias: the official code puts zeros in its place. */
static DfTensor *qkv_bias(DfCtx *c, const NnCosineWindowAttention *a)            /* -> 3C, or NULL */
{
    if (!a->q_bias)
        return NULL;
    DfTensor *zeros = df_zeros(c, a->q_bias->shape);
    return df_concat(c, (DfTensor *[]){ a->q_bias, zeros, a->v_bias }, 3, 0);
}

DfTensor *nn_cosine_window_attention(DfCtx *c, const NnCosineWindowAttention *a, DfTensor *x)
{
    const DfMark m = df_enter(c, NULL, -1);
    DfTensor *bias = qkv_bias(c, a);                                             /* 3C       */
    DfTensor *qkv = nn_linear(c, &(NnLinear){ a->qkv.weight, bias }, x);         /* B H W 3C */
    DfTensor *pad = bias ? df_cosine_qkv(c, bias, a->logit_scale) : NULL;        /* 3C: a token beyond the map */
    df_next(c, &qkv, df_cosine_qkv(c, qkv, a->logit_scale));
    DfTensor *y = df_window_attention(c, qkv, pad, bias_table(c, a), a->attn);   /* B H W C  */
    df_release(c, qkv);
    return df_leave(c, m, nn_linear_add(c, &a->proj, y, (NnResidual){ .drop = a->proj_drop }));
}

/* ---- construction ------------------------------------------------------------------------------------------------ */

/* -(w-1)..w-1, in eighths of the window that the network was trained with first, on a logarithmic scale (eq. 4). In a
 * window of one token there is no distance. */
static float log_distance(int i, int window, int trained)
{
    const int side = trained > 0 ? trained : window;
    const float whole = side > 1 ? (float)(side - 1) : 1;
    const float d = (float)(i - (window - 1)) / whole * 8;
    return copysignf(log2f(fabsf(d) + 1) / 3, d);
}

static void distances_init(NnScope s, NnCosineWindowAttention *a, int trained)
{
    const int w = a->attn.window, side = 2 * w - 1;
    float *d = nn_alloc(s, (size_t)side * (size_t)side * 2, sizeof *d);
    a->distances = d;
    for (int i = 0; d && i < side; i++)
        for (int j = 0; j < side; j++) {
            *d++ = log_distance(i, w, trained);
            *d++ = log_distance(j, w, trained);
        }
}

void nn_cosine_window_attention_init(NnScope s, NnCosineWindowAttention *a, int dim, DfWindowAttention attn, bool bias,
                                     int trained)
{
    const NnInit start = nn_truncated_normal(0.02);
    a->attn = attn;
    a->attn.scale = 1;
    if (dim % attn.heads)
        nn_fail(s, DF_EVALUE, "num_heads = %d does not divide %d channels", attn.heads, dim);
    if (trained == 1)
        nn_fail(s, DF_EVALUE, "trained with a window of one token: distances of Swin v2 are parts of a larger one");
    if (!nn_ok(s))
        return;
    a->logit_scale = nn_param(s, "logit_scale", DF_SHAPE(attn.heads, 1, 1), NN_AS_IS, nn_constant(log(10)));
    if (bias) {
        a->q_bias = nn_param(s, "q_bias", DF_SHAPE(dim), NN_AS_IS, nn_constant(0));
        a->v_bias = nn_param(s, "v_bias", DF_SHAPE(dim), NN_AS_IS, nn_constant(0));
    }
    nn_linear_init_as(nn_at(s, "cpb_mlp.0"), &a->cpb[0], 2, HIDDEN, true, start, nn_constant(0));
    nn_linear_init_as(nn_at(s, "cpb_mlp.2"), &a->cpb[1], HIDDEN, attn.heads, false, start, nn_constant(0));
    nn_linear_init_as(nn_at(s, "qkv"), &a->qkv, dim, 3 * dim, false, start, nn_constant(0));
    nn_linear_init_as(nn_at(s, "proj"), &a->proj, dim, dim, true, start, nn_constant(0));
    distances_init(s, a, trained);
}
