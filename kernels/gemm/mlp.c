/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/gemm/mlp.c -- two products with packed weights, the second of the first one's result, a few rows at a time:
 *     h = act(x w1' + b1)     y = h w2'
 * In a transformer's MLP the hidden layer h is four times as wide as x and is needed only here, so it exists for a few
 * rows at a time, in the cache. In a pair of layers (DfPair) h is a result, too. Its rows are read again before they
 * leave the cache, so a map that is larger than the cache is written once and not read back. The residual of h may be
 * a product itself, whose rows are computed when they are needed.
 */
#include <string.h>

#include "kernels/gemm/int8.h"

enum {
    MLP_ROWS = 48,   /* rows of the hidden layer that exist at a time: 576 KiB if it is 3072 wide */
    PAIR_ROWS = 96,  /* rows of a pair's task, the same as of a single product                    */
    FEWEST_TASKS = 16 /* with fewer tasks, two separate products use more threads                 */
};

typedef struct {
    const DfKernels *k;
    const DfPair *p;
    size_t tasks;
    size_t ldh;    /* distance between rows of the hidden layer                                    */
    size_t hidden; /* bytes of scratch for the hidden layer, or for its residual; rounded up       */
    size_t pixels; /* bytes of scratch for the residual's input pixels, if they are not contiguous */
    size_t more;   /* bytes of scratch for the products                                            */
} Job;

static bool skips_pixels(const DfPixelProduct *p)
{
    return p->step_y > 1 || p->step_x > 1;
}

static DfMap pixel(const DfPixelProduct *p, size_t row)
{
    const size_t y = row / p->out_W;
    const size_t from = y / p->out_H * p->H + y % p->out_H * p->step_y;
    return df_map_at(p->x, (from * p->W + row % p->out_W * p->step_x) * p->w->k);
}

/* Computes the residual of some rows, at the beginning of scratch. */
static const float *make_residual(const Job *a, size_t row, size_t rows, void *scratch)
{
    const DfPixelProduct *p = &a->p->residual;
    const DfEpilogue e = { .bias = p->bias };
    const DfMap to = { scratch, false };
    const size_t bytes = p->w->k * (p->x.bf16 ? sizeof(uint16_t) : sizeof(float));
    char *const pixels = (char *)scratch + a->hidden;
    DfMap from = pixel(p, row);
    for (size_t i = 0; skips_pixels(p) && i < rows; i++)
        memcpy(pixels + i * bytes, pixel(p, row + i).data, bytes);
    if (skips_pixels(p))
        from.data = pixels;
    df_packed_map_rows(a->k, rows, from, p->w->k, p->w, to, a->ldh, &e, 0, a->more ? pixels + a->pixels : NULL);
    return scratch;
}

/* Whether to prefetch the residual of the next task. A product of few steps would wait for it. During a longer one it
 * arrives in time anyway, and prefetching would only evict weights from the cache. */
static bool fetches_ahead(const Job *a, size_t task)
{
    enum { FEW_STEPS = 64 };
    return task + 1 < a->tasks && a->p->w1->k <= FEW_STEPS && !a->p->residual.w;
}

static void pair_task(void *arg, size_t task, void *scratch)
{
    const Job *a = arg;
    const DfPair *p = a->p;
    const size_t row = df_cut(p->M, a->tasks, task);
    const size_t rows = df_cut(p->M, a->tasks, task + 1) - row;
    const size_t in = p->w1->k;
    const size_t out = p->w2->n;
    const DfEpilogue second = df_epilogue_at(&p->second, row, out, 0);
    const DfMap h = { p->h ? p->h + row * a->ldh : scratch, false };
    void *const rounded = a->more ? (char *)scratch + a->hidden + a->pixels : NULL;
    DfEpilogue first = df_epilogue_at(&p->first, row, a->ldh, 0);
    if (p->residual.w)
        first.residual = make_residual(a, row, rows, scratch);
    const size_t ahead = fetches_ahead(a, task) ? rows * a->ldh : 0; /* offset of the next task */
    df_packed_map_rows(a->k, rows, df_map_at(p->x, row * in), in, p->w1, h, a->ldh, &first, ahead, rounded);
    df_packed_map_rows(a->k, rows, h, a->ldh, p->w2, df_map_at(p->y, row * out), out, &second, 0, rounded);
}

/* For too few rows to keep many threads busy: two products one after the other, with the whole hidden layer in
 * memory. */
static int in_two(DfPool *pool, const DfKernels *k, const DfPair *p)
{
    const size_t H = p->w1->n;
    float *const own = p->h ? NULL : df_malloc(p->M * H * sizeof *own);
    const DfMap h = { p->h ? p->h : own, false };
    if (!h.data)
        return df_fail_memory("a hidden layer");
    int error = df_gemm_packed_maps(pool, k, p->M, p->x, p->w1->k, p->w1, h, H, p->first);
    if (!error)
        error = df_gemm_packed_maps(pool, k, p->M, h, H, p->w2, p->y, p->w2->n, p->second);
    df_free(own);
    return error;
}

static size_t aligned(size_t bytes)
{
    enum { LINE = 64 };
    return df_ceil_div(bytes, LINE) * LINE;
}

static void make_room_for_residual(Job *a, size_t rows)
{
    const DfPixelProduct *p = &a->p->residual;
    const size_t own = df_packed_map_scratch(p->w, rows, p->w->k, df_map_of(NULL));
    a->hidden = aligned(rows * a->ldh * sizeof(float));
    a->pixels = skips_pixels(p) ? aligned(rows * p->w->k * sizeof(float)) : 0;
    a->more = own > a->more ? own : a->more;
}

/* If the hidden layer is not a result, its rows have a pad between them. */
static Job job_of(const DfKernels *k, const DfPair *p, size_t rows)
{
    Job a = { .k = k, .p = p, .tasks = df_even_parts(df_ceil_div(p->M, rows)), .ldh = p->w1->n };
    const size_t most = df_ceil_div(p->M, a.tasks);
    if (!p->h) {
        a.ldh += DF_ROW_PAD;
        a.hidden = df_ceil_div(most * a.ldh, DF_PANEL) * DF_PANEL * sizeof(float);
    }
    const size_t first = df_packed_map_scratch(p->w1, most, p->h ? p->w1->k : 0, df_map_of(p->h));
    const size_t second = df_packed_map_scratch(p->w2, most, p->h ? a.ldh : 0, p->y);
    a.more = first > second ? first : second;
    if (p->residual.w)
        make_room_for_residual(&a, most);
    return a;
}

static int run(DfPool *pool, const DfKernels *k, const DfPair *p, size_t rows)
{
    Job a = job_of(k, p, rows);
    return df_parallel(pool, a.tasks, a.hidden + a.pixels + a.more, pair_task, &a);
}

bool df_pair_is_long(size_t M)
{
    return df_even_parts(df_ceil_div(M, PAIR_ROWS)) >= FEWEST_TASKS;
}

int df_pair_packed(DfPool *pool, const DfKernels *k, const DfPair *p)
{
    return df_pair_is_long(p->M) ? run(pool, k, p, PAIR_ROWS) : in_two(pool, k, p);
}

int df_mlp_packed(DfPool *pool, const DfKernels *k, size_t M, const float *x, const DfPacked *w1, const float *b1,
                  DfAct act, const DfPacked *w2, float *y, DfEpilogue e)
{
    const DfPair p = { .M = M, .x = df_map_of(x), .w1 = w1, .first = { .bias = b1, .act = act }, .w2 = w2,
                       .y = { y, false }, .second = e };
    if (w1->int8 && w2->int8)
        return df_int8_mlp(pool, k, M, x, w1, b1, act, w2, y, e);
    if (df_even_parts(df_ceil_div(M, MLP_ROWS)) < FEWEST_TASKS)
        return in_two(pool, k, &p);
    return run(pool, k, &p, MLP_ROWS);
}
