/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/train/test_schedule.c -- learning rates of every iteration, by mmcv's hooks and
 * mmengine's schedulers; rules that make no sense.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "train/train.h"

static DfConfig *read_cases(const char *name)
{
    char path[512];
    DfConfig *config;
    snprintf(path, sizeof path, DF_TEST_DATA "/train/%s.json", name);
    cr_assert_eq(df_config_read(&config, path, NULL, 0), DF_OK, "%s", df_error());
    return config;
}

static const DfNode *rules_of(const DfNode *one)
{
    const DfNode *rules = df_node_get(one, "param_scheduler");
    return rules ? rules : df_node_get(one, "lr_config");
}

static DfSchedule *open_case(const DfNode *one)
{
    double base[4];
    int n = 0;
    for (const DfNode *at = df_node_get(one, "base_lr")->first; at; at = at->next)
        base[n++] = at->number;
    DfRunLength run = { df_node_int(df_node_get(one, "epochs"), 0), df_node_int(df_node_get(one, "iters_per_epoch"), 0), 0 };
    run.iterations = run.epochs * run.epoch_length;
    DfSchedule *s = NULL;
    cr_assert_eq(df_schedule_new(&s, rules_of(one), &run, base, n), DF_OK, "%s", df_error());
    return s;
}

/* The rates of an iteration differ by no more than the last bits of a sum of many. */
static void expect_rates(const DfSchedule *s, const DfNode *wanted, int number, int iteration)
{
    int group = 0;
    for (const DfNode *at = wanted->first; at; at = at->next, group++) {
        const double got = df_schedule_rates(s)[group];
        cr_expect(fabs(got - at->number) <= 1e-12 * fabs(at->number) + 1e-18, "case %d, iteration %d, group %d: %.17g, want %.17g",
                  number, iteration, group, got, at->number);
    }
}

static int run_cases(const char *name)
{
    DfConfig *config = read_cases(name);
    int number = 0;
    for (const DfNode *one = df_node_get(df_config_root(config), "cases")->first; one; one = one->next, number++) {
        DfSchedule *s = open_case(one);
        int iteration = 0;
        for (const DfNode *row = df_node_get(one, "lr")->first; row; row = row->next, iteration++) {
            expect_rates(s, row, number, iteration);
            df_schedule_next(s);
        }
        df_schedule_free(s);
    }
    df_config_free(config);
    return number;
}

Test(schedule, every_iteration_of_every_case) { cr_expect_eq(run_cases("schedules"), 66); }
Test(schedule, one_cycle_of_torch) { cr_expect_eq(run_cases("one_cycle"), 8); }

Test(schedule, seeking_gives_the_same_bits)
{
    DfConfig *config = read_cases("schedules");
    for (const DfNode *one = df_node_get(df_config_root(config), "cases")->first; one; one = one->next) {
        DfSchedule *s = open_case(one), *t = open_case(one);
        const int last = df_node_get(one, "lr")->n - 1;
        for (int i = 0; i < last; i++)
            df_schedule_next(s);
        df_schedule_seek(t, last);
        cr_expect_eq(df_schedule_rates(s)[0], df_schedule_rates(t)[0]);
        df_schedule_seek(t, 0);
        expect_rates(t, df_node_get(one, "lr")->first, -1, 0);
        df_schedule_free(s);
        df_schedule_free(t);
    }
    df_config_free(config);
}

/* Policies that no fixture has: mmcv's formulas at places where they are easy. */
static double rate_at(const char *rules, int iteration)
{
    char text[512];
    DfConfig *config;
    DfSchedule *s;
    snprintf(text, sizeof text, "x = %s\n", rules);
    cr_assert_eq(df_config_parse(&config, text, strlen(text), "text", true), DF_OK, "%s", df_error());
    const DfRunLength run = { 4, 10, 40 };
    const double base = 0.1;
    cr_assert_eq(df_schedule_new(&s, df_node_get(df_config_root(config), "x"), &run, &base, 1), DF_OK, "%s", df_error());
    df_schedule_seek(s, iteration);
    const double rate = df_schedule_rates(s)[0];
    df_schedule_free(s);
    df_config_free(config);
    return rate;
}

Test(schedule, up_and_down_again)
{
    const char *cyclic = "dict(policy='cyclic', target_ratio=(10, 0.1), cyclic_times=2, step_ratio_up=0.4, gamma=0.5)";
    cr_expect_float_eq(rate_at(cyclic, 0), 0.1, 1e-12);
    cr_expect_float_eq(rate_at(cyclic, 4), 0.55, 1e-12, "half way up to ten times");
    cr_expect_float_eq(rate_at(cyclic, 8), 1.0, 1e-12);
    cr_expect_float_eq(rate_at(cyclic, 28), 0.55, 1e-12, "half as far above the base in the second cycle");
    const char *restart = "dict(policy='CosineRestart', by_epoch=False, periods=[10, 20], restart_weights=[1, 0.5], min_lr=0.02)";
    cr_expect_float_eq(rate_at(restart, 5), 0.06, 1e-12);
    cr_expect_float_eq(rate_at(restart, 10), 0.06, 1e-12, "half of what is above the least");
    cr_expect_float_eq(rate_at(restart, 35), 0.02, 1e-12, "behind the last period");
    const char *later = "[dict(type='CosineRestartLR', by_epoch=False, periods=[10, 20], restart_weights=[1, 0.5], eta_min=0.02)]";
    cr_expect_float_eq(rate_at(later, 5), 0.06, 1e-12);
    cr_expect_float_eq(rate_at(later, 10), 0.05, 1e-12, "mmengine: half of the first rate");
    cr_expect_float_eq(rate_at("dict(policy='inv', gamma=0.1, power=2, by_epoch=False)", 10), 0.025, 1e-12);
    cr_expect_float_eq(rate_at("dict(policy='LinearAnnealing', min_lr=0.02, by_epoch=False)", 20), 0.06, 1e-12);
}

static void refuse(const char *rules, const char *sentence)
{
    char text[512];
    DfConfig *config;
    snprintf(text, sizeof text, "x = %s\n", rules);
    cr_assert_eq(df_config_parse(&config, text, strlen(text), "text", true), DF_OK, "%s", df_error());
    const DfRunLength run = { 2, 10, 20 };
    const double base[2] = { 0.1, 0.2 };
    DfSchedule *s;
    cr_expect_eq(df_schedule_new(&s, df_node_get(df_config_root(config), "x"), &run, base, 2), DF_EVALUE, "%s", rules);
    cr_expect(strstr(df_error(), sentence), "%s", df_error());
    df_config_free(config);
}

Test(schedule, refused)
{
    refuse("dict(policy='stp', step=[1])", "did you mean 'Step'?");
    refuse("dict(policy='step', step=[1], gama=0.1)", "did you mean 'gamma'?");
    refuse("dict(policy='step', step=[1, -2])", "want 1 to");
    refuse("dict(policy='step', step=0)", "want 1 to");
    refuse("dict(policy='CosineAnnealing')", "want one of min_lr and min_lr_ratio");
    refuse("dict(policy='CosineRestart', periods=[1, 2], restart_weights=[1, 1, 1], min_lr=0)", "want as many");
    refuse("dict(type='LinearR')", "did you mean 'LinearLR'?");
    refuse("[dict(type='LinearLR', begin=5, end=5)]", "want the end behind the begin");
    refuse("[dict(type='LinearLR', by_epoch=False, convert_to_iter_based=True)]", "want by_epoch = True");
    refuse("dict(type='CosineAnnealingLR', eta_min=1, eta_min_ratio=1)", "want one of eta_min");
    refuse("dict(type='OneCycleLR', eta_max=[1, 2, 3], total_steps=9)", "want 1 or as many");
    refuse("3", "");
}

Test(schedule, without_rules_the_rates_stay)
{
    const DfRunLength run = { 0, 1, 5 };
    const double base[1] = { 0.25 };
    DfSchedule *s;
    cr_assert_eq(df_schedule_new(&s, NULL, &run, base, 1), DF_OK);
    df_schedule_seek(s, 4);
    cr_expect_eq(df_schedule_rates(s)[0], 0.25);
    df_schedule_free(s);
    df_schedule_free(NULL);
    const DfRunLength empty = { 0, 0, 5 };
    cr_expect_eq(df_schedule_new(&s, NULL, &empty, base, 1), DF_EVALUE);
}
