/* SPDX-License-Identifier: Apache-2.0
 *
 * train/work_dir.c -- the folder of a run: locks it, so that only one process writes into it, and deletes the
 * incomplete files of a process that was killed.
 */
#include <stdio.h>
#include <string.h>

#include "train/run_parts.h"

const char *df_run_path(DfRun *r, const char *name)
{
    const bool slash = df_ends_with(r->o.work_dir, "/");
    const char *path = df_arena_text(r->arena, "%s%s%s", r->o.work_dir, slash ? "" : "/", name);
    if (!path)
        df_fail_memory("a path");
    return path;
}

/* The system gives the lock back when the process ends, however it ends. */
static int lock(DfRun *r)
{
    const char *path = df_run_path(r, ".lock");
    if (!path)
        return DF_ENOMEM;
    const int error = df_lock(&r->lock, path);
    if (error == DF_EVALUE)
        return df_fail(DF_EVALUE, "%s: another run writes into it at this moment", r->o.work_dir);
    return error;
}

int df_run_work_dir_open(DfRun *r)
{
    const char *samples = df_run_path(r, "samples");
    int error = samples ? df_make_directory(samples) : DF_ENOMEM;
    if (error == DF_OK)
        error = lock(r);
    if (error < 0)
        return error;
    df_remove_leftovers(r->o.work_dir);
    df_remove_leftovers(samples);
    return DF_OK;
}

void df_run_work_dir_close(DfRun *r)
{
    df_unlock(&r->lock);
}
