/* SPDX-License-Identifier: Apache-2.0
 *
 * backbone/transformer.c -- what the transformers among the backbones have in common: how layers start (timm), stochastic depth
 * (Huang et al., ECCV 2016), what a pass can take.
 */
#include "backbone/transformer.h"

void df_transformer_linear_init(NnScope s, NnLinear *l, int in, int out, bool bias)
{
    nn_linear_init_as(s, l, in, out, bias, nn_truncated_normal(0.02), nn_constant(0));
}

void df_transformer_mlp_init(NnScope s, NnMlp *mlp, int dim, int hidden, double drop)
{
    df_transformer_linear_init(nn_at(s, "fc1"), &mlp->fc1, dim, hidden, true);
    df_transformer_linear_init(nn_at(s, "fc2"), &mlp->fc2, hidden, dim, true);
    mlp->act = DF_ACT_GELU;
    mlp->drop = (float)drop;
}

float df_transformer_drop_path(double rate, int block, int blocks)
{
    return blocks > 1 ? (float)(rate * block / (blocks - 1)) : 0;
}

void df_transformer_check(DfCtx *c, const DfTensor *image, int img_size, double attn_drop_rate)
{
    const int H = df_dim(image, 1), W = df_dim(image, 2);
    if (img_size && (H != img_size || W != img_size))
        df_ctx_fail(c, DF_ESHAPE, "an image of %dx%d: the classification form wants img_size = %d on both sides", W, H, img_size);
    if (c->training && attn_drop_rate > 0)
        df_ctx_fail(c, DF_EVALUE, "attn_drop_rate = %g: training drops no attention weights here, want 0", attn_drop_rate);
}
