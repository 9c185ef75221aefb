/* SPDX-License-Identifier: Apache-2.0
 *
 * annotations/openimages/classes.c -- lists of classes: JSON, a label map, lines.
 */
#include <string.h>

#include "annotations/openimages/openimages.h"

typedef struct {
    const char *at, *end;
    const char *file;
    const DfOpenImagesClassSink *sink;
    size_t n;
} List;

static int tell(List *l, const char *name, const char *called)
{
    l->n++;
    return l->sink->listed(l->sink->arg, name, called);
}

/* {"/m/01g317": 1, ..} */
static int read_numbered(List *l)
{
    DfJson *json;
    DfJsonValue v;
    DfJsonEvent event = DF_JSON_END;
    int error = df_json_open_text(&json, l->at, (size_t)(l->end - l->at), l->file);
    if (error < 0)
        return error;
    df_json_next(json, &v);
    while (error == DF_OK && (event = df_json_next(json, &v)) == DF_JSON_KEY) {
        error = v.length && v.length < DF_CSV_TEXT ? tell(l, v.text, NULL) :
                df_json_fail(json, DF_EFORMAT, "a name of %zu bytes: want 1 to 511", v.length);
        if (error == DF_OK)
            error = df_json_skip(json);
    }
    if (error == DF_OK && event != DF_JSON_CLOSE)
        error = df_json_error(json) < 0 ? df_json_error(json) : df_json_fail(json, DF_EFORMAT, "want names of classes");
    df_json_close(json);
    return error;
}

/* /m/01g317,Person */
static int read_lines(List *l)
{
    DfCsv csv = { .at = l->at, .end = l->end, .file = l->file };
    char name[DF_CSV_TEXT], called[DF_CSV_TEXT];
    int error = DF_OK;
    for (int met; error == DF_OK && (met = df_csv_next(&csv)) != 0;) {
        error = met < 0 ? met : df_csv_text(&csv, 0, "the name of a class", name);
        if (error == DF_OK && csv.n > 1)
            error = df_csv_text(&csv, 1, "what a class is called", called);
        if (error == DF_OK && name[0] && strcmp(name, "LabelName") != 0)
            error = tell(l, name, csv.n > 1 ? called : NULL);
    }
    return error;
}

/* ---- a label map ------------------------------------------------------------------------------------------------ */

/* Behind the next `word`, within [at, end); NULL: it is not there. */
static const char *behind(const char *at, const char *end, const char *word)
{
    const size_t n = strlen(word);
    for (; (size_t)(end - at) >= n; at++)
        if (memcmp(at, word, n) == 0)
            return at + n;
    return NULL;
}

/* The text in quotes behind KEY: of an item; false if it has none. */
static bool read_key(const char *at, const char *end, const char *key, char out[DF_CSV_TEXT])
{
    const size_t n = strlen(key);
    const char *from = at;
    while ((from = behind(from, end, key)) && from - at > (ptrdiff_t)n &&
           strchr("_abcdefghijklmnopqrstuvwxyz", from[-(ptrdiff_t)n - 1]))
        ;
    while (from && from < end && (*from == ' ' || *from == '\t'))
        from++;
    if (!from || from == end || (*from != '"' && *from != '\''))
        return false;
    const char *close = memchr(from + 1, *from, (size_t)(end - from - 1));
    if (!close || close == from + 1 || close - from > DF_CSV_TEXT || memchr(from, 0, (size_t)(close - from)))
        return false;
    memcpy(out, from + 1, (size_t)(close - from - 1));
    out[close - from - 1] = 0;
    return true;
}

/* item { name: "/m/01g317" id: 1 display_name: "Person" } .. */
static int read_items(List *l)
{
    char name[DF_CSV_TEXT], called[DF_CSV_TEXT];
    int error = DF_OK;
    for (const char *at = l->at; error == DF_OK && (at = behind(at, l->end, "item"));) {
        const char *next = behind(at, l->end, "}");
        if (!next || !read_key(at, next, "name:", name))
            return df_fail(DF_EFORMAT, "%s: item %zu: want item { name: \"..\" id: 1 display_name: \"..\" }", l->file,
                           l->n + 1);
        error = tell(l, name, read_key(at, next, "display_name:", called) ? called : NULL);
        at = next;
    }
    return error;
}

int df_openimages_read_class_list(const char *text, size_t size, const char *name, const DfOpenImagesClassSink *sink)
{
    List l = { text, text + size, name, sink, 0 };
    while (l.at < l.end && strchr(" \t\r\n", *l.at))
        l.at++;
    int error = df_text_check(text, size, name);
    if (error < 0)
        return error;
    if (l.at < l.end && *l.at == '{')
        error = read_numbered(&l);
    else if (behind(l.at, (size_t)(l.end - l.at) < 4 ? l.at : l.at + 4, "item"))
        error = read_items(&l);
    else
        error = read_lines(&l);
    if (error == DF_OK && l.n == 0)
        error = df_fail(DF_EFORMAT, "%s: no class: want JSON {NAME: 1, ...}, a label map, or lines of names", name);
    return error;
}
