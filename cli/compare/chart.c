/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/compare/chart.c -- models side by side as a chart: accuracy over cost, or time over multiply-adds if there is no accuracy.
 */
#include <math.h>
#include <string.h>

#include "cli/compare/models.h"

typedef enum { MACS, PARAMS, TIME, COSTS } Cost;
static const struct {
    const char *key, *name;
} costs[COSTS] = { [MACS] = { "macs", "multiply-adds (G)" }, [PARAMS] = { "params", "parameters (M)" }, [TIME] = { "time", "time on this machine (ms)" } };

static double cost_of(const CliModels *m, const CliModel *model, Cost cost)
{
    return cost == MACS ? 1e-9 * model->multiply_adds : cost == PARAMS ? 1e-6 * model->parameters : 1e3 * cli_time_of(m, model->whole).value;
}

int cli_check_cost(void)
{
    for (int i = 0; i < COSTS; i++)
        if (strcmp(cli_compare.cost, costs[i].key) == 0)
            return i == TIME && cli_compare.rounds == 0 ? df_fail(CLI_EUSAGE, "--cost time wants at least one of --rounds") : i;
    return df_fail(CLI_EUSAGE, "--cost %s: want macs, params or time", cli_compare.cost);
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
        return df_arena_text(m->arena, "%d threads, kernels %s; bars: the fastest and the slowest of %d rounds", m->threads, m->kernels, m->rounds);
    if (!m->images[kind])
        return "";
    return df_arena_text(m->arena, "bars: %g%% confidence intervals over %zu images", 100 * cli_compare.confidence, m->images[kind]);
}

int cli_models_chart(const CliModels *m, const char *path)
{
    const int cost = cli_check_cost(), kind = charted(m);
    DfChartPoint *points = df_arena_alloc(m->arena, m->n, sizeof *points);
    DfChart chart = { .title = cli_compare.title, .subtitle = subtitle_of(m, kind), .points = points, .less_is_better = kind == CLI_RUN_KINDS };
    char *svg;
    if (!points || !chart.subtitle)
        return df_fail_memory("the chart");
    if (kind == CLI_RUN_KINDS && m->rounds == 0)
        return df_fail(CLI_EUSAGE, "a chart wants accuracies (a RUN of a model) or times (--rounds of at least 1)");
    for (size_t i = 0; i < m->n; i++) {
        const CliModel *model = &m->model[i];
        DfChartPoint *p = &points[chart.n];
        *p = (DfChartPoint){ .name = model->name, .family = model->family, .x = cost_of(m, model, kind == CLI_RUN_KINDS ? MACS : (Cost)cost) };
        if (kind == CLI_RUN_KINDS) {
            const CliTime t = cli_time_of(m, model->whole);
            p->y = 1e3 * t.value;
            p->low = 1e3 * t.low;
            p->high = 1e3 * t.high;
        } else if (model->known[kind] && model->accuracy[kind].value >= 0) {
            const DfCompared *a = &model->accuracy[kind];
            p->y = 100 * a->value;
            p->low = 100 * a->low;
            p->high = 100 * a->high;
        } else {
            continue;
        }
        chart.n++;
    }
    chart.x_name = costs[kind == CLI_RUN_KINDS ? MACS : (Cost)cost].name;
    chart.y_name = kind == CLI_RUN_KINDS ? "time for one image (ms)" : cli_run_metric((CliRunKind)kind);
    if (!chart.title)
        chart.title = kind == CLI_RUN_KINDS ? "Time over multiply-adds" : df_arena_text(m->arena, "%s over %s", chart.y_name, cost == MACS ? "multiply-adds" : cost == PARAMS ? "parameters" : "time");
    int error = chart.title ? df_chart_svg(&chart, &svg) : df_fail_memory("the chart");
    if (error == DF_OK) {
        error = cli_write_text(path, svg);
        df_free(svg);
    }
    return error;
}
