/* SPDX-License-Identifier: Apache-2.0
 *
 * tensor/weights.c -- packed copies of weights: made at first use, kept in a list that hangs on the weight.
 */
#include "tensor/weights.h"

#include <pthread.h>

/* Guards the lists of packed copies, and is never held while packing. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

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

/* Takes the memory of a copy that the weight outgrew: NULL if there is none. */
static DfPacked *pack_again(DfCtx *c, DfTensor *w, DfPackKind kind)
{
    pthread_mutex_lock(&lock);
    DfPacked *packed = df_packed_take_stale(&w->packed, kind);
    pthread_mutex_unlock(&lock);
    const int error = packed ? df_repack(packed, c->pool, w->data) : DF_OK;
    if (!error)
        return packed;
    df_packed_free(packed);
    return NULL;
}

static DfPacked *pack_anew(DfCtx *c, const DfTensor *w, const float *fold, DfPackKind kind, size_t O, size_t K,
                           size_t groups)
{
    DfPacked *packed = NULL;
    const int error = fold ? pack_folded(&packed, c->pool, w->data, fold, kind, O, K, groups)
                           : pack(&packed, c->pool, w->data, kind, O, K, groups);
    if (!error)
        return packed;
    df_packed_free(packed);
    df_check(c, error);
    return NULL;
}

DfPackedWeight df_weight(DfCtx *c, DfTensor *w, const DfTensor *fold, DfPackKind kind, size_t O, size_t K,
                         size_t groups)
{
    const bool changes = c->recording && w->wants_grad && !w->keeps_packed;
    const float *factors = df_data_of(fold);
    const DfPacked *found = changes ? NULL : find(w, kind, factors, O);
    if (found)
        return (DfPackedWeight){ found, NULL };
    DfPacked *packed = factors ? NULL : pack_again(c, w, kind);
    if (!packed)
        packed = pack_anew(c, w, factors, kind, O, K, groups);
    if (changes || !packed)
        return (DfPackedWeight){ packed, packed };
    return (DfPackedWeight){ keep(w, packed, factors, O), NULL };
}

void df_weight_done(DfPackedWeight w)
{
    df_packed_free(w.own);
}
