/* SPDX-License-Identifier: Apache-2.0
 *
 * train/page.c -- writes the HTML page of a run, from its log and its sample pictures.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "report/report.h"
#include "train/run_parts.h"

enum { RELOAD = 10, MOST_CURVES = 24, CHARTS = 5, CARDS = 6 };

typedef struct {
    DfCurve curves[CHARTS][MOST_CURVES];
    DfTrainingChart charts[CHARTS];
    size_t n_charts;
    char card[CARDS][64];
    const char *names[CARDS], *values[CARDS];
    size_t n_cards;
    DfTrainingPicture pictures[RUN_SAMPLES];
    char title[256], state[256];
} Page;

/* ---- charts ------------------------------------------------------------------------------------------------------ */

/* Whether a series belongs to a chart. */
typedef bool Belongs(const DfLogSeries *);

static bool is_loss(const DfLogSeries *s)
{
    return !s->val && strcmp(s->name, "loss") == 0;
}

static bool is_part(const DfLogSeries *s)
{
    return !s->val && strstr(s->name, "loss") && strcmp(s->name, "loss") != 0;
}

static bool is_rate(const DfLogSeries *s)
{
    return !s->val && strcmp(s->name, "lr") == 0;
}

static bool is_norm(const DfLogSeries *s)
{
    return !s->val && strcmp(s->name, "grad_norm") == 0;
}

static bool is_score(const DfLogSeries *s)
{
    return s->val && !df_ends_with(s->name, "_s") && !df_ends_with(s->name, "_m") && !df_ends_with(s->name, "_l");
}

/* Finds the curves of a chart, in the order of the log. */
static size_t find_curves(DfCurve *out, const DfRun *r, Belongs *belongs)
{
    const DfLogSeries *all;
    size_t n = 0;
    const int total = df_run_log_series(r->log, &all);
    for (int i = 0; i < total && n < MOST_CURVES; i++)
        if (all[i].n && belongs(&all[i]))
            out[n++] = (DfCurve){ all[i].name, all[i].step, all[i].value, all[i].n };
    return n;
}

static void add_chart(Page *p, const DfRun *r, Belongs *belongs, DfTrainingChart chart)
{
    DfCurve *curves = p->curves[p->n_charts];
    chart.curves = curves;
    chart.n = find_curves(curves, r, belongs);
    if (chart.n)
        p->charts[p->n_charts++] = chart;
}

static void add_charts(Page *p, const DfRun *r)
{
    add_chart(p, r, is_loss, (DfTrainingChart){ .title = "Loss", .lead = "of the training set", .smooth = true,
                                                .from_first = true });
    add_chart(p, r, is_score, (DfTrainingChart){ .title = "Scores", .lead = "of the validation set, in percent",
                                                 .percent = true });
    add_chart(p, r, is_part, (DfTrainingChart){ .title = "Its parts", .lead = "as the config weighs them",
                                                .smooth = true, .from_first = true });
    add_chart(p, r, is_rate, (DfTrainingChart){ .title = "Learning rate", .lead = "", .smooth = true });
    add_chart(p, r, is_norm, (DfTrainingChart){ .title = "Gradient norm", .lead = "before clipping", .smooth = true,
                                                .from_first = true });
}

/* ---- cards ------------------------------------------------------------------------------------------------------- */

static void add_card(Page *p, const char *name, const char *format, double value)
{
    char *text = p->card[p->n_cards];
    p->names[p->n_cards] = name;
    if (strcmp(format, "time") == 0 && value >= 3600)
        df_snprintf(text, sizeof p->card[0], "%.0f h %02.0f m", floor(value / 3600), floor(fmod(value, 3600) / 60));
    else if (strcmp(format, "time") == 0)
        df_snprintf(text, sizeof p->card[0], "%.0f m %02.0f s", floor(value / 60), fmod(value, 60));
    else if (strcmp(format, "percent") == 0)
        df_snprintf(text, sizeof p->card[0], "%.1f", 100 * value);
    else if (strcmp(format, "loss") == 0)
        df_snprintf(text, sizeof p->card[0], "%.4g", value);
    else
        df_snprintf(text, sizeof p->card[0], "%.1f", value);
    p->values[p->n_cards++] = text;
}

/* The last value of a series; a series is empty if memory ran out for its first value. */
static double last_of(const DfRun *r, const char *name)
{
    const DfLogSeries *all;
    for (int i = df_run_log_series(r->log, &all) - 1; i >= 0; i--)
        if (all[i].n && !all[i].val && strcmp(all[i].name, name) == 0)
            return all[i].value[all[i].n - 1];
    return (double)NAN;
}

static void add_cards(Page *p, const DfRun *r, bool over)
{
    const DfRunState *at = &r->state.at;
    const DfNews news = df_run_news(r, DF_NEWS_LOGGED);
    const double loss = last_of(r, "loss");
    df_snprintf(p->card[0], sizeof p->card[0], "%.0f%%", floor(100.0 * (double)at->step / (double)r->steps));
    p->names[0] = "done";
    p->values[p->n_cards++] = p->card[0];
    if (isfinite(loss))
        add_card(p, "loss", "loss", loss);
    if (at->best_step >= 0)
        add_card(p, at->metric, "percent", at->best);
    add_card(p, "pictures per second", "number", news.pictures_per_second);
    if (!over && isfinite(news.left))
        add_card(p, "left", "time", news.left);
    add_card(p, "MB of memory", "loss", (double)(news.memory >> 20));
}

/* ---- the page ---------------------------------------------------------------------------------------------------- */

static void describe(Page *p, const DfRun *r, bool over)
{
    const DfRunState *at = &r->state.at;
    const char *name = strrchr(r->o.config, '/') ? strrchr(r->o.config, '/') + 1 : r->o.config;
    const char *word = "Running";
    if (over)
        word = at->step < r->steps ? "Stopped; --resume goes on from here" : "Done";
    df_snprintf(p->title, sizeof p->title, "Training: %.200s", name);
    if (r->plan.epochs)
        df_snprintf(p->state, sizeof p->state, "%s: step %lld of %lld, epoch %lld of %lld.", word, (long long)at->step,
                 (long long)r->steps, (long long)(at->step / r->per_epoch), (long long)r->plan.epochs);
    else
        df_snprintf(p->state, sizeof p->state, "%s: step %lld of %lld.", word, (long long)at->step,
                    (long long)r->steps);
}

static size_t add_pictures(Page *p, const DfRun *r)
{
    for (int i = 0; i < r->n_samples && r->samples_seen; i++)
        p->pictures[i] = (DfTrainingPicture){ r->samples[i].name, r->samples[i].truth, r->samples[i].found_now };
    return r->samples_seen ? (size_t)r->n_samples : 0;
}

static int write_text(DfRun *r, const char *name, const char *text)
{
    const char *path = df_run_path(r, name);
    return path ? df_file_write_text(path, text) : DF_ENOMEM;
}

static int write_page(DfRun *r, Page *p, bool over)
{
    add_charts(p, r);
    add_cards(p, r, over);
    describe(p, r, over);
    const DfTrainingPage page = {
        .title = p->title,
        .state = p->state,
        .reload = over ? 0 : RELOAD,
        .card_names = p->names,
        .card_values = p->values,
        .n_cards = p->n_cards,
        .charts = p->charts,
        .n_charts = p->n_charts,
        .pictures = p->pictures,
        .n_pictures = add_pictures(p, r),
        .pictures_lead = df_detector_task(r->detector) == DF_TASK_DETECTION
                             ? "As they are labelled, and what was found after the last evaluation, from a score of "
                               "0.3 on."
                             : "As they are labelled, and what was found after the last evaluation.",
    };
    char *text = NULL;
    int error = df_report_training(&page, &text);
    if (error == DF_OK)
        error = write_text(r, "index.html", text);
    df_free(text);
    return error;
}

/* Writes losses and scores as an SVG file, for other documents. */
static int write_curves(DfRun *r, const Page *p)
{
    char *text = NULL;
    int error = df_report_curves(p->charts, p->n_charts < 2 ? p->n_charts : 2, &text);
    if (error == DF_OK)
        error = write_text(r, "curves.svg", text);
    df_free(text);
    return error;
}

int df_run_page(DfRun *r, bool over)
{
    Page *p = df_calloc(1, sizeof *p);
    if (!p)
        return df_fail_memory("the page of a run");
    int error = write_page(r, p, over);
    if (error == DF_OK && p->n_charts)
        error = write_curves(r, p);
    r->last_page = df_run_clock();
    df_free(p);
    return error;
}
