/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/train/test_plan.c -- what a config says about a run, in the keys of mmcv's runners and of mmengine's loops.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "train/train.h"

typedef struct {
    DfConfig *config;
    DfArena *arena;
    DfPlan plan;
    int error;
} Read;

static Read read_plan(const char *text)
{
    Read r = { .arena = df_arena_new() };
    cr_assert_not_null(r.arena);
    cr_assert_eq(df_config_parse(&r.config, text, strlen(text), "plan.py", true), DF_OK, "%s", df_error());
    r.error = df_plan_read(&r.plan, df_config_root(r.config), r.arena);
    return r;
}

static void done(Read *r)
{
    df_config_free(r->config);
    df_arena_free(r->arena);
}

Test(plan, epochs_of_mmcv)
{
    Read r = read_plan("runner = dict(type='EpochBasedRunner', max_epochs=12)\n"
                       "data = dict(samples_per_gpu=8, workers_per_gpu=3)\n"
                       "evaluation = dict(interval=2, metric='bbox', save_best='bbox_mAP_50', start=4)\n"
                       "checkpoint_config = dict(interval=3, max_keep_ckpts=5)\n"
                       "log_config = dict(interval=7, hooks=[dict(type='TextLoggerHook')])\nseed = 9\nload_from = 'w.pth'\n");
    const DfPlan *p = &r.plan;
    cr_assert_eq(r.error, DF_OK, "%s", df_error());
    cr_expect(p->epochs == 12 && p->iterations == 0 && p->pictures == 8 && p->loader_threads == 3);
    cr_expect(p->score.every == 2 && p->score.by_epoch && p->first_score == 4);
    cr_expect_str_eq(p->best, "bbox_mAP_50");
    cr_expect(p->keep.every == 3 && p->keep.by_epoch && p->most_kept == 5 && p->log_every == 7);
    cr_expect(p->has_seed && p->seed == 9);
    cr_expect_str_eq(p->load_from, "w.pth");
    done(&r);
}

Test(plan, iterations_of_mmcv)
{
    Read r = read_plan("runner = dict(type='IterBasedRunner', max_iters=160000)\n"
                       "evaluation = dict(interval=16000, metric='mIoU')\ncheckpoint_config = dict(by_epoch=False, interval=8000)\n");
    cr_assert_eq(r.error, DF_OK, "%s", df_error());
    cr_expect(r.plan.epochs == 0 && r.plan.iterations == 160000 && r.plan.pictures == 2);
    cr_expect(r.plan.score.every == 16000 && !r.plan.score.by_epoch && r.plan.best == NULL);
    cr_expect(r.plan.keep.every == 8000 && !r.plan.keep.by_epoch && r.plan.most_kept == 0 && r.plan.log_every == 50);
    done(&r);
}

Test(plan, mmengine)
{
    Read r = read_plan("train_cfg = dict(type='IterBasedTrainLoop', max_iters=80000, val_interval=8000)\n"
                       "train_dataloader = dict(batch_size=4, num_workers=1)\n"
                       "default_hooks = dict(checkpoint=dict(type='CheckpointHook', by_epoch=False, interval=4000,\n"
                       "    save_best='mIoU', max_keep_ckpts=1), logger=dict(type='LoggerHook', interval=20))\n"
                       "randomness = dict(seed=3)\n");
    cr_assert_eq(r.error, DF_OK, "%s", df_error());
    cr_expect(r.plan.iterations == 80000 && r.plan.pictures == 4 && r.plan.loader_threads == 1 && r.plan.seed == 3);
    cr_expect(r.plan.score.every == 8000 && !r.plan.score.by_epoch && r.plan.keep.every == 4000 && r.plan.most_kept == 1);
    cr_expect_str_eq(r.plan.best, "mIoU");
    cr_expect_eq(r.plan.log_every, 20);
    done(&r);
}

Test(plan, older_and_empty)
{
    Read old = read_plan("total_epochs = 36\ntrain_cfg = dict(rpn=dict(pos_weight=-1))\n");
    cr_expect(old.error == DF_OK && old.plan.epochs == 36, "%s", df_error());
    done(&old);
    Read none = read_plan("model = dict()\n");
    cr_expect(none.error == DF_OK && none.plan.epochs == 0 && none.plan.iterations == 0, "%s", df_error());
    done(&none);
}

Test(plan, wrong_values)
{
    static const struct { const char *text, *sentence; } wrong[] = {
        { "runner = dict(max_epochs=1)\ndata = dict(samples_per_gpu=0)\n",        "want an integer in 1..65536" },
        { "runner = dict(max_epochs=1)\ndata = dict(samples_per_gpu='many')\n",   "want an integer in 1..65536" },
        { "runner = dict(max_epochs=1, max_iters=3)\n",                           "want one of them" },
        { "runner = dict(max_epochs=-1)\n",                                       "max_epochs" },
        { "runner = dict(max_epochs=1)\nevaluation = dict(intervall=1)\n",        "interval" },
        { "runner = dict(max_epochs=1)\nseed = -1\n",                             "want an integer of at least 0" },
        { "runner = dict(max_epochs=1)\nlog_config = dict(interval=0)\n",         "interval" },
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        Read r = read_plan(wrong[i].text);
        cr_expect_eq(r.error, DF_EVALUE, "%s", wrong[i].text);
        cr_expect_not_null(strstr(df_error(), wrong[i].sentence), "'%s': %s", wrong[i].text, df_error());
        done(&r);
    }
}

Test(plan, when_something_is_due)
{
    const DfInterval epochs = { 2, true }, steps = { 3, false }, never = { 0, true };
    for (int64_t step = 0; step < 40; step++) {
        cr_expect_eq(df_is_due(epochs, step, 5), step > 0 && step % 10 == 0);
        cr_expect_eq(df_is_due(steps, step, 5), step > 0 && step % 3 == 0);
        cr_expect_not(df_is_due(never, step, 5));
    }
}

/* What says where and when something is written may change while a run rests; what is computed may not. */
Test(plan, settings)
{
    static const char *const same[] = {
        "data = dict(train=dict(type='A', ann_file='y.json', pipeline=[1]))\nmodel = dict(a=1.0)\noptimizer = dict(lr=1)\n",
        "data = dict(train=dict(type='A', ann_file='x.json', pipeline=[1]), val=3)\nmodel = dict(a=1)\noptimizer = dict(lr=1)\n"
        "log_config = dict(interval=3)\nwork_dir = 'x'\nseed = 3\n",
    };
    static const char *const other[] = {
        "data = dict(train=dict(type='A', ann_file='x.json', pipeline=[2]))\nmodel = dict(a=1)\noptimizer = dict(lr=1)\n",
        "data = dict(train=dict(type='A', ann_file='x.json', pipeline=[1]))\nmodel = dict(a=1)\noptimizer = dict(lr=2)\n",
        "data = dict(train=dict(type='A', pipeline=[1]), samples_per_gpu=4)\nmodel = dict(a=1)\noptimizer = dict(lr=1)\n",
    };
    uint64_t hash[5];
    for (int i = 0; i < 5; i++) {
        const char *text = i < 2 ? same[i] : other[i - 2];
        DfConfig *config;
        cr_assert_eq(df_config_parse(&config, text, strlen(text), "settings.py", true), DF_OK, "%s", df_error());
        hash[i] = df_plan_settings(df_config_root(config));
        df_config_free(config);
    }
    cr_expect_eq(hash[0], hash[1]);
    for (int i = 2; i < 5; i++)
        cr_expect_neq(hash[i], hash[0], "%d", i);
}
