/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/backbone/test_backbone_golden.c -- whole backbones against the official code: config and checkpoint as its
 * users have them, an image, the maps or logits, and the gradients of the image and of every parameter.
 *
 * A case is a folder with config.json, weights.pth, input, expected and perhaps grads .safetensors.
 */
#include <criterion/criterion.h>
#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "backbone/backbone.h"
#include "tests/support/golden.h"

#define CASES DF_TEST_DATA "/backbones"

typedef struct {
    char name[256], path[1024];
    DfConfig *config;
    const DfNode *root;
    const DfBackbone *backbone;
    NnModel *weights;
    void *self;
    DfCheckpoint *input, *expected, *grads;
} Case;

/* ---- a case and its model ---------------------------------------------------------------------------------------- */

static void load(Case *k)
{
    char path[1280];
    snprintf(path, sizeof path, "%s/weights.pth", k->path);
    DfCheckpoint *file;
    NnReport report;
    cr_assert_eq(df_checkpoint_open(&file, path, NULL), DF_OK, "%s", df_error());
    cr_assert_eq(nn_model_load(k->weights, file, &(NnLoad){ .ignorable = k->backbone->ignorable }, &report), DF_OK, "%s: %s", k->name, df_error());
    const bool whole = strcmp(df_node_text(df_node_at(k->root, "checkpoint.prefix"), ""), "") != 0; /* of a detector: has other parts */
    cr_expect(whole || report.of[NN_UNEXPECTED].n == 0, "%s: unexpected %s", k->name, report.of[NN_UNEXPECTED].n ? report.of[NN_UNEXPECTED].name[0] : "");
    nn_report_free(&report);
    df_checkpoint_close(file);
}

static void build(Case *k)
{
    const NnScope s = nn_root(k->weights);
    k->self = nn_alloc(s, 1, k->backbone->size);
    cr_assert_not_null(k->self);
    if (nn_configure(s, df_node_get(k->root, "backbone"), k->backbone->opts, k->self, k->backbone->name))
        k->backbone->init(s, k->self);
    cr_assert_eq(nn_model_error(k->weights), DF_OK, "%s: %s", k->name, df_error());
    cr_assert_eq(nn_model_init(k->weights, 0), DF_OK, "%s", df_error());
}

static void close_case(Case *k)
{
    nn_model_free(k->weights);
    df_config_free(k->config);
    golden_close(k->input);
    golden_close(k->expected);
    golden_close(k->grads);
}

static void open_case(Case *k, const char *name)
{
    *k = (Case){ 0 };
    snprintf(k->name, sizeof k->name, "%s", name);
    snprintf(k->path, sizeof k->path, CASES "/%s", name);
    char path[1280];
    snprintf(path, sizeof path, "%s/config.json", k->path);
    cr_assert_eq(df_config_read(&k->config, path, NULL, 0), DF_OK, "%s", df_error());
    k->root = df_config_root(k->config);
    k->backbone = df_backbone_for(df_node_get(k->root, "backbone"));
    cr_assert_not_null(k->backbone, "%s: %s", name, df_error());
    cr_assert_eq(nn_model_new(&k->weights), DF_OK);
    build(k);
    load(k);
    k->input = golden_open("%s/input.safetensors", k->path);
    k->expected = golden_open("%s/expected.safetensors", k->path);
    k->grads = golden_open("%s/grads.safetensors", k->path);
    cr_assert(k->input && k->expected, "%s lacks a file", k->path);
}

static void each_case(void (*test)(Case *))
{
    DIR *folder = opendir(CASES);
    int n = 0;
    cr_assert_not_null(folder);
    for (const struct dirent *entry; (entry = readdir(folder));) {
        Case k;
        if (entry->d_name[0] == '.')
            continue;
        open_case(&k, entry->d_name);
        test(&k);
        close_case(&k);
        n++;
    }
    closedir(folder);
    cr_expect_geq(n, 60, "%d cases", n);
}

/* ---- maps: ours are N H W C, the official ones N C H W -------------------------------------------------------------- */

static void swap(const float *in, size_t N, size_t rows, size_t columns, float *out) /* N rows columns -> N columns rows */
{
    for (size_t n = 0; n < N; n++)
        for (size_t i = 0; i < rows; i++)
            for (size_t j = 0; j < columns; j++)
                out[(n * columns + j) * rows + i] = in[(n * rows + i) * columns + j];
}

/* df_free() it. Anything but a map is copied as it is. */
static float *to_official(const float *ours, DfShape s)
{
    float *out = df_malloc(df_count(s) * sizeof *out);
    cr_assert_not_null(out);
    if (s.n == 4)
        swap(ours, (size_t)s.d[0], (size_t)(s.d[1] * s.d[2]), (size_t)s.d[3], out);
    else
        memcpy(out, ours, df_count(s) * sizeof *out);
    return out;
}

static float *from_official(const DfCheckpoint *file, const char *name, DfShape ours)
{
    float *official = golden_f32(file, name), *out = df_malloc(df_count(ours) * sizeof *out);
    cr_assert_not_null(out);
    cr_assert_eq((size_t)df_array_count(golden_get(file, name)), df_count(ours));
    if (ours.n == 4)
        swap(official, (size_t)ours.d[0], (size_t)ours.d[3], (size_t)(ours.d[1] * ours.d[2]), out);
    else
        memcpy(out, official, df_count(ours) * sizeof *out);
    df_free(official);
    return out;
}

static DfTensor *image_of(const Case *k, DfCtx *c)
{
    const DfArray *a = golden_get(k->input, "image");
    const DfShape shape = DF_SHAPE((int)a->shape[0], (int)a->shape[2], (int)a->shape[3], (int)a->shape[1]);
    float *data = from_official(k->input, "image", shape);
    DfTensor *image = df_from(c, shape, data);
    df_free(data);
    return image;
}

/* ---- values ---------------------------------------------------------------------------------------------------------- */

typedef struct {
    int n;
    char name[DF_LEVELS + 1][16];
    DfTensor *x[DF_LEVELS + 1];
} Outputs;

static Outputs run(const Case *k, DfCtx *c, DfTensor *image)
{
    DfMaps maps;
    Outputs out = { 0 };
    k->backbone->forward(c, k->self, image, &maps);
    cr_assert_eq(df_ctx_error(c), DF_OK, "%s: %s", k->name, df_error());
    for (int i = 0; i < maps.n; i++) {
        snprintf(out.name[out.n], sizeof *out.name, "out%d", i);
        out.x[out.n++] = maps.map[i];
    }
    if (maps.logits) {
        snprintf(out.name[out.n], sizeof *out.name, "logits");
        out.x[out.n++] = maps.logits;
    }
    return out;
}

/* 1e-5 of the largest value, on top of how far the official code itself, in float32, is from float64. */
static double tolerance_of(const Case *k, const char *name)
{
    char path[64];
    snprintf(path, sizeof path, "float32_vs_float64.%s.max_abs_over_max", name);
    return 1e-5 + df_node_number(df_node_at(k->root, path), 0);
}

static void values_on(const Case *k, const char *rung)
{
    DfPool *pool;
    DfCtx *one, *two;
    cr_assert_eq(df_pool_new(&pool, 2), DF_OK);
    cr_assert_eq(df_ctx_new(&one, NULL), DF_OK);
    cr_assert_eq(df_ctx_new(&two, pool), DF_OK);
    one->k = two->k = df_kernels_named(rung);
    const Outputs a = run(k, one, image_of(k, one)), b = run(k, two, image_of(k, two));
    cr_expect_gt(a.n, 0);
    for (int i = 0; i < a.n; i++) {
        float *official = to_official(a.x[i]->data, a.x[i]->shape);
        const double e = max_abs_over_max(official, golden_get(k->expected, a.name[i]));
        cr_expect_leq(e, tolerance_of(k, a.name[i]), "%s, %s: %s is %.2g off", k->name, rung, a.name[i], e);
        cr_expect(memcmp(a.x[i]->data, b.x[i]->data, df_size(a.x[i]) * sizeof(float)) == 0, "%s, %s: %s depends on the number of threads",
                  k->name, rung, a.name[i]);
        df_free(official);
    }
    df_ctx_free(one);
    df_ctx_free(two);
    df_pool_free(pool);
}

static void values(Case *k)
{
    for (int i = 0; df_kernels_rung(i); i++)
        values_on(k, df_kernels_rung(i));
}

Test(backbone_golden, values)
{
    each_case(values);
}

/* ---- gradients -------------------------------------------------------------------------------------------------------- */

/* Of a large gradient the file has the first elements, or some at equal distances; and its norm, maximum and sum. */
enum { FIRST = 1024 };

static bool has_no_effect(const Case *k, const char *name)
{
    const DfNode *list = df_node_get(k->root, "params_without_effect");
    for (int i = 0; i < 1000; i++) {
        char index[16];
        snprintf(index, sizeof index, "%d", i);
        const DfNode *node = df_node_at(list, index);
        if (!node)
            return false;
        if (strcmp(df_node_text(node, ""), name) == 0)
            return true;
    }
    return false;
}

static double norm_of(const float *x, size_t n)
{
    double squares = 0;
    for (size_t i = 0; i < n; i++)
        squares += (double)x[i] * (double)x[i];
    return sqrt(squares);
}

/* ||got - expected|| / ||expected|| over the elements that the file has. */
static void close_gradient(const Case *k, const char *name, const float *got, size_t n, double limit)
{
    char key[320];
    snprintf(key, sizeof key, "grad.%s", name);
    if (!golden_has(k->grads, key)) {
        cr_expect_fail("%s: the file has no %s", k->name, key);
        return;
    }
    const DfArray *array = golden_get(k->grads, key);
    const size_t there = (size_t)df_array_count(array), step = there == FIRST ? 1 : golden_step(array, n);
    float *some = df_malloc(there * sizeof *some);
    cr_assert_not_null(some);
    for (size_t i = 0; i < there; i++)
        some[i] = got[i * step];
    const double e = rel_l2(some, array);
    df_free(some);
    cr_expect_leq(e, limit, "%s: %s is %.2g off", k->name, key, e);
    snprintf(key, sizeof key, "gradstat.%s", name);
    if (there == n)
        return;
    float *stat = golden_f32(k->grads, key);
    const double norm = norm_of(got, n);
    cr_expect(fabs(norm - (double)stat[0]) <= limit * (double)stat[0], "%s: %s has norm %g, want %g", k->name, key, norm, (double)stat[0]);
    df_free(stat);
}

/* Where sums cancel, the official code itself is off in float32; the case says how far. */
static double limit_of(const Case *k, const char *name, double limit)
{
    const DfNode *errors = df_node_get(k->root, "float32_gradients");
    const double official = errors ? df_node_number(df_node_get(errors, name), 0) : 0;
    return 2 * official > limit ? 2 * official : limit;
}

static void parameter_gradient(const Case *k, const NnParam *param, double limit)
{
    const size_t n = df_count(param->shape);
    if (param->buffer || has_no_effect(k, param->name))
        return;
    if (!param->tensor->reached) {
        char key[320];
        snprintf(key, sizeof key, "grad.%s", param->name);
        cr_expect(!golden_has(k->grads, key), "%s: nothing flows back to %s", k->name, param->name);
        return;
    }
    float *official = df_malloc(n * sizeof *official);
    cr_assert_not_null(official);
    nn_param_to_official(param, param->tensor->grad, official);
    close_gradient(k, param->name, official, n, limit_of(k, param->name, limit));
    df_free(official);
}

static void gradients(Case *k)
{
    if (!k->grads)
        return;
    DfPool *pool;
    DfCtx *c;
    cr_assert_eq(df_pool_new(&pool, 2), DF_OK);
    cr_assert_eq(df_ctx_new(&c, pool), DF_OK);
    c->recording = true;
    DfTensor *image = image_of(k, c);
    image->wants_grad = true;
    cr_assert_eq(nn_model_train(k->weights), DF_OK);
    const Outputs out = run(k, c, image);
    for (int i = 0; i < out.n; i++) {
        char key[32];
        snprintf(key, sizeof key, "gradout.%s", out.name[i]);
        float *seed = from_official(k->grads, key, out.x[i]->shape);
        df_seed(c, out.x[i], seed);
        df_free(seed);
    }
    df_backward(c, NULL, NULL);
    cr_assert_eq(df_ctx_error(c), DF_OK, "%s: %s", k->name, df_error());
    const double limit = strcmp(k->backbone->name, "DAT") == 0 ? 1e-3 : 1e-4; /* positions of samples amplify rounding */
    float *official = to_official(image->grad, image->shape);
    close_gradient(k, "image", official, df_size(image), limit);
    df_free(official);
    for (int i = 0; i < nn_model_count(k->weights); i++)
        parameter_gradient(k, nn_model_at(k->weights, i), limit);
    df_ctx_free(c);
    df_pool_free(pool);
}

Test(backbone_golden, gradients)
{
    each_case(gradients);
}

/* ---- weights of the authors in mmdet's own forms --------------------------------------------------------------------- */

static float *all_weights(const NnModel *model, size_t *n)
{
    *n = 0;
    for (int i = 0; i < nn_model_count(model); i++)
        *n += df_size(nn_model_at(model, i)->tensor);
    float *out = df_malloc(*n * sizeof *out), *at = out;
    cr_assert_not_null(out);
    for (int i = 0; i < nn_model_count(model); i++) {
        const DfTensor *x = nn_model_at(model, i)->tensor;
        memcpy(at, x->data, df_size(x) * sizeof *at);
        at += df_size(x);
    }
    return out;
}

/* From official.pth mmdet's converters make the weights.pth beside it. */
static void converts(const char *name)
{
    Case k;
    char path[1280];
    size_t n;
    DfCheckpoint *file;
    NnReport report;
    open_case(&k, name);
    float *want = all_weights(k.weights, &n);
    cr_assert_eq(nn_model_init(k.weights, 7), DF_OK);
    snprintf(path, sizeof path, "%s/official.pth", k.path);
    cr_assert_eq(df_checkpoint_open(&file, path, NULL), DF_OK, "%s", df_error());
    cr_assert_eq(nn_model_load(k.weights, file, NULL, &report), DF_OK, "%s: %s", name, df_error());
    cr_expect_eq(report.of[NN_KEPT].n + report.of[NN_UNEXPECTED].n, 0, "%s", name);
    float *met = all_weights(k.weights, &n);
    cr_expect_arr_eq(met, want, n * sizeof *met, "%s", name);
    nn_report_free(&report);
    df_checkpoint_close(file);
    df_free(met);
    df_free(want);
    close_case(&k);
}

Test(backbone_golden, weights_of_the_authors_in_forms_of_mmdet)
{
    converts("swin_mmdet");
    converts("pvt_mmdet");
    converts("pvt_v2_mmdet");
}
