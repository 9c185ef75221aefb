/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/checkpoint/test_checkpoint.c -- checkpoints read as torch.load reads them (tests/data/checkpoint/expected.txt), and
 * files written and read again. That torch.load reads what we write is checked by tests/scripts/check_written.py.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "checkpoint/checkpoint.h"

#define DATA DF_TEST_DATA "/checkpoint/"

/* ---- what torch.load reads --------------------------------------------------------------------------------------- */

static uint32_t checksum(const DfArray *array, DfDtype as)
{
    const size_t size = (size_t)df_array_count(array) * df_dtype_size(as);
    void *copy = df_malloc(size);
    cr_assert_not_null(copy);
    df_array_copy(array, as, copy);
    const uint32_t sum = (uint32_t)crc32_z(crc32_z(0, NULL, 0), copy, size);
    df_free(copy);
    return sum;
}

/* "NAME DTYPE [2,3] CRC CRC" */
static void describe(const DfArray *array, char *line, size_t size)
{
    size_t n = (size_t)snprintf(line, size, "%s %s [", array->name, df_dtype_name(array->dtype));
    for (int i = 0; i < array->ndim; i++)
        n += (size_t)snprintf(line + n, size - n, "%s%lld", i ? "," : "", (long long)array->shape[i]);
    snprintf(line + n, size - n, "] %08x %08x", checksum(array, array->dtype), checksum(array, DF_F64));
}

static DfCheckpoint *open_data(const char *name, const char *wrapper)
{
    char path[1024];
    snprintf(path, sizeof path, DATA "%s", name);
    DfCheckpoint *ck;
    cr_assert_eq(df_checkpoint_open(&ck, path, wrapper), DF_OK, "%s", df_error());
    return ck;
}

Test(checkpoint, every_file_reads_as_torch_load_reads_it)
{
    FILE *expected = fopen(DATA "expected.txt", "r");
    cr_assert_not_null(expected);
    char line[512], name[128], wrapper[64], form[16], ours[512];
    int n, files = 0;
    while (fscanf(expected, "FILE %127s %63s %15s %d\n", name, wrapper, form, &n) == 4) {
        DfCheckpoint *ck = open_data(name, strcmp(wrapper, "-") ? wrapper : NULL);
        cr_expect_eq(df_checkpoint_count(ck), n, "%s: %d arrays, want %d", name, df_checkpoint_count(ck), n);
        cr_expect_not_null(strstr(df_checkpoint_form(ck), form), "%s: %s", name, df_checkpoint_form(ck));
        cr_expect_eq(df_checkpoint_verify(ck), DF_OK, "%s", df_error());
        for (int i = 0; i < n; i++) {
            cr_assert_not_null(fgets(line, sizeof line, expected));
            line[strcspn(line, "\n")] = 0;
            describe(df_checkpoint_at(ck, i), ours, sizeof ours);
            cr_expect_str_eq(ours, line, "%s: %s, want %s", name, ours, line);
            cr_expect_eq(df_checkpoint_find(ck, df_checkpoint_at(ck, i)->name), df_checkpoint_at(ck, i));
        }
        cr_expect_null(df_checkpoint_find(ck, "no such name"));
        df_checkpoint_close(ck);
        files++;
    }
    fclose(expected);
    cr_expect_eq(files, 19);
    cr_expect_eq(df_memory().now, 0);
}

Test(checkpoint, tells_what_else_is_in_the_file)
{
    DfCheckpoint *ck = open_data("mmdet.pth", NULL);
    const char *const *keys;
    cr_assert_eq(df_checkpoint_keys(ck, &keys), 3);
    cr_expect_str_eq(keys[0], "meta");
    cr_expect_str_eq(keys[2], "optimizer");
    cr_expect_str_eq(df_checkpoint_metadata(ck, "mmcv_version"), "1.3.9");
    cr_expect_null(df_checkpoint_metadata(ck, "iter"));
    df_checkpoint_close(ck);
}

Test(checkpoint, a_wrapper_is_a_key_or_a_path_of_two)
{
    DfCheckpoint *ck = open_data("average.pth", "ema.module");
    cr_expect_eq(df_checkpoint_count(ck), 1);
    cr_expect_not_null(df_checkpoint_find(ck, "backbone.weight"));
    df_checkpoint_close(ck);
}

Test(checkpoint, calls_in_a_pickle_have_no_effect)
{
    DfCheckpoint *ck = open_data("dangerous.pth", NULL); /* holds a call of os.mkdir */
    cr_expect_eq(df_checkpoint_count(ck), 4);
    cr_expect_not(df_file_exists("this_folder_must_not_appear"));
    df_checkpoint_close(ck);
}

Test(checkpoint, official_checkpoints_open)
{
    static const char *const names[] = { "dat_cls", "dat_load", "dat_pp_odd_det", "swin_ape_cls", "swin_odd_det", "pvt_cls" };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char path[1024];
        snprintf(path, sizeof path, DF_TEST_DATA "/backbones/%s/weights.pth", names[i]);
        DfCheckpoint *ck;
        cr_assert_eq(df_checkpoint_open(&ck, path, NULL), DF_OK, "%s", df_error());
        cr_expect_gt(df_checkpoint_count(ck), 40);
        df_checkpoint_close(ck);
    }
}

/* ---- writing ----------------------------------------------------------------------------------------------------- */

static const char *const metadata[] = { "format", "pt", "a \"note\"", "line\nline \\ \x01 \xc3\xa9",
                                        DF_CHECKPOINT_CLASSES, "cat\ntraffic light" };

static int write_types(const char *path)
{
    DfCheckpoint *ck;
    int error = df_checkpoint_open(&ck, DATA "types.pth", NULL);
    if (error < 0)
        return error;
    DfArray arrays[64];
    const int n = df_checkpoint_count(ck);
    cr_assert_leq(n, 64);
    for (int i = 0; i < n; i++)
        arrays[i] = *df_checkpoint_at(ck, i);
    error = df_checkpoint_write(path, arrays, n, metadata, 3);
    df_checkpoint_close(ck);
    return error;
}

static void expect_types(const char *path)
{
    const char *const *classes;
    DfCheckpoint *ours, *ck = open_data("types.pth", NULL);
    cr_assert_eq(df_checkpoint_open(&ours, path, NULL), DF_OK, "%s", df_error());
    cr_expect_eq(df_checkpoint_verify(ours), DF_OK, "%s", df_error());
    cr_expect_eq(df_checkpoint_count(ours), df_checkpoint_count(ck));
    cr_expect_str_eq(df_checkpoint_metadata(ours, metadata[2]), metadata[3]);
    cr_assert_eq(df_checkpoint_classes(ours, &classes), 2);
    cr_expect_str_eq(classes[1], "traffic light");
    for (int i = 0; i < df_checkpoint_count(ck); i++) {
        char line[512], wanted[512];
        const DfArray *array = df_checkpoint_find(ours, df_checkpoint_at(ck, i)->name);
        cr_assert_not_null(array);
        cr_expect(df_array_is_packed(array));
        describe(array, line, sizeof line);
        describe(df_checkpoint_at(ck, i), wanted, sizeof wanted);
        cr_expect_str_eq(line, wanted);
    }
    df_checkpoint_close(ours);
    df_checkpoint_close(ck);
}

Test(checkpoint, reads_what_it_wrote)
{
    static const char *const endings[] = { "pth", "pt", "safetensors" };
    for (int i = 0; i < 3; i++) {
        char path[64];
        snprintf(path, sizeof path, "test_checkpoint-%ld.%s", (long)getpid(), endings[i]);
        cr_assert_eq(write_types(path), DF_OK, "%s", df_error());
        expect_types(path);
        remove(path);
    }
    cr_expect_eq(df_memory().now, 0);
}

/* What is copied from a file that somebody cuts short meanwhile becomes no file. */
Test(checkpoint, writes_nothing_from_a_source_that_changed)
{
    enum { N = 30000 };
    static const float numbers[N];
    const int64_t shape[1] = { N };
    const DfArray array = df_array("a", DF_F32, 1, shape, numbers);
    char *folder = df_temporary_folder();
    char *from = df_path_join(folder, "from.safetensors");
    cr_assert_eq(df_checkpoint_write(from, &array, 1, NULL, 0), DF_OK, "%s", df_error());
    DfCheckpoint *source;
    cr_assert_eq(df_checkpoint_open(&source, from, NULL), DF_OK, "%s", df_error());
    const DfArray *const mapped = df_checkpoint_at(source, 0);
    cr_assert(df_checkpoint_maps(source, mapped));
    for (int i = 0; i < 4; i++) {
        char *to = df_path_join(folder, i % 2 ? "to.pth" : "to.safetensors");
        const int error = df_checkpoint_write_from(source, to, mapped, 1, NULL, 0);
        cr_expect_eq(error, i < 2 ? DF_OK : DF_EIO);
        cr_expect_eq(df_file_exists(to), i < 2);
        cr_expect(i < 2 || strstr(df_error(), "from.safetensors: shrank from"), "%s", df_error());
        unlink(to);
        df_free(to);
        if (i == 1)
            cr_assert_eq(truncate(from, 5000), 0);
    }
    df_checkpoint_close(source);
    df_remove_folder(folder, (const char *const[]){ "from.safetensors", NULL });
    df_free(from);
    df_free(folder);
    cr_expect_eq(df_memory().now, 0);
}

Test(checkpoint, refuses_to_write_what_cannot_be_read)
{
    const float x[2] = { 1, 2 };
    const int64_t shape[1] = { 2 };
    const DfArray twice[2] = { df_array("a", DF_F32, 1, shape, x), df_array("a", DF_F32, 1, shape, x) };
    const DfArray reserved = df_array("__metadata__", DF_F32, 1, shape, x), wide = df_array("w", DF_U16, 1, shape, x);
    cr_expect_eq(df_checkpoint_write("refused.bin", twice, 1, NULL, 0), DF_EVALUE);
    cr_expect_eq(df_checkpoint_write("refused.pth", twice, 2, NULL, 0), DF_EVALUE);
    cr_expect_eq(df_checkpoint_write("refused.safetensors", &reserved, 1, NULL, 0), DF_EVALUE);
    cr_expect_eq(df_checkpoint_write("refused.pth", &wide, 1, NULL, 0), DF_EVALUE);
    cr_expect_eq(df_checkpoint_write("no such folder/refused.pth", twice, 1, NULL, 0), DF_EIO);
    cr_expect_not(df_file_exists("refused.pth"));
    cr_expect_eq(df_memory().now, 0);
}

/* Every allocation fails once: an error each time, nothing leaks, and the last round works. */
Test(checkpoint, survives_every_failing_allocation)
{
    static const char *const names[] = { "types.pth", "types_legacy.pth", "deflated.pth" };
    for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
        char path[1024];
        snprintf(path, sizeof path, DATA "%s", names[k]);
        int error = DF_ENOMEM;
        for (size_t n = 1; error < 0; n++) {
            DfCheckpoint *ck;
            df_memory_fail_at(n, false);
            error = df_checkpoint_open(&ck, path, NULL);
            df_memory_fail_at(0, false);
            cr_assert(error == DF_OK || error == DF_ENOMEM, "%s", df_error());
            df_checkpoint_close(ck);
            cr_assert_eq(df_memory().now, 0);
        }
    }
    for (int form = 0; form < 2; form++) {
        char path[64];
        snprintf(path, sizeof path, "test_checkpoint_memory-%ld.%s", (long)getpid(), form ? "pth" : "safetensors");
        int error = DF_ENOMEM;
        for (size_t n = 1; error < 0; n++) {
            df_memory_fail_at(n, false);
            error = write_types(path);
            df_memory_fail_at(0, false);
            cr_assert_eq(df_file_exists(path), error == DF_OK);
            cr_assert_eq(df_memory().now, 0);
        }
        DfCheckpoint *ck;
        error = DF_ENOMEM;
        for (size_t n = 1; error < 0; n++) {
            df_memory_fail_at(n, false);
            error = df_checkpoint_open(&ck, path, NULL);
            df_memory_fail_at(0, false);
            df_checkpoint_close(ck);
            cr_assert_eq(df_memory().now, 0);
        }
        remove(path);
    }
}

/* ---- arrays of numpy --------------------------------------------------------------------------------------------- */

/* Protocols 1 to 5, of numpy 2, and protocol 3 as numpy 1 wrote it. */
Test(checkpoint, arrays_of_numpy_in_a_pickle)
{
    static const char *const files[] = { "numpy_protocol1.pkl", "numpy_protocol2.pkl", "numpy_protocol3.pkl",
                                         "numpy_protocol4.pkl", "numpy_protocol5.pkl", "numpy1_protocol3.pkl" };
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        DfCheckpoint *ck = open_data(files[i], NULL);
        double x[6];
        cr_expect_str_eq(df_checkpoint_form(ck), "pickle (numpy)");
        cr_assert_eq(df_checkpoint_count(ck), 5, "%s: %d", files[i], df_checkpoint_count(ck));
        const DfArray *c_order = df_checkpoint_find(ck, "c_order");
        const DfArray *fortran = df_checkpoint_find(ck, "fortran");
        cr_assert(c_order && fortran);
        cr_expect(c_order->dtype == DF_F32 && c_order->ndim == 2 && c_order->shape[1] == 3);
        cr_expect_eq(fortran->dtype, DF_F64);
        df_array_f64(c_order, x);
        for (int k = 0; k < 6; k++)
            cr_expect_eq(x[k], 200 - k);
        df_array_f64(fortran, x);
        for (int k = 0; k < 6; k++)
            cr_expect_eq(x[k], k);
        df_array_f64(df_checkpoint_find(ck, "scalar"), x);
        cr_expect_eq(x[0], 2.5);
        cr_expect_eq(df_array_count(df_checkpoint_find(ck, "empty")), 0);
        cr_expect_eq(df_checkpoint_find(ck, "integers")->dtype, DF_I64);
        df_checkpoint_close(ck);
    }
}
