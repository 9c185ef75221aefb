/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/coco/results_shards.c -- several results files of one run: which of them has an image first. Detections of this
 * image in later files are ignored.
 */
#include "eval/coco/results.h"

#define REPEATED 0x80000000u /* beside the number of the file: a later file has the image too */

bool df_coco_is_in_earlier_shard(const DfCocoResults *results, uint32_t image)
{
    if (!results->shard_of)
        return false;
    const unsigned shard = atomic_load(&results->shard_of[image]) & ~REPEATED;
    return shard != 0 && shard != results->n_files;
}

void df_coco_note_shard(DfCocoResults *results, const CocoDetection *detections, size_t n)
{
    for (size_t i = 0; results->shard_of && i < n; i++) {
        unsigned none = 0;
        atomic_compare_exchange_strong(&results->shard_of[detections[i].image], &none, results->n_files);
    }
}

void df_coco_note_repeated(DfCocoResults *results, const uint32_t *images, size_t n, size_t detections)
{
    results->repeats.detections += detections;
    for (size_t i = 0; results->shard_of && i < n; i++)
        atomic_fetch_or(&results->shard_of[images[i]], REPEATED);
}

int df_coco_begin_shard(DfCocoResults *results)
{
    if (++results->n_files < 2 || results->shard_of)
        return DF_OK;
    if (!(results->shard_of = df_calloc(results->gt->images.n + 1, sizeof *results->shard_of)))
        return df_fail_memory("the images of several files");
    for (size_t i = 0; i < results->n; i++)
        atomic_init(&results->shard_of[df_coco_detection(results, i)->image], 1);
    return DF_OK;
}

void df_coco_end_shard(DfCocoResults *results)
{
    size_t images = 0;
    for (size_t i = 0; results->shard_of && i < results->gt->images.n; i++)
        images += (atomic_load(&results->shard_of[i]) & REPEATED) != 0;
    results->repeats.images = images;
}
