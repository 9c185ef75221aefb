/* SPDX-License-Identifier: Apache-2.0
 *
 * core/json_reader.h -- private to core/: the internals of the JSON reader. A window of bytes slides over the file
 * (json_window.c). Texts (json_text.c) and numbers (json_number.c) are parsed in it; json.c parses the structure,
 * json_records.c large arrays in parallel pieces.
 *
 * The byte after the window is always zero, which no JSON token contains. So inner loops need no bounds check: they
 * stop there, and then test whether the window or the file has ended. Texts are unescaped and terminated in place.
 */
#ifndef DF_CORE_JSON_READER_H
#define DF_CORE_JSON_READER_H

#include "core/json_list.h"
#include "core/json_number.h"

enum {
    DF_JSON_WINDOW = 64 * 1024,
    DF_JSON_SLACK = 1 + DF_JSON_LIST_REACH /* zeros behind the window: one ends loops, the others are read in blocks */
};

/* What may come next. */
typedef enum {
    VALUE,
    VALUE_OR_CLOSE, /* behind '['                    */
    KEY,
    KEY_OR_CLOSE,   /* behind '{'                    */
    COLON,
    COMMA_OR_CLOSE, /* behind a value inside brackets */
    DONE,           /* behind the one value of the file */
    FAILED
} State;

struct DfJson {
    unsigned char *window;          /* capacity + SLACK bytes                                    */
    unsigned char *at, *end;        /* the next byte, and the zero behind the last one read      */
    size_t capacity;
    int fd;                         /* -1: the bytes come from `text`                            */
    const char *text;
    char *owned_text;               /* of a source that cannot be read at any place              */
    uint64_t position, limit;       /* of the next byte to be read, and where reading ends       */
    uint64_t before;                /* bytes of the file in front of the window                  */
    size_t line;
    State state;
    bool skipping;                  /* numbers are only passed over                              */
    bool forked;                    /* fd and name belong to another reader                      */
    bool piece;                     /* of an array: may end behind a comma of depth 1            */
    int broken;                     /* the error that stopped the source, or DF_OK               */
    int depth;
    bool in_object[DF_JSON_DEPTH];
    char *name;
};

/* Slides the window so that it begins at j->at and reads behind it. False at the end of the file or on failure. */
bool df_json_more(DfJson *);

/* After opening: passes over a byte order mark and unpacks gzip. DF_EFORMAT, by name, for what is no UTF-8. And forgets
 * the source, to have another one. */
int df_json_look_at_source(DfJson *);
void df_json_close_source(DfJson *);

/* The reader fails for good; `format` has one %s. */
DfJsonEvent df_json_stop(DfJson *, const char *format, const char *argument);

/* The text at the opening quote under the reader: into the value, and past it. */
bool df_json_text(DfJson *, DfJsonValue *);

/* Steps over the bracket that closes the innermost array or object. */
DfJsonEvent df_json_leave(DfJson *);

/* A reader of the bytes [begin, end) with the surroundings of another, in the window that is given (and taken
 * over) or, if NULL, a new one; bytes of the source at any place. */
int df_json_fork_at(DfJson **out, const DfJson *, uint64_t begin, uint64_t end, unsigned char *window);
ptrdiff_t df_json_read_at(const DfJson *, void *into, size_t room, uint64_t at);

#endif
