/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/train/test_ema.c -- averaged weights by the hooks of mmengine and of
 * mmcv, step by step; what their dicts must not say.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/golden.h"
#include "train/train.h"

/* ---- mmengine's and mmcv's ------------------------------------------------------------------------------------------- */

static const char *const of_mmengine[] = { "w", "bn.weight", "bn.bias", "bn.running_mean", "bn.running_var" };

typedef struct {
    const DfCheckpoint *file;
    int number, n;
    bool mmengine;
    float source[5][64];
    DfEmaPart parts[5];
} Case;

/* model3.bn.bias or ema3.bn.bias of one file, w3 or ema3 of the other. */
static const DfArray *find(const Case *k, bool average, int step, int part)
{
    char name[64];
    if (k->mmengine)
        snprintf(name, sizeof name, "c%d.%s%d.%s", k->number, average ? "ema" : "model", step, of_mmengine[part]);
    else
        snprintf(name, sizeof name, "c%d.%s%d", k->number, average ? "ema" : "w", step);
    return golden_get(k->file, name);
}

static void read_sources(Case *k, int step)
{
    for (int i = 0; i < k->n; i++) {
        const DfArray *array = find(k, false, step, i);
        cr_assert_leq(df_array_count(array), 64);
        df_array_f32(array, k->source[i]);
        k->parts[i] = (DfEmaPart){ k->source[i], (size_t)df_array_count(array), k->mmengine && i >= 3 };
    }
}

static void run_case(Case *k, const DfEmaRule *rule, int steps)
{
    DfEma *ema;
    k->n = k->mmengine ? 5 : 1;
    read_sources(k, 0);
    cr_assert_eq(df_ema_new(&ema, rule, k->parts, k->n), DF_OK);
    for (int step = 1; step <= steps; step++) {
        read_sources(k, step);
        df_ema_update(ema, NULL, step - 1, 0);
        for (int i = 0; i < k->n; i++) {
            const double far = max_abs_over_max(df_ema_part(ema, i), find(k, true, step, i));
            cr_expect(far <= 1e-6, "case %d, step %d, part %d: off by %g", k->number, step, i, far);
        }
    }
    df_ema_free(ema);
}

static const DfNode *parse(DfConfig **config, const char *format, const char *value)
{
    char *text = df_malloc(strlen(value) + 64);
    cr_assert_not_null(text);
    sprintf(text, format, value); // NOLINT
    cr_assert_eq(df_config_parse(config, text, strlen(text), "cases", format[0] == 'x'), DF_OK, "%s", df_error());
    df_free(text);
    return df_config_root(*config);
}

/* A case as a config would write it: custom_hooks = [dict(type='EMAHook', ..)]. */
static void write_hook(char *text, size_t size, const DfNode *one, bool mmengine)
{
    int n = snprintf(text, size, "[dict(type='EMAHook'");
    if (mmengine)
        n += snprintf(text + n, size - (size_t)n, ", ema_type='%s', begin_iter=%d", df_node_text(df_node_get(one, "type"), ""),
                      (int)df_node_int(df_node_get(one, "begin_iter"), 0));
    for (const DfNode *at = df_node_get(one, "kwargs")->first; at; at = at->next) {
        if (at->kind == DF_NODE_BOOL)
            n += snprintf(text + n, size - (size_t)n, ", %s=%s", at->key, at->boolean ? "True" : "False");
        else
            n += snprintf(text + n, size - (size_t)n, ", %s=%.17g", at->key, at->number);
    }
    snprintf(text + n, size - (size_t)n, ")]");
}

static int run_file(const char *name, bool mmengine)
{
    DfCheckpoint *file = golden_open(DF_TEST_DATA "/train/%s.safetensors", name);
    DfConfig *config;
    const DfNode *root = parse(&config, "{\"cases\": %s}", df_checkpoint_metadata(file, "cases"));
    int number = 0, ran = 0;
    for (const DfNode *one = df_node_get(root, "cases")->first; one; one = one->next, number++) {
        char text[512];
        DfConfig *hook;
        DfEmaRule rule;
        if (df_node_get(one, "optimizer"))
            continue;
        write_hook(text, sizeof text, one, mmengine);
        cr_assert_eq(df_ema_rule(&rule, df_node_get(parse(&hook, "x = %s\n", text), "x")), DF_OK, "%s", df_error());
        Case k = { .file = file, .number = number, .mmengine = mmengine };
        run_case(&k, &rule, (int)df_node_int(df_node_get(one, "steps"), 0));
        df_config_free(hook);
        ran++;
    }
    df_config_free(config);
    golden_close(file);
    return ran;
}

Test(ema, hooks_of_mmengine) { cr_expect_eq(run_file("ema", true), 8); }
Test(ema, hooks_of_mmcv) { cr_expect_eq(run_file("legacy_hooks", false), 6); }

/* ---- what else ------------------------------------------------------------------------------------------------------- */

static DfEmaRule rule_of(const char *value, int wanted)
{
    DfConfig *config;
    DfEmaRule rule;
    cr_expect_eq(df_ema_rule(&rule, df_node_get(parse(&config, "x = %s\n", value), "x")), wanted, "%s: %s", value, df_error());
    df_config_free(config);
    return rule;
}

/* mmdet 2.x: ExpMomentumEMAHook of YOLOX updates behind the last iteration of an interval: its formula by hand. */
Test(ema, hooks_of_mmdet_2)
{
    const DfEmaRule rule = rule_of("[dict(type='NumClassCheckHook'), dict(type='ExpMomentumEMAHook', momentum=0.1, total_iter=20, interval=2)]", DF_OK);
    cr_expect(rule.kind == DF_EMA_EXPONENTIAL && rule.buffers && rule.interval == 2);
    float x[1] = { 1 };
    const DfEmaPart part = { x, 1, true };
    DfEma *ema;
    cr_assert_eq(df_ema_new(&ema, &rule, &part, 1), DF_OK);
    x[0] = 2;
    df_ema_update(ema, NULL, 0, 0);
    cr_expect_eq(df_ema_part(ema, 0)[0], 1.0f);
    df_ema_update(ema, NULL, 1, 0);
    cr_expect_float_eq(df_ema_part(ema, 0)[0], 1 + 0.9 * exp(-2.0 / 20) + 0.1, 1e-6);
    df_ema_free(ema);
}

Test(ema, by_epoch)
{
    const DfEmaRule rule = rule_of("[dict(type='EMAHook', momentum=0.5, begin_epoch=3)]", DF_OK);
    float x[1] = { 1 };
    const DfEmaPart part = { x, 1, false };
    DfEma *ema;
    cr_assert_eq(df_ema_new(&ema, &rule, &part, 1), DF_OK);
    for (int epoch = 0; epoch < 4; epoch++) {
        x[0] = (float)(epoch + 2);
        df_ema_update(ema, NULL, epoch, epoch);
    }
    cr_expect_eq(df_ema_part(ema, 0)[0], 4.5f, "copied until the third epoch, then the mean with the fourth");
    cr_expect_eq(*df_ema_state(ema).steps, 2);
    df_ema_free(ema);
}

Test(ema, refused)
{
    cr_expect_eq(rule_of("None", DF_OK).kind, DF_EMA_NONE);
    cr_expect_eq(rule_of("[]", DF_OK).kind, DF_EMA_NONE);
    rule_of("[dict(type='EMAHook', ema_type='ExpMomentum')]", DF_EVALUE);
    cr_expect(strstr(df_error(), "did you mean 'ExpMomentumEMA'?"), "%s", df_error());
    rule_of("[dict(type='EMAHook', momentun=0.1)]", DF_EVALUE);
    rule_of("[dict(type='EMAHook', interval=0)]", DF_EVALUE);
}
