/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/compare/table.c -- models side by side as a table, as Markdown and as JSON.
 */
#include <cjson/cJSON.h>
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "cli/compare/models.h"

/* ---- a grid of texts ---------------------------------------------------------------------------------------------- */

enum { MOST_COLUMNS = 8 + CLI_RUN_KINDS };
typedef struct {
    const CliModels *m;
    const char *head[MOST_COLUMNS];
    const char **cell; /* [n][MOST_COLUMNS] */
    size_t columns;
    bool failed;
} Grid;

/* Opens a column; the cells of it follow with put(). */
static void column(Grid *g, const char *head)
{
    g->head[g->columns++] = head;
}

static void put(Grid *g, size_t row, const char *text)
{
    g->failed |= !text;
    g->cell[row * MOST_COLUMNS + g->columns - 1] = text ? text : "";
}

static const char *accuracy_text(const CliModels *m, const CliModel *model, CliRunKind kind)
{
    const DfCompared *a = &model->accuracy[kind];
    if (!model->known[kind] || a->value < 0)
        return "";
    if (model == m->model && !isnan(a->low))
        return df_arena_text(m->arena, "%.2f [%.2f %.2f]", 100 * a->value, 100 * a->low, 100 * a->high);
    if (model == m->model || isnan(a->difference))
        return df_arena_text(m->arena, "%.2f", 100 * a->value);
    if (isnan(a->diff_low))
        return df_arena_text(m->arena, "%.2f %+.2f", 100 * a->value, 100 * a->difference);
    return df_arena_text(m->arena, "%.2f %+.2f [%+.2f %+.2f]%s", 100 * a->value, 100 * a->difference, 100 * a->diff_low, 100 * a->diff_high, a->significant ? " *" : "");
}

static const char *time_text(const CliModels *m, const CliModel *model)
{
    const double ms = 1e3 * cli_time_of(m, model->whole).value, first = 1e3 * cli_time_of(m, m->model[0].whole).value;
    const int digits = ms < 100 ? 1 : 0;
    return model == m->model ? df_arena_text(m->arena, "%.*f ms", digits, ms) : df_arena_text(m->arena, "%.*f ms %.2fx", digits, ms, ms / first);
}

bool cli_any_known(const CliModels *m, CliRunKind kind)
{
    for (size_t i = 0; i < m->n; i++)
        if (m->model[i].known[kind])
            return true;
    return false;
}

/* Three digits or so: "283.9 G", "37.1 M". */
static const char *amount(const CliModels *m, double value, const char *unit)
{
    const int power = value >= 1e9 && !unit[0] ? 9 : value >= 1e6 ? 6 : 3;
    const double scaled = value / pow(10, power);
    return df_arena_text(m->arena, "%.*f %s%s", scaled < 1000 && !(unit[0] && scaled >= 100) ? 1 : 0, scaled, power == 9 ? "G" : power == 6 ? "M" : "k", unit);
}

static void fill(Grid *g)
{
    const CliModels *m = g->m;
    static const struct {
        const char *head, *unit;
        size_t value;
    } counts[] = { { "parameters", "", offsetof(CliModel, parameters) },
                   { "mult-adds", "", offsetof(CliModel, multiply_adds) },
                   { "activations", "B", offsetof(CliModel, activations) } };
    column(g, "");
    for (size_t i = 0; i < m->n; i++)
        put(g, i, m->model[i].name);
    column(g, "input");
    for (size_t i = 0; i < m->n; i++)
        put(g, i, df_arena_text(m->arena, "%dx%d", m->model[i].height, m->model[i].width));
    for (size_t k = 0; k < sizeof counts / sizeof *counts; k++) {
        column(g, counts[k].head);
        for (size_t i = 0; i < m->n; i++) {
            double value;
            memcpy(&value, (const char *)&m->model[i] + counts[k].value, sizeof value);
            put(g, i, amount(m, value, counts[k].unit));
        }
    }
    if (m->rounds) {
        column(g, "time");
        for (size_t i = 0; i < m->n; i++)
            put(g, i, time_text(m, &m->model[i]));
        column(g, "memory");
        for (size_t i = 0; i < m->n; i++)
            put(g, i, amount(m, cli_time_of(m, m->model[i].memory).value, "B"));
    }
    for (int kind = 0; kind < CLI_RUN_KINDS; kind++) {
        if (!cli_any_known(m, (CliRunKind)kind))
            continue;
        column(g, cli_run_metric((CliRunKind)kind));
        for (size_t i = 0; i < m->n; i++)
            put(g, i, accuracy_text(m, &m->model[i], (CliRunKind)kind));
    }
}

/* ---- table and Markdown ------------------------------------------------------------------------------------------- */

/* What stands below: how the numbers were come by. */
static void foot(FILE *out, const CliModels *m)
{
    size_t images = 0;
    for (int kind = 0; kind < CLI_RUN_KINDS; kind++)
        images = m->images[kind] > images ? m->images[kind] : images;
    fprintf(out, "activations: alive at once, at most");
    if (m->rounds)
        fprintf(out, "; time: one image, with decoding, and peak memory of the process: medians of %d round%s in turns, %d threads, kernels %s", m->rounds, m->rounds > 1 ? "s" : "",
                m->threads, m->kernels);
    fprintf(out, "\n");
    if (images)
        fprintf(out, "in brackets the %g%% interval over %ld bootstrap samples of %zu images (seed %ld), of the first of its value, of the others of the difference from it; * it does not hold 0\n",
                100 * cli_compare.confidence, cli_compare.replicates, images, cli_compare.seed);
}

static void write_table(FILE *out, const Grid *g)
{
    size_t wide[MOST_COLUMNS];
    for (size_t c = 0; c < g->columns; c++) {
        wide[c] = strlen(g->head[c]);
        for (size_t i = 0; i < g->m->n; i++)
            wide[c] = strlen(g->cell[i * MOST_COLUMNS + c]) > wide[c] ? strlen(g->cell[i * MOST_COLUMNS + c]) : wide[c];
    }
    for (size_t i = 0; i <= g->m->n; i++) {
        const char *const *row = i ? g->cell + (i - 1) * MOST_COLUMNS : g->head;
        for (size_t c = 0; c < g->columns; c++) {
            const bool left = c == 0 || c >= 7 || (c >= 5 && !g->m->rounds); /* names and accuracies */
            const bool last = c + 1 == g->columns;
            fprintf(out, left ? "%s%-*s" : "%s%*s", c ? "  " : "", left && last ? 0 : (int)wide[c], row[c]);
        }
        fprintf(out, "\n");
    }
    fprintf(out, "\n");
    foot(out, g->m);
}

/* A star would begin emphasis, a bar a cell. */
static void write_cell(FILE *out, const char *text)
{
    fprintf(out, "| ");
    for (; *text; text++)
        fprintf(out, *text == '|' || *text == '*' ? "\\%c" : "%c", *text);
    fputc(' ', out);
}

static void write_markdown(FILE *out, const Grid *g)
{
    for (size_t c = 0; c < g->columns; c++)
        write_cell(out, g->head[c]);
    fprintf(out, "|\n");
    for (size_t c = 0; c < g->columns; c++)
        fprintf(out, c ? "| ---: " : "| --- ");
    fprintf(out, "|\n");
    for (size_t i = 0; i < g->m->n; i++) {
        for (size_t c = 0; c < g->columns; c++)
            write_cell(out, g->cell[i * MOST_COLUMNS + c]);
        fprintf(out, "|\n");
    }
    fprintf(out, "\n");
    foot(out, g->m);
}

/* ---- JSON --------------------------------------------------------------------------------------------------------- */

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

static int write_json(const CliModels *m, const char *path)
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

/* ---- all of them -------------------------------------------------------------------------------------------------- */

static int write_grid(const Grid *g, const char *path, void (*write)(FILE *, const Grid *))
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (!out)
        return df_fail_memory("the table");
    write(out, g);
    const bool failed = ferror(out) != 0;
    const int error = fclose(out) != 0 || failed ? df_fail_memory("the table") : cli_write_text(path, text);
    free(text);
    return error;
}

static bool is_stdout(const char *path)
{
    return path && strcmp(path, "-") == 0;
}

int cli_models_tell(const CliModels *m)
{
    Grid g = { .m = m, .cell = df_arena_alloc(m->arena, m->n * MOST_COLUMNS, sizeof *g.cell) };
    if (!g.cell)
        return df_fail_memory("the table");
    fill(&g);
    int error = g.failed ? df_fail_memory("the table") : DF_OK;
    if (error == DF_OK && !is_stdout(cli_compare.json) && !is_stdout(cli_compare.markdown))
        error = write_grid(&g, "-", write_table);
    if (error == DF_OK && cli_compare.markdown)
        error = write_grid(&g, cli_compare.markdown, write_markdown);
    if (error == DF_OK && cli_compare.json)
        error = write_json(m, cli_compare.json);
    if (error == DF_OK && cli_compare.chart)
        error = cli_models_chart(m, cli_compare.chart);
    return error;
}
