/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/coco/results.c -- stores detections in blocks, from a file (results_read.c) or image by image from memory.
 */
#include "eval/coco/results.h"

#include <inttypes.h>
#include <string.h>

int df_coco_results_new(DfCocoResults **out, const DfCoco *gt)
{
    *out = df_calloc(1, sizeof **out);
    if (!*out)
        return df_fail_memory("the detections");
    (*out)->gt = gt;
    return DF_OK;
}

void df_coco_results_free(DfCocoResults *results)
{
    if (!results)
        return;
    df_ids_done(&results->unknown);
    for (size_t i = 0; i < results->n_blocks; i++) {
        df_free(results->blocks[i].detections);
        df_free(results->blocks[i].masks);
        df_free(results->blocks[i].shapes);
    }
    df_free(results->blocks);
    df_free(results->shard_of);
    df_coco_bytes_done(&results->bytes);
    df_coco_segmentation_done(&results->given);
    df_coco_compare_room_done(&results->compare_room);
    df_free(results);
}

size_t df_coco_results_count(const DfCocoResults *results)
{
    return results->n;
}

DfCocoRepeats df_coco_results_repeats(const DfCocoResults *results)
{
    return results->repeats;
}

uint32_t df_coco_find_category(const DfCocoResults *results, DfId id)
{
    const uint32_t known = df_ids_find(&results->gt->categories, id);
    if (known != DF_NO_ID)
        return known;
    const uint32_t unknown = df_ids_find(&results->unknown, id);
    return unknown == DF_NO_ID ? DF_NO_ID : (uint32_t)results->gt->categories.n + unknown;
}

int df_coco_number_category(DfCocoResults *results, DfId id, uint32_t *number)
{
    *number = df_ids_find(&results->gt->categories, id);
    if (*number != DF_NO_ID)
        return DF_OK;
    const int error = df_ids_add(&results->unknown, id, number);
    *number += (uint32_t)results->gt->categories.n;
    return error;
}

static int add_block(DfCocoResults *results)
{
    if (!df_grow((void **)&results->blocks, &results->capacity, results->n_blocks, sizeof *results->blocks))
        return df_fail_memory("the detections");
    const bool masks = df_coco_keeps_masks(results);
    const bool shapes = df_coco_has_shapes(results->gt);
    CocoBlock *const block = &results->blocks[results->n_blocks++];
    *block = (CocoBlock){ df_malloc(DETECTIONS_BLOCK * sizeof *block->detections),
                          masks ? df_malloc(DETECTIONS_BLOCK * sizeof *block->masks) : NULL,
                          shapes ? df_malloc(DETECTIONS_BLOCK * sizeof *block->shapes) : NULL };
    const bool room = block->detections && (block->masks || !masks) && (block->shapes || !shapes);
    return room ? DF_OK : df_fail_memory("the detections");
}

int df_coco_results_keep(DfCocoResults *results, const CocoDetection *detections, const CocoCompared *masks,
                         const CocoShape *shapes, size_t n)
{
    if (n > DF_NO_ID - 1 - results->n)
        return df_fail(DF_EVALUE, "more than %u detections", (unsigned)DF_NO_ID - 1);
    for (size_t some; n > 0; n -= some, detections += some, results->n += some) {
        const size_t place = results->n % DETECTIONS_BLOCK;
        some = DETECTIONS_BLOCK - place < n ? DETECTIONS_BLOCK - place : n;
        const int error = place == 0 ? add_block(results) : DF_OK;
        if (error < 0)
            return error;
        memcpy(df_coco_detection(results, results->n), detections, some * sizeof *detections);
        if (df_coco_keeps_masks(results)) {
            memcpy(df_coco_compared(results, results->n), masks, some * sizeof *masks);
            masks += some;
        }
        if (df_coco_has_shapes(results->gt)) {
            memcpy(df_coco_shape(results, results->n), shapes, some * sizeof *shapes);
            shapes += some;
        }
    }
    return DF_OK;
}

/* ---- from memory ----------------------------------------------------------------------------------------------- */

static int take_mask(DfCocoResults *results, const DfMask *from, CocoMask *to)
{
    DfRunList *const runs = &results->given.runs;
    const DfRunFacts facts = df_runs_facts(from->runs, from->n, from->height, from->width);
    *to = (CocoMask){ .form = DF_MASK_RUNS, .height = from->height, .width = from->width };
    to->area = facts.area;
    to->plain = facts.plain;
    memcpy(to->box, facts.box, sizeof to->box);
    if (!df_runs_grow(runs, from->n))
        return df_fail_memory("masks");
    if (from->n)
        memcpy(runs->at, from->runs, from->n * sizeof *runs->at);
    runs->n = from->n;
    return DF_OK;
}

static int add(DfCocoResults *results, int64_t image_id, size_t n, const DfMask *masks, const double (*boxes)[4],
               const double *scores, const int64_t *category_ids)
{
    const DfCoco *gt = results->gt;
    const uint32_t image = df_ids_find(&gt->images, (DfId){ image_id, NULL });
    if (image == DF_NO_ID || !gt->image_listed[image])
        return df_fail(DF_EVALUE, "image_id %" PRId64 " is not an image of %s", image_id, gt->name);
    if (n > 0 && results->kind == KIND_UNKNOWN)
        results->kind = boxes ? KIND_BOX : KIND_MASK;
    if (n > 0 && (boxes ? KIND_BOX : KIND_MASK) != results->kind)
        return df_fail(DF_EVALUE, "some detections have a box and others do not: want either in one evaluation");
    results->some_drawn |= n > 0 && !masks;
    int error = DF_OK;
    for (size_t i = 0; error == DF_OK && i < n; i++) {
        CocoDetection d = { .score = scores[i], .image = image };
        CocoMask mask = { 0 };
        CocoCompared compared;
        if (masks)
            error = take_mask(results, &masks[i], &mask);
        for (int k = 0; k < 4; k++)
            d.box[k] = boxes ? boxes[i][k] : mask.box[k];
        if (error == DF_OK)
            error = df_coco_number_category(results, (DfId){ category_ids[i], NULL }, &d.category);
        if (error == DF_OK)
            error = df_coco_compare(gt, &results->compare_room, &results->given, &mask, &d, &results->bytes,
                                    &compared);
        if (error == DF_OK)
            error = df_coco_results_keep(results, &d, &compared, &(CocoShape){ 0 }, 1);
    }
    return error;
}

int df_coco_results_add(DfCocoResults *results, int64_t image_id, size_t n, const double (*boxes)[4],
                        const double *scores, const int64_t *category_ids)
{
    return add(results, image_id, n, NULL, boxes, scores, category_ids);
}

int df_coco_results_add_masks(DfCocoResults *results, int64_t image_id, size_t n, const DfMask *masks,
                              const double (*boxes)[4], const double *scores, const int64_t *category_ids)
{
    return add(results, image_id, n, masks, boxes, scores, category_ids);
}
