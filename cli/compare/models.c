/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/compare/models.c -- compares models. Their costs come from a dry pass and from timing them in turns; their
 * scores from the results of their runs.
 */
#include "cli/compare/models.h"

#include <math.h>
#include <string.h>

#include "cli/common/passes.h"

/* ---- what they cost -------------------------------------------------------------------------------------------- */

/* A checkpoint that nothing else would load is loaded here, so that one that does not fit is an error. */
static int count_model(CliModels *m, CliModel *model)
{
    CliSession s;
    const DfProfileRow *rows;
    int error = cli_session_open(&s, model->config);
    if (error == DF_OK)
        error = cli_input_shape(&s, cli_compare.shape, 1280, &model->height, &model->width);
    if (error == DF_OK && model->checkpoint && m->rounds == 0)
        error = cli_session_load(&s, model->checkpoint, NULL);
    if (error == DF_OK)
        error = cli_dry_pass(&s, 1, model->height, model->width);
    if (error == DF_OK && df_profile_rows(s.c, &rows) > 0) {
        model->type = df_arena_text(m->arena, "%s", df_model_type(s.model));
        model->parameters = (double)nn_model_elements(df_model_weights(s.model), "");
        model->multiply_adds = cli_multiply_adds(&rows[0]);
        model->activations = (double)s.c->peak;
        m->threads = df_pool_threads(s.pool);
        m->kernels = df_kernels_name(s.c->k);
        m->precision = df_precision_name(df_detector_precision(s.detector));
        error = model->type ? DF_OK : df_fail_memory("models");
    }
    cli_session_done(&s);
    return error;
}

static int measure(CliModels *m)
{
    CliProgress progress = cli_progress("measure", m->rounds * (long)m->n, 0);
    int error = DF_OK;
    for (int r = 0; r < m->rounds; r++)
        for (size_t i = 0; error == DF_OK && i < m->n; i++) {
            CliModel *model = &m->model[i];
            CliMeasured measured = { 0 };
            if (cli_interrupted())
                return df_fail(DF_EINTERRUPT, "interrupted while measuring");
            const char *checkpoint = model->checkpoint ? model->checkpoint : "random";
            error = cli_measure(&measured, model->config, checkpoint, model->height, model->width);
            model->network[r] = measured.network;
            model->whole[r] = measured.whole;
            model->memory[r] = measured.peak_rss;
            cli_progress_step(&progress, r * (long)m->n + (long)i + 1);
        }
    if (error == DF_OK && m->rounds > 0)
        cli_progress_end(&progress);
    return error;
}

/* ---- how good they are ----------------------------------------------------------------------------------------- */

/* The files with results of one kind: those of the models that have any. */
typedef struct {
    const char **files, **names;
    size_t *model; /* whose results they are */
    size_t n;
} Found;

static DfCompared without_interval(double value)
{
    const double unknown = (double)NAN;
    return (DfCompared){ value, unknown, unknown, unknown, unknown, unknown, false };
}

static int find_results(CliModels *m, CliRunKind kind, Found *f)
{
    for (size_t i = 0; i < m->n; i++) {
        CliModel *model = &m->model[i];
        char *file = NULL;
        int error = model->run ? cli_run_file(model->run, kind, &file) : DF_OK;
        if (file) {
            f->files[f->n] = df_arena_text(m->arena, "%s", file);
            f->names[f->n] = model->name;
            f->model[f->n] = i;
            error = f->files[f->n++] ? DF_OK : df_fail_memory("results");
        } else if (error == DF_OK && model->run) {
            double value;
            error = cli_run_number(model->run, kind, &value);
            model->known[kind] = error == DF_OK && !isnan(value);
            model->accuracy[kind] = without_interval(value);
        }
        df_free(file);
        if (error < 0)
            return error;
    }
    return DF_OK;
}

/* Differences are from the first model; without its results they are unknown. */
static int compare_results(CliModels *m, CliRunKind kind, const Found *f, DfPool *pool)
{
    DfCompare *compare;
    const int error = cli_run_compare(&compare, kind, f->files, f->names, f->n, pool);
    if (error < 0)
        return error;
    for (size_t i = 0; i < f->n; i++) {
        DfCompared *to = &m->model[f->model[i]].accuracy[kind];
        m->model[f->model[i]].known[kind] = true;
        *to = df_compare_metric(compare, i, 0);
        if (f->model[0] != 0) {
            to->difference = to->diff_low = to->diff_high = (double)NAN;
            to->significant = false;
        }
    }
    m->images[kind] = cli_compare.replicates ? df_compare_image_count(compare) : 0;
    df_compare_free(compare);
    return DF_OK;
}

static int take_accuracy(CliModels *m, CliRunKind kind, DfPool *pool)
{
    const CliModel *first = &m->model[0];
    Found f = {
        .files = df_arena_alloc(m->arena, m->n, sizeof *f.files),
        .names = df_arena_alloc(m->arena, m->n, sizeof *f.names),
        .model = df_arena_alloc(m->arena, m->n, sizeof *f.model),
    };
    int error = f.files && f.names && f.model ? find_results(m, kind, &f) : df_fail_memory("results");
    if (error == DF_OK && f.n > 0)
        error = compare_results(m, kind, &f, pool);
    for (size_t i = 0; error == DF_OK && i < m->n; i++) {
        DfCompared *a = &m->model[i].accuracy[kind];
        const DfCompared *of_first = &first->accuracy[kind];
        const bool both_known = m->model[i].known[kind] && first->known[kind];
        if (both_known && a->value >= 0 && of_first->value >= 0 && isnan(a->difference))
            a->difference = a->value - of_first->value;
    }
    return error;
}

static int take_accuracies(CliModels *m)
{
    DfPool *pool = NULL;
    int error = df_pool_new(&pool, (int)cli.threads);
    for (int kind = 0; error == DF_OK && kind < CLI_RUN_KINDS; kind++)
        error = take_accuracy(m, (CliRunKind)kind, pool);
    for (size_t i = 0; error == DF_OK && i < m->n; i++) {
        bool known = !m->model[i].run;
        for (int kind = 0; kind < CLI_RUN_KINDS; kind++)
            known |= m->model[i].known[kind];
        if (!known && cli_compare.type)
            error = df_fail(DF_EVALUE, "%s: contains no results of type %s", m->model[i].run, cli_compare.type);
        else if (!known)
            error = df_fail(DF_EVALUE, "%s: contains no results", m->model[i].run);
    }
    df_pool_free(pool);
    return error;
}

/* ---- all of it ------------------------------------------------------------------------------------------------- */

static bool is_stdout(const char *path)
{
    return path && strcmp(path, "-") == 0;
}

/* Table, Markdown, JSON and chart, as the options want. */
static int tell(const CliModels *m)
{
    int error = DF_OK;
    if (!is_stdout(cli_compare.json) && !is_stdout(cli_compare.markdown))
        error = cli_models_table(m);
    if (error == DF_OK && cli_compare.markdown)
        error = cli_models_markdown(m, cli_compare.markdown);
    if (error == DF_OK && cli_compare.json)
        error = cli_models_json(m, cli_compare.json);
    if (error == DF_OK && cli_compare.chart)
        error = cli_models_chart(m, cli_compare.chart);
    return error;
}

/* Counting comes before measuring, since it fails at once where something is wrong. Measuring comes before the
 * accuracies: they need memory and threads, which would disturb it. */
int cli_compare_models(const char *const *args, size_t n)
{
    CliModels m = { .arena = df_arena_new(), .n = n, .rounds = (int)cli_compare.rounds };
    int error = cli_check_cost();
    if (error >= 0)
        error = m.arena && (m.model = df_arena_alloc(m.arena, n, sizeof *m.model)) ? DF_OK : df_fail_memory("models");
    for (size_t i = 0; error == DF_OK && i < n; i++)
        error = cli_model_parse(&m, args[i], &m.model[i]);
    if (error == DF_OK)
        error = cli_models_name(&m);
    for (size_t i = 0; error == DF_OK && i < n; i++)
        error = count_model(&m, &m.model[i]);
    if (error == DF_OK)
        error = measure(&m);
    if (error == DF_OK)
        error = take_accuracies(&m);
    if (error == DF_OK)
        error = tell(&m);
    df_arena_free(m.arena);
    return error;
}
