/* SPDX-License-Identifier: Apache-2.0
 *
 * tensor/fuse.c -- packed copies of weights, and what follows a product.
 */
#include "tensor/fuse.h"

#include <pthread.h>

/* ---- packed weights --------------------------------------------------------------------------------------------- */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* guards the lists of packed copies, never held while packing */

static const DfPacked *find(const DfTensor *w, DfPackKind kind, const float *fold, size_t O)
{
    pthread_mutex_lock(&lock);
    const DfPacked *found = df_packed_find(w->packed, kind, fold, O);
    pthread_mutex_unlock(&lock);
    return found;
}

/* Another thread may have been faster: then its copy is kept. */
static const DfPacked *keep(DfTensor *w, DfPacked *packed, const float *fold, size_t O)
{
    pthread_mutex_lock(&lock);
    const DfPacked *found = df_packed_find(w->packed, df_packed_kind(packed), fold, O);
    if (!found)
        w->packed = df_packed_link(packed, w->packed);
    pthread_mutex_unlock(&lock);
    if (found)
        df_packed_free(packed);
    return found ? found : packed;
}

static int pack(DfPacked **out, DfPool *pool, const float *w, DfPackKind kind, size_t O, size_t K, size_t groups)
{
    return kind == DF_PACK_WINOGRAD ? df_pack_winograd(out, pool, w, O, K / 9) : df_pack(out, pool, w, O, K, groups);
}

static int pack_folded(DfPacked **out, DfPool *pool, const float *w, const float *fold, DfPackKind kind, size_t O,
                       size_t K, size_t groups)
{
    float *scaled = df_malloc(O * K * sizeof *scaled);
    if (!scaled)
        return df_fail_memory("packed weights");
    for (size_t i = 0; i < O * K; i++)
        scaled[i] = w[i] * fold[i / K];
    int error = pack(out, pool, scaled, kind, O, K, groups);
    if (!error)
        error = df_packed_folded(*out, fold, O);
    df_free(scaled);
    return error;
}

DfPackedWeight df_weight(DfCtx *c, DfTensor *w, const DfTensor *fold, DfPackKind kind, size_t O, size_t K,
                         size_t groups)
{
    const bool changes = c->recording && w->wants_grad;
    const float *factors = fold ? fold->data : NULL;
    const DfPacked *found = changes ? NULL : find(w, kind, factors, O);
    if (found)
        return (DfPackedWeight){ found, NULL };
    DfPacked *packed = NULL;
    const int error = fold ? pack_folded(&packed, c->pool, w->data, factors, kind, O, K, groups) : pack(&packed,
                                                                                                        c->pool, w->data, kind, O, K, groups);
    if (error) {
        df_packed_free(packed);
        df_ctx_fail(c, error, "%s", df_error());
        return (DfPackedWeight){ NULL, NULL };
    }
    return changes ? (DfPackedWeight){ packed, packed } : (DfPackedWeight){ keep(w, packed, factors, O), NULL };
}

void df_weight_done(DfPackedWeight w)
{
    df_packed_free(w.own);
}

/* ---- what follows a product ------------------------------------------------------------------------------------- */

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

static const float *data_of(const DfTensor *x)
{
    return x ? x->data : NULL;
}

DfEpilogue df_fuse_epilogue(const DfTensor *bias, DfFuse fuse)
{
    return (DfEpilogue){ data_of(bias), fuse.act, data_of(fuse.scale), data_of(fuse.residual) };
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
    y = df_act(c, y, fuse.act);
    y = fuse.scale ? df_mul(c, y, fuse.scale) : y;
    return fuse.residual ? df_add(c, y, fuse.residual) : y;
}
