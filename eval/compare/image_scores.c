/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/compare/image_scores.c -- scores of single images: collects, writes and reads them.
 */
#include "eval/compare/image_scores.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "eval/compare/image_scores_data.h"
#include "core/core.h"

static const char *const kind_names[] = { [DF_IMAGES_MIOU] = "miou", [DF_IMAGES_TOPK] = "topk" };
enum { KINDS = 2, MOST_CLASSES = 1 << 20 };

static const char *keep(DfImageScores *s, const char *text)
{
    return df_arena_copy(s->arena, text, strlen(text));
}

static bool keep_names(DfImageScores *s, const char *const *names, int n)
{
    s->class_names = df_arena_alloc(s->arena, (size_t)n, sizeof *s->class_names);
    for (int k = 0; s->class_names && k < n; k++)
        if (!(s->class_names[k] = keep(s, names[k])))
            return false;
    return s->class_names != NULL;
}

int df_image_scores_new(DfImageScores **out, DfImagesKind kind, int classes, const char *const *class_names)
{
    DfImageScores *s = df_calloc(1, sizeof *s);
    *out = NULL;
    if (!s || !(s->arena = df_arena_new()) || (class_names && !keep_names(s, class_names, classes))) {
        df_image_scores_free(s);
        return df_fail_memory("scores of images");
    }
    s->kind = kind;
    s->classes = classes;
    *out = s;
    return DF_OK;
}

void df_image_scores_free(DfImageScores *s)
{
    if (!s)
        return;
    df_arena_free(s->arena);
    df_free(s->images);
    df_free(s->scores);
    df_free(s);
}

/* ---- gathering ------------------------------------------------------------------------------------------------- */

/* Where the scores of an image stand; NULL if it has none. */
static const ImageScore *scores_of(const DfImageScores *s, const ScoredImage *image)
{
    return image->n ? s->scores + image->start : NULL;
}

static int add_image(DfImageScores *s, const char *name)
{
    const char *kept = keep(s, name);
    if (!kept || !df_grow((void **)&s->images, &s->images_capacity, s->n_images, sizeof *s->images))
        return df_fail_memory("scores of images");
    s->images[s->n_images++] = (ScoredImage){ kept, s->n_scores, 0 };
    return DF_OK;
}

/* To the last image. */
static int add_score(DfImageScores *s, const ImageScore *score)
{
    if (!df_grow((void **)&s->scores, &s->scores_capacity, s->n_scores, sizeof *s->scores))
        return df_fail_memory("scores of images");
    s->scores[s->n_scores++] = *score;
    s->images[s->n_images - 1].n++;
    return DF_OK;
}

int df_image_scores_add_areas(DfImageScores *s, const char *name, const DfMiouResult *r)
{
    int error = add_image(s, name);
    for (int k = 0; error == DF_OK && k < r->classes; k++)
        if (r->pred_area[k] || r->label_area[k])
            error = add_score(s, &(ImageScore){ (uint32_t)k, { r->intersect[k], r->pred_area[k], r->label_area[k] } });
    return error;
}

int df_image_scores_add_top(DfImageScores *s, const char *name, int label, bool top1, bool top5)
{
    int error = add_image(s, name);
    if (error == DF_OK)
        error = add_score(s, &(ImageScore){ (uint32_t)label, { top1, top5, 1 } });
    return error;
}

int df_image_scores_merge(DfImageScores *into, const DfImageScores *from)
{
    int error = DF_OK;
    for (size_t i = 0; error == DF_OK && i < from->n_images; i++) {
        const ScoredImage *image = &from->images[i];
        error = add_image(into, image->name);
        for (size_t j = 0; error == DF_OK && j < image->n; j++)
            error = add_score(into, &from->scores[image->start + j]);
    }
    return error;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const ScoredImage *)a)->name, ((const ScoredImage *)b)->name);
}

static void sort_by_name(DfImageScores *s)
{
    if (s->n_images)
        qsort(s->images, s->n_images, sizeof *s->images, by_name);
}

/* ---- writing --------------------------------------------------------------------------------------------------- */

static void write_image(DfTextbuf *t, const DfImageScores *s, const ScoredImage *image)
{
    const ImageScore *score = scores_of(s, image);
    df_textbuf_add(t, "{\"name\": ");
    df_textbuf_json(t, image->name);
    if (s->kind == DF_IMAGES_TOPK) {
        df_textbuf_add(t, ", \"label\": %" PRIu32 ", \"top1\": %s, \"top5\": %s}", score->class,
                       score->part[SCORE_HIT] ? "true" : "false", score->part[SCORE_OTHER] ? "true" : "false");
        return;
    }
    df_textbuf_add(t, ", \"areas\": [");
    for (size_t i = 0; i < image->n; i++)
        df_textbuf_add(t, "%s[%" PRIu32 ", %" PRIu64 ", %" PRIu64 ", %" PRIu64 "]", i ? ", " : "", score[i].class,
                       score[i].part[SCORE_HIT], score[i].part[SCORE_OTHER], score[i].part[SCORE_ALL]);
    df_textbuf_add(t, "]}");
}

int df_image_scores_write(DfImageScores *s, const char *path)
{
    DfTextbuf t = { 0 };
    DfWriter *writer;
    char *text;
    sort_by_name(s);
    df_textbuf_add(&t, "{\"type\": \"%s\", \"num_classes\": %d,\n \"classes\": ", kind_names[s->kind], s->classes);
    for (int k = 0; s->class_names && k < s->classes; k++) {
        df_textbuf_add(&t, k ? ", " : "[");
        df_textbuf_json(&t, s->class_names[k]);
    }
    df_textbuf_add(&t, s->class_names ? "],\n \"images\": [" : "null,\n \"images\": [");
    for (size_t i = 0; i < s->n_images; i++) {
        df_textbuf_add(&t, i ? ",\n  " : "\n  ");
        write_image(&t, s, &s->images[i]);
    }
    df_textbuf_add(&t, "]}\n");
    int error = df_textbuf_take(&t, &text);
    if (error < 0)
        return error;
    if ((error = df_writer_open(&writer, path)) == DF_OK) {
        df_write(writer, text, strlen(text));
        error = df_writer_commit(writer);
    }
    df_free(text);
    return error;
}

/* ---- reading --------------------------------------------------------------------------------------------------- */

/* The reader's own sentence if it stopped, or this one. */
static int wrong(DfJson *json, DfJsonEvent event, const char *wanted)
{
    return event == DF_JSON_ERROR ? df_json_error(json) : df_json_fail(json, DF_EFORMAT, "want %s", wanted);
}

static int read_whole(DfJson *json, const char *what, int64_t most, int64_t *out)
{
    DfJsonValue v;
    const DfJsonEvent event = df_json_next(json, &v);
    if (event != DF_JSON_NUMBER || !v.is_integer || v.integer < 0 || v.integer > most)
        return wrong(json, event, what);
    *out = v.integer;
    return DF_OK;
}

/* [class, intersect, prediction, label], whose bracket was met. */
static int read_area(DfImageScores *s, DfJson *json)
{
    DfJsonValue v;
    ImageScore score = { 0 };
    int64_t number = 0;
    int error = read_whole(json, "a class below num_classes", s->classes - 1, &number);
    score.class = (uint32_t)number;
    for (int i = 0; error == DF_OK && i < SCORE_PARTS; i++) {
        error = read_whole(json, "areas [class, intersect, prediction, label] in whole pixels", INT64_MAX >> 32,
                           &number);
        score.part[i] = (uint64_t)number;
    }
    if (error < 0)
        return error;
    if (score.part[SCORE_HIT] > score.part[SCORE_OTHER] || score.part[SCORE_HIT] > score.part[SCORE_ALL])
        return df_json_fail(json, DF_EVALUE, "an intersection larger than the areas");
    const DfJsonEvent event = df_json_next(json, &v);
    return event == DF_JSON_CLOSE ? add_score(s, &score) : wrong(json, event, "areas of four numbers");
}

static int read_areas(DfImageScores *s, DfJson *json)
{
    DfJsonValue v;
    DfJsonEvent event = df_json_next(json, &v);
    int error = event == DF_JSON_ARRAY ? DF_OK : wrong(json, event, "a list of areas");
    while (error == DF_OK && (event = df_json_next(json, &v)) == DF_JSON_ARRAY)
        error = read_area(s, json);
    if (error == DF_OK && event != DF_JSON_CLOSE)
        error = wrong(json, event, "a list of areas");
    return error;
}

static int read_flag(DfJson *json, const char *what, uint64_t *out)
{
    DfJsonValue v;
    const DfJsonEvent event = df_json_next(json, &v);
    *out = event == DF_JSON_TRUE;
    return event == DF_JSON_TRUE || event == DF_JSON_FALSE ? DF_OK : wrong(json, event, what);
}

static int read_name(DfImageScores *s, DfJson *json, const char **out)
{
    DfJsonValue v;
    const DfJsonEvent event = df_json_next(json, &v);
    if (event != DF_JSON_TEXT)
        return wrong(json, event, "a name that is a string");
    return (*out = keep(s, v.text)) ? DF_OK : df_fail_memory("scores of images");
}

/* One image, whose brace was met. */
static int read_image(DfImageScores *s, DfJson *json)
{
    DfJsonValue v;
    DfJsonEvent event;
    ImageScore top = { .part[SCORE_ALL] = 1 };
    const char *name = NULL;
    bool areas = false; /* met */
    bool label = false;
    int error = add_image(s, "");
    while (error == DF_OK && (event = df_json_next(json, &v)) == DF_JSON_KEY) {
        int64_t number = 0;
        if (strcmp(v.text, "name") == 0) {
            error = read_name(s, json, &name);
        } else if (strcmp(v.text, "areas") == 0 && !areas) {
            error = read_areas(s, json);
            areas = true;
        } else if (strcmp(v.text, "label") == 0) {
            error = read_whole(json, "a label below num_classes", s->classes - 1, &number);
            top.class = (uint32_t)number;
            label = true;
        } else if (strcmp(v.text, "top1") == 0) {
            error = read_flag(json, "top1: true or false", &top.part[SCORE_HIT]);
        } else if (strcmp(v.text, "top5") == 0) {
            error = read_flag(json, "top5: true or false", &top.part[SCORE_OTHER]);
        } else {
            error = df_json_skip(json);
        }
    }
    if (error < 0)
        return error;
    if (event != DF_JSON_CLOSE)
        return df_json_error(json);
    const bool miou = s->kind == DF_IMAGES_MIOU;
    if (!name || areas != miou || label == miou)
        return df_json_fail(json, DF_EFORMAT, "image %zu: want a name and %s", s->n_images,
                            miou ? "areas" : "label, top1 and top5");
    s->images[s->n_images - 1].name = name;
    return miou ? DF_OK : add_score(s, &top);
}

static int read_class_count(DfImageScores *s, DfJson *json)
{
    int64_t number = 0;
    const int error = read_whole(json, "num_classes from 1 to 2^20", MOST_CLASSES, &number);
    s->classes = (int)number;
    return error;
}

static int read_class_names(DfImageScores *s, DfJson *json)
{
    if (s->classes < 1)
        return df_json_fail(json, DF_EVALUE, "want at least one class");
    DfJsonValue v;
    DfJsonEvent event = df_json_next(json, &v);
    int error = DF_OK;
    int n = 0;
    if (event == DF_JSON_NULL)
        return DF_OK;
    if (event != DF_JSON_ARRAY)
        return wrong(json, event, "the names of the classes");
    if (!(s->class_names = df_arena_alloc(s->arena, (size_t)s->classes, sizeof *s->class_names)))
        return df_fail_memory("scores of images");
    while (error == DF_OK && (event = df_json_next(json, &v)) == DF_JSON_TEXT) {
        if (n < s->classes && !(s->class_names[n] = keep(s, v.text)))
            error = df_fail_memory("scores of images");
        n++;
    }
    if (error == DF_OK && (event != DF_JSON_CLOSE || n != s->classes))
        error = wrong(json, event, "num_classes names of classes");
    return error;
}

static int read_images(DfImageScores *s, DfJson *json)
{
    DfJsonValue v;
    DfJsonEvent event = df_json_next(json, &v);
    int error = event == DF_JSON_ARRAY ? DF_OK : wrong(json, event, "a list of images");
    while (error == DF_OK && (event = df_json_next(json, &v)) == DF_JSON_OBJECT)
        error = read_image(s, json);
    if (error == DF_OK && event != DF_JSON_CLOSE)
        error = wrong(json, event, "images that are objects");
    return error;
}

static int check_images(DfImageScores *s, const DfJson *json)
{
    sort_by_name(s);
    for (size_t i = 1; i < s->n_images; i++)
        if (strcmp(s->images[i - 1].name, s->images[i].name) == 0)
            return df_fail(DF_EVALUE, "%s: the image %s is listed twice", df_json_name(json), s->images[i].name);
    if (s->n_images == 0)
        return df_fail(DF_EVALUE, "%s: no image in it", df_json_name(json));
    if (s->n_scores == 0)
        return df_fail(DF_EVALUE, "%s: no image has areas, so there is nothing to compare: want areas in at least one",
                       df_json_name(json));
    return DF_OK;
}

static int read_kind(DfImageScores *s, DfJson *json)
{
    DfJsonValue v;
    const DfJsonEvent event = df_json_next(json, &v);
    for (int i = 0; event == DF_JSON_TEXT && i < KINDS; i++)
        if (strcmp(v.text, kind_names[i]) == 0) {
            s->kind = (DfImagesKind)i;
            return DF_OK;
        }
    return wrong(json, event, "\"type\": \"miou\" or \"topk\"");
}

/* The keys must come in the order in which they are written, so that kind and classes are known when the images
 * come. */
static int read_keys(DfImageScores *s, DfJson *json)
{
    static const char *const keys[] = { "type", "num_classes", "classes", "images" };
    enum { TYPE, NUM_CLASSES, CLASSES, IMAGES, KEYS };
    DfJsonValue v;
    DfJsonEvent event = df_json_next(json, &v);
    int error = DF_OK;
    if (event != DF_JSON_OBJECT)
        error = wrong(json, event, "scores of images: an object with type, num_classes, classes and images");
    for (int due = 0; error == DF_OK && (event = df_json_next(json, &v)) == DF_JSON_KEY;) {
        if (due == KEYS || strcmp(v.text, keys[due]) != 0)
            return df_json_fail(json, DF_EFORMAT,
                                "scores of images: met \"%.40s\", want type, num_classes, classes and "
                                "images in this order", v.text);
        switch (due++) {
        case TYPE: error = read_kind(s, json); break;
        case NUM_CLASSES: error = read_class_count(s, json); break;
        case CLASSES: error = read_class_names(s, json); break;
        default: error = read_images(s, json); break;
        }
    }
    if (error == DF_OK && (event != DF_JSON_CLOSE || (event = df_json_next(json, &v)) != DF_JSON_END))
        error = wrong(json, event, "nothing after the scores");
    return error;
}

int df_image_scores_read_json(DfImageScores **out, DfJson *json)
{
    int error = df_image_scores_new(out, DF_IMAGES_MIOU, 0, NULL);
    if (error == DF_OK && ((error = read_keys(*out, json)) < 0 || (error = check_images(*out, json)) < 0)) {
        df_image_scores_free(*out);
        *out = NULL;
    }
    return error;
}

int df_image_scores_read(DfImageScores **out, const char *path)
{
    DfJson *json;
    *out = NULL;
    int error = df_json_open(&json, path);
    if (error < 0)
        return error;
    error = df_image_scores_read_json(out, json);
    df_json_close(json);
    return error;
}

/* ---- an image by itself ---------------------------------------------------------------------------------------- */

int df_image_scores_classes(const DfImageScores *s)
{
    return s->classes;
}

const char *const *df_image_scores_names(const DfImageScores *s)
{
    return s->class_names;
}

size_t df_image_scores_count(const DfImageScores *s)
{
    return s->n_images;
}

DfImageSummary df_image_scores_summary(const DfImageScores *s, size_t i)
{
    const ScoredImage *image = &s->images[i];
    DfImageSummary summary = { .name = image->name };
    const ImageScore *scores = scores_of(s, image);
    double sum = 0;
    double hits = 0;
    double all = 0;
    double most = -1; /* pixels that the worst class loses */
    for (size_t k = 0; k < image->n; k++) {
        const ImageScore *c = &scores[k];
        const double hit = (double)c->part[SCORE_HIT];
        const double pred = (double)c->part[SCORE_OTHER];
        const double label = (double)c->part[SCORE_ALL];
        sum += hit / (pred + label - hit);
        hits += hit;
        all += label;
        if (label - hit > most) {
            most = label - hit;
            summary.worst = c->class;
        }
    }
    summary.miou = image->n ? sum / (double)image->n : -1;
    summary.acc = all > 0 ? hits / all : -1;
    summary.wrong = all - hits;
    return summary;
}
