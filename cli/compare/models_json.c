/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/compare/models_json.c -- writes the compared models as JSON, in full precision.
 */
#include <math.h>

#include "cli/compare/models.h"

static void put_accuracy(DfJsonWriter *json, const CliModels *m, const CliModel *model, CliRunKind kind)
{
    const DfCompared *a = &model->accuracy[kind];
    df_json_begin(json, cli_run_key(kind), '{');
    df_json_put_text(json, "metric", cli_run_metric(kind));
    df_json_put_number(json, "value", a->value);
    df_json_put_number(json, "low", a->low);
    df_json_put_number(json, "high", a->high);
    if (model != m->model) {
        df_json_put_number(json, "difference", a->difference);
        df_json_put_number(json, "diff_low", a->diff_low);
        df_json_put_number(json, "diff_high", a->diff_high);
        df_json_put_bool(json, "significant", a->significant);
    }
    df_json_end(json);
}

static void put_times(DfJsonWriter *json, const CliModels *m, const CliModel *model)
{
    const CliTime whole = cli_time_of(m, model->whole);
    const double none = (double)NAN;
    df_json_put_number(json, "milliseconds", m->rounds ? 1e3 * whole.value : none);
    df_json_put_number(json, "milliseconds_low", m->rounds ? 1e3 * whole.low : none);
    df_json_put_number(json, "milliseconds_high", m->rounds ? 1e3 * whole.high : none);
    df_json_put_number(json, "network_milliseconds", m->rounds ? 1e3 * cli_time_of(m, model->network).value : none);
    df_json_put_number(json, "peak_rss_bytes", m->rounds ? cli_time_of(m, model->memory).value : none);
}

static void put_model(DfJsonWriter *json, const CliModels *m, const CliModel *model)
{
    df_json_begin(json, NULL, '{');
    df_json_put_text(json, "name", model->name);
    df_json_put_text(json, "family", model->family);
    df_json_put_text(json, "config", model->config);
    df_json_put_text(json, "checkpoint", model->checkpoint);
    df_json_put_text(json, "run", model->run);
    df_json_put_text(json, "model", model->type);
    df_json_put_number(json, "height", model->height);
    df_json_put_number(json, "width", model->width);
    df_json_put_number(json, "parameters", model->parameters);
    df_json_put_number(json, "multiply_adds", model->multiply_adds);
    df_json_put_number(json, "peak_activation_bytes", model->activations);
    put_times(json, m, model);
    df_json_begin(json, "accuracy", '{');
    for (int kind = 0; kind < CLI_RUN_KINDS; kind++)
        if (model->known[kind])
            put_accuracy(json, m, model, (CliRunKind)kind);
    df_json_end(json);
    df_json_end(json);
}

int cli_models_json(const CliModels *m, const char *path)
{
    DfJsonWriter json = { 0 };
    df_json_begin(&json, NULL, '{');
    df_json_put_number(&json, "rounds", m->rounds);
    df_json_put_number(&json, "threads", m->threads);
    df_json_put_text(&json, "kernels", m->kernels);
    df_json_put_text(&json, "precision", m->precision);
    df_json_put_number(&json, "replicates", (double)cli_compare.replicates);
    df_json_put_number(&json, "seed", (double)cli_compare.seed);
    df_json_put_number(&json, "confidence", cli_compare.confidence);
    df_json_begin(&json, "models", '[');
    for (size_t i = 0; i < m->n; i++)
        put_model(&json, m, &m->model[i]);
    df_json_end(&json);
    df_json_end(&json);
    return cli_write_json(&json, path);
}
