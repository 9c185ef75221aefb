/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/nn/test_lean.c -- lean models: weights that have no memory beside their packed copies, and come back whenever
 * somebody needs them. The witness is the same model with memory for everything.
 */
#include <pthread.h>

#include "tests/nn/lean.h"

TestSuite(lean, .init = set_up, .fini = tear_down);

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
