/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/compare/models_table.c -- prints the compared models as a table, plain or in Markdown.
 */
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "cli/compare/models.h"

/* ---- a grid of texts ------------------------------------------------------------------------------------------- */

enum { MOST_COLUMNS = 8 + CLI_RUN_KINDS };
typedef struct {
    const CliModels *m;
    const char *head[MOST_COLUMNS];
    const char **cell; /* n MOST_COLUMNS */
    size_t columns;
    bool failed;       /* memory ran out */
} Grid;

/* Opens a column; the cells of it follow with put(). */
static void column(Grid *g, const char *head)
{
    g->head[g->columns++] = head;
}

static void put(Grid *g, size_t row, const char *text)
{
    const size_t room = text ? df_shown_length(text) + 1 : 0;
    char *shown = text ? df_arena_alloc(g->m->arena, room, 1) : NULL;
    g->failed |= !shown;
    g->cell[row * MOST_COLUMNS + g->columns - 1] = shown ? df_shown(shown, room, text) : "";
}

/* In percent: "40.12 +1.30 [+0.84 +1.77] *", the value, its difference from the first model and the interval of
 * the difference; of the first model "38.82 [38.20 39.41]". Parts that are unknown are left out. */
static const char *accuracy_text(const CliModels *m, const CliModel *model, CliRunKind kind)
{
    const DfCompared *a = &model->accuracy[kind];
    const bool first = model == m->model;
    if (!model->known[kind] || a->value < 0)
        return "";
    if (first && !isnan(a->low))
        return df_arena_text(m->arena, "%.2f [%.2f %.2f]", 100 * a->value, 100 * a->low, 100 * a->high);
    if (first || isnan(a->difference))
        return df_arena_text(m->arena, "%.2f", 100 * a->value);
    if (isnan(a->diff_low))
        return df_arena_text(m->arena, "%.2f %+.2f", 100 * a->value, 100 * a->difference);
    return df_arena_text(m->arena, "%.2f %+.2f [%+.2f %+.2f]%s", 100 * a->value, 100 * a->difference, 100 * a->diff_low,
                         100 * a->diff_high, a->significant ? " *" : "");
}

static const char *time_text(const CliModels *m, const CliModel *model)
{
    const double ms = 1e3 * cli_time_of(m, model->whole).value;
    const double first = 1e3 * cli_time_of(m, m->model[0].whole).value;
    const int digits = ms < 100 ? 1 : 0;
    if (model == m->model)
        return df_arena_text(m->arena, "%.*f ms", digits, ms);
    return df_arena_text(m->arena, "%.*f ms %.2fx", digits, ms, ms / first);
}

/* Three digits or so: "283.9 G", "37.1 M"; bytes in M at most, "1203 MB". */
static const char *amount(const CliModels *m, double value, const char *unit)
{
    const bool bytes = unit[0] != '\0';
    const char *prefix = "k";
    double scaled = value / 1e3;
    if (value >= 1e9 && !bytes) {
        prefix = "G";
        scaled = value / 1e9;
    } else if (value >= 1e6) {
        prefix = "M";
        scaled = value / 1e6;
    }
    const double round = bytes ? 100 : 1000; /* from here on without a digit behind the point */
    const int digits = scaled < round ? 1 : 0;
    return df_arena_text(m->arena, "%.*f %s%s", digits, scaled, prefix, unit);
}

static void fill(Grid *g)
{
    const CliModels *m = g->m;
    static const struct {
        const char *head, *unit;
        size_t value;
    } counts[] = {
        { "parameters",  "",  offsetof(CliModel, parameters)    },
        { "mult-adds",   "",  offsetof(CliModel, multiply_adds) },
        { "activations", "B", offsetof(CliModel, activations)   },
    };
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

/* ---- table and Markdown ---------------------------------------------------------------------------------------- */

/* Below the table: how the numbers were measured. */
static void foot(DfTextbuf *out, const CliModels *m)
{
    size_t images = 0;
    for (int kind = 0; kind < CLI_RUN_KINDS; kind++)
        images = m->images[kind] > images ? m->images[kind] : images;
    df_textbuf_add(out, "Activations: peak memory.");
    if (m->rounds)
        df_textbuf_add(out, " Time: one image, with decoding. Memory: peak of the process. Both are medians of %d "
                       "round%s in turns, in %s, with %d thread%s and kernels %s.",
                       m->rounds, m->rounds > 1 ? "s" : "", m->precision, m->threads, m->threads == 1 ? "" : "s",
                       m->kernels);
    df_textbuf_add(out, "\n");
    if (images)
        df_textbuf_add(out, "In brackets: the %g%% confidence interval, from %ld bootstrap samples of %zu images (seed "
                       "%ld). For the first model it is that of the score, for the others that of the difference from "
                       "the first. *: the interval does not contain 0.\n",
                       100 * cli_compare.confidence, cli_compare.replicates, images, cli_compare.seed);
}

static void write_table(DfTextbuf *out, const Grid *g)
{
    size_t wide[MOST_COLUMNS];
    for (size_t c = 0; c < g->columns; c++) {
        wide[c] = strlen(g->head[c]);
        for (size_t i = 0; i < g->m->n; i++) {
            const size_t length = strlen(g->cell[i * MOST_COLUMNS + c]);
            wide[c] = length > wide[c] ? length : wide[c];
        }
    }
    for (size_t i = 0; i <= g->m->n; i++) {
        const char *const *row = i ? g->cell + (i - 1) * MOST_COLUMNS : g->head;
        for (size_t c = 0; c < g->columns; c++) {
            const bool left = c == 0 || c >= 7 || (c >= 5 && !g->m->rounds); /* names and accuracies */
            const bool last = c + 1 == g->columns;
            df_textbuf_add(out, left ? "%s%-*s" : "%s%*s", c ? "  " : "", left && last ? 0 : (int)wide[c], row[c]);
        }
        df_textbuf_add(out, "\n");
    }
    df_textbuf_add(out, "\n");
    foot(out, g->m);
}

/* A star would begin emphasis, a bar a cell, the others a tag or code. */
static void write_cell(DfTextbuf *out, const char *text)
{
    df_textbuf_add(out, "| ");
    for (; *text; text++)
        df_textbuf_add(out, strchr("|*<`", *text) ? "\\%c" : "%c", *text);
    df_textbuf_add(out, " ");
}

static void write_markdown(DfTextbuf *out, const Grid *g)
{
    for (size_t c = 0; c < g->columns; c++)
        write_cell(out, g->head[c]);
    df_textbuf_add(out, "|\n");
    for (size_t c = 0; c < g->columns; c++)
        df_textbuf_add(out, c ? "| ---: " : "| --- ");
    df_textbuf_add(out, "|\n");
    for (size_t i = 0; i < g->m->n; i++) {
        for (size_t c = 0; c < g->columns; c++)
            write_cell(out, g->cell[i * MOST_COLUMNS + c]);
        df_textbuf_add(out, "|\n");
    }
    df_textbuf_add(out, "\n");
    foot(out, g->m);
}

/* ---- written out ----------------------------------------------------------------------------------------------- */

static int write_grid(const CliModels *m, const char *path, void (*write)(DfTextbuf *, const Grid *))
{
    Grid g = { .m = m, .cell = df_arena_alloc(m->arena, m->n * MOST_COLUMNS, sizeof *g.cell) };
    DfTextbuf table = { 0 };
    char *text;
    if (g.cell)
        fill(&g);
    if (!g.cell || g.failed)
        return df_fail_memory("the table");
    write(&table, &g);
    int error = df_textbuf_take(&table, &text);
    if (error == DF_OK)
        error = cli_write_text(path, text);
    df_free(text);
    return error;
}

int cli_models_table(const CliModels *m)
{
    return write_grid(m, "-", write_table);
}

int cli_models_markdown(const CliModels *m, const char *path)
{
    return write_grid(m, path, write_markdown);
}
