/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/tensor/test_ops_golden.c -- single ops against reference outputs and gradients of PyTorch, computed in float64.
 * Every case runs on each rung of kernels and with 1 and 2 threads, whose results must be the same bits.
 *
 * The files in tests/data/ops hold input.*, output.*, gradout.* (the upstream gradient) and grad.*.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "tensor/tensor.h"
#include "tests/support/golden.h"

enum { INPUTS = 3 };
static const double tolerance = 2e-5;

typedef struct {
    const char *file, *inputs[INPUTS];
    bool channels_first; /* x and y are N C H W in the file */
    DfTensor *(*run)(DfCtx *, DfTensor *const *in);
} Case;

/* ---- the ops ----------------------------------------------------------------------------------------------------- */

static DfTensor *gelu(DfCtx *c, DfTensor *const *in) { return df_gelu(c, in[0]); }
static DfTensor *gelu_tanh(DfCtx *c, DfTensor *const *in) { return df_act(c, in[0], DF_ACT_GELU_TANH); }
static DfTensor *relu(DfCtx *c, DfTensor *const *in) { return df_relu(c, in[0]); }
static DfTensor *sigmoid(DfCtx *c, DfTensor *const *in) { return df_sigmoid(c, in[0]); }
static DfTensor *softmax_last(DfCtx *c, DfTensor *const *in) { return df_softmax(c, in[0], -1); }
static DfTensor *softmax_1(DfCtx *c, DfTensor *const *in) { return df_softmax(c, in[0], 1); }
static DfTensor *layer_norm_5(DfCtx *c, DfTensor *const *in) { return df_layer_norm(c, in[0], in[1], in[2], 1e-5f); }
static DfTensor *layer_norm_6(DfCtx *c, DfTensor *const *in) { return df_layer_norm(c, in[0], in[1], in[2], 1e-6f); }
static DfTensor *group_norm_1(DfCtx *c, DfTensor *const *in) { return df_group_norm(c, in[0], 1, in[1], in[2], 1e-5f); }
static DfTensor *group_norm_4(DfCtx *c, DfTensor *const *in) { return df_group_norm(c, in[0], 4, in[1], in[2], 1e-5f); }

#define RESIZE(name, H, W, how, align) \
    static DfTensor *name(DfCtx *c, DfTensor *const *in) { return df_interpolate(c, in[0], H, W, how, align); }
RESIZE(bilinear_up_f, 16, 13, DF_BILINEAR, false)
RESIZE(bilinear_up_t, 16, 13, DF_BILINEAR, true)
RESIZE(bilinear_down_f, 6, 9, DF_BILINEAR, false)
RESIZE(bilinear_down_t, 6, 9, DF_BILINEAR, true)
RESIZE(bilinear_to_1, 1, 4, DF_BILINEAR, true)
RESIZE(nearest_x2, 10, 14, DF_NEAREST, false)
RESIZE(nearest_odd, 13, 12, DF_NEAREST, false)
RESIZE(bicubic_up, 13, 13, DF_BICUBIC, false)
RESIZE(bicubic_down, 13, 11, DF_BICUBIC, false)

#define MAX_POOL(name, k, s, p) \
    static DfTensor *name(DfCtx *c, DfTensor *const *in) { return df_max_pool2d(c, in[0], (int[]){ k, k }, (int[]){ s, s }, (int[]){ p, p }, false); }
MAX_POOL(max_3s2p1, 3, 2, 1)
MAX_POOL(max_2s2, 2, 2, 0)
MAX_POOL(max_1s2, 1, 2, 0)
static DfTensor *avg_4(DfCtx *c, DfTensor *const *in)
{
    return df_avg_pool2d(c, in[0], (int[]){ 4, 4 }, (int[]){ 4, 4 }, (int[]){ 0, 0 }, false, true);
}
static DfTensor *adaptive_1(DfCtx *c, DfTensor *const *in) { return df_adaptive_avg_pool2d(c, in[0], 1, 1); }
static DfTensor *adaptive_2x3(DfCtx *c, DfTensor *const *in) { return df_adaptive_avg_pool2d(c, in[0], 2, 3); }
static DfTensor *adaptive_7(DfCtx *c, DfTensor *const *in) { return df_adaptive_avg_pool2d(c, in[0], 7, 7); }

#define SAMPLE(name, padding, align) \
    static DfTensor *name(DfCtx *c, DfTensor *const *in) { return df_grid_sample(c, in[0], in[1], 1, padding, align); }
SAMPLE(sample_zeros_t, DF_PAD_ZEROS, true)
SAMPLE(sample_border_t, DF_PAD_BORDER, true)
SAMPLE(sample_reflection_t, DF_PAD_REFLECTION, true)
SAMPLE(sample_zeros_f, DF_PAD_ZEROS, false)
SAMPLE(sample_border_f, DF_PAD_BORDER, false)
SAMPLE(sample_reflection_f, DF_PAD_REFLECTION, false)

static const Case cases[] = {
    { "gelu", { "x" }, false, gelu },
    { "gelu_tanh", { "x" }, false, gelu_tanh },
    { "relu", { "x" }, false, relu },
    { "sigmoid", { "x" }, false, sigmoid },
    { "softmax_last", { "x" }, false, softmax_last },
    { "softmax_dim1_big", { "x" }, false, softmax_1 },
    { "layer_norm_e5", { "x", "weight", "bias" }, false, layer_norm_5 },
    { "layer_norm_e6small", { "x", "weight", "bias" }, false, layer_norm_6 },
    { "layer_norm_nchw", { "x", "weight", "bias" }, true, layer_norm_5 },
    { "group_norm_g1", { "x", "weight", "bias" }, true, group_norm_1 },
    { "group_norm_g4", { "x", "weight", "bias" }, true, group_norm_4 },
    { "interpolate_bilinear_up_f", { "x" }, true, bilinear_up_f },
    { "interpolate_bilinear_up_t", { "x" }, true, bilinear_up_t },
    { "interpolate_bilinear_down_f", { "x" }, true, bilinear_down_f },
    { "interpolate_bilinear_down_t", { "x" }, true, bilinear_down_t },
    { "interpolate_bilinear_to1_t", { "x" }, true, bilinear_to_1 },
    { "interpolate_nearest_x2", { "x" }, true, nearest_x2 },
    { "interpolate_nearest_odd", { "x" }, true, nearest_odd },
    { "interpolate_bicubic_up", { "x" }, true, bicubic_up },
    { "interpolate_bicubic_down", { "x" }, true, bicubic_down },
    { "max_pool2d_3s2p1", { "x" }, true, max_3s2p1 },
    { "max_pool2d_2s2", { "x" }, true, max_2s2 },
    { "max_pool2d_1s2", { "x" }, true, max_1s2 },
    { "avg_pool2d_4", { "x" }, true, avg_4 },
    { "adaptive_avg_pool2d_1", { "x" }, true, adaptive_1 },
    { "adaptive_avg_pool2d_2x3", { "x" }, true, adaptive_2x3 },
    { "adaptive_avg_pool2d_7_up", { "x" }, true, adaptive_7 },
    { "grid_sample_align_zeros", { "x", "grid" }, true, sample_zeros_t },
    { "grid_sample_align_border", { "x", "grid" }, true, sample_border_t },
    { "grid_sample_align_reflection", { "x", "grid" }, true, sample_reflection_t },
    { "grid_sample_noalign_zeros", { "x", "grid" }, true, sample_zeros_f },
    { "grid_sample_noalign_border", { "x", "grid" }, true, sample_border_f },
    { "grid_sample_noalign_reflection", { "x", "grid" }, true, sample_reflection_f },
};

/* ---- layouts ----------------------------------------------------------------------------------------------------- */

static bool is_map(const Case *k, const DfArray *a)
{
    const char *name = strchr(a->name, '.') + 1;
    return k->channels_first && a->ndim == 4 && strcmp(name, "grid") != 0;
}

/* In our order of axes. */
static DfArray ours(const Case *k, DfCheckpoint *g, const char *kind, const char *name)
{
    char key[64];
    snprintf(key, sizeof key, "%s.%s", kind, name);
    const DfArray *a = golden_get(g, key);
    return is_map(k, a) ? golden_channels_last(a) : *a;
}

static DfTensor *load(DfCtx *c, const Case *k, DfCheckpoint *g, const char *kind, const char *name)
{
    const DfArray a = ours(k, g, kind, name);
    return golden_tensor(c, &a);
}

static void compare(const Case *k, DfCheckpoint *g, const char *kind, const char *name, const float *got)
{
    const DfArray a = ours(k, g, kind, name);
    cr_expect_leq(rel_l2(got, &a), tolerance, "%s %s: rel l2 %g", k->file, a.name, rel_l2(got, &a));
    cr_expect_leq(max_abs_over_max(got, &a), tolerance, "%s %s: max abs %g", k->file, a.name, max_abs_over_max(got, &a));
}

/* ---- one case ---------------------------------------------------------------------------------------------------- */

/* Runs forward and backward and compares; the hash tells whether two runs gave the same bits. */
static uint64_t hash(uint64_t h, const float *x, size_t n)
{
    const unsigned char *bytes = (const unsigned char *)x;
    for (size_t i = 0; i < n * sizeof *x; i++)
        h = (h ^ bytes[i]) * 0x100000001b3u;
    return h;
}

static uint64_t check(const Case *k, DfCheckpoint *g, const DfKernels *rung, int threads)
{
    DfPool *pool = NULL;
    DfCtx *c = NULL;
    cr_assert_eq(df_pool_new(&pool, threads), DF_OK);
    cr_assert_eq(df_ctx_new(&c, pool), DF_OK);
    c->k = rung;
    c->recording = true;
    DfTensor *in[INPUTS] = { NULL };
    for (int i = 0; i < INPUTS && k->inputs[i]; i++) {
        in[i] = load(c, k, g, "input", k->inputs[i]);
        in[i]->wants_grad = true;
    }
    DfTensor *y = k->run(c, in), *seed = load(c, k, g, "gradout", "y");
    cr_assert_eq(df_ctx_error(c), DF_OK, "%s: %s", k->file, df_error());
    cr_assert(df_same_shape(y->shape, seed->shape), "%s: wrong shape", k->file);
    df_backward(c, y, seed->data);
    cr_assert_eq(df_ctx_error(c), DF_OK, "%s: %s", k->file, df_error());
    compare(k, g, "output", "y", y->data);
    uint64_t h = hash(0, y->data, df_size(y));
    for (int i = 0; i < INPUTS && in[i]; i++) {
        compare(k, g, "grad", k->inputs[i], in[i]->grad);
        h = hash(h, in[i]->grad, df_size(in[i]));
    }
    c->recording = false; /* inference may take another way to the same bits */
    const DfTensor *again = k->run(c, in);
    cr_expect_arr_eq(again->data, y->data, df_size(y) * sizeof(float), "%s: inference differs", k->file);
    df_ctx_free(c);
    df_pool_free(pool);
    return h;
}

static void check_rungs(const Case *k)
{
    DfCheckpoint *g = golden_open(DF_TEST_DATA "/ops/%s.safetensors", k->file);
    cr_assert_not_null(g, "%s is missing", k->file);
    for (int i = 0; df_kernels_rung(i); i++) {
        const DfKernels *rung = df_kernels_named(df_kernels_rung(i));
        cr_expect_eq(check(k, g, rung, 1), check(k, g, rung, 2), "%s: threads change the result", k->file);
    }
    golden_close(g);
}

Test(ops_golden, all)
{
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check_rungs(&cases[i]);
}

/* ---- batch norm, which also writes -------------------------------------------------------------------------------- */

static DfTensor *moving[2]; /* running mean and variance of the run */
static bool batch_statistics;

static DfTensor *batch_norm(DfCtx *c, DfTensor *const *in)
{
    DfTensor *mean = df_from(c, moving[0]->shape, moving[0]->data), *var = df_from(c, moving[1]->shape, moving[1]->data);
    DfTensor *y = df_batch_norm(c, in[0], in[1], in[2], mean, var, batch_statistics, 0.1f, 1e-5f);
    moving[0] = mean;
    moving[1] = var;
    return y;
}

static void check_batch_norm(const char *file, bool training, const char *rung)
{
    const Case k = { file, { "x", "weight", "bias" }, true, batch_norm };
    DfCheckpoint *g = golden_open(DF_TEST_DATA "/ops/%s.safetensors", file);
    cr_assert_not_null(g);
    DfCtx *keep = NULL;
    cr_assert_eq(df_ctx_new(&keep, NULL), DF_OK);
    batch_statistics = training;
    moving[0] = load(keep, &k, g, "input", "running_mean");
    moving[1] = load(keep, &k, g, "input", "running_var");
    DfTensor *const start[2] = { moving[0], moving[1] };
    DfCtx *c = NULL;
    cr_assert_eq(df_ctx_new(&c, NULL), DF_OK);
    c->k = df_kernels_named(rung);
    c->recording = true;
    DfTensor *in[INPUTS];
    for (int i = 0; i < INPUTS; i++) {
        in[i] = load(c, &k, g, "input", k.inputs[i]);
        in[i]->wants_grad = true;
    }
    moving[0] = start[0];
    moving[1] = start[1];
    DfTensor *y = batch_norm(c, in), *seed = load(c, &k, g, "gradout", "y");
    cr_assert_eq(df_ctx_error(c), DF_OK, "%s", df_error());
    df_backward(c, y, seed->data);
    compare(&k, g, "output", "y", y->data);
    for (int i = 0; i < INPUTS; i++)
        compare(&k, g, "grad", k.inputs[i], in[i]->grad);
    if (training) {
        cr_expect_eq(memcmp(moving[0]->data, start[0]->data, df_size(start[0]) * sizeof(float)), 0, "not in the pass");
        cr_expect(df_apply_statistics(c));
        cr_expect_not(df_apply_statistics(c), "once");
        compare(&k, g, "output", "running_mean", moving[0]->data);
        compare(&k, g, "output", "running_var", moving[1]->data);
    }
    df_ctx_free(c);
    df_ctx_free(keep);
    golden_close(g);
}

Test(ops_golden, batch_norm)
{
    for (int i = 0; df_kernels_rung(i); i++) {
        check_batch_norm("batch_norm_train", true, df_kernels_rung(i));
        check_batch_norm("batch_norm_eval", false, df_kernels_rung(i));
    }
}
