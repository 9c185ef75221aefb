/* SPDX-License-Identifier: Apache-2.0
 *
 * annotations/dota/labels.c -- reads the objects of a picture, line by line.
 */
#include <string.h>

#include "annotations/dota/dota.h"

static int take_object(const DfWords *w, const DfDotaSink *sink)
{
    DfDotaObject o = { .difficult = false };
    double difficult = 0;
    if (w->n != 9 && w->n != 10)
        return df_fail(DF_EFORMAT, "%s: line %zu: %zu words: want eight coordinates, a class, and 0 or 1 for difficult",
                       w->file, w->line, w->n);
    int error = df_words_numbers(w, 0, 8, o.corner);
    if (error == DF_OK)
        error = df_words_text(w, 8, o.name);
    if (error == DF_OK && w->n == 10)
        error = df_words_number(w, 9, &difficult);
    o.difficult = difficult != 0;
    return error == DF_OK ? sink->object(sink->arg, &o) : error;
}

int df_dota_read_labels(const char *text, size_t size, const char *name, const DfDotaSink *sink)
{
    DfWords w = { .at = text, .end = text + size, .file = name };
    int error = DF_OK;
    while (error == DF_OK && df_words_next(&w))
        if (!memchr(w.word[0], ':', w.length[0]))
            error = take_object(&w, sink);
    return error;
}
