/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/conv/conv_weight_grad.c -- w += dL/dw: with the patches P of x as rows (one for each pixel of the result),
 * dW += dY' P.
 *
 * This is a product with a long sum (all pixels) and a small result (the weight). P never exists as a whole: a task
 * gathers GRAD_ROWS of its rows at a time, and only some columns of them, and adds their product. Tasks that share
 * columns divide the pixels among them. Each of them except the first sums into a gradient of its own, and these are
 * added in a fixed order.
 */
#include "kernels/conv/patches.h"
#include "kernels/gemm/parts.h"

enum {
    GRAD_TASKS = 8,    /* below this many, pixels are divided, too            */
    GRAD_ROWS = 192,   /* rows of patches that are gathered at once: ...      */
    GRAD_COLUMNS = 512 /* ... by so many columns at most they make 384 KiB    */
};

/* The columns of a group are cut into chunks: some runs, or some channels of one run. */
typedef struct {
    const DfKernels *k;
    const DfConvShape *s;
    DfPatches patches;
    const float *dy;      /* rows O                                       */
    size_t rows, pieces;  /* pixels of the result, cut into pieces        */
    size_t groups, chunks;
    size_t runs, parts;   /* runs of a chunk, parts of a run's channels   */
    size_t size;          /* floats of the weight                         */
    float *dw;
    float *partial;       /* pieces - 1 gradients                         */
} WeightGrad;

/* *column: where the chunk begins in a row of the weight. */
static DfPatches chunk_of(const WeightGrad *a, size_t group, size_t chunk, size_t *column)
{
    DfPatches p = a->patches;
    const size_t run = chunk / a->parts * a->runs;
    const size_t part = chunk % a->parts;
    const size_t length = (size_t)p.runs->length;
    const size_t c0 = df_cut(p.channels, a->parts, part);
    const size_t c1 = df_cut(p.channels, a->parts, part + 1);
    *column = run * length * p.channels + c0;
    p.runs += run;
    p.n_runs = df_smaller(p.n_runs - run, a->runs);
    p.c0 = group * p.channels + c0;
    p.channels = c1 - c0;
    p.k = p.n_runs * length * p.channels;
    return p;
}

static size_t gathered(size_t columns) /* floats, so that what follows is aligned */
{
    return df_ceil_div(GRAD_ROWS * columns, DF_PANEL) * DF_PANEL;
}

static void weight_grad_task(void *arg, size_t task, void *scratch)
{
    const WeightGrad *a = arg;
    const size_t piece = task % a->pieces;
    const size_t chunk = task / a->pieces % a->chunks;
    const size_t group = task / a->pieces / a->chunks;
    const size_t begin = df_cut(a->rows, a->pieces, piece);
    const size_t all = df_cut(a->rows, a->pieces, piece + 1) - begin;
    const size_t steps = df_ceil_div(all, GRAD_ROWS);
    const size_t O = (size_t)a->s->O;
    const size_t n = O / a->groups;
    size_t column;
    const DfPatches p = chunk_of(a, group, chunk, &column);
    float *const patches = scratch;
    float *const sum = piece ? a->partial + (piece - 1) * a->size : a->dw;
    for (size_t step = 0; step < steps; step++) {
        const size_t row = begin + df_cut(all, steps, step);
        const size_t rows = begin + df_cut(all, steps, step + 1) - row;
        df_patches_gather(&p, row, rows, patches);
        const DfProduct product = { /* n x k += (rows x n)' (rows x k) */
            .transpose_a = true, .M = n, .N = p.k, .K = rows, .alpha = 1, .beta = piece && step == 0 ? 0 : 1,
            .a = a->dy + row * O + group * n, .lda = O, .b = patches, .ldb = p.k,
            .c = sum + group * n * a->patches.k + column, .ldc = a->patches.k,
        };
        df_product_alone(a->k, &product, patches + gathered(p.k));
    }
}

static void add_pieces(void *arg, size_t o, void *scratch)
{
    const WeightGrad *a = arg;
    const size_t n = a->patches.k;
    (void)scratch;
    for (size_t piece = 1; piece < a->pieces; piece++)
        a->k->pointwise.accumulate(a->dw + o * n, a->partial + (piece - 1) * a->size + o * n, 1, n);
}

/* Returns the scratch of a task. */
static size_t cut_weight_grad(WeightGrad *a)
{
    const size_t run = (size_t)a->patches.runs->length * a->patches.channels; /* floats */
    const size_t fitting = GRAD_COLUMNS / run;
    a->parts = df_ceil_div(run, GRAD_COLUMNS); /* 1 if taps are joined */
    a->runs = fitting ? fitting : 1;
    a->chunks = df_ceil_div(a->patches.n_runs, a->runs) * a->parts;
    a->pieces = df_smaller(df_ceil_div(GRAD_TASKS, a->chunks * a->groups), df_ceil_div(a->rows, GRAD_ROWS));
    const DfProduct largest = {
        .M = (size_t)a->s->O / a->groups, .N = fitting ? a->runs * run : df_ceil_div(run, a->parts), .K = GRAD_ROWS,
    };
    return gathered(largest.N) * sizeof(float) + df_product_scratch(&largest);
}

static int run_pieces(DfPool *pool, WeightGrad *a, size_t scratch)
{
    a->partial = df_malloc((a->pieces - 1) * a->size * sizeof *a->partial);
    if (!a->partial)
        return df_fail_memory("partial gradients");
    int error = df_parallel(pool, a->groups * a->chunks * a->pieces, scratch, weight_grad_task, a);
    if (!error && a->pieces > 1)
        error = df_parallel(pool, (size_t)a->s->O, 0, add_pieces, a);
    df_free(a->partial);
    return error;
}

int df_conv_weight_grad(DfPool *pool, const DfKernels *k, const DfConvShape *s, const float *x, const float *dy,
                        float *dw)
{
    const size_t rows = df_conv_outputs(s);
    const size_t O = (size_t)s->O;
    const size_t I = (size_t)s->I;
    if (!rows || !O || !I)
        return DF_OK;
    if (df_conv_is_product(s))
        return df_gemm(pool, k, true, false, O, I, rows, 1, dy, O, x, I, 1, dw, I);
    DfRun *runs = df_conv_runs_new(s);
    if (!runs)
        return df_fail_memory("the taps of a convolution");
    WeightGrad a = { .k = k, .s = s, .dy = dy,
                     .patches = df_conv_patches(s, x, sizeof *x, runs, df_conv_runs(s, GRAD_COLUMNS, runs)),
                     .rows = rows, .groups = (size_t)s->groups, .dw = dw };
    const size_t scratch = cut_weight_grad(&a);
    a.size = O * a.patches.k;
    const int error = run_pieces(pool, &a, scratch);
    df_free(runs);
    return error;
}
