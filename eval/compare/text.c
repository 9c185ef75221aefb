/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/compare/text.c -- a comparison as a table, as Markdown and as JSON.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "eval/compare/data.h"
#include "core/core.h"

/* "31.2", or "31.2 +1.3 [+0.2 +2.5] *": value, difference, its interval, significant. In points of 100. */
static void cell(char *out, size_t size, const DfCompared *n, bool first)
{
    if (n->value < 0)
        df_snprintf(out, size, "-");
    else if (first || isnan(n->difference))
        df_snprintf(out, size, "%.2f", 100 * n->value);
    else if (isnan(n->diff_low))
        df_snprintf(out, size, "%.2f  %+.2f", 100 * n->value, 100 * n->difference);
    else
        df_snprintf(out, size, "%.2f  %+.2f [%+.2f %+.2f]%s", 100 * n->value, 100 * n->difference, 100 * n->diff_low,
                 100 * n->diff_high, n->significant ? " *" : "  ");
}

/* The form of a row: what stands before, between and after its cells, and how wide they are at least; width 0: as wide
 * as the text. A column is as wide as the name of its result. */
typedef struct {
    const char *before, *between, *after;
    int name;   /* width of the first cell, the name              */
    int first;  /* of the first result, which has no difference   */
    int others;
    bool markdown;
} Form;

typedef DfCompared Number(const DfCompare *, size_t result, size_t i);

/* What means something in a Markdown cell has a backslash before it; in a table nothing has. */
static void add_name(DfTextbuf *t, const Form *form, const char *name)
{
    char piece[DF_SHOWN_PIECE];
    if (!form->markdown) {
        df_textbuf_shown(t, name, form->name);
        return;
    }
    while (df_shown_next(piece, &name) > 0)
        df_textbuf_add(t, "%s%s", strchr("|*<`", piece[0]) ? "\\" : "", piece);
}

static int width_of(const DfCompare *c, const Form *form, size_t r)
{
    const int least = r == 0 ? form->first : form->others;
    const int length = form->markdown ? 0 : (int)df_shown_length(c->names[r]);
    return length > least ? length : least;
}

static void row(DfTextbuf *t, const DfCompare *c, const Form *form, const char *name, Number *number, size_t i)
{
    char text[128];
    df_textbuf_add(t, "%s", form->before);
    add_name(t, form, name);
    for (size_t r = 0; r < c->n; r++) {
        const DfCompared n = number(c, r, i);
        cell(text, sizeof text, &n, r == 0);
        df_textbuf_add(t, "%s%*s", form->between, width_of(c, form, r), text);
    }
    df_textbuf_add(t, "%s\n", form->after);
}

static void rows(DfTextbuf *t, const DfCompare *c, const Form *form, bool per_class)
{
    for (size_t i = 0; i < c->n_metrics; i++)
        row(t, c, form, c->metrics[i].name, df_compare_metric, i);
    for (size_t k = 0; per_class && k < c->n_classes; k++)
        row(t, c, form, c->class_names[k], df_compare_class, k);
}

static void foot(DfTextbuf *t, const DfCompare *c)
{
    if (c->replicates && c->n > 1)
        df_textbuf_add(t,
                       "Differences are from the first. In brackets: the %g%% confidence interval, from %zu bootstrap "
                       "samples of %zu images (seed %" PRIu64 "). *: the interval does not contain 0.\n",
                       100 * c->confidence, c->replicates, c->n_images, c->seed);
}

int df_compare_text(const DfCompare *c, bool per_class, char **out)
{
    DfTextbuf t = { 0 };
    Form form = { .before = " ", .between = " ", .after = "", .name = 7, .first = 12, .others = 34 };
    for (size_t k = 0; per_class && k < c->n_classes; k++) {
        const int length = (int)df_shown_length(c->class_names[k]);
        form.name = length > form.name ? length : form.name;
    }
    df_textbuf_add(&t, " %-*s", form.name, "");
    for (size_t r = 0; r < c->n; r++) {
        df_textbuf_add(&t, " %*s", width_of(c, &form, r) - (int)df_shown_length(c->names[r]), "");
        df_textbuf_shown(&t, c->names[r], 0);
    }
    df_textbuf_add(&t, "\n");
    rows(&t, c, &form, per_class);
    foot(&t, c);
    return df_textbuf_take(&t, out);
}

int df_compare_markdown(const DfCompare *c, bool per_class, char **out)
{
    static const Form form = { .before = "| ", .between = " | ", .after = " |", .markdown = true };
    DfTextbuf t = { 0 };
    df_textbuf_add(&t, "| |");
    for (size_t r = 0; r < c->n; r++) {
        df_textbuf_add(&t, " ");
        add_name(&t, &form, c->names[r]);
        df_textbuf_add(&t, " |");
    }
    df_textbuf_add(&t, "\n| --- |");
    for (size_t r = 0; r < c->n; r++)
        df_textbuf_add(&t, " ---: |");
    df_textbuf_add(&t, "\n");
    rows(&t, c, &form, per_class);
    df_textbuf_add(&t, "\n");
    foot(&t, c);
    return df_textbuf_take(&t, out);
}

/* ---- JSON ------------------------------------------------------------------------------------------------------ */

static void number(DfTextbuf *t, const DfCompared *n, bool first)
{
    const struct {
        const char *key;
        double value;
    } parts[] = {
        { "value",      n->value      },
        { "low",        n->low        },
        { "high",       n->high       },
        { "difference", n->difference },
        { "diff_low",   n->diff_low   },
        { "diff_high",  n->diff_high  },
    };
    for (size_t i = 0; i < (first ? 3 : 6); i++) {
        df_textbuf_add(t, "%s\"%s\": ", i ? ", " : "{", parts[i].key);
        df_textbuf_number(t, parts[i].value);
    }
    if (!first)
        df_textbuf_add(t, ", \"significant\": %s", n->significant ? "true" : "false");
    df_textbuf_add(t, "}");
}

static void result(DfTextbuf *t, const DfCompare *c, size_t r)
{
    df_textbuf_add(t, "%s{\"name\": ", r ? ",\n  " : "\n  ");
    df_textbuf_json(t, c->names[r]);
    for (size_t i = 0; i < c->n_metrics; i++) {
        const DfCompared n = df_compare_metric(c, r, i);
        df_textbuf_add(t, ",\n   \"%s\": ", c->metrics[i].key);
        number(t, &n, r == 0);
    }
    df_textbuf_add(t, ",\n   \"per_class\": [");
    for (size_t k = 0; k < c->n_classes; k++) {
        const DfCompared n = df_compare_class(c, r, k);
        df_textbuf_add(t, "%s{\"id\": ", k ? ",\n    " : "\n    ");
        if (c->class_is_text[k])
            df_textbuf_json(t, c->class_ids[k]);
        else
            df_textbuf_add(t, "%s", c->class_ids[k]);
        df_textbuf_add(t, ", \"name\": ");
        df_textbuf_json(t, c->class_names[k]);
        df_textbuf_add(t, ", \"%s\": ", c->class_key);
        number(t, &n, r == 0);
        df_textbuf_add(t, "}");
    }
    df_textbuf_add(t, "]}");
}

int df_compare_json(const DfCompare *c, char **out)
{
    DfTextbuf t = { 0 };
    df_textbuf_add(&t, "{\"type\": \"%s\", \"images\": %zu, \"replicates\": %zu, ", c->type, c->n_images,
                   c->replicates);
    df_textbuf_add(&t, "\"seed\": %" PRIu64 ", \"confidence\": ", c->seed);
    df_textbuf_number(&t, c->confidence);
    df_textbuf_add(&t, ",\n \"results\": [");
    for (size_t r = 0; r < c->n; r++)
        result(&t, c, r);
    df_textbuf_add(&t, "]}\n");
    return df_textbuf_take(&t, out);
}
