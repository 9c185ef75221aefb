/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/bench_gemm.c -- products and convolutions of the networks' layers: ours against OpenBLAS on as many threads, in GFLOP/s and
 * as a share of this machine's peak, which is that of a large square sgemm measured in the same run.
 *     bench_gemm [SECONDS per line [products|convolutions]]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/bench.h"
#include "kernels/kernels.h"

#include <cblas.h>
#undef I /* from complex.h */

static DfPool *pool;
static double budget = 0.3, peak;

/* ---- products ---- */

typedef struct {
    size_t M, N, K;
    float *a, *w, *bias, *y;
    DfPacked *packed;
    DfAct act;
} Gemm;

static void run_ours(void *arg)
{
    const Gemm *g = arg;
    df_gemm_packed(pool, df_kernels(), g->M, g->a, g->K, g->packed, g->y, g->N, (DfEpilogue){ .bias = g->bias, .act = g->act });
}

/* Without bias and activation: in OpenBLAS's favour. */
static void run_blas(void *arg)
{
    const Gemm *g = arg;
    openblas_set_num_threads(df_pool_threads(pool));
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)g->M, (int)g->N, (int)g->K, 1, g->a, (int)g->K, g->w, (int)g->K, 0, g->y, (int)g->N);
}

static Gemm new_gemm(size_t M, size_t N, size_t K, DfAct act)
{
    Gemm g = { M, N, K, bench_numbers(M * K), bench_numbers(N * K), bench_numbers(N), bench_numbers(M * N), NULL, act };
    if (df_pack(&g.packed, pool, g.w, N, K, 1) < 0)
        abort();
    return g;
}

static void free_gemm(Gemm *g)
{
    df_packed_free(g->packed);
    df_free(g->a), df_free(g->w), df_free(g->bias), df_free(g->y);
}

static double rate(double macs, double seconds)
{
    return 2 * macs / seconds * 1e-9;
}

static void bench_product(const char *name, size_t M, size_t N, size_t K, DfAct act)
{
    Gemm g = new_gemm(M, N, K, act);
    double seconds[2];
    bench_interleaved((BenchRun *const[]){ run_ours, run_blas }, &g, 2, 5, budget, seconds);
    const double macs = (double)M * (double)N * (double)K, ours = rate(macs, seconds[0]), blas = rate(macs, seconds[1]);
    printf("%-34s %6zu x %4zu x %4zu  %8.3f ms  %6.1f GFLOP/s %4.0f%%   OpenBLAS %6.1f %4.0f%%\n", name, M, N, K, seconds[0] * 1e3, ours,
           100 * ours / peak, blas, 100 * blas / peak);
    free_gemm(&g);
}

/* ---- convolutions ---- */

typedef struct {
    DfConvShape s;
    float *x, *w, *y, *columns;
    DfPacked *patches, *winograd;
} Conv;

static void run_patches(void *arg)
{
    const Conv *v = arg;
    df_conv_forward(pool, df_kernels(), &v->s, v->x, v->patches, v->y, (DfEpilogue){ 0 });
}

static void run_winograd(void *arg)
{
    const Conv *v = arg;
    df_conv_forward(pool, df_kernels(), &v->s, v->x, v->winograd, v->y, (DfEpilogue){ 0 });
}

static void im2col_row(void *arg, size_t task, void *scratch)
{
    const Conv *v = arg;
    const DfConvShape *s = &v->s;
    const size_t I = (size_t)s->I;
    float *out = v->columns + task * (size_t)s->oW * (size_t)(s->kh * s->kw) * I;
    (void)scratch;
    for (int ox = 0; ox < s->oW; ox++)
        for (int ky = 0; ky < s->kh; ky++)
            for (int kx = 0; kx < s->kw; kx++, out += I) {
                const int y = (int)task * s->stride[0] - s->padding[0] + ky, x = ox * s->stride[1] - s->padding[1] + kx;
                if (y < 0 || y >= s->H || x < 0 || x >= s->W)
                    memset(out, 0, I * sizeof *out);
                else
                    memcpy(out, v->x + ((size_t)y * (size_t)s->W + (size_t)x) * I, I * sizeof *out);
            }
}

static void run_im2col(void *arg)
{
    const Conv *v = arg;
    const DfConvShape *s = &v->s;
    const int K = s->kh * s->kw * s->I;
    df_parallel(pool, (size_t)s->oH, 0, im2col_row, arg);
    openblas_set_num_threads(df_pool_threads(pool));
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, s->oH * s->oW, s->O, K, 1, v->columns, K, v->w, K, 0, v->y, s->O);
}

/* Rates count the multiply-adds of the direct form, so Winograd can pass the peak. */
static void bench_conv(const char *name, int H, int W, int I, int O, int kernel, int stride, int padding)
{
    const int oH = (H + 2 * padding - kernel) / stride + 1, oW = (W + 2 * padding - kernel) / stride + 1;
    Conv v = { .s = { 1, H, W, I, O, kernel, kernel, oH, oW, { stride, stride }, { padding, padding }, { 1, 1 }, 1 } };
    const size_t K = (size_t)(kernel * kernel * I), rows = (size_t)(oH * oW);
    v.x = bench_numbers((size_t)(H * W * I));
    v.w = bench_numbers((size_t)O * K);
    v.y = bench_numbers(rows * (size_t)O);
    v.columns = bench_numbers(rows * K);
    const bool winograd = df_conv_prefers_winograd(&v.s);
    if (df_pack(&v.patches, pool, v.w, (size_t)O, K, 1) < 0 || (winograd && df_pack_winograd(&v.winograd, pool, v.w, (size_t)O, (size_t)I) < 0))
        abort();
    double seconds[3];
    bench_interleaved((BenchRun *const[]){ run_patches, run_im2col, run_winograd }, &v, winograd ? 3 : 2, 3, budget, seconds);
    const double macs = (double)rows * (double)O * (double)K;
    printf("%-22s %3dx%-4d %4d -> %-4d %dx%d/%d  patches %7.2f ms %6.1f %4.0f%%  im2col+OpenBLAS %7.2f ms %6.1f", name, H, W, I, O, kernel,
           kernel, stride, seconds[0] * 1e3, rate(macs, seconds[0]), 100 * rate(macs, seconds[0]) / peak, seconds[1] * 1e3, rate(macs, seconds[1]));
    if (winograd)
        printf("  Winograd %7.2f ms %6.1f (%.0f%% of peak in its own products)", seconds[2] * 1e3, rate(macs, seconds[2]),
               100 * rate(macs / 4, seconds[2]) / peak);
    printf("\n");
    df_packed_free(v.patches);
    df_packed_free(v.winograd);
    df_free(v.x), df_free(v.w), df_free(v.y), df_free(v.columns);
}

/* ---- depthwise, MLP ---- */

static void run_depthwise(void *arg)
{
    const Conv *v = arg;
    df_depthwise_forward(pool, df_kernels(), &v->s, v->x, v->w, v->y, (DfEpilogue){ 0 });
}

static void bench_depthwise(const char *name, int H, int W, int C, int kernel)
{
    Conv v = { .s = { 1, H, W, C, C, kernel, kernel, H, W, { 1, 1 }, { kernel / 2, kernel / 2 }, { 1, 1 }, C } };
    v.x = bench_numbers((size_t)(H * W * C));
    v.y = bench_numbers((size_t)(H * W * C));
    v.w = bench_numbers((size_t)(kernel * kernel * C));
    double seconds;
    bench_interleaved((BenchRun *const[]){ run_depthwise }, &v, 1, 5, budget / 2, &seconds);
    const double macs = (double)H * W * C * kernel * kernel;
    printf("%-22s %3dx%-4d %4d          %dx%d    %7.2f ms %6.1f GFLOP/s\n", name, H, W, C, kernel, kernel, seconds * 1e3, rate(macs, seconds));
    df_free(v.x), df_free(v.y), df_free(v.w);
}

typedef struct {
    size_t M, C;
    float *x, *b1, *h, *y;
    DfPacked *w1, *w2;
} Mlp;

static void run_mlp(void *arg)
{
    const Mlp *m = arg;
    df_mlp_packed(pool, df_kernels(), m->M, m->x, m->w1, m->b1, DF_ACT_GELU, m->w2, m->y, (DfEpilogue){ .residual = m->x });
}

static void run_mlp_in_two(void *arg)
{
    const Mlp *m = arg;
    df_gemm_packed(pool, df_kernels(), m->M, m->x, m->C, m->w1, m->h, 4 * m->C, (DfEpilogue){ .bias = m->b1, .act = DF_ACT_GELU });
    df_gemm_packed(pool, df_kernels(), m->M, m->h, 4 * m->C, m->w2, m->y, m->C, (DfEpilogue){ .residual = m->x });
}

static void bench_mlp(const char *name, size_t M, size_t C)
{
    Mlp m = { M, C, bench_numbers(M * C), bench_numbers(4 * C), bench_numbers(M * 4 * C), bench_numbers(M * C), NULL, NULL };
    float *w = bench_numbers(4 * C * C);
    if (df_pack(&m.w1, pool, w, 4 * C, C, 1) < 0 || df_pack(&m.w2, pool, w, C, 4 * C, 1) < 0)
        abort();
    double seconds[2];
    bench_interleaved((BenchRun *const[]){ run_mlp, run_mlp_in_two }, &m, 2, 5, budget, seconds);
    const double macs = 8.0 * (double)M * (double)C * (double)C;
    printf("%-34s %6zu x %4zu         %8.3f ms  %6.1f GFLOP/s %4.0f%%   in two products %8.3f ms\n", name, M, C, seconds[0] * 1e3,
           rate(macs, seconds[0]), 100 * rate(macs, seconds[0]) / peak, seconds[1] * 1e3);
    df_packed_free(m.w1);
    df_packed_free(m.w2);
    df_free(m.x), df_free(m.b1), df_free(m.h), df_free(m.y), df_free(w);
}

/* ---- networks ---- */

static void measure_peak(void)
{
    Gemm g = new_gemm(2048, 2048, 2048, DF_ACT_NONE);
    double seconds[2];
    bench_interleaved((BenchRun *const[]){ run_ours, run_blas }, &g, 2, 5, 4 * budget, seconds);
    const double macs = 2048.0 * 2048 * 2048, ours = rate(macs, seconds[0]), blas = rate(macs, seconds[1]);
    peak = ours > blas ? ours : blas;
    printf("peak: sgemm of 2048 on %d threads: ours %.1f, OpenBLAS %.1f GFLOP/s (%s)\n", df_pool_threads(pool), ours, blas, openblas_get_corename());
    free_gemm(&g);
}

static void bench_swin(const char *title, size_t H, size_t W)
{
    printf("\n%s\n", title);
    size_t M = H * W, C = 96;
    for (int stage = 0; stage < 4; stage++, M /= 4, C *= 2) {
        char name[64];
        snprintf(name, sizeof name, "stage %d qkv", stage);
        bench_product(name, M, 3 * C, C, DF_ACT_NONE);
        snprintf(name, sizeof name, "stage %d proj", stage);
        bench_product(name, M, C, C, DF_ACT_NONE);
        snprintf(name, sizeof name, "stage %d fc1 + GELU", stage);
        bench_product(name, M, 4 * C, C, DF_ACT_GELU);
        snprintf(name, sizeof name, "stage %d fc2", stage);
        bench_product(name, M, C, 4 * C, DF_ACT_NONE);
        snprintf(name, sizeof name, "stage %d MLP", stage);
        bench_mlp(name, M, C);
        if (stage < 3)
            bench_product("patch merging", M / 4, 2 * C, 4 * C, DF_ACT_NONE);
    }
}

static void bench_convolutions(void)
{
    printf("\nconvolutions\n");
    bench_conv("patch embedding", 224, 224, 3, 96, 4, 4, 0);
    bench_conv("ResNet stem", 224, 224, 3, 64, 7, 2, 3);
    bench_conv("ResNet stage 1", 56, 56, 64, 64, 3, 1, 1);
    bench_conv("RetinaNet head P3", 100, 152, 256, 256, 3, 1, 1);
    bench_conv("RetinaNet head P4", 50, 76, 256, 256, 3, 1, 1);
    bench_conv("RetinaNet head P5", 25, 38, 256, 256, 3, 1, 1);
    bench_conv("RetinaNet head P6", 13, 19, 256, 256, 3, 1, 1);
    bench_conv("RetinaNet head P7", 7, 10, 256, 256, 3, 1, 1);
    bench_conv("RetinaNet cls P3", 100, 152, 256, 720, 3, 1, 1);
    bench_conv("RetinaNet reg P3", 100, 152, 256, 36, 3, 1, 1);
    bench_conv("FPN P6", 25, 38, 256, 256, 3, 2, 1);
    bench_conv("DAT++ merge", 56, 56, 96, 192, 3, 2, 1);
    bench_conv("UPerNet bottleneck", 16, 22, 2816, 512, 3, 1, 1);
    bench_conv("UPerNet FPN", 128, 171, 512, 512, 3, 1, 1);
    bench_conv("UPerNet fusion", 128, 171, 2048, 512, 3, 1, 1);
    bench_depthwise("DAT offsets", 56, 56, 96, 9);
    bench_depthwise("DAT offsets", 28, 28, 192, 7);
    bench_depthwise("LePE", 14, 14, 384, 3);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        budget = atof(argv[1]);
    if (df_pool_new(&pool, 0) < 0)
        return 1;
    measure_peak();
    if (argc <= 2 || argv[2][0] == 'p') {
        bench_swin("Swin-T, 224 x 224", 56, 56);
        bench_swin("Swin-T, 800 x 1216", 200, 304);
    }
    if (argc <= 2 || argv[2][0] == 'c')
        bench_convolutions();
    df_pool_free(pool);
    return 0;
}
