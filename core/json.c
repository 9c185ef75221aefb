/* SPDX-License-Identifier: Apache-2.0
 *
 * core/json.c -- a pull reader for large JSON files: one window of bytes that slides over the file.
 *
 * The byte behind the window is always zero, which no JSON token contains: inner loops need no bounds test, they stop there and
 * then ask whether the window or the file ended. Texts are unescaped and terminated in place. Numbers: core/json_number.c.
 */
#include "core/json.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/json_number.h"
#include "core/memory.h"

enum { WINDOW = 64 * 1024, SLACK = 1 + DF_JSON_NUMBER_REACH }; /* the zero, and what may be looked at behind it */

/* What may come next. */
typedef enum { VALUE, VALUE_OR_CLOSE, KEY, KEY_OR_CLOSE, COLON, COMMA_OR_CLOSE, DONE, FAILED } State;

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

/* ---- the window --------------------------------------------------------------------------------------------------- */

static ptrdiff_t read_at(const DfJson *j, void *into, size_t room, uint64_t at)
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
    const ptrdiff_t got = read_at(j, into, room, j->position);
    if (got < 0)
        j->broken = df_fail_errno("%s", j->name);
    else
        j->position += (uint64_t)got;
    return got;
}

/* A token that fills the whole window makes it grow. */
static bool make_room(DfJson *j)
{
    const size_t used = (size_t)(j->end - j->window), offset = (size_t)(j->at - j->window);
    if (used < j->capacity)
        return true;
    unsigned char *next = j->capacity > SIZE_MAX / 4 ? NULL : df_realloc(j->window, j->capacity * 2 + SLACK);
    if (!next) {
        j->broken = df_fail(DF_ENOMEM, "%s: line %zu: out of memory for a text of over %zu bytes", j->name, j->line, used);
        return false;
    }
    j->window = next;
    j->capacity *= 2;
    j->at = next + offset;
    j->end = next + used;
    return true;
}

/* Slides the window so that it begins at j->at and reads behind it. False at the end of the file or on failure. */
static bool more(DfJson *j)
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
    *j->end = 0;
    return got > 0;
}

/* ---- complaints --------------------------------------------------------------------------------------------------- */

int df_json_fail(const DfJson *j, int code, const char *format, ...)
{
    char sentence[768];
    va_list args;
    va_start(args, format);
    vsnprintf(sentence, sizeof sentence, format, args);
    va_end(args);
    return df_fail(code, "%s: line %zu: %s", j->name, j->line, sentence);
}

static DfJsonEvent fail(DfJson *j, const char *format, const char *argument)
{
    j->state = FAILED;
    if (j->broken == DF_OK)
        j->broken = df_json_fail(j, DF_EFORMAT, format, argument);
    return DF_JSON_ERROR;
}

/* "met X, want Y" with X the next byte or the end. */
static DfJsonEvent fail_wanting(DfJson *j, const char *wanted)
{
    const unsigned c = *j->at;
    char met[32];
    if (c == 0 && j->at == j->end)
        snprintf(met, sizeof met, "the file ends");
    else if (c > ' ' && c < 127)
        snprintf(met, sizeof met, "met '%c'", (char)c);
    else
        snprintf(met, sizeof met, "met the byte 0x%02x", c);
    char sentence[128];
    snprintf(sentence, sizeof sentence, "%s, want %s", met, wanted);
    return fail(j, "%s", sentence);
}

/* ---- texts -------------------------------------------------------------------------------------------------------- */

/* Bytes that a text may hold as they are: neither control characters, '"', '\\' nor the start of a multi-byte character. */
static inline bool plain(unsigned c)
{
    return c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
}

/* Eight bytes at once (as Mycroft finds a zero byte): false if perhaps one of them is not plain. At most SLACK behind the window. */
static inline bool eight_plain(const unsigned char *p)
{
    const uint64_t ones = UINT64_MAX / 255, tops = ones << 7;
    uint64_t x;
    memcpy(&x, p, sizeof x);
    const uint64_t quote = x ^ ones * '"', slash = x ^ ones * '\\';
    return !((x | (x - ones * 0x20) | (quote - ones) | (slash - ones)) & tops);
}

/* Length of the well-formed UTF-8 character at p (RFC 3629), or 0. Stops at the zero behind the window. */
static size_t utf8_length(const unsigned char *p)
{
    const unsigned a = p[0], b = a ? p[1] : 0;
    if (a < 0xc2 || a > 0xf4 || (b & 0xc0) != 0x80)
        return 0;
    if (a < 0xe0)
        return 2;
    if ((p[2] & 0xc0) != 0x80 || (a == 0xe0 && b < 0xa0) || (a == 0xed && b > 0x9f))
        return 0;
    if (a < 0xf0)
        return 3;
    return (p[3] & 0xc0) != 0x80 || (a == 0xf0 && b < 0x90) || (a == 0xf4 && b > 0x8f) ? 0 : 4;
}

static unsigned char *utf8_put(unsigned char *to, uint32_t c)
{
    if (c < 0x80) {
        *to++ = (unsigned char)c;
    } else if (c < 0x800) {
        *to++ = (unsigned char)(0xc0 | c >> 6);
        *to++ = (unsigned char)(0x80 | (c & 63));
    } else if (c < 0x10000) {
        *to++ = (unsigned char)(0xe0 | c >> 12);
        *to++ = (unsigned char)(0x80 | (c >> 6 & 63));
        *to++ = (unsigned char)(0x80 | (c & 63));
    } else {
        *to++ = (unsigned char)(0xf0 | c >> 18);
        *to++ = (unsigned char)(0x80 | (c >> 12 & 63));
        *to++ = (unsigned char)(0x80 | (c >> 6 & 63));
        *to++ = (unsigned char)(0x80 | (c & 63));
    }
    return to;
}

/* Four hexadecimal digits, or -1. */
static int32_t hex4(const unsigned char *p)
{
    int32_t c = 0;
    for (int i = 0; i < 4; i++) {
        const unsigned lower = p[i] | 0x20u;
        const int digit = p[i] >= '0' && p[i] <= '9' ? p[i] - '0' : lower >= 'a' && lower <= 'f' ? (int)lower - 'a' + 10 : -1;
        if (digit < 0)
            return -1;
        c = c * 16 + digit;
    }
    return c;
}

/* The escape at `from` (a backslash) goes to *to; returns the byte behind it, or NULL. Half a surrogate pair becomes U+FFFD. */
static const unsigned char *unescape(const unsigned char *from, unsigned char **to)
{
    static const char letters[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";
    const char *letter = from[1] ? strchr(letters, from[1]) : NULL;
    if (letter) {
        *(*to)++ = (unsigned char)meanings[letter - letters];
        return from + 2;
    }
    int32_t c = from[1] == 'u' ? hex4(from + 2) : -1;
    if (c < 0)
        return NULL;
    from += 6;
    if (c >= 0xd800 && c < 0xdc00 && from[0] == '\\' && from[1] == 'u') {
        const int32_t low = hex4(from + 2);
        if (low >= 0xdc00 && low < 0xe000) {
            c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
            from += 6;
        }
    }
    *to = utf8_put(*to, c >= 0xd800 && c < 0xe000 ? 0xfffd : (uint32_t)c);
    return from;
}

/* Brings the whole text at j->at (its opening quote) into the window; returns its closing quote, or NULL. `bare`: nothing in
 * it has to be checked or resolved. */
static unsigned char *text_end(DfJson *j, bool *bare)
{
    *bare = true;
    size_t i = 1;
    for (;;) {
        const unsigned char *p = j->at + i;
        while (eight_plain(p))
            p += 8;
        while (plain(*p))
            p++;
        i = (size_t)(p - j->at);
        if (*p == '"')
            return j->at + i;
        if (*p >= 0x80 || *p == '\\')
            *bare = false;
        if (p == j->end) {
            if (!more(j)) {
                fail(j, "%s", "the file ends inside a text");
                return NULL;
            }
        } else if (*p < 0x20) {
            fail(j, "%s", "a control character inside a text, want it escaped");
            return NULL;
        } else if (*p == '\\' && p + 1 == j->end) {
            if (!more(j)) {
                fail(j, "%s", "the file ends inside a text");
                return NULL;
            }
        } else {
            i += *p == '\\' ? 2 : 1;
        }
    }
}

/* Resolves escapes in place and checks the UTF-8; returns the new end, or NULL. */
static unsigned char *resolve(DfJson *j, unsigned char *begin, const unsigned char *end)
{
    unsigned char *to = begin;
    for (const unsigned char *from = begin; from < end;) {
        if (*from == '\\') {
            from = unescape(from, &to);
            if (!from) {
                fail(j, "%s", "a text holds a backslash that begins no JSON escape");
                return NULL;
            }
        } else if (*from < 0x80) {
            *to++ = *from++;
        } else {
            const size_t n = utf8_length(from);
            if (n == 0) {
                fail(j, "%s", "a text is not valid UTF-8");
                return NULL;
            }
            memmove(to, from, n);
            to += n;
            from += n;
        }
    }
    return to;
}

static bool read_text(DfJson *j, DfJsonValue *value)
{
    bool bare;
    unsigned char *end = text_end(j, &bare);
    if (!end)
        return false;
    unsigned char *begin = j->at + 1, *after = end + 1;
    if (!bare)
        end = resolve(j, begin, end);
    if (!end)
        return false;
    *end = 0; /* at the latest on the closing quote */
    value->text = (const char *)begin;
    value->length = (size_t)(end - begin);
    j->at = after;
    return true;
}

/* ---- numbers and words -------------------------------------------------------------------------------------------- */

static DfJsonEvent word(DfJson *j, const char *spelling, DfJsonEvent event)
{
    const size_t n = strlen(spelling);
    while ((size_t)(j->end - j->at) < n && more(j))
        ;
    if ((size_t)(j->end - j->at) < n || memcmp(j->at, spelling, n) != 0)
        return fail(j, "met an unknown word, want %s", spelling);
    j->at += n;
    return event;
}

/* Python writes and reads these three. */
static DfJsonEvent special_number(DfJson *j, DfJsonValue *value, const char *spelling, double number)
{
    value->number = number;
    return word(j, spelling, DF_JSON_NUMBER);
}

static DfJsonEvent number(DfJson *j, DfJsonValue *value)
{
    const unsigned char *end;
    bool good;
    do { /* what reaches the end of the window may go on behind it */
        end = j->at;
        good = df_json_number(&end, j->skipping ? NULL : value);
    } while (end == j->end && more(j));
    if (!good && *j->at == '-' && *end == 'I')
        return special_number(j, value, "-Infinity", -INFINITY);
    if (!good)
        return fail(j, "%s", "met a malformed number");
    j->at = j->window + (end - j->window);
    return DF_JSON_NUMBER;
}

/* ---- structure ---------------------------------------------------------------------------------------------------- */

/* What is in a pipe can be read only once: it is taken into memory. */
static int take_pipe(DfJson *j)
{
    size_t n = 0, capacity = 0;
    for (ssize_t got = 1; got != 0;) {
        if (!df_grow((void **)&j->owned_text, &capacity, n + WINDOW, 1))
            return df_fail_memory(j->name);
        got = read(j->fd, j->owned_text + n, WINDOW);
        if (got < 0 && errno != EINTR)
            return df_fail_errno("%s", j->name);
        n += got > 0 ? (size_t)got : 0;
    }
    close(j->fd);
    j->fd = -1;
    j->text = j->owned_text;
    j->limit = n;
    return DF_OK;
}

static int open_source(DfJson **out, int fd, const char *text, size_t size, const char *called)
{
    DfJson *j = df_calloc(1, sizeof *j);
    const size_t length = strlen(called) + 1;
    if (j) {
        *j = (DfJson){ .fd = fd, .text = text, .line = 1, .capacity = fd < 0 && size < WINDOW ? size + 8 : WINDOW };
        j->limit = fd < 0 ? size : INT64_MAX;
        j->window = df_calloc(j->capacity + SLACK, 1);
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
    const int error = fd >= 0 && lseek(fd, 0, SEEK_CUR) < 0 ? take_pipe(j) : DF_OK;
    if (error < 0)
        df_json_close(j);
    else
        *out = j;
    return error;
}

int df_json_open(DfJson **out, const char *path)
{
    *out = NULL;
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return df_fail_errno("%s", path);
    return open_source(out, fd, NULL, 0, path);
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
    if (j->fd >= 0 && !j->forked)
        close(j->fd);
    if (!j->forked) {
        df_free(j->owned_text);
        df_free(j->name);
    }
    df_free(j->window);
    df_free(j);
}

/* A reader of the bytes [begin, end) with the surroundings of another. */
static int fork_at(DfJson **out, const DfJson *j, uint64_t begin, uint64_t end)
{
    DfJson *f = *out = df_malloc(sizeof *f);
    unsigned char *window = df_malloc(WINDOW + SLACK);
    if (!f || !window) {
        df_free(f);
        df_free(window);
        *out = NULL;
        return df_fail(DF_ENOMEM, "%s: out of memory for reading", j->name);
    }
    *f = *j;
    f->forked = true;
    f->window = f->at = f->end = window;
    f->capacity = WINDOW;
    f->position = f->before = begin;
    f->limit = end;
    *f->end = 0;
    return DF_OK;
}

int df_json_fork(DfJson **out, const DfJson *j)
{
    return fork_at(out, j, df_json_offset(j), j->limit);
}

/* Passes over white space and returns the byte behind it; at the end of the file, the zero behind the window. */
static inline unsigned next_byte(DfJson *j)
{
    for (;;) {
        const unsigned c = *j->at;
        if (c > ' ')
            return c;
        if (c == '\n')
            j->line++;
        else if (c != ' ' && c != '\t' && c != '\r') {
            if (j->at == j->end && more(j))
                continue;
            return 0;
        }
        j->at++;
    }
}

static DfJsonEvent enter(DfJson *j, bool object)
{
    if (j->depth == DF_JSON_DEPTH)
        return fail(j, "%s", "nested deeper than the 64 levels that are read");
    j->in_object[j->depth++] = object;
    j->state = object ? KEY_OR_CLOSE : VALUE_OR_CLOSE;
    j->at++;
    return object ? DF_JSON_OBJECT : DF_JSON_ARRAY;
}

static DfJsonEvent leave(DfJson *j)
{
    j->depth--;
    j->state = j->depth ? COMMA_OR_CLOSE : DONE;
    j->at++;
    return DF_JSON_CLOSE;
}

static DfJsonEvent no_value(DfJson *j, unsigned c)
{
    const bool piece_ends = j->piece && j->depth == 1 && c == 0 && j->at == j->end && j->broken == DF_OK;
    if (!piece_ends)
        return fail_wanting(j, "a value");
    j->state = DONE;
    return DF_JSON_CLOSE;
}

static DfJsonEvent read_value(DfJson *j, DfJsonValue *value, unsigned c)
{
    j->state = j->depth ? COMMA_OR_CLOSE : DONE;
    switch (c) {
    case '{': return enter(j, true);
    case '[': return enter(j, false);
    case '"': return read_text(j, value) ? DF_JSON_TEXT : DF_JSON_ERROR;
    case 't': return word(j, "true", DF_JSON_TRUE);
    case 'f': return word(j, "false", DF_JSON_FALSE);
    case 'n': return word(j, "null", DF_JSON_NULL);
    case 'N': return special_number(j, value, "NaN", NAN);
    case 'I': return special_number(j, value, "Infinity", INFINITY);
    default: return c == '-' || (c >= '0' && c <= '9') ? number(j, value) : no_value(j, c);
    }
}

static DfJsonEvent read_key(DfJson *j, DfJsonValue *value, unsigned c)
{
    if (c != '"')
        return fail_wanting(j, "a key in quotes");
    j->state = COLON;
    return read_text(j, value) ? DF_JSON_KEY : DF_JSON_ERROR;
}

DfJsonEvent df_json_next(DfJson *j, DfJsonValue *value)
{
    *value = (DfJsonValue){ 0 };
    if (j->state == FAILED)
        return DF_JSON_ERROR;
    unsigned c = next_byte(j);
    if (j->state == COMMA_OR_CLOSE) {
        const bool object = j->in_object[j->depth - 1];
        if (c == (object ? '}' : ']'))
            return leave(j);
        if (c != ',')
            return fail_wanting(j, object ? "',' or '}'" : "',' or ']'");
        j->state = object ? KEY : VALUE;
        j->at++;
        c = next_byte(j);
    } else if (j->state == COLON) {
        if (c != ':')
            return fail_wanting(j, "':' behind a key");
        j->state = VALUE;
        j->at++;
        c = next_byte(j);
    }
    switch (j->state) {
    case VALUE_OR_CLOSE: return c == ']' ? leave(j) : read_value(j, value, c);
    case KEY_OR_CLOSE: return c == '}' ? leave(j) : read_key(j, value, c);
    case KEY: return read_key(j, value, c);
    case DONE: return c == 0 && j->at == j->end && j->broken == DF_OK ? DF_JSON_END : fail_wanting(j, "nothing behind the value");
    default: return read_value(j, value, c);
    }
}

/* Passes over numbers in a list that are short and followed by a comma or bracket, and leaves all that is rarer, or wrong, to the
 * ordinary way. Comes and goes behind a value. Keeps up to `room` of them, or none if `to` is NULL. */
static size_t short_numbers(DfJson *j, double *to, size_t room)
{
    const unsigned char *at = j->at;
    size_t n = 0;
    while (*at == ',' && n < room) {
        const unsigned char *const number = at + 1 + (at[1] == ' ');
        const unsigned char *const end = to ? df_json_short_number(number, to + n) : df_json_skip_short_number(number);
        if (!end)
            break;
        at = end;
        n += to != NULL;
    }
    j->at += at - j->at;
    return n;
}

DfJsonEvent df_json_numbers(DfJson *j, double *to, size_t room, size_t *n)
{
    DfJsonValue value;
    DfJsonEvent event = DF_JSON_NUMBER;
    *n = 0;
    while (*n < room && (event = df_json_next(j, &value)) == DF_JSON_NUMBER) {
        to[(*n)++] = value.number;
        *n += short_numbers(j, to + *n, room - *n);
    }
    return event;
}

int df_json_skip(DfJson *j)
{
    const int depth = j->depth;
    DfJsonValue value;
    DfJsonEvent event;
    j->skipping = true;
    do {
        event = df_json_next(j, &value);
        if (event == DF_JSON_NUMBER && j->state == COMMA_OR_CLOSE && j->depth > depth && !j->in_object[j->depth - 1])
            short_numbers(j, NULL, 1);
    } while (event > DF_JSON_END && j->depth > depth);
    j->skipping = false;
    return event < 0 ? j->broken : DF_OK;
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

/* ---- records by several threads ----------------------------------------------------------------------------------- */

/*
 * The array is cut where a '}', a ',' and a '{' follow one another, which is most likely between two of its objects. Pieces are read
 * in parallel on this guess, and joined in order by whichever thread finds the next one ready. A piece that ends behind a comma of
 * depth 1 proves that the next one began rightly; one that does not (the cut was in a text, or deeper) is read again, with all that
 * follows, by the calling thread. So is one that failed, now with its true line, so that the sentence is the one that a single reader
 * would have left.
 */
enum { PIECES = 64, LEAST_PIECE = 64 * 1024, MOST_PIECE = 1024 * 1024, SEARCH = 4096 };

/* Where the first object behind `from` begins that follows another; `end` if none does before it. */
static uint64_t find_cut(const DfJson *j, uint64_t from, uint64_t end)
{
    unsigned char block[SEARCH];
    ptrdiff_t n;
    int seen = 0; /* of "},{" */
    for (uint64_t at = from; at < end && (n = read_at(j, block, sizeof block, at)) > 0; at += (uint64_t)n)
        for (ptrdiff_t i = 0; i < n; i++) {
            const unsigned c = block[i];
            if (c == ' ' || c == '\n' || c == '\t' || c == '\r')
                continue;
            if (seen == 2 && c == '{')
                return at + (uint64_t)i < end ? at + (uint64_t)i : end;
            seen = c == '}' ? 1 : seen == 1 && c == ',' ? 2 : 0;
        }
    return end;
}

/* A piece that was read and waits for those before it. */
typedef struct {
    DfJson *json; /* NULL: nothing is in it */
    size_t slot;
    uint64_t begin;
    bool ready, failed;
} Waiting;

/* Pieces from `joined` on are being read, DF_JSON_SLOTS of them at most. */
typedef struct {
    const DfJsonRecords *how;
    DfJson *main, origin;      /* origin: as it stood at the beginning of the array */
    uint64_t begin, end, size; /* of the array, as far as known, and of a piece */
    pthread_mutex_t lock;
    pthread_cond_t went_on;
    size_t joined;
    bool joining, stopped;     /* stopped: by the end of the array, an error, or a wrong guess */
    Waiting waiting[DF_JSON_SLOTS];
    size_t free_slots[DF_JSON_SLOTS], n_free;
    uint64_t again;            /* where reading has to begin again, if `stopped` and not closed */
    bool closed;
    int error;                 /* of join()                                                */
    char sentence[512];
} Records;

static void piece_begins(DfJson *piece, bool first, size_t line)
{
    piece->piece = true;
    piece->depth = 1;
    piece->in_object[0] = false;
    piece->state = first ? VALUE_OR_CLOSE : VALUE;
    piece->line = line;
}

static uint64_t begin_of(const Records *r, size_t i)
{
    const uint64_t from = r->begin + i * r->size;
    return i == 0 ? r->begin : from < r->end ? find_cut(&r->origin, from, r->end) : r->end;
}

/* The main reader goes on behind the array that the piece closed. */
static void go_on_behind(DfJson *j, const DfJson *piece)
{
    j->position = j->before = df_json_offset(piece);
    j->at = j->end = j->window;
    *j->end = 0;
    leave(j);
    j->at = j->window; /* leave() stepped over the bracket */
}

/* Takes the next piece over. The lock is not held: nobody else joins. */
static bool join(Records *r, const Waiting *w)
{
    const DfJson *const piece = w->json;
    if (w->failed) {
        r->again = w->begin;
        return false;
    }
    if (!piece)
        return true;
    if ((r->error = r->how->join(r->how->arg, w->slot, r->main->line - 1)) < 0) {
        snprintf(r->sentence, sizeof r->sentence, "%s", df_error());
        return false;
    }
    r->main->line += piece->line - 1;
    r->closed = piece->depth == 0;
    if (r->closed)
        go_on_behind(r->main, piece);
    return !r->closed;
}

static void join_ready(Records *r)
{
    pthread_mutex_lock(&r->lock);
    for (Waiting *w; !r->joining && !r->stopped && (w = &r->waiting[r->joined % DF_JSON_SLOTS])->ready;) {
        r->joining = true;
        pthread_mutex_unlock(&r->lock);
        const bool go_on = join(r, w);
        df_json_close(w->json);
        pthread_mutex_lock(&r->lock);
        r->joining = false;
        r->stopped = !go_on;
        r->free_slots[r->n_free++] = w->slot;
        *w = (Waiting){ NULL };
        r->joined++;
        pthread_cond_broadcast(&r->went_on);
    }
    pthread_mutex_unlock(&r->lock);
}

/* A slot for piece i, once it is among those that may be read: so the next one to be joined always gets one. */
static bool take_slot(Records *r, size_t i, size_t *slot)
{
    pthread_mutex_lock(&r->lock);
    while (!r->stopped && i >= r->joined + DF_JSON_SLOTS)
        pthread_cond_wait(&r->went_on, &r->lock);
    const bool taken = !r->stopped;
    if (taken)
        *slot = r->free_slots[--r->n_free];
    pthread_mutex_unlock(&r->lock);
    return taken;
}

/* Keeps the piece without its window, of which only the place is needed from now on. */
static bool read_one(const Records *r, Waiting *w, size_t i)
{
    const uint64_t end = begin_of(r, i + 1);
    w->begin = begin_of(r, i);
    if (w->begin == end)
        return true;
    if (fork_at(&w->json, &r->origin, w->begin, end) < 0)
        return false;
    DfJson *const piece = w->json;
    piece_begins(piece, i == 0, 1);
    const int error = r->how->read(r->how->arg, w->slot, piece);
    piece->before = df_json_offset(piece);
    df_free(piece->window);
    piece->window = piece->at = piece->end = NULL;
    return error == DF_OK && piece->state == DONE; /* else it failed, or ended in the middle of something */
}

static void read_piece(void *arg, size_t i, void *scratch)
{
    Records *const r = arg;
    Waiting w = { .ready = true };
    (void)scratch;
    if (!take_slot(r, i, &w.slot))
        return;
    w.failed = !read_one(r, &w, i);
    pthread_mutex_lock(&r->lock);
    r->waiting[i % DF_JSON_SLOTS] = w;
    pthread_mutex_unlock(&r->lock);
    join_ready(r);
}

/* From `begin` to the end of the array, by this thread. */
static int read_rest(DfJson *j, const DfJsonRecords *how, uint64_t begin, bool first)
{
    DfJson *piece;
    int error = fork_at(&piece, j, begin, j->limit);
    if (error < 0)
        return error;
    piece_begins(piece, first, j->line);
    piece->piece = false;
    if ((error = how->read(how->arg, 0, piece)) == DF_OK)
        error = how->join(how->arg, 0, 0);
    if (error == DF_OK) {
        j->line = piece->line;
        go_on_behind(j, piece);
    }
    df_json_close(piece);
    return error;
}

static uint64_t source_end(const DfJson *j)
{
    if (j->fd < 0)
        return j->limit;
    const off_t size = lseek(j->fd, 0, SEEK_END);
    return size < 0 ? 0 : (uint64_t)size < j->limit ? (uint64_t)size : j->limit;
}

int df_json_records(DfJson *j, DfPool *pool, const DfJsonRecords *how)
{
    const uint64_t begin = df_json_offset(j), end = source_end(j), wish = end > begin ? (end - begin) / PIECES : 0;
    Records r = { .how = how, .main = j, .origin = *j, .begin = begin, .end = end, .again = end > begin ? end : begin, .n_free = DF_JSON_SLOTS };
    r.size = wish < LEAST_PIECE ? LEAST_PIECE : wish > MOST_PIECE ? MOST_PIECE : wish;
    for (size_t i = 0; i < DF_JSON_SLOTS; i++)
        r.free_slots[i] = DF_JSON_SLOTS - 1 - i;
    pthread_mutex_init(&r.lock, NULL);
    pthread_cond_init(&r.went_on, NULL);
    const size_t pieces = end > begin ? (size_t)((end - begin + r.size - 1) / r.size) : 0;
    int error = df_parallel(pool, pieces, 0, read_piece, &r);
    pthread_cond_destroy(&r.went_on);
    pthread_mutex_destroy(&r.lock);
    for (size_t i = 0; i < DF_JSON_SLOTS; i++)
        df_json_close(r.waiting[i].json);
    if (r.error < 0)
        error = df_fail(r.error, "%s", r.sentence);
    if (error == DF_OK && !r.closed) /* says what is wrong or missing */
        error = read_rest(j, how, r.again, r.again == begin);
    if (error == DF_OK)
        return DF_OK;
    j->state = FAILED;
    j->broken = error;
    return error;
}
