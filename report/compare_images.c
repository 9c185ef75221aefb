/* SPDX-License-Identifier: Apache-2.0
 *
 * report/compare_images.c -- what changed between two results, image by image: objects that one of them finds alone,
 * wrong detections that only one of them has, and pictures side by side.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/compare_parts.h"

enum { DRAWN = 24, LISTED = 60 };

/* ---- what changed ------------------------------------------------------------------------------------------------ */

/* Objects, by who finds them at the score threshold; and wrong detections of each. */
typedef struct {
    size_t image;
    size_t both, first_alone, other_alone, neither;
    size_t first_wrong, other_wrong;
} Change;

static bool finds(const DfExplain *e, size_t object)
{
    const uint32_t by = df_explain_object(e, object).found_by;
    return by != DF_NO_CASE && df_explain_detection(e, by).score >= df_explain_numbers(e)->score_threshold;
}

static Change change_of(const DfExplain *first, const DfExplain *other, size_t i)
{
    const DfExplainImage image = df_explain_image(first, i);
    Change c = { .image = i, .first_wrong = image.wrong, .other_wrong = df_explain_image(other, i).wrong };
    for (size_t g = image.first_object; g < image.end_object; g++) {
        const bool by_first = finds(first, g);
        const bool by_other = finds(other, g);
        if (df_explain_object(first, g).crowd)
            continue;
        c.both += by_first && by_other;
        c.first_alone += by_first && !by_other;
        c.other_alone += !by_first && by_other;
        c.neither += !by_first && !by_other;
    }
    return c;
}

/* How much better the other one is in this image: found and not found, wrong and not wrong. */
static long gain_of(const Change *c)
{
    return (long)c->other_alone - (long)c->first_alone + (long)c->first_wrong - (long)c->other_wrong;
}

static size_t size_of(const Change *c)
{
    const size_t wrong =
        c->first_wrong > c->other_wrong ? c->first_wrong - c->other_wrong : c->other_wrong - c->first_wrong;
    return c->first_alone + c->other_alone + wrong;
}

static int by_size(const void *a, const void *b)
{
    const Change *x = a;
    const Change *y = b;
    if (size_of(x) != size_of(y))
        return size_of(x) < size_of(y) ? 1 : -1;
    return (x->image > y->image) - (x->image < y->image);
}

static Change sum_of(const Change *all, size_t n)
{
    Change sum = { 0 };
    for (size_t i = 0; i < n; i++) {
        sum.both += all[i].both;
        sum.first_alone += all[i].first_alone;
        sum.other_alone += all[i].other_alone;
        sum.neither += all[i].neither;
        sum.first_wrong += all[i].first_wrong;
        sum.other_wrong += all[i].other_wrong;
    }
    return sum;
}

/* ---- all images together ----------------------------------------------------------------------------------------- */

static void bar(DfTextbuf *t, const char *what, const char *name, size_t count, size_t most, const char *class)
{
    df_textbuf_add(t, "<div><div><b>%s", what);
    df_textbuf_html(t, name);
    df_textbuf_add(t, "</b></div><div class=track><i class=%s style=\"--v:%.4f\"></i><span>%zu</span></div></div>\n",
                   class, most ? (double)count / (double)most : 0, count);
}

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

static void totals(DfTextbuf *t, const Change *sum, const char *first, const char *other)
{
    const size_t objects = larger(larger(sum->both, sum->neither), larger(sum->first_alone, sum->other_alone));
    const size_t wrong = larger(sum->first_wrong, sum->other_wrong);
    df_textbuf_add(t, "<div class=two><div class=panel><h3>Objects</h3><div class=\"bars counts\">");
    bar(t, "found by both", "", sum->both, objects, "good");
    bar(t, "by neither", "", sum->neither, objects, "missed");
    bar(t, "only by ", first, sum->first_alone, objects, "accent");
    bar(t, "only by ", other, sum->other_alone, objects, "accent");
    df_textbuf_add(t, "</div></div><div class=panel><h3>Wrong detections</h3><div class=\"bars counts\">");
    bar(t, "", first, sum->first_wrong, wrong, "bad");
    bar(t, "", other, sum->other_wrong, wrong, "bad");
    df_textbuf_add(t, "</div></div></div>\n");
}

/* ---- one image --------------------------------------------------------------------------------------------------- */

static int half(DfTextbuf *t, const DfExplain *e, size_t image, const char *name, const ReportGround *ground)
{
    df_textbuf_add(t, "<div><p><b>");
    df_textbuf_html(t, name);
    df_textbuf_add(t, "</b></p>");
    const int error = df_report_shot(t, e, image, ground);
    df_textbuf_add(t, "</div>");
    return error;
}

/* The objects that `by` finds and `not_by` does not. */
typedef struct {
    const DfExplain *by, *not_by;
    DfExplainImage image;
} Alone;

static bool is_alone(const Alone *a, size_t object)
{
    return !df_explain_object(a->by, object).crowd && finds(a->by, object) && !finds(a->not_by, object);
}

/* How many of the class there are from this object on, and whether there was one before it. */
static size_t of_its_class(const Alone *a, size_t object, bool *before)
{
    const uint32_t class = df_explain_object(a->by, object).class_place;
    size_t n = 0;
    *before = false;
    for (size_t g = a->image.first_object; g < a->image.end_object; g++) {
        const bool counts = df_explain_object(a->by, g).class_place == class && is_alone(a, g);
        *before |= counts && g < object;
        n += counts && g >= object;
    }
    return n;
}

/* "3 &times; dog, cat" */
static void name_objects(DfTextbuf *t, const Alone *a)
{
    size_t named = 0;
    for (size_t g = a->image.first_object; g < a->image.end_object; g++) {
        bool before;
        const size_t n = is_alone(a, g) ? of_its_class(a, g, &before) : 0;
        if (n == 0 || before)
            continue;
        df_textbuf_add(t, named++ ? ", " : "");
        if (n > 1)
            df_textbuf_add(t, "%zu &times; ", n);
        df_textbuf_html(t, df_explain_class_names(a->by)[df_explain_object(a->by, g).class_place]);
    }
    if (named == 0)
        df_textbuf_add(t, "nothing");
}

static const char *class_of(double gain)
{
    if (gain > 0)
        return "up";
    return gain < 0 ? "down" : "dim";
}

static void say_change(DfTextbuf *t, const DfExplain *first, const DfExplain *other, const Change *c)
{
    const long gain = gain_of(c);
    df_textbuf_add(t, "<p><b>");
    df_textbuf_html(t, df_explain_image(first, c->image).name);
    df_textbuf_add(t, "</b> <span class=%s>%+ld</span><br>gained: ", class_of((double)gain), gain);
    name_objects(t, &(Alone){ other, first, df_explain_image(first, c->image) });
    df_textbuf_add(t, "<br>lost: ");
    name_objects(t, &(Alone){ first, other, df_explain_image(first, c->image) });
    df_textbuf_add(t, "<br>wrong detections: %zu, now %zu</p>", c->first_wrong, c->other_wrong);
}

static int pair(DfTextbuf *t, const DfComparePage *p, size_t r, const Change *c)
{
    char *uri = NULL;
    char id[48];
    int error = df_explain_thumbnail(p->explained[0], c->image, NULL, &uri);
    snprintf(id, sizeof id, "p%zu-%zu", r, c->image);
    const ReportGround left = { uri, id };
    const ReportGround right = { NULL, uri ? id : NULL };
    df_textbuf_add(t, "<div class=shot>");
    say_change(t, p->explained[0], p->explained[r], c);
    df_textbuf_add(t, "<div class=pair>");
    if (error == DF_OK)
        error = half(t, p->explained[0], c->image, df_compare_name(p->compare, 0), &left);
    if (error == DF_OK)
        error = half(t, p->explained[r], c->image, df_compare_name(p->compare, r), &right);
    df_textbuf_add(t, "</div></div>\n");
    df_free(uri);
    return error;
}

/* ---- detections -------------------------------------------------------------------------------------------------- */

static void list(DfTextbuf *t, const DfComparePage *p, const Change *all, size_t n)
{
    static const ReportColumn columns[] = {
        { "image", true },         { "gained", false },    { "lost", false },
        { "wrong before", false }, { "wrong now", false }, { "all in all", false },
    };
    ReportTable table = { t, columns, sizeof columns / sizeof *columns, 0, true };
    df_textbuf_add(t, "<details><summary>The %zu images that changed most, as a table</summary>", n);
    df_report_table(&table, "Images that changed", n);
    for (size_t i = 0; i < n; i++) {
        df_report_row(&table);
        df_report_cell_text(&table, "wrap", df_explain_image(p->explained[0], all[i].image).name);
        df_report_cell_count(&table, all[i].other_alone);
        df_report_cell_count(&table, all[i].first_alone);
        df_report_cell_count(&table, all[i].first_wrong);
        df_report_cell_count(&table, all[i].other_wrong);
        df_report_cell(&table, "");
        df_textbuf_add(t, "%+ld\n", gain_of(&all[i]));
    }
    df_report_table_end(&table);
    df_textbuf_add(t, "</details>");
}

static size_t changed(const Change *all, size_t n)
{
    size_t i = 0;
    while (i < n && size_of(&all[i]) > 0)
        i++;
    return i;
}

static int all_changes(ReportPage *page, const DfComparePage *p, size_t r, Change *all, size_t n)
{
    DfTextbuf *t = &page->text;
    int error = DF_OK;
    for (size_t i = 0; i < n; i++)
        all[i] = change_of(p->explained[0], p->explained[r], i);
    const Change sum = sum_of(all, n);
    totals(t, &sum, df_compare_name(p->compare, 0), df_compare_name(p->compare, r));
    if (n > 1)
        qsort(all, n, sizeof *all, by_size);
    const size_t differ = changed(all, n);
    df_textbuf_add(t,
                   "<p class=note>%zu of %zu images differ. Those that differ most are shown, before and "
                   "after.</p><div class=\"shots wide\">\n",
                   differ, n);
    for (size_t i = 0; error == DF_OK && i < differ && i < DRAWN / (p->n - 1); i++)
        error = pair(t, p, r, &all[i]);
    df_textbuf_add(t, "</div>" DF_REPORT_SHAPES_KEY);
    list(t, p, all, differ < LISTED ? differ : LISTED);
    return error;
}

static void begin(ReportPage *page, const DfComparePage *p, size_t r, const char *lead)
{
    DfTextbuf title = { 0 };
    char *text = NULL;
    char name[32];
    df_snprintf(name, sizeof name, p->n > 2 ? "Images %zu" : "Images", r);
    df_textbuf_add(&title, "What changed in ");
    df_textbuf_html(&title, df_compare_name(p->compare, r));
    if (df_textbuf_take(&title, &text) == DF_OK)
        df_report_section(page, name, text, lead);
    else
        page->text.failed = true;
    df_free(text);
}

int df_report_changes(ReportPage *page, const DfComparePage *p, size_t r)
{
    const size_t n = df_explain_numbers(p->explained[0])->n_images;
    Change *all = df_malloc((n + 1) * sizeof *all);
    char lead[256];
    if (!all)
        return df_fail_memory("what changed");
    df_snprintf(lead, sizeof lead,
                "Which objects are found by one of the two alone, and which detections are wrong, at IoU 0.5, of those "
                "with a score of at least %.2f.",
                df_explain_numbers(p->explained[0])->score_threshold);
    begin(page, p, r, lead);
    const int error = all_changes(page, p, r, all, n);
    df_report_section_end(page);
    df_free(all);
    return error;
}

/* ---- segmentations ----------------------------------------------------------------------------------------------- */

typedef struct {
    DfImageSummary first, other;
} Both;

static double change_of_miou(const Both *b)
{
    return b->first.miou >= 0 && b->other.miou >= 0 ? b->other.miou - b->first.miou : 0;
}

static int by_miou(const void *a, const void *b)
{
    const double x = fabs(change_of_miou(a));
    const double y = fabs(change_of_miou(b));
    if (x != y)
        return x < y ? 1 : -1;
    return strcmp(((const Both *)a)->first.name, ((const Both *)b)->first.name);
}

static void miou_table(DfTextbuf *t, const Both *both, size_t n)
{
    static const ReportColumn columns[] = {
        { "image", true },       { "mIoU before", false },         { "mIoU now", false },
        { "difference", false }, { "wrong pixels before", false }, { "now", false },
    };
    ReportTable table = { t, columns, sizeof columns / sizeof *columns, 0, true };
    df_report_table(&table, "Images that changed", n);
    for (size_t i = 0; i < n; i++) {
        const double difference = change_of_miou(&both[i]);
        df_report_row(&table);
        df_report_cell_text(&table, "wrap", both[i].first.name);
        df_report_cell_percent(&table, both[i].first.miou);
        df_report_cell_percent(&table, both[i].other.miou);
        df_report_cell(&table, class_of(difference));
        df_textbuf_add(t, "%+.1f", 100 * difference);
        df_report_cell(&table, "");
        df_textbuf_add(t, "%.0f", both[i].first.wrong);
        df_report_cell(&table, "");
        df_textbuf_add(t, "%.0f\n", both[i].other.wrong);
    }
    df_report_table_end(&table);
}

int df_report_image_changes(ReportPage *page, const DfComparePage *p, size_t r)
{
    const size_t n = df_image_scores_count(p->images[0]);
    Both *both = df_malloc((n + 1) * sizeof *both);
    if (!both)
        return df_fail_memory("what changed");
    for (size_t i = 0; i < n; i++)
        both[i] = (Both){ df_image_scores_summary(p->images[0], i), df_image_scores_summary(p->images[r], i) };
    if (n > 1)
        qsort(both, n, sizeof *both, by_miou);
    begin(page, p, r,
          "The images whose mIoU changed most: the mean over the classes that are in the image or in a prediction of "
          "it.");
    miou_table(&page->text, both, n < LISTED ? n : LISTED);
    df_report_section_end(page);
    df_free(both);
    return DF_OK;
}
