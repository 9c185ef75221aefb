/* SPDX-License-Identifier: Apache-2.0
 *
 * core/writer.c -- files out: under a temporary name, renamed when complete.
 */
#include "core/file.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/memory.h"

struct DfWriter {
    FILE *stream;
    int saved_errno; /* of the first failure */
    bool direct;     /* a device or a pipe is written as it is, not replaced */
    char *path, *temporary;
};

/* ---- what is unfinished ---------------------------------------------------------------------------------------- */

enum { MOST_UNFINISHED = 16 };
static _Atomic(const char *) unfinished[MOST_UNFINISHED];

/* `name` in place of `old` in the list. A file for which the list has no room is not known to df_writers_abandon(). */
static void note(const char *name, const char *old)
{
    for (int i = 0; i < MOST_UNFINISHED; i++) {
        const char *met = old;
        if (atomic_compare_exchange_strong(&unfinished[i], &met, name))
            return;
    }
}

void df_writers_abandon(void)
{
    for (int i = 0; i < MOST_UNFINISHED; i++) {
        const char *name = atomic_load(&unfinished[i]);
        if (name)
            unlink(name);
    }
}

/* ---- one writer ------------------------------------------------------------------------------------------------ */

static void writer_free(DfWriter *writer)
{
    if (writer->temporary)
        note(NULL, writer->temporary);
    df_free(writer->path);
    df_free(writer->temporary);
    df_free(writer);
}

int df_writer_open(DfWriter **out, const char *path)
{
    *out = NULL;
    DfWriter *writer = df_calloc(1, sizeof *writer);
    if (!writer)
        return df_fail_memory("a file to write");
    const size_t length = strlen(path);
    writer->path = df_malloc(length + 1);
    writer->temporary = df_malloc(length + 32);
    if (!writer->path || !writer->temporary) {
        writer_free(writer);
        return df_fail_memory("a file to write");
    }
    memcpy(writer->path, path, length + 1);
    snprintf(writer->temporary, length + 32, "%s.tmp-%ld", path, (long)getpid());
    struct stat info;
    const bool there = stat(path, &info) == 0;
    if (there && S_ISDIR(info.st_mode)) {
        writer_free(writer);
        return df_fail(DF_EIO, "%s: is a directory, want the name of a file to write", path);
    }
    writer->direct = there && !S_ISREG(info.st_mode);
    if (!writer->direct)
        note(writer->temporary, NULL);
    writer->stream = fopen(writer->direct ? path : writer->temporary, "wb");
    if (!writer->stream) {
        const int error = df_fail_errno("%s: cannot be written", path);
        writer_free(writer);
        return error;
    }
    *out = writer;
    return DF_OK;
}

void df_write(DfWriter *writer, const void *bytes, size_t size)
{
    if (!writer->saved_errno && size && fwrite(bytes, 1, size, writer->stream) != size)
        writer->saved_errno = errno ? errno : EIO;
}

void df_writef(DfWriter *writer, const char *format, ...)
{
    if (writer->saved_errno)
        return;
    va_list args;
    va_start(args, format);
    if (vfprintf(writer->stream, format, args) < 0)
        writer->saved_errno = errno ? errno : EIO;
    va_end(args);
}

int df_writer_commit(DfWriter *writer)
{
    if (!writer->saved_errno && fflush(writer->stream) != 0)
        writer->saved_errno = errno;
    /* EINVAL: a pipe or a terminal has no disk under it. */
    if (!writer->saved_errno && fsync(fileno(writer->stream)) != 0 && errno != EINVAL)
        writer->saved_errno = errno;
    if (fclose(writer->stream) != 0 && !writer->saved_errno)
        writer->saved_errno = errno;
    if (!writer->saved_errno && !writer->direct && rename(writer->temporary, writer->path) != 0)
        writer->saved_errno = errno;
    int error = DF_OK;
    if (writer->saved_errno) {
        if (!writer->direct)
            unlink(writer->temporary);
        errno = writer->saved_errno;
        error = df_fail_errno("%s: cannot be written", writer->path);
    }
    writer_free(writer);
    return error;
}

void df_writer_drop(DfWriter *writer)
{
    if (!writer)
        return;
    fclose(writer->stream);
    if (!writer->direct)
        unlink(writer->temporary);
    writer_free(writer);
}

int df_file_write_text(const char *path, const char *text)
{
    DfWriter *writer;
    const int error = df_writer_open(&writer, path);
    if (error < 0)
        return error;
    df_write(writer, text, strlen(text));
    return df_writer_commit(writer);
}
