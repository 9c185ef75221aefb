/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/train/test_state.c -- the state of a run into a file and back: every bit, and files
 * that are cut, changed, or of another network.
 */
#define _GNU_SOURCE
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "train/state.h"

/* ---- a small network with a moment of every weight ------------------------------------------------------------------ */

enum { PARAMS = 7, MOST = 256 };

typedef struct {
    NnModel *model;
    NnConv conv, depthwise;
    NnLinear linear;
    NnNorm norm;
    float moment[PARAMS + 1][MOST], average[PARAMS + 1][MOST];
    float *moments[PARAMS + 1], *averages[PARAMS + 1];
    double clock[3];
    DfStateArray arrays[2];
    DfState state;
} Run;

static void number(float *v, size_t n, int seed)
{
    DfRandom random = df_random((uint64_t)seed, 7);
    for (size_t i = 0; i < n; i++)
        v[i] = (float)df_normal(&random);
}

/* Frozen and running numbers have no moment. */
static void open_run(Run *r, int channels, int seed)
{
    memset(r, 0, sizeof *r);
    cr_assert_eq(nn_model_new(&r->model), DF_OK);
    const NnScope s = nn_root(r->model);
    nn_conv_init(nn_at(s, "conv"), &r->conv, 2, channels, (NnConvShape){ .kernel = 3, .no_bias = true });
    nn_conv_init(nn_at(s, "dw"), &r->depthwise, channels, channels,
                 (NnConvShape){ .kernel = 3, .groups = channels, .no_bias = true });
    nn_batch_norm_init(nn_at(s, "bn"), &r->norm, channels);
    nn_pointwise_init(nn_at(s, "fc"), &r->linear, channels, 3, false);
    cr_assert_eq(nn_model_init(r->model, (uint64_t)seed), DF_OK);
    cr_assert_eq(nn_model_count(r->model), PARAMS);
    for (int i = 0; i < PARAMS; i++) {
        number(r->moment[i], MOST, 10 * seed + i);
        number(r->average[i], MOST, 20 * seed + i);
        r->averages[i] = r->average[i];
        r->moments[i] = nn_model_at(r->model, i)->buffer ? NULL : r->moment[i];
    }
    r->clock[0] = 1.0 / 3 + seed;
    r->clock[1] = 1e-300;
    r->clock[2] = 17;
    r->arrays[0] = (DfStateArray){ .name = "exp_avg", .of = r->moments };
    r->arrays[1] = (DfStateArray){ .name = "clock", .list = r->clock, .n = 3 };
    r->state = (DfState){ .model = r->model, .n = 2, .arrays = r->arrays };
    r->state.at = (DfRunState){ .step = 1234567890123, .epoch = 3, .position = 41, .seed = UINT64_MAX - 5,
                                .settings = 0xfedcba9876543210, .best_step = 99, .best = 1.0 / 7,
                                .metric = "bbox_mAP" };
}

static void close_run(Run *r)
{
    nn_model_free(r->model);
}

static void same(const Run *a, const Run *b)
{
    for (int i = 0; i < PARAMS; i++) {
        const NnParam *p = nn_model_at(a->model, i), *q = nn_model_at(b->model, i);
        const size_t bytes = df_count(p->shape) * sizeof(float);
        cr_expect_eq(memcmp(p->tensor->data, q->tensor->data, bytes), 0, "%s", p->name);
        if (a->moments[i])
            cr_expect_eq(memcmp(a->moment[i], b->moment[i], bytes), 0, "the moment of %s", p->name);
        if (a->state.average)
            cr_expect_eq(memcmp(a->average[i], b->average[i], bytes), 0, "the average of %s", p->name);
    }
    cr_expect_eq(memcmp(a->clock, b->clock, sizeof a->clock), 0);
    const DfRunState *x = &a->state.at, *y = &b->state.at;
    cr_expect(x->step == y->step && x->epoch == y->epoch && x->position == y->position && x->seed == y->seed &&
              x->settings == y->settings && x->best_step == y->best_step &&
              memcmp(&x->best, &y->best, sizeof x->best) == 0 && strcmp(x->metric, y->metric) == 0);
}

static void choose_path(char path[64])
{
    snprintf(path, 64, "/tmp/deformer-state-XXXXXX.safetensors");
    const int descriptor = mkstemps(path, 12);
    cr_assert_geq(descriptor, 0);
    close(descriptor);
}

static char *bytes_of(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    cr_assert_not_null(file);
    char *bytes = malloc(1 << 20);
    cr_assert_not_null(bytes);
    *size = fread(bytes, 1, 1 << 20, file);
    fclose(file);
    return bytes;
}

/* ---- tests ------------------------------------------------------------------------------------------------------------ */

static void round_trip(bool average)
{
    static Run a, b;
    char path[64];
    choose_path(path);
    open_run(&a, 4, 1);
    open_run(&b, 4, 2);
    if (average) {
        a.state.average = a.averages;
        b.state.average = b.averages;
        a.averages[2] = b.averages[2] = NULL; /* one without: a buffer that is not averaged */
        memcpy(a.average[2], b.average[2], sizeof a.average[2]);
    }
    b.state.at = (DfRunState){ 0 };
    cr_assert_eq(df_state_write(&a.state, path), DF_OK, "%s", df_error());
    cr_assert_eq(df_state_read(&b.state, path), DF_OK, "%s", df_error());
    same(&a, &b);
    unlink(path);
    close_run(&a);
    close_run(&b);
}

Test(state, every_bit_comes_back)
{
    round_trip(false);
}

Test(state, and_that_of_averages)
{
    round_trip(true);
}

/* Other commands find the weights (with an average: the average) under their
 * official keys and in their official order. */
Test(state, is_a_checkpoint_like_any_other)
{
    static Run a, b;
    char path[64];
    choose_path(path);
    open_run(&a, 4, 1);
    open_run(&b, 4, 2);
    a.state.average = a.averages;
    cr_assert_eq(df_state_write(&a.state, path), DF_OK, "%s", df_error());
    DfCheckpoint *file;
    NnReport report;
    cr_assert_eq(df_checkpoint_open(&file, path, NULL), DF_OK, "%s", df_error());
    cr_assert_eq(nn_model_load(b.model, file, NULL, &report), DF_OK, "%s", df_error());
    cr_expect_eq(report.of[NN_LOADED].n, PARAMS);
    cr_expect_eq(report.of[NN_UNEXPECTED].n, 0);
    for (int i = 0; i < PARAMS; i++) {
        const NnParam *p = nn_model_at(b.model, i);
        cr_expect_eq(memcmp(p->tensor->data, a.average[i], df_count(p->shape) * sizeof(float)), 0, "%s", p->name);
    }
    nn_report_free(&report);
    df_checkpoint_close(file);
    unlink(path);
    close_run(&a);
    close_run(&b);
}

static void refused(DfState *state, const char *path, const char *sentence)
{
    cr_expect_lt(df_state_read(state, path), 0, "want: %s", sentence);
    cr_expect_not_null(strstr(df_error(), sentence), "'%s', want '%s'", df_error(), sentence);
    cr_expect_not_null(strstr(df_error(), path), "%s", df_error());
}

Test(state, only_of_this_network)
{
    static Run a, b, wide;
    char path[64];
    choose_path(path);
    open_run(&a, 4, 1);
    open_run(&b, 4, 2);
    open_run(&wide, 5, 2);
    cr_assert_eq(df_state_write(&a.state, path), DF_OK, "%s", df_error());
    refused(&wide.state, path, "the state of another network: its conv.weight has another shape");
    b.arrays[0].name = "momentum_buffer";
    refused(&b.state, path, "the state of another network or optimizer: it has no optimizer.momentum_buffer.conv.weight");
    b.state.n = 0;
    refused(&b.state, path, "the state of another network or optimizer: it has 13 arrays, want 7");
    cr_assert_eq(nn_model_save(a.model, path, NULL, 0), DF_OK);
    b.state.n = 2;
    refused(&b.state, path, "no state of a training run: it has weights alone, which --init takes");
    unlink(path);
    refused(&b.state, path, "No such file");
    close_run(&a);
    close_run(&b);
    close_run(&wide);
}

/* A file that ends too early is refused, and whatever was in memory stays as it was. */
Test(state, cut_anywhere)
{
    static Run a, b, kept;
    char path[64];
    size_t size;
    choose_path(path);
    open_run(&a, 4, 1);
    open_run(&b, 4, 2);
    open_run(&kept, 4, 2);
    cr_assert_eq(df_state_write(&a.state, path), DF_OK, "%s", df_error());
    char *bytes = bytes_of(path, &size);
    for (size_t n = 0; n < size; n += n < 32 ? 1 : 97) {
        DfCheckpoint *file = NULL;
        int error = df_checkpoint_parse(&file, bytes, n, "cut.safetensors", NULL);
        if (error == DF_OK)
            error = df_state_read_file(&b.state, file);
        df_checkpoint_close(file);
        cr_expect_lt(error, 0, "%zu of %zu bytes", n, size);
    }
    same(&b, &kept);
    free(bytes);
    unlink(path);
    close_run(&a);
    close_run(&b);
    close_run(&kept);
}

/* Each fact of the metadata spoilt in its place, so that the header keeps its length. */
Test(state, facts_that_are_no_numbers)
{
    static Run a;
    static const struct { const char *from, *to; } spoilt[] = {
        { "\"step\":\"1234567890123\"",      "\"step\":\"1234567x90123\""      },
        { "\"step\":\"1234567890123\"",      "\"step\":\"-234567890123\""      },
        { "\"epoch\":\"3\"",                 "\"epoch\":\"?\""                 },
        { "\"position\":\"41\"",             "\"position\":\"-1\""             },
        { "\"seed\":\"18446744073709551610", "\"seed\":\"98446744073709551610" },
        { "\"settings\":\"fedc",             "\"settings\":\"fedg"             },
        { "\"best_step\":\"99\"",            "\"best_step\":\"9 \""            },
        { "\"best\":\"0.14",                 "\"best\":\"0.1x"                 },
        { "\"deformer_run\":\"1\"",          "\"deformer_run\":\"2\""          },
        { "\"deformer_run\":\"1\"",          "\"deformer_rum\":\"1\""          },
    };
    char path[64];
    size_t size;
    choose_path(path);
    open_run(&a, 4, 1);
    cr_assert_eq(df_state_write(&a.state, path), DF_OK, "%s", df_error());
    char *bytes = bytes_of(path, &size);
    for (size_t i = 0; i < sizeof spoilt / sizeof *spoilt; i++) {
        DfCheckpoint *file = NULL;
        DfRunState out;
        char *at = memmem(bytes, size, spoilt[i].from, strlen(spoilt[i].from));
        cr_assert_not_null(at, "%s", spoilt[i].from);
        memcpy(at, spoilt[i].to, strlen(spoilt[i].to));
        cr_assert_eq(df_checkpoint_parse(&file, bytes, size, "spoilt.safetensors", NULL), DF_OK, "%s", df_error());
        cr_expect_lt(df_run_state_read(&out, file), 0, "%s", spoilt[i].to);
        df_checkpoint_close(file);
        memcpy(at, spoilt[i].from, strlen(spoilt[i].from));
    }
    free(bytes);
    unlink(path);
    close_run(&a);
}

Test(state, every_allocation_fails_once)
{
    static Run a, b;
    char path[64];
    choose_path(path);
    open_run(&a, 4, 1);
    open_run(&b, 4, 2);
    int error = DF_ENOMEM;
    for (size_t n = 1; error == DF_ENOMEM; n++) {
        df_memory_fail_at(n, false);
        error = df_state_write(&a.state, path);
        df_memory_fail_at(0, false);
    }
    cr_expect_eq(error, DF_OK, "%s", df_error());
    error = DF_ENOMEM;
    for (size_t n = 1; error == DF_ENOMEM; n++) {
        df_memory_fail_at(n, false);
        error = df_state_read(&b.state, path);
        df_memory_fail_at(0, false);
    }
    cr_expect_eq(error, DF_OK, "%s", df_error());
    same(&a, &b);
    unlink(path);
    close_run(&a);
    close_run(&b);
}
