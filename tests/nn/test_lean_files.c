/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/nn/test_lean_files.c -- lean models while their file changes, and when memory runs out.
 */
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>

#include "tests/nn/lean.h"

TestSuite(lean_files, .init = set_up, .fini = tear_down);

/* ---- what happens to the file ------------------------------------------------------------------------------------ */

Test(lean_files, a_file_may_be_removed_and_replaced)
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

Test(lean_files, a_file_that_is_cut_short_is_an_error)
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

Test(lean_files, a_file_that_is_written_to_is_an_error)
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

Test(lean_files, each_allocation_may_fail)
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
