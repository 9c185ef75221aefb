/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/nn/test_load.c -- a checkpoint into a model: what becomes of every key, prefixes, layouts, and
 * tables of another size. The witness of a resized table is df_interpolate(), which is another code and
 * has PyTorch's outputs as its own (tests/tensor).
 */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "nn/dialect.h"
#include "nn/nn.h"

/* ---- a file of arrays --------------------------------------------------------------------------------------------------- */

enum { ARRAYS = 8, NUMBERS = 1024 };

typedef struct {
    char path[64];
    DfArray array[ARRAYS];
    float number[ARRAYS][NUMBERS];
    int n;
    DfCheckpoint *open;
} File;

/* Element i of array k is sin(i + k), so that no two are alike. */
static void add(File *f, const char *name, DfShape shape)
{
    DfArray *a = &f->array[f->n];
    *a = (DfArray){ .name = name, .dtype = DF_F32, .ndim = shape.n, .data = f->number[f->n] };
    int64_t stride = 1;
    for (int i = shape.n - 1; i >= 0; i--) {
        a->shape[i] = shape.d[i];
        a->stride[i] = stride;
        stride *= shape.d[i];
    }
    cr_assert_leq(df_count(shape), NUMBERS);
    for (size_t i = 0; i < df_count(shape); i++)
        f->number[f->n][i] = sinf((float)i + (float)f->n);
    f->n++;
}

static void choose_path(File *f, const char *ending)
{
    snprintf(f->path, sizeof f->path, "/tmp/deformer-load-XXXXXX");
    const int descriptor = mkstemp(f->path);
    cr_assert_geq(descriptor, 0);
    close(descriptor);
    unlink(f->path);
    snprintf(f->path + strlen(f->path), 16, "%s", ending);
}

static void write_and_open(File *f)
{
    choose_path(f, ".safetensors");
    cr_assert_eq(df_checkpoint_write(f->path, f->array, f->n, NULL, 0), DF_OK, "%s", df_error());
    cr_assert_eq(df_checkpoint_open(&f->open, f->path, NULL), DF_OK, "%s", df_error());
}

static void close_file(File *f)
{
    df_checkpoint_close(f->open);
    unlink(f->path);
}

/* ---- a model -------------------------------------------------------------------------------------------------------------- */

static NnModel *new_model(void)
{
    NnModel *model;
    cr_assert_eq(nn_model_new(&model), DF_OK, "%s", df_error());
    return model;
}

static const float *data_of(const NnModel *model, const char *name)
{
    const NnParam *param = nn_model_find(model, name);
    cr_assert_not_null(param, "there is no %s", name);
    return param->tensor->data;
}

static int load(NnModel *model, const File *f, const NnLoad *how, NnReport *report)
{
    cr_assert_eq(nn_model_error(model), DF_OK, "%s", df_error());
    cr_assert_eq(nn_model_init(model, 3), DF_OK, "%s", df_error());
    return nn_model_load(model, f->open, how, report);
}

static void expect_one(const NnReport *report, NnFate fate, const char *name)
{
    cr_assert_eq(report->of[fate].n, 1, "fate %d: %d names, want 1", fate, report->of[fate].n);
    cr_expect_str_eq(report->of[fate].name[0], name);
}

/* ---- fates ---------------------------------------------------------------------------------------------------------------- */

Test(load, every_key_has_a_fate)
{
    static const char *const ignorable[] = { "head.*", "*.end", NULL };
    File *f = calloc(1, sizeof *f);
    NnModel *model = new_model();
    const NnScope s = nn_root(model);
    nn_param(nn_at(s, "a"), "weight", DF_SHAPE(2, 3), NN_AS_IS, nn_constant(0));
    nn_param(nn_at(s, "kept"), "weight", DF_SHAPE(2), NN_AS_IS, nn_constant(5));
    nn_optional(nn_at(s, "kept"));
    nn_param(s, "missing", DF_SHAPE(2), NN_AS_IS, nn_constant(0));
    nn_param(s, "wrong", DF_SHAPE(2, 3), NN_AS_IS, nn_constant(0));
    add(f, "a.weight", DF_SHAPE(2, 3));
    add(f, "wrong", DF_SHAPE(3, 2));
    add(f, "head.weight", DF_SHAPE(2));
    add(f, "strange.weight", DF_SHAPE(2));
    write_and_open(f);

    NnReport report;
    cr_expect_eq(load(model, f, &(NnLoad){ .ignorable = ignorable, .allow_missing = true, .allow_wrong_shape = true }, &report), DF_OK, "%s", df_error());
    expect_one(&report, NN_LOADED, "a.weight");
    expect_one(&report, NN_KEPT, "kept.weight");
    expect_one(&report, NN_MISSING, "missing");
    expect_one(&report, NN_WRONG_SHAPE, "wrong [3, 2], want [2, 3]");
    expect_one(&report, NN_IGNORED, "head.weight");
    expect_one(&report, NN_UNEXPECTED, "strange.weight");
    cr_expect_eq(report.of[NN_RESIZED].n, 0);
    cr_expect_eq(memcmp(data_of(model, "a.weight"), f->number[0], 6 * sizeof(float)), 0);
    cr_expect_eq(data_of(model, "kept.weight")[1], 5);
    char *text = nn_report_text(&report);
    cr_expect_str_eq(text, "1 loaded; 1 known and not needed; 1 absent, kept as they start; 1 missing: missing; 1 unexpected: strange.weight; "
                           "1 of another shape: wrong [3, 2], want [2, 3]");
    df_free(text);
    nn_report_free(&report);
    nn_model_free(model);
    close_file(f);
    free(f);
}

Test(load, what_is_not_allowed_is_an_error)
{
    File *f = calloc(1, sizeof *f);
    NnModel *model = new_model();
    nn_param(nn_root(model), "missing", DF_SHAPE(2), NN_AS_IS, nn_constant(0));
    nn_param(nn_root(model), "wrong", DF_SHAPE(2), NN_AS_IS, nn_constant(0));
    add(f, "wrong", DF_SHAPE(3));
    write_and_open(f);
    NnReport report;
    cr_expect_eq(load(model, f, NULL, &report), DF_ESHAPE);
    cr_expect_str_eq(df_error(), "1 of 2 parameters have another shape and 1 are missing, the first is wrong [3], want [2]: is this a checkpoint of another model?");
    nn_report_free(&report);
    cr_expect_eq(load(model, f, &(NnLoad){ .allow_wrong_shape = true }, &report), DF_EFORMAT);
    cr_expect_str_eq(df_error(), "1 of 2 parameters are not in it, the first is missing: is this a checkpoint of another model?");
    nn_report_free(&report);
    nn_model_free(model);
    close_file(f);
    free(f);
}

Test(load, a_weight_that_is_no_number_is_named)
{
    static const float bad[] = { NAN, INFINITY, -INFINITY };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        File *f = calloc(1, sizeof *f);
        NnModel *model = new_model();
        NnReport report;
        nn_param(nn_at(nn_root(model), "a"), "weight", DF_SHAPE(2, 3), NN_AS_IS, nn_constant(0));
        add(f, "a.weight", DF_SHAPE(2, 3));
        add(f, "unknown", DF_SHAPE(2));
        f->number[0][5] = bad[i];
        f->number[1][0] = bad[i];
        write_and_open(f);
        cr_expect_eq(load(model, f, NULL, &report), DF_EVALUE);
        cr_expect(strstr(df_error(), "a.weight: 1 of 6 values are NaN or infinite: want numbers"), "%s", df_error());
        nn_report_free(&report);
        nn_model_free(model);
        close_file(f);
        free(f);
    }
}

Test(load, the_best_prefix_is_cut_or_added)
{
    static const char *const rows[][2] = { /* the key in the file, the parameter's name */
        { "backbone.a", "a" }, { "a", "backbone.a" }, { "module.backbone.a", "a" }, { "model.a", "a" }, { "a", "a" },
        { "encoder.a", "a" }, { "encoder.a", "backbone.a" }, { "module.encoder.a", "a" }, { "module.a", "backbone.a" },
        { "layer1.0.conv2_offset.weight", "layer1.0.conv2.conv_offset.weight" }, /* as mmdet 1 wrote it */
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        File *f = calloc(1, sizeof *f);
        NnModel *model = new_model();
        NnReport report;
        nn_param(nn_root(model), rows[i][1], DF_SHAPE(4), NN_AS_IS, nn_constant(0));
        add(f, rows[i][0], DF_SHAPE(4));
        add(f, "strange", DF_SHAPE(4));
        write_and_open(f);
        cr_expect_eq(load(model, f, NULL, &report), DF_OK, "%s into %s: %s", rows[i][0], rows[i][1], df_error());
        cr_expect_eq(memcmp(data_of(model, rows[i][1]), f->number[0], 4 * sizeof(float)), 0);
        nn_report_free(&report);
        nn_model_free(model);
        close_file(f);
        free(f);
    }
}

/* ---- a part of a file, a part of a model ---------------------------------------------------------------------------------- */

/* A detector of a backbone and a head, into which parts of the file are loaded. */
static NnModel *detector(File *f)
{
    static const char *const names[] = { "backbone.a.weight", "backbone.b.weight", "head.weight" };
    NnModel *model = new_model();
    for (int i = 0; i < 3; i++) {
        nn_param(nn_root(model), names[i], DF_SHAPE(2), NN_AS_IS, nn_constant(7));
        add(f, names[i], DF_SHAPE(2));
    }
    add(f, "teacher.backbone.a.weight", DF_SHAPE(2));
    write_and_open(f);
    return model;
}

static void expect_loaded(const NnLoad *how, const char *loaded, int missing)
{
    File *f = calloc(1, sizeof *f);
    NnModel *model = detector(f);
    NnLoad load_part = *how;
    NnReport report;
    load_part.allow_missing = true;
    cr_expect_eq(load(model, f, &load_part, &report), DF_OK, "%s", df_error());
    expect_one(&report, NN_LOADED, loaded);
    cr_expect_eq(report.of[NN_MISSING].n, missing);
    for (int i = 0; i < nn_model_count(model); i++) {
        const NnParam *param = nn_model_at(model, i);
        const bool changed = param->tensor->data[1] < 7;
        cr_expect_eq(changed, strcmp(param->name, loaded) == 0, "%s", param->name);
    }
    nn_report_free(&report);
    nn_model_free(model);
    close_file(f);
    free(f);
}

Test(load, parts)
{
    expect_loaded(&(NnLoad){ .prefix = "teacher.backbone", .module = "backbone" }, "backbone.a.weight", 1);
    expect_loaded(&(NnLoad){ .prefix = "teacher.backbone.", .module = "backbone" }, "backbone.a.weight", 1);
    expect_loaded(&(NnLoad){ .prefix = "head", .module = "head" }, "head.weight", 0);
    expect_loaded(&(NnLoad){ .prefix = "backbone.a", .module = "head" }, "head.weight", 0);
    expect_loaded(&(NnLoad){ .prefix = "teacher" }, "backbone.a.weight", 2);
}

Test(load, a_backbone_of_a_whole_network)
{
    File *f = calloc(1, sizeof *f);
    NnModel *model = detector(f);
    NnReport report;
    cr_expect_eq(load(model, f, &(NnLoad){ .module = "backbone" }, &report), DF_OK, "%s", df_error());
    cr_expect_eq(report.of[NN_LOADED].n, 2);
    cr_assert_eq(report.of[NN_IGNORED].n, 1);
    cr_assert_eq(report.of[NN_UNEXPECTED].n, 1);
    cr_expect_str_eq(report.of[NN_IGNORED].name[0], "head.weight");
    cr_expect_str_eq(report.of[NN_UNEXPECTED].name[0], "teacher.backbone.a.weight");
    cr_expect_eq(data_of(model, "head.weight")[0], 7);
    nn_report_free(&report);
    nn_model_free(model);
    close_file(f);
    free(f);
}

static void expect_taken(const char *first, const char *second, int taken, const char *prefix, const char *passed)
{
    File *f = calloc(1, sizeof *f);
    NnModel *model = new_model();
    NnIndex index;
    NnArrays arrays;
    NnReading reading;
    NnReport report;
    nn_param(nn_root(model), "a.weight", DF_SHAPE(2), NN_AS_IS, nn_constant(7));
    add(f, first, DF_SHAPE(2));
    add(f, second, DF_SHAPE(2));
    write_and_open(f);
    cr_expect_eq(load(model, f, NULL, &report), DF_OK, "%s", df_error());
    cr_expect_eq(data_of(model, "a.weight")[0], f->number[taken][0], "%s, %s", first, second);
    cr_assert_eq(nn_index_new(&index, model), DF_OK);
    cr_assert_eq(nn_arrays_open(&arrays, f->array, f->n), DF_OK);
    cr_expect_eq(nn_reading_choose(&index, &arrays, &reading), DF_OK);
    cr_expect_str_eq(reading.place.cut, prefix, "%s, %s: '%s'", first, second, reading.place.cut);
    cr_expect_str_eq(reading.passed, passed, "%s, %s: '%s'", first, second, reading.passed);
    nn_arrays_free(&arrays);
    nn_index_free(&index);
    nn_report_free(&report);
    nn_model_free(model);
    close_file(f);
    free(f);
}

Test(load, networks_side_by_side)
{
    expect_taken("student.a.weight", "teacher.a.weight", 1, "teacher.", "student.");
    expect_taken("teacher.a.weight", "student.a.weight", 0, "teacher.", "student.");
    expect_taken("teacher.a.weight", "a.weight", 1, "", "teacher.");
    expect_taken("ema_model.a.weight", "model.a.weight", 0, "ema_model.", "model.");
    expect_taken("teacher.b.weight", "student.a.weight", 1, "student.", "");
    expect_taken("backbone.a.weight", "head.weight", 0, "backbone.", "");
}

Test(load, a_part_that_is_not_there)
{
    File *f = calloc(1, sizeof *f);
    NnModel *model = detector(f);
    NnReport report;
    cr_expect_eq(load(model, f, &(NnLoad){ .prefix = "back", .module = "backbone" }, &report), DF_EVALUE);
    cr_expect_not_null(strstr(df_error(), "no key is below 'back', the first is backbone.a.weight"), "%s", df_error());
    nn_report_free(&report);
    cr_expect_eq(load(model, f, &(NnLoad){ .module = "neck" }, &report), DF_EVALUE);
    cr_expect_not_null(strstr(df_error(), "the network has no parameter below 'neck'"), "%s", df_error());
    nn_report_free(&report);
    nn_model_free(model);
    close_file(f);
    free(f);
}

/* ---- tables of another size --------------------------------------------------------------------------------------------- */

/* in: C h w by steps, as PyTorch would resize it (bicubic, align_corners = False); out: H W C. */
static DfTensor *witness(DfCtx *c, const float *in, int C, int h, int w, int step_c, int step_p, int H, int W)
{
    DfTensor *map = df_new(c, DF_SHAPE(1, h, w, C));
    for (int p = 0; p < h * w; p++)
        for (int k = 0; k < C; k++)
            map->data[p * C + k] = in[k * step_c + p * step_p];
    return df_interpolate(c, map, H, W, DF_BICUBIC, false);
}

static void expect_close(const float *got, int step_c, int step_p, const DfTensor *want)
{
    const int C = df_dim(want, 3), n = (int)df_size(want) / C;
    for (int p = 0; p < n; p++)
        for (int k = 0; k < C; k++)
            cr_expect_float_eq(got[k * step_c + p * step_p], want->data[p * C + k], 2e-6, "point %d of %d: %g, want %g", p, k,
                               (double)got[k * step_c + p * step_p], (double)want->data[p * C + k]);
}

Test(load, tables_are_resized)
{
    File *f = calloc(1, sizeof *f);
    NnModel *model = new_model();
    const NnScope s = nn_root(model);
    nn_param(s, "window", DF_SHAPE(7 * 7, 3), NN_AS_IS, nn_constant(0));
    nn_last(s)->resize = NN_RESIZE_WINDOW_TABLE;
    nn_param(s, "map", DF_SHAPE(2, 5, 9), NN_AS_IS, nn_constant(0));
    nn_last(s)->resize = NN_RESIZE_MAP_TABLE;
    nn_param(s, "position", DF_SHAPE(1, 5, 2, 3), NN_MAP, nn_constant(0));
    nn_last(s)->resize = NN_RESIZE_POSITION;
    nn_param(s, "other_position", DF_SHAPE(1, 3, 4, 7), NN_MAP, nn_constant(0));
    nn_last(s)->resize = NN_RESIZE_POSITION;
    nn_param(s, "tokens", DF_SHAPE(1, 16, 3), NN_AS_IS, nn_constant(0));
    nn_last(s)->resize = NN_RESIZE_TOKENS;
    add(f, "window", DF_SHAPE(13 * 13, 3));
    add(f, "map", DF_SHAPE(2, 7, 3));
    add(f, "position", DF_SHAPE(1, 6, 5));
    add(f, "other_position", DF_SHAPE(1, 25, 3));
    add(f, "tokens", DF_SHAPE(1, 49, 3));
    write_and_open(f);
    NnReport report;
    cr_assert_eq(load(model, f, NULL, &report), DF_OK, "%s", df_error());
    cr_expect_eq(report.of[NN_RESIZED].n, 5);
    nn_report_free(&report);

    DfCtx *c;
    cr_assert_eq(df_ctx_new(&c, NULL), DF_OK);
    expect_close(data_of(model, "window"), 1, 3, witness(c, f->number[0], 3, 13, 13, 1, 3, 7, 7));
    expect_close(data_of(model, "map"), 5 * 9, 1, witness(c, f->number[1], 2, 7, 3, 7 * 3, 1, 5, 9));
    cr_expect_eq(memcmp(data_of(model, "position"), f->number[2], 30 * sizeof(float)), 0); /* 1 HW C is our 1 H W C */
    expect_close(data_of(model, "other_position"), 1, 3, witness(c, f->number[3], 3, 5, 5, 1, 3, 4, 7));
    expect_close(data_of(model, "tokens"), 1, 3, witness(c, f->number[4], 3, 7, 7, 1, 3, 4, 4));
    df_ctx_free(c);
    nn_model_free(model);
    close_file(f);
    free(f);
}

Test(load, tables_of_no_square_window_are_wrong)
{
    File *f = calloc(1, sizeof *f);
    NnModel *model = new_model();
    nn_param(nn_root(model), "window", DF_SHAPE(7 * 7, 3), NN_AS_IS, nn_constant(0));
    nn_last(nn_root(model))->resize = NN_RESIZE_WINDOW_TABLE;
    add(f, "window", DF_SHAPE(48, 3));
    write_and_open(f);
    NnReport report;
    cr_expect_eq(load(model, f, NULL, &report), DF_ESHAPE);
    nn_report_free(&report);
    nn_model_free(model);
    close_file(f);
    free(f);
}

/* ---- layouts, and files that we write --------------------------------------------------------------------------------------- */

/* Where the number of the official place (a, b, k, l) stands in our layout. */
static size_t place(NnLayout layout, const int d[4], int a, int b, int k, int l)
{
    if (layout == NN_DEPTHWISE)                                /* C 1 kh kw -> kh kw C   */
        return (size_t)((k * d[3] + l) * d[0] + a);
    if (layout == NN_CONV || layout == NN_CONV_TRANSPOSE)      /* O I kh kw -> O kh kw I */
        return (size_t)(((a * d[2] + k) * d[3] + l) * d[1] + b);
    return (size_t)(((a * d[1] + b) * d[2] + k) * d[3] + l);
}

Test(load, layouts_go_both_ways)
{
    static const struct {
        NnLayout layout;
        DfShape shape;
    } rows[] = {
        { NN_AS_IS, { 4, { 2, 3, 4, 5 } } },     { NN_CONV, { 4, { 2, 3, 4, 5 } } },      { NN_DEPTHWISE, { 4, { 6, 1, 3, 5 } } },
        { NN_POINTWISE, { 4, { 6, 5, 1, 1 } } }, { NN_CONV_TRANSPOSE, { 4, { 3, 2, 5, 4 } } },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        NnModel *model = new_model();
        nn_param(nn_root(model), "x", rows[i].shape, rows[i].layout, nn_constant(0));
        const NnParam *param = nn_last(nn_root(model));
        const int *d = rows[i].shape.d;
        float official[128], ours[128], again[128];
        for (int k = 0; k < 128; k++)
            official[k] = (float)k;
        nn_param_from_official(param, official, ours);
        for (int n = 0; n < (int)df_count(rows[i].shape); n++) {
            const int l = n % d[3], k = n / d[3] % d[2], b = n / d[3] / d[2] % d[1], a = n / d[3] / d[2] / d[1];
            cr_expect_eq(ours[place(rows[i].layout, d, a, b, k, l)], (float)n, "layout %d, element %d", rows[i].layout, n);
        }
        nn_param_to_official(param, ours, again);
        cr_expect_eq(memcmp(official, again, df_count(rows[i].shape) * sizeof(float)), 0, "layout %d does not come back", rows[i].layout);
        nn_model_free(model);
    }
}

Test(load, a_saved_model_is_read_again)
{
    File *f = calloc(1, sizeof *f);
    NnModel *model = new_model();
    const NnScope s = nn_root(model);
    NnConv conv;
    nn_conv_init(nn_at(s, "conv"), &conv, 3, 4, (NnConvShape){ .kernel = 3 });
    nn_share(nn_at(s, "conv"), nn_at(s, "again"));
    cr_assert_eq(nn_model_init(model, 1), DF_OK);
    choose_path(f, ".pth");
    cr_assert_eq(nn_model_save(model, f->path, NULL, 0), DF_OK, "%s", df_error());
    cr_assert_eq(df_checkpoint_open(&f->open, f->path, NULL), DF_OK, "%s", df_error());
    cr_expect_eq(df_checkpoint_count(f->open), 4); /* weight and bias, under both names */
    float before[4 * 3 * 3 * 3];
    memcpy(before, conv.weight->data, sizeof before);
    NnReport report;
    cr_expect_eq(load(model, f, NULL, &report), DF_OK, "%s", df_error()); /* draws other numbers first */
    cr_expect_eq(report.of[NN_LOADED].n, 2);
    cr_expect_eq(report.of[NN_IGNORED].n, 2);
    cr_expect_eq(memcmp(before, conv.weight->data, sizeof before), 0);
    nn_report_free(&report);
    nn_model_free(model);
    close_file(f);
    free(f);
}

/* ---- memory ------------------------------------------------------------------------------------------------------------------ */

Test(load, every_allocation_may_fail)
{
    File *f = calloc(1, sizeof *f);
    NnModel *model = new_model();
    nn_param(nn_root(model), "a", DF_SHAPE(2, 3), NN_AS_IS, nn_constant(0));
    nn_param(nn_root(model), "missing", DF_SHAPE(2), NN_AS_IS, nn_constant(0));
    add(f, "a", DF_SHAPE(2, 3));
    add(f, "strange", DF_SHAPE(3));
    write_and_open(f);
    cr_assert_eq(nn_model_init(model, 3), DF_OK);
    const size_t before = df_memory().now;
    int error = DF_ENOMEM;
    for (size_t n = 1; error == DF_ENOMEM && n < 100; n++) {
        NnReport report;
        df_memory_fail_at(n, false);
        error = nn_model_load(model, f->open, &(NnLoad){ .allow_missing = true }, &report);
        df_memory_fail_at(0, false);
        nn_report_free(&report);
        cr_expect_eq(df_memory().now, before, "allocation %zu: memory is kept", n);
    }
    cr_expect_eq(error, DF_OK, "%s", df_error());
    nn_model_free(model);
    close_file(f);
    free(f);
}
