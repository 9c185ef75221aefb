/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/coco/ids.h -- private to eval/: ids of images, categories and annotations, numbered in the order they are met.
 */
#ifndef DF_EVAL_COCO_IDS_H
#define DF_EVAL_COCO_IDS_H

#include <stdint.h>

#include "core/core.h"

#define NO_ID UINT32_MAX

/* An integer, or a text if `text` is not NULL. */
typedef struct {
    int64_t number;
    const char *text;
} CocoId;

typedef struct {
    CocoId *ids;
    size_t n, capacity;
    uint32_t *slots; /* open addressing: a place in ids, or NO_ID */
    size_t n_slots;  /* a power of two                            */
    DfArena *texts;
} CocoIds;

void df_coco_ids_done(CocoIds *);
int df_coco_ids_add(CocoIds *, CocoId, uint32_t *place); /* finds it or appends it, copying a text */
uint32_t df_coco_ids_find(const CocoIds *, CocoId);      /* NO_ID if it is not there               */
bool df_coco_ids_reserve(CocoIds *, size_t n);           /* makes room for so many at once; false: no memory */

/* Integers ascending, then texts. */
int df_coco_id_compare(CocoId a, CocoId b);

/* For messages: "17" or "'name'". Valid until the fourth next call of this thread. */
const char *df_coco_id_text(CocoId);

#endif
