/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/semantic/text.c -- the scores of semantic segmentation as a table and as JSON.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "eval/semantic/miou.h"
#include "core/core.h"

typedef struct {
    const char *head, *mean_key, *key; /* head: of the table's column, NULL if it has none */
    size_t mean, values;               /* offsets in DfMiouResult                          */
} Score;

#define SCORE(head, mean_key, key, mean, values) \
    { head, mean_key, key, offsetof(DfMiouResult, mean), offsetof(DfMiouResult, values) }
static const Score scores[] = {
    SCORE("IoU",       "mIoU",         "iou",          mean_iou,          iou),
    SCORE("Acc",       "mAcc",         "acc",          mean_acc,          acc),
    SCORE("Dice",      "mDice",        "dice",         mean_dice,         dice),
    SCORE("Fscore",    "mFscore",      "fscore",       mean_fscore,       fscore),
    SCORE("Precision", "mPrecision",   "precision",    mean_precision,    precision),
    SCORE("Recall",    "mRecall",      "recall",       mean_recall,       recall),
    SCORE("BIoU",      "mBoundaryIoU", "boundary_iou", mean_boundary_iou, boundary_iou),
};
enum { SCORES = sizeof scores / sizeof *scores, BOUNDARY = SCORES - 1 };

static double mean_of(const DfMiouResult *r, const Score *s)
{
    double x;
    memcpy(&x, (const char *)r + s->mean, sizeof x);
    return x;
}

static double value_of(const DfMiouResult *r, const Score *s, int k)
{
    double x;
    memcpy(&x, (const char *)r + s->values + (size_t)k * sizeof x, sizeof x);
    return x;
}

static int columns(const DfMiouResult *r)
{
    return r->has_boundary ? SCORES : BOUNDARY;
}

int df_miou_table(const DfMiouResult *r, const char *const *names, char **out)
{
    DfTextbuf t = { 0 };
    char number[16];
    size_t widest = 7;
    for (int k = 0; names && k < r->classes; k++)
        widest = df_shown_length(names[k]) > widest ? df_shown_length(names[k]) : widest;
    const int wide = widest > 32 ? 32 : (int)widest;
    df_textbuf_add(&t, " %-*s", wide, "class");
    for (int s = 0; s < columns(r); s++)
        df_textbuf_add(&t, " %9s", scores[s].head);
    for (int k = 0; k < r->classes; k++) {
        snprintf(number, sizeof number, "%d", k);
        df_textbuf_add(&t, "\n ");
        df_textbuf_shown(&t, names ? names[k] : number, wide);
        for (int s = 0; s < columns(r); s++)
            df_textbuf_add(&t, " %9.2f", 100 * value_of(r, &scores[s], k));
    }
    df_textbuf_add(&t, "\n\n %-*s", wide, "");
    df_textbuf_add(&t, " %9s", "aAcc");
    for (int s = 0; s < columns(r); s++)
        df_textbuf_add(&t, " %*s", s == BOUNDARY ? 12 : 10, scores[s].mean_key);
    df_textbuf_add(&t, "\n %-*s %9.2f", wide, "all", 100 * r->all_acc);
    for (int s = 0; s < columns(r); s++)
        df_textbuf_add(&t, " %*.2f", s == BOUNDARY ? 12 : 10, 100 * mean_of(r, &scores[s]));
    df_textbuf_add(&t, "\n");
    return df_textbuf_take(&t, out);
}

static void add_classes(DfTextbuf *t, const DfMiouResult *r, const char *const *names)
{
    df_textbuf_add(t, "\"per_class\": [");
    for (int k = 0; k < r->classes; k++) {
        df_textbuf_add(t, "%s{\"id\": %d", k ? ",\n  " : "\n  ", k);
        if (names) {
            df_textbuf_add(t, ", \"name\": ");
            df_textbuf_json(t, names[k]);
        }
        for (int s = 0; s < columns(r); s++) {
            df_textbuf_add(t, ", \"%s\": ", scores[s].key);
            df_textbuf_number(t, value_of(r, &scores[s], k));
        }
        df_textbuf_add(t, ", \"intersect\": %" PRIu64 ", \"pred_area\": %" PRIu64 ", \"label_area\": %" PRIu64 "}",
                       r->intersect[k], r->pred_area[k], r->label_area[k]);
    }
    df_textbuf_add(t, "]");
}

static void add_confusion(DfTextbuf *t, const uint64_t *confusion, size_t n)
{
    df_textbuf_add(t, ",\n \"confusion\": [");
    for (size_t row = 0; row < n; row++) {
        df_textbuf_add(t, row ? ",\n  [" : "\n  [");
        for (size_t column = 0; column < n; column++)
            df_textbuf_add(t, "%s%" PRIu64, column ? ", " : "", confusion[row * n + column]);
        df_textbuf_add(t, "]");
    }
    df_textbuf_add(t, "]");
}

int df_miou_json(const DfMiouResult *r, const DfMiouParams *p, const char *const *names, const DfMiouMore *more,
                 char **out)
{
    DfTextbuf t = { 0 };
    df_textbuf_add(&t, "{\"aAcc\": ");
    df_textbuf_number(&t, r->all_acc);
    for (int s = 0; s < columns(r); s++) {
        df_textbuf_add(&t, ", \"%s\": ", scores[s].mean_key);
        df_textbuf_number(&t, mean_of(r, &scores[s]));
    }
    df_textbuf_add(&t, ",\n \"params\": {\"num_classes\": %d, \"ignore_index\": %d, \"reduce_zero_label\": %s, ",
                   p->classes,
                   p->ignore_index, p->reduce_zero_label ? "true" : "false");
    df_textbuf_add(&t, "\"histogram\": \"%s\", \"beta\": ", p->open_last_bin ? "torch.histc" : "numpy.histogram");
    df_textbuf_number(&t, p->beta);
    df_textbuf_add(&t, "},\n \"pixels\": %" PRIu64 ", \"ignored\": %" PRIu64, r->pixels, r->ignored);
    df_textbuf_add(&t, ", \"label_outside\": %" PRIu64 ", \"pred_outside\": %" PRIu64 ",\n ", r->label_outside,
                   r->pred_outside);
    add_classes(&t, r, names);
    if (more && more->confusion)
        add_confusion(&t, more->confusion, (size_t)r->classes);
    if (more && more->members)
        df_textbuf_add(&t, ",\n %s", more->members);
    df_textbuf_add(&t, "}");
    return df_textbuf_take(&t, out);
}
