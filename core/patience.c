/* SPDX-License-Identifier: Apache-2.0
 *
 * core/patience.c -- cancellation: stores the question that each thread asks, and passes the answer to the tasks of
 * its jobs.
 */
#include "core/patience.h"

#include <stdint.h>

#include "core/error.h"
#include "core/pool.h"

enum { ASK_EVERY = 20000000 /* nanoseconds */ };

static _Thread_local DfAsker own;
static _Thread_local const DfAsker *heard; /* in a task, of the thread that waits for it; NULL: our own */

void df_ask(bool (*stop)(void *user), void *user)
{
    own.stop = stop;
    own.user = user;
    atomic_store(&own.stopped, false);
}

const DfAsker *df_asker(void)
{
    return heard ? heard : &own;
}

void df_hear(const DfAsker *asker)
{
    heard = asker == &own ? NULL : asker;
}

/* Has time gone by since somebody asked? */
static bool is_due(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    const int64_t passed = (int64_t)(now.tv_sec - own.asked.tv_sec) * 1000000000 + (now.tv_nsec - own.asked.tv_nsec);
    if (passed < ASK_EVERY)
        return false;
    own.asked = now;
    return true;
}

int df_check_patience(void)
{
    const DfAsker *const asker = df_asker();
    if (asker == &own && own.stop && !atomic_load(&own.stopped) && is_due() && own.stop(own.user))
        atomic_store(&own.stopped, true);
    return atomic_load(&asker->stopped) ? df_fail(DF_EINTERRUPT, "stopped") : DF_OK;
}
