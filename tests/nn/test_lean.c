/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/nn/test_lean.c -- lean models: weights that have no memory beside their packed copies, and come back whenever
 * somebody needs them. The witness is the same model with memory for everything.
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
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

static Net *net_new(bool lean)
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

static void net_free(Net *net)
{
    nn_model_free(net->model);
    free(net);
}

static float factor[C];

/* -> N H W 5 */
static DfTensor *run(DfCtx *c, const Net *net, DfTensor *x)
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
static size_t pass(const Net *net, int H, float *out, int *error)
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
static void expect_same(const Net *a, const Net *b)
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

static bool has_data(const Net *net, const char *name)
{
    const NnParam *param = nn_model_find(net->model, name);
    cr_assert_not_null(param, "there is no %s", name);
    return param->tensor->data != NULL;
}

static void expect_lean(const Net *net)
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

static void set_up(void)
{
    for (int i = 0; i < C; i++)
        factor[i] = 0.5f + 0.01f * (float)i;
    snprintf(path, sizeof path, "/tmp/deformer-lean-XXXXXX");
    const int descriptor = mkstemp(path);
    cr_assert_geq(descriptor, 0);
    close(descriptor);
    unlink(path);
}

static void tear_down(void)
{
    unlink(path);
}

TestSuite(lean, .init = set_up, .fini = tear_down);

static void name_file(const char *ending)
{
    snprintf(path + strlen(path), 16, "%s", ending);
}

/* The weights of `seed`, in that type. */
static void write_file(uint64_t seed, DfDtype dtype)
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

static int load(Net *net)
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

static void expect_same_from_file(DfDtype dtype, const char *ending)
{
    Net *full = net_new(false), *lean = net_new(true);
    name_file(ending);
    write_file(7, dtype);
    cr_assert_eq(load(full), DF_OK, "%s", df_error());
    cr_assert_eq(load(lean), DF_OK, "%s", df_error());
    expect_lean(lean);
    expect_same(full, lean);
    expect_lean(lean);
    net_free(lean);
    net_free(full);
}

Test(lean, same_bits_from_safetensors) { expect_same_from_file(DF_F32, ".safetensors"); }
Test(lean, same_bits_from_a_pth)       { expect_same_from_file(DF_F32, ".pth"); }
Test(lean, same_bits_from_halves)      { expect_same_from_file(DF_F16, ".safetensors"); }
Test(lean, same_bits_from_bfloat16)    { expect_same_from_file(DF_BF16, ".pth"); }
Test(lean, same_bits_from_doubles)     { expect_same_from_file(DF_F64, ".safetensors"); }

Test(lean, same_bits_from_a_random_stream)
{
    Net *full = net_new(false), *lean = net_new(true);
    cr_assert_eq(nn_model_init(full->model, 5), DF_OK);
    cr_assert_eq(nn_model_init(lean->model, 5), DF_OK);
    expect_lean(lean);
    expect_same(full, lean);
    cr_assert_eq(nn_model_init(full->model, 6), DF_OK); /* other numbers: no packed copy of the first is left */
    cr_assert_eq(nn_model_init(lean->model, 6), DF_OK);
    expect_same(full, lean);
    net_free(lean);
    net_free(full);
}

/* Float32 that lies at odd bytes. */
Test(lean, same_bits_from_an_unaligned_file)
{
    Net *full = net_new(false), *lean = net_new(true);
    DfFile whole;
    NnReport report;
    DfCheckpoint *file;
    name_file(".safetensors");
    write_file(7, DF_F32);
    cr_assert_eq(load(full), DF_OK, "%s", df_error());
    cr_assert_eq(df_file_open(&whole, path, SIZE_MAX), DF_OK, "%s", df_error());
    FILE *out = fopen(path, "wb"); /* a space behind the header moves all numbers by one byte */
    uint64_t header;
    memcpy(&header, whole.data, sizeof header);
    const uint64_t longer = header + 1;
    fwrite(&longer, sizeof longer, 1, out);
    fwrite(whole.data + 8, 1, header, out);
    putc(' ', out);
    fwrite(whole.data + 8 + header, 1, whole.size - 8 - header, out);
    fclose(out);
    df_file_close(&whole);
    cr_assert_eq(nn_model_init(lean->model, 1), DF_OK);
    cr_assert_eq(df_checkpoint_open(&file, path, NULL), DF_OK, "%s", df_error());
    cr_assert_eq(nn_model_load(lean->model, file, NULL, &report), DF_OK, "%s", df_error());
    nn_report_free(&report);
    df_checkpoint_close(file);
    expect_same(full, lean);
    net_free(lean);
    net_free(full);
}

/* ---- memory ------------------------------------------------------------------------------------------------------ */

static size_t bytes_after_a_pass(bool lean)
{
    int error;
    Net *net = net_new(lean);
    const size_t before = df_memory().now;
    cr_assert_eq(load(net), DF_OK, "%s", df_error());
    pass(net, SMALL, NULL, &error); /* packed as they are: no Winograd */
    cr_assert_eq(error, DF_OK, "%s", df_error());
    const size_t bytes = df_memory().now - before;
    net_free(net);
    return bytes;
}

Test(lean, no_original_stays_beside_a_packed_copy)
{
    if (rung_is_blas())
        return;
    name_file(".safetensors");
    write_file(7, DF_F32);
    Net *net = net_new(true);
    const size_t weights = nn_model_elements(net->model, "") * sizeof(float);
    net_free(net);
    const size_t full = bytes_after_a_pass(false);
    const size_t lean = bytes_after_a_pass(true);
    cr_expect_gt(full, 19 * weights / 10, "%zu bytes for weights of %zu", full, weights);
    cr_expect_lt(lean, 11 * weights / 10, "%zu bytes for weights of %zu", lean, weights);
}

/* ---- weights that come back -------------------------------------------------------------------------------------- */

static void expect_numbers(const Net *full, const Net *lean)
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

Test(lean, weights_come_back)
{
    Net *full = net_new(false), *lean = net_new(true), *again = net_new(false);
    name_file(".pth");
    write_file(7, DF_F32);
    cr_assert_eq(load(full), DF_OK, "%s", df_error());
    cr_assert_eq(load(lean), DF_OK, "%s", df_error());
    expect_same(full, lean);
    expect_numbers(full, lean);
    cr_assert_eq(nn_model_save(lean->model, path, NULL, 0), DF_OK, "%s", df_error()); /* over the file that it reads */
    cr_assert_eq(load(again), DF_OK, "%s", df_error());
    expect_numbers(full, again);
    net_free(again);
    net_free(lean);
    net_free(full);
}

Test(lean, a_model_that_is_trained_is_lean_no_more)
{
    Net *full = net_new(false), *lean = net_new(true);
    name_file(".safetensors");
    write_file(7, DF_F32);
    cr_assert_eq(load(full), DF_OK, "%s", df_error());
    cr_assert_eq(load(lean), DF_OK, "%s", df_error());
    expect_same(full, lean);
    cr_assert_eq(nn_model_train(full->model), DF_OK, "%s", df_error());
    cr_assert_eq(nn_model_train(lean->model), DF_OK, "%s", df_error());
    const NnTrained a = nn_model_trained(full->model), b = nn_model_trained(lean->model);
    cr_assert_eq(a.n, b.n);
    cr_expect_eq(memcmp(a.weights, b.weights, a.n * sizeof *a.weights), 0);
    for (int i = 0; i < nn_model_count(lean->model); i++)
        cr_expect_not_null(nn_model_at(lean->model, i)->tensor->data);
    expect_same(full, lean);
    net_free(lean);
    net_free(full);
}

/* An op that reads a weight as it is, and a context that records. */
Test(lean, other_ops_find_the_numbers)
{
    Net *full = net_new(false), *lean = net_new(true);
    DfCtx *c;
    cr_assert_eq(nn_model_init(full->model, 5), DF_OK);
    cr_assert_eq(nn_model_init(lean->model, 5), DF_OK);
    cr_assert_eq(df_ctx_new(&c, NULL), DF_OK);
    const DfTensor *a = df_scale(c, full->mlp.fc1.weight, 2), *b = df_scale(c, lean->mlp.fc1.weight, 2);
    cr_assert_eq(df_ctx_error(c), DF_OK, "%s", df_error());
    cr_expect_eq(memcmp(a->data, b->data, df_size(a) * sizeof(float)), 0);
    const DfTensor *view = df_reshape(c, lean->mlp.fc2.weight, DF_SHAPE(WIDE, C));
    cr_expect_eq(memcmp(view->data, full->mlp.fc2.weight->data, df_size(view) * sizeof(float)), 0);
    DfTensor *x = df_zeros(c, DF_SHAPE(2, C));
    c->recording = x->wants_grad = true;
    DfTensor *y = nn_linear(c, &lean->pointwise, x);
    df_backward(c, y, NULL);
    cr_assert_eq(df_ctx_error(c), DF_OK, "%s", df_error());
    float sum = 0;
    for (int o = 0; o < C; o++)
        sum += full->pointwise.weight->data[o * C];
    cr_expect_float_eq(x->grad[0], sum, 1e-4);
    df_ctx_free(c);
    net_free(lean);
    net_free(full);
}

/* ---- threads ----------------------------------------------------------------------------------------------------- */

typedef struct {
    const Net *net;
    int H;
    float out[MOST];
    int error;
} Job;

static void *work(void *arg)
{
    Job *job = arg;
    pass(job->net, job->H, job->out, &job->error);
    return NULL;
}

Test(lean, several_threads_make_the_first_pass)
{
    enum { THREADS = 6 };
    Net *full = net_new(false), *lean = net_new(true);
    pthread_t thread[THREADS];
    Job *job = calloc(THREADS, sizeof *job);
    name_file(".safetensors");
    write_file(7, DF_F32);
    cr_assert_eq(load(full), DF_OK, "%s", df_error());
    cr_assert_eq(load(lean), DF_OK, "%s", df_error());
    for (int i = 0; i < THREADS; i++) {
        job[i] = (Job){ .net = lean, .H = i % 2 ? LARGE : SMALL };
        cr_assert_eq(pthread_create(&thread[i], NULL, work, &job[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        float want[MOST];
        int error;
        pthread_join(thread[i], NULL);
        cr_expect_eq(job[i].error, DF_OK);
        const size_t n = pass(full, job[i].H, want, &error);
        cr_expect_eq(memcmp(want, job[i].out, n * sizeof *want), 0, "thread %d: other bits", i);
    }
    free(job);
    net_free(lean);
    net_free(full);
}

/* ---- what happens to the file ------------------------------------------------------------------------------------ */

Test(lean, a_file_may_be_removed_and_replaced)
{
    Net *full = net_new(false), *lean = net_new(true);
    name_file(".safetensors");
    write_file(7, DF_F32);
    cr_assert_eq(load(full), DF_OK, "%s", df_error());
    cr_assert_eq(load(lean), DF_OK, "%s", df_error());
    write_file(8, DF_F32); /* a new file under the old name */
    expect_same(full, lean);
    unlink(path);
    expect_numbers(full, lean);
    net_free(lean);
    net_free(full);
}

static void expect_refused(const Net *net, int H, const char *sentence)
{
    int error;
    pass(net, H, NULL, &error);
    cr_expect_eq(error, DF_EIO);
    cr_expect(strstr(df_error(), sentence) && strstr(df_error(), path), "%s", df_error());
}

Test(lean, a_file_that_is_cut_short_is_an_error)
{
    Net *lean = net_new(true);
    int error;
    name_file(".safetensors");
    write_file(7, DF_F32);
    cr_assert_eq(load(lean), DF_OK, "%s", df_error());
    pass(lean, SMALL, NULL, &error);
    cr_assert_eq(error, DF_OK, "%s", df_error());
    cr_assert_eq(truncate(path, 20000), 0);
    pass(lean, SMALL, NULL, &error);
    cr_expect_eq(error, DF_OK, "all copies are there: %s", df_error());
    expect_refused(lean, LARGE, "shrank from");
    net_free(lean);
}

Test(lean, a_file_that_is_written_to_is_an_error)
{
    static const struct timespec long_ago[2] = { { .tv_sec = 1000000000 }, { .tv_sec = 1000000000 } };
    Net *lean = net_new(true);
    name_file(".pth");
    write_file(7, DF_F32);
    cr_assert_eq(utimensat(AT_FDCWD, path, long_ago, 0), 0); /* clocks of file systems are coarse */
    cr_assert_eq(load(lean), DF_OK, "%s", df_error());
    const int descriptor = open(path, O_WRONLY);
    cr_assert_eq(pwrite(descriptor, "x", 1, 100000), 1);
    close(descriptor);
    expect_refused(lean, SMALL, "was written to");
    net_free(lean);
}

/* ---- failing memory ---------------------------------------------------------------------------------------------- */

enum { RESULT = SMALL * SMALL * 5 };

static int load_and_run(const Net *net, float *out)
{
    DfCheckpoint *file = NULL;
    NnReport report = { 0 };
    DfCtx *c = NULL;
    int error = nn_model_init(net->model, 1);
    if (error == DF_OK)
        error = df_checkpoint_open(&file, path, NULL);
    if (error == DF_OK)
        error = nn_model_load(net->model, file, NULL, &report);
    nn_report_free(&report);
    df_checkpoint_close(file);
    if (error == DF_OK)
        error = df_ctx_new(&c, NULL);
    if (error == DF_OK) {
        const DfTensor *y = run(c, net, df_zeros(c, DF_SHAPE(1, SMALL, SMALL, C)));
        error = df_ctx_error(c);
        if (error == DF_OK)
            memcpy(out, y->data, df_size(y) * sizeof *out);
    }
    df_ctx_free(c);
    return error;
}

/* The n-th allocation behind the making of the model fails; 0: none. Returns how many there were. */
static size_t fail_at(size_t n, float *out, int *error)
{
    Net *net = net_new(true);
    const size_t calls = df_memory().calls;
    df_memory_fail_at(n, false);
    *error = load_and_run(net, out);
    df_memory_fail_at(0, false);
    const size_t made = df_memory().calls - calls;
    net_free(net);
    return made;
}

Test(lean, each_allocation_may_fail)
{
    float want[RESULT], got[RESULT];
    int error;
    name_file(".safetensors");
    write_file(7, DF_F32);
    fail_at(0, want, &error);
    const size_t start = df_memory().now;
    const size_t calls = fail_at(0, want, &error);
    cr_assert_eq(error, DF_OK, "%s", df_error());
    for (size_t n = 1; n <= calls; n++) {
        fail_at(n, got, &error);
        cr_assert_eq(df_memory().now, start, "allocation %zu of %zu: bytes are kept", n, calls);
        if (error == DF_OK)
            cr_assert_eq(memcmp(want, got, sizeof want), 0, "allocation %zu: another result", n);
        else
            cr_assert_eq(error, DF_ENOMEM, "allocation %zu: %s", n, df_error());
    }
}
