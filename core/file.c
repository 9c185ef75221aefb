/* SPDX-License-Identifier: Apache-2.0
 *
 * core/file.c -- reads and maps files, tests paths and makes directories, by POSIX calls.
 */
#define _GNU_SOURCE
#include "core/file.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/input.h"
#include "core/mapping.h"
#include "core/memory.h"
#include "core/pool.h"

/* ---- what is read ----------------------------------------------------------------------------------------------- */

/* Opening never waits (a pipe without a writer, a line without a carrier); df_input_take() does, for so long. */
enum { PATIENCE = 30 /* seconds */, GLANCE = 100 /* milliseconds, after which it is asked whether to stop */ };
/* So much is read at a time, for the same reason. */
enum { PIECE = 1 << 24 };

int df_input_open(int *out, const char *path)
{
    struct stat info;
    int error = DF_OK;
    const int fd = *out = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return df_fail_errno("%s", path);
    if (fstat(fd, &info) < 0)
        error = df_fail_errno("%s", path);
    else if (S_ISDIR(info.st_mode))
        error = df_fail(DF_EIO, "%s: is a directory, want a file", path);
    else if (!S_ISREG(info.st_mode) && !S_ISFIFO(info.st_mode))
        error = df_fail(DF_EIO, "%s: is a device or a socket, want a file or a pipe", path);
    if (error < 0) {
        close(fd);
        *out = -1;
    }
    return error;
}

/* The next bytes, waited for; 0 at the end. */
static int take_some(int fd, const char *path, uint8_t *into, size_t room, size_t *n)
{
    struct pollfd wait = { .fd = fd, .events = POLLIN };
    ssize_t got = -1;
    *n = 0;
    for (int waited = 0; got < 0; waited += GLANCE) {
        const int error = df_check_patience();
        if (error < 0)
            return error;
        const int ready = poll(&wait, 1, GLANCE);
        if (ready == 0 && waited >= PATIENCE * 1000)
            return df_fail(DF_EIO, "%s: nobody wrote to the pipe for %d seconds", path, PATIENCE);
        if (ready == 0)
            continue;
        got = ready < 0 ? -1 : read(fd, into, room);
        if (got < 0 && errno != EINTR && errno != EAGAIN)
            return df_fail_errno("%s", path);
    }
    *n = (size_t)got;
    return DF_OK;
}

static int too_large(const char *path, size_t limit)
{
    return df_fail(DF_EFORMAT, "%s: larger than %zu bytes, the limit for such a file", path, limit);
}

int df_input_take(int fd, const char *path, size_t limit, uint8_t **data, size_t *size)
{
    size_t capacity = 0;
    size_t n = 0;
    size_t got = 0;
    int error = DF_OK;
    *data = NULL;
    limit = limit < DF_PIPE_MOST ? limit : DF_PIPE_MOST;
    do {
        if (!df_grow((void **)data, &capacity, n + 4096, 1))
            error = df_fail(DF_ENOMEM, "%s: out of memory while reading", path);
        if (error == DF_OK)
            error = take_some(fd, path, *data + n, capacity - n - 1, &got);
        n += error == DF_OK ? got : 0;
        if (error == DF_OK && n > limit)
            error = too_large(path, limit);
    } while (error == DF_OK && got > 0);
    if (error < 0) {
        df_free(*data);
        *data = NULL;
        return error;
    }
    (*data)[n] = 0;
    *size = n;
    return DF_OK;
}

/* A regular file of that size. */
static int read_known(DfFile *out, int fd, const char *path, size_t size)
{
    uint8_t *data = df_malloc_filled(size + 1);
    size_t n = 0;
    int error = DF_OK;
    if (!data)
        return df_fail(DF_ENOMEM, "%s: out of memory for its %zu bytes", path, size);
    while (error == DF_OK && n < size) {
        const ssize_t got = read(fd, data + n, size - n < PIECE ? size - n : PIECE);
        if (got > 0) {
            n += (size_t)got;
            error = df_check_patience();
        } else if (got == 0) {
            error = df_fail(DF_EIO, "%s: shrank from %zu bytes to %zu while it was read", path, size, n);
        } else if (errno != EINTR) {
            error = df_fail_errno("%s", path);
        }
    }
    if (error < 0) {
        df_free(data);
        return error;
    }
    data[size] = 0;
    *out = (DfFile){ .data = data, .size = size };
    return DF_OK;
}

static int take(DfFile *out, const char *path, size_t limit, size_t map_from)
{
    struct stat info;
    uint8_t *data = NULL;
    int fd;
    *out = (DfFile){ 0 };
    int error = df_input_open(&fd, path);
    if (error < 0)
        return error;
    if (fstat(fd, &info) < 0) {
        error = df_fail_errno("%s", path);
    } else if (info.st_size == 0) { /* a pipe, or a file of /proc, whose size nobody knows */
        error = df_input_take(fd, path, limit, &data, &out->size);
        out->data = data;
    } else if ((uint64_t)info.st_size > limit) {
        error = too_large(path, limit);
    } else if ((uint64_t)info.st_size >= map_from && df_map(out, fd, &info)) {
        return DF_OK; /* with the descriptor */
    } else {
        error = read_known(out, fd, path, (size_t)info.st_size);
    }
    close(fd);
    return error;
}

int df_file_open(DfFile *out, const char *path, size_t limit)
{
    return take(out, path, limit, SIZE_MAX);
}

int df_file_map(DfFile *out, const char *path, size_t limit)
{
    return take(out, path, limit, DF_MAP_LEAST);
}

int df_file_descriptor(int *fd, const char *path)
{
    struct stat info;
    int error = df_input_open(fd, path);
    if (error == DF_OK && (fstat(*fd, &info) < 0 || !S_ISREG(info.st_mode))) {
        error = df_fail(DF_EIO, "%s: is a pipe, want a file", path);
        close(*fd);
        *fd = -1;
    }
    return error;
}

bool df_file_read_at(int fd, void *into, size_t n, uint64_t at)
{
    ssize_t got;
    do
        got = at <= INT64_MAX ? pread(fd, into, n, (off_t)at) : -1;
    while (got < 0 && errno == EINTR);
    return got == (ssize_t)n;
}

int df_file_head(DfFile *out, const char *path, size_t most)
{
    struct stat info;
    int fd;
    *out = (DfFile){ 0 };
    int error = df_file_descriptor(&fd, path);
    if (error < 0)
        return error;
    if (fstat(fd, &info) < 0)
        error = df_fail_errno("%s", path);
    else
        error = read_known(out, fd, path, (uint64_t)info.st_size < most ? (size_t)info.st_size : most);
    close(fd);
    return error;
}

void df_file_close(DfFile *file)
{
    if (file->mapping)
        df_unmap(file);
    else
        df_free((void *)(uintptr_t)file->data);
    *file = (DfFile){ 0 };
}

int df_file_text(char **out, size_t *size, const char *path, size_t limit)
{
    DfFile file;
    const int error = df_file_open(&file, path, limit);
    *out = (char *)(uintptr_t)file.data;
    if (error == DF_OK && file.size >= 3 && memcmp(*out, "\xef\xbb\xbf", 3) == 0) {
        file.size -= 3;
        memmove(*out, *out + 3, file.size + 1);
    }
    if (size)
        *size = file.size;
    return error;
}

/* ---- names ------------------------------------------------------------------------------------------------------- */

bool df_file_exists(const char *path)
{
    return access(path, F_OK) == 0;
}

bool df_is_directory(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

bool df_is_file(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISREG(info.st_mode);
}

static int make_one(const char *path)
{
    if (mkdir(path, 0777) == 0)
        return df_sync_folder_of(path);
    if (errno == EEXIST && df_is_directory(path))
        return DF_OK;
    return df_fail_errno("%s: cannot make the directory", path);
}

int df_make_directory(const char *path)
{
    char *copy = df_malloc(strlen(path) + 1);
    if (!copy)
        return df_fail_memory("a path");
    strcpy(copy, path);
    int error = DF_OK;
    for (char *p = copy + 1; error == DF_OK; p++) {
        if (*p != '/' && *p != 0)
            continue;
        const char kept = *p;
        *p = 0;
        error = make_one(copy);
        *p = kept;
        if (!kept)
            break;
    }
    df_free(copy);
    return error;
}
