/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/compare/models_chart.c -- draws the compared models: accuracy over cost, or time over multiply-adds if there is
 * no accuracy.
 */
#include <math.h>
#include <string.h>

#include "cli/compare/models.h"
#include "report/report.h"

typedef enum { MACS, PARAMS, TIME, COSTS } Cost;

static const struct {
    const char *key, *title, *axis; /* of --cost; in the chart's title; at its axis */
} costs[COSTS] = {
    [MACS]   = { "macs",   "multiply-adds", "multiply-adds (G)"         },
    [PARAMS] = { "params", "parameters",    "parameters (M)"            },
    [TIME]   = { "time",   "time",          "time on this machine (ms)" },
};

static double cost_of(const CliModels *m, const CliModel *model, Cost cost)
{
    switch (cost) {
    case MACS: return 1e-9 * model->multiply_adds;
    case PARAMS: return 1e-6 * model->parameters;
    default: return 1e3 * cli_time_of(m, model->whole).value;
    }
}

int cli_check_cost(void)
{
    int i = 0;
    while (i < COSTS && strcmp(cli_compare.cost, costs[i].key) != 0)
        i++;
    if (i == COSTS)
        return df_fail(CLI_EUSAGE, "--cost %s: want macs, params or time", cli_compare.cost);
    if (i == TIME && cli_compare.rounds == 0)
        return df_fail(CLI_EUSAGE, "--cost time needs --rounds of at least 1");
    return i;
}

/* The first kind of which there is any; CLI_RUN_KINDS: none. */
static int charted(const CliModels *m)
{
    int kind = 0;
    while (kind < CLI_RUN_KINDS && !cli_any_known(m, (CliRunKind)kind))
        kind++;
    return kind;
}

static const char *subtitle_of(const CliModels *m, int kind)
{
    if (kind == CLI_RUN_KINDS)
        return df_arena_text(m->arena, "%d thread%s, kernels %s; bars: the fastest and the slowest of %d rounds",
                             m->threads, m->threads == 1 ? "" : "s", m->kernels, m->rounds);
    if (!m->images[kind])
        return "";
    return df_arena_text(m->arena, "bars: %g%% confidence intervals over %zu images", 100 * cli_compare.confidence,
                         m->images[kind]);
}

/* The point of a model; false if it has no accuracy of the kind. */
static bool point_of(DfChartPoint *p, const CliModels *m, const CliModel *model, int kind, Cost cost)
{
    *p = (DfChartPoint){ .name = model->name, .family = model->family, .x = cost_of(m, model, cost) };
    if (kind == CLI_RUN_KINDS) {
        const CliTime t = cli_time_of(m, model->whole);
        p->y = 1e3 * t.value;
        p->low = 1e3 * t.low;
        p->high = 1e3 * t.high;
        return true;
    }
    const DfCompared *a = &model->accuracy[kind];
    if (!model->known[kind] || !(a->value >= 0))
        return false;
    p->y = 100 * a->value;
    p->low = 100 * a->low;
    p->high = 100 * a->high;
    return true;
}

int cli_models_chart(const CliModels *m, const char *path)
{
    const int kind = charted(m);
    const bool times = kind == CLI_RUN_KINDS; /* there is no accuracy: time over multiply-adds */
    const Cost cost = times ? MACS : (Cost)cli_check_cost();
    DfChartPoint *points = df_arena_alloc(m->arena, m->n, sizeof *points);
    DfChart chart = {
        .title = cli_compare.title,
        .subtitle = subtitle_of(m, kind),
        .x_name = costs[cost].axis,
        .y_name = times ? "time for one image (ms)" : cli_run_metric((CliRunKind)kind),
        .points = points,
        .less_is_better = times,
    };
    if (!points || !chart.subtitle)
        return df_fail_memory("the chart");
    if (times && m->rounds == 0)
        return df_fail(CLI_EUSAGE, "a chart needs scores (MODEL@RUN) or times (--rounds of at least 1)");
    for (size_t i = 0; i < m->n; i++)
        chart.n += point_of(&points[chart.n], m, &m->model[i], kind, cost);
    if (!chart.title && times)
        chart.title = "Time over multiply-adds";
    else if (!chart.title)
        chart.title = df_arena_text(m->arena, "%s over %s", chart.y_name, costs[cost].title);
    char *svg;
    int error = chart.title ? df_chart_svg(&chart, &svg) : df_fail_memory("the chart");
    if (error == DF_OK) {
        error = cli_write_text(path, svg);
        df_free(svg);
    }
    return error;
}
