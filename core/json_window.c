/* SPDX-License-Identifier: Apache-2.0
 *
 * core/json_window.c -- the input of a JSON reader: a file, a text or a pipe, seen through a window that slides over
 * it.
 */
#include "core/json_reader.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/input.h"
#include "core/memory.h"
#include "core/pool.h"
#include "core/plain.h"

ptrdiff_t df_json_read_at(const DfJson *j, void *into, size_t room, uint64_t at)
{
    room = j->limit - at < room ? (size_t)(j->limit - at) : room;
    if (j->fd < 0) {
        if (room)
            memcpy(into, j->text + at, room);
        return (ptrdiff_t)room;
    }
    ssize_t got;
    do
        got = room ? pread(j->fd, into, room, (off_t)at) : 0;
    while (got < 0 && errno == EINTR);
    return (ptrdiff_t)got;
}

static ptrdiff_t source_read(DfJson *j, unsigned char *into, size_t room)
{
    const ptrdiff_t got = df_json_read_at(j, into, room, j->position);
    if (got < 0)
        j->broken = df_fail_errno("%s", j->name);
    else
        j->position += (uint64_t)got;
    if (got > 0 && (j->broken = df_check_patience()) < 0)
        return -1;
    return got;
}

/* A token that fills the whole window makes it grow. */
static bool make_room(DfJson *j)
{
    const size_t used = (size_t)(j->end - j->window);
    const size_t offset = (size_t)(j->at - j->window);
    if (used < j->capacity)
        return true;
    unsigned char *next = j->capacity > SIZE_MAX / 4 ? NULL : df_realloc(j->window, j->capacity * 2 + DF_JSON_SLACK);
    if (!next) {
        j->broken = df_fail(DF_ENOMEM, "%s: line %zu: out of memory for a string of over %zu bytes", j->name, j->line,
                            used);
        return false;
    }
    j->window = next;
    j->capacity *= 2;
    j->at = next + offset;
    j->end = next + used;
    return true;
}

bool df_json_more(DfJson *j)
{
    if (j->broken < 0)
        return false;
    const size_t kept = (size_t)(j->end - j->at);
    j->before += (uint64_t)(j->at - j->window);
    memmove(j->window, j->at, kept);
    j->at = j->window;
    j->end = j->window + kept;
    *j->end = 0;
    if (!make_room(j))
        return false;
    const ptrdiff_t got = source_read(j, j->end, j->capacity - kept);
    if (got > 0)
        j->end += got;
    memset(j->end, 0, DF_JSON_SLACK);
    return got > 0;
}

/* ---- complaints ------------------------------------------------------------------------------------------------ */

int df_json_fail(const DfJson *j, int code, const char *format, ...)
{
    char sentence[768];
    va_list args;
    va_start(args, format);
    df_vsnprintf(sentence, sizeof sentence, format, args);
    va_end(args);
    return df_fail(code, "%s: line %zu, byte %" PRIu64 ": %s", j->name, j->line, df_json_offset(j), sentence);
}

DfJsonEvent df_json_stop(DfJson *j, const char *format, const char *argument)
{
    j->state = FAILED;
    if (j->broken == DF_OK)
        j->broken = df_json_fail(j, DF_EFORMAT, format, argument);
    return DF_JSON_ERROR;
}

/* ---- open and close -------------------------------------------------------------------------------------------- */

void df_json_close_source(DfJson *j)
{
    if (j->fd >= 0)
        close(j->fd);
    j->fd = -1;
    df_free(j->owned_text);
    j->text = j->owned_text = NULL;
}

/* What is in a pipe can be read only once: it is taken into memory. */
static int take_pipe(DfJson *j)
{
    uint8_t *text = NULL;
    size_t n = 0;
    const int error = df_input_take(j->fd, j->name, SIZE_MAX, &text, &n);
    if (error < 0)
        return error;
    df_json_close_source(j);
    j->text = j->owned_text = (char *)text;
    j->limit = n;
    return DF_OK;
}

static int open_source(DfJson **out, int fd, const char *text, size_t size, const char *called)
{
    DfJson *j = df_calloc(1, sizeof *j);
    const size_t length = strlen(called) + 1;
    if (j) {
        const bool small_text = fd < 0 && size < DF_JSON_WINDOW;
        *j = (DfJson){ .fd = fd, .text = text, .line = 1, .capacity = small_text ? size + 8 : DF_JSON_WINDOW };
        j->limit = fd < 0 ? size : INT64_MAX;
        j->window = df_calloc(j->capacity + DF_JSON_SLACK, 1);
        j->name = df_malloc(length);
    }
    if (!j || !j->window || !j->name) {
        if (!j && fd >= 0)
            close(fd);
        df_json_close(j);
        return df_fail(DF_ENOMEM, "%s: out of memory for reading", called);
    }
    memcpy(j->name, called, length);
    j->at = j->end = j->window;
    *j->end = 0;
    int error = fd >= 0 && lseek(fd, 0, SEEK_CUR) < 0 ? take_pipe(j) : DF_OK;
    if (error == DF_OK)
        error = df_json_look_at_source(j);
    if (error < 0)
        df_json_close(j);
    else
        *out = j;
    return error;
}

int df_json_open(DfJson **out, const char *path)
{
    *out = NULL;
    int fd;
    const int error = df_input_open(&fd, path);
    return error < 0 ? error : open_source(out, fd, NULL, 0, path);
}

int df_json_open_text(DfJson **out, const char *text, size_t size, const char *called)
{
    *out = NULL;
    return open_source(out, -1, text, size, called);
}

void df_json_close(DfJson *j)
{
    if (!j)
        return;
    if (!j->forked) {
        df_json_close_source(j);
        df_free(j->name);
    }
    df_free(j->window);
    df_free(j);
}

/* A reader of the bytes [begin, end) with the surroundings of another. */
int df_json_fork_at(DfJson **out, const DfJson *j, uint64_t begin, uint64_t end, unsigned char *window)
{
    DfJson *f = *out = df_malloc(sizeof *f);
    if (!window)
        window = df_malloc(DF_JSON_WINDOW + DF_JSON_SLACK);
    if (!f || !window) {
        df_free(f);
        df_free(window);
        *out = NULL;
        return df_fail(DF_ENOMEM, "%s: out of memory for reading", j->name);
    }
    *f = *j;
    f->forked = true;
    f->window = f->at = f->end = window;
    f->capacity = DF_JSON_WINDOW;
    f->position = f->before = begin;
    f->limit = end;
    memset(f->end, 0, DF_JSON_SLACK);
    return DF_OK;
}

int df_json_fork(DfJson **out, const DfJson *j)
{
    return df_json_fork_at(out, j, df_json_offset(j), j->limit, NULL);
}

int df_json_fork_value(DfJson **out, const DfJson *j, uint64_t begin)
{
    const int error = df_json_fork_at(out, j, begin, j->limit, NULL);
    if (error < 0)
        return error;
    (*out)->state = VALUE;
    (*out)->depth = 0;
    (*out)->broken = DF_OK;
    (*out)->piece = (*out)->skipping = false;
    return DF_OK;
}

size_t df_json_line(const DfJson *j)
{
    return j->line;
}

uint64_t df_json_offset(const DfJson *j)
{
    return j->before + (uint64_t)(j->at - j->window);
}

const char *df_json_name(const DfJson *j)
{
    return j->name;
}

int df_json_error(const DfJson *j)
{
    return j->broken;
}
