/* SPDX-License-Identifier: Apache-2.0
 *
 * core/writer.c -- writes files under a temporary name; they are renamed when they are complete and flushed to the
 * disk.
 */
#define _GNU_SOURCE
#include "core/file.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/memory.h"
#include "core/plain.h"
#include "core/random.h"
#include "core/temporary.h"
#include "core/text.h"

enum { BUFFER = 1 << 16 };

struct DfWriter {
    int fd;
    int saved_errno; /* of the first failure */
    bool direct;     /* a device or a pipe is written as it is, not replaced */
    char *path;      /* as the caller said it */
    char *target;    /* the file behind the symbolic links of `path` */
    char *temporary;
    size_t n;        /* bytes that wait in `buffer` */
    char buffer[BUFFER];
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
    df_folders_abandon();
}

/* ---- many files -------------------------------------------------------------------------------------------------- */

static _Thread_local int hurried;

void df_writers_hurry(void)
{
    hurried++;
}

int df_writers_settle(const char *folder)
{
    assert(hurried > 0);
    hurried--;
    return hurried == 0 && folder ? df_sync_disk_of(folder) : DF_OK;
}

/* ---- names ------------------------------------------------------------------------------------------------------- */

static const char TEMPORARY[] = ".tmp-";
enum { RANDOM_DIGITS = 16, LONGEST_NAME = 255 };

/* Where the last part of a path begins. */
static size_t folder_length(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? (size_t)(slash - path) + 1 : 0;
}

/* A file beside PATH that nobody can foresee: PATH.tmp-0123456789abcdef, with a shorter name if that is too long. Where
 * the system has no such bits, O_EXCL still refuses a file that is there. */
char *df_temporary_name(const char *path)
{
    const size_t folder = folder_length(path);
    const size_t suffix = sizeof TEMPORARY - 1 + RANDOM_DIGITS;
    size_t name = strlen(path) - folder;
    if (name > LONGEST_NAME - suffix)
        name = LONGEST_NAME - suffix;
    char *out = df_malloc(folder + name + suffix + 1);
    if (out)
        snprintf(out, folder + name + suffix + 1, "%.*s%s%0*" PRIx64, (int)(folder + name), path, TEMPORARY,
                 RANDOM_DIGITS, df_unforeseen_bits());
    return out;
}

bool df_is_temporary_name(const char *name)
{
    const size_t n = strlen(name);
    const size_t suffix = sizeof TEMPORARY - 1 + RANDOM_DIGITS;
    if (n <= suffix || strncmp(name + n - suffix, TEMPORARY, sizeof TEMPORARY - 1) != 0)
        return false;
    for (const char *digit = name + n - RANDOM_DIGITS; *digit; digit++)
        if (df_digit_value(*digit) >= 16)
            return false;
    return true;
}

/* PATH, or what the link PATH says, which is relative to the folder of PATH. */
static int follow_once(char **path, bool *followed)
{
    char link[PATH_MAX];
    const ssize_t n = readlink(*path, link, sizeof link - 1);
    *followed = n > 0;
    if (n <= 0)
        return DF_OK;
    link[n] = 0;
    const size_t folder = link[0] == '/' ? 0 : folder_length(*path);
    char *next = df_malloc(folder + (size_t)n + 1);
    if (!next)
        return df_fail_memory("a path");
    memcpy(next, *path, folder);
    memcpy(next + folder, link, (size_t)n + 1);
    df_free(*path);
    *path = next;
    return DF_OK;
}

static int follow_links(char **path)
{
    enum { MOST_LINKS = 40 }; /* as Linux has it */
    bool followed = true;
    int error = DF_OK;
    for (int i = 0; error == DF_OK && followed && i < MOST_LINKS; i++)
        error = follow_once(path, &followed);
    if (error == DF_OK && followed)
        error = df_fail(DF_EIO, "%s: too many symbolic links", *path);
    return error;
}

/* ---- one writer ------------------------------------------------------------------------------------------------ */

static void writer_free(DfWriter *writer)
{
    if (writer->temporary)
        note(NULL, writer->temporary);
    df_free(writer->path);
    df_free(writer->target);
    df_free(writer->temporary);
    df_free(writer);
}

static char *copy_of(const char *text)
{
    const size_t size = strlen(text) + 1;
    char *copy = df_malloc(size);
    return copy ? memcpy(copy, text, size) : NULL;
}

static int choose_names(DfWriter *writer, const char *path)
{
    writer->path = copy_of(path);
    writer->target = copy_of(path);
    if (!writer->path || !writer->target)
        return df_fail_memory("a file to write");
    const int error = follow_links(&writer->target);
    if (error < 0)
        return error;
    writer->temporary = df_temporary_name(writer->target);
    return writer->temporary ? DF_OK : df_fail_memory("a file to write");
}

/* Descriptors of this process have names in /dev and /proc: they are written to, never replaced. */
static bool is_of_the_system(const char *path)
{
    return df_starts_with(path, "/dev/") || df_starts_with(path, "/proc/");
}

enum { PATIENCE = 30, LOOKS = 50 }; /* seconds that a pipe may have no reader; how often a second it is looked at */

/* Opening never waits; a pipe that nobody reads yet refuses then. */
static int open_when_read(const char *path)
{
    const struct timespec pause = { .tv_nsec = 1000000000 / LOOKS };
    int fd = -1;
    errno = ENXIO;
    for (int i = 0; fd < 0 && errno == ENXIO && i < PATIENCE * LOOKS; i++) {
        if (i > 0)
            nanosleep(&pause, NULL);
        fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NONBLOCK, 0666);
    }
    return fd;
}

static int open_direct(DfWriter *writer)
{
    writer->direct = true;
    note(NULL, writer->temporary);
    writer->fd = open_when_read(writer->path);
    if (writer->fd < 0 && errno == ENXIO)
        return df_fail(DF_EIO, "%s: nobody read from the pipe for %d seconds", writer->path, PATIENCE);
    if (writer->fd < 0)
        return df_fail_errno("%s: cannot be written", writer->path);
    fcntl(writer->fd, F_SETFL, fcntl(writer->fd, F_GETFL) & ~O_NONBLOCK); /* writing waits for a slow reader */
    return DF_OK;
}

/* Who may read and write the new file: those who might the old one. Where its group cannot be kept, another group
 * gets no rights that were meant for that one. */
static int inherit(const DfWriter *writer, const struct stat *old)
{
    struct stat made;
    mode_t mode = old->st_mode & 0777;
    if (fstat(writer->fd, &made) < 0)
        return df_fail_errno("%s: cannot be written", writer->path);
    const bool same_owner = made.st_uid == old->st_uid && made.st_gid == old->st_gid;
    if (!same_owner && fchown(writer->fd, old->st_uid, old->st_gid) < 0 &&
        fchown(writer->fd, (uid_t)-1, old->st_gid) < 0)
        mode &= ~(mode_t)S_IRWXG | (mode & S_IRWXO) << 3;
    if (fchmod(writer->fd, mode) < 0)
        return df_fail_errno("%s: its permissions cannot be kept", writer->path);
    return DF_OK;
}

/* `old`: what is there, or NULL. Until its permissions are set, a file that replaces one is its owner's alone. */
static int open_temporary(DfWriter *writer, const struct stat *old)
{
    const int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
    note(writer->temporary, NULL);
    writer->fd = open(writer->temporary, flags, old ? 0600 : 0666);
    if (writer->fd < 0)
        return df_fail_errno("%s: cannot be written", writer->path);
    const int error = old ? inherit(writer, old) : DF_OK;
    if (error < 0) {
        close(writer->fd);
        unlink(writer->temporary);
    }
    return error;
}

static int open_file(DfWriter *writer)
{
    struct stat old;
    const bool there = stat(writer->path, &old) == 0;
    if (there && S_ISDIR(old.st_mode))
        return df_fail(DF_EIO, "%s: is a directory, want the name of a file to write", writer->path);
    if (there && (!S_ISREG(old.st_mode) || is_of_the_system(writer->path)))
        return open_direct(writer);
    return open_temporary(writer, there ? &old : NULL);
}

int df_writer_open(DfWriter **out, const char *path)
{
    *out = NULL;
    DfWriter *writer = df_malloc(sizeof *writer);
    if (!writer)
        return df_fail_memory("a file to write");
    memset(writer, 0, offsetof(DfWriter, buffer));
    int error = choose_names(writer, path);
    if (error == DF_OK)
        error = open_file(writer);
    if (error < 0)
        writer_free(writer);
    else
        *out = writer;
    return error;
}

/* ---- bytes ------------------------------------------------------------------------------------------------------- */

int df_write_all(int fd, const void *bytes, size_t size)
{
    const char *at = bytes;
    while (size) {
        const ssize_t written = write(fd, at, size);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return errno && written < 0 ? errno : EIO;
        at += written;
        size -= (size_t)written;
    }
    return 0;
}

static void flush(DfWriter *writer)
{
    if (!writer->saved_errno)
        writer->saved_errno = df_write_all(writer->fd, writer->buffer, writer->n);
    writer->n = 0;
}

void df_write(DfWriter *writer, const void *bytes, size_t size)
{
    if (writer->saved_errno || !size)
        return;
    if (size > BUFFER - writer->n)
        flush(writer);
    if (size > BUFFER && !writer->saved_errno) {
        writer->saved_errno = df_write_all(writer->fd, bytes, size);
        return;
    }
    if (size <= BUFFER - writer->n) {
        memcpy(writer->buffer + writer->n, bytes, size);
        writer->n += size;
    }
}

/* A text longer than what is free in the buffer is formatted once more, into memory of its own. */
static void write_long(DfWriter *writer, size_t size, const char *format, va_list args)
{
    char *text = df_malloc(size + 1);
    if (!text) {
        writer->saved_errno = ENOMEM;
        return;
    }
    df_vsnprintf(text, size + 1, format, args);
    df_write(writer, text, size);
    df_free(text);
}

void df_writef(DfWriter *writer, const char *format, ...)
{
    va_list args, again;
    if (writer->saved_errno)
        return;
    va_start(args, format);
    va_copy(again, args);
    const size_t room = BUFFER - writer->n;
    const int size = df_vsnprintf(writer->buffer + writer->n, room, format, args);
    if (size < 0)
        writer->saved_errno = errno ? errno : EIO;
    else if ((size_t)size < room)
        writer->n += (size_t)size;
    else
        write_long(writer, (size_t)size, format, again);
    va_end(again);
    va_end(args);
}

/* ---- the end ----------------------------------------------------------------------------------------------------- */

/* The bytes are on the disk before the name is: a name that leads to a whole file after a cut of power led to one
 * before it. */
static int finish(DfWriter *writer)
{
    flush(writer);
    int failed = writer->saved_errno;
    /* a pipe or a terminal has no disk under it */
    if (!failed && !hurried && fsync(writer->fd) != 0 && errno != EINVAL)
        failed = errno;
    if (close(writer->fd) != 0 && !failed)
        failed = errno;
    if (!failed && !writer->direct && rename(writer->temporary, writer->target) != 0)
        failed = errno;
    return failed;
}

int df_writer_commit(DfWriter *writer)
{
    const int failed = finish(writer);
    int error = DF_OK;
    if (failed) {
        if (!writer->direct)
            unlink(writer->temporary);
        errno = failed;
        error = df_fail_errno("%s: cannot be written", writer->path);
    } else if (!writer->direct && !hurried) {
        error = df_sync_folder_of(writer->target);
    }
    writer_free(writer);
    return error;
}

void df_writer_drop(DfWriter *writer)
{
    if (!writer)
        return;
    close(writer->fd);
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
