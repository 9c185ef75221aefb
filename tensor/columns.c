/* SPDX-License-Identifier: Apache-2.0
 *
 * tensor/columns.c -- sums over the rows of a matrix, column by column, and rows scaled and shifted by column: the two
 * halves of batch norm and group norm, and the gradient of every broadcast.
 *
 * A task takes a block of rows and a block of columns. It adds RUN rows at a time in float32, and these sums in
 * float64; the sums of blocks are then added in order. So the result does not depend on the number of threads, and its
 * error hardly on the number of rows.
 */
#include "tensor/columns.h"

#include <string.h>


enum { RUN = 64, ROW_BLOCKS = 64, COLUMNS = 2048 };

typedef struct {
    DfColumn what;
    const DfPointwiseKernels *k;
    const float *a, *b, *mean;
    size_t rows, n, rows_per_block, column_blocks;
    double *partial; /* row blocks, n */
} Job;

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

static void add_row(const Job *j, float *sum, size_t row, size_t column, size_t n)
{
    const size_t at = row * j->n + column;
    switch (j->what) {
    case DF_COLUMN_SUM: j->k->add(sum, sum, j->a + at, n); break;
    case DF_COLUMN_PRODUCT: j->k->accumulate_product(sum, j->a + at, j->b + at, n); break;
    case DF_COLUMN_CENTRED: j->k->accumulate_centred(sum, j->a + at, j->b + at, j->mean + column, n); break;
    case DF_COLUMN_SQUARE: j->k->accumulate_square(sum, j->a + at, j->mean + column, n); break;
    }
}

static void sum_block(void *arg, size_t task, void *scratch)
{
    const Job *j = arg;
    const size_t block = task / j->column_blocks;
    const size_t column = task % j->column_blocks * COLUMNS;
    const size_t n = smaller(COLUMNS, j->n - column);
    const size_t end = smaller(j->rows, (block + 1) * j->rows_per_block);
    double *total = j->partial + block * j->n + column;
    float *sum = scratch;
    memset(total, 0, n * sizeof *total);
    for (size_t row = block * j->rows_per_block; row < end;) {
        memset(sum, 0, n * sizeof *sum);
        for (const size_t stop = smaller(end, row + RUN); row < stop; row++)
            add_row(j, sum, row, column, n);
        for (size_t i = 0; i < n; i++)
            total[i] += (double)sum[i];
    }
}

void df_columns(DfCtx *c, DfColumn what, double *out, const float *a, const float *b, const float *mean, size_t rows,
                size_t n)
{
    memset(out, 0, n * sizeof *out);
    if (rows == 0 || n == 0)
        return;
    const size_t fair = df_blocks(rows, ROW_BLOCKS);
    const size_t rows_per_block = fair > RUN ? fair : RUN;
    const size_t row_blocks = df_blocks(rows, rows_per_block);
    const size_t column_blocks = df_blocks(n, COLUMNS);
    Job job = { what, &c->k->pointwise, a, b, mean, rows, n, rows_per_block, column_blocks, NULL };
    job.partial = df_malloc(row_blocks * n * sizeof *job.partial);
    if (!job.partial) {
        df_ctx_fail(c, DF_ENOMEM, "out of memory for %zu column sums", n);
        return;
    }
    df_run(c, row_blocks * column_blocks, COLUMNS * sizeof(float), sum_block, &job);
    for (size_t block = 0; block < row_blocks && !c->err; block++)
        for (size_t i = 0; i < n; i++)
            out[i] += job.partial[block * n + i];
    df_free(job.partial);
}

void df_add_columns(DfCtx *c, DfColumn what, float *grad, const float *a, const float *b, size_t rows, size_t n)
{
    if (!grad)
        return;
    double *sums = df_malloc(n * sizeof *sums);
    if (!sums) {
        df_ctx_fail(c, DF_ENOMEM, "out of memory for %zu column sums", n);
        return;
    }
    df_columns(c, what, sums, a, b, NULL, rows, n);
    for (size_t i = 0; i < n; i++)
        grad[i] += (float)sums[i];
    df_free(sums);
}

/* ---- rows scaled and shifted by column -------------------------------------------------------------------------- */

typedef struct {
    float *y;
    const float *x, *g, *scale, *shift, *b, *mean;
    size_t n;
} Affine;

static void affine_range(void *arg, const DfPointwiseKernels *k, size_t from, size_t count)
{
    const Affine *j = arg;
    for (size_t i = from * j->n; i < (from + count) * j->n; i += j->n)
        k->affine(j->y + i, j->x + i, j->scale, j->shift, j->n);
}

void df_norm_line(float *scale, float *shift, const float *mean, const float *inverse, const DfTensor *weight,
                  const DfTensor *bias, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        scale[i] = df_at_or(weight, i, 1) * inverse[i];
        shift[i] = df_at_or(bias, i, 0) - mean[i] * scale[i];
    }
}

void df_affine_rows(DfCtx *c, float *y, const float *x, const float *scale, const float *shift, size_t rows, size_t n)
{
    Affine job = { .y = y, .x = x, .scale = scale, .shift = shift, .n = n };
    df_ranges(c, rows, df_at_least_1(DF_BLOCK / n), affine_range, &job);
}

static void affine_grad_range(void *arg, const DfPointwiseKernels *k, size_t from, size_t count)
{
    const Affine *j = arg;
    for (size_t i = from * j->n; i < (from + count) * j->n; i += j->n) {
        k->accumulate_product(j->y + i, j->g + i, j->scale, j->n);
        if (!j->b)
            continue;
        k->accumulate_centred(j->y + i, j->b, j->x + i, j->mean, j->n);
        k->add(j->y + i, j->y + i, j->shift, j->n);
    }
}

void df_affine_rows_grad(DfCtx *c, float *gx, const float *g, const float *x, const float *a, const float *b,
                         const float *mean, const float *shift, size_t rows, size_t n)
{
    Affine job = { .y = gx, .x = x, .g = g, .scale = a, .shift = shift, .b = b, .mean = mean, .n = n };
    df_ranges(c, rows, df_at_least_1(DF_BLOCK / n), affine_grad_range, &job);
}
