/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/check/truth.c -- checks an annotation file.
 *
 * Lists may be in any order, so checks that need another list (sizes of images, classes) are made after reading
 * (whole.c); a record keeps the data for them.
 */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "eval/check/data.h"

static CheckPlace place_of(const DfCocoRecord *r)
{
    return (CheckPlace){ r->line, r->offset };
}

/* The beginning of a name, if there is one. */
static int keep_name(DfCheck *c, bool has, const DfCocoText *name, const char **kept)
{
    enum { LONGEST = 511 };
    const size_t n = has ? strlen(name->at) : 0;
    *kept = n > 0 ? df_arena_copy(c->arena, name->at, n < LONGEST ? n : LONGEST) : NULL;
    return n > 0 && !*kept ? df_fail_memory("names") : DF_OK;
}

/* The table entry of an id, made if it is new. */
int df_check_image_at(DfCheck *c, DfId id, uint32_t *place)
{
    const size_t before = c->image_ids.n;
    if (!df_grow((void **)&c->images, &c->images_capacity, before, sizeof *c->images))
        return df_fail_memory("images");
    const int error = df_ids_add(&c->image_ids, id, place);
    if (error == DF_OK && c->image_ids.n > before)
        c->images[*place] = (CheckImage){ 0 };
    return error;
}

int df_check_category_at(DfCheck *c, DfId id, uint32_t *place)
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

static int no_id(DfCheck *c, const DfCocoRecord *r)
{
    const char *what = c->odd & DF_COCO_ID ? "an id that is neither an integer nor a string" : "no id";
    return df_check_record(c, DF_CHECK_ERROR, "no_id", r, "has %s", what);
}

static int keep_lists(DfCheck *c, const DfCocoRecord *r, CheckImage *image)
{
    const size_t n = r->has & DF_COCO_ABSENT ? r->absent.n : 0;
    image->has_absent = r->has & DF_COCO_ABSENT;
    image->has_incomplete = r->has & DF_COCO_INCOMPLETE;
    image->n_absent = n;
    if (n == 0)
        return DF_OK;
    int64_t *absent = df_arena_alloc(c->arena, n, sizeof *absent);
    if (!absent)
        return df_fail_memory("classes of an image");
    memcpy(absent, r->absent.at, n * sizeof *absent);
    image->absent = absent;
    return DF_OK;
}

static int look_at_image(void *arg, DfCocoRecord *r)
{
    DfCheck *c = arg;
    uint32_t at;
    if (!(r->has & DF_COCO_ID))
        return no_id(c, r);
    int error = df_check_image_at(c, r->id, &at);
    if (error < 0)
        return error;
    CheckImage *image = &c->images[at];
    if (image->listed)
        error = df_check_record(c, DF_CHECK_ERROR, "image_twice", r,
                                "has the id of the one at line %zu, byte %" PRIu64 ": only the last one counts",
                                image->place.line, image->place.byte);
    const bool size = (r->has & DF_COCO_WIDTH) && (r->has & DF_COCO_HEIGHT) && r->width >= 1 && r->height >= 1;
    if (!image->listed)
        image->order = c->n_images++;
    image->listed = true;
    image->place = place_of(r);
    c->federated |= (r->has & (DF_COCO_ABSENT | DF_COCO_INCOMPLETE)) != 0;
    c->crowd_indices |= (r->has & DF_COCO_CROWD_INDEX) != 0;
    image->has_file = r->has & (DF_COCO_FILE_NAME | DF_COCO_URL);
    image->width = size ? r->width : 0;
    image->height = size ? r->height : 0;
    if (error == DF_OK)
        error = keep_lists(c, r, image);
    if (error == DF_OK)
        error = keep_name(c, r->has & DF_COCO_FILE_NAME, &r->file_name, &image->name);
    if (error == DF_OK && !size)
        error = df_check_record(c, DF_CHECK_WARNING, "image_without_size", r,
                                "has no width and height of at least 1: masks cannot be scored");
    if (error == DF_OK && !image->has_file)
        error = df_check_record(c, DF_CHECK_NOTE, "image_without_file", r, "has no file_name");
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
    return df_check_record(c, DF_CHECK_WARNING, "category_name_twice", r,
                           "has the name '%s', as the one at line %zu, byte %" PRIu64 " has", name, first->place.line,
                           first->place.byte);
}

static int look_at_category(void *arg, DfCocoRecord *r)
{
    DfCheck *c = arg;
    uint32_t at;
    if (!(r->has & DF_COCO_ID))
        return no_id(c, r);
    int error = df_check_category_at(c, r->id, &at);
    if (error < 0)
        return error;
    CheckCategory *category = &c->categories[at];
    if (category->listed)
        error = df_check_record(c, DF_CHECK_ERROR, "category_twice", r,
                                "has the id of the one at line %zu, byte %" PRIu64, category->place.line,
                                category->place.byte);
    if (!category->listed)
        category->order = c->n_categories++;
    category->listed = true;
    category->place = place_of(r);
    category->frequency = r->has & DF_COCO_FREQUENCY ? r->frequency : 0;
    c->federated |= category->frequency != 0;
    if (error == DF_OK)
        error = keep_name(c, r->has & DF_COCO_NAME, &r->name, &category->name);
    return error == DF_OK && category->name ? look_at_name(c, r, at) : error;
}

/* ---- annotations ----------------------------------------------------------------------------------------------- */

/* *at: the place of its id, or DF_NO_ID. */
static int look_at_id(DfCheck *c, const DfCocoRecord *r, uint32_t *at)
{
    *at = DF_NO_ID;
    if (!(r->has & DF_COCO_ID))
        return no_id(c, r);
    const size_t before = c->annotation_ids.n;
    if (!df_grow((void **)&c->annotation_places, &c->places_capacity, before, sizeof *c->annotation_places))
        return df_fail_memory("annotations");
    int error = df_ids_add(&c->annotation_ids, r->id, at);
    const CheckPlace *first = &c->annotation_places[error == DF_OK ? *at : 0];
    if (error == DF_OK && c->annotation_ids.n == before)
        error = df_check_record(c, DF_CHECK_ERROR, "annotation_twice", r,
                                "has the id of the one at line %zu, byte %" PRIu64 ": the last one replaces the others",
                                first->line, first->byte);
    else if (error == DF_OK)
        c->annotation_places[*at] = place_of(r);
    if (error == DF_OK && !r->id.text && r->id.number == 0)
        error = df_check_record(c, DF_CHECK_ERROR, "annotation_id_zero", r,
                                "has the id 0: pycocotools counts its detection as a false positive");
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
    return df_check_wanted(c, r, wanted, sizeof wanted / sizeof *wanted);
}

static int look_at_box(DfCheck *c, const DfCocoRecord *r)
{
    const double *b = r->box;
    if (!(r->has & DF_COCO_BBOX))
        return DF_OK;
    if (!(isfinite(b[0]) && isfinite(b[1]) && isfinite(b[2]) && isfinite(b[3])))
        return df_check_record(c, DF_CHECK_ERROR, "box_not_finite", r, "has a box that is not finite");
    if (b[2] <= 0 || b[3] <= 0)
        return df_check_record(c, DF_CHECK_WARNING, "box_empty", r, "has a box of %g x %g: no detection can match it",
                               b[2], b[3]);
    if ((r->has & DF_COCO_AREA) && r->area <= 0 && !r->iscrowd)
        return df_check_record(c, DF_CHECK_WARNING, "area_empty", r, "has an area of %g", r->area);
    if ((r->has & DF_COCO_AREA) && r->area > b[2] * b[3] * 1.01 + 1)
        return df_check_record(c, DF_CHECK_WARNING, "area_too_large", r,
                               "has an area of %g, more than its box of %g x %g", r->area, b[2], b[3]);
    return DF_OK;
}

/* An object that has a mask alone has the box of its mask. */
static void keep_box(CheckTruth *t, const DfCocoRecord *r, const CheckMask *mask)
{
    t->has_box = r->has & DF_COCO_BBOX;
    memcpy(t->box, r->box, sizeof t->box);
    if (t->has_box || !df_check_mask_known(mask))
        return;
    t->has_box = true;
    t->box[0] = (double)mask->low_x;
    t->box[1] = (double)mask->low_y;
    t->box[2] = (double)(mask->high_x - mask->low_x);
    t->box[3] = (double)(mask->high_y - mask->low_y);
}

/* A box of the mask stays. */
static int look_at_oriented(DfCheck *c, const DfCocoRecord *r, CheckTruth *t)
{
    double box[4];
    const int error = df_check_oriented(c, r, &t->oriented, box);
    if (error < 0 || !t->oriented || (r->has & DF_COCO_BBOX))
        return error;
    t->has_box = true;
    memcpy(t->box, box, sizeof box);
    return DF_OK;
}

static int keep_truth(DfCheck *c, const DfCocoRecord *r, const CheckMask *mask, uint32_t id)
{
    CheckTruth t = { .mask = *mask, .place = place_of(r), .id = id };
    t.number = (uint32_t)r->number;
    t.crowd = r->iscrowd;
    if (!(r->has & DF_COCO_IMAGE_ID) || !(r->has & DF_COCO_CATEGORY_ID))
        return DF_OK;
    keep_box(&t, r, mask);
    int error = df_check_points(c, r, &t.has_points, t.points);
    if (error == DF_OK)
        error = look_at_oriented(c, r, &t);
    if (error < 0)
        return error;
    t.with_points = (r->has | c->odd) & DF_COCO_POINTS;
    t.area = r->area;
    t.has_area = r->has & DF_COCO_AREA;
    t.has_mask = (r->has | c->odd) & DF_COCO_SEGMENTATION;
    error = df_check_image_at(c, r->image_id, &t.image);
    if (error == DF_OK)
        error = df_check_category_at(c, r->category_id, &t.category);
    if (error == DF_OK && !df_grow((void **)&c->truths, &c->truths_capacity, c->n_truths, sizeof t))
        error = df_fail_memory("annotations");
    if (error < 0)
        return error;
    c->images[t.image].truths += !t.crowd;
    c->categories[t.category].truths += !t.crowd;
    c->truths[c->n_truths++] = t;
    return DF_OK;
}

static int look_at_annotation(void *arg, DfCocoRecord *r)
{
    DfCheck *c = arg;
    CheckMask mask;
    uint32_t id;
    int error = look_at_id(c, r, &id);
    if (error == DF_OK)
        error = look_at_fields(c, r);
    if (error == DF_OK)
        error = look_at_box(c, r);
    if (error == DF_OK)
        error = df_check_mask(c, r, &mask);
    if (error == DF_OK)
        error = df_check_mask_in_box(c, &mask, r);
    return error == DF_OK ? keep_truth(c, r, &mask, id) : error;
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

static const struct {
    DfCocoList list;
    const char *key;
} lists[] = {
    { DF_COCO_IMAGES,      "images" },
    { DF_COCO_CATEGORIES,  "categories" },
    { DF_COCO_ANNOTATIONS, "annotations" },
};

static void forget_images(DfCheck *c)
{
    for (size_t i = 0; i < c->image_ids.n; i++) {
        const size_t truths = c->images[i].truths;
        c->images[i] = (CheckImage){ .truths = truths };
    }
    c->n_images = 0;
}

static void forget_categories(DfCheck *c)
{
    for (size_t i = 0; i < c->category_ids.n; i++) {
        const size_t truths = c->categories[i].truths;
        c->categories[i] = (CheckCategory){ .truths = truths };
    }
    df_ids_done(&c->category_names);
    c->n_categories = 0;
}

static void forget_annotations(DfCheck *c)
{
    for (size_t i = 0; i < c->image_ids.n; i++)
        c->images[i].truths = 0;
    for (size_t i = 0; i < c->category_ids.n; i++)
        c->categories[i].truths = 0;
    df_ids_done(&c->annotation_ids);
    c->n_truths = c->n_keypoints = c->visible = 0;
}

/* A list that is given again replaces the one before, here as where it is scored. */
static int forget_list(void *arg, DfCocoList list, DfJson *json)
{
    static void (*const forget[])(DfCheck *) = { forget_images, forget_categories, forget_annotations };
    const Reading *reading = arg;
    size_t i = 0;
    while (lists[i].list != list)
        i++;
    forget[list](reading->check);
    return df_check_find(reading->check, DF_CHECK_ERROR, "list_twice",
                         (CheckPlace){ df_json_line(json), df_json_offset(json) },
                         "there is another list \"%s\": the last one counts, and those before are passed over",
                         lists[i].key);
}

int df_check_truth_json(DfCheck *c, DfJson *json)
{
    Reading reading = { .check = c };
    int error = df_check_begin_file(c, df_json_name(json));
    c->truth_file = c->file;
    if (error == DF_OK)
        error = df_coco_stream_truth(json, &(DfCocoFile){ .arg = &reading, .list = look_at_list,
                                                       .again = forget_list });
    for (size_t i = 0; error == DF_OK && i < 3; i++)
        if (!reading.seen[lists[i].list])
            error = df_check_find(c, DF_CHECK_ERROR, "list_missing", CHECK_WHOLE_FILE, "there is no list \"%s\"",
                                  lists[i].key);
    return error < 0 ? error : df_check_whole_truth(c);
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

/* A lack of memory is no fault of the file. */
static int check_image(DfCheck *c, const CheckImage *image, DfCheckImageSize *size, void *user)
{
    int width, height;
    const int error = size(user, image->name, &width, &height);
    if (error == DF_ENOMEM)
        return error;
    if (error < 0)
        return df_check_find(c, DF_CHECK_ERROR, "image_file", image->place, "%s", df_error());
    if (image->width > 0 && (image->width != width || image->height != height))
        return df_check_find(c, DF_CHECK_ERROR, "image_size", image->place,
                             "%s is %d x %d, and %g x %g in the annotations", image->name, width, height,
                             image->width, image->height);
    return DF_OK;
}

int df_check_images(DfCheck *c, DfCheckImageSize *size, void *user)
{
    int error = DF_OK;
    for (size_t i = 0; error == DF_OK && i < c->image_ids.n; i++)
        if (c->images[i].listed && c->images[i].name)
            error = check_image(c, &c->images[i], size, user);
    return error;
}
