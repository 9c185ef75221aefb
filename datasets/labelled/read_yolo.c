/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/labelled/read_yolo.c -- reads YOLO: one text file for each picture, with the same name in a folder
 * `labels`. Relative coordinates become pixels, rounded to a millionth.
 */
#include <string.h>

#include "datasets/image/image_file.h"
#include "datasets/labelled/private.h"
#include "datasets/scan.h"

enum { TEXT_FILE = 1 << 24 };

static const char *const label_folders[] = { "labels", NULL };
static const char *const data_files[] = { "data.yaml", "data.yml", "dataset.yaml", NULL };
static const char *const name_files[] = { "classes.txt", "obj.names", "labels/classes.txt", "names.txt", NULL };

/* ---- classes ----------------------------------------------------------------------------------------------------- */

static int read_yaml(const DfLabelled *set, const char *path, DfYoloData *data)
{
    char *text;
    size_t size;
    int error = df_file_text(&text, &size, path, TEXT_FILE);
    if (error < 0)
        return error;
    error = df_labelled_note(set, path);
    if (error == DF_OK)
        error = df_yolo_read_data(data, text, size, path, set->arena);
    df_free(text);
    return error;
}

static int read_names(const DfLabelled *set, const char *dir, DfYoloData *data)
{
    const char *yaml = df_labelled_first_file(dir, data_files);
    const char *list = df_labelled_first_file(dir, name_files);
    const char *path = yaml || list ? df_labelled_below(set, dir, yaml ? yaml : list) : NULL;
    DfLabelledNames lines;
    *data = (DfYoloData){ 0 };
    if (!yaml && !list)
        return df_fail(DF_EVALUE, "%s: YOLO's labels without names: want data.yaml or classes.txt", dir);
    if (!path || yaml)
        return path ? read_yaml(set, path, data) : DF_ENOMEM;
    const int error = df_labelled_lines(&lines, set, path);
    data->n = lines.n;
    data->name = lines.name;
    return error;
}

static int add_classes(DfLabelled *set, const char *dir, const DfYoloData *data)
{
    for (int i = 0; i < data->n; i++) {
        if (df_labelled_find_class(set, data->name[i]) >= 0)
            return df_fail(DF_EVALUE, "%s: two classes are called '%s'", dir, data->name[i]);
        const int label = df_labelled_add_class(set, &(DfLabelledClass){ { i + 1, NULL }, data->name[i], "" });
        if (label < 0)
            return label;
    }
    return DF_OK;
}

/* ---- one picture ------------------------------------------------------------------------------------------------- */

typedef struct {
    DfLabelled *set;
    int picture;
    const DfYoloData *data;
    double width, height;
    DfTextbuf rest;
} Picture;

static double pixels(double share, double side)
{
    return df_labelled_rounded(share * side);
}

static int take_polygon(const Picture *p, const DfYoloObject *object, DfLabelledObject *o)
{
    DfPolygon whole = { object->n, df_arena_alloc(p->set->arena, 2 * object->n, sizeof(double)) };
    if (!whole.xy)
        return df_fail_memory("polygons");
    for (size_t i = 0; i < 2 * object->n; i++)
        whole.xy[i] = pixels(object->xy[i], i % 2 ? p->height : p->width);
    const int error = df_polygons_part(&o->mask.polygons, &o->mask.n_polygons, &whole, p->set->arena);
    o->mask.form = DF_MASK_POLYGONS;
    o->has_box = df_labelled_mask_box(&o->mask, o->box);
    o->area = df_labelled_polygon_area(&o->mask);
    return error;
}

/* "keypoints": [x, y, 2, ...], "num_keypoints": 1, as COCO has them */
static void put_keypoints(Picture *p, const DfYoloObject *object)
{
    int seen = 0;
    p->rest.n = 0;
    df_textbuf_add(&p->rest, "\"keypoints\": [");
    for (int i = 0; i < p->data->keypoints; i++) {
        const double *at = object->keypoints + i * p->data->dims;
        const bool there = at[0] != 0 || at[1] != 0;
        const double visible = p->data->dims == 3 ? at[2] : 2 * there;
        df_textbuf_add(&p->rest, "%s", i ? ", " : "");
        df_textbuf_shortest(&p->rest, pixels(at[0], p->width));
        df_textbuf_add(&p->rest, ", ");
        df_textbuf_shortest(&p->rest, pixels(at[1], p->height));
        df_textbuf_add(&p->rest, ", ");
        df_textbuf_shortest(&p->rest, visible);
        seen += visible > 0;
    }
    df_textbuf_add(&p->rest, "], \"num_keypoints\": %d", seen);
}

static int take_object(void *arg, const DfYoloObject *object)
{
    Picture *p = arg;
    const double *b = object->box;
    DfLabelledObject o = { .picture = p->picture, .label = object->label, .has_box = true };
    o.id.number = (int64_t)p->set->n_objects + 1;
    int error = DF_OK;
    if (object->n) {
        error = take_polygon(p, object, &o);
    } else {
        o.box[0] = pixels(b[0] - b[2] / 2, p->width);
        o.box[1] = pixels(b[1] - b[3] / 2, p->height);
        o.box[2] = pixels(b[2], p->width);
        o.box[3] = pixels(b[3], p->height);
        o.area = df_labelled_rounded(o.box[2] * o.box[3]);
    }
    if (error == DF_OK && object->keypoints) {
        put_keypoints(p, object);
        o.rest = p->rest.failed ? NULL : p->rest.at;
    }
    return error == DF_OK ? df_labelled_add_object(p->set, &o) : error;
}

static int read_labels(DfLabelled *set, int picture, const char *path, const DfYoloData *data)
{
    char *text;
    size_t size;
    Picture p = { .set = set, .picture = picture, .data = data };
    p.width = set->pictures[picture].width;
    p.height = set->pictures[picture].height;
    const DfYoloSink sink = { .arg = &p, .object = take_object, .keypoints = data->keypoints, .dims = data->dims };
    if (!df_file_exists(path))
        return DF_OK;
    int error = df_file_text(&text, &size, path, TEXT_FILE);
    if (error < 0)
        return error;
    error = df_labelled_note(set, path);
    if (error == DF_OK)
        error = df_yolo_read_labels(text, size, path, data->n, &sink);
    df_free(text);
    df_free(p.rest.at);
    return error;
}

/* ---- a folder ---------------------------------------------------------------------------------------------------- */

static int add_picture(DfLabelled *set, int part, const char *name, const char *labels, const DfYoloData *data)
{
    DfLabelledPicture picture = { .name = name, .part = part };
    picture.id.number = set->n_pictures + 1;
    const int stem = (int)(strrchr(name, '.') - name);
    const char *path = df_arena_text(set->arena, "%s/%.*s.txt", labels, stem, name);
    const int i = path ? df_labelled_add_picture(set, &picture) : df_fail_memory("a path");
    int error = i < 0 ? i : df_labelled_size(set, i, &set->pictures[i].height, &set->pictures[i].width);
    return error == DF_OK ? read_labels(set, i, path, data) : error;
}

static int read_part(DfLabelled *set, const DfLabelledPlace *place, const char *told, const DfYoloData *data)
{
    DfScan scan = { 0 };
    const char *pictures = told ? told : place->pictures;
    const int part = df_labelled_add_part(set, place->part);
    if (part < 0)
        return part;
    if (!pictures)
        return df_fail(DF_EVALUE, "%s: where its pictures are is not known, and YOLO's numbers are shares of their "
                       "sides: want --images DIR", place->labels);
    if (told && place->part[0]) { /* a folder for each part, or one for all */
        const char *below = df_labelled_below(set, told, place->part);
        pictures = below && df_is_directory(below) ? below : told;
    }
    set->parts[part].pictures = df_labelled_below(set, pictures, "");
    int error = set->parts[part].pictures ? df_scan(&scan, pictures, "", set->arena) : DF_ENOMEM;
    df_scan_keep_pictures(&scan);
    for (int i = 0; error == DF_OK && i < scan.n; i++)
        error = add_picture(set, part, scan.name[i], place->labels, data);
    return error;
}

/* Pictures and labels side by side, as darknet has them. */
static int beside(const DfLabelled *set, const char *dir, DfLabelledPlace **places, int *n)
{
    DfLabelledNames names;
    if (!df_labelled_first_file(dir, name_files) && !df_labelled_first_file(dir, data_files))
        return DF_OK;
    int error = df_labelled_list_files(&names, set, dir, ".txt");
    for (int i = 0; error == DF_OK && i < names.n && !*n; i++) {
        const char *stem = df_arena_copy(set->arena, names.name[i], strlen(names.name[i]) - strlen(".txt"));
        const char *path = stem ? df_arena_text(set->arena, "%s/%s.jpg", dir, stem) : NULL;
        const char *other = stem ? df_arena_text(set->arena, "%s/%s.png", dir, stem) : NULL;
        if (!path || !other)
            return df_fail_memory("a path");
        *n = df_is_file(path) || df_is_file(other);
    }
    if (*n)
        **places = (DfLabelledPlace){ "", dir, dir };
    return error;
}

static int find_places(const DfLabelled *set, const char *dir, DfLabelledPlace **places, int *n)
{
    const int error = df_labelled_places(set, dir, label_folders, ".txt", places, n);
    return error == DF_OK && *n == 0 ? beside(set, dir, places, n) : error;
}

static bool is_it(const DfLabelled *set, const char *dir)
{
    DfLabelledPlace *places;
    int n;
    const int error = find_places(set, dir, &places, &n);
    return error == DF_ENOMEM || (error == DF_OK && n > 0);
}

static int read_folder(DfLabelled *set, const char *dir, const DfLabelledSource *source)
{
    DfYoloData data;
    DfLabelledPlace *places;
    int n = 0;
    set->form = DF_LABELLED_YOLO;
    int error = find_places(set, dir, &places, &n);
    if (error == DF_OK && n == 0)
        error = df_fail(DF_EVALUE, "%s: no folder of labels with YOLO's text files in it", dir);
    if (error == DF_OK)
        error = read_names(set, dir, &data);
    if (error == DF_OK)
        error = add_classes(set, dir, &data);
    for (int i = 0; error == DF_OK && i < n; i++)
        error = read_part(set, &places[i], source->pictures, &data);
    return error;
}

const DfLabelledReader df_labelled_read_yolo = { DF_LABELLED_YOLO, is_it, read_folder };
