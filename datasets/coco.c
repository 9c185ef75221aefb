/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/coco.c -- reads a COCO annotation file as a stream: images, categories and boxes; polygons are passed over.
 * Lin et al., ECCV 2014; the order of images and labels follows pycocotools and mmdet 2.x.
 */
#include "datasets/coco.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* ---- records of the file, field by field ----------------------------------------------------------------------- */

typedef enum { INTEGER, SIZE, NUMBER, TEXT, BOX, FLAG } Kind;

typedef struct {
    const char *name;
    Kind kind;
    size_t offset;
    bool required;
} Field;

static const Field image_fields[] = {
    { "id", INTEGER, offsetof(DfCocoImage, id), true },
    { "file_name", TEXT, offsetof(DfCocoImage, file_name), true },
    { "height", SIZE, offsetof(DfCocoImage, height), false },
    { "width", SIZE, offsetof(DfCocoImage, width), false },
    { NULL, INTEGER, 0, false },
};

static const Field category_fields[] = {
    { "id", INTEGER, offsetof(DfCocoCategory, id), true },
    { "name", TEXT, offsetof(DfCocoCategory, name), true },
    { NULL, INTEGER, 0, false },
};

static const Field box_fields[] = {
    { "id", INTEGER, offsetof(DfCocoBox, id), true },
    { "image_id", INTEGER, offsetof(DfCocoBox, image_id), true },
    { "category_id", INTEGER, offsetof(DfCocoBox, category_id), true },
    { "bbox", BOX, offsetof(DfCocoBox, bbox), true },
    { "area", NUMBER, offsetof(DfCocoBox, area), false },
    { "iscrowd", FLAG, offsetof(DfCocoBox, crowd), false },
    { "ignore", FLAG, offsetof(DfCocoBox, ignore), false },
    { NULL, INTEGER, 0, false },
};

typedef struct {
    DfJson *json;
    DfArena *arena;
} Source;

static int wrong(const Source *s, const Field *field, const char *want)
{
    return df_json_fail(s->json, DF_EFORMAT, "\"%s\": want %s", field->name, want);
}

static int read_box(const Source *s, const Field *field, DfJsonEvent event, double box[4])
{
    DfJsonValue value;
    if (event != DF_JSON_ARRAY)
        return wrong(s, field, "a list of four numbers: x, y, width, height");
    for (int i = 0; i < 5; i++) {
        if ((event = df_json_next(s->json, &value)) == DF_JSON_ERROR)
            return DF_EFORMAT;
        if (event != (i < 4 ? DF_JSON_NUMBER : DF_JSON_CLOSE))
            return wrong(s, field, "a list of four numbers: x, y, width, height");
        if (i < 4)
            box[i] = value.number;
    }
    return DF_OK;
}

static int read_text(const Source *s, const Field *field, DfJsonEvent event, const DfJsonValue *value, void *out)
{
    if (event != DF_JSON_TEXT || value->length == 0 || memchr(value->text, 0, value->length))
        return wrong(s, field, "a string");
    const char *copy = df_arena_copy(s->arena, value->text, value->length);
    if (!copy)
        return df_fail_memory("names of a dataset");
    memcpy(out, &copy, sizeof copy);
    return DF_OK;
}

static int read_flag(const Source *s, const Field *field, DfJsonEvent event, const DfJsonValue *value, bool *out)
{
    if (event != DF_JSON_TRUE && event != DF_JSON_FALSE && event != DF_JSON_NUMBER)
        return wrong(s, field, "0 or 1");
    *out = event == DF_JSON_TRUE || (event == DF_JSON_NUMBER && value->number != 0.0);
    return DF_OK;
}

static int read_field(const Source *s, const Field *field, char *record)
{
    DfJsonValue value;
    const DfJsonEvent event = df_json_next(s->json, &value);
    void *out = record + field->offset;
    if (event == DF_JSON_ERROR)
        return DF_EFORMAT;
    switch (field->kind) {
    case INTEGER:
        if (event != DF_JSON_NUMBER || !value.is_integer)
            return wrong(s, field, "an integer");
        *(int64_t *)out = value.integer;
        return DF_OK;
    case SIZE:
        if (event != DF_JSON_NUMBER || !value.is_integer || value.integer < 0 || value.integer > INT_MAX)
            return wrong(s, field, "a number of pixels");
        *(int *)out = (int)value.integer;
        return DF_OK;
    case NUMBER:
        if (event != DF_JSON_NUMBER)
            return wrong(s, field, "a number");
        *(double *)out = value.number;
        return DF_OK;
    case TEXT: return read_text(s, field, event, &value, out);
    case BOX: return read_box(s, field, event, out);
    case FLAG: return read_flag(s, field, event, &value, out);
    }
    return DF_OK;
}

/* The fields of one object, after its '{'; others are passed over. */
static int read_record(const Source *s, const Field *fields, void *record)
{
    DfJsonValue value;
    DfJsonEvent event;
    unsigned seen = 0;
    int error = DF_OK;
    while ((event = df_json_next(s->json, &value)) == DF_JSON_KEY && error == DF_OK) {
        int i = 0;
        while (fields[i].name && strcmp(fields[i].name, value.text) != 0)
            i++;
        if (fields[i].name) {
            seen |= 1u << i;
            error = read_field(s, &fields[i], record);
        } else {
            error = df_json_skip(s->json);
        }
    }
    if (error < 0 || event == DF_JSON_ERROR)
        return error < 0 ? error : DF_EFORMAT;
    for (int i = 0; fields[i].name; i++)
        if (fields[i].required && !(seen & 1u << i))
            return df_json_fail(s->json, DF_EFORMAT, "the object has no \"%s\"", fields[i].name);
    return DF_OK;
}

/* ---- the file -------------------------------------------------------------------------------------------------- */

typedef struct {
    void *v;
    size_t n, capacity, size; /* of an element */
    const Field *fields;
} List;

static int read_list(const Source *s, List *list, const char *name)
{
    DfJsonValue value;
    DfJsonEvent event = df_json_next(s->json, &value);
    if (event != DF_JSON_ARRAY)
        return event == DF_JSON_ERROR ? DF_EFORMAT : df_json_fail(s->json, DF_EFORMAT, "\"%s\": want a list", name);
    while ((event = df_json_next(s->json, &value)) == DF_JSON_OBJECT) {
        if (list->n >= INT_MAX / 2 || !df_grow(&list->v, &list->capacity, list->n, list->size))
            return df_fail_memory("a dataset");
        char *record = (char *)list->v + list->n * list->size;
        memset(record, 0, list->size);
        const int error = read_record(s, list->fields, record);
        if (error < 0)
            return error;
        list->n++;
    }
    if (event == DF_JSON_CLOSE)
        return DF_OK;
    return event == DF_JSON_ERROR ? DF_EFORMAT : df_json_fail(s->json, DF_EFORMAT, "\"%s\": want a list of objects", name);
}

typedef struct {
    List images, boxes, categories;
} Lists;

static int read_file(const Source *s, Lists *lists)
{
    DfJsonValue value;
    DfJsonEvent event = df_json_next(s->json, &value);
    if (event != DF_JSON_OBJECT)
        return event == DF_JSON_ERROR ? DF_EFORMAT : df_json_fail(s->json, DF_EFORMAT, "want an object with \"images\", \"annotations\" and \"categories\"");
    int error = DF_OK;
    while (error == DF_OK && (event = df_json_next(s->json, &value)) == DF_JSON_KEY) {
        if (strcmp(value.text, "images") == 0)
            error = read_list(s, &lists->images, "images");
        else if (strcmp(value.text, "annotations") == 0)
            error = read_list(s, &lists->boxes, "annotations");
        else if (strcmp(value.text, "categories") == 0)
            error = read_list(s, &lists->categories, "categories");
        else
            error = df_json_skip(s->json);
    }
    if (error < 0)
        return error;
    if (event == DF_JSON_ERROR || df_json_next(s->json, &value) == DF_JSON_ERROR)
        return DF_EFORMAT;
    return lists->images.n ? DF_OK : df_json_fail(s->json, DF_EFORMAT, "no \"images\": want a COCO annotation file");
}

/* ---- who belongs to whom --------------------------------------------------------------------------------------- */

typedef struct {
    int64_t id;
    int at;
} Key;

static int by_id(const void *a, const void *b)
{
    const int64_t x = ((const Key *)a)->id, y = ((const Key *)b)->id;
    return x < y ? -1 : x > y;
}

static int image_keys(const DfCocoDataset *coco, Key **out)
{
    Key *keys = df_malloc((size_t)coco->n_images * sizeof *keys);
    if (!keys)
        return df_fail_memory("a dataset");
    for (int i = 0; i < coco->n_images; i++)
        keys[i] = (Key){ coco->images[i].id, i };
    qsort(keys, (size_t)coco->n_images, sizeof *keys, by_id);
    *out = keys;
    for (int i = 1; i < coco->n_images; i++)
        if (keys[i].id == keys[i - 1].id)
            return df_fail(DF_EFORMAT, "%s: two images have the id %lld", coco->path, (long long)keys[i].id);
    return DF_OK;
}

static int label_of(const DfCocoDataset *coco, int64_t category)
{
    for (int i = 0; i < coco->n_categories; i++)
        if (coco->categories[i].id == category)
            return coco->categories[i].label;
    return -1;
}

/* Sorts the boxes by image, in the order of the file otherwise. Boxes of unlisted images are dropped: pycocotools never
 * looks at them. */
static int group_boxes(DfCocoDataset *coco, const DfCocoBox *boxes, size_t n)
{
    Key *keys = NULL;
    int *image = df_malloc(n * sizeof *image), error;
    coco->boxes = df_arena_alloc(coco->arena, n, sizeof *coco->boxes);
    if (!image || !coco->boxes) {
        error = df_fail_memory("a dataset");
        goto done;
    }
    if ((error = image_keys(coco, &keys)) < 0)
        goto done;
    for (size_t i = 0; i < n; i++) {
        const Key wanted = { boxes[i].image_id, 0 };
        const Key *found = bsearch(&wanted, keys, (size_t)coco->n_images, sizeof wanted, by_id);
        image[i] = found ? found->at : -1;
        if (found)
            coco->images[found->at].n++;
    }
    for (int i = 0; i < coco->n_images; i++) {
        coco->images[i].first = coco->n_boxes;
        coco->n_boxes += coco->images[i].n;
        coco->images[i].n = 0;
    }
    for (size_t i = 0; i < n; i++)
        if (image[i] >= 0) {
            DfCocoImage *owner = &coco->images[image[i]];
            DfCocoBox *box = &coco->boxes[owner->first + owner->n++];
            *box = boxes[i];
            box->label = label_of(coco, box->category_id);
        }
done:
    df_free(keys);
    df_free(image);
    return error;
}

static int find_name(const char *const *names, int n, const char *name)
{
    for (int i = 0; i < n; i++)
        if (strcmp(names[i], name) == 0)
            return i;
    return -1;
}

static int missing_class(const DfCocoDataset *coco, const char *name)
{
    const char **names = df_arena_alloc(coco->arena, (size_t)coco->n_categories + 1, sizeof *names);
    for (int i = 0; names && i < coco->n_categories; i++)
        names[i] = coco->categories[i].name;
    const char *near = names ? df_nearest_name(name, names, (size_t)coco->n_categories) : NULL;
    return df_fail(DF_EVALUE, "%s: none of its %d categories is called '%s', a class of the config%s%s%s", coco->path, coco->n_categories, name,
        near ? " (nearest: '" : "", near ? near : "", near ? "')" : "");
}

/* mmdet asks pycocotools for the ids of the categories with these names, which come in the order of the file. */
static int number_labels(DfCocoDataset *coco, const char *const *classes, int n, bool strict)
{
    coco->classes = df_arena_alloc(coco->arena, (size_t)n, sizeof *coco->classes);
    coco->category_ids = df_arena_alloc(coco->arena, (size_t)n, sizeof *coco->category_ids);
    if (!coco->classes || !coco->category_ids)
        return df_fail_memory("class names");
    for (int i = 0; i < coco->n_categories; i++) {
        DfCocoCategory *category = &coco->categories[i];
        const bool known = find_name(classes, n, category->name) >= 0;
        if (!known && strict)
            return df_fail(DF_EVALUE, "%s: the category '%s' is not one of the %d classes of COCO: want the names of this dataset as "
                "`classes` in the config", coco->path, category->name, n);
        if (known && find_name(coco->classes, coco->n_classes, category->name) >= 0)
            return df_fail(DF_EFORMAT, "%s: two categories are called '%s'", coco->path, category->name);
        category->label = known ? coco->n_classes : -1;
        if (known) {
            coco->classes[coco->n_classes] = category->name;
            coco->category_ids[coco->n_classes++] = category->id;
        }
    }
    for (int i = 0; i < n; i++)
        if (find_name(coco->classes, coco->n_classes, classes[i]) < 0)
            return missing_class(coco, classes[i]);
    return DF_OK;
}

static int picture_paths(DfCocoDataset *coco, const char *folder)
{
    const char *slash = folder[0] && !df_ends_with(folder, "/") ? "/" : "";
    coco->picture = df_arena_alloc(coco->arena, (size_t)coco->n_images, sizeof *coco->picture);
    for (int i = 0; coco->picture && i < coco->n_images; i++) {
        const char *name = coco->images[i].file_name;
        coco->picture[i] = name[0] == '/' ? name : df_arena_text(coco->arena, "%s%s%s", folder, slash, name);
        if (!coco->picture[i])
            return df_fail_memory("paths of pictures");
    }
    return coco->picture ? DF_OK : df_fail_memory("paths of pictures");
}

/* ---- all of it ------------------------------------------------------------------------------------------------- */

static void *kept(DfArena *arena, const List *list)
{
    void *copy = df_arena_alloc(arena, list->n + 1, list->size);
    if (copy && list->n)
        memcpy(copy, list->v, list->n * list->size);
    return copy;
}

static int assemble(DfCocoDataset *coco, const Lists *lists, const char *folder, const char *const *classes, int n)
{
    const bool strict = n == 0;
    coco->n_images = (int)lists->images.n;
    coco->n_categories = (int)lists->categories.n;
    coco->images = kept(coco->arena, &lists->images);
    coco->categories = kept(coco->arena, &lists->categories);
    if (!coco->images || !coco->categories)
        return df_fail_memory("a dataset");
    int error = number_labels(coco, strict ? df_coco_classes : classes, strict ? DF_COCO_CLASSES : n, strict);
    if (error < 0 || (error = picture_paths(coco, folder)) < 0)
        return error;
    return group_boxes(coco, lists->boxes.v, lists->boxes.n);
}

int df_coco_dataset_open(DfCocoDataset **out, const char *ann_file, const char *image_dir, const char *const *classes, int n)
{
    DfJson *json;
    *out = NULL;
    int error = df_json_open(&json, ann_file);
    if (error < 0)
        return error;
    error = df_coco_dataset_open_json(out, json, image_dir, classes, n);
    df_json_close(json);
    return error;
}

int df_coco_dataset_open_json(DfCocoDataset **out, DfJson *json, const char *image_dir, const char *const *classes, int n)
{
    Lists lists = {
        .images = { .size = sizeof(DfCocoImage), .fields = image_fields },
        .boxes = { .size = sizeof(DfCocoBox), .fields = box_fields },
        .categories = { .size = sizeof(DfCocoCategory), .fields = category_fields },
    };
    DfArena *arena = df_arena_new();
    DfCocoDataset *coco = arena ? df_arena_alloc(arena, 1, sizeof *coco) : NULL;
    int error = coco ? DF_OK : df_fail_memory("a dataset");
    *out = NULL;
    if (coco) {
        coco->arena = arena;
        coco->path = df_arena_text(arena, "%s", df_json_name(json));
        error = coco->path ? read_file(&(Source){ json, arena }, &lists) : df_fail_memory("a dataset");
        if (error == DF_OK)
            error = assemble(coco, &lists, image_dir, classes, n);
    }
    df_free(lists.images.v);
    df_free(lists.boxes.v);
    df_free(lists.categories.v);
    if (error < 0)
        df_arena_free(arena);
    else
        *out = coco;
    return error;
}

void df_coco_dataset_free(DfCocoDataset *coco)
{
    if (coco)
        df_arena_free(coco->arena);
}

int df_coco_dataset_label_by_id(DfCocoDataset *coco, int n)
{
    coco->classes = df_arena_alloc(coco->arena, (size_t)n, sizeof *coco->classes);
    coco->category_ids = df_arena_alloc(coco->arena, (size_t)n, sizeof *coco->category_ids);
    if (!coco->classes || !coco->category_ids)
        return df_fail_memory("classes");
    coco->n_classes = n;
    for (int i = 0; i < n; i++) {
        coco->classes[i] = "N/A";
        coco->category_ids[i] = i;
    }
    for (int i = 0; i < coco->n_categories; i++) {
        DfCocoCategory *category = &coco->categories[i];
        if (category->label < 0)
            continue;
        if (category->id < 0 || category->id >= n)
            return df_fail(DF_EVALUE, "%s: category %lld: want ids below id_classes = %d", coco->path, (long long)category->id, n);
        category->label = (int)category->id;
        coco->classes[category->id] = category->name;
    }
    for (int i = 0; i < coco->n_boxes; i++)
        if (coco->boxes[i].label >= 0)
            coco->boxes[i].label = (int)coco->boxes[i].category_id;
    return DF_OK;
}
