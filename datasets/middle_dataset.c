/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/middle_dataset.c -- mmdet's CustomDataset (its "middle format"): a list of pictures, each with arrays of
 * boxes and labels.
 *     [{"filename": "a.jpg", "width": 1280, "height": 720,
 *       "ann": {"bboxes": [[x1, y1, x2, y2], ..], "labels": [0, ..],
 *               "bboxes_ignore": [..], "labels_ignore": [..]}}, ..]
 * Ignored boxes become crowds, which are neither learnt nor counted as missed. Coordinates are float32, as in mmdet.
 */
#include <math.h>
#include <string.h>

#include "datasets/gather.h"
#include "datasets/image/image_file.h"
#include "datasets/object_types.h"

/* Numbers of one key. */
typedef struct {
    double *v;
    size_t n, capacity;
} Numbers;

enum { BOXES, LABELS, IGNORED, IGNORED_LABELS, LISTS };
static const char *const list_names[LISTS] = { "bboxes", "labels", "bboxes_ignore", "labels_ignore" };

/* One picture as it is read. */
typedef struct {
    char name[4096];
    double height, width;
    Numbers list[LISTS];
} Picture;

static int add(Numbers *to, double x)
{
    if (!df_grow((void **)&to->v, &to->capacity, to->n, sizeof *to->v))
        return df_fail_memory("a dataset");
    to->v[to->n++] = x;
    return DF_OK;
}

static int wrong(const DfJson *json, const char *key, const char *want)
{
    if (df_json_error(json) < 0)
        return df_json_error(json);
    return df_json_fail(json, DF_EFORMAT, "\"%s\": want %s", key, want);
}

/* [..] or [[..], ..], all numbers in a row. */
static int read_numbers(DfJson *json, const char *key, Numbers *to)
{
    DfJsonValue v;
    int depth = 0;
    to->n = 0;
    do {
        const DfJsonEvent event = df_json_next(json, &v);
        int error = DF_OK;
        if (event == DF_JSON_ARRAY && depth < 2)
            depth++;
        else if (event == DF_JSON_CLOSE)
            depth--;
        else if (event == DF_JSON_NUMBER && depth > 0)
            error = add(to, v.number);
        else
            return wrong(json, key, "a list of numbers, or of lists of four");
        if (error < 0)
            return error;
    } while (depth > 0);
    return DF_OK;
}

static int read_arrays(DfJson *json, Picture *p)
{
    DfJsonValue v;
    DfJsonEvent event = df_json_next(json, &v);
    int error = event == DF_JSON_OBJECT ? DF_OK : wrong(json, "ann", "an object with bboxes and labels");
    while (error == DF_OK && (event = df_json_next(json, &v)) == DF_JSON_KEY) {
        int k = 0;
        while (k < LISTS && strcmp(list_names[k], v.text) != 0)
            k++;
        error = k < LISTS ? read_numbers(json, list_names[k], &p->list[k]) : df_json_skip(json);
    }
    return error == DF_OK && event == DF_JSON_ERROR ? df_json_error(json) : error;
}

static int read_name(DfJson *json, Picture *p)
{
    DfJsonValue v;
    if (df_json_next(json, &v) != DF_JSON_TEXT || v.length == 0 || v.length >= sizeof p->name ||
        strlen(v.text) != v.length)
        return wrong(json, "filename", "a name of less than 4096 bytes");
    memcpy(p->name, v.text, v.length + 1);
    return DF_OK;
}

static int read_side(DfJson *json, const char *key, double *side)
{
    DfJsonValue v;
    const bool number = df_json_next(json, &v) == DF_JSON_NUMBER;
    *side = number ? v.number : -1;
    return number && *side >= 0 && *side <= DF_IMAGE_MAX_SIDE ? DF_OK : wrong(json, key, "a number of pixels");
}

static int read_picture(DfJson *json, Picture *p)
{
    DfJsonValue v;
    DfJsonEvent event;
    int error = DF_OK;
    p->name[0] = 0;
    p->height = p->width = 0;
    for (int k = 0; k < LISTS; k++)
        p->list[k].n = 0;
    while (error == DF_OK && (event = df_json_next(json, &v)) == DF_JSON_KEY) {
        if (strcmp(v.text, "filename") == 0)
            error = read_name(json, p);
        else if (strcmp(v.text, "height") == 0)
            error = read_side(json, "height", &p->height);
        else if (strcmp(v.text, "width") == 0)
            error = read_side(json, "width", &p->width);
        else if (strcmp(v.text, "ann") == 0)
            error = read_arrays(json, p);
        else
            error = df_json_skip(json);
    }
    if (error == DF_OK && event != DF_JSON_CLOSE)
        return wrong(json, "filename", "an object for each picture");
    return error == DF_OK && !p->name[0] ? df_json_fail(json, DF_EFORMAT, "a picture without \"filename\"") : error;
}

/* Boxes with their labels, or those that are ignored. */
static int add_boxes(DfGather *g, const DfJson *json, const Picture *p, int which, int n_classes)
{
    const Numbers *boxes = &p->list[which];
    const Numbers *labels = &p->list[which + 1];
    int error = DF_OK;
    if (boxes->n != 4 * labels->n)
        return df_json_fail(json, DF_EFORMAT, "%s: %zu numbers in \"%s\" and %zu in \"%s\": want four for each",
                            p->name, boxes->n, list_names[which], labels->n, list_names[which + 1]);
    for (size_t i = 0; error == DF_OK && i < labels->n; i++) {
        const double label = labels->v[i];
        const double x = (double)(float)boxes->v[4 * i];
        const double y = (double)(float)boxes->v[4 * i + 1];
        const double w = (double)(float)boxes->v[4 * i + 2] - x;
        const double h = (double)(float)boxes->v[4 * i + 3] - y;
        if (!(label >= 0 && label < n_classes && label == floor(label)))
            return df_json_fail(json, DF_EFORMAT, "%s: label %g: want one of %d classes, 0 to %d", p->name, label,
                                n_classes, n_classes - 1);
        if (!isfinite(x) || !isfinite(y) || !isfinite(w) || !isfinite(h))
            return df_json_fail(json, DF_EFORMAT, "%s: a box of numbers that are not finite", p->name);
        error = df_gather_box(g, &(DfCocoBox){ .label = (int)label, .crowd = which == IGNORED, .bbox = { x, y, w, h },
                                               .area = fmax(w, 0) * fmax(h, 0) });
    }
    return error;
}

static int add_picture(DfGather *g, const DfJson *json, const Picture *p, int n_classes)
{
    int error = df_gather_picture(g, p->name, (int)p->height, (int)p->width);
    if (error == DF_OK)
        error = add_boxes(g, json, p, BOXES, n_classes);
    return error == DF_OK ? add_boxes(g, json, p, IGNORED, n_classes) : error;
}

static int read_all(DfGather *g, DfJson *json, const DfObjectReading *what, Picture *p)
{
    DfJsonValue v;
    DfJsonEvent event = df_json_next(json, &v);
    int error = event == DF_JSON_ARRAY ? DF_OK : wrong(json, "", "a list of pictures: mmdet's middle format");
    for (int i = 0; error == DF_OK && i < what->n_classes; i++)
        error = df_gather_class(g, what->classes[i]) < 0 ? DF_ENOMEM : DF_OK;
    while (error == DF_OK && (event = df_json_next(json, &v)) == DF_JSON_OBJECT) {
        error = read_picture(json, p);
        if (error == DF_OK)
            error = add_picture(g, json, p, what->n_classes);
    }
    if (error == DF_OK && event != DF_JSON_CLOSE)
        error = wrong(json, "", "a list of objects, one for each picture");
    if (error == DF_OK && g->coco->n_images == 0)
        error = df_json_fail(json, DF_EFORMAT, "no picture in the list");
    if (error == DF_OK)
        error = df_gather_end(g, false);
    return error == DF_OK ? df_gather_paths(g, what->folder) : error;
}

int df_middle_dataset_read(DfCocoDataset **out, DfJson *json, const DfObjectReading *what)
{
    DfGather g = { 0 };
    *out = NULL;
    Picture *p = df_calloc(1, sizeof *p);
    DfArena *arena = df_arena_new();
    const char *path = arena ? df_arena_text(arena, "%s", df_json_name(json)) : NULL;
    int error = p && path ? df_gather_begin(&g, arena, path) : df_fail_memory("a dataset");
    if (error == DF_OK)
        error = read_all(&g, json, what, p);
    for (int k = 0; p && k < LISTS; k++)
        df_free(p->list[k].v);
    df_free(p);
    df_gather_drop(&g);
    *out = error == DF_OK ? g.coco : NULL;
    if (error < 0)
        df_arena_free(arena);
    return error;
}

int df_middle_dataset_open(DfCocoDataset **out, const DfObjectReading *what)
{
    DfJson *json;
    *out = NULL;
    if (df_ends_with(what->ann_file, ".pkl") || df_ends_with(what->ann_file, ".pickle"))
        return df_fail(DF_EVALUE,
                       "%s: a pickle can execute code: want it as .json, made by mmcv.dump(mmcv.load(PKL), JSON)",
                       what->ann_file);
    int error = df_json_open(&json, what->ann_file);
    if (error < 0)
        return error;
    error = df_middle_dataset_read(out, json, what);
    df_json_close(json);
    return error;
}
