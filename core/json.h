/* SPDX-License-Identifier: Apache-2.0
 *
 * core/json.h -- large JSON files, read as a stream of events in constant memory (plus the longest text in them).
 *
 * Why not cJSON here: it takes ten times the file in memory (docs/design.md, decision 12). Small files go through
 * cJSON. Numbers are read as Python's json module reads them: correctly rounded doubles, and integers kept exactly to
 * 64 bits. NaN, Infinity and -Infinity are numbers too, a key may be repeated, and half a surrogate pair becomes
 * U+FFFD. A byte order mark is passed over, and gzip is unpacked into memory (8 GiB at most). Refused: control
 * characters in texts, invalid UTF-8 (UTF-16 by its name), more than DF_JSON_DEPTH levels. Nothing recurses.
 */
#ifndef DF_CORE_JSON_H
#define DF_CORE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/api.h"
#include "core/error.h"
#include "core/pool.h"
#include "core/textbuf.h"

DF_BEGIN_DECLS

enum { DF_JSON_DEPTH = 64 };

typedef enum {
    DF_JSON_ERROR = -1, /* df_error() says what and on which line; from then on, always this */
    DF_JSON_END,        /* after the one value of the file         */
    DF_JSON_NULL,
    DF_JSON_FALSE,
    DF_JSON_TRUE,
    DF_JSON_NUMBER,
    DF_JSON_TEXT,
    DF_JSON_ARRAY,      /* '['; its values follow, then DF_JSON_CLOSE   */
    DF_JSON_OBJECT,     /* '{'; DF_JSON_KEY and a value in turn, then DF_JSON_CLOSE */
    DF_JSON_KEY,
    DF_JSON_CLOSE
} DfJsonEvent;

/* What the last event brought. Texts are UTF-8 with escapes resolved, zero-terminated, valid until
 * the next event. Of an integer beyond 64 bits, `length` characters at `text` are its digits
 * behind a possible '-', and no zero is behind them. */
typedef struct {
    double number;
    int64_t integer;    /* valid if is_integer: written as one (1, -3) or equal to one (1.0, 1e3) and within 64 bits */
    bool is_integer;
    const char *text;
    size_t length;
} DfJsonValue;

typedef struct DfJson DfJson;
/* Opens a file, or bytes that are borrowed (`name` is for messages). */
DF_API int df_json_open(DfJson **out, const char *path);
DF_API int df_json_open_text(DfJson **out, const char *text, size_t size, const char *name);
DF_API void df_json_close(DfJson *);

DF_API DfJsonEvent df_json_next(DfJson *, DfJsonValue *value);
DF_API int df_json_skip(DfJson *);     /* right after a KEY (or where a value is due): passes over the whole value,
                                          checking its syntax but converting no number */
/* The same, and appends the value as JSON in one line: equal values give equal texts. Numbers are as short as they can
 * be; NaN and the infinities stay, as in Python. */
DF_API int df_json_copy(DfJson *, DfTextbuf *to);
/* In an object: passes over the key, so that its value is due, if just this key stands next, in plain letters and with
 * nothing unusual around it. False: nothing happened, and df_json_next() tells what there is. It is faster where the
 * keys of objects follow one another in an order that is known. */
DF_API bool df_json_key(DfJson *, const char *key, size_t length);
/* In an array: up to `room` numbers at once; gives the event behind them, or DF_JSON_NUMBER if there was no room
 * for more. */
DF_API DfJsonEvent df_json_numbers(DfJson *, double *to, size_t room, size_t *n);
DF_API size_t df_json_line(const DfJson *); /* 1-based line of the last event */
DF_API uint64_t df_json_offset(const DfJson *); /* bytes read so far, for progress */
DF_API const char *df_json_name(const DfJson *);
DF_API int df_json_error(const DfJson *);   /* the code behind DF_JSON_ERROR, or DF_OK */

/* A second reader at the same place, to look ahead; the first must outlive it. And one of the value that begins at a
 * byte of the file, on the line of the first. */
DF_API int df_json_fork(DfJson **out, const DfJson *);
DF_API int df_json_fork_value(DfJson **out, const DfJson *, uint64_t begin);

/* Reads the objects of a long array by several threads, right after its DF_JSON_ARRAY; then the reader stands
 * behind the array. read() is given pieces of the array: it takes objects until df_json_next() gives
 * DF_JSON_CLOSE, and keeps them in its slot, which it empties first. It runs on any thread, and what it read may
 * be thrown away. join() takes over what a slot holds, in the order of the file: one at a time, on any thread,
 * while others read. Lines of that slot are to be counted from `lines_before`. An error is met by read() on the
 * calling thread when all before it is joined, so that its sentence can count records. The array has about as many
 * pieces as `pieces` says, which hold about as many objects each. With a NULL pool all is done by this thread. */
enum { DF_JSON_SLOTS = 64 };
typedef struct {
    void *arg;
    int (*read)(void *arg, size_t slot, DfJson *piece);
    int (*join)(void *arg, size_t slot, size_t lines_before, size_t pieces);
} DfJsonRecords;
DF_API int df_json_records(DfJson *, DfPool *, const DfJsonRecords *);

/* df_fail() with "NAME: line N, byte M: " in front: where the reader stands. */
DF_API int df_json_fail(const DfJson *, int code, const char *format, ...) DF_PRINTF(3, 4);

DF_END_DECLS

#endif
