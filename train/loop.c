/* SPDX-License-Identifier: Apache-2.0
 *
 * train/loop.c -- the training loop: a batch, its losses, their gradients, a step of the weights; and at intervals a
 * line in the log, an evaluation, a checkpoint.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "train/run_parts.h"

/* ---- news -------------------------------------------------------------------------------------------------------- */

/* The number of evaluations still to come. */
static double evaluations_left(const DfRun *r)
{
    const int64_t every = r->plan.score.every * (r->plan.score.by_epoch ? r->per_epoch : 1);
    return every > 0 ? (double)(r->steps / every - r->state.at.step / every) : 0;
}

DfNews df_run_news(const DfRun *r, DfNewsKind kind)
{
    const int64_t step = r->state.at.step;
    DfNews news = { .kind = kind, .step = step, .steps = r->steps, .epochs = r->plan.epochs,
                    .per_epoch = r->per_epoch, .memory = df_memory_most() };
    news.epoch = step > 0 ? (step - 1) / r->per_epoch + 1 : 1;
    news.iter = step - (news.epoch - 1) * r->per_epoch;
    news.rate = r->rate;
    news.seconds = r->step_seconds;
    news.pictures_per_second = r->step_seconds > 0 ? r->loading.order.batch / r->step_seconds : 0;
    news.left = r->step_seconds > 0 ? (double)(r->steps - step) * r->step_seconds : (double)NAN;
    news.left += evaluations_left(r) * r->scoring_seconds;
    return news;
}

void df_run_tell(DfRun *r, const DfNews *news)
{
    if (r->leads && r->o.told && !r->o.told(r->o.told_user, news))
        r->stopping = true;
}

/* ---- the log ----------------------------------------------------------------------------------------------------- */

/* The index of a name among the sums. "loss_cls.0", "loss_cls.1", .. of several levels share one sum, as in mmdet's
 * log. */
static int place_of(RunMeans *m, const char *name)
{
    char whole[sizeof m->name[0]];
    snprintf(whole, sizeof whole, "%s", name);
    char *dot = strrchr(whole, '.');
    if (dot && dot[1] && dot[1 + strspn(dot + 1, "0123456789")] == 0)
        *dot = 0;
    for (int i = 0; i < m->n; i++)
        if (strcmp(m->name[i], whole) == 0)
            return i;
    memcpy(m->name[m->n], whole, sizeof whole);
    return m->n++;
}

static void gather(DfRun *r, const DfStepReport *report)
{
    RunMeans *m = &r->means;
    const DfLosses *losses = report->losses;
    for (int i = 0; i < losses->n; i++)
        if (strcmp(losses->v[i].name, "loss") != 0) /* the single loss of a classifier is the total already */
            m->sum[SUM_LOSSES + place_of(m, losses->v[i].name)] += (double)r->losses[i];
    m->sum[SUM_LOSSES + place_of(m, "loss")] += r->total;
    m->sum[SUM_STEPS] += 1;
    m->sum[SUM_UPDATES] += report->updated;
    m->sum[SUM_NORMS] += report->updated ? report->norm : 0;
}

static void forget(RunMeans *m)
{
    memset(m->sum, 0, sizeof m->sum);
    m->seconds = m->data_seconds = 0;
    m->timed = 0;
}

/* The line of mmcv's TextLoggerHook: means since the last one. */
static int log_line(DfRun *r)
{
    enum { BESIDE = 5 };
    const RunMeans *m = &r->means;
    DfLogValue values[DF_LOSSES + 1 + BESIDE];
    DfNewsValue told[DF_LOSSES + 1];
    DfNews news = df_run_news(r, DF_NEWS_LOGGED);
    const double timed = m->timed ? m->timed : 1;
    const DfLogValue beside[BESIDE] = {
        { "lr", news.rate },
        { "grad_norm", m->sum[SUM_NORMS] / fmax(1, m->sum[SUM_UPDATES]) },
        { "time", m->seconds / timed },
        { "data_time", m->data_seconds / timed },
        { "memory", (double)(news.memory >> 20) },
    };
    memcpy(values, beside, sizeof beside);
    for (int i = 0; i < m->n; i++) {
        told[i] = (DfNewsValue){ m->name[i], m->sum[SUM_LOSSES + i] / m->sum[SUM_STEPS] };
        values[BESIDE + i] = (DfLogValue){ told[i].name, told[i].value };
    }
    news.n = m->n;
    news.values = told;
    news.data_seconds = m->data_seconds / timed;
    const DfLogEntry entry = { "train", news.epoch, news.iter, news.step, BESIDE + m->n, values };
    const int error = r->leads ? df_run_log_add(r->log, &entry) : DF_OK;
    df_run_tell(r, &news);
    forget(&r->means);
    return error;
}

/* ---- the loop ---------------------------------------------------------------------------------------------------- */

/* Whether to log: every log_every steps, after every epoch that is shorter, and at the end. */
static bool is_log_due(const DfRun *r)
{
    const int64_t step = r->state.at.step;
    if (r->per_epoch < r->plan.log_every && step % r->per_epoch == 0)
        return true;
    return step % r->plan.log_every == 0 || step == r->steps;
}

static int one_step(DfRun *r)
{
    DfStepReport report;
    const double start = df_run_clock();
    const int error = df_run_step(r, &report);
    if (error < 0)
        return error;
    gather(r, &report);
    r->rate = report.rate;
    df_reset(r->c);
    r->state.at.step++;
    r->state.at.epoch = r->state.at.step / r->per_epoch;
    r->state.at.position = r->state.at.step % r->per_epoch;
    const double seconds = df_run_clock() - start;
    r->step_seconds = r->step_seconds > 0 ? 0.95 * r->step_seconds + 0.05 * seconds : seconds;
    const DfNews news = df_run_news(r, DF_NEWS_STEP);
    df_run_tell(r, &news);
    return is_log_due(r) ? log_line(r) : DF_OK;
}

static bool is_score_due(const DfRun *r)
{
    const int64_t step = r->state.at.step;
    const int64_t reached = r->plan.score.by_epoch ? step / r->per_epoch : step;
    const bool due = df_is_due(r->plan.score, step, r->per_epoch) || step == r->steps;
    return due && reached >= r->plan.first_score && r->state.at.scored != step;
}

enum { PAGE_SECONDS = 10 };

static bool is_save_due(const DfRun *r)
{
    const double minutes = r->o.save_minutes > 0 ? r->o.save_minutes : 10;
    return df_run_clock() - r->last_saved >= 60 * minutes;
}

/* Saves the checkpoints; only the first process does. */
static int keep(DfRun *r, bool scored)
{
    int error = DF_OK;
    const int64_t step = r->state.at.step;
    const bool ends = step == r->steps;
    const bool epoch_ends = r->plan.epochs && step % r->per_epoch == 0;
    const bool kept = df_is_due(r->plan.keep, step, r->per_epoch);
    const bool page = epoch_ends || kept || ends || scored;
    if (r->state.at.best_step == step) /* just scored; or resumed after a crash before best.safetensors was written */
        error = df_run_keep_best(r);
    if (error == DF_OK && kept)
        error = df_run_keep(r);
    else if (error == DF_OK && (page || is_save_due(r)))
        error = df_run_save(r);
    if (error == DF_OK && (page || df_run_clock() - r->last_page >= PAGE_SECONDS))
        error = df_run_page(r, ends);
    return error;
}

/* Evaluates and saves if it is due after this step. All processes evaluate. */
static int score_and_keep(DfRun *r)
{
    const bool scored = is_score_due(r);
    const int error = scored ? df_run_score(r) : DF_OK;
    return error == DF_OK && r->leads ? keep(r, scored) : error;
}

static int stop(DfRun *r)
{
    int error = r->leads ? df_run_save(r) : DF_OK;
    if (error == DF_OK && r->leads)
        error = df_run_page(r, true);
    if (error < 0)
        return error;
    return df_fail(DF_EINTERRUPT, "stopped after %lld of %lld steps; the same command with --resume continues it",
                   (long long)r->state.at.step, (long long)r->steps);
}

/* Writes the page for the last time; the sentence of `error` is kept. */
static int end(DfRun *r, int error)
{
    char sentence[1024];
    snprintf(sentence, sizeof sentence, "%s", df_error());
    if (r->leads && r->log)
        df_run_page(r, true);
    return df_fail(error, "%s", sentence);
}

int df_run_train(DfRun *r)
{
    int error = df_run_check_memory(r);
    if (error == DF_OK && r->leads)
        error = df_run_check_validation(r);
    if (error == DF_OK)
        error = df_run_open_files(r);
    r->last_saved = df_run_clock();
    if (error == DF_OK && r->leads)
        error = df_run_page(r, false);
    if (error == DF_OK && r->state.at.step > 0) /* the last evaluation may have been interrupted */
        error = score_and_keep(r);
    while (error == DF_OK && !r->stopping && r->state.at.step < r->steps) {
        error = one_step(r);
        if (error == DF_OK)
            error = score_and_keep(r);
        error = df_run_together_agree(r, error);
    }
    if (error == DF_EINTERRUPT || (error == DF_OK && r->stopping && r->state.at.step < r->steps))
        return stop(r);
    if (error == DF_OK && r->unreadable)
        return df_fail(DF_EIO,
                       "trained and saved, but %ld validation pictures could not be read, so the last scores are not "
                       "those of the whole set",
                       r->unreadable);
    return error < 0 ? end(r, error) : DF_OK;
}
