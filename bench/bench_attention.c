/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/bench_attention.c -- window, deformable and neighborhood attention at the sizes of Swin-T, DAT-T and DAT-T++,
 * at 224 and at 800x1216: milliseconds, GFLOP/s of the two products, and cycles a score, bias and softmax included.
 *     bench_attention [THREADS] [RUNG]
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench/bench.h"
#include "kernels/kernels.h"

/* Of the processor: a multiplication (3 cycles) and an addition (1) that wait for one another. */
static double cycles_per_second(void)
{
    enum { CYCLES = 1 << 26 };
    volatile unsigned seed = 1;
    unsigned long x = seed;
    const double start = bench_now();
    for (int i = 0; i < CYCLES / 4; i++) {
        x *= 2654435761u;
        x += 1;
    }
    const double seconds = bench_now() - start;
    seed = (unsigned)x;
    return CYCLES / seconds;
}

static float *numbers(size_t n, float range)
{
    float *x = bench_numbers(n);
    for (size_t i = 0; i < n; i++)
        x[i] *= range;
    return x;
}

typedef struct {
    DfPool *pool;
    const DfKernels *k;
    int threads;
    double rate; /* cycles a second */
} Bench;

typedef struct {
    const char *name;
    int H, W, C, heads, window, shift, blocks; /* blocks: how often in the network */
} WindowCase;

static const WindowCase windows[] = {
    { "Swin-T 224 stage 1", 56, 56, 96, 3, 7, 3, 2 },     { "Swin-T 224 stage 2", 28, 28, 192, 6, 7, 3, 2 },
    { "Swin-T 224 stage 3", 14, 14, 384, 12, 7, 3, 6 },   { "Swin-T 224 stage 4", 7, 7, 768, 24, 7, 3, 2 },
    { "Swin-T 800 stage 1", 200, 304, 96, 3, 7, 3, 2 },   { "Swin-T 800 stage 2", 100, 152, 192, 6, 7, 3, 2 },
    { "Swin-T 800 stage 3", 50, 76, 384, 12, 7, 3, 6 },   { "Swin-T 800 stage 4", 25, 38, 768, 24, 7, 3, 2 },
};

typedef struct {
    const char *name;
    int H, W, C, heads, groups, keys, table, blocks;
} DeformCase;

static const DeformCase deforms[] = {
    { "DAT-T 224 stage 3", 14, 14, 384, 12, 3, 196, 27, 3 },  { "DAT-T 224 stage 4", 7, 7, 768, 24, 6, 49, 13, 1 },
    { "DAT-T 800 stage 3", 50, 76, 384, 12, 3, 3800, 27, 3 }, { "DAT-T 800 stage 4", 25, 38, 768, 24, 6, 950, 13, 1 },
};

typedef struct {
    const char *name;
    int H, W, C, heads, window, blocks;
} NeighborhoodCase;

static const NeighborhoodCase neighborhoods[] = {
    { "DAT-T++ 224 stage 1", 56, 56, 64, 2, 7, 1 },    { "DAT-T++ 224 stage 2", 28, 28, 128, 4, 7, 2 },
    { "DAT-T++ 224 stage 3", 14, 14, 256, 8, 7, 9 },   { "DAT-T++ 800 stage 1", 200, 304, 64, 2, 7, 1 },
    { "DAT-T++ 800 stage 2", 100, 152, 128, 4, 7, 2 }, { "DAT-T++ 800 stage 3", 50, 76, 256, 8, 7, 9 },
};

/* The best of some runs, at least half a second of them. */
static double best_of(int (*run)(void *), void *arg)
{
    double best = INFINITY, total = 0;
    for (int i = 0; i < 3 || total < 0.5; i++) {
        const double start = bench_now();
        if (run(arg))
            exit(1);
        const double seconds = bench_now() - start;
        best = seconds < best ? seconds : best;
        total += seconds;
    }
    return best;
}

static double report(const Bench *b, const char *name, const char *pass, double seconds, double scores, double depth,
                     int blocks)
{
    printf("%-20s %-9s %9.3f ms x %d  %7.1f GFLOP/s  %6.2f cycles a score\n", name, pass, 1e3 * seconds, blocks,
           4e-9 * scores * depth / seconds, seconds * b->rate * b->threads / scores);
    return seconds * blocks;
}

typedef struct {
    const Bench *b;
    DfWindowProblem window;
    DfDeformProblem deform;
    DfNeighborhoodProblem neighborhood;
    DfDeformGrads grads;
    float *out, *lse, *workspace, *dout, *dqkv;
} Run;

static int window_forward(void *arg)
{
    const Run *r = arg;
    return df_window_attention_forward(r->b->pool, &r->b->k->attention, &r->window, r->out, NULL, r->workspace);
}

static double bench_window(const Bench *b, const WindowCase *w)
{
    const size_t map = (size_t)w->H * (size_t)w->W, C = (size_t)w->C, side = (size_t)(2 * w->window - 1);
    float *qkv = numbers(map * 3 * C, 2), *pad = numbers(3 * C, 1), *table = numbers(side * side * (size_t)w->heads, 1);
    Run r = {
        .b = b,
        .window = { 1, w->H, w->W, w->C, w->heads, w->window, w->shift, 0.17678f, qkv, pad, table },
        .out = numbers(map * C, 0),
    };
    r.workspace = df_malloc(df_window_attention_workspace(&r.window) * sizeof(float));
    const double tokens = (double)(w->window * w->window);
    const double count = ceil((double)w->H / w->window) * ceil((double)w->W / w->window);
    const double time = report(b, w->name, "forward", best_of(window_forward, &r), count * tokens * tokens * w->heads,
                               (double)w->C / w->heads, w->blocks);
    df_free(qkv);
    df_free(pad);
    df_free(table);
    df_free(r.out);
    df_free(r.workspace);
    return time;
}

static int deform_forward(void *arg)
{
    const Run *r = arg;
    return df_deform_attention_forward(r->b->pool, &r->b->k->attention, &r->deform, r->out, r->lse, r->workspace);
}

static int deform_backward(void *arg)
{
    const Run *r = arg;
    return df_deform_attention_backward(r->b->pool, &r->b->k->attention, &r->deform, r->out, r->lse, r->dout, &r->grads,
                                        r->workspace);
}

static double bench_deform(const Bench *b, const DeformCase *d, bool backward)
{
    const size_t map = (size_t)d->H * (size_t)d->W;
    const size_t C = (size_t)d->C;
    const size_t keys = (size_t)d->keys;
    const size_t cells = (size_t)d->heads * (size_t)(d->table * d->table);
    const size_t places = (size_t)d->groups * keys * 2;
    float *q = numbers(map * C, 2);
    float *k = numbers(keys * C, 2);
    float *v = numbers(keys * C, 2);
    float *pos = numbers(places, 1);
    float *table = numbers(cells, 1);
    Run r = { .b = b };
    r.deform = (DfDeformProblem){
        .B = 1, .H = d->H, .W = d->W, .C = d->C, .keys = d->keys, .heads = d->heads, .groups = d->groups,
        .scale = 0.17678f, .q = q, .k = k, .v = v, .pos = pos,
        .table = table, .table_h = d->table, .table_w = d->table,
    };
    float *zeros[5] = { numbers(map * C, 0), numbers(keys * C, 0), numbers(keys * C, 0), numbers(places, 0),
                        numbers(cells, 0) };
    r.grads = (DfDeformGrads){ zeros[0], zeros[1], zeros[2], zeros[3], zeros[4], NULL };
    r.out = numbers(map * C, 0);
    r.dout = numbers(map * C, 1);
    r.lse = df_malloc(df_deform_attention_lse_size(&r.deform) * sizeof(float));
    r.workspace = df_malloc(df_deform_attention_backward_workspace(&r.deform) * sizeof(float));
    const double scores = (double)map * (double)keys * d->heads, depth = (double)d->C / d->heads;
    const double time = report(b, d->name, "forward", best_of(deform_forward, &r), scores, depth, d->blocks);
    if (backward)
        report(b, d->name, "backward", best_of(deform_backward, &r), scores, depth, d->blocks);
    float *all[] = { q,        k,        v,     pos,    table, zeros[0],    zeros[1], zeros[2],
                     zeros[3], zeros[4], r.out, r.dout, r.lse, r.workspace };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        df_free(all[i]);
    return time;
}

static int neighborhood_forward(void *arg)
{
    const Run *r = arg;
    return df_neighborhood_attention_forward(r->b->pool, r->b->k, &r->neighborhood, r->out, r->lse);
}

static int neighborhood_backward(void *arg)
{
    const Run *r = arg;
    return df_neighborhood_attention_backward(r->b->pool, r->b->k, &r->neighborhood, r->out, r->lse, r->dout, r->dqkv,
                                              NULL, r->workspace);
}

static double bench_neighborhood(const Bench *b, const NeighborhoodCase *w)
{
    const size_t map = (size_t)w->H * (size_t)w->W, C = (size_t)w->C, side = (size_t)(2 * w->window - 1);
    float *qkv = numbers(map * 3 * C, 2), *table = numbers(side * side * (size_t)w->heads, 1);
    Run r = {
        .b = b,
        .neighborhood = { 1, w->H, w->W, w->C, w->heads, w->window, 1, 0.17678f, qkv, table },
        .out = numbers(map * C, 0),
    };
    r.dout = numbers(map * C, 1);
    r.dqkv = numbers(map * 3 * C, 0);
    r.lse = df_malloc(df_neighborhood_attention_lse_size(&r.neighborhood) * sizeof(float));
    r.workspace = df_malloc(df_neighborhood_attention_backward_workspace(&r.neighborhood) * sizeof(float));
    const double scores = (double)map * w->window * w->window * w->heads, depth = (double)w->C / w->heads;
    const double time = report(b, w->name, "forward", best_of(neighborhood_forward, &r), scores, depth, w->blocks);
    report(b, w->name, "backward", best_of(neighborhood_backward, &r), scores, depth, w->blocks);
    float *all[] = { qkv, table, r.out, r.dout, r.dqkv, r.lse, r.workspace };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        df_free(all[i]);
    return time;
}

int main(int argc, char **argv)
{
    const int threads = argc > 1 ? atoi(argv[1]) : 0;
    Bench b = { .k = argc > 2 ? df_kernels_named(argv[2]) : df_kernels(), .rate = cycles_per_second() };
    if (!b.k || df_pool_new(&b.pool, threads)) {
        fprintf(stderr, "bench_attention [THREADS] [RUNG]\n");
        return 2;
    }
    b.threads = df_pool_threads(b.pool);
    printf("rung %s, %d thread%s, %.2f GHz\n", df_kernels_name(b.k), b.threads, b.threads == 1 ? "" : "s",
           1e-9 * b.rate);
    double sum = 0;
    for (int i = 0; i < 8; i++) {
        sum += bench_window(&b, &windows[i]);
        if (i % 4 == 3) {
            printf("all window attentions: %.2f ms\n\n", 1e3 * sum);
            sum = 0;
        }
    }
    for (int i = 0; i < 4; i++) {
        sum += bench_deform(&b, &deforms[i], true);
        if (i % 2) {
            printf("all deformable attentions, forward: %.2f ms\n\n", 1e3 * sum);
            sum = 0;
        }
    }
    for (int i = 0; i < 6; i++) {
        sum += bench_neighborhood(&b, &neighborhoods[i]);
        if (i % 3 == 2) {
            printf("all neighborhood attentions, forward: %.2f ms\n\n", 1e3 * sum);
            sum = 0;
        }
    }
    df_pool_free(b.pool);
    return 0;
}
