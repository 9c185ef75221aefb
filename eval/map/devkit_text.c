/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/map/devkit_text.c -- scores of the devkits of VOC and DOTA as a table and as JSON.
 */
#include "eval/map/devkit.h"

static const char *const rule_names[DF_DEVKIT_RULES] = { "voc07", "voc12" };

/* ---- the table -------------------------------------------------------------------------------------------------- */

/* As the tables of COCO have it, -1 where there is none. */
static double shown(double x)
{
    return x >= 0 ? x : -1;
}

static void add_notes(DfTextbuf *t, const DfDevkitScores *s, const char *before, const char *between)
{
    bool first = true;
    for (size_t k = 0; k < s->n_classes; k++) {
        const DfDevkitClass *c = &s->classes[k];
        if (c->objects > 0 && c->detections > 0)
            continue;
        df_textbuf_add(t, "%s", first ? before : between);
        df_textbuf_add(t, "class ");
        df_textbuf_shown(t, c->name, 0);
        df_textbuf_add(t, c->objects ? " has no results: its AP is 0"
                                     : " has no object that counts: the means are without it");
        first = false;
    }
}

static void add_class(DfTextbuf *t, const DfDevkitScores *s, const DfDevkitClass *c)
{
    df_textbuf_add(t, " ");
    df_textbuf_shown(t, c->name, 24);
    df_textbuf_add(t, " %8zu %9zu %8zu", c->objects, c->difficult, c->detections);
    for (size_t i = 0; i < s->n_ious; i++)
        df_textbuf_add(t, "%s %5.2f %7.3f %7.3f %7.3f",
                       i ? "\n                                                     " : "", s->ious[i],
                       shown(c->recall[i]), shown(c->ap[DF_DEVKIT_07][i]), shown(c->ap[DF_DEVKIT_12][i]));
    df_textbuf_add(t, "\n");
}

int df_devkit_table(const DfDevkitScores *s, bool per_class, char **out)
{
    DfTextbuf text = { 0 };
    df_textbuf_add(&text, " %-6s %12s %12s\n", "IoU", "mAP, 07", "mAP, 12");
    for (size_t i = 0; i < s->n_ious; i++)
        df_textbuf_add(&text, " %-6.4g %12.3f %12.3f\n", s->ious[i], shown(s->mean[DF_DEVKIT_07][i]),
                       shown(s->mean[DF_DEVKIT_12][i]));
    if (s->n_ious > 1)
        df_textbuf_add(&text, " %-6s %12.3f %12.3f\n", "mean", shown(s->average[DF_DEVKIT_07]),
                       shown(s->average[DF_DEVKIT_12]));
    if (per_class)
        df_textbuf_add(&text, "\n %-24s %8s %9s %8s %5s %7s %7s %7s\n", "class", "objects", "difficult", "found", "IoU",
                       "recall", "AP, 07", "AP, 12");
    for (size_t k = 0; per_class && k < s->n_classes; k++)
        add_class(&text, s, &s->classes[k]);
    add_notes(&text, s, "\n", "\n");
    if (text.n && text.at[text.n - 1] != '\n')
        df_textbuf_add(&text, "\n");
    return df_textbuf_take(&text, out);
}

/* ---- JSON ------------------------------------------------------------------------------------------------------- */

/* {"0.5": 0.25, ..} */
static void add_numbers(DfTextbuf *t, const DfDevkitScores *s, const double *x)
{
    for (size_t i = 0; i < s->n_ious; i++) {
        df_textbuf_add(t, "%s\"%.10g\": ", i ? ", " : "{", s->ious[i]);
        df_textbuf_number(t, x[i]);
    }
    df_textbuf_add(t, "}");
}

static void add_class_json(DfTextbuf *t, const DfDevkitScores *s, const DfDevkitClass *c)
{
    df_textbuf_add(t, "{\"name\": ");
    df_textbuf_json(t, c->name);
    df_textbuf_add(t, ", \"objects\": %zu, \"difficult\": %zu, \"detections\": %zu, \"recall\": ", c->objects,
                   c->difficult, c->detections);
    add_numbers(t, s, c->recall);
    for (int rule = 0; rule < DF_DEVKIT_RULES; rule++) {
        df_textbuf_add(t, ", \"%s\": ", rule_names[rule]);
        add_numbers(t, s, c->ap[rule]);
    }
    df_textbuf_add(t, "}");
}

static void add_notes_json(DfTextbuf *t, const DfDevkitScores *s)
{
    DfTextbuf notes = { 0 };
    add_notes(&notes, s, "", "\n");
    df_textbuf_add(t, ", \"notes\": [");
    for (size_t i = 0, from = 0; i <= notes.n && notes.n > 0; i++) {
        if (i < notes.n && notes.at[i] != '\n')
            continue;
        notes.at[i] = 0;
        df_textbuf_add(t, "%s", from ? ", " : "");
        df_textbuf_json(t, notes.at + from);
        from = i + 1;
    }
    df_textbuf_add(t, "]");
    t->failed |= notes.failed;
    df_free(notes.at);
}

int df_devkit_json(const DfDevkitScores *s, char **out)
{
    DfTextbuf t = { 0 };
    df_textbuf_add(&t, "{");
    for (int rule = 0; rule < DF_DEVKIT_RULES; rule++) {
        df_textbuf_add(&t, "\"%s\": {\"AP\": ", rule_names[rule]);
        df_textbuf_number(&t, s->average[rule]);
        df_textbuf_add(&t, ", \"mAP\": ");
        add_numbers(&t, s, s->mean[rule]);
        df_textbuf_add(&t, "},\n ");
    }
    df_textbuf_add(&t, "\"per_class\": [");
    for (size_t k = 0; k < s->n_classes; k++) {
        df_textbuf_add(&t, "%s", k ? ",\n  " : "\n  ");
        add_class_json(&t, s, &s->classes[k]);
    }
    df_textbuf_add(&t, "]");
    add_notes_json(&t, s);
    df_textbuf_add(&t, "}\n");
    return df_textbuf_take(&t, out);
}
