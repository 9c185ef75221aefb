/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/compare/models_json.c -- models side by side as JSON, in full precision.
 */
#include <cjson/cJSON.h>
#include <math.h>

#include "cli/compare/models.h"

static void add(cJSON *json, const char *key, double value)
{
    if (isfinite(value))
        cJSON_AddNumberToObject(json, key, value);
    else
        cJSON_AddNullToObject(json, key);
}

static void add_text(cJSON *json, const char *key, const char *text)
{
    if (text)
        cJSON_AddStringToObject(json, key, text);
    else
        cJSON_AddNullToObject(json, key);
}

static cJSON *accuracy_json(const CliModels *m, const CliModel *model, CliRunKind kind)
{
    const DfCompared *a = &model->accuracy[kind];
    cJSON *json = cJSON_CreateObject();
    add_text(json, "metric", cli_run_metric(kind));
    add(json, "value", a->value);
    add(json, "low", a->low);
    add(json, "high", a->high);
    if (model == m->model)
        return json;
    add(json, "difference", a->difference);
    add(json, "diff_low", a->diff_low);
    add(json, "diff_high", a->diff_high);
    cJSON_AddBoolToObject(json, "significant", a->significant);
    return json;
}

static cJSON *model_json(const CliModels *m, const CliModel *model)
{
    const CliTime whole = cli_time_of(m, model->whole);
    const double none = (double)NAN;
    cJSON *json = cJSON_CreateObject();
    add_text(json, "name", model->name);
    add_text(json, "family", model->family);
    add_text(json, "config", model->config);
    add_text(json, "checkpoint", model->checkpoint);
    add_text(json, "run", model->run);
    add_text(json, "model", model->type);
    add(json, "height", model->height);
    add(json, "width", model->width);
    add(json, "parameters", model->parameters);
    add(json, "multiply_adds", model->multiply_adds);
    add(json, "peak_activation_bytes", model->activations);
    add(json, "milliseconds", m->rounds ? 1e3 * whole.value : none);
    add(json, "milliseconds_low", m->rounds ? 1e3 * whole.low : none);
    add(json, "milliseconds_high", m->rounds ? 1e3 * whole.high : none);
    add(json, "network_milliseconds", m->rounds ? 1e3 * cli_time_of(m, model->network).value : none);
    add(json, "peak_rss_bytes", m->rounds ? cli_time_of(m, model->memory).value : none);
    cJSON *accuracy = cJSON_AddObjectToObject(json, "accuracy");
    for (int kind = 0; kind < CLI_RUN_KINDS; kind++)
        if (model->known[kind])
            cJSON_AddItemToObject(accuracy, cli_run_key((CliRunKind)kind), accuracy_json(m, model, (CliRunKind)kind));
    return json;
}

int cli_models_json(const CliModels *m, const char *path)
{
    cJSON *json = cJSON_CreateObject();
    add(json, "rounds", m->rounds);
    add(json, "threads", m->threads);
    add_text(json, "kernels", m->kernels);
    add(json, "replicates", (double)cli_compare.replicates);
    add(json, "seed", (double)cli_compare.seed);
    add(json, "confidence", cli_compare.confidence);
    cJSON *models = cJSON_AddArrayToObject(json, "models");
    for (size_t i = 0; i < m->n; i++)
        cJSON_AddItemToArray(models, model_json(m, &m->model[i]));
    return cli_write_json(json, path);
}
