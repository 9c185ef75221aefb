/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/train/test_optimizer.c -- steps of PyTorch's optimizers on given gradients, with clipping and accumulation;
 * norms; options that make no sense; several threads.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/golden.h"
#include "train/train.h"

/* ---- references ------------------------------------------------------------------------------------------------------ */

/* Where the three files have their options and their arrays. */
typedef struct {
    const char *file;
    const char *optimizer, *clip, *count, *iterations; /* paths in a case; `count` may be absent */
    const char *start, *gradient, *after;              /* names, by case, parameter and step; see find() */
    int first;                                         /* the step that `after` gives the first result */
} Source;
static const Source sources[] = {
    { "optimizer_steps",   "optim_wrapper.optimizer", "optim_wrapper.clip_grad", "optim_wrapper.accumulative_counts", "max_counts",
      "c%d.p%d.init",      "c%d.p%d.grad%d",          "c%d.p%d.after%d",         0 },
    { "optimizer_updates", "optimizer",               "grad_clip",               "",                                  "max_iters",
      "c%d_p%d_init",      "c%d_g%d_%d",              "c%d_p%d_%d",              0 },
    { "legacy_hooks",      "optimizer",               "kwargs.grad_clip",        "kwargs.cumulative_iters",           "max_iters",
      "w0",                "grad",                    "w",                       1 },
};

/* Parameters side by side, as a model lays them out: each begins at a multiple of 16. */
enum { MOST = 8, BLOCK = 1024 };
typedef struct {
    const Source *source;
    const DfCheckpoint *file;
    int number;
    DfOptimizer *optimizer;
    DfOptimizerRule rule;
    DfClip clip;
    DfSlot slots[MOST];
    int n;
    size_t block;
    float weights[BLOCK], gradients[BLOCK];
} Bench;

/* The third file has one parameter a case, and does not number it. */
static const DfArray *find(const Bench *b, const char *format, int param, int step)
{
    char name[64];
    if (b->source == &sources[2])
        snprintf(name, sizeof name, strcmp(format, "grad") == 0 ? "c%d.grad%d" : "c%d.w%d", b->number, step);
    else
        snprintf(name, sizeof name, format, b->number, param, step);
    return b->source == &sources[2] && param > 0 ? NULL : df_checkpoint_find(b->file, name);
}

static void lay_out(Bench *b)
{
    const DfArray *array;
    while ((array = find(b, b->source->start, b->n, 0))) {
        DfSlot *slot = &b->slots[b->n++];
        *slot = (DfSlot){ b->block, (size_t)df_array_count(array), 0 };
        b->block += (slot->n + 15) / 16 * 16;
        cr_assert(b->n < MOST && b->block <= BLOCK);
        df_array_f32(array, b->weights + slot->offset);
    }
    cr_assert_gt(b->n, 0);
}

static void add_gradients(Bench *b, int step, int batches)
{
    for (int i = 0; i < b->n; i++) {
        float g[BLOCK];
        df_array_f32(find(b, b->source->gradient, i, step), g);
        for (size_t k = 0; k < b->slots[i].n; k++)
            b->gradients[b->slots[i].offset + k] += g[k] / (float)batches;
    }
}

static void expect_weights(const Bench *b, int step)
{
    for (int i = 0; i < b->n; i++) {
        const DfArray *want = find(b, b->source->after, i, step + b->source->first);
        const double far = max_abs_over_max(b->weights + b->slots[i].offset, want);
        cr_expect(far <= 2e-6, "%s, case %d, parameter %d, step %d: off by %g", b->source->file, b->number, i, step, far);
    }
}

static void take_step(Bench *b, const DfNode *rates, int step)
{
    double rate = b->rule.lr;
    for (const DfNode *at = rates ? rates->first : NULL; at && step >= 0; at = at->next, step--)
        rate = at->number;
    const double norm = df_gradient_norm(NULL, b->gradients, b->block, b->clip.p);
    const DfUpdate update = { &rate, &b->rule.weight_decay, NULL, df_clip_scale(&b->clip, norm), df_clip_limit(&b->clip) };
    df_optimizer_step(b->optimizer, NULL, b->weights, b->gradients, &update);
    memset(b->gradients, 0, sizeof b->gradients);
}

static void run_case(Bench *b, const DfNode *one)
{
    cr_assert_eq(df_optimizer_rule(&b->rule, df_node_at(one, b->source->optimizer)), DF_OK, "%s", df_error());
    cr_assert_eq(df_clip(&b->clip, df_node_at(one, b->source->clip)), DF_OK, "%s", df_error());
    lay_out(b);
    cr_assert_eq(df_optimizer_new(&b->optimizer, &b->rule, b->slots, b->n, b->block), DF_OK);
    const int count = (int)df_node_int(df_node_at(one, b->source->count), 1);
    const int iterations = (int)df_node_int(df_node_at(one, b->source->iterations), 0);
    for (int k = 0; k < iterations; k++) {
        bool update;
        add_gradients(b, k, df_accumulation(k, iterations, count, &update));
        if (update)
            take_step(b, df_node_get(one, "lr"), k);
        expect_weights(b, k);
    }
    df_optimizer_free(b->optimizer);
}

static DfConfig *cases_of(const Source *source, const DfCheckpoint *file)
{
    DfConfig *config;
    const char *cases = df_checkpoint_metadata(file, "cases");
    if (cases) {
        char *text = df_malloc(strlen(cases) + 32);
        cr_assert_not_null(text);
        sprintf(text, "{\"cases\": %s}", cases);
        cr_assert_eq(df_config_parse(&config, text, strlen(text), source->file, false), DF_OK, "%s", df_error());
        df_free(text);
    } else {
        char path[512];
        snprintf(path, sizeof path, DF_TEST_DATA "/train/%s.json", source->file);
        cr_assert_eq(df_config_read(&config, path, NULL, 0), DF_OK, "%s", df_error());
    }
    return config;
}

static int run_source(const Source *source)
{
    DfCheckpoint *file = golden_open(DF_TEST_DATA "/train/%s.safetensors", source->file);
    DfConfig *config = cases_of(source, file);
    int number = 0, ran = 0;
    for (const DfNode *one = df_node_get(df_config_root(config), "cases")->first; one; one = one->next, number++) {
        if (!df_node_at(one, source->optimizer)) /* of averaged weights: test_ema.c */
            continue;
        Bench b = { .source = source, .file = file, .number = number };
        run_case(&b, one);
        ran++;
    }
    df_config_free(config);
    golden_close(file);
    return ran;
}

Test(optimizer, steps_of_mmengine) { cr_expect_eq(run_source(&sources[0]), 18); }
Test(optimizer, steps_of_torch) { cr_expect_eq(run_source(&sources[1]), 9); }
Test(optimizer, steps_of_mmcv) { cr_expect_eq(run_source(&sources[2]), 5); }

/* ---- what else ------------------------------------------------------------------------------------------------------- */

enum { LARGE = 50000 };

static void fill(float *x, uint64_t seed)
{
    DfRandom random = df_random(seed, 0);
    for (int i = 0; i < LARGE; i++)
        x[i] = (float)df_normal(&random);
}

/* Two parameters, one of which has no gradient in the second step. */
static void train_a_little(DfPool *pool, const DfOptimizerRule *rule, float *weights, double *norm)
{
    float *gradients = df_malloc(LARGE * sizeof *gradients);
    const DfSlot slots[2] = { { 0, 33333, 0 }, { 33344, LARGE - 33344, 1 } };
    const double rates[2] = { 0.1, 0.01 }, decays[2] = { 0, 0.1 };
    bool absent[2] = { false, false };
    DfOptimizer *o;
    fill(weights, 1);
    fill(gradients, 2);
    cr_assert_eq(df_optimizer_new(&o, rule, slots, 2, LARGE), DF_OK);
    const DfUpdate update = { rates, decays, absent, 0.5, 1.5 };
    df_optimizer_step(o, pool, weights, gradients, &update);
    absent[1] = true;
    const float before = weights[LARGE - 1];
    df_optimizer_step(o, pool, weights, gradients, &update);
    cr_expect_eq(weights[LARGE - 1], before, "a parameter without a gradient stays");
    cr_expect_eq(df_optimizer_state(o).steps[0], 2);
    cr_expect_eq(df_optimizer_state(o).steps[1], 1);
    *norm = df_gradient_norm(pool, gradients, LARGE, 2);
    df_optimizer_free(o);
    df_free(gradients);
}

Test(optimizer, several_threads_give_the_same_bits)
{
    static float one[LARGE], three[LARGE];
    const DfOptimizerRule rules[] = {
        { .kind = DF_SGD, .momentum = 0.9 }, { .kind = DF_SGD }, { .kind = DF_ADAMW, .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8, .amsgrad = true },
    };
    DfPool *pool;
    double a, b;
    cr_assert_eq(df_pool_new(&pool, 3), DF_OK);
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        train_a_little(NULL, &rules[i], one, &a);
        train_a_little(pool, &rules[i], three, &b);
        cr_expect_arr_eq(one, three, sizeof one, "rule %zu", i);
        cr_expect_eq(a, b);
    }
    df_pool_free(pool);
}

Test(optimizer, norms)
{
    const float x[3] = { 3, -4, 0 };
    cr_expect_float_eq(df_gradient_norm(NULL, x, 3, 2), 5, 1e-15);
    cr_expect_float_eq(df_gradient_norm(NULL, x, 3, 1), 7, 1e-15);
    cr_expect_float_eq(df_gradient_norm(NULL, x, 3, INFINITY), 4, 1e-15);
    cr_expect_float_eq(df_gradient_norm(NULL, x, 3, 3), cbrt(27 + 64), 1e-14);
    cr_expect_eq(df_gradient_norm(NULL, x, 0, 2), 0);
    const float bad[3] = { 1, NAN, 2 };
    cr_expect(isnan(df_gradient_norm(NULL, bad, 3, 2)) && isnan(df_gradient_norm(NULL, bad, 3, INFINITY)) &&
              isnan(df_gradient_norm(NULL, bad, 3, 1.5)));
}

static const DfNode *node_of(DfConfig **config, const char *value)
{
    char text[512];
    snprintf(text, sizeof text, "x = %s\n", value);
    cr_assert_eq(df_config_parse(config, text, strlen(text), "text", true), DF_OK, "%s", df_error());
    return df_node_get(df_config_root(*config), "x");
}

static void refuse_rule(const char *value, const char *sentence)
{
    DfConfig *config;
    DfOptimizerRule rule;
    cr_expect_eq(df_optimizer_rule(&rule, node_of(&config, value)), DF_EVALUE, "%s", value);
    cr_expect(strstr(df_error(), sentence), "%s", df_error());
    df_config_free(config);
}

static void refuse_clip(const char *value, const char *sentence)
{
    DfConfig *config;
    DfClip clip;
    cr_expect_eq(df_clip(&clip, node_of(&config, value)), DF_EVALUE, "%s", value);
    cr_expect(strstr(df_error(), sentence), "%s", df_error());
    df_config_free(config);
}

Test(optimizer, refused)
{
    refuse_rule("dict(type='Lion', lr=1)", "no optimizer 'Lion'");
    refuse_rule("dict(lr=1)", "no optimizer ''");
    refuse_rule("dict(type='SGD', lr=1, nesterov=True)", "want a momentum");
    refuse_rule("dict(type='AdamW', lr=1, betas=(0.9,))", "want 2");
    refuse_rule("dict(type='AdamW', lr=-1)", "want 0 to");
    refuse_rule("dict(type='AdamW', weigth_decay=1)", "did you mean 'weight_decay'?");
    refuse_clip("dict(max_norm=1, norm_type=0.5)", "at least 1");
    refuse_clip("dict(norm_type=2)", "has no max_norm");
    refuse_clip("dict(type='value')", "has no clip_value");
    refuse_clip("dict(max_norn=1)", "did you mean 'max_norm'?");
}

Test(optimizer, clips_the_largest_number)
{
    DfConfig *config;
    DfClip clip;
    cr_assert_eq(df_clip(&clip, node_of(&config, "dict(max_norm=2.0, norm_type='inf')")), DF_OK, "%s", df_error());
    cr_expect(isinf(clip.p) && clip.kind == DF_CLIP_NORM);
    cr_expect_float_eq(df_clip_scale(&clip, 4), 0.5, 1e-6);
    cr_expect_eq(df_clip_scale(&clip, 1), 1);
    df_config_free(config);
}
