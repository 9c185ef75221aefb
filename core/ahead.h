/* SPDX-License-Identifier: Apache-2.0
 *
 * core/ahead.h -- items that other threads prepare ahead, and that are handed out in order: a picture, a training
 * batch, the detections in a picture.
 */
#ifndef DF_CORE_AHEAD_H
#define DF_CORE_AHEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/api.h"

DF_BEGIN_DECLS

typedef struct {
    void *user;
    int64_t first, end;  /* numbers of the items: first, first + 1, ... end - 1                                     */
    int threads;         /* that prepare items; 0: df_ahead_next() prepares them itself                             */
    int ahead;           /* the largest number of items held at a time (at least 1)                                 */
    size_t memory;       /* the largest number of bytes held, where sizes are known; at least one item. 0: no limit */
    size_t size;         /* of the struct of an item                                                                */
    void (*draw)(void *user, int64_t i, void *thing);    /* in order, one at a time, before it is prepared; or NULL */
    void (*prepare)(void *user, int64_t i, void *thing); /* on any thread                                           */
    size_t (*bytes)(const void *thing);                  /* memory of an item; NULL if `memory` is 0                */
    void (*drop)(void *thing);                           /* frees an item that was not taken                        */
} DfAheadOf;

typedef struct DfAhead DfAhead;
DF_API int df_ahead_new(DfAhead **out, const DfAheadOf *);
DF_API bool df_ahead_next(DfAhead *, void *thing); /* waits; false after the last */
DF_API void df_ahead_free(DfAhead *); /* also before the last: waits for what is being prepared. NULL is fine */

DF_END_DECLS

#endif
