/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/metric/each.c -- processes many files on all threads, in order.
 */
#include <stdatomic.h>

#include "cli/metric/metric.h"

typedef struct {
    int error;
    size_t at; /* what failed */
    char sentence[512];
} Failure;

typedef struct {
    const CliEach *each;
    size_t n;
    atomic_size_t next;
    atomic_bool failed;
    Failure *failures; /* of each thread */
    CliProgress progress;
} Run;

/* Takes what is next until nothing is left or one fails. They are taken in order, so the first failure is always
 * met. */
static void work(void *arg, size_t thread, void *scratch)
{
    (void)scratch;
    Run *const r = arg;
    Failure *const f = &r->failures[thread];
    while (!atomic_load(&r->failed) && !cli_interrupted()) {
        const size_t i = atomic_fetch_add(&r->next, 1);
        if (i >= r->n)
            return;
        if ((f->error = r->each->one(r->each->arg, thread, i)) < 0) {
            snprintf(f->sentence, sizeof f->sentence, "%s", df_error());
            f->at = i;
            atomic_store(&r->failed, true);
            return;
        }
        if (thread == 0)
            cli_progress_step(&r->progress, (long)i + 1);
    }
}

static int first_failure(const Run *r, size_t threads)
{
    const Failure *first = NULL;
    for (size_t t = 0; t < threads; t++)
        if (r->failures[t].error < 0 && (!first || r->failures[t].at < first->at))
            first = &r->failures[t];
    if (first)
        return df_fail(first->error, "%s", first->sentence);
    if (cli_interrupted())
        return df_fail(DF_EINTERRUPT, "stopped after %zu of %zu %s", atomic_load(&r->next), r->n, r->each->items);
    return DF_OK;
}

int cli_each(DfPool *pool, size_t n, const CliEach *each)
{
    const size_t threads = (size_t)df_pool_threads(pool);
    Run r = { .each = each, .n = n };
    if (!(r.failures = df_calloc(threads, sizeof *r.failures)))
        return df_fail_memory("threads");
    r.progress = cli_progress("metric", (long)n, 0);
    int error = df_parallel(pool, threads, 0, work, &r);
    if (error == DF_OK)
        error = first_failure(&r, threads);
    r.progress.done = (long)n;
    if (error == DF_OK)
        cli_progress_end(&r.progress);
    df_free(r.failures);
    return error;
}
