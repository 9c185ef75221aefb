/* SPDX-License-Identifier: Apache-2.0
 *
 * tensor/checkpoint.c -- gradient checkpointing, which saves memory at the cost of time: the tensors of a part of a
 * network are forgotten, and computed again in the backward pass.  Chen et al., "Training Deep Nets with Sublinear
 * Memory Cost", 2016.
 *
 * The part computes the same bits both times: the context records in both, so that ops choose the same implementation,
 * and random numbers are read again from the journal of the step.
 */
#include <string.h>

#include "tensor/op.h"
#include "tensor/parts.h"

typedef struct {
    DfPart *part;
    const void *self;      /* a copy                                  */
    Scope scopes[SCOPES];  /* where the part was run                  */
    int depth;
    size_t drawn;          /* random streams before it, in this step  */
} Note;

/* What is put aside while the part runs once more. */
typedef struct {
    DfTensor *tape;
    Scope scopes[SCOPES];
    int depth, row;
    size_t drawn;
    bool profiling, muted;
} Aside;

static Aside step_back(struct DfCtxParts *p, const Note *note)
{
    Aside aside = { .tape = p->tape, .depth = p->depth, .row = p->row, .drawn = p->drawn, .profiling = p->profiling,
                    .muted = p->muted };
    memcpy(aside.scopes, p->scopes, sizeof p->scopes);
    memcpy(p->scopes, note->scopes, sizeof p->scopes);
    p->depth = note->depth;
    p->drawn = note->drawn;
    p->tape = NULL;
    p->row = -1;
    p->profiling = false;
    p->muted = true;
    p->replays++;
    return aside;
}

static void step_forward(struct DfCtxParts *p, const Aside *aside)
{
    memcpy(p->scopes, aside->scopes, sizeof p->scopes);
    p->depth = aside->depth;
    p->drawn = aside->drawn;
    p->tape = aside->tape;
    p->row = aside->row;
    p->profiling = aside->profiling;
    p->muted = aside->muted;
    p->replays--;
}

/* Its gradient is that of the forgotten result. */
static void take_gradient(DfTensor *again, DfTensor *y)
{
    again->grad = y->grad;
    again->grad_buffer = y->grad_buffer;
    y->grad = NULL;
    y->grad_buffer = NULL;
}

static void backward(DfCtx *c, DfTensor *y)
{
    struct DfCtxParts *p = c->parts;
    const Note *note = y->saved;
    const Aside aside = step_back(p, note);
    const DfMark mark = df_enter(c, NULL, -1);
    DfTensor *again = note->part(c, note->self, y->src[0]);
    if (!c->err && again->op) {
        take_gradient(again, y);
        df_walk(c);
    }
    df_forget_from(c, mark);
    step_forward(p, &aside);
}

static const DfOp op = { "checkpoint", backward };

/* A pass that records and forgets. */
static DfTensor *run_and_forget(DfCtx *c, DfPart *part, const void *self, DfTensor *x)
{
    c->parts->forgets = true;
    const DfMark mark = df_enter(c, NULL, -1);
    DfTensor *y = df_leave(c, mark, part(c, self, x));
    c->parts->forgets = false;
    return y;
}

DfTensor *df_checkpoint(DfCtx *c, DfPart *part, const void *self, size_t size, DfTensor *x)
{
    struct DfCtxParts *p = c->parts;
    if (!c->recording || p->forgets || !x->wants_grad || c->err)
        return part(c, self, x);
    Note *note = df_note_space(c, sizeof *note + size);
    if (!note)
        return &c->nil;
    memcpy(note + 1, self, size);
    *note = (Note){ .part = part, .self = note + 1, .depth = p->depth, .drawn = p->drawn };
    memcpy(note->scopes, p->scopes, sizeof p->scopes);
    DfTensor *y = run_and_forget(c, part, self, x);
    if (c->err || y == x)
        return y;
    df_put_on_tape(c, &op, y, 1, &x);
    y->saved = note;
    return y;
}
