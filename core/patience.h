/* SPDX-License-Identifier: Apache-2.0
 *
 * core/patience.h -- private: cancellation of long work (df_pool_ask()). It stores the question that each thread asks,
 * and passes the answer to the tasks of its jobs. df_check_patience(), which the loops of long work call, is in
 * core/pool.h.
 */
#ifndef DF_CORE_PATIENCE_H
#define DF_CORE_PATIENCE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <time.h>

typedef struct {
    bool (*stop)(void *user); /* or NULL */
    void *user;
    struct timespec asked;    /* when it was */
    atomic_bool stopped;
} DfAsker;

/* From now on the work of the calling thread asks `stop`, every 20 ms at most. When that says yes the work ends with
 * DF_EINTERRUPT, and so does all that follows on this thread, until df_ask() is called again. NULL: nobody is asked. */
void df_ask(bool (*stop)(void *user), void *user);

/* Whose patience the calling thread's work depends on; and from now on that one's, of a thread which waits for the
 * calling one. */
const DfAsker *df_asker(void);
void df_hear(const DfAsker *);

#endif
