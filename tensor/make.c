/* SPDX-License-Identifier: Apache-2.0
 *
 * tensor/make.c -- makes tensors: from data of the caller, and as results of ops, which are put on the tape when the
 * context records.
 */
#include <assert.h>
#include <string.h>

#include "tensor/op.h"
#include "tensor/parts.h"

static bool fits(DfCtx *c, DfShape shape)
{
    double n = 1;
    for (int i = 0; i < shape.n; i++) {
        if (shape.d[i] < 0) {
            df_ctx_fail(c, DF_ESHAPE, "a tensor with size %d in dimension %d: want at least 0", shape.d[i], i);
            return false;
        }
        n *= shape.d[i];
    }
    if (n > 1e12) {
        df_ctx_fail(c, DF_ESHAPE, "a tensor of %.3g elements: too large", n);
        return false;
    }
    return true;
}

static bool add_to(DfTensor ***list, size_t *n, size_t *capacity, DfTensor *x)
{
    if (!df_grow((void **)list, capacity, *n, sizeof **list))
        return false;
    (*list)[(*n)++] = x;
    return true;
}

static DfTensor *header(DfCtx *c, DfShape shape)
{
    if (c->err || !fits(c, shape))
        return NULL;
    DfTensor *x = df_arena_alloc(c->parts->step, 1, sizeof *x);
    if (!x || !add_to(&c->parts->tensors, &c->parts->n_live, &c->parts->capacity, x)) {
        df_ctx_fail(c, DF_ENOMEM, "out of memory for a tensor");
        return NULL;
    }
    x->shape = shape;
    return x;
}

static DfTensor *make(DfCtx *c, DfShape shape, bool bf16)
{
    DfTensor *x = header(c, shape);
    if (!x)
        return &c->nil;
    x->bf16 = bf16;
    x->buffer = df_buffer_get(c, df_floats(x));
    if (!x->buffer) {
        df_ctx_fail(c, DF_ENOMEM, "out of memory for a tensor of %zu elements", df_size(x));
        return &c->nil;
    }
    x->data = x->buffer->data;
    return x;
}

DfTensor *df_new(DfCtx *c, DfShape shape)
{
    return make(c, shape, false);
}

DfTensor *df_zeros(DfCtx *c, DfShape shape)
{
    DfTensor *x = df_new(c, shape);
    if (!df_skip(c, x))
        memset(x->data, 0, df_size(x) * sizeof *x->data);
    return x;
}

DfTensor *df_from(DfCtx *c, DfShape shape, const float *data)
{
    DfTensor *x = df_new(c, shape);
    if (!df_skip(c, x))
        memcpy(x->data, data, df_size(x) * sizeof *x->data);
    return x;
}

DfTensor *df_borrow(DfCtx *c, DfShape shape, float *data)
{
    DfTensor *x = header(c, shape);
    if (!x)
        return &c->nil;
    x->data = c->dry ? NULL : data;
    return x;
}

void df_put_on_tape(DfCtx *c, const DfOp *op, DfTensor *y, int n_src, DfTensor *const *src)
{
    assert(n_src <= DF_SOURCES);
    for (int i = 0; i < n_src; i++)
        y->wants_grad |= c->recording && src[i] && src[i]->wants_grad;
    if (!y->wants_grad || c->parts->forgets)
        return;
    if (c->precision != DF_PRECISION_F32) {
        df_ctx_fail(c, DF_EVALUE, "training in %s: want float32", df_precision_name(c->precision));
        return;
    }
    y->op = op;
    y->replay = c->parts->replays;
    y->n_src = n_src;
    memcpy(y->src, src, (size_t)n_src * sizeof *src);
    y->previous = c->parts->tape;
    c->parts->tape = y;
}

static bool all_float32(DfCtx *c, const DfOp *op, int n_src, DfTensor *const *src)
{
    for (int i = 0; i < n_src; i++)
        if (src[i] && src[i]->bf16) {
            df_ctx_fail(c, DF_EVALUE, "%s: a tensor of bfloat16: want float32", op->name);
            return false;
        }
    return true;
}

/* y, which was just made, is the result of an op. */
static DfTensor *made(DfCtx *c, const DfOp *op, DfTensor *y, int n_src, DfTensor *const *src)
{
    if (c->err)
        return &c->nil;
    df_put_on_tape(c, op, y, n_src, src);
    if (c->parts->checks)
        df_check_later(c, op, y);
    df_profile_count(c, y, n_src, src);
    return y;
}

static DfTensor *output(DfCtx *c, bool bf16, const DfOp *op, DfShape shape, int n_src, DfTensor *const *src)
{
    return made(c, op, make(c, shape, bf16), n_src, src);
}

/* Sources that are about to be read get their numbers. */
static void hold(DfCtx *c, int n_src, DfTensor *const *src)
{
    for (int i = 0; i < n_src && !c->err && !c->dry; i++)
        if (src[i] && src[i]->origin)
            df_check(c, df_hold(src[i]));
}

DfTensor *df_output(DfCtx *c, const DfOp *op, DfShape shape, int n_src, DfTensor *const *src)
{
    hold(c, n_src, src);
    return all_float32(c, op, n_src, src) ? output(c, false, op, shape, n_src, src) : &c->nil;
}

/* The way back reads weights as they are. */
DfTensor *df_output_packing(DfCtx *c, const DfOp *op, DfShape shape, int n_src, DfTensor *const *src)
{
    if (c->recording)
        return df_output(c, op, shape, n_src, src);
    return all_float32(c, op, n_src, src) ? output(c, false, op, shape, n_src, src) : &c->nil;
}

DfTensor *df_output_bf16(DfCtx *c, bool bf16, const DfOp *op, DfShape shape, int n_src, DfTensor *const *src)
{
    return c->recording ? df_output(c, op, shape, n_src, src) : output(c, bf16, op, shape, n_src, src);
}

/* Another header for the same memory. */
static DfTensor *alias(DfCtx *c, DfShape shape, DfTensor *x, size_t offset)
{
    DfTensor *y = header(c, shape);
    if (!y)
        return &c->nil;
    assert(offset + df_size(y) <= df_size(x));
    y->data = x->data ? x->data + offset : NULL;
    y->buffer = x->buffer;
    if (y->buffer)
        y->buffer->refs++;
    return y;
}

DfTensor *df_output_over(DfCtx *c, const DfOp *op, DfTensor *x, int n_src, DfTensor *const *src)
{
    if (c->recording || !x->buffer || x->buffer->refs > 1)
        return df_output_bf16(c, false, op, x->shape, n_src, src);
    return made(c, op, alias(c, x->shape, x, 0), n_src, src);
}

DfTensor *df_view(DfCtx *c, const DfOp *op, DfShape shape, DfTensor *src, size_t offset)
{
    hold(c, 1, &src);
    DfTensor *y = all_float32(c, op, 1, &src) ? alias(c, shape, src, offset) : &c->nil;
    if (!c->err)
        df_put_on_tape(c, op, y, 1, &src);
    return y;
}

bool df_skip(const DfCtx *c, const DfTensor *y)
{
    return c->err || c->dry || df_size(y) == 0;
}

bool df_taped(const DfTensor *y)
{
    return y->op != NULL;
}

void *df_note_space(DfCtx *c, size_t size)
{
    void *space = c->err ? NULL : df_arena_alloc(c->parts->step, 1, size);
    if (!space)
        df_ctx_fail(c, DF_ENOMEM, "out of memory for the tape");
    return space;
}

void *df_save(DfCtx *c, DfTensor *y, size_t size)
{
    return y->saved = df_note_space(c, size);
}

float *df_workspace(DfCtx *c, size_t floats)
{
    DfTensor *x = header(c, DF_SHAPE(0));
    if (!x)
        return NULL;
    x->buffer = df_buffer_get(c, floats);
    if (!x->buffer)
        df_ctx_fail(c, DF_ENOMEM, "out of memory for a workspace of %zu elements", floats);
    return x->buffer ? x->buffer->data : NULL;
}
