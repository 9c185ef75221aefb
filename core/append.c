/* SPDX-License-Identifier: Apache-2.0
 *
 * core/append.c -- files that are extended by whole lines, such as logs and journals.
 */
#define _GNU_SOURCE
#include "core/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/memory.h"

struct DfAppend {
    int fd;
    double synced; /* when, in seconds */
    char *path;
};

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* The system gives the lock back when the process ends, however it ends. A file system may know no locks. */
static int lock(const DfAppend *a)
{
    if (flock(a->fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
        return df_fail(DF_EVALUE, "%s: another run is writing to it: give each run its own --out", a->path);
    return DF_OK;
}

static int open_locked(DfAppend *a, const char *path)
{
    const size_t size = strlen(path) + 1;
    struct stat info;
    a->fd = -1;
    a->synced = now();
    a->path = df_malloc(size);
    if (!a->path)
        return df_fail_memory("a path");
    memcpy(a->path, path, size);
    a->fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
    if (a->fd < 0 || fstat(a->fd, &info) < 0)
        return df_fail_errno("%s: cannot be written", path);
    if (!S_ISREG(info.st_mode))
        return df_fail(DF_EIO, "%s: is no regular file", path);
    const int error = lock(a);
    return error < 0 ? error : df_sync_folder_of(path);
}

int df_append_open(DfAppend **out, const char *path)
{
    DfAppend *a = df_calloc(1, sizeof *a);
    *out = NULL;
    if (!a)
        return df_fail_memory("a file to write");
    const int error = open_locked(a, path);
    if (error < 0)
        df_append_close(a);
    else
        *out = a;
    return error;
}

int df_append_sync(DfAppend *a)
{
    a->synced = now();
    return fdatasync(a->fd) != 0 ? df_fail_errno("%s: cannot be written", a->path) : DF_OK;
}

int df_append_cut(DfAppend *a, size_t size)
{
    if (ftruncate(a->fd, (off_t)size) != 0)
        return df_fail_errno("%s: cannot be written", a->path);
    return df_append_sync(a);
}

int df_append_line(DfAppend *a, const char *line)
{
    const size_t n = strlen(line);
    char *whole = df_malloc(n + 1);
    if (!whole)
        return df_fail_memory("a line");
    memcpy(whole, line, n);
    whole[n] = '\n';
    errno = df_write_all(a->fd, whole, n + 1);
    const int error = errno ? df_fail_errno("%s: cannot be written", a->path) : DF_OK;
    df_free(whole);
    return error == DF_OK && now() - a->synced >= DF_SYNC_SECONDS ? df_append_sync(a) : error;
}

void df_append_close(DfAppend *a)
{
    if (!a)
        return;
    if (a->fd >= 0)
        close(a->fd);
    df_free(a->path);
    df_free(a);
}
