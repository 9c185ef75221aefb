/* SPDX-License-Identifier: Apache-2.0
 *
 * annotations/ids.h -- ids of images, categories and annotations, numbered in the order in which they are met.
 * Included by annotations/annotations.h.
 */
#ifndef DF_ANNOTATIONS_IDS_H
#define DF_ANNOTATIONS_IDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/core.h"

DF_BEGIN_DECLS

#define DF_NO_ID UINT32_MAX

/* An integer, or a text if `text` is not NULL. An integer beyond 64 bits is its digits as a text, and the number
 * DF_BIG_ID; with a text that is one, the number is 0. */
enum { DF_BIG_ID = 1 };
typedef struct {
    int64_t number;
    const char *text;
} DfId;

static inline bool df_id_is_text(DfId id)
{
    return id.text && id.number != DF_BIG_ID;
}

/* Integers ascending, then texts. */
DF_API int df_id_compare(DfId a, DfId b);

/* For messages: "17" or "'name'". Valid until the fourth next call of this thread. */
DF_API const char *df_id_text(DfId);

/* Ids and their numbers 0, 1, 2, ... {0} to begin with. */
typedef struct {
    DfId *ids;       /* [n]                                           */
    size_t n, capacity;
    uint32_t *slots; /* open addressing: a place in ids, or DF_NO_ID  */
    size_t n_slots;  /* a power of two                                */
    uint64_t salt;   /* of this process                               */
    DfArena *texts;
} DfIds;
DF_API void df_ids_done(DfIds *);
DF_API int df_ids_add(DfIds *, DfId, uint32_t *place); /* finds it or appends it, copying a text      */
DF_API uint32_t df_ids_find(const DfIds *, DfId);      /* DF_NO_ID if it is not there                 */
DF_API bool df_ids_reserve(DfIds *, size_t n);         /* makes room for n ids in all; false: no memory */

DF_END_DECLS

#endif
