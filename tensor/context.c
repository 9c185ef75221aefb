/* SPDX-License-Identifier: Apache-2.0
 *
 * tensor/context.c -- the context: memory of a step, scopes, the first error, profiles.
 */
#include <assert.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "tensor/parts.h"

size_t df_count(DfShape shape)
{
    size_t n = 1;
    for (int i = 0; i < shape.n; i++)
        n *= (size_t)shape.d[i];
    return n;
}

bool df_same_shape(DfShape a, DfShape b)
{
    return a.n == b.n && memcmp(a.d, b.d, (size_t)a.n * sizeof a.d[0]) == 0;
}

/* ---- life ------------------------------------------------------------------------------------------------------- */

int df_ctx_new(DfCtx **out, DfPool *pool)
{
    *out = NULL;
    DfCtx *c = df_calloc(1, sizeof *c);
    struct DfCtxParts *parts = df_calloc(1, sizeof *parts);
    if (c && parts) {
        c->parts = parts;
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

static void release_buffer(DfCtx *c, DfBuffer *buffer)
{
    if (buffer && buffer->refs == 1)
        c->live -= buffer->size;
    df_storage_put(c->parts->storage, buffer);
}

static void release_grad(DfCtx *c, DfTensor *x)
{
    if (x->grad_buffer)
        x->grad = NULL;
    release_buffer(c, x->grad_buffer);
    x->grad_buffer = NULL;
}

static void release(DfCtx *c, DfTensor *x)
{
    release_grad(c, x);
    release_buffer(c, x->buffer);
    x->buffer = NULL;
    df_packed_drop(x);
    x->data = NULL; /* a use after the scope was left shows at once */
}

static void forget(DfCtx *c)
{
    struct DfCtxParts *p = c->parts;
    for (size_t i = 0; i < p->n_live; i++)
        release(c, p->tensors[i]);
    for (size_t i = 0; i < p->n_leaves; i++)
        release_grad(c, p->leaves[i]);
    p->n_live = p->n_leaves = 0;
    p->tape = NULL;
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
    c->err = DF_OK;
    c->peak = c->live;
    if (!p->step)
        df_ctx_fail(c, DF_ENOMEM, "out of memory for a step");
}

/* ---- errors ----------------------------------------------------------------------------------------------------- */

void df_path_of_scope(const struct DfCtxParts *p, char *out, size_t size)
{
    size_t used = 0;
    out[0] = 0;
    for (int i = 0; i < p->depth && used < size; i++) {
        const Scope *scope = &p->scopes[i];
        const char *dot = i ? "." : "";
        const int n = scope->index < 0 ? snprintf(out + used, size - used, "%s%s", dot, scope->name)
                                       : snprintf(out + used, size - used, "%s%s.%d", dot, scope->name, scope->index);
        used += n > 0 ? (size_t)n : 0;
    }
}

void df_ctx_fail(DfCtx *c, int code, const char *format, ...)
{
    if (c->err)
        return;
    char sentence[512], path[256];
    va_list args;
    va_start(args, format);
    vsnprintf(sentence, sizeof sentence, format, args);
    va_end(args);
    df_path_of_scope(c->parts, path, sizeof path);
    snprintf(c->parts->sentence, sizeof c->parts->sentence, "%s%s%s", path, path[0] ? ": " : "", sentence);
    c->err = code;
}

int df_ctx_error(DfCtx *c)
{
    return c->err ? df_fail(c->err, "%s", c->parts->sentence) : DF_OK;
}

/* ---- tensors ---------------------------------------------------------------------------------------------------- */

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

/* A dry context keeps books without memory. */
static DfBuffer *get_buffer(DfCtx *c, size_t floats)
{
    DfBuffer *buffer = c->dry ? df_storage_phantom(floats) : df_storage_get(c->parts->storage, floats);
    if (buffer) {
        c->live += buffer->size;
        c->peak = c->live > c->peak ? c->live : c->peak;
    }
    return buffer;
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

DfTensor *df_new(DfCtx *c, DfShape shape)
{
    DfTensor *x = header(c, shape);
    if (!x)
        return &c->nil;
    x->buffer = get_buffer(c, df_size(x));
    if (!x->buffer) {
        df_ctx_fail(c, DF_ENOMEM, "out of memory for a tensor of %zu elements", df_size(x));
        return &c->nil;
    }
    x->data = x->buffer->data;
    return x;
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

static void put_on_tape(DfCtx *c, const DfOp *op, DfTensor *y, int n_src, DfTensor *const *src)
{
    assert(n_src <= DF_SOURCES);
    for (int i = 0; i < n_src; i++)
        y->wants_grad |= c->recording && src[i] && src[i]->wants_grad;
    if (!y->wants_grad)
        return;
    y->op = op;
    y->n_src = n_src;
    memcpy(y->src, src, (size_t)n_src * sizeof *src);
    y->previous = c->parts->tape;
    c->parts->tape = y;
}

static void count_activations(DfCtx *c, size_t n)
{
    struct DfCtxParts *p = c->parts;
    for (int row = p->row; p->rows && row >= 0; row = p->rows[row].parent)
        p->rows[row].activations += n;
}

DfTensor *df_output(DfCtx *c, const DfOp *op, DfShape shape, int n_src, DfTensor *const *src)
{
    DfTensor *y = df_new(c, shape);
    if (c->err)
        return &c->nil;
    put_on_tape(c, op, y, n_src, src);
    count_activations(c, df_size(y));
    return y;
}

DfTensor *df_view(DfCtx *c, const DfOp *op, DfShape shape, DfTensor *src, size_t offset)
{
    DfTensor *y = header(c, shape);
    if (!y)
        return &c->nil;
    assert(offset + df_size(y) <= df_size(src));
    y->data = src->data ? src->data + offset : NULL;
    y->buffer = src->buffer;
    if (y->buffer)
        y->buffer->refs++;
    put_on_tape(c, op, y, 1, &src);
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

void *df_save(DfCtx *c, DfTensor *y, size_t size)
{
    if (c->err)
        return NULL;
    y->saved = df_arena_alloc(c->parts->step, 1, size);
    if (!y->saved)
        df_ctx_fail(c, DF_ENOMEM, "out of memory for the tape");
    return y->saved;
}

float *df_workspace(DfCtx *c, size_t floats)
{
    DfTensor *x = header(c, DF_SHAPE(0));
    if (!x)
        return NULL;
    x->buffer = get_buffer(c, floats);
    if (!x->buffer)
        df_ctx_fail(c, DF_ENOMEM, "out of memory for a workspace of %zu elements", floats);
    return x->buffer ? x->buffer->data : NULL;
}

/* ---- scopes and profiles ----------------------------------------------------------------------------------------- */

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int find_row(const struct DfCtxParts *p, const char *path)
{
    for (size_t i = (size_t)p->row + 1; i < p->n_rows; i++)
        if (p->rows[i].parent == p->row && strcmp(p->rows[i].path, path) == 0)
            return (int)i;
    return -1;
}

static int enter_row(DfCtx *c)
{
    struct DfCtxParts *p = c->parts;
    char path[256];
    df_path_of_scope(p, path, sizeof path);
    int row = find_row(p, path);
    if (row < 0 && df_grow((void **)&p->rows, &p->rows_capacity, p->n_rows, sizeof *p->rows)) {
        const char *kept = df_arena_copy(p->profile_names, path, strlen(path));
        if (kept) {
            row = (int)p->n_rows++;
            p->rows[row] = (DfProfileRow){ .path = kept, .depth = p->depth, .parent = p->row };
        }
    }
    if (row < 0) {
        df_ctx_fail(c, DF_ENOMEM, "out of memory for the profile");
        return p->row;
    }
    p->rows[row].visits++;
    return row;
}

DfMark df_enter(DfCtx *c, const char *name, int index)
{
    struct DfCtxParts *p = c->parts;
    const DfMark mark = { p->n_live, p->depth, p->row, p->profiling ? now() : 0 };
    if (!name || p->depth == SCOPES)
        return mark;
    p->scopes[p->depth++] = (Scope){ name, index };
    if (p->profiling)
        p->row = enter_row(c);
    return mark;
}

static bool is_among(const DfTensor *x, DfTensor *const *keep, int n)
{
    for (int i = 0; i < n; i++)
        if (x == keep[i])
            return true;
    return false;
}

void df_leave_all(DfCtx *c, DfMark mark, DfTensor *const *keep, int n)
{
    struct DfCtxParts *p = c->parts;
    if (p->profiling && p->depth > mark.depth) {
        p->rows[p->row].seconds += now() - mark.start;
        p->row = mark.row;
    }
    p->depth = mark.depth;
    if (c->recording)
        return;
    size_t kept = mark.tensors;
    for (size_t i = mark.tensors; i < p->n_live; i++) {
        DfTensor *x = p->tensors[i];
        if (is_among(x, keep, n)) {
            p->tensors[kept++] = x;
            continue;
        }
        release(c, x);
    }
    p->n_live = kept;
}

DfTensor *df_leave(DfCtx *c, DfMark mark, DfTensor *keep)
{
    if (c->parts->listens_to_scopes && !c->parts->muted && c->parts->depth > mark.depth && !c->err) {
        char path[256];
        df_path_of_scope(c->parts, path, sizeof path);
        c->parts->listener(c->parts->listener_user, path, keep);
    }
    df_leave_all(c, mark, &keep, 1);
    return keep;
}

void df_release(DfCtx *c, DfTensor *x)
{
    if (!c->recording && !c->err && x->buffer)
        release(c, x);
}

void df_next(DfCtx *c, DfTensor **x, DfTensor *y)
{
    if (y != *x)
        df_release(c, *x);
    *x = y;
}

void df_profile(DfCtx *c, bool on)
{
    struct DfCtxParts *p = c->parts;
    p->profiling = false;
    df_arena_free(p->profile_names);
    df_free(p->rows);
    p->profile_names = NULL;
    p->rows = NULL;
    p->n_rows = p->rows_capacity = 0;
    p->row = -1;
    if (!on)
        return;
    p->profile_names = df_arena_new();
    if (!p->profile_names || !df_grow((void **)&p->rows, &p->rows_capacity, 0, sizeof *p->rows)) {
        df_ctx_fail(c, DF_ENOMEM, "out of memory for the profile");
        return;
    }
    p->rows[0] = (DfProfileRow){ .path = "", .parent = -1 };
    p->n_rows = 1;
    p->row = 0;
    p->profiling = true;
}

void df_profile_pause(DfCtx *c, bool pause)
{
    struct DfCtxParts *p = c->parts;
    p->profiling = !pause && p->rows;
    p->row = p->profiling ? 0 : -1;
}

int df_profile_rows(const DfCtx *c, const DfProfileRow **rows)
{
    struct DfCtxParts *p = c->parts;
    if (p->n_rows) { /* the whole pass took as long as its outermost scopes */
        p->rows[0].seconds = 0;
        for (size_t i = 1; i < p->n_rows; i++)
            if (p->rows[i].parent == 0)
                p->rows[0].seconds += p->rows[i].seconds;
    }
    *rows = p->rows;
    return (int)p->n_rows;
}

void df_macs(DfCtx *c, DfMacs kind, double n)
{
    struct DfCtxParts *p = c->parts;
    for (int row = p->row; p->rows && row >= 0; row = p->rows[row].parent)
        p->rows[row].macs[kind] += n;
}
