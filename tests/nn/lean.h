/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/nn/lean.h -- a network with every kind of product, lean or with memory for everything, and files of its weights
 */
#ifndef DF_TESTS_NN_LEAN_H
#define DF_TESTS_NN_LEAN_H

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "nn/nn.h"
#include "tests/support/rung.h"

/* ---- a network with every kind of product ------------------------------------------------------------------------ */

enum { C = 96, WIDE = 768 };

typedef struct {
    NnModel *model;
    NnConv conv, folded, one, deep;
    NnNorm norm;
    NnLinear pointwise, last;
    NnMlp mlp;
} Net;

static inline Net *net_new(bool lean)
{
    Net *net = calloc(1, sizeof *net);
    cr_assert_eq(nn_model_new(&net->model), DF_OK, "%s", df_error());
    const NnScope s = nn_root(net->model);
    nn_conv_init(nn_at(s, "conv"), &net->conv, C, C, (NnConvShape){ .kernel = 3, .padding = 1 });
    nn_conv_init(nn_at(s, "folded"), &net->folded, C, C, (NnConvShape){ .kernel = 3, .padding = 1, .no_bias = true });
    nn_conv_init(nn_at(s, "one"), &net->one, C, C, (NnConvShape){ .kernel = 1 });
    nn_conv_init(nn_at(s, "deep"), &net->deep, C, C, (NnConvShape){ .kernel = 3, .padding = 1, .groups = C });
    nn_pointwise_init(nn_at(s, "pointwise"), &net->pointwise, C, C, true);
    nn_linear_init(nn_at(s, "fc1"), &net->mlp.fc1, C, WIDE, true);
    nn_linear_init(nn_at(s, "fc2"), &net->mlp.fc2, WIDE, C, true);
    nn_linear_init(nn_at(s, "last"), &net->last, C, 5, true);
    net->mlp.act = DF_ACT_GELU;
    if (lean)
        nn_model_lean(net->model);
    return net;
}

static inline void net_free(Net *net)
{
    nn_model_free(net->model);
    free(net);
}

static float factor[C];

/* -> N H W 5 */
static inline DfTensor *run(DfCtx *c, const Net *net, DfTensor *x)
{
    DfTensor *fold = df_from(c, DF_SHAPE(C), factor);
    x = nn_conv(c, &net->conv, x);
    x = nn_conv_fused(c, &net->folded, x, (DfFuse){ .fold = fold });
    x = nn_conv(c, &net->deep, nn_conv(c, &net->one, x));
    x = nn_linear(c, &net->pointwise, x);
    x = nn_mlp_add(c, &net->mlp, x, (NnResidual){ .residual = x });
    return nn_linear(c, &net->last, x);
}

/* The result for a map of H x H pixels: 3x3 convolutions of large maps go by Winograd, of small ones by patches.
 * Returns the number of floats; `out` may be NULL. */
static inline size_t pass(const Net *net, int H, float *out, int *error)
{
    DfCtx *c;
    cr_assert_eq(df_ctx_new(&c, NULL), DF_OK, "%s", df_error());
    DfTensor *x = df_new(c, DF_SHAPE(1, H, H, C));
    for (size_t i = 0; i < df_size(x); i++)
        x->data[i] = sinf((float)i);
    const DfTensor *y = run(c, net, x);
    const size_t n = df_size(y);
    *error = df_ctx_error(c);
    if (*error == DF_OK && out)
        memcpy(out, y->data, n * sizeof *out);
    df_ctx_free(c);
    return n;
}

enum { LARGE = 16, SMALL = 2, MOST = LARGE * LARGE * 5 };

/* Both sizes give the same bits. */
static inline void expect_same(const Net *a, const Net *b)
{
    static const int sizes[] = { LARGE, SMALL, LARGE };
    for (int i = 0; i < 3; i++) {
        float x[MOST] = { 0 }, y[MOST] = { 1 };
        int error;
        const size_t n = pass(a, sizes[i], x, &error);
        cr_assert_eq(error, DF_OK, "%s", df_error());
        pass(b, sizes[i], y, &error);
        cr_assert_eq(error, DF_OK, "%s", df_error());
        cr_expect_eq(memcmp(x, y, n * sizeof *x), 0, "maps of %d: other bits", sizes[i]);
    }
}

static inline bool has_data(const Net *net, const char *name)
{
    const NnParam *param = nn_model_find(net->model, name);
    cr_assert_not_null(param, "there is no %s", name);
    return param->tensor->data != NULL;
}

static inline void expect_lean(const Net *net)
{
    if (rung_is_blas())
        return;
    static const char *const without[] = { "conv.weight", "folded.weight", "one.weight", "pointwise.weight",
                                           "fc1.weight", "fc2.weight" };
    static const char *const with[] = { "deep.weight", "conv.bias", "fc1.bias", "last.weight" };
    for (size_t i = 0; i < sizeof without / sizeof *without; i++)
        cr_expect_not(has_data(net, without[i]), "%s", without[i]);
    for (size_t i = 0; i < sizeof with / sizeof *with; i++)
        cr_expect(has_data(net, with[i]), "%s", with[i]);
}

/* ---- files ------------------------------------------------------------------------------------------------------- */

static char path[96];

static inline void set_up(void)
{
    for (int i = 0; i < C; i++)
        factor[i] = 0.5f + 0.01f * (float)i;
    snprintf(path, sizeof path, "/tmp/deformer-lean-XXXXXX");
    const int descriptor = mkstemp(path);
    cr_assert_geq(descriptor, 0);
    close(descriptor);
    unlink(path);
}

static inline void tear_down(void)
{
    unlink(path);
}

static inline void name_file(const char *ending)
{
    snprintf(path + strlen(path), 16, "%s", ending);
}

/* The weights of `seed`, in that type. */
static inline void write_file(uint64_t seed, DfDtype dtype)
{
    Net *net = net_new(false);
    DfArray arrays[32];
    const int n = nn_model_count(net->model);
    cr_assert(n <= 32 && nn_model_init(net->model, seed) == DF_OK, "%s", df_error());
    for (int i = 0; i < n; i++) {
        const NnParam *param = nn_model_at(net->model, i);
        const DfArray from = nn_param_array(param, param->name, param->tensor->data);
        void *numbers = malloc((size_t)df_array_count(&from) * df_dtype_size(dtype));
        df_array_copy(&from, dtype, numbers);
        arrays[i] = df_array(param->name, dtype, from.ndim, from.shape, numbers);
    }
    cr_assert_eq(df_checkpoint_write(path, arrays, n, NULL, 0), DF_OK, "%s", df_error());
    for (int i = 0; i < n; i++)
        free((void *)(uintptr_t)arrays[i].data);
    net_free(net);
}

static inline int load(Net *net)
{
    DfCheckpoint *file;
    NnReport report;
    cr_assert_eq(nn_model_init(net->model, 1), DF_OK, "%s", df_error());
    cr_assert_eq(df_checkpoint_open(&file, path, NULL), DF_OK, "%s", df_error());
    const int error = nn_model_load(net->model, file, NULL, &report);
    nn_report_free(&report);
    df_checkpoint_close(file);
    return error;
}

static inline void expect_numbers(const Net *full, const Net *lean)
{
    for (int i = 0; i < nn_model_count(full->model); i++) {
        const NnParam *want = nn_model_at(full->model, i);
        const NnParam *got = nn_model_at(lean->model, i);
        DfNumbers numbers;
        cr_assert_eq(df_numbers_open(got->tensor, &numbers), DF_OK, "%s", df_error());
        const size_t bytes = df_size(want->tensor) * sizeof(float);
        cr_expect_eq(memcmp(numbers.at, want->tensor->data, bytes), 0, "%s", want->name);
        cr_assert_eq(df_numbers_close(got->tensor, &numbers), DF_OK, "%s", df_error());
    }
}

#endif
