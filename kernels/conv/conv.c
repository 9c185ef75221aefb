/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/conv/conv.c -- convolutions as products: the patches that some pixels see are gathered into rows, a few at a time, and
 * multiplied by the packed weight. The transposed convolution is the same thing with other taps: pixels of equal phase (x mod
 * stride) see the same taps of the small map, so every phase is a plain convolution of stride 1.
 */
#include <string.h>

#include "kernels/conv/parts.h"

/* ---- gathering patches ------------------------------------------------------------------------------------------- */

typedef struct {
    int dy, dx;  /* of the first tap, from step * position */
    int length;  /* taps side by side, read as one run      */
} Run;

/* Rows of patches: for every position (n, jy, jx) the taps' `channels` floats from channel c0 on. */
typedef struct {
    const float *x;
    int H, W, jH, jW, step_y, step_x;
    size_t C, c0, channels, k; /* k: floats of a row */
    const Run *runs;
    size_t n_runs;
} Patches;

static size_t put_zeros(float *out, size_t n)
{
    memset(out, 0, n * sizeof *out);
    return n;
}

/* Part of a run may lie outside the map, left or right of it. */
static size_t gather_run(const Patches *p, const float *image, int y, int x, int length, float *out)
{
    const int first = x < 0 ? -x : 0, end = p->W - x < length ? p->W - x : length;
    if (y < 0 || y >= p->H || first >= end)
        return put_zeros(out, (size_t)length * p->channels);
    size_t n = put_zeros(out, (size_t)first * p->channels);
    const size_t inside = (size_t)(end - first) * p->channels;
    memcpy(out + n, image + ((size_t)y * (size_t)p->W + (size_t)(x + first)) * p->C + p->c0, inside * sizeof *out);
    n += inside;
    return n + put_zeros(out + n, (size_t)(length - end) * p->channels);
}

static void gather(const Patches *p, size_t row, size_t rows, float *out)
{
    const size_t per_image = (size_t)p->jH * (size_t)p->jW;
    for (size_t r = row; r < row + rows; r++) {
        const int jy = (int)(r % per_image / (size_t)p->jW), jx = (int)(r % (size_t)p->jW);
        const float *image = p->x + r / per_image * (size_t)p->H * (size_t)p->W * p->C;
        for (size_t i = 0; i < p->n_runs; i++)
            out += gather_run(p, image, jy * p->step_y + p->runs[i].dy, jx * p->step_x + p->runs[i].dx, p->runs[i].length, out);
    }
}

/* The taps of a convolution; side by side ones are one run if nothing lies between them, and if it has at most `longest` floats. */
static size_t conv_runs(const DfConvShape *s, size_t longest, Run *runs)
{
    const bool joined = s->dilation[1] == 1 && s->groups == 1 && (size_t)s->kw * (size_t)s->I <= longest;
    size_t n = 0;
    for (int ky = 0; ky < s->kh; ky++)
        for (int kx = 0; kx < s->kw; kx += joined ? s->kw : 1)
            runs[n++] = (Run){ ky * s->dilation[0] - s->padding[0], kx * s->dilation[1] - s->padding[1], joined ? s->kw : 1 };
    return n;
}

static Patches conv_patches(const DfConvShape *s, const float *x, const Run *runs, size_t n_runs)
{
    const size_t channels = (size_t)(s->I / s->groups);
    return (Patches){ .x = x, .H = s->H, .W = s->W, .jH = s->oH, .jW = s->oW, .step_y = s->stride[0], .step_x = s->stride[1],
                      .C = (size_t)s->I, .channels = channels, .k = (size_t)s->kh * (size_t)s->kw * channels, .runs = runs, .n_runs = n_runs };
}

static Run *new_runs(const DfConvShape *s)
{
    return df_malloc((size_t)s->kh * (size_t)s->kw * sizeof(Run));
}

static size_t outputs(const DfConvShape *s)
{
    return (size_t)s->N * (size_t)s->oH * (size_t)s->oW;
}

static bool is_plain_product(const DfConvShape *s)
{
    return s->kh == 1 && s->kw == 1 && s->stride[0] == 1 && s->stride[1] == 1 && s->padding[0] == 0 && s->padding[1] == 0 && s->groups == 1;
}

/* ---- forward ----------------------------------------------------------------------------------------------------- */

enum { PATCH_BYTES = 192 << 10, MOST_ROWS = 96, TASKS = 24 };

typedef struct {
    const DfKernels *k;
    Patches patches;
    const DfPacked *w;
    size_t rows, blocks, groups, column_tasks; /* rows cut into blocks */
    float *y;
    size_t ldy;
    DfEpilogue e;
} Forward;

static size_t rows_at_once(size_t k)
{
    const size_t rows = PATCH_BYTES / sizeof(float) / (k ? k : 1) / 6 * 6;
    return rows < 12 ? 12 : rows > MOST_ROWS ? MOST_ROWS : rows;
}

static void forward_task(void *arg, size_t task, void *scratch)
{
    const Forward *a = arg;
    const size_t block = task % a->blocks, part = task / a->blocks % a->column_tasks, group = task / a->blocks / a->column_tasks;
    const size_t row = df_cut(a->rows, a->blocks, block), rows = df_cut(a->rows, a->blocks, block + 1) - row;
    const DfPanels b = df_packed_panels(a->w, group);
    const size_t width = (size_t)a->k->gemm.tile_n, tiles = df_ceil_div(b.n, width);
    const size_t n0 = df_cut(tiles, a->column_tasks, part) * width, end = df_cut(tiles, a->column_tasks, part + 1) * width;
    const DfEpilogue e = df_epilogue_at(&a->e, row, a->ldy, group * b.n);
    Patches p = a->patches;
    p.c0 = group * p.channels;
    gather(&p, row, rows, scratch);
    df_gemm_rows(&a->k->gemm, rows, scratch, p.k, b, n0, end < b.n ? end : b.n, a->y + row * a->ldy + group * b.n, a->ldy, &e, NULL);
}

static int by_patches(DfPool *pool, const DfKernels *k, const DfConvShape *s, const float *x, const DfPacked *w, float *y, DfEpilogue e)
{
    Run *runs = new_runs(s);
    if (!runs)
        return df_fail_memory("the taps of a convolution");
    Forward a = { .k = k, .patches = conv_patches(s, x, runs, conv_runs(s, SIZE_MAX, runs)), .w = w, .rows = outputs(s), .groups = (size_t)s->groups,
                  .y = y, .ldy = (size_t)s->O, .e = e };
    const size_t tiles = df_ceil_div((size_t)(s->O / s->groups), (size_t)k->gemm.tile_n);
    a.blocks = df_ceil_div(a.rows, rows_at_once(a.patches.k));
    const size_t wanted = df_ceil_div(TASKS, a.blocks * a.groups);
    a.column_tasks = wanted < tiles ? wanted : tiles;
    const size_t scratch = df_ceil_div(a.rows, a.blocks) * a.patches.k * sizeof(float);
    const int error = df_parallel(pool, a.blocks * a.column_tasks * a.groups, scratch, forward_task, &a);
    df_free(runs);
    return error;
}

int df_conv_forward(DfPool *pool, const DfKernels *k, const DfConvShape *s, const float *x, const DfPacked *w, float *y, DfEpilogue e)
{
    if (!outputs(s) || !s->O)
        return DF_OK;
    if (df_packed_kind(w) == DF_PACK_WINOGRAD)
        return df_conv_winograd(pool, k, s, x, w, y, e);
    if (is_plain_product(s))
        return df_gemm_packed(pool, k, outputs(s), x, (size_t)s->I, w, y, (size_t)s->O, e);
    return by_patches(pool, k, s, x, w, y, e);
}

/* ---- transposed -------------------------------------------------------------------------------------------------- */

typedef struct {
    const DfKernels *k;
    const DfConvShape *s;
    Patches patches;    /* of y; positions are pixels of one phase */
    const DfPacked *w;  /* NULL if the phase has no taps           */
    size_t rows, blocks;
    int py, px;         /* the phase */
    const float *bias;
    float *x;
} Transposed;

static float *pixel_of(const Transposed *a, size_t r)
{
    const DfConvShape *s = a->s;
    const size_t jW = (size_t)a->patches.jW, per_image = (size_t)a->patches.jH * jW;
    const size_t n = r / per_image, y = r % per_image / jW * (size_t)s->stride[0] + (size_t)a->py;
    const size_t x = r % jW * (size_t)s->stride[1] + (size_t)a->px;
    return a->x + ((n * (size_t)s->H + y) * (size_t)s->W + x) * (size_t)s->I;
}

static void transposed_task(void *arg, size_t block, void *scratch)
{
    const Transposed *a = arg;
    const DfPointwiseKernels *k = &a->k->pointwise;
    const size_t row = df_cut(a->rows, a->blocks, block), rows = df_cut(a->rows, a->blocks, block + 1) - row;
    const size_t I = (size_t)a->s->I, groups = (size_t)a->s->groups, n = I / groups;
    float *patches = scratch, *product = patches + rows * a->patches.k;
    for (size_t group = 0; a->w && group < groups; group++) {
        Patches p = a->patches;
        p.c0 = group * p.channels;
        gather(&p, row, rows, patches);
        df_gemm_rows(&a->k->gemm, rows, patches, p.k, df_packed_panels(a->w, group), 0, n, product, n, &(DfEpilogue){ 0 }, NULL);
        for (size_t r = 0; r < rows; r++)
            k->accumulate(pixel_of(a, row + r) + group * n, product + r * n, 1, n);
    }
    for (size_t r = 0; a->bias && r < rows; r++)
        k->accumulate(pixel_of(a, row + r), a->bias, 1, I);
}

/* Weight rows (tap, o) of the taps of one phase, for every group. `taps` has their numbers. */
static DfPacked *pack_phase(const DfConvShape *s, const float *w, const size_t *taps, size_t n_taps)
{
    const size_t groups = (size_t)s->groups, O = (size_t)s->O / groups, I = (size_t)s->I / groups, all = (size_t)s->kh * (size_t)s->kw;
    DfPacked *p = df_packed_new(DF_PACK_GEMM, groups, n_taps * O, I);
    for (size_t group = 0; p && group < groups; group++)
        for (size_t t = 0; t < n_taps; t++)
            df_packed_fill(p, group, t * O, O, w + (group * O * all + taps[t]) * I, all * I, 1);
    return p;
}

/* Taps that reach phase (py, px), and where from: y = (py + padding - ky dilation) / stride + jy. */
static size_t phase_taps(const DfConvShape *s, int py, int px, Run *runs, size_t *taps)
{
    size_t n = 0;
    for (int ky = 0; ky < s->kh; ky++)
        for (int kx = 0; kx < s->kw; kx++) {
            const int y = py + s->padding[0] - ky * s->dilation[0], x = px + s->padding[1] - kx * s->dilation[1];
            if (y % s->stride[0] || x % s->stride[1])
                continue;
            taps[n] = (size_t)(ky * s->kw + kx);
            runs[n++] = (Run){ y / s->stride[0], x / s->stride[1], 1 };
        }
    return n;
}

static int transposed_phase(DfPool *pool, Transposed a, const float *w, Run *runs, size_t *taps)
{
    const DfConvShape *s = a.s;
    const size_t n_taps = phase_taps(s, a.py, a.px, runs, taps), O = (size_t)(s->O / s->groups);
    a.patches.runs = runs;
    a.patches.n_runs = n_taps;
    a.patches.k = n_taps * O;
    a.patches.jH = (s->H - a.py + s->stride[0] - 1) / s->stride[0];
    a.patches.jW = (s->W - a.px + s->stride[1] - 1) / s->stride[1];
    a.rows = (size_t)s->N * (size_t)a.patches.jH * (size_t)a.patches.jW;
    if (!a.rows || (!n_taps && !a.bias))
        return DF_OK;
    DfPacked *packed = n_taps ? pack_phase(s, w, taps, n_taps) : NULL;
    if (n_taps && !packed)
        return df_fail_memory("packed weights");
    a.w = packed;
    a.blocks = df_ceil_div(a.rows, rows_at_once(a.patches.k));
    const size_t most = df_ceil_div(a.rows, a.blocks);
    const int error = df_parallel(pool, a.blocks, most * (a.patches.k + (size_t)(s->I / s->groups)) * sizeof(float), transposed_task, &a);
    df_packed_free(packed);
    return error;
}

/* dL/dx of a Winograd convolution is one itself, with the filters turned around: I 3 3 O. */
static int transposed_winograd(DfPool *pool, const DfKernels *k, const DfConvShape *turned, const float *y, const float *w, const float *bias,
                               float *x)
{
    const size_t I = (size_t)turned->O, O = (size_t)turned->I;
    float *flipped = df_malloc(I * 9 * O * sizeof *flipped);
    if (!flipped)
        return df_fail_memory("a turned weight");
    for (size_t tap = 0; tap < 9; tap++)
        k->pointwise.transpose(flipped + (8 - tap) * O, 9 * O, w + tap * I, 9 * I, O, I);
    DfPacked *packed = NULL;
    int error = df_pack_winograd(&packed, pool, flipped, I, O);
    if (!error)
        error = df_conv_winograd(pool, k, turned, y, packed, x, (DfEpilogue){ .bias = bias, .residual = x });
    df_packed_free(packed);
    df_free(flipped);
    return error;
}

int df_conv_transposed(DfPool *pool, const DfKernels *k, const DfConvShape *s, const float *y, const float *w, const float *bias, float *x)
{
    DfConvShape turned = *s; /* of stride 1, that is: what a Winograd convolution has to be */
    turned.H = s->oH, turned.W = s->oW, turned.I = s->O;
    turned.oH = s->H, turned.oW = s->W, turned.O = s->I;
    turned.padding[0] = 2 - s->padding[0], turned.padding[1] = 2 - s->padding[1];
    if (df_conv_prefers_winograd(&turned))
        return transposed_winograd(pool, k, &turned, y, w, bias, x);
    const size_t all = (size_t)s->kh * (size_t)s->kw;
    Run *runs = new_runs(s);
    size_t *taps = df_malloc(all * sizeof *taps);
    int error = runs && taps ? DF_OK : df_fail_memory("the taps of a convolution");
    Transposed a = { .k = k, .s = s, .bias = bias, .x = x };
    a.patches = (Patches){ .x = y, .H = s->oH, .W = s->oW, .step_y = 1, .step_x = 1, .C = (size_t)s->O, .channels = (size_t)(s->O / s->groups) };
    for (a.py = 0; !error && a.py < s->stride[0]; a.py++)
        for (a.px = 0; !error && a.px < s->stride[1]; a.px++)
            error = transposed_phase(pool, a, w, runs, taps);
    df_free(taps);
    df_free(runs);
    return error;
}

/* ---- the weight's gradient --------------------------------------------------------------------------------------- */

enum { GRAD_TASKS = 8, GRAD_ROWS = 192, GRAD_COLUMNS = 512 };

/* The columns of a group are cut into chunks: some runs, or some channels of one run. The pixels are cut into pieces, if there are few
 * chunks: every piece but the first sums into a gradient of its own, and these are added in order. */
typedef struct {
    const DfKernels *k;
    const DfConvShape *s;
    Patches patches;
    const float *dy;
    size_t rows, pieces, groups, chunks, runs, parts; /* runs of a chunk, parts of a run's channels */
    size_t size;                                      /* floats of the weight                       */
    float *dw, *partial;
} WeightGrad;

/* Says where the chunk begins in a row of the weight. */
static Patches chunk_of(const WeightGrad *a, size_t group, size_t chunk, size_t *column)
{
    Patches p = a->patches;
    const size_t run = chunk / a->parts * a->runs, part = chunk % a->parts, left = p.n_runs - run, length = (size_t)p.runs->length;
    const size_t c0 = df_cut(p.channels, a->parts, part), c1 = df_cut(p.channels, a->parts, part + 1);
    *column = run * length * p.channels + c0;
    p.runs += run;
    p.n_runs = left < a->runs ? left : a->runs;
    p.c0 = group * p.channels + c0;
    p.channels = c1 - c0;
    p.k = p.n_runs * length * p.channels;
    return p;
}

static size_t gathered(size_t columns)
{
    return df_ceil_div(GRAD_ROWS * columns, DF_PANEL) * DF_PANEL;
}

static void weight_grad_task(void *arg, size_t task, void *scratch)
{
    const WeightGrad *a = arg;
    const size_t piece = task % a->pieces, chunk = task / a->pieces % a->chunks, group = task / a->pieces / a->chunks;
    const size_t begin = df_cut(a->rows, a->pieces, piece), all = df_cut(a->rows, a->pieces, piece + 1) - begin, steps = df_ceil_div(all, GRAD_ROWS);
    const size_t O = (size_t)a->s->O, n = O / a->groups;
    size_t column;
    const Patches p = chunk_of(a, group, chunk, &column);
    float *const patches = scratch, *const sum = piece ? a->partial + (piece - 1) * a->size : a->dw;
    for (size_t step = 0; step < steps; step++) {
        const size_t row = begin + df_cut(all, steps, step), rows = begin + df_cut(all, steps, step + 1) - row;
        gather(&p, row, rows, patches);
        const DfProduct product = { .transpose_a = true, .M = n, .N = p.k, .K = rows, .alpha = 1, .beta = piece && step == 0 ? 0 : 1,
                                    .a = a->dy + row * O + group * n, .lda = O, .b = patches, .ldb = p.k,
                                    .c = sum + group * n * a->patches.k + column, .ldc = a->patches.k };
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
    const size_t C = a->patches.channels, run = (size_t)a->patches.runs->length * C, fitting = GRAD_COLUMNS / run;
    a->parts = df_ceil_div(run, GRAD_COLUMNS); /* 1 if taps are joined */
    a->runs = fitting ? fitting : 1;
    a->chunks = df_ceil_div(a->patches.n_runs, a->runs) * a->parts;
    const size_t wanted = df_ceil_div(GRAD_TASKS, a->chunks * a->groups), possible = df_ceil_div(a->rows, GRAD_ROWS);
    a->pieces = wanted < possible ? wanted : possible;
    const DfProduct largest = { .M = (size_t)a->s->O / a->groups, .N = fitting ? a->runs * run : df_ceil_div(run, a->parts), .K = GRAD_ROWS };
    return gathered(largest.N) * sizeof(float) + df_product_scratch(&largest);
}

int df_conv_weight_grad(DfPool *pool, const DfKernels *k, const DfConvShape *s, const float *x, const float *dy, float *dw)
{
    const size_t rows = outputs(s), O = (size_t)s->O, I = (size_t)s->I;
    if (!rows || !O || !I)
        return DF_OK;
    if (is_plain_product(s))
        return df_gemm(pool, k, true, false, O, I, rows, 1, dy, O, x, I, 1, dw, I);
    Run *runs = new_runs(s);
    if (!runs)
        return df_fail_memory("the taps of a convolution");
    WeightGrad a = { .k = k, .s = s, .patches = conv_patches(s, x, runs, conv_runs(s, GRAD_COLUMNS, runs)), .dy = dy, .rows = rows,
                     .groups = (size_t)s->groups, .dw = dw };
    const size_t scratch = cut_weight_grad(&a);
    a.size = O * a.patches.k;
    a.partial = df_malloc((a.pieces - 1) * a.size * sizeof *a.partial);
    int error = a.partial ? df_parallel(pool, a.groups * a.chunks * a.pieces, scratch, weight_grad_task, &a) : df_fail_memory("partial gradients");
    if (!error && a.pieces > 1)
        error = df_parallel(pool, O, 0, add_pieces, &a);
    df_free(a.partial);
    df_free(runs);
    return error;
}
