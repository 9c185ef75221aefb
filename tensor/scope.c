/* SPDX-License-Identifier: Apache-2.0
 *
 * tensor/scope.c -- scopes: a module call opens one, which names the running module and frees its temporary tensors.
 */
#include "tensor/parts.h"

DfMark df_enter(DfCtx *c, const char *name, int index)
{
    struct DfCtxParts *p = c->parts;
    DfMark mark = { .tensors = p->n_live, .depth = p->depth, .row = p->row };
    if (!name || p->depth == SCOPES)
        return mark;
    const uint64_t around = p->depth ? p->scopes[p->depth - 1].place : 0;
    p->scopes[p->depth++] = (Scope){ name, index, df_place_below(around, name, index) };
    if (p->profiling)
        mark.start = df_profile_enter(c);
    return mark;
}

/* The way back needs all tensors; those of a part that is run again (checkpoint.c) only then. */
static bool keeps_all(const DfCtx *c)
{
    return c->recording && !c->parts->forgets;
}

static bool is_among(const DfTensor *x, DfTensor *const *keep, int n)
{
    for (int i = 0; i < n; i++)
        if (x == keep[i])
            return true;
    return false;
}

/* Of the tensors from `first` on: what is kept moves up, in its order, and belongs to the scope around. */
static void keep_only(DfCtx *c, size_t first, DfTensor *const *keep, int n)
{
    struct DfCtxParts *p = c->parts;
    size_t kept = first;
    for (size_t i = first; i < p->n_live; i++) {
        DfTensor *x = p->tensors[i];
        if (is_among(x, keep, n))
            p->tensors[kept++] = x;
        else
            df_buffers_release(c, x);
    }
    p->n_live = kept;
}

void df_leave_all(DfCtx *c, DfMark mark, DfTensor *const *keep, int n)
{
    struct DfCtxParts *p = c->parts;
    df_check_made(c);
    if (p->profiling && p->depth > mark.depth)
        df_profile_leave(c, mark);
    p->depth = mark.depth;
    if (!keeps_all(c))
        keep_only(c, mark.tensors, keep, n);
}

void df_forget(DfCtx *c, bool forget)
{
    c->parts->forgets = forget;
}

void df_forget_from(DfCtx *c, DfMark mark)
{
    df_check_made(c);
    c->parts->depth = mark.depth;
    keep_only(c, mark.tensors, NULL, 0);
}

/* Who listens to scopes hears the result of each named one. */
static void tell(DfCtx *c, DfMark mark, const DfTensor *result)
{
    const struct DfCtxParts *p = c->parts;
    if (!p->listens_to_scopes || p->muted || p->depth <= mark.depth || c->err)
        return;
    char path[256];
    df_path_of_scope(p, path, sizeof path);
    p->listener(p->listener_user, path, result);
}

DfTensor *df_leave_with(DfCtx *c, DfMark mark, DfTensor *keep, DfTensor *also)
{
    tell(c, mark, keep);
    df_leave_all(c, mark, (DfTensor *[]){ keep, also }, 2);
    return keep;
}

DfTensor *df_leave(DfCtx *c, DfMark mark, DfTensor *keep)
{
    return df_leave_with(c, mark, keep, NULL);
}

void df_release(DfCtx *c, DfTensor *x)
{
    df_check_made(c);
    if (!keeps_all(c) && !c->err && x->buffer)
        df_buffers_release(c, x);
}

void df_next(DfCtx *c, DfTensor **x, DfTensor *y)
{
    if (y != *x)
        df_release(c, *x);
    *x = y;
}

