/* SPDX-License-Identifier: Apache-2.0
 *
 * annotations/openimages/table.c -- reads the tables, row by row.
 */
#include "annotations/openimages/openimages.h"

#include <math.h>

typedef enum { IMAGE, LABEL, XMIN, YMIN, XMAX, YMAX, GROUP, SCORE, CONFIDENCE, WIDTH, HEIGHT, MASK, COLUMNS } Column;

static const struct {
    const char *name;
    unsigned group; /* 0: of every table */
} columns[COLUMNS] = {
    [IMAGE] = { "ImageID", 0 },
    [LABEL] = { "LabelName", 0 },
    [XMIN] = { "XMin", DF_OPENIMAGES_BOX },
    [YMIN] = { "YMin", DF_OPENIMAGES_BOX },
    [XMAX] = { "XMax", DF_OPENIMAGES_BOX },
    [YMAX] = { "YMax", DF_OPENIMAGES_BOX },
    [GROUP] = { "IsGroupOf", DF_OPENIMAGES_GROUP },
    [SCORE] = { "Score", DF_OPENIMAGES_SCORE },
    [CONFIDENCE] = { "Confidence", DF_OPENIMAGES_CONFIDENCE },
    [WIDTH] = { "ImageWidth", DF_OPENIMAGES_MASK },
    [HEIGHT] = { "ImageHeight", DF_OPENIMAGES_MASK },
    [MASK] = { "Mask", DF_OPENIMAGES_MASK },
};

typedef struct {
    DfCsv csv;
    unsigned wanted;
    size_t place[COLUMNS];
    DfOpenImagesRow row;
} Table;

static bool wants(const Table *t, Column column)
{
    return !columns[column].group || (t->wanted & columns[column].group);
}

static int find_columns(Table *t)
{
    const int met = df_csv_next(&t->csv);
    if (met < 0)
        return met;
    t->csv.n = met ? t->csv.n : 0;
    for (int c = 0; c < COLUMNS; c++) {
        t->place[c] = df_csv_column(&t->csv, columns[c].name);
        if (wants(t, (Column)c) && t->place[c] == DF_CSV_FIELDS)
            return df_fail(DF_EFORMAT, "%s: the first line has no column %s: want a table of Open Images", t->csv.file,
                           columns[c].name);
    }
    return DF_OK;
}

/* ---- values ----------------------------------------------------------------------------------------------------- */

static int read_name(const Table *t, Column column, char out[DF_CSV_TEXT])
{
    const int error = df_csv_text(&t->csv, t->place[column], columns[column].name, out);
    if (error == DF_OK && !out[0])
        return df_fail(DF_EFORMAT, "%s: line %zu: %s is empty", t->csv.file, t->csv.line, columns[column].name);
    return error;
}

static int read_number(const Table *t, Column column, double *out)
{
    return wants(t, column) ? df_csv_number(&t->csv, t->place[column], columns[column].name, out) : DF_OK;
}

static int read_group(const Table *t, bool *out)
{
    double x = 0;
    const int error = read_number(t, GROUP, &x);
    *out = x != 0; /* -1, not known, is a group to the challenge's code */
    if (error == DF_OK && x != 0 && x != 1 && x != -1)
        return df_fail(DF_EFORMAT, "%s: line %zu: IsGroupOf is %g: want 0 or 1", t->csv.file, t->csv.line, x);
    return error;
}

static int read_side(const Table *t, Column column, uint32_t *out)
{
    double x;
    const int error = read_number(t, column, &x);
    if (error == DF_OK && !(x >= 1 && x <= 1 << 20 && x == floor(x)))
        return df_fail(DF_EFORMAT, "%s: line %zu: %s is %g: want pixels, from 1 to 2^20", t->csv.file, t->csv.line,
                       columns[column].name, x);
    *out = error == DF_OK ? (uint32_t)x : 0;
    return error;
}

/* An object without a mask has nothing in these columns. */
static int read_mask(Table *t)
{
    const size_t at = t->place[MASK];
    uint32_t width = 0;
    uint32_t height = 0;
    df_mask_done(&t->row.mask);
    t->row.mask = (DfMask){ 0 };
    if (!wants(t, MASK) || t->csv.length[at] == 0)
        return DF_OK;
    int error = read_side(t, WIDTH, &width);
    if (error == DF_OK)
        error = read_side(t, HEIGHT, &height);
    if (error == DF_OK)
        error = df_openimages_mask(&t->row.mask, t->csv.field[at], t->csv.length[at], height, width);
    if (error == DF_EFORMAT && height && width) {
        char sentence[256];
        df_snprintf(sentence, sizeof sentence, "%s", df_error());
        return df_fail(error, "%s: line %zu: %s", t->csv.file, t->csv.line, sentence);
    }
    return error;
}

static int read_row(Table *t)
{
    DfOpenImagesRow *r = &t->row;
    r->line = t->csv.line;
    int error = read_name(t, IMAGE, r->image);
    if (error == DF_OK)
        error = read_name(t, LABEL, r->label);
    for (int i = 0; error == DF_OK && i < 4; i++)
        error = read_number(t, (Column)(XMIN + i), &r->box[i]);
    if (error == DF_OK)
        error = read_group(t, &r->group);
    if (error == DF_OK)
        error = read_number(t, SCORE, &r->score);
    if (error == DF_OK)
        error = read_number(t, CONFIDENCE, &r->confidence);
    return error == DF_OK ? read_mask(t) : error;
}

int df_openimages_read(const char *text, size_t size, const char *name, unsigned wanted, const DfOpenImagesSink *sink)
{
    Table *t = df_calloc(1, sizeof *t);
    if (!t)
        return df_fail_memory("a table");
    t->csv = (DfCsv){ .at = text, .end = text + size, .file = name };
    t->wanted = wanted;
    int error = find_columns(t);
    for (int met; error == DF_OK && (met = df_csv_next(&t->csv)) != 0;) {
        error = met < 0 ? met : read_row(t);
        if (error == DF_OK)
            error = sink->row(sink->arg, &t->row);
    }
    df_mask_done(&t->row.mask);
    df_free(t);
    return error;
}
