/* SPDX-License-Identifier: Apache-2.0
 *
 * annotations/yolo/labels.c -- reads the objects of a picture, line by line.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "annotations/yolo/yolo.h"

enum { WORD = 64 };

typedef struct {
    const char *at, *end;
    const char *file;
    size_t line;
    int classes;
    double *number;      /* of the line */
    size_t n, capacity;
    size_t with_keypoints; /* numbers of a line; 0: there are none */
} Reader;

static int add_number(Reader *r, double x)
{
    if (!df_grow((void **)&r->number, &r->capacity, r->n, sizeof *r->number))
        return df_fail_memory("the labels of a picture");
    r->number[r->n++] = x;
    return DF_OK;
}

static int read_word(Reader *r)
{
    char word[WORD];
    char *end;
    size_t n = 0;
    while (r->at < r->end && !strchr(" \t\r\n", *r->at) && *r->at && n + 1 < WORD)
        word[n++] = *r->at++;
    word[n] = 0;
    const double x = df_strtod(word, &end);
    if (n == 0 || n + 1 == WORD || *end || !isfinite(x))
        return df_fail(DF_EFORMAT, "%s: line %zu: '%s': want a number", r->file, r->line, word);
    return add_number(r, x);
}

static int read_line(Reader *r)
{
    int error = DF_OK;
    r->n = 0;
    r->line++;
    while (error == DF_OK && r->at < r->end && *r->at != '\n') {
        if (*r->at == ' ' || *r->at == '\t' || *r->at == '\r')
            r->at++;
        else
            error = read_word(r);
    }
    if (r->at < r->end && error == DF_OK)
        r->at++;
    return error;
}

/* Keypoints may be marked as not there by zeros; the third of three numbers is no place. */
static int check_count(const Reader *r)
{
    if (r->with_keypoints && r->n != r->with_keypoints)
        return df_fail(DF_EFORMAT, "%s: line %zu: %zu numbers: want %zu, class, x, y, width, height and the keypoints "
                       "of data.yaml's kpt_shape", r->file, r->line, r->n, r->with_keypoints);
    if (r->with_keypoints)
        return DF_OK;
    if (r->n < 5 || (r->n > 5 && (r->n < 7 || r->n % 2 == 0)))
        return df_fail(DF_EFORMAT, "%s: line %zu: %zu numbers: want class, x, y, width, height, or a class and the "
                       "points of a polygon", r->file, r->line, r->n);
    return DF_OK;
}

static int check_line(const Reader *r)
{
    const double label = r->number[0];
    const int error = check_count(r);
    if (error < 0)
        return error;
    if (label != floor(label) || label < 0 || label > 1e6)
        return df_fail(DF_EFORMAT, "%s: line %zu: class %g: want an integer from 0 on", r->file, r->line, label);
    if (r->classes && label >= r->classes)
        return df_fail(DF_EVALUE, "%s: line %zu: class %g: want one of the %d classes, 0 to %d", r->file, r->line,
                       label, r->classes, r->classes - 1);
    for (size_t i = 1; i < (r->with_keypoints ? 5 : r->n); i++)
        if (r->number[i] < -1 || r->number[i] > 2)
            return df_fail(DF_EVALUE, "%s: line %zu: %g: want shares of the picture's width and height, 0 to 1",
                           r->file, r->line, r->number[i]);
    const bool box = r->n == 5 || r->with_keypoints;
    if (box && (r->number[3] < 0 || r->number[4] < 0))
        return df_fail(DF_EVALUE, "%s: line %zu: a box of %g x %g: want a width and a height from 0 on", r->file,
                       r->line, r->number[3], r->number[4]);
    return DF_OK;
}

/* The box around the points. */
static void surround(DfYoloObject *object)
{
    double lo[2] = { INFINITY, INFINITY };
    double hi[2] = { -INFINITY, -INFINITY };
    for (size_t i = 0; i < 2 * object->n; i++) {
        lo[i % 2] = fmin(lo[i % 2], object->xy[i]);
        hi[i % 2] = fmax(hi[i % 2], object->xy[i]);
    }
    for (int k = 0; k < 2; k++) {
        object->box[k] = (lo[k] + hi[k]) / 2;
        object->box[2 + k] = hi[k] - lo[k];
    }
}

static int tell(const Reader *r, const DfYoloSink *sink)
{
    DfYoloObject object = { .label = (int)r->number[0] };
    if (r->n == 5 || r->with_keypoints) {
        object.keypoints = r->with_keypoints ? r->number + 5 : NULL;
        memcpy(object.box, r->number + 1, sizeof object.box);
    } else {
        object.n = (r->n - 1) / 2;
        object.xy = r->number + 1;
        surround(&object);
    }
    return sink->object(sink->arg, &object);
}

int df_yolo_read_labels(const char *text, size_t size, const char *name, int classes, const DfYoloSink *sink)
{
    Reader r = { .at = text, .end = text + size, .file = name, .classes = classes };
    if (sink->keypoints > 0)
        r.with_keypoints = 5 + (size_t)sink->keypoints * (size_t)sink->dims;
    int error = DF_OK;
    while (error == DF_OK && r.at < r.end) {
        error = read_line(&r);
        if (error < 0 || r.n == 0)
            continue;
        error = check_line(&r);
        if (error == DF_OK)
            error = tell(&r, sink);
    }
    df_free(r.number);
    return error;
}
