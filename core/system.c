/* SPDX-License-Identifier: Apache-2.0
 *
 * core/system.c -- calls of the operating system that POSIX does not have.
 */
#define _GNU_SOURCE /* flock(), realpath(), _SC_PHYS_PAGES */
#include "core/system.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <unistd.h>

#include "core/error.h"
#include "core/file.h"
#include "core/memory.h"

/* ---- memory ------------------------------------------------------------------------------------------------------ */

double df_memory_there(void)
{
    double there = (double)sysconf(_SC_PHYS_PAGES) * (double)sysconf(_SC_PAGESIZE);
    double most;
    FILE *limit = fopen("/sys/fs/cgroup/memory.max", "r");
    if (limit && fscanf(limit, "%lf", &most) == 1 && most < there)
        there = most;
    if (limit)
        fclose(limit);
    return there;
}

size_t df_memory_most(void)
{
#ifdef __APPLE__
    const size_t unit = 1;
#else
    const size_t unit = 1024;
#endif
    struct rusage usage;
    return getrusage(RUSAGE_SELF, &usage) == 0 ? (size_t)usage.ru_maxrss * unit : 0;
}

/* ---- paths ------------------------------------------------------------------------------------------------------- */

static char *copy_of(const char *text)
{
    const size_t n = strlen(text) + 1;
    char *copy = df_malloc(n);
    if (copy)
        memcpy(copy, text, n);
    return copy;
}

char *df_program_folder(void)
{
    char path[2048];
    const ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
    if (n <= 0)
        return NULL;
    path[n] = 0;
    char *slash = strrchr(path, '/');
    if (slash)
        *slash = 0;
    return copy_of(path);
}

char *df_path_absolute(const char *path)
{
    char *found = realpath(path, NULL);
    if (!found) {
        df_fail_errno("%s", path);
        return NULL;
    }
    char *copy = copy_of(found);
    if (!copy)
        df_fail_memory("a path");
    free(found);
    return copy;
}

/* ---- locks ------------------------------------------------------------------------------------------------------- */

int df_lock(int *lock, const char *path)
{
    const bool folder = df_is_directory(path);
    *lock = folder ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (*lock < 0)
        return df_fail_errno("%s: cannot be %s", path, folder ? "opened" : "written");
    if (flock(*lock, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK)
        return DF_OK;
    df_unlock(lock);
    return df_fail(DF_EVALUE, "%s: another process has locked it", path);
}

void df_unlock(int *lock)
{
    if (*lock >= 0)
        close(*lock);
    *lock = -1;
}
