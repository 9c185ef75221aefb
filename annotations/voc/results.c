/* SPDX-License-Identifier: Apache-2.0
 *
 * annotations/voc/results.c -- reads results files, which have the detections of one class, a line for each box.
 */
#include <string.h>

#include "annotations/voc/voc.h"
#include "annotations/words.h"

static int take_line(const DfWords *w, size_t coordinates, const DfVocResultSink *sink)
{
    DfVocResult r = { .line = w->line };
    if (w->n != 2 + coordinates)
        return df_fail(DF_EFORMAT, "%s: line %zu: %zu words: want a picture, a score and %zu coordinates", w->file,
                       w->line, w->n, coordinates);
    int error = df_words_text(w, 0, r.image);
    if (error == DF_OK)
        error = df_words_number(w, 1, &r.score);
    if (error == DF_OK)
        error = df_words_numbers(w, 2, coordinates, r.box);
    return error == DF_OK ? sink->result(sink->arg, &r) : error;
}

int df_voc_read_results(const char *text, size_t size, const char *name, int coordinates, const DfVocResultSink *sink)
{
    DfWords w = { .at = text, .end = text + size, .file = name };
    int error = DF_OK;
    while (error == DF_OK && df_words_next(&w))
        error = take_line(&w, (size_t)coordinates, sink);
    return error;
}
