/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/check/truth.c -- a look through an annotation file.
 *
 * Lists may come in any order, so what needs another list (sizes of images, classes) is looked at when the file has been read: a record
 * keeps what that takes.
 */
#include <math.h>
#include <string.h>

#include "eval/check/data.h"

uint32_t df_check_place(const DfIds *ids, DfId id)
{
    return df_ids_find(ids, id);
}

static const char *keep_text(DfCheck *c, const char *text)
{
    return text[0] ? df_arena_copy(c->arena, text, strlen(text)) : NULL;
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

/* ---- images and categories ---------------------------------------------------------------------------------------- */

static int no_id(DfCheck *c, const CheckRecord *r, const char *kind)
{
    return df_check_find(c, DF_CHECK_ERROR, "no_id", r->line, "%s %zu has %s", kind, r->number, r->odd & F_ID ? "an id that is neither an integer nor a string" : "no id");
}

static int look_at_image(DfCheck *c, const CheckRecord *r)
{
    uint32_t at;
    if (!(r->has & F_ID))
        return no_id(c, r, "image");
    int error = image_at(c, r->id, &at);
    if (error < 0)
        return error;
    CheckImage *image = &c->images[at];
    if (image->listed)
        error = df_check_find(c, DF_CHECK_ERROR, "image_twice", r->line, "image %zu has the id %s, as line %zu has: only the last one counts", r->number,
                              df_id_text(r->id), image->line);
    const bool size = (r->has & F_WIDTH) && (r->has & F_HEIGHT) && r->width >= 1 && r->height >= 1;
    image->listed = true;
    image->line = r->line;
    image->width = size ? r->width : 0;
    image->height = size ? r->height : 0;
    image->name = keep_text(c, r->name);
    if (error == DF_OK && !size)
        error = df_check_find(c, DF_CHECK_WARNING, "image_without_size", r->line, "image %zu has no width and height of at least 1: masks cannot be scored", r->number);
    if (error == DF_OK && !(r->has & F_FILE))
        error = df_check_find(c, DF_CHECK_NOTE, "image_without_file", r->line, "image %zu has no file_name", r->number);
    return error;
}

static int look_at_category(DfCheck *c, const CheckRecord *r)
{
    uint32_t at;
    if (!(r->has & F_ID))
        return no_id(c, r, "category");
    int error = category_at(c, r->id, &at);
    if (error < 0)
        return error;
    CheckCategory *category = &c->categories[at];
    if (category->listed)
        error = df_check_find(c, DF_CHECK_ERROR, "category_twice", r->line, "category %zu has the id %s, as line %zu has", r->number, df_id_text(r->id),
                              category->line);
    category->listed = true;
    category->line = r->line;
    category->name = keep_text(c, r->name);
    for (size_t k = 0; error == DF_OK && category->name && k < c->category_ids.n; k++)
        if (k != at && c->categories[k].name && strcmp(c->categories[k].name, category->name) == 0)
            error = df_check_find(c, DF_CHECK_WARNING, "category_name_twice", r->line, "category %zu has the name '%s', as line %zu has", r->number, category->name,
                                  c->categories[k].line);
    return error;
}

/* ---- annotations -------------------------------------------------------------------------------------------------- */

static int look_at_id(DfCheck *c, const CheckRecord *r)
{
    uint32_t at;
    if (!(r->has & F_ID))
        return no_id(c, r, "annotation");
    const size_t before = c->annotation_ids.n;
    if (!df_grow((void **)&c->annotation_lines, &c->lines_capacity, before, sizeof *c->annotation_lines))
        return df_fail_memory("annotations");
    int error = df_ids_add(&c->annotation_ids, r->id, &at);
    if (error == DF_OK && c->annotation_ids.n == before)
        error = df_check_find(c, DF_CHECK_ERROR, "annotation_twice", r->line, "annotation %zu has the id %s, as line %zu has: the last one replaces the others", r->number,
                              df_id_text(r->id), c->annotation_lines[at]);
    else if (error == DF_OK)
        c->annotation_lines[at] = r->line;
    if (error == DF_OK && !r->id.text && r->id.number == 0)
        error = df_check_find(c, DF_CHECK_ERROR, "annotation_id_zero", r->line, "annotation %zu has the id 0: pycocotools counts its detection as a false positive", r->number);
    return error;
}

static int look_at_fields(DfCheck *c, const CheckRecord *r)
{
    static const struct { unsigned field; const char *key, *code; } wanted[] = {
        { F_IMAGE, "image_id", "annotation_image_id" }, { F_CATEGORY, "category_id", "annotation_category_id" }, { F_BOX, "bbox", "annotation_bbox" }, { F_AREA, "area", "annotation_area" }, { F_CROWD, "iscrowd", "annotation_iscrowd" }
    };
    int error = DF_OK;
    for (size_t i = 0; error == DF_OK && i < sizeof wanted / sizeof *wanted; i++)
        if (!(r->has & wanted[i].field))
            error = df_check_find(c, DF_CHECK_ERROR, wanted[i].code, r->line, "annotation %zu: %s is %s", r->number, wanted[i].key, r->odd & wanted[i].field ? "not of the right type" : "missing");
    return error;
}

static int look_at_box(DfCheck *c, const CheckRecord *r)
{
    if (!(r->has & F_BOX))
        return DF_OK;
    if (!(isfinite(r->box[0]) && isfinite(r->box[1]) && isfinite(r->box[2]) && isfinite(r->box[3])))
        return df_check_find(c, DF_CHECK_ERROR, "box_not_finite", r->line, "annotation %zu has a box that is not finite", r->number);
    if (r->box[2] <= 0 || r->box[3] <= 0)
        return df_check_find(c, DF_CHECK_WARNING, "box_empty", r->line, "annotation %zu has a box of %g x %g: no detection can match it", r->number, r->box[2], r->box[3]);
    if ((r->has & F_AREA) && r->area <= 0 && !r->crowd)
        return df_check_find(c, DF_CHECK_WARNING, "area_empty", r->line, "annotation %zu has an area of %g", r->number, r->area);
    if ((r->has & F_AREA) && r->area > r->box[2] * r->box[3] * 1.01 + 1)
        return df_check_find(c, DF_CHECK_WARNING, "area_too_large", r->line, "annotation %zu has an area of %g, more than its box of %g x %g", r->number, r->area, r->box[2], r->box[3]);
    return DF_OK;
}

static int keep_truth(DfCheck *c, const CheckRecord *r, const CheckMask *mask)
{
    CheckTruth t = { .mask = *mask, .line = (uint32_t)r->line, .crowd = r->crowd, .has_box = (r->has & F_BOX) != 0 };
    if (!(r->has & F_IMAGE) || !(r->has & F_CATEGORY))
        return DF_OK;
    int error = image_at(c, r->image, &t.image);
    if (error == DF_OK)
        error = category_at(c, r->category, &t.category);
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

static int look_at_annotation(DfCheck *c, const CheckRecord *r)
{
    CheckMask mask;
    int error;
    (void)((error = look_at_id(c, r)) < 0 || (error = look_at_fields(c, r)) < 0 || (error = look_at_box(c, r)) < 0 || (error = df_check_mask(c, r, "annotation", &mask)) < 0 ||
           (error = df_check_mask_in_box(c, &mask, r)) < 0 || (error = keep_truth(c, r, &mask)) < 0);
    return error;
}

/* ---- what needs the whole file ------------------------------------------------------------------------------------ */

static int look_at_place(DfCheck *c, const CheckTruth *t)
{
    const CheckImage *image = &c->images[t->image];
    if (!image->listed)
        return df_check_find(c, DF_CHECK_ERROR, "image_unknown", t->line, "an annotation is of image %s, which is not in \"images\": it is ignored", df_id_text(c->image_ids.ids[t->image]));
    if (!c->categories[t->category].listed)
        return df_check_find(c, DF_CHECK_ERROR, "category_unknown", t->line, "an annotation is of category %s, which is not in \"categories\": it is ignored",
                             df_id_text(c->category_ids.ids[t->category]));
    const int error = df_check_mask_in_image(c, &t->mask, image, t->line, "an annotation");
    if (error < 0 || !t->has_box || image->width == 0)
        return error;
    if (t->box[0] < -1 || t->box[1] < -1 || t->box[0] + t->box[2] > image->width + 1 || t->box[1] + t->box[3] > image->height + 1)
        return df_check_find(c, DF_CHECK_WARNING, "box_outside", t->line, "a box from %g %g to %g %g reaches out of its image of %g x %g", t->box[0], t->box[1], t->box[0] + t->box[2],
                             t->box[1] + t->box[3], image->width, image->height);
    return DF_OK;
}

static int look_at_whole(DfCheck *c)
{
    int error = DF_OK;
    size_t empty = 0;
    for (size_t i = 0; error == DF_OK && i < c->n_truths; i++)
        error = look_at_place(c, &c->truths[i]);
    for (size_t k = 0; error == DF_OK && k < c->category_ids.n; k++)
        if (c->categories[k].listed && c->categories[k].truths == 0)
            error = df_check_find(c, DF_CHECK_NOTE, "category_without_truth", c->categories[k].line, "category %s%s%s has no annotation: its AP is -1",
                                  df_id_text(c->category_ids.ids[k]), c->categories[k].name ? " " : "", c->categories[k].name ? c->categories[k].name : "");
    for (size_t i = 0; i < c->image_ids.n; i++)
        empty += c->images[i].listed && c->images[i].truths == 0;
    if (error == DF_OK && empty)
        error = df_check_find(c, DF_CHECK_NOTE, "images_without_truth", 0, "%zu of %zu images have no annotation", empty, c->image_ids.n);
    return error;
}

/* ---- the file ----------------------------------------------------------------------------------------------------- */

typedef int Look(DfCheck *, const CheckRecord *);

static int look_at_list(DfCheck *c, DfJson *json, const char *key, Look *look)
{
    DfJsonValue v;
    CheckRecord r;
    DfJsonEvent event = df_json_next(json, &v);
    int error = DF_OK;
    if (event != DF_JSON_ARRAY)
        return event == DF_JSON_ERROR ? df_json_error(json) : df_json_fail(json, DF_EFORMAT, "\"%s\" is not an array", key);
    for (size_t n = 1; error == DF_OK && (event = df_json_next(json, &v)) == DF_JSON_OBJECT; n++) {
        error = df_check_record(c, json, n, &r);
        if (error == DF_OK)
            error = look(c, &r);
    }
    if (error == DF_OK && event != DF_JSON_CLOSE)
        error = event == DF_JSON_ERROR ? df_json_error(json) : df_json_fail(json, DF_EFORMAT, "\"%s\" has an entry that is not an object", key);
    return error;
}

int df_check_truth_json(DfCheck *c, DfJson *json)
{
    static const struct { const char *key; Look *look; } lists[] = { { "images", look_at_image }, { "categories", look_at_category }, { "annotations", look_at_annotation } };
    DfJsonValue v;
    bool seen[3] = { false, false, false };
    int error = DF_OK;
    DfJsonEvent event = df_json_next(json, &v);
    c->file = df_arena_copy(c->arena, df_json_name(json), strlen(df_json_name(json)));
    if (event != DF_JSON_OBJECT)
        return event == DF_JSON_ERROR ? df_json_error(json) : df_json_fail(json, DF_EFORMAT, "want a COCO annotation file: an object with images, annotations and categories");
    while (error == DF_OK && (event = df_json_next(json, &v)) == DF_JSON_KEY) {
        size_t i = 0;
        while (i < 3 && strcmp(v.text, lists[i].key) != 0)
            i++;
        error = i < 3 ? look_at_list(c, json, lists[i].key, lists[i].look) : df_json_skip(json);
        if (i < 3)
            seen[i] = true;
    }
    if (error == DF_OK && (event != DF_JSON_CLOSE || df_json_next(json, &v) != DF_JSON_END))
        error = df_json_error(json);
    for (size_t i = 0; error == DF_OK && i < 3; i++)
        if (!seen[i])
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
            error = df_check_find(c, DF_CHECK_ERROR, "image_size", image->line, "%s is %d x %d, and %g x %g in the annotations", image->name, width, height, image->width, image->height);
    }
    return error;
}
