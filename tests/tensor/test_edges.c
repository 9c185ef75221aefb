/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/tensor/test_edges.c -- random ops at and around every size at which kernels change what they
 * do, against PyTorch in float64 (tests/scripts/make_edges.py, which draws the same inputs from the
 * same hash): values and gradients, on every rung, with the tape and without it, and with 1 and 3
 * threads, whose results must be the same bits.
 */
#define _GNU_SOURCE /* strsep */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tensor/tensor.h"

enum { OPTIONS = 16, INPUTS = 6, SUMS = 4, LINE = 4096 };

/* ---- what both sides draw ------------------------------------------------------------------------------------------ */

static uint64_t mix(uint64_t x)
{
    x += 0x9E3779B97F4A7C15u;
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
    return x ^ (x >> 31);
}

/* n numbers in [-1, 1) with 24 bits */
static void draw(float *out, uint64_t seed, uint64_t number, size_t n)
{
    const uint64_t start = mix(seed * 1000003 + number * 7919 + 12345);
    for (size_t i = 0; i < n; i++)
        out[i] = (float)(mix(start + i) >> 40) / (float)(1 << 23) - 1;
}

/* One line of the file, and a pass over it. */
typedef struct {
    char op[32];
    int n[OPTIONS], n_options;
    uint64_t seed;
    DfCtx *c;
    DfTensor *in[INPUTS];
    int n_in;
    double flows; /* length of what flows back into the result */
    bool made; /* the inputs are there, and are used again */
    int next;
} Case;

static DfTensor *input(Case *k, DfShape shape, double scale, double shift)
{
    if (k->made)
        return k->in[k->next++];
    DfTensor *x = df_new(k->c, shape);
    draw(x->data, k->seed, (uint64_t)k->n_in, df_size(x));
    for (size_t i = 0; i < df_size(x); i++) {
        x->data[i] *= (float)scale;
        x->data[i] += (float)shift;
    }
    x->wants_grad = true;
    return k->in[k->n_in++] = x;
}

static DfTensor *plain(Case *k, DfShape shape) { return input(k, shape, 1, 0); }

/* ---- the ops --------------------------------------------------------------------------------------------------------- */

static const DfAct acts[] = { DF_ACT_NONE, DF_ACT_RELU, DF_ACT_GELU };

static DfTensor *linear(Case *k)
{
    const int M = k->n[0], K = k->n[1], N = k->n[2];
    DfTensor *x = plain(k, DF_SHAPE(M, K));
    DfTensor *w = input(k, DF_SHAPE(N, K), 1 / sqrt(K), 0);
    DfTensor *b = plain(k, DF_SHAPE(N));
    DfTensor *r = k->n[4] ? plain(k, DF_SHAPE(M, N)) : NULL;
    return df_linear_fused(k->c, x, w, b, (DfFuse){ .act = acts[k->n[3]], .residual = r });
}

static DfTensor *mlp(Case *k)
{
    const int M = k->n[0], K = k->n[1], H = k->n[2], N = k->n[3];
    DfTensor *x = plain(k, DF_SHAPE(M, K));
    DfTensor *w1 = input(k, DF_SHAPE(H, K), 1 / sqrt(K), 0), *b1 = plain(k, DF_SHAPE(H));
    DfTensor *w2 = input(k, DF_SHAPE(N, H), 1 / sqrt(H), 0), *b2 = plain(k, DF_SHAPE(N));
    return df_mlp(k->c, x, w1, b1, acts[k->n[4]], w2, b2, (DfFuse){ 0 });
}

static DfTensor *matmul(Case *k)
{
    DfTensor *a = plain(k, DF_SHAPE(k->n[0], k->n[1], k->n[2]));
    return df_matmul(k->c, a, plain(k, DF_SHAPE(k->n[0], k->n[2], k->n[3])));
}

static DfTensor *conv2d(Case *k)
{
    const int *n = k->n, I = n[3], O = n[4], kh = n[5], kw = n[6], groups = n[13];
    const bool depthwise = groups == I && groups == O && groups > 1;
    DfTensor *x = plain(k, DF_SHAPE(n[0], n[1], n[2], I));
    const DfShape shape = depthwise ? DF_SHAPE(kh, kw, I) : DF_SHAPE(O, kh, kw, I / groups);
    DfTensor *w = input(k, shape, 1 / sqrt((double)kh * kw * I / groups), 0);
    const DfConv conv = { { n[7], n[8] }, { n[9], n[10] }, { n[11], n[12] }, groups };
    return df_conv2d(k->c, x, w, plain(k, DF_SHAPE(O)), conv, (DfFuse){ .act = acts[n[14]] });
}

static DfTensor *deform_conv(Case *k)
{
    const int *n = k->n, N = n[0], I = n[3], O = n[4], side = n[5], s = n[6], p = n[7], d = n[8], groups = n[9], G = n[10];
    const int H = (n[1] + 2 * p - d * (side - 1) - 1) / s + 1, W = (n[2] + 2 * p - d * (side - 1) - 1) / s + 1;
    DfTensor *x = plain(k, DF_SHAPE(N, n[1], n[2], I));
    DfTensor *offset = input(k, DF_SHAPE(N, H, W, 2 * G * side * side), 2.5, 0);
    DfTensor *mask = n[11] ? plain(k, DF_SHAPE(N, H, W, G * side * side)) : NULL;
    DfTensor *w = input(k, DF_SHAPE(O, side, side, I / groups), 1 / sqrt((double)side * side * I / groups), 0);
    return df_deform_conv2d(k->c, x, offset, mask, w, plain(k, DF_SHAPE(O)), (DfConv){ { s, s }, { p, p }, { d, d }, groups }, G);
}

static DfTensor *layer_norm(Case *k)
{
    DfTensor *x = plain(k, DF_SHAPE(k->n[0], k->n[1])), *w = plain(k, DF_SHAPE(k->n[1]));
    return df_layer_norm(k->c, x, w, plain(k, DF_SHAPE(k->n[1])), 1e-5f);
}

static DfTensor *group_norm(Case *k)
{
    DfTensor *x = plain(k, DF_SHAPE(k->n[0], k->n[1], k->n[2], k->n[3])), *w = plain(k, DF_SHAPE(k->n[3]));
    return df_group_norm(k->c, x, k->n[4], w, plain(k, DF_SHAPE(k->n[3])), 1e-5f);
}

static DfTensor *softmax(Case *k) { return df_softmax(k->c, input(k, DF_SHAPE(k->n[0], k->n[1]), 4, 0), -1); }

static DfTensor *window_attention(Case *k)
{
    const int *n = k->n, heads = n[3], C = heads * n[4], side = 2 * n[5] - 1;
    DfTensor *qkv = plain(k, DF_SHAPE(n[0], n[1], n[2], 3 * C));
    DfTensor *pad = n[7] ? plain(k, DF_SHAPE(3 * C)) : NULL;
    DfTensor *table = n[8] ? plain(k, DF_SHAPE(side * side, heads)) : NULL;
    const DfWindowAttention how = { .window = n[5], .shift = n[6], .heads = heads, .scale = (float)(1 / sqrt(n[4])) };
    return df_window_attention(k->c, qkv, pad, table, how);
}

static DfTensor *deform_attention(Case *k)
{
    const int *n = k->n, B = n[0], H = n[1], W = n[2], Ns = n[3], heads = n[4], groups = n[5], C = heads * n[6];
    DfTensor *q = plain(k, DF_SHAPE(B, H, W, C)), *key = plain(k, DF_SHAPE(B, Ns, C)), *v = plain(k, DF_SHAPE(B, Ns, C));
    static const DfBiasKind kinds[] = { DF_BIAS_NONE, DF_BIAS_TABLE, DF_BIAS_DENSE };
    DfTensor *pos = n[7] == 1 ? plain(k, DF_SHAPE(B, groups, Ns, 2)) : NULL;
    DfTensor *bias = n[7] == 1 ? plain(k, DF_SHAPE(heads, n[9], n[10])) : n[7] == 2 ? plain(k, DF_SHAPE(heads, H * W, Ns)) : NULL;
    const DfDeformAttention how = { .heads = heads, .groups = groups, .scale = (float)(1 / sqrt(n[6])), .kind = kinds[n[7]], .half_pixel = n[8] };
    return df_deform_attention(k->c, q, key, v, pos, bias, how);
}

static DfTensor *ms_deform_attention(Case *k)
{
    const int *n = k->n, B = n[0], Q = n[1], heads = n[2], points = n[4];
    DfPyramid p = { .n = (k->n_options - 5) / 2 };
    for (int i = 0; i < p.n; i++) {
        p.h[i] = n[5 + 2 * i];
        p.w[i] = n[6 + 2 * i];
    }
    DfTensor *value = plain(k, DF_SHAPE(B, df_pyramid_cells(&p), heads, n[3]));
    DfTensor *location = input(k, DF_SHAPE(B, Q, heads, p.n, points, 2), 0.6f, 0.5);
    return df_ms_deform_attention(k->c, value, location, plain(k, DF_SHAPE(B, Q, heads, p.n, points)), &p);
}

static DfTensor *roi_align(Case *k)
{
    enum { MOST = 8 };
    const int *n = k->n;
    float r[4 * MOST], rois[5 * MOST];
    cr_assert_leq(n[4], MOST);
    draw(r, k->seed, 100, 4 * (size_t)n[4]);
    for (int i = 0; i < n[4]; i++) {
        float *roi = rois + 5 * i;
        roi[0] = (float)(i % n[0]);
        roi[1] = (r[4 * i] + 1) * (float)(2 * n[2]) - 4;
        roi[2] = (r[4 * i + 1] + 1) * (float)(2 * n[1]) - 4;
        roi[3] = roi[1] + (r[4 * i + 2] + 1) * 0.5f * (float)n[9];
        roi[4] = roi[2] + (r[4 * i + 3] + 1) * 0.5f * (float)n[9];
    }
    DfTensor *x = plain(k, DF_SHAPE(n[0], n[1], n[2], n[3]));
    const DfRoiAlign how = { .height = n[5], .width = n[6], .sampling_ratio = n[7], .aligned = n[8] };
    return df_roi_align(k->c, &x, (float[]){ 0.25f }, 1, rois, NULL, n[4], how);
}

static DfTensor *interpolate(Case *k)
{
    static const DfInterpolation kinds[] = { DF_NEAREST, DF_BILINEAR, DF_BICUBIC };
    const int *n = k->n;
    return df_interpolate(k->c, plain(k, DF_SHAPE(n[0], n[1], n[2], n[3])), n[4], n[5], kinds[n[6]], n[7]);
}

static DfTensor *grid_sample(Case *k)
{
    static const DfPadding paddings[] = { DF_PAD_ZEROS, DF_PAD_BORDER, DF_PAD_REFLECTION };
    const int *n = k->n;
    DfTensor *x = plain(k, DF_SHAPE(n[0], n[1], n[2], n[3]));
    return df_grid_sample(k->c, x, input(k, DF_SHAPE(n[0] * n[6], n[4], n[5], 2), 1.3, 0), n[6], paddings[n[7]], n[8]);
}

static DfTensor *neighborhood_attention(Case *k)
{
    const int *n = k->n, heads = n[3], side = 2 * n[5] - 1;
    DfTensor *qkv = plain(k, DF_SHAPE(n[0], n[1], n[2], 3 * heads * n[4]));
    DfTensor *table = n[7] ? plain(k, DF_SHAPE(heads, side, side)) : NULL;
    const DfNeighborhoodAttention how = { .window = n[5], .dilation = n[6], .heads = heads, .scale = (float)(1 / sqrt(n[4])) };
    return df_neighborhood_attention(k->c, qkv, table, how);
}

static const struct {
    const char *name;
    DfTensor *(*run)(Case *);
} ops[] = {
    { "linear", linear }, { "mlp", mlp }, { "matmul", matmul }, { "conv2d", conv2d }, { "deform_conv", deform_conv },
    { "layer_norm", layer_norm }, { "group_norm", group_norm }, { "softmax", softmax }, { "window_attention", window_attention },
    { "deform_attention", deform_attention }, { "ms_deform_attention", ms_deform_attention }, { "roi_align", roi_align },
    { "interpolate", interpolate }, { "grid_sample", grid_sample }, { "neighborhood_attention", neighborhood_attention },
};

static DfTensor *run(Case *k)
{
    k->next = 0;
    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++)
        if (strcmp(ops[i].name, k->op) == 0)
            return ops[i].run(k);
    cr_assert_fail("there is no op '%s' here", k->op);
    return NULL;
}

/* ---- one line -------------------------------------------------------------------------------------------------------- */

/* The fields of a line, one after another. */
static double field(char **at)
{
    const char *text = strsep(at, "\t\n");
    cr_assert_not_null(text, "the line is too short");
    return strtod(text, NULL);
}

static void read_case(Case *k, char **at)
{
    *k = (Case){ 0 };
    snprintf(k->op, sizeof k->op, "%s", strsep(at, "\t"));
    k->n_options = (int)field(at);
    cr_assert_leq(k->n_options, OPTIONS);
    for (int i = 0; i < k->n_options; i++)
        k->n[i] = (int)field(at);
    k->seed = (uint64_t)field(at);
}

/* "conv2d(1, 3, ..)", seed and rung */
static const char *describe(const Case *k, const char *rung)
{
    static char text[256];
    size_t n = (size_t)snprintf(text, sizeof text, "%s(", k->op);
    for (int i = 0; i < k->n_options; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "%s%d", i ? ", " : "", k->n[i]);
    snprintf(text + n, sizeof text - n, ") on %s", rung);
    return text;
}

/* Rounding moves a sum by about the length times 1e-7 times the root of the products' depth; one wrong element of
 * average size moves it by the length over the root of the number of elements, of which there are at most some ten
 * thousand. Where all terms cancel, as behind the softmax of one key, what is left is the rounding of the terms, which
 * are about as long as what flows back, k->flows. */
static void compare(const Case *k, const char *rung, int result, const float *x, size_t n, char **at)
{
    const double tolerance = 1e-5;
    float *weight = malloc((n + 1) * sizeof *weight);
    cr_assert_eq((size_t)field(at), n, "%s: result %d has another size", describe(k, rung), result);
    const double length = field(at);
    for (int i = 0; i < SUMS; i++) {
        double sum = 0;
        draw(weight, k->seed, 60 + 4 * (uint64_t)result + (uint64_t)i, n);
        for (size_t j = 0; j < n; j++)
            sum += (double)x[j] * (double)weight[j];
        const double away = fabs(sum - field(at));
        cr_expect(away <= tolerance * length + 2e-7 * k->flows, "%s: %s %d is away by %g of a length of %g", describe(k, rung), result ? "gradient" : "value", result, away, length);
    }
    free(weight);
}

static uint64_t hash(uint64_t h, const float *x, size_t n) { return df_hash_add(h, x, n * sizeof *x); }

/* With the tape on: the value, and what flows back to the inputs. */
static uint64_t check_recorded(Case *k, const char *name, char **at)
{
    k->c->recording = true;
    DfTensor *y = run(k);
    cr_assert_eq(df_ctx_error(k->c), DF_OK, "%s: %s", describe(k, name), df_error());
    float *gradient = malloc((df_size(y) + 1) * sizeof *gradient);
    draw(gradient, k->seed, 50, df_size(y));
    for (size_t i = 0; i < df_size(y); i++)
        k->flows = hypot(k->flows, (double)gradient[i]);
    df_backward(k->c, y, gradient);
    free(gradient);
    cr_assert_eq(df_ctx_error(k->c), DF_OK, "%s: %s", describe(k, name), df_error());
    cr_assert_eq((int)field(at), 1 + k->n_in);
    compare(k, name, 0, y->data, df_size(y), at);
    uint64_t bits = hash(DF_HASH_START, y->data, df_size(y));
    for (int i = 0; i < k->n_in; i++) {
        cr_assert_not_null(k->in[i]->grad, "%s: input %d has no gradient", describe(k, name), i);
        compare(k, name, i + 1, k->in[i]->grad, df_size(k->in[i]), at);
        bits = hash(bits, k->in[i]->grad, df_size(k->in[i]));
    }
    return bits;
}

/* Without a tape, where ops are fused and weights are packed. */
static uint64_t check_inference(Case *k, const char *name, uint64_t bits, char **at)
{
    k->c->recording = false;
    k->made = true;
    const DfTensor *y = run(k);
    cr_assert_eq(df_ctx_error(k->c), DF_OK, "%s: %s", describe(k, name), df_error());
    compare(k, name, 0, y->data, df_size(y), at);
    return hash(bits, y->data, df_size(y));
}

static uint64_t check_line(const char *line, const char *name, const DfKernels *rung, int threads)
{
    char copy[LINE], *at = copy;
    Case k;
    DfPool *pool;
    snprintf(copy, sizeof copy, "%s", line);
    read_case(&k, &at);
    cr_assert_eq(df_pool_new(&pool, threads), DF_OK);
    cr_assert_eq(df_ctx_new(&k.c, pool), DF_OK);
    k.c->k = rung;
    const size_t results = (size_t)(at - copy);
    uint64_t bits = check_recorded(&k, name, &at);
    snprintf(copy, sizeof copy, "%s", line); /* reading has cut it */
    at = copy + results;
    field(&at);
    bits = check_inference(&k, name, bits, &at);
    df_ctx_free(k.c);
    df_pool_free(pool);
    return bits;
}

static void check_rung(const char *name)
{
    const DfKernels *rung = df_kernels_named(name);
    char line[LINE];
    FILE *file = fopen(DF_TEST_DATA "/edges.tsv", "r");
    cr_assert_not_null(file);
    int lines = 0;
    for (; fgets(line, sizeof line, file); lines++)
        cr_expect_eq(check_line(line, name, rung, 1), check_line(line, name, rung, 3), "line %d on %s: threads change the result", lines + 1, name);
    fclose(file);
    cr_expect_geq(lines, 400);
}

Test(edges, all_rungs)
{
    for (int r = 0; df_kernels_rung(r); r++)
        check_rung(df_kernels_rung(r));
}
