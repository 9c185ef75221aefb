/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/check/truth.c -- a look through an annotation file.
 *
 * Lists may come in any order, so what needs another list (sizes of images, classes) is looked at when the file
 * has been read: a record keeps what that takes.
 */
#include <math.h>
#include <string.h>

#include "eval/check/data.h"

/* The beginning of a name, if there is one. */
static int keep_name(DfCheck *c, bool has, const DfCocoText *name, const char **kept)
{
    enum { LONGEST = 511 };
    const size_t n = has ? strlen(name->at) : 0;
    *kept = n > 0 ? df_arena_copy(c->arena, name->at, n < LONGEST ? n : LONGEST) : NULL;
    return n > 0 && !*kept ? df_fail_memory("names") : DF_OK;
}

/* The table entry of an id, made if it is new. */
static int image_at(DfCheck *c, DfId id, uint32_t *place)
{
    const size_t before = c->image_ids.n;
    if (!df_grow((void **)&c->images, &c->images_capacity, before, sizeof *c->images))
        return df_fail_memory("images");
    const int error = df_ids_add(&c->image_ids, id, place);
    if (error == DF_OK && c->image_ids.n > before)
        c->images[*place] = (CheckImage){ 0 };
    return error;
}

static int category_at(DfCheck *c, DfId id, uint32_t *place)
{
    const size_t before = c->category_ids.n;
    if (!df_grow((void **)&c->categories, &c->categories_capacity, before, sizeof *c->categories))
        return df_fail_memory("categories");
    const int error = df_ids_add(&c->category_ids, id, place);
    if (error == DF_OK && c->category_ids.n > before)
        c->categories[*place] = (CheckCategory){ 0 };
    return error;
}

/* ---- images and categories ------------------------------------------------------------------------------------- */

static int no_id(DfCheck *c, const DfCocoRecord *r, const char *kind)
{
    const char *what = c->odd & DF_COCO_ID ? "an id that is neither an integer nor a string" : "no id";
    return df_check_find(c, DF_CHECK_ERROR, "no_id", r->line, "%s %zu has %s", kind, r->number, what);
}

static int look_at_image(void *arg, DfCocoRecord *r)
{
    DfCheck *c = arg;
    uint32_t at;
    if (!(r->has & DF_COCO_ID))
        return no_id(c, r, "image");
    int error = image_at(c, r->id, &at);
    if (error < 0)
        return error;
    CheckImage *image = &c->images[at];
    if (image->listed)
        error = df_check_find(c, DF_CHECK_ERROR, "image_twice", r->line,
                              "image %zu has the id %s, as line %zu has: only the last one counts", r->number,
                              df_id_text(r->id), image->line);
    const bool size = (r->has & DF_COCO_WIDTH) && (r->has & DF_COCO_HEIGHT) && r->width >= 1 && r->height >= 1;
    image->listed = true;
    image->line = r->line;
    image->width = size ? r->width : 0;
    image->height = size ? r->height : 0;
    if (error == DF_OK)
        error = keep_name(c, r->has & DF_COCO_FILE_NAME, &r->file_name, &image->name);
    if (error == DF_OK && !size)
        error = df_check_find(c, DF_CHECK_WARNING, "image_without_size", r->line,
                              "image %zu has no width and height of at least 1: masks cannot be scored", r->number);
    if (error == DF_OK && !(r->has & DF_COCO_FILE_NAME))
        error = df_check_find(c, DF_CHECK_NOTE, "image_without_file", r->line, "image %zu has no file_name",
                              r->number);
    return error;
}

/* A name that another category has: the first one is told. */
static int look_at_name(DfCheck *c, const DfCocoRecord *r, uint32_t at)
{
    const char *name = c->categories[at].name;
    const size_t before = c->category_names.n;
    uint32_t place;
    if (!df_grow((void **)&c->named, &c->named_capacity, before, sizeof *c->named))
        return df_fail_memory("categories");
    const int error = df_ids_add(&c->category_names, (DfId){ 0, name }, &place);
    if (error < 0)
        return error;
    if (c->category_names.n > before)
        c->named[place] = at;
    const CheckCategory *first = &c->categories[c->named[place]];
    if (first == &c->categories[at] || !first->name || strcmp(first->name, name) != 0) { /* renamed since */
        c->named[place] = at;
        return DF_OK;
    }
    return df_check_find(c, DF_CHECK_WARNING, "category_name_twice", r->line,
                         "category %zu has the name '%s', as line %zu has", r->number, name, first->line);
}

static int look_at_category(void *arg, DfCocoRecord *r)
{
    DfCheck *c = arg;
    uint32_t at;
    if (!(r->has & DF_COCO_ID))
        return no_id(c, r, "category");
    int error = category_at(c, r->id, &at);
    if (error < 0)
        return error;
    CheckCategory *category = &c->categories[at];
    if (category->listed)
        error = df_check_find(c, DF_CHECK_ERROR, "category_twice", r->line,
                              "category %zu has the id %s, as line %zu has", r->number, df_id_text(r->id),
                              category->line);
    category->listed = true;
    category->line = r->line;
    if (error == DF_OK)
        error = keep_name(c, r->has & DF_COCO_NAME, &r->name, &category->name);
    return error == DF_OK && category->name ? look_at_name(c, r, at) : error;
}

/* ---- annotations ----------------------------------------------------------------------------------------------- */

static int look_at_id(DfCheck *c, const DfCocoRecord *r)
{
    uint32_t at;
    if (!(r->has & DF_COCO_ID))
        return no_id(c, r, "annotation");
    const size_t before = c->annotation_ids.n;
    if (!df_grow((void **)&c->annotation_lines, &c->lines_capacity, before, sizeof *c->annotation_lines))
        return df_fail_memory("annotations");
    int error = df_ids_add(&c->annotation_ids, r->id, &at);
    if (error == DF_OK && c->annotation_ids.n == before)
        error = df_check_find(c, DF_CHECK_ERROR, "annotation_twice", r->line,
                              "annotation %zu has the id %s, as line %zu has: the last one replaces the others",
                              r->number, df_id_text(r->id), c->annotation_lines[at]);
    else if (error == DF_OK)
        c->annotation_lines[at] = r->line;
    if (error == DF_OK && !r->id.text && r->id.number == 0)
        error = df_check_find(c, DF_CHECK_ERROR, "annotation_id_zero", r->line,
                              "annotation %zu has the id 0: pycocotools counts its detection as a false positive",
                              r->number);
    return error;
}

static int look_at_fields(DfCheck *c, const DfCocoRecord *r)
{
    static const CheckWanted wanted[] = {
        { DF_COCO_IMAGE_ID,    "image_id",    "annotation_image_id" },
        { DF_COCO_CATEGORY_ID, "category_id", "annotation_category_id" },
        { DF_COCO_BBOX,        "bbox",        "annotation_bbox" },
        { DF_COCO_AREA,        "area",        "annotation_area" },
        { DF_COCO_ISCROWD,     "iscrowd",     "annotation_iscrowd" },
    };
    return df_check_wanted(c, r, wanted, sizeof wanted / sizeof *wanted, "annotation");
}

static int look_at_box(DfCheck *c, const DfCocoRecord *r)
{
    const double *b = r->box;
    if (!(r->has & DF_COCO_BBOX))
        return DF_OK;
    if (!(isfinite(b[0]) && isfinite(b[1]) && isfinite(b[2]) && isfinite(b[3])))
        return df_check_find(c, DF_CHECK_ERROR, "box_not_finite", r->line,
                             "annotation %zu has a box that is not finite", r->number);
    if (b[2] <= 0 || b[3] <= 0)
        return df_check_find(c, DF_CHECK_WARNING, "box_empty", r->line,
                             "annotation %zu has a box of %g x %g: no detection can match it", r->number, b[2], b[3]);
    if ((r->has & DF_COCO_AREA) && r->area <= 0 && !r->iscrowd)
        return df_check_find(c, DF_CHECK_WARNING, "area_empty", r->line, "annotation %zu has an area of %g",
                             r->number, r->area);
    if ((r->has & DF_COCO_AREA) && r->area > b[2] * b[3] * 1.01 + 1)
        return df_check_find(c, DF_CHECK_WARNING, "area_too_large", r->line,
                             "annotation %zu has an area of %g, more than its box of %g x %g", r->number, r->area,
                             b[2], b[3]);
    return DF_OK;
}

static int keep_truth(DfCheck *c, const DfCocoRecord *r, const CheckMask *mask)
{
    CheckTruth t = { .mask = *mask, .line = (uint32_t)r->line, .crowd = r->iscrowd };
    t.has_box = r->has & DF_COCO_BBOX;
    if (!(r->has & DF_COCO_IMAGE_ID) || !(r->has & DF_COCO_CATEGORY_ID))
        return DF_OK;
    int error = image_at(c, r->image_id, &t.image);
    if (error == DF_OK)
        error = category_at(c, r->category_id, &t.category);
    if (error == DF_OK && !df_grow((void **)&c->truths, &c->truths_capacity, c->n_truths, sizeof t))
        error = df_fail_memory("annotations");
    if (error < 0)
        return error;
    memcpy(t.box, r->box, sizeof t.box);
    c->images[t.image].truths++;
    c->categories[t.category].truths++;
    c->truths[c->n_truths++] = t;
    return DF_OK;
}

static int look_at_annotation(void *arg, DfCocoRecord *r)
{
    DfCheck *c = arg;
    CheckMask mask;
    int error = look_at_id(c, r);
    if (error == DF_OK)
        error = look_at_fields(c, r);
    if (error == DF_OK)
        error = look_at_box(c, r);
    if (error == DF_OK)
        error = df_check_mask(c, r, "annotation", &mask);
    if (error == DF_OK)
        error = df_check_mask_in_box(c, &mask, r);
    return error == DF_OK ? keep_truth(c, r, &mask) : error;
}

/* ---- what needs the whole file --------------------------------------------------------------------------------- */

static int look_at_place(DfCheck *c, const CheckTruth *t)
{
    const CheckImage *image = &c->images[t->image];
    const double right = t->box[0] + t->box[2];
    const double bottom = t->box[1] + t->box[3];
    if (!image->listed)
        return df_check_find(c, DF_CHECK_ERROR, "image_unknown", t->line,
                             "an annotation is of image %s, which is not in \"images\": it is ignored",
                             df_id_text(c->image_ids.ids[t->image]));
    if (!c->categories[t->category].listed)
        return df_check_find(c, DF_CHECK_ERROR, "category_unknown", t->line,
                             "an annotation is of category %s, which is not in \"categories\": it is ignored",
                             df_id_text(c->category_ids.ids[t->category]));
    const int error = df_check_mask_in_image(c, &t->mask, image, t->line, "an annotation");
    if (error < 0 || !t->has_box || image->width == 0)
        return error;
    if (t->box[0] < -1 || t->box[1] < -1 || right > image->width + 1 || bottom > image->height + 1)
        return df_check_find(c, DF_CHECK_WARNING, "box_outside", t->line,
                             "a box from %g %g to %g %g reaches out of its image of %g x %g", t->box[0], t->box[1],
                             right, bottom, image->width, image->height);
    return DF_OK;
}

static int look_at_categories(DfCheck *c)
{
    int error = DF_OK;
    for (size_t k = 0; error == DF_OK && k < c->category_ids.n; k++) {
        const CheckCategory *category = &c->categories[k];
        if (category->listed && category->truths == 0)
            error = df_check_find(c, DF_CHECK_NOTE, "category_without_truth", category->line,
                                  "category %s%s%s has no annotation: its AP is -1",
                                  df_id_text(c->category_ids.ids[k]), category->name ? " " : "",
                                  category->name ? category->name : "");
    }
    return error;
}

static int look_at_whole(DfCheck *c)
{
    int error = DF_OK;
    size_t empty = 0;
    for (size_t i = 0; error == DF_OK && i < c->n_truths; i++)
        error = look_at_place(c, &c->truths[i]);
    if (error == DF_OK)
        error = look_at_categories(c);
    for (size_t i = 0; i < c->image_ids.n; i++)
        empty += c->images[i].listed && c->images[i].truths == 0;
    if (error == DF_OK && empty)
        error = df_check_find(c, DF_CHECK_NOTE, "images_without_truth", 0, "%zu of %zu images have no annotation",
                              empty, c->image_ids.n);
    return error;
}

/* ---- the file -------------------------------------------------------------------------------------------------- */

typedef struct {
    DfCheck *check;
    bool seen[3];
} Reading;

static int look_at_list(void *arg, DfCocoList list, DfJson *json)
{
    static CheckLook *const look[] = { look_at_image, look_at_category, look_at_annotation };
    Reading *reading = arg;
    reading->seen[list] = true;
    return df_check_stream(reading->check, json, list, look[list], reading->check);
}

int df_check_truth_json(DfCheck *c, DfJson *json)
{
    static const struct {
        DfCocoList list;
        const char *key;
    } lists[] = {
        { DF_COCO_IMAGES,      "images" },
        { DF_COCO_CATEGORIES,  "categories" },
        { DF_COCO_ANNOTATIONS, "annotations" },
    };
    Reading reading = { .check = c };
    int error = df_check_begin_file(c, df_json_name(json));
    if (error == DF_OK)
        error = df_coco_stream_truth(json, &(DfCocoFile){ .arg = &reading, .list = look_at_list });
    for (size_t i = 0; error == DF_OK && i < 3; i++)
        if (!reading.seen[lists[i].list])
            error = df_check_find(c, DF_CHECK_ERROR, "list_missing", 0, "there is no list \"%s\"", lists[i].key);
    return error < 0 ? error : look_at_whole(c);
}

int df_check_truth(DfCheck *c, const char *path)
{
    DfJson *json;
    int error = df_json_open(&json, path);
    if (error < 0)
        return error;
    error = df_check_truth_json(c, json);
    df_json_close(json);
    return error;
}

int df_check_images(DfCheck *c, DfCheckImageSize *size, void *user)
{
    int error = DF_OK;
    for (size_t i = 0; error == DF_OK && i < c->image_ids.n; i++) {
        const CheckImage *image = &c->images[i];
        int width, height;
        if (!image->listed || !image->name)
            continue;
        if (size(user, image->name, &width, &height) < 0)
            error = df_check_find(c, DF_CHECK_ERROR, "image_file", image->line, "%s", df_error());
        else if (image->width > 0 && (image->width != width || image->height != height))
            error = df_check_find(c, DF_CHECK_ERROR, "image_size", image->line,
                                  "%s is %d x %d, and %g x %g in the annotations", image->name, width, height,
                                  image->width, image->height);
    }
    return error;
}
