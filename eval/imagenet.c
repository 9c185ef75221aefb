/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/imagenet.c -- top-1, top-5, real labels, and the accuracy of each class.
 */
#include "eval/imagenet.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/core.h"

struct DfTopk {
    int classes;
    uint64_t real_images, real_top1;
    uint64_t *images, *top1, *top5; /* of each class */
};

int df_topk_new(DfTopk **out, int classes)
{
    *out = NULL;
    if (classes < 1 || classes > 1 << 20)
        return df_fail(DF_EVALUE, "%d classes: want 1 to %d", classes, 1 << 20);
    DfTopk *t = df_calloc(1, sizeof *t);
    if (!t || !(t->images = df_calloc(3 * (size_t)classes, sizeof *t->images))) {
        df_free(t);
        return df_fail_memory("counters of images");
    }
    t->classes = classes;
    t->top1 = t->images + classes;
    t->top5 = t->top1 + classes;
    *out = t;
    return DF_OK;
}

void df_topk_free(DfTopk *t)
{
    if (!t)
        return;
    df_free(t->images);
    df_free(t);
}

/* ---- counting -------------------------------------------------------------------------------------------------- */

/* NaN is below everything. */
static bool above(float x, float y)
{
    return x > y || (isnan(y) && !isnan(x));
}

/* A sorted list of the best so far, into which each class is inserted. Equal scores stay in order, as a class is
 * put behind those that it is not above. */
void df_topk_rank(const float *scores, int classes, int32_t best[DF_TOP])
{
    int kept = 0;
    for (int k = 0; k < classes; k++) {
        if (kept == DF_TOP && !above(scores[k], scores[best[DF_TOP - 1]]))
            continue;
        int at = kept < DF_TOP ? kept++ : DF_TOP - 1;
        for (; at > 0 && above(scores[k], scores[best[at - 1]]); at--)
            best[at] = best[at - 1];
        best[at] = k;
    }
    for (; kept < DF_TOP; kept++)
        best[kept] = -1;
}

static int check(const DfTopk *t, const int32_t best[DF_TOP])
{
    for (int i = 0; i < DF_TOP; i++)
        if (best[i] < -1 || best[i] >= t->classes)
            return df_fail(DF_EVALUE, "class %d: want 0 to %d", (int)best[i], t->classes - 1);
    return DF_OK;
}

int df_topk_add(DfTopk *t, const int32_t best[DF_TOP], int32_t label)
{
    if (label < 0 || label >= t->classes)
        return df_fail(DF_EVALUE, "label %d: want 0 to %d", (int)label, t->classes - 1);
    const int error = check(t, best);
    if (error < 0)
        return error;
    bool within = false;
    for (int i = 0; i < DF_TOP; i++)
        within |= best[i] == label;
    t->images[label]++;
    t->top1[label] += best[0] == label;
    t->top5[label] += within;
    return DF_OK;
}

int df_topk_add_real(DfTopk *t, const int32_t best[DF_TOP], const int32_t *labels, size_t n)
{
    const int error = check(t, best);
    if (error < 0)
        return error;
    bool right = false;
    for (size_t i = 0; i < n; i++)
        right |= labels[i] == best[0];
    t->real_images += n > 0;
    t->real_top1 += right;
    return DF_OK;
}

DfTopkResult df_topk_result(const DfTopk *t)
{
    DfTopkResult r = {
        .classes = t->classes,
        .real_images = t->real_images,
        .real_top1 = t->real_top1,
        .class_images = t->images,
        .class_top1 = t->top1,
        .class_top5 = t->top5,
    };
    double sum = 0;
    int with_images = 0;
    for (int k = 0; k < t->classes; k++) {
        r.images += t->images[k];
        r.top1 += t->top1[k];
        r.top5 += t->top5[k];
        if (t->images[k]) {
            sum += (double)t->top1[k] / (double)t->images[k];
            with_images++;
        }
    }
    r.top1_acc = r.images ? (double)r.top1 / (double)r.images : (double)NAN;
    r.top5_acc = r.images ? (double)r.top5 / (double)r.images : (double)NAN;
    r.real_acc = r.real_images ? (double)r.real_top1 / (double)r.real_images : (double)NAN;
    r.mean_class_acc = with_images ? sum / with_images : (double)NAN;
    return r;
}

/* ---- text ------------------------------------------------------------------------------------------------------ */

int df_topk_table(const DfTopkResult *r, const char *const *names, bool per_class, char **out)
{
    DfTextbuf t = { 0 };
    if (per_class)
        df_textbuf_add(&t, " %-28s %8s %8s %8s\n", "class", "images", "top-1", "top-5");
    for (int k = 0; per_class && k < r->classes; k++) {
        char number[16];
        const double n = (double)r->class_images[k];
        snprintf(number, sizeof number, "%d", k);
        df_textbuf_add(&t, " ");
        df_textbuf_shown(&t, names ? names[k] : number, 28);
        df_textbuf_add(&t, " %8" PRIu64, r->class_images[k]);
        if (r->class_images[k])
            df_textbuf_add(&t, " %8.2f %8.2f\n", 100 * (double)r->class_top1[k] / n,
                           100 * (double)r->class_top5[k] / n);
        else
            df_textbuf_add(&t, " %8s %8s\n", "-", "-");
    }
    df_textbuf_add(&t, "%s top-1 %.3f   top-5 %.3f   mean over classes %.3f", per_class ? "\n" : "", 100 * r->top1_acc,
                   100 * r->top5_acc, 100 * r->mean_class_acc);
    if (r->real_images)
        df_textbuf_add(&t, "   real labels %.3f of %" PRIu64, 100 * r->real_acc, r->real_images);
    df_textbuf_add(&t, "   (%" PRIu64 " images)\n", r->images);
    return df_textbuf_take(&t, out);
}

int df_topk_json(const DfTopkResult *r, const char *const *names, char **out)
{
    DfTextbuf t = { 0 };
    const struct {
        const char *key;
        double value;
    } scores[] = {
        { "top1",           r->top1_acc       },
        { "top5",           r->top5_acc       },
        { "mean_class_acc", r->mean_class_acc },
        { "real",           r->real_acc       },
    };
    df_textbuf_add(&t, "{");
    for (size_t i = 0; i < sizeof scores / sizeof *scores; i++) {
        df_textbuf_add(&t, "\"%s\": ", scores[i].key);
        df_textbuf_number(&t, scores[i].value);
        df_textbuf_add(&t, ", ");
    }
    df_textbuf_add(&t, "\"images\": %" PRIu64 ", \"real_images\": %" PRIu64 ",\n \"per_class\": [", r->images,
                   r->real_images);
    for (int k = 0; k < r->classes; k++) {
        df_textbuf_add(&t, "%s{\"id\": %d", k ? ",\n  " : "\n  ", k);
        if (names) {
            df_textbuf_add(&t, ", \"name\": ");
            df_textbuf_json(&t, names[k]);
        }
        df_textbuf_add(&t, ", \"images\": %" PRIu64 ", \"top1\": %" PRIu64 ", \"top5\": %" PRIu64 "}",
                       r->class_images[k],
                       r->class_top1[k], r->class_top5[k]);
    }
    df_textbuf_add(&t, "]}\n");
    return df_textbuf_take(&t, out);
}

/* ---- real labels ----------------------------------------------------------------------------------------------- */

/* How much of the two arrays is in use, and how much there is. */
typedef struct {
    DfRealLabels *real;
    size_t n_labels, starts, labels; /* starts, labels: capacities */
} Filling;

/* The reader's own sentence if it stopped, or that image `image` (from 1) is not what is wanted. */
static int wrong(DfJson *json, DfJsonEvent event, size_t image, const char *wanted)
{
    if (event == DF_JSON_ERROR)
        return df_json_error(json);
    return df_json_fail(json, DF_EFORMAT, "image %zu: want %s", image, wanted);
}

/* The labels of one image, whose bracket was met. */
static int read_image(Filling *f, DfJson *json, int classes)
{
    DfRealLabels *real = f->real;
    DfJsonValue v;
    DfJsonEvent event;
    if (!df_grow((void **)&real->start, &f->starts, real->n + 1, sizeof *real->start))
        return df_fail_memory("real labels");
    real->start[real->n++] = f->n_labels;
    while ((event = df_json_next(json, &v)) == DF_JSON_NUMBER) {
        if (!v.is_integer || v.integer < 0 || v.integer >= classes)
            return df_json_fail(json, DF_EVALUE, "image %zu: a label outside 0..%d", real->n, classes - 1);
        if (!df_grow((void **)&real->labels, &f->labels, f->n_labels, sizeof *real->labels))
            return df_fail_memory("real labels");
        real->labels[f->n_labels++] = (int32_t)v.integer;
    }
    return event == DF_JSON_CLOSE ? DF_OK : wrong(json, event, real->n, "a list of numbers");
}

static int read_images(Filling *f, DfJson *json, int classes)
{
    DfRealLabels *real = f->real;
    DfJsonValue v;
    DfJsonEvent event = df_json_next(json, &v);
    if (event == DF_JSON_ERROR)
        return df_json_error(json);
    if (event != DF_JSON_ARRAY)
        return df_json_fail(json, DF_EFORMAT, "want a list with a list of classes for each image");
    int error = DF_OK;
    while (error == DF_OK && (event = df_json_next(json, &v)) == DF_JSON_ARRAY)
        error = read_image(f, json, classes);
    if (error < 0)
        return error;
    if (event == DF_JSON_CLOSE)
        event = df_json_next(json, &v);
    if (event != DF_JSON_END)
        return wrong(json, event, real->n + 1, "a list of classes");
    if (!real->start && !(real->start = df_malloc(sizeof *real->start)))
        return df_fail_memory("real labels");
    real->start[real->n] = f->n_labels;
    return DF_OK;
}

int df_real_labels_read(DfRealLabels *real, DfJson *json, int classes)
{
    Filling filling = { .real = real };
    *real = (DfRealLabels){ 0 };
    const int error = read_images(&filling, json, classes);
    if (error < 0)
        df_real_labels_free(real);
    return error;
}

void df_real_labels_free(DfRealLabels *real)
{
    df_free(real->start);
    df_free(real->labels);
    *real = (DfRealLabels){ 0 };
}
