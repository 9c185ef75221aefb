/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/checkpoint/test_checkpoint.c -- checkpoints read as torch.load reads them (tests/data/checkpoint/expected.txt), what is refused
 * and how, and files written and read again. That torch.load reads what we write is checked by tests/scripts/check_written.py.
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

/* ---- what is refused --------------------------------------------------------------------------------------------- */

Test(checkpoint, refuses_with_a_sentence)
{
    static const struct {
        const char *name, *wrapper, *sentence;
    } cases[] = {
        { "missing.pth", NULL, "No such file" },
        { "", NULL, "directory" },
        { "expected.txt", NULL, "neither a .pth nor a .safetensors file" },
        { "whole_model.pth", NULL, "an object of torch.nn.modules.linear.Linear, want a dict" },
        { "list.pth", NULL, "a list, want a dict" },
        { "complex.pth", NULL, "'complex' is a tensor of type ComplexFloatStorage" },
        { "nine_dimensions.pth", NULL, "'x' has 9 dimensions, want at most 8" },
        { "no_tensors.pth", NULL, "the keys there are: epoch" },
        { "average.pth", NULL, "but in 'ema.module': want that as the wrapper; the keys there are: epoch, ema" },
        { "average.pth", "ema", "but in 'ema.module': want that as the wrapper; the keys there are: module, updates" },
        { "average.pth", "ema.modul", "has no 'ema.modul' inside; its keys are: epoch, ema" },
        { "mmdet.pth", "model_ema", "has no 'model_ema' inside; its keys are: meta, state_dict, optimizer" },
        { "dat_legacy.pth", "epoch", "its 'epoch' is an integer, want a dict" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char path[1024];
        snprintf(path, sizeof path, DATA "%s", cases[i].name);
        DfCheckpoint *ck;
        cr_expect_lt(df_checkpoint_open(&ck, path, cases[i].wrapper), 0, "%s", path);
        cr_expect_null(ck);
        cr_expect_not_null(strstr(df_error(), cases[i].sentence), "%s: %s", cases[i].name, df_error());
        cr_expect_not_null(strstr(df_error(), cases[i].name), "%s", df_error());
    }
    cr_expect_eq(df_memory().now, 0);
}

static void refuse(const void *bytes, size_t size, const char *sentence)
{
    DfCheckpoint *ck = NULL;
    cr_expect_lt(df_checkpoint_parse(&ck, bytes, size, "x", NULL), 0, "want: %s", sentence);
    cr_expect_not_null(strstr(df_error(), sentence), "%s, want: %s", df_error(), sentence);
    df_checkpoint_close(ck);
}

Test(checkpoint, refuses_every_truncation)
{
    static const char *const names[] = { "swin.pth", "dat_legacy.pth", "zip64.pth", "deflated.pth", "windows_legacy.pth" };
    for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
        char path[1024];
        snprintf(path, sizeof path, DATA "%s", names[k]);
        DfFile file;
        cr_assert_eq(df_file_open(&file, path, DF_CHECKPOINT_MAX_FILE), DF_OK);
        for (size_t size = 0; size < file.size; size++) {
            DfCheckpoint *ck;
            uint8_t *exact = df_malloc(size); /* so that the sanitizer sees a byte too many */
            memcpy(exact, file.data, size);
            const int error = df_checkpoint_parse(&ck, exact, size, names[k], NULL);
            cr_expect(error < 0 || strcmp(names[k], "deflated.pth") == 0, "%s cut to %zu bytes opens", names[k], size);
            df_checkpoint_close(ck); /* the comment behind deflated.pth is not missed */
            df_free(exact);
        }
        df_file_close(&file);
    }
    cr_expect_eq(df_memory().now, 0);
}

Test(checkpoint, sees_changed_bytes)
{
    DfFile file;
    cr_assert_eq(df_file_open(&file, DATA "swin.pth", DF_CHECKPOINT_MAX_FILE), DF_OK);
    uint8_t *copy = df_malloc(file.size);
    DfCheckpoint *ck;
    memcpy(copy, file.data, file.size);
    copy[100] ^= 1; /* in data.pkl */
    refuse(copy, file.size, "data.pkl does not match its checksum");
    memcpy(copy, file.data, file.size);
    cr_assert_eq(df_checkpoint_parse(&ck, copy, file.size, "x", NULL), DF_OK);
    const DfArray *array = df_checkpoint_find(ck, "patch_embed.proj.bias");
    copy[(const uint8_t *)array->data - copy] ^= 1;
    cr_expect_eq(df_checkpoint_verify(ck), DF_EFORMAT);
    cr_expect_not_null(strstr(df_error(), "does not match its checksum"));
    df_checkpoint_close(ck);
    df_free(copy);
    df_file_close(&file);
}

/* ---- pickles that are meant to hurt ------------------------------------------------------------------------------ */

#define MAGIC "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19." "\x80\x02M\xe9\x03." "\x80\x02}."
#define STORAGE(numel) "((X\x07\0\0\0storagectorch\nFloatStorage\nX\1\0\0\0kX\3\0\0\0cpu" numel "tQ"
#define TENSOR(storage, offset, shape, stride) "}X\1\0\0\0tctorch._utils\n_rebuild_tensor\n" storage offset shape stride "tRs."
#define KEYS "](X\1\0\0\0ke." "\4\0\0\0\0\0\0\0" "0123456789abcdef"
#define REFUSE(pickle, sentence) refuse(MAGIC pickle, sizeof(MAGIC pickle) - 1, sentence)

Test(checkpoint, refuses_views_outside_their_storage)
{
    DfCheckpoint *ck;
    static const char good[] = MAGIC TENSOR(STORAGE("K\4"), "K\0", "K\2K\2\x86", "K\2K\1\x86") KEYS;
    cr_assert_eq(df_checkpoint_parse(&ck, good, sizeof good - 1, "x", NULL), DF_OK, "%s", df_error());
    df_checkpoint_close(ck);
    REFUSE(TENSOR(STORAGE("K\4"), "K\1", "K\2K\2\x86", "K\2K\1\x86") KEYS, "'t' reaches from element 1 to 4 of a storage of 4");
    REFUSE(TENSOR(STORAGE("K\4"), "J\xff\xff\xff\xff", "K\2\x85", "K\1\x85") KEYS, "'t' reaches");
    REFUSE(TENSOR(STORAGE("K\4"), "K\4", ")", ")") KEYS, "'t' reaches from element 4");
    REFUSE(TENSOR(STORAGE("K\4"), "K\0", "K\2\x85", "J\xff\xff\xff\xff\x85") KEYS, "want none below 0");
    REFUSE(TENSOR(STORAGE("K\4"), "K\0", "\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7fK\2\x86", "K\0K\0\x86") KEYS, "impossibly large");
    REFUSE(TENSOR(STORAGE("K\4"), "K\0", "K\2\x85", "\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f\x85") KEYS, "impossibly large");
    REFUSE(TENSOR(STORAGE("K\4"), "K\0", "K\2\x85", ")") KEYS, "arguments that do not fit");
    REFUSE(TENSOR(STORAGE("K\5"), "K\0", "K\2\x85", "K\1\x85") KEYS, "of 4 elements, want 5");
    REFUSE(TENSOR(STORAGE("\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f"), "K\0", ")", ")") KEYS, "elements");
    REFUSE(TENSOR(STORAGE("K\4"), "K\0", ")", ")") "].", "wants storage 'k', which the file does not have");
}

Test(checkpoint, refuses_broken_programs)
{
    REFUSE(".", "from an empty stack");
    REFUSE("(.", "from an empty stack");
    REFUSE("t.", "a mark that was never set");
    REFUSE("h\1.", "asks for memo 1, which was never set");
    REFUSE("Nr\xff\xff\xff\xff.", "memo index 4294967295");
    REFUSE("NK\1s.", "from an empty stack");
    REFUSE("]K\1K\2s.", "adds items to a list, want a dict");
    REFUSE("}(K\1u.", "odd number");
    REFUSE("\xff.", "unknown opcode 0xff");
    REFUSE("X\xff\xff\xff\xff.", "ends early");
    REFUSE("\x8d\xff\xff\xff\xff\xff\xff\xff\xff.", "ends early");
    REFUSE("cos", "ends early");
    REFUSE("\x80\x09N.", "protocol 9");
    REFUSE("NQ.", "persistent id");
    refuse("\x80\x02K\1.", 5, "PyTorch's magic number");
}

/* Short programs that would make long values: a list that holds itself, copies of copies, one long key again and again. */
Test(checkpoint, survives_bombs)
{
    REFUSE("]2a." "].", "a list, want a dict");
    static char program[400000];
    size_t n = sizeof MAGIC - 1;
    memcpy(program, MAGIC, n);
    program[n++] = '}';
    program[n++] = 'X'; /* a key of 100,000 letters, memo 0 */
    memcpy(program + n, "\xa0\x86\1\0", 4);
    memset(program + n + 4, 'a', 100000);
    n += 100004;
    memcpy(program + n, "q\0000(", 4);
    for (n += 4; n + 8 < sizeof program; n += 4)
        memcpy(program + n, "h\0K\1", 4);
    memcpy(program + n, "u.].", 4);
    refuse(program, n + 4, "repeats its names too often");

    n = sizeof MAGIC - 1; /* OrderedDict(pairs) of the same 1000 pairs, 30,000 times */
    memcpy(program + n, "](", 2);
    for (n += 2; n < 4000; n += 3)
        memcpy(program + n, "NN\x86", 3);
    memcpy(program + n, "eq\0ccollections\nOrderedDict\nq\1", 30);
    for (n += 30; n + 8 < sizeof program; n += 6)
        memcpy(program + n, "h\1h\0\x85R", 6);
    memcpy(program + n, ".].", 3);
    refuse(program, n + 3, "too many values");
}

/* ---- .safetensors ------------------------------------------------------------------------------------------------ */

static size_t safetensors(char *out, const char *header, size_t data)
{
    const size_t n = strlen(header);
    memset(out, 0, 8 + n + data);
    out[0] = (char)n;
    out[1] = (char)(n >> 8);
    memcpy(out + 8, header, n);
    return 8 + n + data;
}

Test(checkpoint, checks_safetensors_against_the_format)
{
#define A "\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}"
    static const struct {
        const char *header;
        size_t data;
        const char *sentence; /* NULL: fine */
    } cases[] = {
        { "{}", 0, NULL },
        { "{" A "}  ", 8, NULL },
        { "{" A ",\"__metadata__\":{\"k\":\"v\"}}", 8, NULL },
        { "{" A "}", 9, "1 bytes after its arrays" },
        { "{" A "}", 7, "'a' stands at bytes 0 to 8 of 7" },
        { "{" A "," A "}", 8, "two arrays named 'a'" },
        { "{" A ",\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}", 8, "overlaps" },
        { "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}", 8, "leaves a gap" },
        { "{\"a\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[0,8]}}", 8, "'a' has 3 elements of 4 bytes in a space of 8 bytes" },
        { "{\"a\":{\"dtype\":\"F8_E4M3\",\"shape\":[8],\"data_offsets\":[0,8]}}", 8, "'a' is of dtype F8_E4M3" },
        { "{\"a\":{\"dtype\":\"F32\",\"shape\":[-2],\"data_offsets\":[0,8]}}", 8, "want a shape" },
        { "{\"a\":{\"dtype\":\"F32\",\"shape\":[9223372036854775807,4],\"data_offsets\":[0,8]}}", 8, "impossibly large" },
        { "{\"a\":{\"dtype\":\"F32\",\"shape\":[0,9223372036854775807],\"data_offsets\":[0,0]}}", 0, "impossibly large" },
        { "{\"a\":{\"dtype\":\"U8\",\"shape\":[1,1,1,1,1,1,1,1,1],\"data_offsets\":[0,1]}}", 1, "more than 8 numbers" },
        { "{\"a\":{\"dtype\":\"F32\",\"shape\":[2]}}", 0, "lacks its dtype, shape or data_offsets" },
        { "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[8,0]}}", 8, "stands at bytes 8 to 0" },
        { "{\"a\":{\"kind\":1}}", 0, "unknown key 'kind'" },
        { "{\"a\":[]}", 0, "want an object for each array" },
        { "{\"__metadata__\":{\"k\":1}}", 0, "want texts in __metadata__" },
        { "{} {}", 0, "its header" },
        { "{\"a\"", 0, "its header" },
    };
#undef A
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char bytes[512];
        const size_t size = safetensors(bytes, cases[i].header, cases[i].data);
        DfCheckpoint *ck;
        if (cases[i].sentence) {
            refuse(bytes, size, cases[i].sentence);
            continue;
        }
        cr_expect_eq(df_checkpoint_parse(&ck, bytes, size, "x", NULL), DF_OK, "%s", df_error());
        df_checkpoint_close(ck);
    }
    refuse("\xff\xff\xff\x7f\0\0\0\0{}", 10, "a header of 2147483647 bytes in a file of 10");
    cr_expect_eq(df_memory().now, 0);
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

/* ---- tensors that repeat their elements ------------------------------------------------------------------------- */

Test(checkpoint, tensors_that_repeat_too_much)
{
    static const char *const bombs[][2] = {
        { "expand_59.pth",   "'w' repeats what is stored: with it the arrays would take 2305843009213693952 bytes" },
        { "expand_rows.pth", "'w' repeats what is stored"                                                          },
        { "overlap.pth",     "'v' repeats what is stored"                                                          },
        { "many_views.pth",  "'w4' repeats what is stored"                                                         },
    };
    DfCheckpoint *ck;
    char path[4096];
    for (size_t i = 0; i < sizeof bombs / sizeof *bombs; i++) {
        snprintf(path, sizeof path, DF_TEST_DATA "/bombs/%s", bombs[i][0]);
        cr_expect_eq(df_checkpoint_open(&ck, path, NULL), DF_EFORMAT);
        cr_expect(strstr(df_error(), bombs[i][1]), "%s", df_error());
    }
    cr_assert_eq(df_checkpoint_open(&ck, DF_TEST_DATA "/bombs/expand_small.pth", NULL), DF_OK, "%s", df_error());
    cr_expect_eq(df_array_count(df_checkpoint_find(ck, "w")), 48);
    df_checkpoint_close(ck);
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

Test(checkpoint, arrays_of_numpy_that_cannot_be_read)
{
    DfCheckpoint *ck;
    cr_expect_lt(df_checkpoint_open(&ck, DATA "numpy_big_endian.pkl", NULL), 0);
    cr_expect_not_null(strstr(df_error(), "'x' is a tensor of type another numpy dtype"), "%s", df_error());
    cr_expect_lt(df_checkpoint_open(&ck, DATA "numpy_protocol0.pkl", NULL), 0);
    cr_expect_not_null(strstr(df_error(), "protocol 0"), "%s", df_error());
    cr_expect_lt(df_checkpoint_open(&ck, DATA "caffe2.pkl", NULL), 0);
    cr_expect_not_null(strstr(df_error(), "'blobs'"), "%s", df_error());
}
