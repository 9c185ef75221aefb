/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/coco/read.c -- reads the annotation file as a stream, and reports what was wrong.
 */
#include <string.h>

#include "eval/coco/builder.h"

/* One of the three lists, whose '[' was met. */
static int read_list(void *arg, DfCocoList list, DfJson *json)
{
    CocoBuilder *const b = arg;
    if (list == DF_COCO_IMAGES)
        return df_coco_read_images(b, json);
    if (list == DF_COCO_CATEGORIES)
        return df_coco_read_categories(b, json);
    return df_coco_read_annotations(b, json);
}

static int read_file(CocoBuilder *b, DfJson *json)
{
    const int error = df_coco_stream_truth(json, &(DfCocoFile){ .arg = b, .list = read_list });
    if (error < 0 || (b->has_images && b->has_categories))
        return error;
    return df_json_fail(json, DF_EFORMAT, "has no \"%s\", want a COCO annotation file",
                        b->has_images ? "categories" : "images");
}

/* A ground truth of nothing, with the builder that fills it. */
static int begin(CocoBuilder **out, const char *name, const DfCocoReading *how)
{
    DfCoco *coco = df_calloc(1, sizeof *coco);
    CocoBuilder *b = *out = df_calloc(1, sizeof *b);
    const size_t length = strlen(name) + 1;
    const bool room = coco && b && (coco->names = df_arena_new()) && (coco->name = df_malloc(length));
    if (!room) {
        df_coco_free(coco);
        df_free(b);
        *out = NULL;
        return df_fail_memory("the annotations");
    }
    memcpy(coco->name, name, length);
    coco->pool = how->pool;
    coco->with_masks = how->masks || how->boundary_ratio > 0;
    coco->boundary_ratio = how->boundary_ratio;
    coco->across_classes = how->across_classes;
    coco->with_keypoints = how->keypoints;
    coco->with_oriented = how->oriented;
    coco->federated = how->federated;
    b->coco = coco;
    return DF_OK;
}

/* Frees the builder, and after an error what it built. */
static int end(CocoBuilder *b, DfCoco **out, int error)
{
    if (error == DF_OK)
        error = df_coco_finish_annotations(b);
    if (error == DF_OK)
        *out = b->coco;
    else
        df_coco_free(b->coco);
    df_coco_undrawn_done(&b->undrawn);
    df_coco_record_done(&b->record);
    df_ids_done(&b->annotation_ids);
    df_free(b->last);
    df_free(b);
    return error;
}

int df_coco_read_with(DfCoco **out, DfJson *json, const DfCocoReading *how)
{
    CocoBuilder *b;
    *out = NULL;
    const int error = begin(&b, df_json_name(json), how);
    return error < 0 ? error : end(b, out, read_file(b, json));
}

/* ---- from memory ------------------------------------------------------------------------------------------------- */

int df_coco_take_told(const DfCocoTeller *teller, DfCocoList list, DfCocoRecord *r,
                      int (*take)(void *arg, DfCocoRecord *), void *arg)
{
    int error = DF_OK;
    for (r->number = 1; error == DF_OK; r->number++) {
        r->list = list;
        r->has = 0;
        r->segmentation.form = DF_MASK_NONE;
        error = teller->tell(teller->arg, list, r);
        if (error == DF_OK)
            error = take(arg, r);
    }
    return error == DF_COCO_ENOUGH ? DF_OK : error;
}

int df_coco_tell(DfCoco **out, const DfCocoTeller *teller, const DfCocoReading *how)
{
    CocoBuilder *b;
    *out = NULL;
    int error = begin(&b, teller->name, how);
    if (error < 0)
        return error;
    error = df_coco_told_images(b, teller);
    if (error == DF_OK)
        error = df_coco_told_categories(b, teller);
    if (error == DF_OK)
        error = df_coco_told_annotations(b, teller);
    return end(b, out, error);
}

/* ---- other ways in ----------------------------------------------------------------------------------------------- */

int df_coco_read(DfCoco **out, DfJson *json)
{
    return df_coco_read_with(out, json, &(DfCocoReading){ 0 });
}

int df_coco_open_with(DfCoco **out, const char *path, const DfCocoReading *how)
{
    DfJson *json;
    *out = NULL;
    int error = df_json_open(&json, path);
    if (error < 0)
        return error;
    error = df_coco_read_with(out, json, how);
    df_json_close(json);
    return error;
}

int df_coco_open(DfCoco **out, const char *path)
{
    return df_coco_open_with(out, path, &(DfCocoReading){ 0 });
}

void df_coco_free(DfCoco *coco)
{
    if (!coco)
        return;
    df_ids_done(&coco->images);
    df_ids_done(&coco->categories);
    df_free(coco->image_listed);
    df_free(coco->category_listed);
    df_free(coco->image_order.at);
    df_free(coco->category_order.at);
    df_free(coco->category_names);
    df_arena_free(coco->names);
    df_free(coco->annotations);
    df_free(coco->masks);
    df_free(coco->shapes);
    df_free(coco->crowd_index);
    df_free(coco->sizes);
    df_free(coco->federation);
    df_free(coco->frequency);
    df_free(coco->of_image);
    df_free(coco->of_image_start);
    df_coco_bytes_done(&coco->bytes);
    df_free(coco->name);
    df_free(coco);
}

size_t df_coco_images(const DfCoco *coco)
{
    return coco->image_order.n;
}

size_t df_coco_categories(const DfCoco *coco)
{
    return coco->category_order.n;
}

DfId df_coco_listed_image(const DfCoco *coco, size_t i)
{
    return coco->images.ids[coco->image_order.at[i]];
}

DfId df_coco_listed_category(const DfCoco *coco, size_t i)
{
    return coco->categories.ids[coco->category_order.at[i]];
}

size_t df_coco_annotations(const DfCoco *coco)
{
    return coco->n_annotations;
}
