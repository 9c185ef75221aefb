/* SPDX-License-Identifier: Apache-2.0
 *
 * tensor/mlp.c -- two-layer perceptron, y = act(x W1' + b1) W2' + b2, whose hidden layer is never stored as a whole.
 * When recording, the two layers are separate ops.
 */
#include "tensor/fuse.h"
#include "tensor/weights.h"

static bool fits(DfCtx *c, const DfTensor *x, const DfTensor *w1, const DfTensor *b1, const DfTensor *w2)
{
    bool good = x->shape.n >= 1 && w1->shape.n >= 1 && w2->shape.n >= 1;
    if (good) {
        const size_t I = (size_t)df_dim(x, -1);
        const size_t H = (size_t)df_dim(w1, 0);
        const size_t O = (size_t)df_dim(w2, 0);
        good = df_size(w1) == H * I && df_size(w2) == O * H && (!b1 || df_size(b1) == H);
    }
    if (!good)
        df_refuse(c, "mlp: x of shape (%s) with weights of shapes (%s) and (%s): want (.. I), (H I), (O H), and a bias "
                     "of H", DF_TEXT(x), DF_TEXT(w1), DF_TEXT(w2));
    return good;
}

static int run(DfCtx *c, const DfTensor *x, DfTensor *w1, const DfTensor *b1, DfAct act, DfTensor *w2,
               const DfTensor *y, DfEpilogue e)
{
    const size_t I = (size_t)df_dim(x, -1);
    const size_t H = (size_t)df_dim(w1, 0);
    const size_t O = (size_t)df_dim(w2, 0);
    const size_t M = df_size(y) / O;
    const DfPackedWeight p1 = df_weight(c, w1, NULL, DF_PACK_GEMM, H, I, 1);
    const DfPackedWeight p2 = df_weight(c, w2, NULL, DF_PACK_GEMM, O, H, 1);
    int error = DF_OK;
    if (p1.packed && p2.packed)
        error = df_mlp_packed(c->pool, c->k, M, x->data, p1.packed, df_data_of(b1), act, p2.packed, y->data, e);
    df_weight_done(c, p1);
    df_weight_done(c, p2);
    return error;
}

DfTensor *df_mlp(DfCtx *c, DfTensor *x, DfTensor *w1, DfTensor *b1, DfAct act, DfTensor *w2, DfTensor *b2, DfFuse fuse)
{
    if (c->err || !fits(c, x, w1, b1, w2))
        return &c->nil;
    DfTensor *const all[] = { x, w1, b1, w2, b2, fuse.scale, fuse.residual };
    bool wanted = false;
    for (int i = 0; i < 7; i++)
        wanted |= all[i] && all[i]->wants_grad;
    if ((c->recording && wanted) || df_listens_weights(c))
        return df_linear_fused(c, df_linear_fused(c, x, w1, b1, (DfFuse){ .act = act }), w2, b2, fuse);
    DfShape shape = x->shape;
    shape.d[shape.n - 1] = df_dim(w2, 0);
    if (!df_fuse_fits(c, "mlp", shape, b2, fuse))
        return &c->nil;
    static const DfOp op = { "mlp", NULL }; /* never on the tape */
    DfTensor *y = df_output_packing(c, &op, shape, DF_SOURCES_OF(x, w1, b1, w2, b2));
    df_fuse_reads(c, fuse);
    const double rows = (double)df_size(x) / (double)df_at_least_1((size_t)df_dim(x, -1));
    df_macs(c, DF_MACS_LAYER, rows * ((double)df_size(w1) + (double)df_size(w2)));
    if (df_skip(c, y))
        return y;
    df_check(c, run(c, x, w1, b1, act, w2, y, df_fuse_epilogue(b2, fuse)));
    return y;
}
