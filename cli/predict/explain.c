/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/predict/explain.c -- deformer predict --explain: the points that attention reads for detections or for a
 * position, and their weights. It draws a figure for each of them and each layer, and writes the numbers of a picture
 * as JSON, and a page (docs/explain.md).
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/predict/predict.h"

/* ---- one figure -------------------------------------------------------------------------------------------------- */

/* Whose attention it is: a detection's, or that of a place. */
typedef struct {
    int rank; /* -1: of a place */
    float at[2];
} Subject;

/* What one layer read for one subject. */
typedef struct {
    const DfPointLayer *layer;
    const Subject *subject;
    int query, first_head, heads;
    float from[2];
    DfPoint *points; /* of all heads */
    char name[600];  /* of the figure's file */
} Reading;

static size_t per_head(const DfPointLayer *l)
{
    return (size_t)l->levels * (size_t)l->points;
}

/* Heads of a group look at the same points: one disc, with the mean of their weights. */
static size_t discs_of(const Reading *r, DfDrawnPoint *out)
{
    const DfPointLayer *l = r->layer;
    const size_t n = per_head(l);
    const size_t together = l->shared && r->heads > 1 ? (size_t)(l->heads / l->groups) : 1;
    DfDrawnPoint *to = out;
    for (size_t head = (size_t)r->first_head; head < (size_t)(r->first_head + r->heads); head += together)
        for (size_t i = 0; i < n; i++, to++) {
            const DfPoint *p = &r->points[head * n + i];
            *to = (DfDrawnPoint){ p->x, p->y, 0 };
            for (size_t k = 0; k < together; k++)
                to->weight += p[k * n].weight / (float)together;
        }
    return (size_t)(to - out);
}

/* "dog 63%, transformer.decoder.layers.5, head 2" */
static void write_title(char *out, size_t size, const CliExplain *e, const Reading *r, const DfDetections *found)
{
    char what[120] = "", head[32] = "";
    if (r->subject->rank >= 0) {
        const DfDetection *d = &found->v[r->subject->rank];
        snprintf(what, sizeof what, "%.80s %.0f%%, ", df_detector_class_name(e->detector, d->label),
                 100 * (double)d->score);
    }
    if (e->head >= 0)
        snprintf(head, sizeof head, ", head %ld", e->head);
    snprintf(out, size, "%s%s%s", what, r->layer->path, head);
}

static int draw(const CliExplain *e, const DfSample *sample, const DfDetections *found, const Reading *r)
{
    const DfClasses *classes = df_detector_class_names(e->detector);
    char title[400];
    DfImage figure = { 0 };
    DfDrawnPoint *discs = df_calloc((size_t)r->layer->heads * per_head(r->layer) + 1, sizeof *discs);
    char *path;
    int error = df_path_below(&path, e->dir, r->name);
    if (error == DF_OK && !discs)
        error = df_fail_memory("a figure");
    if (error == DF_OK) {
        const DfDrawnBox box =
            r->subject->rank >= 0 ? cli_drawn_box(found, (size_t)r->subject->rank) : (DfDrawnBox){ 0 };
        write_title(title, sizeof title, e, r, found);
        const DfDrawnPoints points = {
            discs, discs_of(r, discs), { r->from[0], r->from[1] }, r->subject->rank >= 0 ? &box : NULL, title
        };
        error = df_draw_points(&figure, &sample->image, &points, classes->name, classes->n);
    }
    if (error == DF_OK)
        error = df_image_write(&figure, path, e->quality);
    df_image_free(&figure);
    df_free(path);
    df_free(discs);
    return error;
}

/* ---- numbers ----------------------------------------------------------------------------------------------------- */

static void print_number(DfTextbuf *json, float x)
{
    df_textbuf_add(json, isfinite(x) ? "%.7g" : "null", (double)x);
}

typedef enum { HEAD, LEVEL, X, Y, WEIGHT, COLUMNS } Column;

static void print_column(DfTextbuf *json, const Reading *r, Column column)
{
    static const char *const keys[COLUMNS] = { "head", "level", "x", "y", "weight" };
    const size_t n = per_head(r->layer);
    const size_t first = (size_t)r->first_head * n;
    df_textbuf_add(json, ",\n      \"%s\": [", keys[column]);
    for (size_t i = 0; i < (size_t)r->heads * n; i++) {
        const DfPoint *p = &r->points[first + i];
        df_textbuf_add(json, "%s", i ? ", " : "");
        if (column == HEAD)
            df_textbuf_add(json, "%d", r->first_head + (int)(i / n));
        else if (column == LEVEL)
            df_textbuf_add(json, "%d", (int)(i % n) / r->layer->points);
        else
            print_number(json, column == X ? p->x : column == Y ? p->y : p->weight);
    }
    df_textbuf_add(json, "]");
}

static void print_reading(DfTextbuf *json, const Reading *r, bool first)
{
    char rank[16];
    snprintf(rank, sizeof rank, "%d", r->subject->rank);
    df_textbuf_add(json, "%s\n     {\"detection\": %s, \"query\": %d, \"position\": [", first ? "" : ",",
                   r->subject->rank >= 0 ? rank : "null", r->query);
    print_number(json, r->from[0]);
    df_textbuf_add(json, ", ");
    print_number(json, r->from[1]);
    df_textbuf_add(json, "], \"figure\": ");
    df_textbuf_json(json, r->name);
    for (Column column = HEAD; column < COLUMNS; column++)
        print_column(json, r, column);
    df_textbuf_add(json, "}");
}

static void print_detection(DfTextbuf *json, const CliExplain *e, const DfDetection *d, int rank, bool first)
{
    df_textbuf_add(json, "%s\n   {\"detection\": %d, \"label\": %d, \"class\": ", first ? "" : ",", rank, d->label);
    df_textbuf_json(json, df_detector_class_name(e->detector, d->label));
    df_textbuf_add(json, ", \"score\": %.9g, \"box\": [%.7g, %.7g, %.7g, %.7g]}", (double)d->score, (double)d->box[0],
                   (double)d->box[1], (double)d->box[2], (double)d->box[3]);
}

/* ---- one picture ------------------------------------------------------------------------------------------------- */

/* Everything of one picture, while its JSON grows. */
typedef struct {
    const CliExplain *e;
    const DfSample *sample;
    const DfDetections *found;
    DfImageMeta meta;
    Subject subject[CLI_EXPLAIN_RANKS];
    int n_subjects;
    DfTextbuf *json;
} Picture;

static Subject of_detection(const DfDetections *found, int rank)
{
    const float *b = found->v[rank].box;
    return (Subject){ rank, { (b[0] + b[2]) / 2, (b[1] + b[3]) / 2 } };
}

/* The detections that were asked for, or the best three; the place that was asked for; the middle of a picture
 * without detections. */
static int choose_subjects(Picture *p, double score_thr)
{
    const CliExplain *e = p->e;
    const int n = p->found ? (int)p->found->n : 0;
    for (int i = 0; i < e->n_ranks; i++) {
        if (e->rank[i] >= n)
            return df_fail(DF_EVALUE,
                           "%s: --detections %d: the picture has %d detection%s with a score of at least %g%s",
                           p->sample->path, e->rank[i], n, n == 1 ? "" : "s", score_thr,
                           n ? "; the first is number 0" : "");
        p->subject[p->n_subjects++] = of_detection(p->found, e->rank[i]);
    }
    for (int i = 0; !e->query && !e->n_ranks && i < n && i < 3; i++)
        p->subject[p->n_subjects++] = of_detection(p->found, i);
    if (p->n_subjects)
        return DF_OK;
    const DfView *view = &p->sample->views.view[0];
    const Subject place = { -1,
                            { e->query ? e->at[0] : 0.5f * (float)view->meta.ori_w,
                              e->query ? e->at[1] : 0.5f * (float)view->meta.ori_h } };
    p->subject[p->n_subjects++] = place;
    if (p->found && !e->query)
        df_log(DF_LOG_WARNING,
               "%s: no detection has a score of at least %g: the middle of the picture is explained instead",
               p->sample->path, score_thr);
    return DF_OK;
}

/* NAME.detection0.LAYER.jpg, NAME.query.LAYER.jpg: with the picture's own ending. */
static void name_figure(Reading *r, const char *path)
{
    const char *name = cli_name_of(path);
    const size_t stem = cli_stem_length(name);
    char what[32] = "query";
    if (r->subject->rank >= 0)
        snprintf(what, sizeof what, "detection%d", r->subject->rank);
    snprintf(r->name, sizeof r->name, "%.*s.%s.%s%s", (int)stem, name, what, r->layer->path, name + stem);
}

static int read_and_give(Picture *p, int layer, const Subject *subject, bool first)
{
    const CliExplain *e = p->e;
    const DfPointLayer *l = df_points_layer(e->points, layer);
    Reading r = { .layer = l,
                  .subject = subject,
                  .first_head = e->head >= 0 ? (int)e->head : 0,
                  .heads = e->head >= 0 ? 1 : l->heads };
    r.query = l->answers && subject->rank >= 0 ? (int)p->found->v[subject->rank].index
                                               : df_points_nearest(e->points, layer, 0, &p->meta, subject->at);
    df_points_query(e->points, layer, 0, &p->meta, r.query, r.from);
    name_figure(&r, p->sample->path);
    r.points = df_calloc((size_t)l->heads * per_head(l) + 1, sizeof *r.points);
    int error = r.points ? df_points_read(e->points, layer, 0, &p->meta, r.query, r.points)
                         : df_fail_memory("sampling points");
    if (error == DF_OK) {
        print_reading(p->json, &r, first);
        error = draw(e, p->sample, p->found, &r);
    }
    df_free(r.points);
    return error;
}

static int give_layers(Picture *p)
{
    int error = DF_OK;
    for (int i = 0; error == DF_OK && i < p->e->n_layers; i++) {
        const DfPointLayer *l = df_points_layer(p->e->points, p->e->layer[i]);
        df_textbuf_add(p->json, "%s\n   {\"layer\": ", i ? "," : "");
        df_textbuf_json(p->json, l->path);
        df_textbuf_add(p->json, ", \"shared\": %s, \"heads\": %d, \"groups\": %d, \"levels\": %d, "
                       "\"points\": %d, \"queries\": [",
                       l->shared ? "true" : "false", l->heads, l->groups, l->levels, l->points);
        for (int k = 0; error == DF_OK && k < p->n_subjects; k++)
            error = read_and_give(p, p->e->layer[i], &p->subject[k], k == 0);
        df_textbuf_add(p->json, "]}");
    }
    return error;
}

static int give_picture(Picture *p)
{
    const DfView *view = &p->sample->views.view[0];
    df_textbuf_add(p->json, "{\"image\": ");
    df_textbuf_json(p->json, p->sample->path);
    df_textbuf_add(p->json, ", \"height\": %d, \"width\": %d,\n \"detections\": [", view->meta.ori_h, view->meta.ori_w);
    for (int k = 0; k < p->n_subjects && p->subject[k].rank >= 0; k++)
        print_detection(p->json, p->e, &p->found->v[p->subject[k].rank], p->subject[k].rank, k == 0);
    df_textbuf_add(p->json, "],\n \"layers\": [");
    const int error = give_layers(p);
    df_textbuf_add(p->json, "]}\n");
    return error;
}

int cli_explain_path(const CliExplain *e, const char *picture, const char *ending, char **path)
{
    const char *name = cli_name_of(picture);
    const size_t stem = cli_stem_length(name);
    const size_t n = stem + strlen(ending) + 1;
    char *file = df_malloc(n);
    *path = NULL;
    if (file)
        snprintf(file, n, "%.*s%s", (int)stem, name, ending);
    const int error = file ? df_path_below(path, e->dir, file) : df_fail_memory("a path");
    df_free(file);
    return error;
}

static int write_json(const CliExplain *e, const char *picture, DfTextbuf *json)
{
    char *path = NULL;
    char *text;
    int error = df_textbuf_take(json, &text);
    if (error == DF_OK)
        error = cli_explain_path(e, picture, ".json", &path);
    if (error == DF_OK)
        error = cli_write_text(path, text);
    df_free(path);
    df_free(text);
    return error;
}

int cli_explain_picture(CliExplain *e, CliSession *s, const DfSample *sample, const DfDetections *found,
                        double score_thr)
{
    Picture p = { .e = e, .sample = sample, .found = found, .meta = sample->views.view[0].meta };
    DfTextbuf json = { 0 };
    p.json = &json;
    int error = df_points_done(e->points, s->c);
    if (error == DF_OK)
        error = choose_subjects(&p, score_thr);
    if (error == DF_OK)
        error = give_picture(&p);
    if (error == DF_OK)
        error = write_json(e, sample->path, &json);
    if (error == DF_OK)
        error = cli_explain_page(e, sample, found);
    df_free(json.at);
    return error;
}
