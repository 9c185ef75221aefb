/* SPDX-License-Identifier: Apache-2.0
 *
 * annotations/csv/csv.c -- reads CSV rows; a quoted field may contain commas, line ends and doubled quotes.
 */
#include "annotations/csv/csv.h"

#include <math.h>
#include <string.h>

static int wrong(const DfCsv *c, const char *what)
{
    return df_fail(DF_EFORMAT, "%s: line %zu: %s", c->file, c->line, what);
}

static bool ends_field(char c)
{
    return c == ',' || c == '\r' || c == '\n';
}

/* Behind the closing quote. */
static int read_quoted(DfCsv *c)
{
    c->field[c->n] = ++c->at;
    for (; c->at < c->end; c->at++) {
        c->lines += *c->at == '\n';
        if (*c->at != '"')
            continue;
        if (c->at + 1 == c->end || c->at[1] != '"')
            break;
        c->at++;
    }
    if (c->at == c->end)
        return wrong(c, "the file ends within quotes");
    c->length[c->n] = (size_t)(c->at++ - c->field[c->n]);
    if (c->at < c->end && !ends_field(*c->at))
        return wrong(c, "text behind a closing quote: want a comma");
    return DF_OK;
}

static bool at_line_end(const DfCsv *c)
{
    return c->at == c->end || *c->at == '\n' || (*c->at == '\r' && (c->at + 1 == c->end || c->at[1] == '\n'));
}

static int read_field(DfCsv *c)
{
    if (c->n == DF_CSV_FIELDS)
        return wrong(c, "more than 64 columns");
    c->quoted[c->n] = c->at < c->end && *c->at == '"';
    int error = DF_OK;
    if (c->quoted[c->n]) {
        error = read_quoted(c);
    } else {
        c->field[c->n] = c->at;
        while (c->at < c->end && !ends_field(*c->at))
            c->at++;
        c->length[c->n] = (size_t)(c->at - c->field[c->n]);
    }
    c->n++;
    return error;
}

static int read_row(DfCsv *c)
{
    c->n = 0;
    c->line = ++c->lines;
    int error = read_field(c);
    while (error == DF_OK && c->at < c->end && *c->at == ',') {
        c->at++;
        error = read_field(c);
    }
    if (error == DF_OK && !at_line_end(c))
        return wrong(c, "a carriage return within a row");
    c->at += c->at < c->end && *c->at == '\r';
    c->at += c->at < c->end;
    return error;
}

int df_csv_next(DfCsv *c)
{
    if (c->lines == 0 && c->end - c->at >= 3 && memcmp(c->at, "\xef\xbb\xbf", 3) == 0)
        c->at += 3; /* a mark with which some programs begin a text */
    bool empty = true;
    int error = DF_OK;
    while (error == DF_OK && empty && c->at < c->end) {
        error = read_row(c);
        empty = c->n == 1 && c->length[0] == 0 && !c->quoted[0];
    }
    if (error < 0 || empty)
        return error;
    c->n_columns = c->n_columns ? c->n_columns : c->n;
    if (c->n != c->n_columns)
        return df_fail(DF_EFORMAT, "%s: line %zu: %zu fields: want %zu, as the first line has", c->file, c->line, c->n,
                       c->n_columns);
    return 1;
}

size_t df_csv_column(const DfCsv *c, const char *name)
{
    for (size_t i = 0; i < c->n; i++)
        if (c->length[i] == strlen(name) && memcmp(c->field[i], name, c->length[i]) == 0)
            return i;
    return DF_CSV_FIELDS;
}

int df_csv_text(const DfCsv *c, size_t i, const char *column, char out[DF_CSV_TEXT])
{
    const char *from = c->field[i];
    size_t n = 0;
    for (size_t k = 0; k < c->length[i] && n < DF_CSV_TEXT; k++) {
        out[n++] = from[k];
        k += c->quoted[i] && from[k] == '"'; /* the second of two */
    }
    if (n >= DF_CSV_TEXT || memchr(out, 0, n))
        return df_fail(DF_EFORMAT, "%s: line %zu: %s %s", c->file, c->line, column,
                       n < DF_CSV_TEXT ? "has a zero byte: want text" : "has more than 511 bytes");
    out[n] = 0;
    return DF_OK;
}

int df_csv_number(const DfCsv *c, size_t i, const char *column, double *out)
{
    char text[DF_CSV_TEXT];
    char *end;
    const int error = df_csv_text(c, i, column, text);
    if (error < 0)
        return error;
    *out = df_strtod(text, &end);
    if (end == text || *end || !isfinite(*out))
        return df_fail(DF_EFORMAT, "%s: line %zu: %s is '%.40s': want a number", c->file, c->line, column, text);
    return DF_OK;
}
