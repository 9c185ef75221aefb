/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/coco/results.h -- private to eval/: detections in memory. results.c stores them, results_shards.c tells which
 * of several files has an image first, results_read.c reads a file, results_kind.c tells whether they are boxes,
 * masks, keypoints or oriented boxes.
 */
#ifndef DF_EVAL_COCO_RESULTS_H
#define DF_EVAL_COCO_RESULTS_H

#include "eval/coco/data.h"

/* Do detections have a mask that is compared? */
static inline bool df_coco_keeps_masks(const DfCocoResults *results)
{
    return results->kind == KIND_MASK || results->gt->with_masks;
}

/* The place of a category: behind those of the ground truth if that does not mention it. */
int df_coco_number_category(DfCocoResults *, DfId, uint32_t *number);

/* Appends copies of n detections; `masks` and `shapes` are read where such are kept. */
int df_coco_results_keep(DfCocoResults *, const CocoDetection *, const CocoCompared *masks, const CocoShape *shapes,
                         size_t n);

/* ---- what the detections are ------------------------------------------------------------------------------------- */

/* By the fields that the first one has. */
CocoKind df_coco_kind_of(unsigned has);
/* Looks ahead at the first detection of a list; without one the kind stays unknown. */
int df_coco_find_kind(DfCocoResults *, const DfJson *at);

/* ---- shards: of an image that several files have, the first file counts ------------------------------------------ */

/* A file begins. Of the first one nothing is noted until there is a second. */
int df_coco_begin_shard(DfCocoResults *);
/* Does an earlier file have the image? That never changes while a file is read. */
bool df_coco_is_in_earlier_shard(const DfCocoResults *, uint32_t image);
/* A piece of the file is joined: of its n detections, which have images that no file had before, and of images that
 * an earlier file has, with how many detections. */
void df_coco_note_shard(DfCocoResults *, const CocoDetection *, size_t n);
void df_coco_note_repeated(DfCocoResults *, const uint32_t *images, size_t n, size_t detections);
void df_coco_end_shard(DfCocoResults *);

#endif
