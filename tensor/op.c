/* SPDX-License-Identifier: Apache-2.0
 *
 * tensor/op.c -- helpers that ops share: error messages, division into blocks, copying rows.
 */
#include "tensor/op.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

DfShapeText df_shape_text(DfShape shape)
{
    DfShapeText out = { "scalar" };
    size_t used = 0;
    for (int i = 0; i < shape.n && used < sizeof out.text; i++) {
        const int n = snprintf(out.text + used, sizeof out.text - used, "%s%d", i ? " " : "", shape.d[i]);
        used += n > 0 ? (size_t)n : 0;
    }
    return out;
}

DfShapeText df_tensor_text(const DfTensor *x)
{
    return x ? df_shape_text(x->shape) : (DfShapeText){ "none" };
}

DfTensor *df_refuse(DfCtx *c, const char *format, ...)
{
    char sentence[400];
    va_list args;
    va_start(args, format);
    df_vsnprintf(sentence, sizeof sentence, format, args);
    va_end(args);
    df_ctx_fail(c, DF_ESHAPE, "%s", sentence);
    return &c->nil;
}

void df_check(DfCtx *c, int error)
{
    if (error)
        df_ctx_fail(c, error, "%s", df_error());
}

void df_note(DfCtx *c, DfTensor *y, const void *note, size_t size)
{
    void *kept = df_taped(y) ? df_save(c, y, size) : NULL;
    if (kept)
        memcpy(kept, note, size);
}

int df_axis(const DfTensor *x, int dim)
{
    const int n = x->shape.n;
    const int axis = dim < 0 ? dim + n : dim;
    return axis >= 0 && axis < n ? axis : -1;
}

void df_run(DfCtx *c, size_t tasks, size_t scratch, DfTask *run, void *arg)
{
    const int error = c->err ? c->err : df_parallel(c->pool, tasks, scratch, run, arg);
    if (error < 0 && !c->err)
        df_ctx_fail(c, error, "%s", df_error());
}

/* ---- ranges ----------------------------------------------------------------------------------------------------- */

typedef struct {
    const DfPointwiseKernels *k;
    DfRange *run;
    void *arg;
    size_t n, block;
} Ranges;

static void run_range(void *arg, size_t task, void *scratch)
{
    const Ranges *r = arg;
    const size_t from = task * r->block, left = r->n - from;
    (void)scratch;
    r->run(r->arg, r->k, from, left < r->block ? left : r->block);
}

void df_ranges(DfCtx *c, size_t n, size_t block, DfRange *run, void *arg)
{
    Ranges ranges = { &c->k->pointwise, run, arg, n, block };
    df_run(c, df_blocks(n, block), 0, run_range, &ranges);
}

/* ---- rows ------------------------------------------------------------------------------------------------------- */

typedef struct {
    float *y;
    const float *x;
    size_t ldy, ldx, n;
} Rows;

static void copy_range(void *arg, const DfPointwiseKernels *k, size_t from, size_t count)
{
    const Rows *r = arg;
    (void)k;
    for (size_t i = from; i < from + count; i++)
        memcpy(r->y + i * r->ldy, r->x + i * r->ldx, r->n * sizeof *r->y);
}

static void add_range(void *arg, const DfPointwiseKernels *k, size_t from, size_t count)
{
    const Rows *r = arg;
    for (size_t i = from; i < from + count; i++)
        k->add(r->y + i * r->ldy, r->y + i * r->ldy, r->x + i * r->ldx, r->n);
}

static void run_rows(DfCtx *c, DfRange *run, Rows r, size_t rows)
{
    if (r.n == 0 || rows == 0)
        return;
    if (rows == 1 || (r.ldy == r.n && r.ldx == r.n)) { /* one long row: cut it up, and leave its end for last */
        const size_t n = rows * r.n, whole = n / DF_BLOCK;
        Rows cut = { r.y, r.x, DF_BLOCK, DF_BLOCK, DF_BLOCK };
        Rows rest = { r.y + whole * DF_BLOCK, r.x + whole * DF_BLOCK, 0, 0, n - whole * DF_BLOCK };
        df_ranges(c, whole, 1, run, &cut);
        run(&rest, &c->k->pointwise, 0, 1);
        return;
    }
    df_ranges(c, rows, df_at_least_1(DF_BLOCK / r.n), run, &r);
}

void df_copy_rows(DfCtx *c, float *y, size_t ldy, const float *x, size_t ldx, size_t rows, size_t n)
{
    run_rows(c, copy_range, (Rows){ y, x, ldy, ldx, n }, rows);
}

void df_add_rows(DfCtx *c, float *y, size_t ldy, const float *x, size_t ldx, size_t rows, size_t n)
{
    run_rows(c, add_range, (Rows){ y, x, ldy, ldx, n }, rows);
}
