/* SPDX-License-Identifier: Apache-2.0
 *
 * tensor/tape.c -- reverse-mode differentiation: gradients flow from the last tensor on the tape to the first.
 *
 * The tape is a list of results, each after the tensors that it was computed from. In a backward walk, the gradient of
 * a tensor is complete when its turn comes, since everything that uses it comes later on the tape. So each is visited
 * once.
 */
#include <string.h>

#include "tensor/op.h"
#include "tensor/parts.h"

static bool is_leaf(const DfTensor *x) /* a parameter or an input: the context owns at most its gradient */
{
    return x->op == NULL;
}

static bool room_for_a_leaf(struct DfCtxParts *p)
{
    return df_grow((void **)&p->leaves, &p->leaves_capacity, p->n_leaves, sizeof *p->leaves);
}

float *df_grad_new(DfCtx *c, DfTensor *x, bool *fresh)
{
    *fresh = false;
    if (!x || !x->wants_grad || c->err)
        return NULL;
    x->reached = true;
    if (x->grad)
        return x->grad;
    *fresh = true;
    struct DfCtxParts *p = c->parts;
    x->grad_buffer = df_buffer_get(c, df_size(x));
    if (!x->grad_buffer || (is_leaf(x) && !room_for_a_leaf(p))) {
        df_ctx_fail(c, DF_ENOMEM, "out of memory for a gradient of %zu elements", df_size(x));
        return NULL;
    }
    if (is_leaf(x) && !x->buffer)
        p->leaves[p->n_leaves++] = x; /* its memory is the model's, this gradient is the step's */
    x->grad = x->grad_buffer->data;
    return x->grad;
}

static void clear_range(void *arg, const DfPointwiseKernels *k, size_t from, size_t n)
{
    (void)k;
    memset((float *)arg + from, 0, n * sizeof(float));
}

/* Made of zeros when the first user adds to it; a tensor that nobody adds to has none. */
float *df_grad(DfCtx *c, DfTensor *x)
{
    bool fresh;
    float *gx = df_grad_new(c, x, &fresh);
    if (gx && fresh)
        df_ranges(c, df_size(x), DF_BLOCK, clear_range, gx);
    return gx;
}

bool df_grad_hand_over(DfCtx *c, DfTensor *x, DfTensor *y)
{
    if (!x->wants_grad || x->grad || is_leaf(x) || !y->grad_buffer || c->err)
        return false;
    x->reached = true;
    x->grad = y->grad;
    x->grad_buffer = y->grad_buffer;
    y->grad = NULL;
    y->grad_buffer = NULL;
    return true;
}

void df_grad_add(DfCtx *c, DfTensor *x, const float *g)
{
    bool fresh;
    const size_t n = df_size(x);
    float *gx = df_grad_new(c, x, &fresh);
    if (gx && fresh)
        df_copy_rows(c, gx, n, g, n, 1, n);
    else if (gx)
        df_add_rows(c, gx, n, g, n, 1, n);
}

void df_seed(DfCtx *c, DfTensor *y, const float *seed)
{
    float *gy = df_grad(c, y);
    const size_t n = df_size(y);
    for (size_t i = 0; gy && i < n; i++)
        gy[i] += seed ? seed[i] : 1.0f;
}

/* ---- the walk ---------------------------------------------------------------------------------------------------- */

enum { SCALARS = 64 }; /* tensors of so few numbers are kept: losses are read after the walk */

/* Its users are behind us, and so is the op that made it. */
static void spend(DfCtx *c, DfTensor *t)
{
    df_grad_release(c, t);
    if (df_size(t) > SCALARS)
        df_buffers_release(c, t);
}

/* In a walk within a walk (checkpoint.c), users outside come later. */
static bool is_of_this_walk(const DfTensor *noted, const DfTensor *t)
{
    return !noted || noted->replay == t->replay;
}

/* From the last tensor to the first, so that the first user of each parameter is the one that stays noted. */
static void note_first_users(DfCtx *c)
{
    for (DfTensor *t = c->parts->tape; t; t = t->previous)
        for (int i = 0; i < t->n_src; i++)
            if (t->src[i] && is_leaf(t->src[i]) && is_of_this_walk(t->src[i]->first_user, t))
                t->src[i]->first_user = t;
}

static void tell_arrived(DfCtx *c, const DfTensor *t)
{
    for (int i = 0; i < t->n_src; i++) {
        DfTensor *x = t->src[i];
        if (x && is_leaf(x) && x->wants_grad && x->first_user == t) {
            x->first_user = NULL; /* an op may have it twice */
            c->arrived(c->arrived_user, x);
        }
    }
}

/* An op without elements returned before it saved its notes. Nothing flows through it, but what it was made of has a
 * gradient, of zeros: a head that met no region is updated like one that has learnt nothing. */
static void pass_nothing(DfCtx *c, const DfTensor *t)
{
    for (int i = 0; i < t->n_src; i++)
        df_grad(c, t->src[i]);
}

static void go_back(DfCtx *c, DfTensor *t)
{
    const bool empty = df_size(t) == 0;
    if (empty ? !t->reached : !t->grad)
        return;
    if (empty && !t->saved)
        pass_nothing(c, t);
    else
        t->op->backward(c, t);
}

void df_walk(DfCtx *c)
{
    df_check_made(c);
    if (c->arrived)
        note_first_users(c);
    for (DfTensor *t = c->parts->tape; t && !c->err; t = t->previous) {
        go_back(c, t);
        if (c->parts->checks)
            df_check_gradients(c, t);
        if (c->arrived)
            tell_arrived(c, t);
        if (c->frugal)
            spend(c, t);
    }
}

void df_backward(DfCtx *c, DfTensor *y, const float *seed)
{
    if (y)
        df_seed(c, y, seed);
    df_walk(c);
}
