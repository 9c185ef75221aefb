/* SPDX-License-Identifier: Apache-2.0
 *
 * core/ahead.h -- things that are prepared ahead, on threads of their own, and handed out in order: a picture,
 * a batch in training, what a network finds in a picture.
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
    int64_t first, end;  /* numbers of the things: first, first + 1, ... end - 1                                    */
    int threads;         /* that prepare them; 0: df_ahead_next() does it itself                                    */
    int ahead;           /* how many are held at a time, at most (at least 1)                                       */
    size_t memory;       /* or how many bytes, as far as sizes are known before: one thing is always held. 0: all   */
    size_t size;         /* of a thing's struct                                                                     */
    void (*draw)(void *user, int64_t i, void *thing);    /* in order, one at a time, before it is prepared; or NULL */
    void (*prepare)(void *user, int64_t i, void *thing); /* on any thread                                           */
    size_t (*bytes)(const void *thing);                  /* that a thing holds; NULL if `memory` is 0               */
    void (*drop)(void *thing);                           /* one that nobody took                                    */
} DfAheadOf;

typedef struct DfAhead DfAhead;
DF_API int df_ahead_new(DfAhead **out, const DfAheadOf *);
DF_API bool df_ahead_next(DfAhead *, void *thing); /* waits; false after the last */
DF_API void df_ahead_free(DfAhead *); /* also before the last: waits for what is being prepared. NULL is fine */

DF_END_DECLS

#endif
