/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/coco/images.c -- images and categories of the ground truth: those in its lists, and those that only annotations
 * mention.
 */
#include <math.h>
#include <string.h>

#include "eval/coco/builder.h"

/* Adds an id to a table whose entries carry a `listed` flag each. */
static int add_id(DfIds *ids, bool **listed, size_t *capacity, CocoOrder *order, DfId id, bool now_listed,
                  uint32_t *place)
{
    const size_t before = ids->n;
    if (!df_grow((void **)listed, capacity, ids->n, sizeof **listed) ||
        !df_grow((void **)&order->at, &order->capacity, order->n, sizeof *order->at))
        return df_fail_memory("ids");
    const int error = df_ids_add(ids, id, place);
    if (error < 0)
        return error;
    if (ids->n > before)
        (*listed)[*place] = false;
    if (now_listed && !(*listed)[*place])
        order->at[order->n++] = *place;
    (*listed)[*place] |= now_listed;
    return DF_OK;
}

/* A list that is given again replaces the one before. */
static void forget(bool *listed, size_t n, CocoOrder *order)
{
    order->n = 0;
    for (size_t i = 0; i < n; i++)
        listed[i] = false;
}

/* ---- images ---------------------------------------------------------------------------------------------------- */

int df_coco_add_image(CocoBuilder *b, DfId id, bool listed, uint32_t *place)
{
    DfCoco *coco = b->coco;
    const size_t before = coco->images.n;
    if (!df_grow((void **)&coco->sizes, &b->sizes_capacity, before, sizeof *coco->sizes))
        return df_fail_memory("ids");
    if (coco->federated &&
        !df_grow((void **)&coco->federation, &b->federation_capacity, before, sizeof *coco->federation))
        return df_fail_memory("ids");
    if (coco->with_keypoints &&
        !df_grow((void **)&coco->crowd_index, &b->crowd_index_capacity, before, sizeof *coco->crowd_index))
        return df_fail_memory("ids");
    const int error = add_id(&coco->images, &coco->image_listed, &b->images_capacity, &coco->image_order, id,
                             listed, place);
    if (error == DF_OK && coco->images.n > before)
        coco->sizes[*place] = (CocoSize){ 0, 0, false };
    if (error == DF_OK && coco->images.n > before && coco->federated)
        coco->federation[*place] = (CocoFederation){ 0 };
    if (error == DF_OK && coco->images.n > before && coco->with_keypoints)
        coco->crowd_index[*place] = (double)NAN;
    return error;
}

/* Is this how many pixels a side has? */
static bool is_side(double side)
{
    return side >= 0 && side <= UINT32_MAX && side == floor(side);
}

/* Heights and widths that are none count as not given: masks ask for them. */
static CocoSize size_of(const DfCocoRecord *r)
{
    const bool height = (r->has & DF_COCO_HEIGHT) && is_side(r->height);
    const bool width = (r->has & DF_COCO_WIDTH) && is_side(r->width);
    return (CocoSize){ height ? (uint32_t)r->height : 0, width ? (uint32_t)r->width : 0, height && width };
}

static int odd_image(void *arg, DfCocoRecord *r, const DfCocoProblem *p)
{
    if (!(p->field & (DF_COCO_HEIGHT | DF_COCO_WIDTH)))
        return df_coco_refuse(arg, r, p);
    if (p->met == DF_JSON_ARRAY || p->met == DF_JSON_OBJECT)
        return df_coco_record_fail(r, "height or width is not a number");
    r->has &= ~p->field;
    return DF_OK;
}

static int keep_list(DfArena *arena, const DfCocoIdList *from, const int64_t **to, size_t *n)
{
    int64_t *copy = df_arena_alloc(arena, from->n + 1, sizeof *copy);
    if (!copy)
        return df_fail_memory("classes of an image");
    if (from->n)
        memcpy(copy, from->at, from->n * sizeof *copy);
    *to = copy;
    *n = from->n;
    return DF_OK;
}

static int keep_federation(DfCoco *coco, DfCocoRecord *r, uint32_t place)
{
    CocoFederation *f = &coco->federation[place];
    if (!(r->has & DF_COCO_ABSENT) || !(r->has & DF_COCO_INCOMPLETE))
        return df_coco_record_fail(r, "has no %s: want LVIS's annotations",
                                   r->has & DF_COCO_ABSENT ? "not_exhaustive_category_ids" : "neg_category_ids");
    const int error = keep_list(coco->names, &r->absent, &f->absent, &f->n_absent);
    return error < 0 ? error : keep_list(coco->names, &r->incomplete, &f->incomplete, &f->n_incomplete);
}

static int take_image(void *arg, DfCocoRecord *r)
{
    CocoBuilder *const b = arg;
    const CocoSize size = size_of(r);
    uint32_t place;
    if (!(r->has & DF_COCO_ID))
        return df_coco_record_fail(r, "has no id");
    const int error = df_coco_add_image(b, r->id, true, &place);
    if (error < 0)
        return error;
    CocoSize *const known = &b->coco->sizes[place];
    if (b->drawn && known->given && (known->height != size.height || known->width != size.width))
        return df_coco_record_fail(r, "gives image %s another size, after the annotations", df_id_text(r->id));
    *known = size;
    if (b->coco->with_keypoints)
        b->coco->crowd_index[place] = r->has & DF_COCO_CROWD_INDEX ? r->crowd_index : (double)NAN;
    return b->coco->federated ? keep_federation(b->coco, r, place) : DF_OK;
}

int df_coco_read_images(CocoBuilder *b, DfJson *json)
{
    DfCocoSink sink = { .arg = b, .record = take_image, .problem = odd_image };
    sink.wanted = DF_COCO_ID | DF_COCO_HEIGHT | DF_COCO_WIDTH;
    if (b->coco->federated)
        sink.wanted |= DF_COCO_ABSENT | DF_COCO_INCOMPLETE;
    if (b->coco->with_keypoints)
        sink.wanted |= DF_COCO_CROWD_INDEX;
    forget(b->coco->image_listed, b->coco->images.n, &b->coco->image_order);
    b->has_images = true;
    return df_coco_stream_records(json, DF_COCO_IMAGES, 0, &b->record, &sink);
}

int df_coco_told_images(CocoBuilder *b, const DfCocoTeller *teller)
{
    b->has_images = true;
    return df_coco_take_told(teller, DF_COCO_IMAGES, &b->record, take_image, b);
}

/* ---- categories ------------------------------------------------------------------------------------------------ */

/* The category table grows by annotations too, so its names do. */
static int add_category(CocoBuilder *b, DfId id, bool listed, uint32_t *place)
{
    DfCoco *coco = b->coco;
    const size_t before = coco->categories.n;
    if (!df_grow((void **)&coco->category_names, &b->names_capacity, before, sizeof *coco->category_names))
        return df_fail_memory("category names");
    if (coco->federated && !df_grow((void **)&coco->frequency, &b->frequency_capacity, before, 1))
        return df_fail_memory("category names");
    const int error = add_id(&coco->categories, &coco->category_listed, &b->categories_capacity,
                             &coco->category_order, id, listed, place);
    if (error == DF_OK && coco->categories.n > before)
        coco->category_names[*place] = NULL;
    if (error == DF_OK && coco->categories.n > before && coco->federated)
        coco->frequency[*place] = 0;
    return error;
}

int df_coco_add_category(CocoBuilder *b, DfId id, uint32_t *place)
{
    return add_category(b, id, false, place);
}

static int take_category(void *arg, DfCocoRecord *r)
{
    CocoBuilder *const b = arg;
    uint32_t place;
    const char *name = NULL;
    if (!(r->has & DF_COCO_ID))
        return df_coco_record_fail(r, "has no id");
    if (b->coco->federated && (!r->frequency || !strchr("rcf", r->frequency)))
        return df_coco_record_fail(r, "has no frequency r, c or f: want LVIS's annotations");
    if ((r->has & DF_COCO_NAME) && !(name = df_arena_copy(b->coco->names, r->name.at, strlen(r->name.at))))
        return df_fail_memory("category names");
    const int error = add_category(b, r->id, true, &place);
    if (error == DF_OK)
        b->coco->category_names[place] = name;
    if (error == DF_OK && b->coco->federated)
        b->coco->frequency[place] = r->frequency;
    return error;
}

int df_coco_read_categories(CocoBuilder *b, DfJson *json)
{
    DfCocoSink sink = { .arg = b, .wanted = DF_COCO_ID | DF_COCO_NAME, .record = take_category };
    if (b->coco->federated)
        sink.wanted |= DF_COCO_FREQUENCY;
    forget(b->coco->category_listed, b->coco->categories.n, &b->coco->category_order);
    b->has_categories = true;
    return df_coco_stream_records(json, DF_COCO_CATEGORIES, 0, &b->record, &sink);
}

int df_coco_told_categories(CocoBuilder *b, const DfCocoTeller *teller)
{
    b->has_categories = true;
    return df_coco_take_told(teller, DF_COCO_CATEGORIES, &b->record, take_category, b);
}
