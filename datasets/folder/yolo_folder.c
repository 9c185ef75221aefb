/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/folder/yolo_folder.c -- reads YOLO: a text file for each picture, in a folder `labels` with the structure
 * of `images`. A picture without a file has no objects.
 */
#include <stdio.h>
#include <string.h>

#include "annotations/annotations.h"
#include "datasets/dataset_config.h"
#include "datasets/folder/found.h"
#include "datasets/image/image_file.h"
#include "datasets/scan.h"

enum { TEXT_FILE = 1 << 24 };

/* Pictures and labels of one part, below the folder. */
typedef struct {
    const char *images, *labels; /* NULL: there is no such part */
} Places;

/* "images/train" and "labels/train", or "train/images" and "train/labels". */
static int find_part(DfFolder *f, const char *dir, int part, Places *out)
{
    static const char *const forms[][2] = { { "images/%s", "labels/%s" }, { "%s/images", "%s/labels" } };
    const char *const *names = part == DF_TRAINING ? df_training_names : df_validation_names;
    *out = (Places){ NULL, NULL };
    for (; !out->images && *names; names++)
        for (size_t k = 0; !out->images && k < sizeof forms / sizeof *forms; k++) {
            char images[64], labels[64];
            const size_t first = k == 0 ? strlen("images/") : 0;
            snprintf(images, sizeof images, "%.*s%s%s", (int)first, forms[k][0], *names, k ? "/images" : "");
            snprintf(labels, sizeof labels, "%.*s%s%s", (int)first, forms[k][1], *names, k ? "/labels" : "");
            if (!df_folder_has(dir, images) || !df_folder_has(dir, labels))
                continue;
            out->images = df_arena_text(f->arena, "%s", images);
            out->labels = df_arena_text(f->arena, "%s", labels);
            if (!out->images || !out->labels)
                return df_fail_memory("a path");
        }
    return DF_OK;
}

static int find_places(DfFolder *f, const char *dir, Places places[DF_PARTS])
{
    int error = find_part(f, dir, DF_TRAINING, &places[DF_TRAINING]);
    if (error == DF_OK)
        error = find_part(f, dir, DF_VALIDATION, &places[DF_VALIDATION]);
    if (error == DF_OK && !places[DF_TRAINING].images && df_folder_has(dir, "images") && df_folder_has(dir, "labels"))
        places[DF_TRAINING] = (Places){ "images", "labels" };
    return error;
}

/* ---- class names ------------------------------------------------------------------------------------------------ */

static const char *const data_files[] = { "data.yaml", "data.yml", "dataset.yaml", NULL };
static const char *const name_files[] = { "classes.txt", "obj.names", "labels/classes.txt", "names.txt", NULL };

static const char *first_file(const char *dir, const char *const *names)
{
    while (*names && !df_folder_has(dir, *names))
        names++;
    return *names;
}

static int read_yaml(DfFolder *f, const char *path, DfNames *out)
{
    char *text;
    size_t size;
    DfYoloData data;
    int error = df_file_text(&text, &size, path, TEXT_FILE);
    if (error == DF_OK) {
        error = df_yolo_read_data(&data, text, size, path, f->arena);
        df_free(text);
    }
    if (error == DF_OK)
        *out = (DfNames){ data.n, data.name };
    return error;
}

static int read_names(DfFolder *f, const char *dir, DfNames *out)
{
    const char *yaml = first_file(dir, data_files);
    const char *list = first_file(dir, name_files);
    const char *path = yaml || list ? df_folder_below(f, dir, yaml ? yaml : list) : NULL;
    *out = (DfNames){ 0 };
    if (!yaml && !list)
        return df_fail(DF_EVALUE, "%s: YOLO's labels without names: want data.yaml or classes.txt", dir);
    if (!path)
        return df_fail_memory("a path");
    return yaml ? read_yaml(f, path, out) : df_dataset_lines(out, path, f->arena);
}

/* ---- one picture ------------------------------------------------------------------------------------------------ */

typedef struct {
    DfGather *gather;
    int height, width;
} Picture;

static int polygon(const Picture *p, const DfYoloObject *object, DfObjectMask *out)
{
    DfArena *arena = p->gather->arena;
    double *xy = df_arena_alloc(arena, 2 * object->n, sizeof *xy);
    DfPolygon *polygons = df_arena_alloc(arena, 1, sizeof *polygons);
    if (!xy || !polygons)
        return df_fail_memory("the polygons of a dataset");
    for (size_t i = 0; i < object->n; i++) {
        xy[2 * i] = object->xy[2 * i] * p->width;
        xy[2 * i + 1] = object->xy[2 * i + 1] * p->height;
    }
    *polygons = (DfPolygon){ object->n, xy };
    *out = (DfObjectMask){ .form = DF_MASK_POLYGONS, .n_polygons = 1, .polygons = polygons };
    return DF_OK;
}

static int take_object(void *arg, const DfYoloObject *object)
{
    const Picture *p = arg;
    const double *b = object->box;
    DfCocoBox box = { .label = object->label };
    box.bbox[0] = (b[0] - b[2] / 2) * p->width;
    box.bbox[1] = (b[1] - b[3] / 2) * p->height;
    box.bbox[2] = b[2] * p->width;
    box.bbox[3] = b[3] * p->height;
    box.area = box.bbox[2] * box.bbox[3];
    const int error = object->n ? polygon(p, object, &box.mask) : DF_OK;
    return error == DF_OK ? df_gather_box(p->gather, &box) : error;
}

static int read_labels(Picture *p, const char *path, int classes)
{
    char *text;
    size_t size;
    const DfYoloSink sink = { .arg = p, .object = take_object };
    if (!df_file_exists(path))
        return DF_OK;
    int error = df_file_text(&text, &size, path, TEXT_FILE);
    if (error == DF_OK) {
        error = df_yolo_read_labels(text, size, path, classes, &sink);
        df_free(text);
    }
    return error;
}

static int add_picture(DfGather *g, const char *dir, const Places *places, const char *name)
{
    char labels[DF_PATH], whole[DF_PATH];
    Picture p = { .gather = g };
    const int stem = (int)(strrchr(name, '.') - name);
    if (snprintf(whole, sizeof whole, "%s/%s/%s", dir, places->images, name) >= DF_PATH ||
        snprintf(labels, sizeof labels, "%s/%s/%.*s.txt", dir, places->labels, stem, name) >= DF_PATH)
        return df_fail(DF_EVALUE, "a path of more than %d bytes", DF_PATH);
    int error = df_image_read_size(whole, &p.height, &p.width);
    if (error == DF_OK)
        error = df_gather_picture(g, name, p.height, p.width);
    return error == DF_OK ? read_labels(&p, labels, g->coco->n_classes) : error;
}

/* ---- all of it -------------------------------------------------------------------------------------------------- */

static bool is_it(const char *dir)
{
    DfFolder f = { .arena = df_arena_new() };
    Places places[DF_PARTS];
    DfScan scan;
    bool found = f.arena && find_places(&f, dir, places) == DF_OK && places[DF_TRAINING].labels;
    const char *labels = found ? df_folder_below(&f, dir, places[DF_TRAINING].labels) : NULL;
    found = labels && df_scan(&scan, labels, ".txt", f.arena) == DF_OK && scan.n > 0;
    df_arena_free(f.arena);
    return found;
}

static int read_part(DfFolder *f, const char *dir, int part, const Places *places, const DfNames *names)
{
    DfGather g;
    DfScan scan = { 0 };
    const char *pictures = df_folder_below(f, dir, places->images);
    int error = pictures ? df_gather_begin(&g, f->arena, f->dir) : df_fail_memory("a path");
    if (error < 0)
        return error;
    for (int i = 0; error == DF_OK && i < names->n; i++) {
        const int label = df_gather_class(&g, names->name[i]);
        if (label >= 0 && label != i)
            error = df_fail(DF_EVALUE, "%s: two classes are called '%s'", dir, names->name[i]);
        error = label < 0 ? label : error;
    }
    if (error == DF_OK)
        error = df_scan(&scan, pictures, "", f->arena);
    df_scan_keep_pictures(&scan);
    for (int i = 0; error == DF_OK && i < scan.n; i++)
        error = add_picture(&g, dir, places, scan.name[i]);
    if (error == DF_OK && scan.n == 0)
        error = df_fail(DF_EVALUE, "%s: no picture in it (" DF_IMAGE_FORMATS ")", pictures);
    if (error == DF_OK)
        error = df_gather_end(&g, false);
    df_gather_drop(&g);
    if (error == DF_OK)
        error = df_folder_take(f, part, g.coco, pictures, NULL);
    return error;
}

static int read_all(DfFolder *f, const char *dir)
{
    Places places[DF_PARTS];
    DfNames names;
    int error = find_places(f, dir, places);
    if (error == DF_OK)
        error = read_names(f, dir, &names);
    for (int part = 0; error == DF_OK && part < DF_PARTS; part++)
        if (places[part].images)
            error = read_part(f, dir, part, &places[part], &names);
    if (error == DF_OK)
        f->classes = (DfClasses){ .n = names.n, .name = names.name };
    return error;
}

const DfFolderKind df_folder_yolo = {
    .form = DF_FOLDER_YOLO,
    .learning = DF_LEARN_OBJECTS,
    .words = "YOLO's format",
    .is_it = is_it,
    .read = read_all,
    .settings = df_folder_object_settings,
};
