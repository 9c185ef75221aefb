/* SPDX-License-Identifier: Apache-2.0
 *
 * train/run.c -- opens a run: checks config, network, data, weights and work dir before the first step.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "train/run_parts.h"

double df_run_clock(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* ---- config, network, data --------------------------------------------------------------------------------------- */

/* The changes that fit the config to the data come before those of the caller. */
static int list_changes(DfRun *r, DfDetectorOptions *options)
{
    const char **set = df_arena_alloc(r->arena, (size_t)r->fit.n + (size_t)r->o.n_set + 1, sizeof *set);
    if (!set)
        return df_fail_memory("a config");
    memcpy(set, r->fit.set, (size_t)r->fit.n * sizeof *set);
    if (r->o.n_set)
        memcpy(set + r->fit.n, r->o.set, (size_t)r->o.n_set * sizeof *set);
    options->set = set;
    options->n_set = r->fit.n + r->o.n_set;
    return DF_OK;
}

static int fit_config(DfRun *r, DfDetectorOptions *options)
{
    DfConfig *config = NULL;
    int error = df_model_config_read(&config, r->o.config, r->o.set, r->o.n_set);
    if (error == DF_OK)
        error = df_make_directory(r->o.work_dir);
    if (error == DF_OK)
        error = df_fit(&r->fit, r->o.data_dir, df_config_root(config), r->o.work_dir);
    if (error == DF_OK)
        error = list_changes(r, options);
    df_config_free(config);
    return error;
}

static void tell_fit(const DfRun *r)
{
    df_log(DF_LOG_INFO, "%s", df_folder_sentence(r->fit.folder));
    df_log(DF_LOG_INFO, "num_classes is set to %d in %d dict%s of heads", r->fit.n_classes, r->fit.n_heads,
           r->fit.n_heads == 1 ? "" : "s");
}

/* The official DETR programs have no runner: their args say how many epochs there are. */
static int read_plan(DfRun *r)
{
    int error = df_recipe_check(r->root);
    if (error == DF_OK)
        error = df_recipe_read(&r->recipe, r->root);
    if (error == DF_OK)
        error = df_plan_read(&r->plan, r->root, r->arena);
    if (error == DF_OK)
        error = df_pretrained_read(&r->pretrained, r->root, r->arena);
    if (error < 0 || r->plan.epochs || r->plan.iterations)
        return error;
    r->plan.epochs = r->recipe.epochs;
    r->plan.iterations = r->recipe.epochs ? 0 : r->recipe.iterations;
    if (r->plan.epochs || r->plan.iterations)
        return DF_OK;
    return df_node_fail(r->root, DF_EVALUE,
                        "does not say how long the run is: want a `runner` with max_epochs or max_iters");
}

static int open_network(DfRun *r)
{
    DfDetectorOptions options = { .threads = r->o.threads, .set = r->o.set, .n_set = r->o.n_set };
    int error = r->o.data_dir ? fit_config(r, &options) : DF_OK;
    if (error == DF_OK)
        error = df_detector_build(&r->detector, r->o.config, &options);
    if (error < 0)
        return error;
    r->root = df_detector_config(r->detector);
    r->model = df_detector_model(r->detector);
    r->weights = df_model_weights(r->model);
    r->c = df_detector_context(r->detector);
    error = df_detector_check_channels(r->detector);
    if (error == DF_OK)
        error = read_plan(r);
    return error < 0 ? error : df_detector_prepare(r->detector);
}

/* What would stop the run sooner or later stops it now; the rest is told when everything else is well. A run that
 * goes on was checked when it began. */
static int check_data(DfRun *r)
{
    const DfTrainingCheck *check = &r->check;
    const int error = df_training_set_check(&r->check, r->set);
    if (error < 0 || check->n_errors == 0)
        return error;
    if (check->n_errors == 1)
        return df_fail(DF_EVALUE, "%s", check->sentence[0]);
    return df_fail(DF_EVALUE, "%s; and %d more such findings: %s, ..", check->sentence[0], check->n_errors - 1,
                   check->sentence[1]);
}

static void tell_data(const DfRun *r)
{
    for (int i = r->check.n_errors; i < r->check.n; i++)
        df_log(DF_LOG_WARNING, "warning: %s", r->check.sentence[i]);
}

/* What the config says and the run does otherwise. */
static void tell_settings(const DfRun *r)
{
    const bool begins = !r->plan.load_from && !r->o.init && r->state.at.step == 0;
    for (size_t i = 0; begins && i < r->pretrained.n; i++)
        if (!df_is_file(r->pretrained.at[i].file))
            df_log(DF_LOG_WARNING,
                   "warning: the pretrained weights of the config, %s, are not a file: the run begins without them. "
                   "--init FILE names others", r->pretrained.at[i].file);
    df_recipe_warn(r->root);
}

/* A network for three classes and data of five would learn nonsense. */
static int check_classes(const DfRun *r)
{
    const DfClasses *classes = df_training_set_classes(r->set);
    const int n = df_detector_classes(r->detector);
    if (classes->n == 0 || classes->n == n)
        return DF_OK;
    return df_fail(DF_EVALUE, "the training set has %d classes and the network %d: set num_classes, or say --data DIR",
                   classes->n, n);
}

static int open_order(DfRun *r)
{
    DfTrainingLoading *l = &r->loading;
    DfOrder *order = NULL;
    const int threads = r->plan.loader_threads;
    *l = (DfTrainingLoading){ .set = r->set, .threads = threads ? 1 : 0, .ahead = 3 };
    l->rank = df_ranks_own(r->o.ranks);
    l->ranks = df_ranks_count(r->o.ranks);
    l->order.seed = r->state.at.seed;
    int error = df_order_options(&l->order, r->root, r->set);
    if (error == DF_OK)
        error = df_mixing_options(&l->mixing, r->root);
    l->order.batch *= l->ranks; /* samples_per_gpu is of one process */
    if (error == DF_OK)
        error = df_recipe_scale(&r->recipe, r->root, l->order.batch);
    if (error == DF_OK)
        error = df_order_new(&order, &l->order, r->set);
    r->per_epoch = error == DF_OK ? df_order_epoch_batches(order) : 1;
    df_order_free(order);
    return error;
}

static int open_data(DfRun *r)
{
    int error = df_training_set_of_config(&r->set, r->root, NULL);
    if (error == DF_OK)
        error = check_classes(r);
    if (error == DF_OK && r->leads && !r->o.resume)
        error = check_data(r);
    if (error == DF_OK)
        error = open_order(r);
    r->steps = r->plan.iterations ? r->plan.iterations : r->plan.epochs * r->per_epoch;
    return error;
}

/* ---- the work dir ------------------------------------------------------------------------------------------------ */

static int check_work_dir(const DfRun *r, const char *latest)
{
    if (df_file_exists(latest) && !r->o.resume && !r->o.fresh)
        return df_fail(DF_EVALUE, "%s already has a run: --resume continues it, --fresh starts over",
                       r->o.work_dir);
    return DF_OK;
}

static bool is_same_file(const char *a, const char *b)
{
    struct stat x, y;
    return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

/* The weights that a run begins with are not those that it writes: they would be lost. */
static int check_beginning(DfRun *r, const char *from)
{
    const char *slash = from ? strrchr(from, '/') : NULL;
    const char *name = slash ? slash + 1 : from;
    const char *path = from && df_run_writes(name) ? df_run_path(r, name) : NULL;
    if (!path || !is_same_file(path, from))
        return DF_OK;
    return df_fail(DF_EVALUE, "%s: the run begins with these weights, and would write its own there: want another work "
                   "dir", from);
}

static int check_beginnings(DfRun *r)
{
    int error = check_beginning(r, r->o.init ? r->o.init : r->plan.load_from);
    for (size_t i = 0; error == DF_OK && i < r->pretrained.n; i++)
        error = check_beginning(r, r->pretrained.at[i].file);
    return error;
}

/* The run writes a config.py of its own, and one that it is read from may be somebody's work; but where a run was
 * before, it is that run's. */
static int check_config_file(DfRun *r, const char *latest)
{
    const char *config = df_run_path(r, "config.py");
    const char *log = df_run_path(r, "log.jsonl");
    if (!config || !log)
        return DF_ENOMEM;
    if (df_file_exists(latest) || df_file_exists(log) || !df_config_reads(r->root, config))
        return DF_OK;
    return df_fail(DF_EVALUE, "%s: the config is read from this file, and the run would write its own there: want "
                   "another work dir", config);
}

/* Without a state to go on with, the log of an earlier run goes. */
int df_run_open_files(DfRun *r)
{
    const char *config = df_run_path(r, "config.py");
    const char *log = df_run_path(r, "log.jsonl");
    const int64_t step = r->state.at.step > 0 ? r->state.at.step : -1;
    if (!config || !log)
        return DF_ENOMEM;
    if (!r->leads)
        return DF_OK;
    int error = df_run_work_dir_open(r);
    if (error == DF_OK)
        error = df_config_write(r->root, config, true);
    if (error == DF_OK)
        error = df_run_log_open(&r->log, log, step);
    if (error == DF_OK)
        error = df_run_samples_open(r);
    return error;
}

/* ---- going on ---------------------------------------------------------------------------------------------------- */

/* Only the same network, pictures and settings go on. A picture is known by its name: its folder may have moved. */
static uint64_t settings_of(const DfRun *r)
{
    uint64_t hash = df_plan_settings(r->root);
    for (int i = 0; i < df_training_set_count(r->set); i++) {
        const char *path = df_training_set_path(r->set, i);
        hash = df_hash_add_text(hash, strrchr(path, '/') ? strrchr(path, '/') + 1 : path);
    }
    return hash;
}

static int check_same(const DfRun *r, const DfRunState *was, const char *path)
{
    if (was->settings != settings_of(r))
        return df_fail(DF_EVALUE, "%s: the state of a run with another config or other data: --resume wants the same",
                       path);
    if (r->o.has_seed && was->seed != r->o.seed)
        return df_fail(DF_EVALUE, "%s: the state of a run with seed %llu, and --seed is %llu", path,
                       (unsigned long long)was->seed, (unsigned long long)r->o.seed);
    return DF_OK;
}

/* The seed of the run that goes on is known before its data are. */
static int peek(DfRun *r, const char *path)
{
    DfCheckpoint *file = NULL;
    DfRunState was;
    int error = df_checkpoint_open(&file, path, NULL);
    if (error < 0)
        return error;
    error = df_run_state_read(&was, file);
    df_checkpoint_close(file);
    if (error < 0)
        return df_fail_in(error, "%s: ", path);
    r->state.at.seed = was.seed;
    return DF_OK;
}

static int go_on(DfRun *r, const char *path)
{
    int error = df_run_read(r, path);
    if (error == DF_OK)
        error = check_same(r, &r->state.at, path);
    return error == DF_OK ? df_run_learner_seek(r) : error;
}

/* ---- the whole --------------------------------------------------------------------------------------------------- */

static int open_run(DfRun *r, const char *latest)
{
    const bool goes_on = r->o.resume && df_file_exists(latest);
    int error = check_work_dir(r, latest);
    if (error == DF_OK)
        error = open_network(r);
    if (error == DF_OK)
        error = check_config_file(r, latest);
    if (error == DF_OK && !goes_on)
        error = check_beginnings(r);
    if (error < 0)
        return error;
    r->state.at = (DfRunState){ .best_step = -1, .scored = -1 };
    r->state.at.seed = r->o.has_seed ? r->o.seed : r->plan.seed;
    if (goes_on)
        error = peek(r, latest);
    if (error == DF_OK)
        error = open_data(r);
    if (error == DF_OK)
        error = df_run_learner_open(r);
    if (error == DF_OK && goes_on)
        error = go_on(r, latest);
    if (error == DF_OK)
        error = df_run_together_open(r);
    if (error == DF_OK)
        error = df_run_together_agree(r, error); /* all have written what their folder lacked */
    r->state.at.settings = error == DF_OK ? settings_of(r) : 0;
    return error;
}

int df_run_open(DfRun **out, const DfRunOptions *options)
{
    *out = NULL;
    DfRun *r = df_calloc(1, sizeof *r);
    if (!r || !(r->arena = df_arena_new())) {
        df_free(r);
        return df_fail_memory("a run");
    }
    r->o = *options;
    r->lock = -1;
    r->leads = df_ranks_own(r->o.ranks) == 0;
    const char *latest = df_run_path(r, "latest.safetensors");
    int error = latest ? open_run(r, latest) : DF_ENOMEM;
    if (error < 0)
        df_run_close(r);
    else
        *out = r;
    if (error == DF_OK && r->o.data_dir && r->leads)
        tell_fit(r);
    if (error == DF_OK)
        tell_data(r);
    if (error == DF_OK && r->leads)
        tell_settings(r);
    return error;
}

void df_run_close(DfRun *r)
{
    if (!r)
        return;
    df_run_work_dir_close(r);
    df_run_log_close(r->log);
    df_training_check_done(&r->check);
    df_fit_done(&r->fit);
    df_pretrained_done(&r->pretrained);
    df_training_loader_free(r->loader);
    df_parallel_free(r->parallel);
    df_free(r->padded);
    df_trainer_free(r->trainer);
    df_training_set_free(r->set);
    df_detector_close(r->detector);
    df_arena_free(r->arena);
    df_free(r);
}

void df_training_facts(const DfRun *r, DfTrainingFacts *out)
{
    *out = (DfTrainingFacts){ .pictures = df_training_set_count(r->set),
                         .classes = df_detector_classes(r->detector),
                         .classifier = df_detector_task(r->detector) == DF_TASK_CLASSIFICATION,
                         .step = r->state.at.step,
                         .steps = r->steps,
                         .per_epoch = r->per_epoch,
                         .batch = r->loading.order.batch,
                         .trained = nn_model_trained(r->weights).n,
                         .parameters = nn_model_elements(r->weights, ""),
                         .seed = r->state.at.seed,
                         .metric = r->state.at.metric,
                         .best = r->state.at.best,
                         .best_step = r->state.at.best_step };
}
