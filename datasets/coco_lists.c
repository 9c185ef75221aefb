/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/coco_lists.c -- reads the lists of an annotation file in COCO's format: images, categories and boxes, and
 * checks each record.
 */
#include "datasets/coco_lists.h"

#include <limits.h>
#include <string.h>

/* What is called so in the file, and what its value should be. */
static const struct {
    unsigned field;
    const char *name, *want;
} fields[] = {
    { DF_COCO_ID,          "id",          "an integer" },
    { DF_COCO_IMAGE_ID,    "image_id",    "an integer" },
    { DF_COCO_CATEGORY_ID, "category_id", "an integer" },
    { DF_COCO_FILE_NAME,   "file_name",   "a string" },
    { DF_COCO_NAME,        "name",        "a string" },
    { DF_COCO_HEIGHT,      "height",      "a number of pixels" },
    { DF_COCO_WIDTH,       "width",       "a number of pixels" },
    { DF_COCO_BBOX,        "bbox",        "a list of four numbers: x, y, width, height" },
    { DF_COCO_AREA,        "area",        "a number" },
    { DF_COCO_ISCROWD,     "iscrowd",     "0 or 1" },
    { DF_COCO_IGNORE,      "ignore",      "0 or 1" },
    { DF_COCO_URL,         "coco_url",    "a string" },
};

static const char *const list_names[] = { "images", "categories", "annotations" };

static int wrong_value(const DfCocoRecord *r, unsigned field)
{
    size_t i = 0;
    while (fields[i].field != field)
        i++;
    return df_json_fail(r->json, DF_EFORMAT, "\"%s\": want %s", fields[i].name, fields[i].want);
}

static int problem(void *arg, DfCocoRecord *r, const DfCocoProblem *p)
{
    if (p->field == DF_COCO_SEGMENTATION)
        return df_coco_allow_empty(arg, r, p);
    if (p->field)
        return wrong_value(r, p->field);
    return df_json_fail(r->json, DF_EFORMAT, "\"%s\": want a list of objects", list_names[r->list]);
}

static bool is_side(double side)
{
    return side >= 0 && side <= INT_MAX && side == (double)(int)side;
}

/* Empty texts, and those with a zero in them, name nothing. */
static bool is_name(const DfCocoText *text)
{
    return text->n > 0 && !memchr(text->at, 0, text->n);
}

/* Here ids are integers, sides fit into an int, and names are names. */
static int check_field(void *arg, DfCocoRecord *r, unsigned field)
{
    bool right = true;
    (void)arg;
    switch (field) {
    case DF_COCO_ID: right = !r->id.text; break;
    case DF_COCO_IMAGE_ID: right = !r->image_id.text; break;
    case DF_COCO_CATEGORY_ID: right = !r->category_id.text; break;
    case DF_COCO_HEIGHT: right = is_side(r->height); break;
    case DF_COCO_WIDTH: right = is_side(r->width); break;
    case DF_COCO_FILE_NAME: right = is_name(&r->file_name); break;
    case DF_COCO_NAME: right = is_name(&r->name); break;
    case DF_COCO_URL: right = is_name(&r->url); break;
    default: break;
    }
    return right ? DF_OK : wrong_value(r, field);
}

/* Fails if one of the fields is missing that every record must have. */
static int require(const DfCocoRecord *r, unsigned required)
{
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        if ((fields[i].field & required) && !(r->has & fields[i].field))
            return df_json_fail(r->json, DF_EFORMAT, "the object has no \"%s\"", fields[i].name);
    return DF_OK;
}

/* Room for one more element, or NULL. */
static void *add(CocoRows *list, size_t size)
{
    if (list->n >= INT_MAX / 2 || !df_grow(&list->v, &list->capacity, list->n, size))
        return NULL;
    return (char *)list->v + list->n++ * size;
}

/* What mmdet's LVIS datasets call a picture: "val2017/000000000139.jpg" behind the server's name in v1, and in v0.5 the
 * names of 2017 for those of 2014. */
static const char *name_of(const CocoLists *lists, const DfCocoRecord *r)
{
    static const char server[] = "http://images.cocodataset.org/";
    static const size_t name_of_2017 = sizeof "000000000139.jpg" - 1;
    const char *name = r->file_name.at;
    if (lists->from_url && (r->has & DF_COCO_URL))
        return df_starts_with(r->url.at, server) ? r->url.at + strlen(server) : r->url.at;
    if (lists->of_2014 && df_starts_with(name, "COCO") && r->file_name.n > name_of_2017)
        return name + r->file_name.n - name_of_2017;
    return name;
}

static int take_image(void *arg, DfCocoRecord *r)
{
    CocoLists *lists = arg;
    const bool named = lists->from_url && (r->has & DF_COCO_URL);
    const int error = require(r, named ? DF_COCO_ID : DF_COCO_ID | DF_COCO_FILE_NAME);
    if (error < 0)
        return error;
    DfCocoImage *image = add(&lists->images, sizeof *image);
    if (!image)
        return df_fail_memory("a dataset");
    *image = (DfCocoImage){ .id = r->id.number, .height = (int)r->height, .width = (int)r->width };
    const char *name = name_of(lists, r);
    image->file_name = df_arena_copy(lists->arena, name, strlen(name));
    return image->file_name ? DF_OK : df_fail_memory("names of a dataset");
}

static int take_category(void *arg, DfCocoRecord *r)
{
    CocoLists *lists = arg;
    const int error = require(r, DF_COCO_ID | DF_COCO_NAME);
    if (error < 0)
        return error;
    DfCocoCategory *category = add(&lists->categories, sizeof *category);
    if (!category)
        return df_fail_memory("a dataset");
    *category = (DfCocoCategory){ .id = r->id.number };
    category->name = df_arena_copy(lists->arena, r->name.at, r->name.n);
    return category->name ? DF_OK : df_fail_memory("names of a dataset");
}

/* The numbers of polygons: of each how many follow, and these. */
static size_t count_polygons(const DfCocoSegmentation *s)
{
    size_t n = 0;
    for (size_t at = 0; at < s->n; at += 1 + (size_t)s->numbers[at])
        n++;
    return n;
}

static int keep_polygons(DfObjectMask *out, const DfCocoSegmentation *s, DfArena *arena)
{
    const size_t n = count_polygons(s);
    DfPolygon *polygons = df_malloc((n + 1) * sizeof *polygons);
    if (!polygons)
        return df_fail_memory("the polygons of an object");
    size_t at = 0;
    for (size_t i = 0; i < n; i++, at += 1 + (size_t)s->numbers[at])
        polygons[i] = (DfPolygon){ (size_t)s->numbers[at] / 2, s->numbers + at + 1 };
    const DfObjectMask mask = { .form = DF_MASK_POLYGONS, .n_polygons = n, .polygons = polygons };
    const int error = df_object_mask_copy(out, &mask, arena);
    df_free(polygons);
    return error;
}

static int keep_mask(DfObjectMask *out, const DfCocoRecord *r, DfArena *arena)
{
    const DfCocoSegmentation *s = &r->segmentation;
    if (!(r->has & DF_COCO_SEGMENTATION) || s->form == DF_MASK_NONE)
        return DF_OK;
    if (s->form == DF_MASK_POLYGONS)
        return keep_polygons(out, s, arena);
    const DfObjectMask mask = { .form = DF_MASK_RUNS, .runs = { s->height, s->width, s->runs.n, s->runs.at } };
    return df_object_mask_copy(out, &mask, arena);
}

static int take_box(void *arg, DfCocoRecord *r)
{
    CocoLists *lists = arg;
    const int error = require(r, DF_COCO_ID | DF_COCO_IMAGE_ID | DF_COCO_CATEGORY_ID | DF_COCO_BBOX);
    if (error < 0)
        return error;
    DfCocoBox *box = add(&lists->boxes, sizeof *box);
    if (!box)
        return df_fail_memory("a dataset");
    *box = (DfCocoBox){ .id = r->id.number, .image_id = r->image_id.number, .category_id = r->category_id.number };
    memcpy(box->bbox, r->box, sizeof box->bbox);
    box->area = r->has & DF_COCO_AREA ? r->area : r->box[2] * r->box[3];
    box->crowd = r->iscrowd;
    box->ignore = r->ignore;
    return lists->masks ? keep_mask(&box->mask, r, lists->arena) : DF_OK;
}

static int read_list(void *arg, DfCocoList list, DfJson *json)
{
    static const struct {
        unsigned wanted;
        int (*take)(void *arg, DfCocoRecord *);
    } of[] = {
        [DF_COCO_IMAGES] = { DF_COCO_ID | DF_COCO_FILE_NAME | DF_COCO_HEIGHT | DF_COCO_WIDTH, take_image },
        [DF_COCO_CATEGORIES] = { DF_COCO_ID | DF_COCO_NAME, take_category },
        [DF_COCO_ANNOTATIONS] = { DF_COCO_ID | DF_COCO_IMAGE_ID | DF_COCO_CATEGORY_ID | DF_COCO_BBOX | DF_COCO_AREA |
                                  DF_COCO_ISCROWD | DF_COCO_IGNORE, take_box },
    };
    CocoLists *lists = arg;
    DfCocoSink sink = { .arg = lists, .wanted = of[list].wanted, .watched = of[list].wanted };
    if (list == DF_COCO_ANNOTATIONS && lists->masks)
        sink.wanted |= DF_COCO_SEGMENTATION;
    if (list == DF_COCO_IMAGES && lists->from_url)
        sink.wanted = sink.watched = sink.wanted | DF_COCO_URL;
    sink.field = check_field;
    sink.problem = problem;
    sink.record = of[list].take;
    return df_coco_stream_records(json, list, 0, &lists->record, &sink);
}

/* A list that is given again replaces the one before. */
static int forget_list(void *arg, DfCocoList list, DfJson *json)
{
    CocoLists *lists = arg;
    CocoRows *const of[] = {
        [DF_COCO_IMAGES] = &lists->images,
        [DF_COCO_CATEGORIES] = &lists->categories,
        [DF_COCO_ANNOTATIONS] = &lists->boxes,
    };
    (void)json;
    of[list]->n = 0;
    return DF_OK;
}

static int wrong_file(void *arg, DfJson *json, const char *list, const char *sentence)
{
    (void)arg;
    (void)sentence;
    if (list[0])
        return df_json_fail(json, DF_EFORMAT, "\"%s\": want a list", list);
    return df_json_fail(json, DF_EFORMAT, "want an object with \"images\", \"annotations\" and \"categories\"");
}

int df_coco_lists_read(CocoLists *lists, DfJson *json)
{
    const DfCocoFile file = { .arg = lists, .list = read_list, .again = forget_list, .wrong = wrong_file };
    const int error = df_coco_stream_truth(json, &file);
    if (error < 0 || lists->images.n)
        return error;
    return df_json_fail(json, DF_EFORMAT, "no \"images\", or none in the list: want a COCO annotation file");
}

void df_coco_lists_done(CocoLists *lists)
{
    df_coco_record_done(&lists->record);
    df_free(lists->images.v);
    df_free(lists->boxes.v);
    df_free(lists->categories.v);
}
