/* SPDX-License-Identifier: Apache-2.0
 *
 * core/json.c -- a pull parser for large JSON files: df_json_next() returns the next event. json_reader.h describes
 * its internals.
 */
#include "core/json_reader.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/bits.h"

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
    return df_json_stop(j, "%s", sentence);
}

/* ---- numbers and words ----------------------------------------------------------------------------------------- */

static DfJsonEvent word(DfJson *j, const char *spelling, DfJsonEvent event)
{
    const size_t n = strlen(spelling);
    while ((size_t)(j->end - j->at) < n && df_json_more(j))
        ;
    const size_t there = (size_t)(j->end - j->at);
    if (there < n && memcmp(j->at, spelling, there) == 0)
        return df_json_stop(j, "the file ends, want %s", spelling);
    if (there < n || memcmp(j->at, spelling, n) != 0)
        return df_json_stop(j, "met an unknown word, want %s", spelling);
    j->at += n;
    return event;
}

/* NaN, Infinity and -Infinity: no JSON, but Python writes and reads them. */
static DfJsonEvent special_number(DfJson *j, DfJsonValue *value, const char *spelling, double number)
{
    value->number = number;
    return word(j, spelling, DF_JSON_NUMBER);
}

static DfJsonEvent number(DfJson *j, DfJsonValue *value)
{
    ptrdiff_t length;
    bool good;
    bool at_end;
    do { /* a number that reaches the end of the window may go on behind it */
        const unsigned char *end = j->at;
        good = df_json_number(&end, j->skipping ? NULL : value);
        length = end - j->at;
        at_end = end == j->end;
    } while (at_end && df_json_more(j)); /* which moves what is at j->at, also at the end of the file */
    if (!good && *j->at == '-' && j->at[length] == 'I')
        return special_number(j, value, "-Infinity", -INFINITY);
    if (!good)
        return df_json_stop(j, "%s", at_end ? "the file ends inside a number" : "met a malformed number");
    if (!j->skipping && value->length)
        value->text = (const char *)j->at;
    j->at += length;
    return DF_JSON_NUMBER;
}

/* ---- structure ------------------------------------------------------------------------------------------------- */

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
            if (j->at == j->end && df_json_more(j))
                continue;
            return 0;
        }
        j->at++;
    }
}

static DfJsonEvent enter(DfJson *j, bool object)
{
    if (j->depth == DF_JSON_DEPTH)
        return df_json_stop(j, "%s", "nested deeper than the 64 levels that are read");
    j->in_object[j->depth++] = object;
    j->state = object ? KEY_OR_CLOSE : VALUE_OR_CLOSE;
    j->at++;
    return object ? DF_JSON_OBJECT : DF_JSON_ARRAY;
}

DfJsonEvent df_json_leave(DfJson *j)
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
    case '"': return df_json_text(j, value) ? DF_JSON_TEXT : DF_JSON_ERROR;
    case 't': return word(j, "true", DF_JSON_TRUE);
    case 'f': return word(j, "false", DF_JSON_FALSE);
    case 'n': return word(j, "null", DF_JSON_NULL);
    case 'N': return special_number(j, value, "NaN", NAN);
    case 'I': return special_number(j, value, "Infinity", INFINITY);
    default: break;
    }
    if (c == '-' || (c >= '0' && c <= '9'))
        return number(j, value);
    return no_value(j, c);
}

static DfJsonEvent read_key(DfJson *j, DfJsonValue *value, unsigned c)
{
    if (c != '"')
        return fail_wanting(j, "a key in quotes");
    j->state = COLON;
    return df_json_text(j, value) ? DF_JSON_KEY : DF_JSON_ERROR;
}

/* The fast way for what files are full of: a short number where a value is due, or behind a comma in a list. */
static inline bool next_number(DfJson *j, DfJsonValue *value)
{
    const unsigned char *end = j->at;
    if (j->state == COMMA_OR_CLOSE) {
        if (*end != ',' || j->in_object[j->depth - 1])
            return false;
        end += 1 + (end[1] == ' ');
    } else if (j->state != VALUE && j->state != VALUE_OR_CLOSE) {
        return false;
    }
    if (!df_json_short_number(&end, j->skipping ? NULL : value) || end >= j->end)
        return false;
    j->at += end - j->at;
    j->state = j->depth ? COMMA_OR_CLOSE : DONE;
    return true;
}

/* Plain members follow one another as `, "key": value` or `,"key":value`. The zeros behind the window are like no
 * key. */
bool df_json_key(DfJson *j, const char *key, size_t length)
{
    const unsigned char *p = j->at;
    if (j->state == COMMA_OR_CLOSE) {
        if (*p != ',' || !j->in_object[j->depth - 1])
            return false;
        p++;
    } else if (j->state != KEY_OR_CLOSE) {
        return false;
    }
    p += *p == ' ';
    if (length > DF_JSON_LIST_REACH / 2 || *p != '"' || memcmp(p + 1, key, length) != 0)
        return false;
    p += 1 + length;
    if (p[0] != '"' || p[1] != ':')
        return false;
    p += 2 + (p[2] == ' ');
    if (p >= j->end)
        return false;
    j->at += p - j->at;
    j->state = VALUE;
    return true;
}

static DfJsonEvent done(DfJson *j, unsigned c)
{
    const bool at_end = c == 0 && j->at == j->end && j->broken == DF_OK;
    return at_end ? DF_JSON_END : fail_wanting(j, "nothing after the value");
}

/* A state machine over one stack of brackets. A step has two parts: the punctuation between two values (a comma, a
 * colon, a closing bracket), then the value or key itself. */
DfJsonEvent df_json_next(DfJson *j, DfJsonValue *value)
{
    *value = (DfJsonValue){ 0 };
    if (next_number(j, value))
        return DF_JSON_NUMBER;
    if (j->state == FAILED)
        return DF_JSON_ERROR;
    unsigned c = next_byte(j);
    if (j->state == COMMA_OR_CLOSE) {
        const bool object = j->in_object[j->depth - 1];
        if (c == (object ? '}' : ']'))
            return df_json_leave(j);
        if (c != ',')
            return fail_wanting(j, object ? "',' or '}'" : "',' or ']'");
        j->state = object ? KEY : VALUE;
        j->at++;
        c = next_byte(j);
    } else if (j->state == COLON) {
        if (c != ':')
            return fail_wanting(j, "':' after a key");
        j->state = VALUE;
        j->at++;
        c = next_byte(j);
    }
    switch (j->state) {
    case VALUE_OR_CLOSE: return c == ']' ? df_json_leave(j) : read_value(j, value, c);
    case KEY_OR_CLOSE: return c == '}' ? df_json_leave(j) : read_key(j, value, c);
    case KEY: return read_key(j, value, c);
    case DONE: return done(j, c);
    default: return read_value(j, value, c);
    }
}

/* Reads the numbers of a list block by block, as long as there is nothing unusual between them; the rest, and
 * whatever is wrong, is left to df_json_next(). Begins and ends behind a number. Keeps up to `room` of them; with
 * `to` NULL it passes over them. */
static size_t numbers_ahead(DfJson *j, double *to, size_t room)
{
    DfJsonList list;
    size_t n = 0;
    while (n < room && *j->at == ',' && df_json_list(&list, j->at)) {
        size_t length = list.length;
        if (to)
            n += df_json_list_numbers(&list, j->at, to + n, room - n, &length);
        for (; list.lines; list.lines &= list.lines - 1)
            j->line += df_bits_below(list.lines) < length;
        j->at += length;
    }
    return n;
}

enum { FEW_NUMBERS = 8 }; /* that are read one by one: a block costs as much as five */

DfJsonEvent df_json_numbers(DfJson *j, double *to, size_t room, size_t *n)
{
    DfJsonValue value;
    DfJsonEvent event = DF_JSON_NUMBER;
    *n = 0;
    while (*n < room && (event = df_json_next(j, &value)) == DF_JSON_NUMBER) {
        to[(*n)++] = value.number;
        if (room > FEW_NUMBERS)
            *n += numbers_ahead(j, to + *n, room - *n);
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
            numbers_ahead(j, NULL, 1);
    } while (event > DF_JSON_END && j->depth > depth);
    j->skipping = false;
    return event < 0 ? j->broken : DF_OK;
}
