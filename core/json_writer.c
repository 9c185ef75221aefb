/* SPDX-License-Identifier: Apache-2.0
 *
 * core/json_writer.c -- writes JSON text.
 */
#include "core/json_writer.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>

#include "core/plain.h"

static void line(DfJsonWriter *w)
{
    df_textbuf_add(&w->text, "\n%*s", 2 * w->depth, "");
}

/* What stands before a value. */
static void before(DfJsonWriter *w, const char *key)
{
    if (w->depth == 0)
        return;
    const int inner = w->depth - 1;
    const bool list = w->bracket[inner] == '[';
    if (w->met[inner])
        df_textbuf_add(&w->text, list ? "," : ", ");
    if (list)
        line(w);
    w->met[inner] = true;
    if (key) {
        df_textbuf_json(&w->text, key);
        df_textbuf_add(&w->text, ": ");
    }
}

void df_json_begin(DfJsonWriter *w, const char *key, char bracket)
{
    assert(w->depth < DF_JSON_DEEP);
    before(w, key);
    df_textbuf_add(&w->text, "%c", bracket);
    w->bracket[w->depth] = bracket;
    w->met[w->depth++] = false;
}

void df_json_end(DfJsonWriter *w)
{
    assert(w->depth > 0);
    const bool list = w->bracket[--w->depth] == '[';
    if (list && w->met[w->depth])
        line(w);
    df_textbuf_add(&w->text, list ? "]" : "}");
}

void df_json_put_text(DfJsonWriter *w, const char *key, const char *text)
{
    before(w, key);
    if (text)
        df_textbuf_json(&w->text, text);
    else
        df_textbuf_add(&w->text, "null");
}

void df_json_put_number(DfJsonWriter *w, const char *key, double x)
{
    char digits[32];
    before(w, key);
    df_snprintf(digits, sizeof digits, "%.15g", x);
    if (isfinite(x) && df_strtod(digits, NULL) == x)
        df_textbuf_add(&w->text, "%s", digits);
    else
        df_textbuf_number(&w->text, x);
}

void df_json_put_integer(DfJsonWriter *w, const char *key, int64_t n)
{
    before(w, key);
    df_textbuf_add(&w->text, "%" PRId64, n);
}

void df_json_put_bool(DfJsonWriter *w, const char *key, bool yes)
{
    before(w, key);
    df_textbuf_add(&w->text, yes ? "true" : "false");
}

int df_json_take(DfJsonWriter *w, char **out)
{
    df_textbuf_add(&w->text, "\n");
    const int error = df_textbuf_take(&w->text, out);
    *w = (DfJsonWriter){ 0 };
    return error;
}
