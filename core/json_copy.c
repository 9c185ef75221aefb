/* SPDX-License-Identifier: Apache-2.0
 *
 * core/json_copy.c -- copies a value from a JSON reader to text.
 */
#include <string.h>

#include "core/json.h"
#include "core/memory.h"

/* Texts may hold zeros, where a C string ends. */
static void put_text(DfTextbuf *to, const DfJsonValue *v)
{
    const size_t n = strlen(v->text);
    if (n == v->length) {
        df_textbuf_json(to, v->text);
        return;
    }
    for (size_t at = 0; at <= v->length;) {
        const size_t length = strlen(v->text + at);
        DfTextbuf part = { 0 };
        df_textbuf_json(&part, v->text + at);
        to->failed = to->failed || part.failed;
        const char *open = at ? "\\u0000" : "\"";
        if (!part.failed)
            df_textbuf_add(to, "%s%.*s", open, (int)(part.n - 2), part.at + 1);
        df_free(part.at);
        at += length + 1;
    }
    df_textbuf_add(to, "\"");
}

static void put_scalar(DfTextbuf *to, DfJsonEvent event, const DfJsonValue *v)
{
    if (event == DF_JSON_TEXT)
        put_text(to, v);
    else if (event == DF_JSON_NUMBER && v->is_integer)
        df_textbuf_add(to, "%lld", (long long)v->integer);
    else if (event == DF_JSON_NUMBER)
        df_textbuf_shortest(to, v->number);
    else if (event == DF_JSON_NULL)
        df_textbuf_add(to, "null");
    else
        df_textbuf_add(to, event == DF_JSON_TRUE ? "true" : "false");
}

typedef struct {
    int depth;
    char close[DF_JSON_DEPTH + 1];
    bool met; /* a value before, in the innermost list or object */
} Copy;

static void put(Copy *c, DfTextbuf *to, DfJsonEvent event, const DfJsonValue *v)
{
    if (event == DF_JSON_CLOSE) {
        df_textbuf_add(to, "%c", c->close[--c->depth]);
        c->met = true;
        return;
    }
    if (c->met)
        df_textbuf_add(to, ", ");
    c->met = false;
    if (event == DF_JSON_KEY) {
        put_text(to, v);
        df_textbuf_add(to, ": ");
    } else if (event == DF_JSON_ARRAY || event == DF_JSON_OBJECT) {
        df_textbuf_add(to, event == DF_JSON_ARRAY ? "[" : "{");
        c->close[c->depth++] = event == DF_JSON_ARRAY ? ']' : '}';
    } else {
        put_scalar(to, event, v);
        c->met = true;
    }
}

int df_json_copy(DfJson *json, DfTextbuf *to)
{
    Copy c = { 0 };
    DfJsonValue v;
    do {
        const DfJsonEvent event = df_json_next(json, &v);
        if (event == DF_JSON_ERROR || event == DF_JSON_END || (event == DF_JSON_CLOSE && c.depth == 0))
            return event == DF_JSON_ERROR ? df_json_error(json) : df_json_fail(json, DF_EFORMAT, "want a value");
        put(&c, to, event, &v);
    } while (c.depth > 0);
    return to->failed ? df_fail_memory("a record") : DF_OK;
}
