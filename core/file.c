/* SPDX-License-Identifier: Apache-2.0
 *
 * core/file.c -- POSIX files.
 */
#define _GNU_SOURCE
#include "core/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/memory.h"

static int read_stream(DfFile *out, int fd, const char *path, size_t limit)
{
    size_t capacity = 0;
    size_t size = 0;
    uint8_t *data = NULL;
    for (;;) {
        if (!df_grow((void **)&data, &capacity, size + 4096, 1)) {
            df_free(data);
            return df_fail(DF_ENOMEM, "%s: out of memory while reading", path);
        }
        const ssize_t got = read(fd, data + size, capacity - size - 1);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            df_fail_errno("%s", path);
            df_free(data);
            return DF_EIO;
        }
        if (got == 0)
            break;
        size += (size_t)got;
        if (size > limit) {
            df_free(data);
            return df_fail(DF_EFORMAT, "%s: larger than %zu bytes, the limit for such a file", path, limit);
        }
    }
    data[size] = 0;
    *out = (DfFile){ data, size, false };
    return DF_OK;
}

int df_file_open(DfFile *out, const char *path)
{
    *out = (DfFile){ 0 };
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return df_fail_errno("%s", path);
    struct stat info;
    int error = DF_OK;
    if (fstat(fd, &info) < 0) {
        error = df_fail_errno("%s", path);
    } else if (S_ISDIR(info.st_mode)) {
        error = df_fail(DF_EIO, "%s: is a directory, want a file", path);
    } else if (!S_ISREG(info.st_mode)) {
        error = read_stream(out, fd, path, SIZE_MAX / 4); /* a pipe or a device */
    } else if (info.st_size > 0) {
        void *data = mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (data == MAP_FAILED)
            error = read_stream(out, fd, path, SIZE_MAX / 4);
        else
            *out = (DfFile){ data, (size_t)info.st_size, true };
    }
    close(fd);
    return error;
}

void df_file_close(DfFile *file)
{
    if (file->mapped)
        munmap((void *)(uintptr_t)file->data, file->size);
    else
        df_free((void *)(uintptr_t)file->data);
    *file = (DfFile){ 0 };
}

int df_file_text(char **out, size_t *size, const char *path, size_t limit)
{
    *out = NULL;
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return df_fail_errno("%s", path);
    DfFile file = { 0 };
    const int error = read_stream(&file, fd, path, limit);
    close(fd);
    if (error < 0)
        return error;
    *out = (char *)(uintptr_t)file.data;
    if (size)
        *size = file.size;
    return DF_OK;
}

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
        if (mkdir(copy, 0777) < 0 && !(errno == EEXIST && df_is_directory(copy)))
            error = df_fail_errno("%s: cannot make the directory", copy);
        *p = kept;
        if (!kept)
            break;
    }
    df_free(copy);
    return error;
}
