/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/checkpoint/test_checkpoint_refused.c -- files that are no checkpoints, broken ones, and those that are meant to
 * hurt: each is refused with a sentence.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "checkpoint/checkpoint.h"

#define DATA DF_TEST_DATA "/checkpoint/"

/* ---- what is refused --------------------------------------------------------------------------------------------- */

Test(checkpoint_refused, refuses_with_a_sentence)
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

Test(checkpoint_refused, refuses_every_truncation)
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

Test(checkpoint_refused, sees_changed_bytes)
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

Test(checkpoint_refused, refuses_views_outside_their_storage)
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

Test(checkpoint_refused, refuses_broken_programs)
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
Test(checkpoint_refused, survives_bombs)
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

Test(checkpoint_refused, checks_safetensors_against_the_format)
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

/* ---- tensors that repeat their elements ------------------------------------------------------------------------- */

Test(checkpoint_refused, tensors_that_repeat_too_much)
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

Test(checkpoint_refused, arrays_of_numpy_that_cannot_be_read)
{
    DfCheckpoint *ck;
    cr_expect_lt(df_checkpoint_open(&ck, DATA "numpy_big_endian.pkl", NULL), 0);
    cr_expect_not_null(strstr(df_error(), "'x' is a tensor of type another numpy dtype"), "%s", df_error());
    cr_expect_lt(df_checkpoint_open(&ck, DATA "numpy_protocol0.pkl", NULL), 0);
    cr_expect_not_null(strstr(df_error(), "protocol 0"), "%s", df_error());
    cr_expect_lt(df_checkpoint_open(&ck, DATA "caffe2.pkl", NULL), 0);
    cr_expect_not_null(strstr(df_error(), "'blobs'"), "%s", df_error());
}
