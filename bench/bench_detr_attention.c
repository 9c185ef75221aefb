/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/bench_detr_attention.c -- the attentions of DETR and Deformable DETR for an image of
 * 800x1216, forward and backward in milliseconds: of the points that 300 queries or all cells of
 * the encoder read, and of all cells to all cells.
 *     bench_detr_attention [THREADS] [RUNG]
 * Beside it, in PyTorch: bench/peers/torch_detr.py ROOT op [THREADS]
 */
#include <stdio.h>
#include <stdlib.h>

#include "bench/bench.h"
#include "kernels/kernels.h"

enum { HEADS = 8, DEPTH = 32, POINTS = 4, LEVELS = 4 };
static const int heights[LEVELS] = { 100, 50, 25, 13 }, widths[LEVELS] = { 152, 76, 38, 19 };

typedef struct {
    DfPool *pool;
    const DfKernels *k;
    DfMsDeformProblem points;
    DfDeformProblem full;
    float *out, *lse, *workspace, *dout, *grads[3];
} Run;

static void check(int error)
{
    if (error)
        exit(1);
}

static void points_forward(void *arg)
{
    const Run *r = arg;
    check(df_ms_deform_forward(r->pool, &r->k->ms_deform, &r->points, r->out));
}

static void points_backward(void *arg)
{
    const Run *r = arg;
    check(df_ms_deform_backward(r->pool, &r->k->ms_deform, &r->points, r->dout, r->grads[0], r->grads[1], r->grads[2]));
}

static void full_forward(void *arg)
{
    const Run *r = arg;
    check(df_deform_attention_forward(r->pool, &r->k->attention, &r->full, r->out, r->lse, r->workspace));
}

static void full_backward(void *arg)
{
    const Run *r = arg;
    const DfDeformGrads grads = { .q = r->grads[0], .k = r->grads[1], .v = r->grads[2] };
    check(df_deform_attention_backward(r->pool, &r->k->attention, &r->full, r->out, r->lse, r->dout, &grads,
                                       r->workspace));
}

static float *places(size_t n)
{
    float *x = bench_numbers(n);
    for (size_t i = 0; i < n; i++)
        x[i] = 0.5f + 0.5f * x[i];
    return x;
}

/* Queries stand in the order of the cells, each reading around itself: as a trained network does, more or less. */
static void gather_around(float *location, int queries)
{
    const float near = 0.03f;
    for (int l = 0, q = 0; l < LEVELS; l++)
        for (int i = 0; i < heights[l] * widths[l] && q < queries; i++, q++)
            for (int s = 0; s < HEADS * LEVELS * POINTS; s++, location += 2) {
                location[0] = ((float)(i % widths[l]) + 0.5f) / (float)widths[l] + near * (location[0] - 0.5f);
                location[1] = ((float)(i / widths[l]) + 0.5f) / (float)heights[l] + near * (location[1] - 0.5f);
            }
}

static void report(Run *r, const char *name, BenchRun *forward, BenchRun *backward)
{
    double seconds[2];
    bench_interleaved((BenchRun *const[]){ forward, backward }, r, 2, 5, 4, seconds);
    printf("%-44s %9.2f ms forward %9.2f ms backward\n", name, 1e3 * seconds[0], 1e3 * seconds[1]);
    float *all[] = { r->out, r->lse, r->workspace, r->dout, r->grads[0], r->grads[1], r->grads[2] };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        df_free(all[i]);
}

static void bench_points(Run run, const char *name, int queries)
{
    DfMsDeformProblem *p = &run.points;
    *p = (DfMsDeformProblem){ .B = 1, .heads = HEADS, .depth = DEPTH, .levels = LEVELS, .points = POINTS };
    size_t cells = 0;
    for (int l = 0; l < LEVELS; l++) {
        p->height[l] = heights[l];
        p->width[l] = widths[l];
        cells += (size_t)(heights[l] * widths[l]);
    }
    p->queries = queries ? queries : (int)cells;
    const size_t samples = (size_t)p->queries * HEADS * LEVELS * POINTS;
    float *value = bench_numbers(cells * HEADS * DEPTH), *location = places(2 * samples), *weight = places(samples);
    if (!queries)
        gather_around(location, p->queries);
    p->value = value;
    p->location = location;
    p->attention = weight;
    run.out = bench_numbers((size_t)p->queries * HEADS * DEPTH);
    run.dout = bench_numbers((size_t)p->queries * HEADS * DEPTH);
    run.grads[0] = bench_numbers(cells * HEADS * DEPTH);
    run.grads[1] = bench_numbers(2 * samples);
    run.grads[2] = bench_numbers(samples);
    report(&run, name, points_forward, points_backward);
    df_free(value);
    df_free(location);
    df_free(weight);
}

static void bench_full(Run run, const char *name, int H, int W)
{
    const size_t size = (size_t)H * (size_t)W * HEADS * DEPTH;
    float *q = bench_numbers(size), *k = bench_numbers(size), *v = bench_numbers(size);
    run.full = (DfDeformProblem){
        .B = 1, .H = H, .W = W, .C = HEADS * DEPTH, .keys = H * W, .heads = HEADS, .groups = 1,
        .scale = 0.17678f, .q = q, .k = k, .v = v,
    };
    run.out = bench_numbers(size);
    run.dout = bench_numbers(size);
    run.lse = bench_numbers(df_deform_attention_lse_size(&run.full));
    run.workspace = bench_numbers(df_deform_attention_backward_workspace(&run.full));
    for (int i = 0; i < 3; i++)
        run.grads[i] = bench_numbers(size);
    report(&run, name, full_forward, full_backward);
    df_free(q);
    df_free(k);
    df_free(v);
}

int main(int argc, char **argv)
{
    Run run = { .k = argc > 2 ? df_kernels_named(argv[2]) : df_kernels() };
    if (!run.k || df_pool_new(&run.pool, argc > 1 ? atoi(argv[1]) : 0)) {
        fprintf(stderr, "bench_detr_attention [THREADS] [RUNG]\n");
        return 2;
    }
    const int threads = df_pool_threads(run.pool);
    printf("rung %s, %d thread%s\n", df_kernels_name(run.k), threads, threads == 1 ? "" : "s");
    bench_points(run, "deformable, 300 queries", 300);
    bench_points(run, "deformable, encoder (20197 queries)", 0);
    bench_full(run, "full, DETR's encoder (950 queries)", 25, 38);
    bench_full(run, "full, DETR-DC5's encoder (3800 queries)", 50, 76);
    df_pool_free(run.pool);
    return 0;
}
