/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/gemm/changing.c -- products of two matrices that both change, as in backward passes: packing is part of the
 * product.
 *
 * A task computes a part of the result, block by block of k. It packs a block of b into panels, as weights are packed
 * (pack.c), which stay in the second-level cache (Goto and van de Geijn, ACM TOMS 2008). It multiplies them by some
 * rows of a at a time, transposed if necessary; the inner loop runs along a row of the result, so that the rows of a
 * tile stay in the first-level cache. Meanwhile the next rows are prefetched.
 *
 * Small results of long sums (weight gradients) are divided along k, too: every piece sums into a result of its own,
 * and these results are added in order. The division depends on the sizes alone.
 */
#include <string.h>

#include "kernels/gemm/parts.h"

enum {
    K_BLOCK = 320,       /* a tile's rows of one block of a: 15 KiB                                           */
    ROWS = 96,           /* rows of a in one step                                                             */
    SIDE = 512,          /* most columns of a block of b, 640 KiB; most rows and columns of a task            */
    TASKS = 16,          /* below this many tasks, they are made smaller, ...                                 */
    TASK_WORK = 1 << 18, /* ... unless they would have fewer multiply-adds than this, ...                     */
    LEAST_SIDE = 96,     /* ... or fewer rows or columns than this: packing would cost too much               */
    K_PIECE = 512,       /* least length of a piece of k                                                      */
    STRIP = 16,          /* rows that are transposed side by side                                             */
    AHEAD = 8            /* prefetch rows of b this many rows before they are copied                          */
};

/* As df_cut(), but parts end at multiples of `side`. */
static size_t cut_tiles(size_t n, size_t side, size_t parts, size_t i)
{
    return df_smaller(df_cut(df_ceil_div(n, side), parts, i) * side, n);
}

/* ---- steps ------------------------------------------------------------------------------------------------------ */

/* Some rows of op(a) in one block of k. In memory they are `runs` runs of `length` floats: rows of a, or columns if a
 * is transposed. */
typedef struct {
    size_t k0, depth; /* the block        */
    size_t row, rows;
    const float *a;   /* its first number */
    size_t lda, runs, length;
} Step;

static size_t blocks_of(const DfProduct *p)
{
    return p->K ? df_ceil_div(p->K, K_BLOCK) : 1;
}

static Step step_at(const DfKernels *k, const DfProduct *p, size_t block, size_t part)
{
    const size_t parts = df_ceil_div(p->M, ROWS);
    const size_t tile = (size_t)k->gemm.tile_m;
    Step s = { .k0 = df_cut(p->K, blocks_of(p), block), .row = cut_tiles(p->M, tile, parts, part), .lda = p->lda };
    s.depth = df_cut(p->K, blocks_of(p), block + 1) - s.k0;
    s.rows = cut_tiles(p->M, tile, parts, part + 1) - s.row;
    s.a = p->a + (p->transpose_a ? s.k0 * p->lda + s.row : s.row * p->lda + s.k0);
    s.runs = p->transpose_a ? s.depth : s.rows;
    s.length = p->transpose_a ? s.rows : s.depth;
    return s;
}

/* ---- packing ---------------------------------------------------------------------------------------------------- */

/* The distance between panels, and between rows of a copy: a little more than their length, so that they do not share
 * cache sets. */
static size_t panel_distance(size_t depth)
{
    return (depth + 1) * DF_PANEL;
}

static size_t row_distance(size_t depth)
{
    return df_ceil_div(depth, DF_PANEL) * DF_PANEL + DF_ROW_PAD;
}

static size_t panels_size(const DfProduct *p)
{
    return df_ceil_div(df_smaller(p->N, SIDE), DF_PANEL) * panel_distance(df_smaller(p->K, K_BLOCK));
}

size_t df_product_scratch(const DfProduct *p)
{
    return (panels_size(p) + df_smaller(p->M, ROWS) * row_distance(df_smaller(p->K, K_BLOCK))) * sizeof(float);
}

/* Packs `depth` rows and n columns of b, row by row. */
static void pack_rows(const DfGemmKernels *k, const float *b, size_t ldb, size_t depth, size_t n, float *panels)
{
    const size_t whole = n / DF_PANEL * DF_PANEL;
    const size_t rest = n - whole;
    if (rest)
        memset(panels + whole / DF_PANEL * panel_distance(depth), 0, depth * DF_PANEL * sizeof *panels);
    for (size_t i = 0; i < depth; i++) {
        const float *row = b + i * ldb;
        float *to = panels + i * DF_PANEL;
        if (i + AHEAD < depth)
            k->fetch(row + AHEAD * ldb, n);
        for (size_t j = 0; j < whole; j += DF_PANEL, to += panel_distance(depth))
            memcpy(to, row + j, DF_PANEL * sizeof *to);
        for (size_t j = 0; j < rest; j++)
            to[j] = row[whole + j];
    }
}

/* Packs a transposed b, which has n rows and `depth` columns. */
static void pack_columns(const DfPointwiseKernels *k, const float *b, size_t ldb, size_t depth, size_t n, float *panels)
{
    for (size_t j = 0; j < n; j += DF_PANEL, panels += panel_distance(depth)) {
        const size_t columns = df_smaller(n - j, DF_PANEL);
        if (columns < DF_PANEL)
            memset(panels, 0, depth * DF_PANEL * sizeof *panels);
        k->transpose(panels, DF_PANEL, b + j * ldb, ldb, columns, depth);
    }
}

static DfPanels pack_b(const DfKernels *k, const DfProduct *p, Step s, size_t n0, size_t n, float *panels)
{
    if (p->transpose_b)
        pack_columns(&k->pointwise, p->b + n0 * p->ldb + s.k0, p->ldb, s.depth, n, panels);
    else
        pack_rows(&k->gemm, p->b + s.k0 * p->ldb + n0, p->ldb, s.depth, n, panels);
    for (size_t j = 0; p->alpha != 1 && j < n; j += DF_PANEL) {
        float *panel = panels + j / DF_PANEL * panel_distance(s.depth);
        k->pointwise.scale(panel, panel, p->alpha, s.depth * DF_PANEL);
    }
    return (DfPanels){ panels, s.depth, n, panel_distance(s.depth), .turned = false };
}

static void transpose_a(const DfKernels *k, Step s, float *to)
{
    const size_t ld = row_distance(s.depth);
    for (size_t i = 0; i < s.runs; i += STRIP) {
        for (size_t next = i + STRIP; next < s.runs && next < i + 2 * STRIP; next++)
            k->gemm.fetch(s.a + next * s.lda, s.length);
        k->pointwise.transpose(to + i, ld, s.a + i * s.lda, s.lda, df_smaller(s.runs - i, STRIP), s.length);
    }
}

/* Makes rows of a readable for tiles: points at them where they are, or copies or transposes them to `to`. */
static void pack_a(const DfKernels *k, bool transposed, Step *s, float *to)
{
    if (transposed)
        transpose_a(k, *s, to);
    else if (s->lda >= DF_FAR_APART)
        for (size_t i = 0; i < s->rows; i++)
            memcpy(to + i * row_distance(s->depth), s->a + i * s->lda, s->depth * sizeof *to);
    else
        return;
    s->a = to;
    s->lda = row_distance(s->depth);
}

/* ---- on one thread ---------------------------------------------------------------------------------------------- */

/* c = a b, or c += a b. The inner loop runs over columns: a tile's rows of a stay in the first-level cache, and the
 * panels come from the second. Rows are divided evenly among tiles, and so is prefetching of the next step. */
static void multiply(const DfGemmKernels *k, Step s, DfPanels b, float *c, size_t ldc, bool adds, Step next)
{
    const size_t width = (size_t)k->tile_n;
    const size_t tiles = df_ceil_div(s.rows, (size_t)k->tile_m);
    const size_t each = df_ceil_div(next.runs, tiles * df_ceil_div(b.n, width));
    for (size_t t = 0; t < tiles; t++) {
        const size_t row = df_cut(s.rows, tiles, t);
        const size_t rows = df_cut(s.rows, tiles, t + 1) - row;
        for (size_t j = 0; j < b.n; j += width) {
            float *y = c + row * ldc + j;
            const DfEpilogue e = { .residual = adds ? y : NULL };
            for (size_t i = 0; i < each && next.runs; i++, next.runs--, next.a += next.lda)
                k->fetch(next.a, next.length);
            k->tile((int)rows, (int)df_smaller(b.n - j, width), b.k, s.a + row * s.lda, s.lda,
                    b.data + j / DF_PANEL * b.panel, b.panel, y, ldc, true, true, &e);
        }
    }
}

static Step step_after(const DfKernels *k, const DfProduct *p, size_t block, size_t part)
{
    if (part + 1 < df_ceil_div(p->M, ROWS))
        return step_at(k, p, block, part + 1);
    return block + 1 < blocks_of(p) ? step_at(k, p, block + 1, 0) : (Step){ 0 };
}

/* Adds the product of one block of k for some columns. */
static void add_block(const DfKernels *k, const DfProduct *p, size_t block, size_t n0, float *panels, float *rows)
{
    const size_t parts = df_ceil_div(p->M, ROWS);
    DfPanels b = { 0 };
    for (size_t part = 0; part < parts; part++) {
        Step s = step_at(k, p, block, part);
        if (part == 0)
            b = pack_b(k, p, s, n0, df_smaller(p->N - n0, SIDE), panels);
        pack_a(k, p->transpose_a, &s, rows);
        multiply(&k->gemm, s, b, p->c + s.row * p->ldc + n0, p->ldc, block > 0 || p->beta != 0,
                 step_after(k, p, block, part));
    }
}

void df_product_alone(const DfKernels *k, const DfProduct *p, float *scratch)
{
    if (k->gemm.product) {
        k->gemm.product(p);
        return;
    }
    for (size_t i = 0; p->beta != 0 && p->beta != 1 && i < p->M; i++)
        k->pointwise.scale(p->c + i * p->ldc, p->c + i * p->ldc, p->beta, p->N);
    for (size_t n0 = 0; n0 < p->N; n0 += SIDE)
        for (size_t block = 0; block < blocks_of(p); block++)
            add_block(k, p, block, n0, scratch, scratch + panels_size(p));
}

/* ---- in parallel ------------------------------------------------------------------------------------------------ */

typedef struct {
    const DfKernels *k;
    DfProduct whole;
    size_t rows, columns, pieces; /* tasks along M, N, K                                                 */
    float *partial;               /* M N of every piece but the first, which sums into the result itself */
} Tasks;

static size_t first_row(const Tasks *t, size_t i)
{
    return cut_tiles(t->whole.M, (size_t)t->k->gemm.tile_m, t->rows, i);
}

static size_t first_column(const Tasks *t, size_t j)
{
    return cut_tiles(t->whole.N, (size_t)t->k->gemm.tile_n, t->columns, j);
}

static DfProduct part_of(const Tasks *t, size_t task)
{
    const size_t piece = task % t->pieces;
    const size_t i = task / t->pieces % t->rows;
    const size_t j = task / t->pieces / t->rows;
    DfProduct p = t->whole;
    const size_t m0 = first_row(t, i);
    const size_t n0 = first_column(t, j);
    const size_t k0 = df_cut(p.K, t->pieces, piece);
    p.a += p.transpose_a ? k0 * p.lda + m0 : m0 * p.lda + k0;
    p.b += p.transpose_b ? n0 * p.ldb + k0 : k0 * p.ldb + n0;
    p.c += m0 * p.ldc + n0;
    if (piece) {
        p.c = t->partial + ((piece - 1) * p.M + m0) * p.N + n0;
        p.ldc = p.N;
        p.beta = 0;
    }
    p.M = first_row(t, i + 1) - m0;
    p.N = first_column(t, j + 1) - n0;
    p.K = df_cut(p.K, t->pieces, piece + 1) - k0;
    return p;
}

static size_t largest_scratch(const Tasks *t)
{
    const size_t height = (size_t)t->k->gemm.tile_m;
    const size_t width = (size_t)t->k->gemm.tile_n;
    DfProduct p = t->whole;
    if (t->k->gemm.product)
        return 0;
    p.M = df_ceil_div(df_ceil_div(p.M, height), t->rows) * height;
    p.N = df_ceil_div(df_ceil_div(p.N, width), t->columns) * width;
    p.K = df_ceil_div(p.K, t->pieces);
    return df_product_scratch(&p);
}

static void product_task(void *arg, size_t task, void *scratch)
{
    const Tasks *t = arg;
    const DfProduct p = part_of(t, task);
    df_product_alone(t->k, &p, scratch);
}

static void sum_row(void *arg, size_t row, void *scratch)
{
    const Tasks *t = arg;
    const DfProduct *p = &t->whole;
    (void)scratch;
    for (size_t piece = 1; piece < t->pieces; piece++)
        t->k->pointwise.accumulate(p->c + row * p->ldc, t->partial + ((piece - 1) * p->M + row) * p->N, 1, p->N);
}

/* Divides the product into tasks: first along k, where nothing is packed twice; then along the longer side. */
static void cut(Tasks *t)
{
    const DfProduct *p = &t->whole;
    const double sensible = (double)p->M * (double)p->N * (double)p->K / TASK_WORK;
    const size_t wanted = sensible < TASKS ? (size_t)sensible : TASKS;
    t->rows = df_ceil_div(p->M, SIDE);
    t->columns = df_ceil_div(p->N, SIDE);
    t->pieces = df_smaller(wanted / (t->rows * t->columns), p->K / K_PIECE);
    if (!t->pieces)
        t->pieces = 1;
    while (t->rows * t->columns * t->pieces < wanted) {
        const size_t height = p->M / t->rows;
        const size_t width = p->N / t->columns;
        if (height < 2 * LEAST_SIDE && width < 2 * LEAST_SIDE)
            return;
        if (height > width)
            t->rows++;
        else
            t->columns++;
    }
}

int df_gemm(DfPool *pool, const DfKernels *k, bool transpose_a, bool transpose_b, size_t M, size_t N, size_t K,
            float alpha, const float *a, size_t lda, const float *b, size_t ldb, float beta, float *c, size_t ldc)
{
    Tasks t = { .k = k };
    t.whole = (DfProduct){ transpose_a, transpose_b, M, N, alpha == 0 ? 0 : K, alpha, beta, a, lda, b, ldb, c, ldc };
    if (!M || !N)
        return DF_OK;
    cut(&t);
    if (t.pieces > 1) {
        t.partial = df_malloc((t.pieces - 1) * M * N * sizeof *t.partial);
        if (!t.partial)
            return df_fail_memory("partial sums");
    }
    int error = df_parallel(pool, t.rows * t.columns * t.pieces, largest_scratch(&t), product_task, &t);
    if (!error && t.pieces > 1)
        error = df_parallel(pool, M, 0, sum_row, &t);
    df_free(t.partial);
    return error;
}
