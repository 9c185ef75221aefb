/* SPDX-License-Identifier: Apache-2.0
 *
 * tensor/fuse.c -- the operations after a product: bias, activation, scale and residual, fused into the product or as
 * separate ops.
 */
#include "tensor/fuse.h"

static bool has(DfCtx *c, const char *op, const char *what, const DfTensor *x, int n)
{
    if (!x || df_size(x) == (size_t)n)
        return true;
    df_refuse(c, "%s: %s of shape (%s): want %d elements", op, what, DF_TEXT(x), n);
    return false;
}

bool df_fuse_fits(DfCtx *c, const char *op, DfShape result, const DfTensor *bias, DfFuse fuse)
{
    const int O = result.d[result.n - 1];
    if (!has(c, op, "a bias", bias, O) || !has(c, op, "a scale", fuse.scale, O) ||
        !has(c, op, "a factor of the weight", fuse.fold, O))
        return false;
    if (!fuse.residual || df_same_shape(result, fuse.residual->shape))
        return true;
    df_refuse(c, "%s: a residual of shape (%s): want that of the result, (%s)", op, DF_TEXT(fuse.residual),
              df_shape_text(result).text);
    return false;
}

DfEpilogue df_fuse_epilogue(const DfTensor *bias, DfFuse fuse)
{
    return (DfEpilogue){
        .bias = df_data_of(bias),
        .act = fuse.act,
        .scale = df_data_of(fuse.scale),
        .residual = df_data_of(fuse.residual),
        .inside = fuse.inside,
    };
}

void df_fuse_reads(DfCtx *c, DfFuse fuse)
{
    const DfTensor *read[] = { fuse.scale, fuse.residual, fuse.fold };
    for (int i = 0; i < 3; i++)
        df_reads(c, read[i] ? df_size(read[i]) : 0);
}

bool df_fuse_splits(const DfCtx *c, const DfTensor *x, const DfTensor *w, const DfTensor *bias, DfFuse fuse)
{
    const DfTensor *all[] = { x, w, bias, fuse.scale, fuse.residual };
    bool wanted = false;
    for (int i = 0; i < 5; i++)
        wanted |= all[i] && all[i]->wants_grad;
    return c->recording && wanted && (fuse.act != DF_ACT_NONE || fuse.scale || fuse.residual);
}

DfTensor *df_fuse_apart(DfCtx *c, DfTensor *y, DfFuse fuse)
{
    const bool inside = fuse.residual && fuse.inside;
    y = inside ? df_add(c, y, fuse.residual) : y;
    y = df_act(c, y, fuse.act);
    y = fuse.scale ? df_mul(c, y, fuse.scale) : y;
    return fuse.residual && !inside ? df_add(c, y, fuse.residual) : y;
}
