/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/predict/segment.c -- deformer predict with a segmentor: the classes of one picture as lines, as JSON, as an
 * overlay with a legend and as a label map.
 */
#include <stdlib.h>
#include <string.h>

#include "cli/predict/predict.h"

enum { LABELS = 1 << 16 };

typedef struct {
    int label;
    size_t pixels;
} Part;

static int by_pixels(const void *a, const void *b)
{
    const Part *x = a, *y = b;
    return x->pixels != y->pixels ? (x->pixels < y->pixels) - (x->pixels > y->pixels) : x->label - y->label;
}

/* The classes of a map, the largest first; NULL after df_fail(). */
static Part *parts_of(const uint16_t *labels, size_t total, int *n)
{
    Part *parts = df_calloc(LABELS, sizeof *parts);
    *n = 0;
    if (!parts) {
        df_fail_memory("the classes of a picture");
        return NULL;
    }
    for (size_t i = 0; i < total; i++)
        parts[labels[i]].pixels++;
    for (int label = 0; label < LABELS; label++)
        if (parts[label].pixels)
            parts[(*n)++] = (Part){ label, parts[label].pixels };
    qsort(parts, (size_t)*n, sizeof *parts, by_pixels);
    return parts;
}

static void print_parts(const CliSegmentOutput *o, const char *path, const Part *parts, int n, size_t total)
{
    for (int i = 0; i < n; i++) {
        cli_put_name(stdout, path);
        fputc('\t', stdout);
        cli_put_name(stdout, df_detector_class_name(o->detector, parts[i].label));
        printf("\t%zu\t%.4f\n", parts[i].pixels, (double)parts[i].pixels / (double)total);
    }
}

static void write_parts(const CliSegmentOutput *o, const DfSample *sample, const Part *parts, int n)
{
    const DfView *view = &sample->views.view[0];
    df_textbuf_add(o->json, "%s{\"image\": ", o->json->n > 1 ? ",\n" : "\n");
    df_textbuf_json(o->json, sample->path);
    df_textbuf_add(o->json, ", \"height\": %d, \"width\": %d", view->meta.ori_h, view->meta.ori_w);
    cli_write_precision(o->json, o->detector);
    df_textbuf_add(o->json, ", \"classes\": [");
    for (int i = 0; i < n; i++) {
        df_textbuf_add(o->json, "%s{\"id\": %d, \"name\": ", i ? ", " : "", parts[i].label);
        df_textbuf_json(o->json, df_detector_class_name(o->detector, parts[i].label));
        df_textbuf_add(o->json, ", \"pixels\": %zu}", parts[i].pixels);
    }
    df_textbuf_add(o->json, "]}");
}

/* DIR/NAME.jpg is the overlay, DIR/labels/NAME.png the map. */
static int draw(DfSample *sample, const uint16_t *labels, const CliSegmentOutput *o)
{
    const char *name = cli_name_of(sample->path);
    const size_t length = cli_stem_length(name);
    char *overlay;
    char *folder = df_path_join(o->out_dir, "labels");
    char *stem = df_malloc(length + 1);
    int error = df_path_below(&overlay, o->out_dir, name);
    if (error == DF_OK && (!folder || !stem))
        error = df_fail_memory("a path");
    if (error == DF_OK) {
        memcpy(stem, name, length);
        stem[length] = 0;
        error = df_label_map_write(folder, stem, labels, sample->image.height, sample->image.width, o->first);
    }
    if (error == DF_OK)
        error = df_draw_classes(&sample->image, labels, df_detector_class_names(o->detector), (float)o->opacity);
    if (error == DF_OK)
        error = df_image_write(&sample->image, overlay, o->quality);
    df_free(overlay);
    df_free(folder);
    df_free(stem);
    return error;
}

int cli_give_segments(DfSample *sample, const uint16_t *labels, const CliSegmentOutput *o)
{
    const size_t total = (size_t)sample->views.view[0].meta.ori_h * (size_t)sample->views.view[0].meta.ori_w;
    int n, error = DF_OK;
    Part *parts = parts_of(labels, total, &n);
    if (!parts)
        return DF_ENOMEM;
    if (o->prints)
        print_parts(o, sample->path, parts, n, total);
    if (o->json)
        write_parts(o, sample, parts, n);
    if (o->out_dir)
        error = draw(sample, labels, o);
    df_free(parts);
    return error;
}
