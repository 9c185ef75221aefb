/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/predict/explain_page.c -- deformer predict --explain: the page in which the pointer selects whose points are
 * shown. Of the queries of a layer it contains those nearest to an even grid of positions, as many as fit.
 */
#include <math.h>
#include <stdlib.h>

#include "cli/common/picture_uri.h"
#include "cli/predict/predict.h"
#include "report/report.h"

enum {
    MOST_QUERIES = 600,        /* of a layer                                                */
    MOST_KEPT = 32,            /* heaviest points of a head whose level does not matter     */
    MOST_BYTES = 2400 * 1024,  /* of points, of all layers; a third more in the page        */
    MOST_WIDTH = 1280,         /* of the picture in the page                                */
    QUALITY = 82
};

typedef struct {
    const CliExplain *e;
    const DfSample *sample;
    const DfImageMeta *meta;
    int width, height;         /* of the original picture */
} Source;

/* ---- which queries ----------------------------------------------------------------------------------------------- */

static int most_queries(const CliExplain *e, const DfPointsLayerPage *l)
{
    const long bytes = 6L * l->heads * l->kept;
    const long fitting = MOST_BYTES / e->n_layers / bytes;
    return (int)(fitting < 1 ? 1 : fitting < MOST_QUERIES ? fitting : MOST_QUERIES);
}

/* The queries nearest to the cells of a grid with at most `most` cells, as square as the picture lets them. */
static void choose_on_grid(const Source *s, int layer, DfPointsLayerPage *l, int most)
{
    const double aspect = (double)s->width / s->height;
    const int columns = df_clamp_int((int)sqrt(most * aspect), 1, most);
    const int rows = df_clamp_int(most / columns, 1, most);
    for (int i = 0; i < rows * columns; i++) {
        const float at[2] = {
            ((float)(i % columns) + 0.5f) / (float)columns * (float)s->width,
            ((float)(i / columns) + 0.5f) / (float)rows * (float)s->height,
        };
        const int query = df_points_nearest(s->e->points, layer, 0, s->meta, at);
        bool there = false;
        for (int k = 0; k < l->n && !there; k++)
            there = l->id[k] == query;
        if (!there)
            l->id[l->n++] = query;
    }
}

static void choose_queries(const Source *s, int layer, DfPointsLayerPage *l)
{
    const int most = most_queries(s->e, l);
    if (l->queries > most) {
        choose_on_grid(s, layer, l, most);
        return;
    }
    for (l->n = 0; l->n < l->queries; l->n++)
        l->id[l->n] = l->n;
}

/* ---- what they read ---------------------------------------------------------------------------------------------- */

static int by_weight(const void *a, const void *b)
{
    const float x = ((const DfPoint *)a)->weight;
    const float y = ((const DfPoint *)b)->weight;
    return (x < y) - (x > y);
}

static int read_queries(const Source *s, int layer, DfPointsLayerPage *l)
{
    const size_t per_head = (size_t)l->levels * (size_t)l->points;
    DfPoint *points = df_calloc((size_t)l->heads * per_head + 1, sizeof *points);
    int error = points ? DF_OK : df_fail_memory("points of a page");
    uint16_t *to = l->read;
    for (int i = 0; error == DF_OK && i < l->n; i++) {
        float at[2];
        df_points_query(s->e->points, layer, 0, s->meta, l->id[i], at);
        l->at[2 * i] = df_page_place(at[0], s->width);
        l->at[2 * i + 1] = df_page_place(at[1], s->height);
        error = df_points_read(s->e->points, layer, 0, s->meta, l->id[i], points);
        for (int head = 0; error == DF_OK && head < l->heads; head++) {
            DfPoint *p = points + (size_t)head * per_head;
            if ((size_t)l->kept < per_head)
                qsort(p, per_head, sizeof *p, by_weight);
            for (int k = 0; k < l->kept; k++) {
                *to++ = df_page_place(p[k].x, s->width);
                *to++ = df_page_place(p[k].y, s->height);
                *to++ = df_page_weight(p[k].weight);
            }
        }
    }
    df_free(points);
    return error;
}

static int take_layer(const Source *s, int layer, DfPointsLayerPage *l)
{
    const DfPointLayer *about = df_points_layer(s->e->points, layer);
    const int all = about->levels * about->points;
    *l = (DfPointsLayerPage){
        .name = about->path,
        .answers = about->answers,
        .queries = about->queries,
        .heads = about->heads,
        .levels = about->levels,
        .points = about->points,
        .kept = about->levels == 1 && all > MOST_KEPT ? MOST_KEPT : all,
    };
    const size_t most = (size_t)most_queries(s->e, l);
    l->id = df_calloc(most, sizeof *l->id);
    l->at = df_calloc(2 * most, sizeof *l->at);
    l->read = df_calloc(most * (size_t)l->heads * (size_t)l->kept * 3 + 1, sizeof *l->read);
    if (!l->id || !l->at || !l->read)
        return df_fail_memory("points of a page");
    choose_queries(s, layer, l);
    return read_queries(s, layer, l);
}

/* ---- the page ---------------------------------------------------------------------------------------------------- */

static void take_detections(const CliExplain *e, const DfDetections *found, DfPointsDetection *out, int n)
{
    for (int i = 0; i < n; i++) {
        const DfDetection *d = &found->v[i];
        out[i] = (DfPointsDetection){
            .name = df_detector_class_name(e->detector, d->label),
            .score = d->score,
            .box = { d->box[0], d->box[1], d->box[2], d->box[3] },
            .query = (int)d->index,
        };
    }
}

static int write_page(const Source *s, DfPointsPage *page)
{
    char *uri = NULL;
    char *html = NULL;
    char *path;
    char *folder = df_temporary_folder_for(cli_picture_files);
    int error = cli_explain_path(s->e, s->sample->path, ".html", &path);
    if (error == DF_OK)
        error = folder ? cli_picture_uri(&s->sample->image, folder, MOST_WIDTH, QUALITY, &uri) : DF_EIO;
    if (folder)
        df_remove_folder(folder, cli_picture_files);
    page->picture = uri;
    if (error == DF_OK)
        error = df_report_points(page, &html);
    if (error == DF_OK)
        error = cli_write_text(path, html);
    df_free(html);
    df_free(uri);
    df_free(folder);
    df_free(path);
    return error;
}

static void free_layers(DfPointsLayerPage *layers, int n)
{
    for (int i = 0; layers && i < n; i++) {
        df_free(layers[i].id);
        df_free(layers[i].at);
        df_free(layers[i].read);
    }
    df_free(layers);
}

int cli_explain_page(const CliExplain *e, const DfSample *sample, const DfDetections *found)
{
    enum { MOST_DETECTIONS = 24 };
    DfPointsDetection detections[MOST_DETECTIONS];
    const DfImageMeta *meta = &sample->views.view[0].meta;
    const Source s = { e, sample, meta, meta->ori_w, meta->ori_h };
    const int n = found && found->n < MOST_DETECTIONS ? (int)found->n : found ? MOST_DETECTIONS : 0;
    DfPointsLayerPage *layers = df_calloc((size_t)e->n_layers, sizeof *layers);
    int error = layers ? DF_OK : df_fail_memory("points of a page");
    for (int i = 0; error == DF_OK && i < e->n_layers; i++)
        error = take_layer(&s, e->layer[i], &layers[i]);
    take_detections(e, found, detections, n);
    if (error == DF_OK)
        error = write_page(&s, &(DfPointsPage){
            .title = cli_name_of(sample->path),
            .width = s.width,
            .height = s.height,
            .layers = layers,
            .n_layers = e->n_layers,
            .detections = detections,
            .n_detections = n,
        });
    free_layers(layers, e->n_layers);
    return error;
}
