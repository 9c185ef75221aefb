/* SPDX-License-Identifier: Apache-2.0
 *
 * annotations/words.c -- lines of words.
 */
#include "annotations/words.h"

#include <math.h>
#include <string.h>

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static void read_line(DfWords *w)
{
    w->n = 0;
    w->line++;
    while (w->at < w->end && *w->at != '\n') {
        if (is_space(*w->at)) {
            w->at++;
            continue;
        }
        const char *from = w->at;
        while (w->at < w->end && *w->at != '\n' && !is_space(*w->at))
            w->at++;
        if (w->n < DF_WORDS) {
            w->word[w->n] = from;
            w->length[w->n] = (size_t)(w->at - from);
        }
        w->n++;
    }
    w->at += w->at < w->end;
}

/* Some editors begin a text with it. */
static void skip_mark(DfWords *w)
{
    if (w->line == 0 && w->end - w->at >= 3 && memcmp(w->at, "\xef\xbb\xbf", 3) == 0)
        w->at += 3;
}

bool df_words_next(DfWords *w)
{
    skip_mark(w);
    w->n = 0;
    while (w->n == 0 && w->at < w->end)
        read_line(w);
    return w->n > 0;
}

int df_words_text(const DfWords *w, size_t i, char out[DF_WORD])
{
    const size_t n = w->length[i];
    if (n >= DF_WORD || memchr(w->word[i], 0, n))
        return df_fail(DF_EFORMAT, "%s: line %zu: word %zu %s", w->file, w->line, i + 1,
                       n < DF_WORD ? "has a zero byte: want text" : "has more than 511 bytes");
    if (df_utf8_span(w->word[i], n) < n)
        return df_fail(DF_EFORMAT, "%s: line %zu: word %zu is not UTF-8", w->file, w->line, i + 1);
    memcpy(out, w->word[i], n);
    out[n] = 0;
    return DF_OK;
}

int df_words_number(const DfWords *w, size_t i, double *out)
{
    char text[DF_WORD];
    char *end;
    const int error = df_words_text(w, i, text);
    if (error < 0)
        return error;
    *out = df_strtod(text, &end);
    if (end == text || *end || !isfinite(*out))
        return df_fail(DF_EFORMAT, "%s: line %zu: '%.40s': want a number", w->file, w->line, text);
    return DF_OK;
}

int df_words_numbers(const DfWords *w, size_t i, size_t n, double *out)
{
    int error = DF_OK;
    for (size_t k = 0; error == DF_OK && k < n; k++)
        error = df_words_number(w, i + k, &out[k]);
    return error;
}
