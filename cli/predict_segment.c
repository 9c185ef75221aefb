/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/predict_segment.c -- deformer predict of a segmentor: one picture's classes as lines, as JSON, as an overlay with a legend and
 * as a label map.
 */
#include <stdlib.h>
#include <string.h>

#include "cli/segmentor.h"

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

static const char *name_of(const CliSegmentOutput *o, int label, char number[16])
{
    snprintf(number, 16, "%d", label);
    return label < o->classes.n ? o->classes.name[label] : number;
}

static void print_parts(const CliSegmentOutput *o, const char *path, const Part *parts, int n, size_t total)
{
    char number[16];
    for (int i = 0; i < n; i++)
        printf("%s\t%s\t%zu\t%.4f\n", path, name_of(o, parts[i].label, number), parts[i].pixels, (double)parts[i].pixels / (double)total);
}

static void write_text(FILE *json, const char *text)
{
    fputc('"', json);
    for (const char *p = text; *p; p++)
        fprintf(json, *p == '"' || *p == '\\' ? "\\%c" : (unsigned char)*p < 32 ? "\\u%04x" : "%c", (unsigned char)*p);
    fputc('"', json);
}

static void write_parts(const CliSegmentOutput *o, const DfSample *sample, const Part *parts, int n)
{
    char number[16];
    const DfView *view = &sample->views.view[0];
    fprintf(o->json, "%s{\"image\": ", ftell(o->json) > 1 ? ",\n" : "\n");
    write_text(o->json, sample->path);
    fprintf(o->json, ", \"height\": %d, \"width\": %d, \"classes\": [", view->ori_height, view->ori_width);
    for (int i = 0; i < n; i++) {
        fprintf(o->json, "%s{\"id\": %d, \"name\": ", i ? ", " : "", parts[i].label);
        write_text(o->json, name_of(o, parts[i].label, number));
        fprintf(o->json, ", \"pixels\": %zu}", parts[i].pixels);
    }
    fprintf(o->json, "]}");
}

/* DIR/NAME.jpg is the overlay, DIR/labels/NAME.png the map. */
static int draw(DfSample *sample, const uint16_t *labels, const CliSegmentOutput *o)
{
    const char *slash = strrchr(sample->path, '/'), *name = slash ? slash + 1 : sample->path, *dot = strrchr(name, '.');
    const size_t length = dot ? (size_t)(dot - name) : strlen(name);
    char *overlay = cli_join(o->out_dir, name), *folder = cli_join(o->out_dir, "labels"), *stem = df_malloc(length + 1);
    int error = overlay && folder && stem ? DF_OK : df_fail_memory("a path");
    if (error == DF_OK) {
        memcpy(stem, name, length);
        stem[length] = 0;
        error = cli_write_classes(folder, stem, labels, sample->image.height, sample->image.width, o->first);
    }
    if (error == DF_OK)
        error = df_draw_classes(&sample->image, labels, &o->classes, (float)o->opacity);
    if (error == DF_OK)
        error = df_image_write(&sample->image, overlay, o->quality);
    df_free(overlay);
    df_free(folder);
    df_free(stem);
    return error;
}

int cli_predict_segments(CliSession *s, DfSample *sample, const CliSegmentOutput *o)
{
    uint16_t *labels;
    int n, error = cli_segment(s, sample, &labels);
    if (error < 0)
        return error;
    const size_t total = (size_t)sample->views.view[0].ori_height * (size_t)sample->views.view[0].ori_width;
    Part *parts = parts_of(labels, total, &n);
    error = parts ? DF_OK : DF_ENOMEM;
    if (parts && o->prints)
        print_parts(o, sample->path, parts, n, total);
    if (parts && o->json)
        write_parts(o, sample, parts, n);
    if (parts && o->out_dir)
        error = draw(sample, labels, o);
    df_free(parts);
    df_free(labels);
    return error;
}

int cli_class_names(const CliSession *s, DfArena *arena, DfClasses *out)
{
    const DfNode *dataset = df_node_at(s->root, "data.test");
    const int n = df_model_classes(s->model);
    const int error = dataset ? df_segmentation_classes(out, dataset, arena) : DF_OK;
    if (!dataset)
        *out = n == DF_ADE_CLASSES ? (DfClasses){ n, df_ade_classes, df_ade_palette } : (DfClasses){ 0 };
    if (error == DF_OK && out->n != n)
        *out = (DfClasses){ 0 };
    return error;
}
