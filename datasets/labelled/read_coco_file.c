/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/labelled/read_coco_file.c -- reads one file of COCO's or LVIS's schema as a part of a set. Members that are
 * not used here are kept unchanged.
 */
#include <math.h>
#include <string.h>

#include "datasets/labelled/private.h"

enum { LARGEST_SIDE = 1 << 30 };

/* Lists come in any order. So what refers to an id first holds its place among the ids, until all are known. */
typedef struct {
    DfLabelled *set;
    int part, first_picture, first_class;
    size_t first_object;
    DfIds images, categories;
    int *picture_of, *label_of;    /* [places]: -1: not met yet */
    size_t picture_capacity, label_capacity;
    DfCocoRecord room;
    DfTextbuf rest, head;
    bool has_categories;
} Reader;

static int put_member(DfTextbuf *to, DfJson *json, const DfJsonValue *key)
{
    if (to->n)
        df_textbuf_add(to, ", ");
    df_textbuf_json(to, key->text);
    df_textbuf_add(to, ": ");
    return df_json_copy(json, to);
}

static int take_member(void *arg, DfCocoRecord *r, const DfJsonValue *key)
{
    Reader *reader = arg;
    return put_member(&reader->rest, r->json, key);
}

static int take_head(void *arg, DfJson *json, const DfJsonValue *key)
{
    Reader *reader = arg;
    return put_member(&reader->head, json, key);
}

static int place_of(DfIds *ids, int **list, size_t *capacity, DfId id, uint32_t *place)
{
    const size_t before = ids->n;
    const int error = df_ids_add(ids, id, place);
    if (error < 0 || *place < before)
        return error;
    if (!df_grow((void **)list, capacity, *place, sizeof **list))
        return df_fail_memory("ids");
    (*list)[*place] = -1;
    return DF_OK;
}

static int place_of_category(Reader *reader, DfId id, uint32_t *place)
{
    return place_of(&reader->categories, &reader->label_of, &reader->label_capacity, id, place);
}

static int place_of_image(Reader *reader, DfId id, uint32_t *place)
{
    return place_of(&reader->images, &reader->picture_of, &reader->picture_capacity, id, place);
}

/* ---- categories -------------------------------------------------------------------------------------------------- */

static const char *rest_of(Reader *reader)
{
    const char *rest = reader->rest.n ? reader->rest.at : "";
    reader->rest.n = 0;
    return rest;
}

static int take_category(void *arg, DfCocoRecord *r)
{
    Reader *reader = arg;
    uint32_t place;
    const char *rest = rest_of(reader);
    if (!(r->has & DF_COCO_ID) || !(r->has & DF_COCO_NAME))
        return df_coco_record_fail(r, "has no %s", r->has & DF_COCO_ID ? "name" : "id");
    if (!r->name.at[0] || strlen(r->name.at) != r->name.n)
        return df_coco_record_fail(r, "name is empty, or has a zero in it");
    const int error = place_of_category(reader, r->id, &place);
    if (error < 0)
        return error;
    if (reader->label_of[place] >= 0)
        return df_coco_record_fail(r, "id %s is given twice", df_id_text(r->id));
    int label = reader->part > 0 ? df_labelled_find_class(reader->set, r->name.at) : -1; /* of an earlier part */
    if (label < 0)
        label = df_labelled_add_class(reader->set, &(DfLabelledClass){ r->id, r->name.at, rest });
    reader->label_of[place] = label;
    return label < 0 ? label : DF_OK;
}

/* ---- images ------------------------------------------------------------------------------------------------------ */

/* LVIS: "http://images.cocodataset.org/val2017/000000000139.jpg" is val2017/000000000139.jpg. */
const char *df_labelled_name_in_url(const char *url)
{
    const char *host = strstr(url, "://");
    const char *slash = host ? strchr(host + 3, '/') : NULL;
    return slash ? slash + 1 : url;
}

static int take_side(const DfCocoRecord *r, unsigned field, const char *name, double side, int *out)
{
    *out = 0;
    if (!(r->has & field) || side == 0)
        return DF_OK;
    if (!(side >= 1 && side <= LARGEST_SIDE && side == floor(side)))
        return df_coco_record_fail(r, "%s is %g, want a whole number of pixels", name, side);
    *out = (int)side;
    return DF_OK;
}

static int take_ids(Reader *reader, const DfCocoIdList *ids, int **out, int *n)
{
    *n = 0;
    *out = ids->n ? df_arena_alloc(reader->set->arena, ids->n, sizeof **out) : NULL;
    if (ids->n && !*out)
        return df_fail_memory("classes of an image");
    for (size_t i = 0; i < ids->n; i++) {
        uint32_t place;
        const int error = place_of_category(reader, (DfId){ ids->at[i], NULL }, &place);
        if (error < 0)
            return error;
        (*out)[(*n)++] = (int)place;
    }
    return DF_OK;
}

static int name_picture(const DfCocoRecord *r, DfLabelledPicture *picture)
{
    const bool named = r->has & DF_COCO_FILE_NAME;
    const DfCocoText *text = named ? &r->file_name : &r->url;
    if (!(r->has & DF_COCO_ID))
        return df_coco_record_fail(r, "has no id");
    if (!named && !(r->has & DF_COCO_URL))
        return df_coco_record_fail(r, "has no file_name");
    picture->name = named ? text->at : df_labelled_name_in_url(text->at);
    picture->url = r->has & DF_COCO_URL ? r->url.at : "";
    if (strlen(text->at) != text->n || !picture->name[0] || text->n > 3000)
        return df_coco_record_fail(r, "file_name is empty, has a zero in it, or more than 3000 bytes");
    return DF_OK;
}

static int take_image(void *arg, DfCocoRecord *r)
{
    Reader *reader = arg;
    uint32_t place = 0;
    DfLabelledPicture picture = { .id = r->id, .part = reader->part, .rest = rest_of(reader) };
    picture.federated = r->has & (DF_COCO_ABSENT | DF_COCO_INCOMPLETE);
    int error = name_picture(r, &picture);
    if (error == DF_OK)
        error = take_side(r, DF_COCO_HEIGHT, "height", r->height, &picture.height);
    if (error == DF_OK)
        error = take_side(r, DF_COCO_WIDTH, "width", r->width, &picture.width);
    if (error == DF_OK)
        error = take_ids(reader, &r->absent, &picture.absent, &picture.n_absent);
    if (error == DF_OK)
        error = take_ids(reader, &r->incomplete, &picture.incomplete, &picture.n_incomplete);
    if (error == DF_OK)
        error = place_of_image(reader, r->id, &place);
    if (error < 0)
        return error;
    if (reader->picture_of[place] >= 0)
        return df_coco_record_fail(r, "id %s is given twice", df_id_text(r->id));
    if (picture.federated)
        reader->set->form = DF_LABELLED_LVIS;
    const int i = df_labelled_add_picture(reader->set, &picture);
    reader->picture_of[place] = i;
    return i < 0 ? i : DF_OK;
}

/* ---- annotations ------------------------------------------------------------------------------------------------- */

static int take_polygons(const DfCocoRecord *r, DfObjectMask *mask, DfPolygon **list)
{
    const DfCocoSegmentation *s = &r->segmentation;
    size_t n = 0;
    for (size_t at = 0; at < s->n; at += (size_t)s->numbers[at] + 1)
        n++;
    *list = df_malloc((n + 1) * sizeof **list);
    if (!*list)
        return df_fail_memory("polygons");
    n = 0;
    for (size_t at = 0; at < s->n; at += (size_t)s->numbers[at] + 1) {
        const size_t numbers = (size_t)s->numbers[at];
        if (numbers % 2)
            return df_coco_record_fail(r, "segmentation: a polygon of %zu numbers, want x and y in turn", numbers);
        (*list)[n++] = (DfPolygon){ numbers / 2, s->numbers + at + 1 };
    }
    *mask = (DfObjectMask){ .form = DF_MASK_POLYGONS, .n_polygons = n, .polygons = *list };
    return DF_OK;
}

/* What is borrowed lasts until the object is added. */
static int take_mask(const DfCocoRecord *r, DfLabelledObject *o, DfPolygon **list)
{
    const DfCocoSegmentation *s = &r->segmentation;
    o->compressed = s->compressed;
    if (!(r->has & DF_COCO_SEGMENTATION) || s->form == DF_MASK_NONE)
        return DF_OK;
    if (s->form == DF_MASK_POLYGONS)
        return take_polygons(r, &o->mask, list);
    o->mask.form = DF_MASK_RUNS;
    o->mask.runs = (DfMask){ s->height, s->width, s->runs.n, s->runs.at };
    return DF_OK;
}

static double area_of(const DfLabelledObject *o)
{
    if (o->mask.form == DF_MASK_POLYGONS)
        return df_labelled_polygon_area(&o->mask);
    if (o->mask.form == DF_MASK_RUNS)
        return df_mask_area(&o->mask.runs);
    return o->has_box ? fmax(o->box[2], 0) * fmax(o->box[3], 0) : 0;
}

static int take_box(const DfCocoRecord *r, DfLabelledObject *o)
{
    o->has_box = r->has & DF_COCO_BBOX;
    memcpy(o->box, r->box, sizeof o->box);
    for (int i = 0; o->has_box && i < 4; i++)
        if (!(fabs(r->box[i]) < 1e12))
            return df_coco_record_fail(r, "bbox has the number %g, want pixels", r->box[i]);
    if (!o->has_box)
        o->has_box = df_labelled_mask_box(&o->mask, o->box);
    o->area = r->has & DF_COCO_AREA && isfinite(r->area) ? r->area : area_of(o);
    return DF_OK;
}

static int take_annotation(void *arg, DfCocoRecord *r)
{
    Reader *reader = arg;
    uint32_t picture = 0;
    uint32_t label = 0;
    DfPolygon *polygons = NULL;
    DfLabelledObject o = { .id = r->id, .crowd = r->iscrowd, .ignore = r->ignore, .rest = rest_of(reader) };
    if (!(r->has & DF_COCO_IMAGE_ID) || !(r->has & DF_COCO_CATEGORY_ID))
        return df_coco_record_fail(r, "has no %s", r->has & DF_COCO_IMAGE_ID ? "category_id" : "image_id");
    int error = place_of_image(reader, r->image_id, &picture);
    if (error == DF_OK)
        error = place_of_category(reader, r->category_id, &label);
    if (error == DF_OK)
        error = take_mask(r, &o, &polygons);
    if (error == DF_OK)
        error = take_box(r, &o);
    o.picture = (int)picture;
    o.label = (int)label;
    if (!(r->has & DF_COCO_ID))
        o.id.number = (int64_t)(reader->set->n_objects - reader->first_object) + 1;
    if (error == DF_OK)
        error = df_labelled_add_object(reader->set, &o);
    df_free(polygons);
    return error;
}

/* ---- the whole --------------------------------------------------------------------------------------------------- */

static int take_list(void *arg, DfCocoList list, DfJson *json)
{
    Reader *reader = arg;
    static const unsigned wanted[] = {
        [DF_COCO_IMAGES] = DF_COCO_ID | DF_COCO_FILE_NAME | DF_COCO_HEIGHT | DF_COCO_WIDTH | DF_COCO_URL |
                           DF_COCO_ABSENT | DF_COCO_INCOMPLETE,
        [DF_COCO_CATEGORIES] = DF_COCO_ID | DF_COCO_NAME,
        [DF_COCO_ANNOTATIONS] = DF_COCO_ID | DF_COCO_IMAGE_ID | DF_COCO_CATEGORY_ID | DF_COCO_BBOX | DF_COCO_AREA |
                                DF_COCO_ISCROWD | DF_COCO_IGNORE | DF_COCO_SEGMENTATION,
    };
    static int (*const take[])(void *, DfCocoRecord *) = {
        [DF_COCO_IMAGES] = take_image,
        [DF_COCO_CATEGORIES] = take_category,
        [DF_COCO_ANNOTATIONS] = take_annotation,
    };
    const DfCocoSink sink = { .arg = reader, .wanted = wanted[list], .record = take[list], .other = take_member,
                              .problem = df_coco_allow_empty };
    reader->has_categories |= list == DF_COCO_CATEGORIES;
    return df_coco_stream_records(json, list, 0, &reader->room, &sink);
}

/* A list that is given again replaces the one before. Classes of another part stay. */
static int forget_list(void *arg, DfCocoList list, DfJson *json)
{
    Reader *reader = arg;
    (void)json;
    if (list == DF_COCO_IMAGES) {
        reader->set->n_pictures = reader->first_picture;
        for (size_t i = 0; i < reader->images.n; i++)
            reader->picture_of[i] = -1;
    } else if (list == DF_COCO_CATEGORIES) {
        reader->set->n_classes = reader->first_class;
        for (size_t i = 0; i < reader->categories.n; i++)
            reader->label_of[i] = -1;
    } else {
        reader->set->n_objects = reader->first_object;
    }
    return DF_OK;
}

static int resolve_ids(const Reader *reader, int *places, int n, const DfLabelledPicture *picture)
{
    for (int i = 0; i < n; i++) {
        const int label = reader->label_of[places[i]];
        if (label < 0)
            return df_fail(DF_EFORMAT, "image %s: category %s is not among the categories", df_id_text(picture->id),
                           df_id_text(reader->categories.ids[places[i]]));
        places[i] = label;
    }
    return DF_OK;
}

/* Places become pictures and labels. */
static int resolve(Reader *reader)
{
    DfLabelled *set = reader->set;
    int error = DF_OK;
    for (int i = reader->first_picture; error == DF_OK && i < set->n_pictures; i++) {
        const DfLabelledPicture *picture = &set->pictures[i];
        error = resolve_ids(reader, picture->absent, picture->n_absent, picture);
        if (error == DF_OK)
            error = resolve_ids(reader, picture->incomplete, picture->n_incomplete, picture);
    }
    for (size_t k = reader->first_object; error == DF_OK && k < set->n_objects; k++) {
        DfLabelledObject *o = &set->objects[k];
        const DfId image = reader->images.ids[o->picture];
        const DfId category = reader->categories.ids[o->label];
        o->picture = reader->picture_of[o->picture];
        o->label = reader->label_of[o->label];
        if (o->picture < 0)
            error = df_fail(DF_EFORMAT, "annotation %s: image_id %s is not among the images", df_id_text(o->id),
                            df_id_text(image));
        else if (o->label < 0)
            error = df_fail(DF_EFORMAT, "annotation %s: category_id %s is not among the categories",
                            df_id_text(o->id), df_id_text(category));
    }
    return error;
}

static int keep_head(Reader *reader)
{
    const char *head = reader->head.n ? df_arena_copy(reader->set->arena, reader->head.at, reader->head.n) : "";
    if (!head || reader->head.failed || reader->rest.failed)
        return df_fail_memory("a dataset");
    reader->set->parts[reader->part].head = head;
    return DF_OK;
}

static int read_all(Reader *reader, const char *path)
{
    DfJson *json;
    const DfCocoFile file = { .arg = reader, .list = take_list, .again = forget_list, .other = take_head };
    int error = df_json_open(&json, path);
    if (error < 0)
        return error;
    error = df_coco_stream_truth(json, &file);
    df_json_close(json);
    if (error == DF_OK && !reader->has_categories)
        error = df_fail(DF_EFORMAT, "%s: no categories: want COCO's annotations", path);
    if (error == DF_OK && (error = resolve(reader)) < 0)
        df_fail_in(error, "%s: ", path);
    return error == DF_OK ? keep_head(reader) : error;
}

int df_labelled_read_json(DfLabelled *set, const char *path, const char *part, const DfLabelledSource *source)
{
    (void)source;
    Reader reader = { .set = set, .first_picture = set->n_pictures, .first_object = set->n_objects,
                      .first_class = set->n_classes };
    reader.part = df_labelled_add_part(set, part);
    int error = reader.part < 0 ? reader.part : df_labelled_note(set, path);
    if (error == DF_OK)
        error = read_all(&reader, path);
    df_ids_done(&reader.images);
    df_ids_done(&reader.categories);
    df_free(reader.picture_of);
    df_free(reader.label_of);
    df_free(reader.rest.at);
    df_free(reader.head.at);
    df_coco_record_done(&reader.room);
    return error;
}
