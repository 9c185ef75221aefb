/* SPDX-License-Identifier: Apache-2.0
 *
 * tensor/step.c -- creating, resetting and freeing a context, and the memory of a step: which buffers are in use, and
 * the peak.
 */
#include "tensor/op.h"
#include "tensor/parts.h"

/* ---- buffers ---------------------------------------------------------------------------------------------------- */

/* A dry context keeps books without memory. */
DfBuffer *df_buffer_get(DfCtx *c, size_t floats)
{
    DfBuffer *buffer = c->dry ? df_storage_phantom(floats) : df_storage_get(c->parts->storage, floats);
    if (buffer) {
        c->live += buffer->size;
        c->peak = c->live > c->peak ? c->live : c->peak;
    }
    return buffer;
}

static void release_buffer(DfCtx *c, DfBuffer *buffer)
{
    if (buffer && buffer->refs == 1)
        c->live -= buffer->size;
    df_storage_put(c->parts->storage, buffer);
}

void df_grad_release(DfCtx *c, DfTensor *x)
{
    if (x->grad_buffer)
        x->grad = NULL;
    release_buffer(c, x->grad_buffer);
    x->grad_buffer = NULL;
}

void df_packed_drop(DfTensor *w)
{
    df_packed_free(w->packed);
    w->packed = NULL;
}

void df_packed_outdated(DfTensor *w)
{
    w->keeps_packed = w->uses > 1;
    w->uses = 0;
    if (w->keeps_packed)
        w->packed = df_packed_age(w->packed);
    else
        df_packed_drop(w);
}

void df_buffers_release(DfCtx *c, DfTensor *x)
{
    df_grad_release(c, x);
    release_buffer(c, x->buffer);
    x->buffer = NULL;
    df_packed_drop(x);
    x->data = NULL; /* a use after the scope was left shows at once */
}

/* ---- life ------------------------------------------------------------------------------------------------------- */

int df_ctx_new(DfCtx **out, DfPool *pool)
{
    *out = NULL;
    const int error = df_kernels_check();
    if (error < 0)
        return error;
    DfCtx *c = df_calloc(1, sizeof *c);
    struct DfCtxParts *parts = df_calloc(1, sizeof *parts);
    if (c && parts) {
        c->parts = parts;
        parts->seen_end = &parts->seen;
        c->pool = pool;
        c->k = df_kernels();
        c->nil.shape.n = DF_DIMS; /* of size 0 each: df_dim(&c->nil, -1) is 0 */
        parts->storage = df_storage_new();
        parts->step = df_arena_new();
        if (parts->storage && parts->step) {
            *out = c;
            return DF_OK;
        }
        df_storage_free(parts->storage);
        df_arena_free(parts->step);
    }
    df_free(parts);
    df_free(c);
    return df_fail_memory("a context");
}

int df_ctx_set_precision(DfCtx *c, DfPrecision precision)
{
    const int error = df_precision_check(precision, c->k);
    if (error == DF_OK)
        c->precision = precision;
    return error;
}

static void forget(DfCtx *c)
{
    struct DfCtxParts *p = c->parts;
    for (size_t i = 0; i < p->n_live; i++)
        df_buffers_release(c, p->tensors[i]);
    for (size_t i = 0; i < p->n_leaves; i++)
        df_grad_release(c, p->leaves[i]);
    p->n_live = p->n_leaves = 0;
    p->tape = NULL;
    p->seen = NULL;
    p->seen_end = &p->seen;
    df_visits_forget(p);
    p->drawn = p->n_journal = 0;
}

void df_ctx_free(DfCtx *c)
{
    if (!c)
        return;
    struct DfCtxParts *p = c->parts;
    forget(c);
    df_storage_free(p->storage);
    df_arena_free(p->step);
    df_arena_free(p->profile_names);
    df_packed_free(p->spare);
    df_free(p->visits);
    df_free(p->journal);
    df_free(p->tensors);
    df_free(p->leaves);
    df_free(p->rows);
    df_free(p);
    df_free(c);
}

void df_reset(DfCtx *c)
{
    struct DfCtxParts *p = c->parts;
    forget(c);
    df_storage_settle(p->storage);
    df_arena_free(p->step);
    p->step = df_arena_new();
    p->depth = 0;
    p->forgets = false;
    p->unchecked = NULL;
    p->replays = 0;
    c->err = DF_OK;
    c->peak = c->live;
    if (!p->step)
        df_ctx_fail(c, DF_ENOMEM, "out of memory for a step");
}

double df_ctx_sum(DfCtx *c, double x)
{
    if (c->reduce && !c->err)
        df_check(c, c->reduce(c->reduce_user, &x, 1));
    return x;
}
