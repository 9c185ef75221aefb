/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/bench_gemm.c -- products and convolutions of the networks' layers, in GFLOP/s and as a
 * share of this machine's peak, which is that of a large square sgemm measured in the same run;
 * beside the rung "blas", where OpenBLAS is there.
 *     bench_gemm [SECONDS per line [products|backward|convolutions]]
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/bench.h"
#include "kernels/kernels.h"

static DfPool *pool;
static double budget = 0.3, peak;
static const DfKernels *library; /* the rung whose products OpenBLAS computes, from our tasks; NULL: it is not here */
static int peers;                /* 1 if it is */

/* ---- products ---- */

typedef struct {
    size_t M, N, K;
    float *a, *w, *bias, *y;
    DfPacked *packed, *bf16, *itself;
    DfAct act;
} Gemm;

static void run_ours(void *arg)
{
    const Gemm *g = arg;
    df_gemm_packed(pool, df_kernels(), g->M, g->a, g->K, g->packed, g->y, g->N,
                   (DfEpilogue){ .bias = g->bias, .act = g->act });
}

static void run_bf16(void *arg)
{
    const Gemm *g = arg;
    df_gemm_packed(pool, df_kernels(), g->M, g->a, g->K, g->bf16, g->y, g->N,
                   (DfEpilogue){ .bias = g->bias, .act = g->act });
}

/* Without bias and activation: in OpenBLAS's favour. */
static void run_blas(void *arg)
{
    const Gemm *g = arg;
    df_gemm_packed(pool, library, g->M, g->a, g->K, g->itself, g->y, g->N, (DfEpilogue){ 0 });
}

static Gemm new_gemm(size_t M, size_t N, size_t K, DfAct act)
{
    Gemm g = { .M = M, .N = N, .K = K, .act = act };
    g.a = bench_numbers(M * K);
    g.w = bench_numbers(N * K);
    g.bias = bench_numbers(N);
    g.y = bench_numbers(M * N);
    if (df_pack(&g.packed, pool, g.w, N, K, 1) < 0 || df_pack_bf16(&g.bf16, pool, g.w, N, K, 1) < 0 ||
        df_pack_itself(&g.itself, g.w, N, K, 1) < 0)
        abort();
    return g;
}

static void free_gemm(Gemm *g)
{
    df_packed_free(g->packed), df_packed_free(g->bf16), df_packed_free(g->itself);
    df_free(g->a), df_free(g->w), df_free(g->bias), df_free(g->y);
}

static double rate(double macs, double seconds)
{
    return 2 * macs / seconds * 1e-9;
}

/* What a line says of the peer's time. */
static void print_peer(double macs, double seconds)
{
    if (peers)
        printf("   OpenBLAS %6.1f %4.0f%%", rate(macs, seconds), 100 * rate(macs, seconds) / peak);
    printf("\n");
}

static void bench_product(const char *name, size_t M, size_t N, size_t K, DfAct act)
{
    Gemm g = new_gemm(M, N, K, act);
    double seconds[3];
    const bool has_bf16 = df_precision_check(DF_PRECISION_BF16, df_kernels()) == DF_OK;
    BenchRun *const runs[] = { run_ours, has_bf16 ? run_bf16 : run_ours, run_blas };
    bench_interleaved(runs, &g, 2 + peers, 5, budget, seconds);
    const double macs = (double)M * (double)N * (double)K, ours = rate(macs, seconds[0]);
    printf("%-34s %6zu x %4zu x %4zu  %8.3f ms  %6.1f GFLOP/s %4.0f%%", name, M, N, K, seconds[0] * 1e3, ours,
           100 * ours / peak);
    if (has_bf16)
        printf("   bf16 %6.1f %4.0f%%", rate(macs, seconds[1]), 100 * rate(macs, seconds[1]) / peak);
    print_peer(macs, seconds[2]);
    free_gemm(&g);
}

/* ---- products of two changing matrices ---- */

typedef struct {
    bool ta, tb;
    size_t M, N, K, lda, ldb;
    float *a, *b, *c, beta;
} Changing;

static void run_changing(void *arg)
{
    const Changing *g = arg;
    df_gemm(pool, df_kernels(), g->ta, g->tb, g->M, g->N, g->K, 1, g->a, g->lda, g->b, g->ldb, g->beta, g->c, g->N);
}

static void run_changing_blas(void *arg)
{
    const Changing *g = arg;
    df_gemm(pool, library, g->ta, g->tb, g->M, g->N, g->K, 1, g->a, g->lda, g->b, g->ldb, g->beta, g->c, g->N);
}

static double log_ratios, worst_ratio = 1e9;
static int n_ratios;

static void count_ratio(double ratio)
{
    log_ratios += peers ? log(ratio) : 0;
    worst_ratio = ratio < worst_ratio ? ratio : worst_ratio;
    n_ratios++;
}

static void bench_changing(const char *name, bool ta, bool tb, size_t M, size_t N, size_t K, float beta)
{
    Changing g = { ta, tb, M, N, K, ta ? M : K, tb ? K : N, NULL, NULL, NULL, beta };
    g.a = bench_numbers(M * K);
    g.b = bench_numbers(K * N);
    g.c = bench_numbers(M * N);
    double seconds[2] = { 0 };
    bench_interleaved((BenchRun *const[]){ run_changing, run_changing_blas }, &g, 1 + peers, 5, budget, seconds);
    const double macs = (double)M * (double)N * (double)K, ours = rate(macs, seconds[0]);
    printf("%-28s %c%c %6zu x %5zu x %5zu  %8.3f ms  %6.1f GFLOP/s %4.0f%%", name, ta ? 'T' : 'N', tb ? 'T' : 'N', M, N,
           K, seconds[0] * 1e3, ours, 100 * ours / peak);
    print_peer(macs, seconds[1]);
    count_ratio(seconds[1] / seconds[0]);
    df_free(g.a), df_free(g.b), df_free(g.c);
}

/* dx += dy W and dW += dy' x of a layer M I -> M O. */
static void bench_layer(const char *name, size_t M, size_t O, size_t I)
{
    bench_changing(name, false, false, M, I, O, 1);
    bench_changing(name, true, false, O, I, M, 1);
}

static void bench_layers(const char *title, size_t H, size_t W)
{
    printf("\nlinear layers backward, %s\n", title);
    size_t M = H * W, C = 96;
    for (int stage = 0; stage < 4; stage++, M /= 4, C *= 2) {
        char name[64];
        snprintf(name, sizeof name, "stage %d qkv", stage);
        bench_layer(name, M, 3 * C, C);
        snprintf(name, sizeof name, "stage %d proj", stage);
        bench_layer(name, M, C, C);
        snprintf(name, sizeof name, "stage %d fc1", stage);
        bench_layer(name, M, 4 * C, C);
        snprintf(name, sizeof name, "stage %d fc2", stage);
        bench_layer(name, M, C, 4 * C);
        if (stage < 3)
            bench_layer("patch merging", M / 4, 2 * C, 4 * C);
    }
}

static void bench_backward(void)
{
    bench_layers("224 x 224", 56, 56);
    bench_layers("800 x 1216", 200, 304);
    printf("\nother products\n");
    bench_layer("1x1 of RetinaNet's FPN", 100 * 152, 256, 192);
    bench_layer("box head fc1", 512, 1024, 12544);
    bench_layer("classifier", 32, 1000, 768);
    for (int form = 0; form < 4; form++) {
        bench_changing("scores of global attention", form & 1, form & 2, 3800, 950, 32, 0);
        bench_changing("square", form & 1, form & 2, 512, 512, 512, 0);
        bench_changing("square", form & 1, form & 2, 2048, 2048, 2048, 0);
    }
}

/* ---- convolutions ---- */

typedef struct {
    DfConvShape s;
    float *x, *w, *y;
    DfPacked *patches, *itself, *winograd;
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

static void run_patches_blas(void *arg)
{
    const Conv *v = arg;
    df_conv_forward(pool, library, &v->s, v->x, v->itself, v->y, (DfEpilogue){ 0 });
}

static Conv new_conv(int H, int W, int I, int O, int kernel, int stride, int padding)
{
    const int oH = (H + 2 * padding - kernel) / stride + 1, oW = (W + 2 * padding - kernel) / stride + 1;
    Conv v = { .s = { 1, H, W, I, O, kernel, kernel, oH, oW, { stride, stride }, { padding, padding }, { 1, 1 }, 1 } };
    const size_t K = (size_t)(kernel * kernel * I), rows = (size_t)(oH * oW);
    v.x = bench_numbers((size_t)(H * W * I));
    v.w = bench_numbers((size_t)O * K);
    v.y = bench_numbers(rows * (size_t)O);
    return v;
}

static void free_conv(Conv *v)
{
    df_packed_free(v->patches);
    df_packed_free(v->itself);
    df_packed_free(v->winograd);
    df_free(v->x), df_free(v->w), df_free(v->y);
}

/* Rates count the multiply-adds of the direct form, so Winograd can pass the peak. */
static void bench_conv(const char *name, int H, int W, int I, int O, int kernel, int stride, int padding)
{
    Conv v = new_conv(H, W, I, O, kernel, stride, padding);
    const size_t K = (size_t)(kernel * kernel * I), rows = (size_t)(v.s.oH * v.s.oW);
    const DfPackKind kind = df_conv_pack_kind(&v.s, DF_PRECISION_F32);
    const bool winograd = kind != DF_PACK_GEMM;
    if (df_pack(&v.patches, pool, v.w, (size_t)O, K, 1) < 0 || df_pack_itself(&v.itself, v.w, (size_t)O, K, 1) < 0 ||
        (winograd && df_pack_winograd(&v.winograd, pool, kind, DF_PRECISION_F32, v.w, (size_t)O, (size_t)I) < 0))
        abort();
    double seconds[3];
    BenchRun *const runs[] = { run_patches, winograd ? run_winograd : run_patches_blas, run_patches_blas };
    bench_interleaved(runs, &v, 1 + winograd + peers, 3, budget, seconds);
    const double macs = (double)rows * (double)O * (double)K, peer = seconds[1 + winograd];
    printf("%-22s %3dx%-4d %4d -> %-4d %dx%d/%d  patches %7.2f ms %6.1f %4.0f%%", name, H, W, I, O, kernel, kernel,
           stride, seconds[0] * 1e3, rate(macs, seconds[0]), 100 * rate(macs, seconds[0]) / peak);
    if (peers)
        printf("  OpenBLAS %7.2f ms %6.1f", peer * 1e3, rate(macs, peer));
    if (winograd)
        printf("  Winograd %7.2f ms %6.1f (%.0f%% of peak in its own products)", seconds[1] * 1e3,
               rate(macs, seconds[1]), 100 * rate(df_conv_multiply_adds(&v.s, kind), seconds[1]) / peak);
    printf("\n");
    free_conv(&v);
}

static void run_weight_grad(void *arg)
{
    const Conv *v = arg;
    df_conv_weight_grad(pool, df_kernels(), &v->s, v->x, v->y, v->w);
}

static void run_weight_grad_blas(void *arg)
{
    const Conv *v = arg;
    df_conv_weight_grad(pool, library, &v->s, v->x, v->y, v->w);
}

static void bench_weight_grad(const char *name, int H, int W, int I, int O, int kernel, int stride, int padding)
{
    Conv v = new_conv(H, W, I, O, kernel, stride, padding);
    const size_t K = (size_t)(kernel * kernel * I), rows = (size_t)(v.s.oH * v.s.oW);
    double seconds[2] = { 0 };
    bench_interleaved((BenchRun *const[]){ run_weight_grad, run_weight_grad_blas }, &v, 1 + peers, 3, budget, seconds);
    const double macs = (double)rows * (double)O * (double)K;
    printf("%-22s %3dx%-4d %4d -> %-4d %dx%d/%d  %8.2f ms  %6.1f GFLOP/s %4.0f%%", name, H, W, I, O, kernel, kernel,
           stride, seconds[0] * 1e3, rate(macs, seconds[0]), 100 * rate(macs, seconds[0]) / peak);
    print_peer(macs, seconds[1]);
    count_ratio(seconds[1] / seconds[0]);
    free_conv(&v);
}

static void bench_weight_grads(void)
{
    printf("\nweight gradients of convolutions\n");
    bench_weight_grad("patch embedding", 224, 224, 3, 96, 4, 4, 0);
    bench_weight_grad("ResNet stem", 224, 224, 3, 64, 7, 2, 3);
    bench_weight_grad("ResNet stage 1", 56, 56, 64, 64, 3, 1, 1);
    bench_weight_grad("ResNet stage 4", 7, 7, 512, 512, 3, 1, 1);
    bench_weight_grad("RetinaNet head P3", 100, 152, 256, 256, 3, 1, 1);
    bench_weight_grad("RetinaNet head P5", 25, 38, 256, 256, 3, 1, 1);
    bench_weight_grad("DAT++ merge", 56, 56, 96, 192, 3, 2, 1);
    bench_weight_grad("UPerNet bottleneck", 16, 22, 2816, 512, 3, 1, 1);
    if (peers)
        printf("\nOpenBLAS's time over ours, of %d backward passes: %.3f in the geometric mean, %.2f at worst\n",
               n_ratios, exp(log_ratios / n_ratios), worst_ratio);
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
    printf("%-22s %3dx%-4d %4d          %dx%d    %7.2f ms %6.1f GFLOP/s\n", name, H, W, C, kernel, kernel,
           seconds * 1e3, rate(macs, seconds));
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
    df_mlp_packed(pool, df_kernels(), m->M, m->x, m->w1, m->b1, DF_ACT_GELU, m->w2, m->y,
                  (DfEpilogue){ .residual = m->x });
}

static void run_mlp_in_two(void *arg)
{
    const Mlp *m = arg;
    df_gemm_packed(pool, df_kernels(), m->M, m->x, m->C, m->w1, m->h, 4 * m->C,
                   (DfEpilogue){ .bias = m->b1, .act = DF_ACT_GELU });
    df_gemm_packed(pool, df_kernels(), m->M, m->h, 4 * m->C, m->w2, m->y, m->C, (DfEpilogue){ .residual = m->x });
}

static void bench_mlp(const char *name, size_t M, size_t C)
{
    Mlp m = { .M = M, .C = C };
    m.x = bench_numbers(M * C);
    m.b1 = bench_numbers(4 * C);
    m.h = bench_numbers(M * 4 * C);
    m.y = bench_numbers(M * C);
    float *w = bench_numbers(4 * C * C);
    if (df_pack(&m.w1, pool, w, 4 * C, C, 1) < 0 || df_pack(&m.w2, pool, w, C, 4 * C, 1) < 0)
        abort();
    double seconds[2];
    bench_interleaved((BenchRun *const[]){ run_mlp, run_mlp_in_two }, &m, 2, 5, budget, seconds);
    const double macs = 8.0 * (double)M * (double)C * (double)C;
    printf("%-34s %6zu x %4zu         %8.3f ms  %6.1f GFLOP/s %4.0f%%   in two products %8.3f ms\n", name, M, C,
           seconds[0] * 1e3, rate(macs, seconds[0]), 100 * rate(macs, seconds[0]) / peak, seconds[1] * 1e3);
    df_packed_free(m.w1);
    df_packed_free(m.w2);
    df_free(m.x), df_free(m.b1), df_free(m.h), df_free(m.y), df_free(w);
}

/* ---- networks ---- */

static void measure_peak(void)
{
    const size_t n = 2048;
    Changing g = { false, false, n, n, n, n, n, bench_numbers(n * n), bench_numbers(n * n), bench_numbers(n * n), 0 };
    double seconds[2];
    bench_interleaved((BenchRun *const[]){ run_changing, run_changing_blas }, &g, 1 + peers, 5, 4 * budget, seconds);
    const double macs = (double)(n * n * n), ours = rate(macs, seconds[0]), theirs = peers ? rate(macs, seconds[1]) : 0;
    peak = ours > theirs ? ours : theirs;
    const int threads = df_pool_threads(pool);
    printf("peak: sgemm of 2048 on %d thread%s: ours (%s) %.1f, OpenBLAS %.1f GFLOP/s\n%s\n", threads,
           threads == 1 ? "" : "s", df_kernels_name(df_kernels()), ours, theirs,
           library ? df_kernels_about(library) : "OpenBLAS is not here");
    df_free(g.a), df_free(g.b), df_free(g.c);
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
    bench_conv("ResNet stage 2, first", 56, 56, 128, 128, 3, 2, 1);
    bench_conv("the same, 800 x 1216", 200, 304, 128, 128, 3, 2, 1);
    bench_conv("stage 3", 100, 152, 256, 256, 3, 2, 1);
    bench_conv("stage 4", 50, 76, 512, 512, 3, 2, 1);
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
    library = df_kernels_named("blas");
    peers = library != NULL;
    measure_peak();
    if (argc <= 2 || argv[2][0] == 'p') {
        bench_swin("Swin-T, 224 x 224", 56, 56);
        bench_swin("Swin-T, 800 x 1216", 200, 304);
    }
    if (argc <= 2 || argv[2][0] == 'b')
        bench_backward(), bench_weight_grads();
    if (argc <= 2 || argv[2][0] == 'c')
        bench_convolutions();
    df_pool_free(pool);
    return 0;
}
