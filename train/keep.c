/* SPDX-License-Identifier: Apache-2.0
 *
 * train/keep.c -- the checkpoints of a run. The state is written once, as latest.safetensors; other names are hard
 * links to the same file where the file system allows it, and copies where not.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "train/run_parts.h"

int df_run_save(DfRun *r)
{
    const char *latest = df_run_path(r, "latest.safetensors");
    int error = latest ? DF_OK : DF_ENOMEM;
    if (error == DF_OK && r->log) /* the log on disk must reach at least as far as the state */
        error = df_run_log_sync(r->log);
    if (error == DF_OK)
        error = df_run_write(r, latest);
    r->last_saved = df_run_clock();
    if (error < 0)
        return error;
    DfNews news = df_run_news(r, DF_NEWS_KEPT);
    news.path = latest;
    df_run_tell(r, &news);
    return DF_OK;
}

static bool is_link(const char *path)
{
    struct stat info;
    return lstat(path, &info) == 0 && S_ISLNK(info.st_mode);
}

/* Makes PATH a hard link to `latest`, atomically; false if the file system has no hard links. */
static bool link_over(const char *latest, const char *between, const char *path)
{
    const bool done = linkat(AT_FDCWD, latest, AT_FDCWD, between, AT_SYMLINK_FOLLOW) == 0 && rename(between, path) == 0;
    unlink(between); /* rename() does nothing if both names are links to the same file */
    return done;
}

/* Stores latest.safetensors as PATH, too. If PATH is a symbolic link, it stays, and the file it points to is
 * written. */
static int name_again(DfRun *r, const char *path)
{
    const char *latest = df_run_path(r, "latest.safetensors");
    char *between = latest ? df_temporary_name(path) : NULL;
    if (!between)
        return df_fail_memory("a path");
    const bool linked = !is_link(path) && link_over(latest, between, path);
    df_free(between);
    return linked ? df_sync_folder_of(path) : df_run_write(r, path);
}

/* ---- epoch_N and iter_N ------------------------------------------------------------------------------------------ */

/* N of "epoch_N.safetensors"; -1 for other names. */
static long number_of(const char *name, const char *unit)
{
    const size_t n = strlen(unit);
    char *end = NULL;
    if (strncmp(name, unit, n) != 0 || df_digit_value(name[n]) >= 10)
        return -1;
    const long number = strtol(name + n, &end, 10);
    return strcmp(end, ".safetensors") == 0 ? number : -1;
}

bool df_run_writes(const char *name)
{
    return strcmp(name, "latest.safetensors") == 0 || strcmp(name, "best.safetensors") == 0 ||
           number_of(name, "epoch_") >= 0 || number_of(name, "iter_") >= 0;
}

/* The smallest N of such files in the folder, and their number *n. */
static long oldest(const char *folder, const char *unit, int *n)
{
    long least = -1;
    DIR *dir = opendir(folder);
    *n = 0;
    for (const struct dirent *entry; dir && (entry = readdir(dir));) {
        const long number = number_of(entry->d_name, unit);
        if (number < 0)
            continue;
        ++*n;
        least = least < 0 || number < least ? number : least;
    }
    if (dir)
        closedir(dir);
    return least;
}

static int remove_older(DfRun *r, const char *unit)
{
    int n;
    char name[64];
    for (long number; (number = oldest(r->o.work_dir, unit, &n)) >= 0 && n > r->plan.most_kept;) {
        snprintf(name, sizeof name, "%s%ld.safetensors", unit, number);
        const char *path = df_run_path(r, name);
        if (!path)
            return DF_ENOMEM;
        if (unlink(path) != 0)
            return df_fail_errno("%s: cannot be removed", path);
    }
    return DF_OK;
}

int df_run_keep(DfRun *r)
{
    char name[64];
    const bool epochs = r->plan.keep.by_epoch;
    const char *unit = epochs ? "epoch_" : "iter_";
    snprintf(name, sizeof name, "%s%lld.safetensors", unit,
             (long long)(epochs ? r->state.at.step / r->per_epoch : r->state.at.step));
    const char *path = df_run_path(r, name);
    int error = path ? df_run_save(r) : DF_ENOMEM;
    if (error == DF_OK)
        error = name_again(r, path);
    if (error == DF_OK && r->plan.most_kept)
        error = remove_older(r, unit);
    return error;
}

int df_run_keep_best(DfRun *r)
{
    const char *path = df_run_path(r, "best.safetensors");
    const int error = path ? df_run_save(r) : DF_ENOMEM;
    return error < 0 ? error : name_again(r, path);
}
