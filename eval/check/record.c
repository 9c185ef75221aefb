/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/check/record.c -- one record of a COCO file, read with patience: a value of the wrong type is noted and passed over.
 */
#include <math.h>
#include <string.h>

#include "eval/check/data.h"

/* Passes over the rest of a list or object whose opening was met. */
static int leave(DfJson *json)
{
    DfJsonValue v;
    for (int depth = 1; depth > 0;) {
        const DfJsonEvent event = df_json_next(json, &v);
        if (event == DF_JSON_ERROR || event == DF_JSON_END)
            return df_json_error(json);
        depth += event == DF_JSON_ARRAY || event == DF_JSON_OBJECT ? 1 : event == DF_JSON_CLOSE ? -1 : 0;
    }
    return DF_OK;
}

/* A value that is not of the wanted kind: noted and left. */
static int odd(CheckRecord *r, unsigned field, DfJson *json, DfJsonEvent event)
{
    r->odd |= field;
    if (event == DF_JSON_ERROR)
        return df_json_error(json);
    return event == DF_JSON_ARRAY || event == DF_JSON_OBJECT ? leave(json) : DF_OK;
}

static int read_id(CheckRecord *r, unsigned field, DfJson *json, DfId *id, char text[256])
{
    DfJsonValue v;
    const DfJsonEvent event = df_json_next(json, &v);
    if (event == DF_JSON_TEXT && v.length < 256 && strlen(v.text) == v.length) {
        memcpy(text, v.text, v.length + 1);
        *id = (DfId){ 0, text };
    } else if (event == DF_JSON_NUMBER && v.is_integer) {
        *id = (DfId){ v.integer, NULL };
    } else {
        return odd(r, field, json, event);
    }
    r->has |= field;
    return DF_OK;
}

static int read_number(CheckRecord *r, unsigned field, DfJson *json, double *number)
{
    DfJsonValue v;
    const DfJsonEvent event = df_json_next(json, &v);
    if (event == DF_JSON_TRUE || event == DF_JSON_FALSE)
        *number = event == DF_JSON_TRUE;
    else if (event == DF_JSON_NUMBER)
        *number = v.number;
    else
        return odd(r, field, json, event);
    r->has |= field;
    return DF_OK;
}

/* A list of numbers, at most `room` of which are kept. */
static int read_list(CheckRecord *r, unsigned field, DfJson *json, double *out, size_t room, size_t *n)
{
    DfJsonValue v;
    DfJsonEvent event;
    for (*n = 0; (event = df_json_next(json, &v)) == DF_JSON_NUMBER; ++*n)
        if (*n < room)
            out[*n] = v.number;
    if (event == DF_JSON_CLOSE)
        return DF_OK;
    const int error = odd(r, field, json, event);
    return error < 0 || event == DF_JSON_ERROR ? error : leave(json);
}

static int read_box(CheckRecord *r, DfJson *json)
{
    DfJsonValue v;
    const DfJsonEvent event = df_json_next(json, &v);
    if (event == DF_JSON_NULL)
        return DF_OK;
    if (event != DF_JSON_ARRAY)
        return odd(r, F_BOX, json, event);
    const int error = read_list(r, F_BOX, json, r->box, 4, &r->n_box);
    if (r->n_box == 4 && !(r->odd & F_BOX))
        r->has |= F_BOX;
    else
        r->odd |= F_BOX;
    return error;
}

/* ---- segmentation ------------------------------------------------------------------------------------------------- */

static double side(const double *a, const double *b, const double *c)
{
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]);
}

/* Two edges cross in their insides. */
static bool cross(const double *a, const double *b, const double *c, const double *d)
{
    const double s = side(a, b, c), t = side(a, b, d), u = side(c, d, a), v = side(c, d, b);
    return ((s > 0 && t < 0) || (s < 0 && t > 0)) && ((u > 0 && v < 0) || (u < 0 && v > 0));
}

static bool crosses_itself(const double *xy, size_t n)
{
    for (size_t i = 0; i < n; i++)
        for (size_t j = i + 2; j < n; j++)
            if (!(i == 0 && j == n - 1) && cross(xy + 2 * i, xy + 2 * ((i + 1) % n), xy + 2 * j, xy + 2 * ((j + 1) % n)))
                return true;
    return false;
}

/* Do the points enclose nothing? */
static bool is_flat(const double *xy, size_t n)
{
    double twice = 0;
    for (size_t i = 0; i < n; i++)
        twice += side(xy, xy + 2 * i, xy + 2 * ((i + 1) % n));
    return !(fabs(twice) > 0);
}

static void look_at_polygon(CheckRecord *r, const double *xy, size_t n)
{
    const size_t points = n / 2;
    r->parts++;
    r->short_parts += n < 6;
    r->odd_parts += n % 2;
    for (size_t i = 0; i < points && i < CHECK_POINTS; i++) {
        r->low_x = fmin(r->low_x, xy[2 * i]);
        r->high_x = fmax(r->high_x, xy[2 * i]);
        r->low_y = fmin(r->low_y, xy[2 * i + 1]);
        r->high_y = fmax(r->high_y, xy[2 * i + 1]);
    }
    r->flat_parts += points >= 3 && points <= CHECK_POINTS && is_flat(xy, points);
    r->crossing_parts += points >= 4 && points <= CHECK_POINTS && crosses_itself(xy, points);
}

static int read_polygons(DfCheck *c, CheckRecord *r, DfJson *json)
{
    DfJsonValue v;
    DfJsonEvent event;
    int error = DF_OK;
    if (!c->points && !(c->points = df_malloc(2 * CHECK_POINTS * sizeof(double))))
        return df_fail_memory("a polygon");
    while (error == DF_OK && (event = df_json_next(json, &v)) == DF_JSON_ARRAY) {
        size_t n;
        error = read_list(r, F_MASK, json, c->points, 2 * CHECK_POINTS, &n);
        if (error == DF_OK)
            look_at_polygon(r, c->points, n);
    }
    if (error < 0 || event == DF_JSON_CLOSE)
        return error;
    error = odd(r, F_MASK, json, event);
    return error < 0 || event == DF_JSON_ERROR ? error : leave(json);
}

static int keep_counts(DfCheck *c, CheckRecord *r, const DfJsonValue *v)
{
    if (!df_grow((void **)&c->counts, &c->counts_capacity, v->length + 1, 1))
        return df_fail_memory("a mask");
    memcpy(c->counts, v->text, v->length + 1);
    r->counts = c->counts;
    r->runs_sum = r->runs_foreground = -1;
    return DF_OK;
}

static int read_counts(DfCheck *c, CheckRecord *r, DfJson *json)
{
    DfJsonValue v;
    DfJsonEvent event = df_json_next(json, &v);
    if (event == DF_JSON_TEXT)
        return keep_counts(c, r, &v);
    if (event != DF_JSON_ARRAY)
        return odd(r, F_MASK, json, event);
    r->runs_sum = r->runs_foreground = 0;
    for (bool inside = false; (event = df_json_next(json, &v)) == DF_JSON_NUMBER; inside = !inside) {
        r->bad_runs |= !v.is_integer || v.integer < 0;
        r->runs_sum += v.number;
        r->runs_foreground += inside ? v.number : 0;
    }
    if (event == DF_JSON_CLOSE)
        return DF_OK;
    const int error = odd(r, F_MASK, json, event);
    return error < 0 || event == DF_JSON_ERROR ? error : leave(json);
}

static int read_size(CheckRecord *r, DfJson *json, double size[2], size_t *n)
{
    DfJsonValue v;
    const DfJsonEvent event = df_json_next(json, &v);
    return event == DF_JSON_ARRAY ? read_list(r, F_MASK, json, size, 2, n) : odd(r, F_MASK, json, event);
}

static int read_runs(DfCheck *c, CheckRecord *r, DfJson *json)
{
    DfJsonValue v;
    DfJsonEvent event;
    double size[2] = { 0, 0 };
    size_t n = 0;
    int error = DF_OK;
    r->runs = true;
    while (error == DF_OK && (event = df_json_next(json, &v)) == DF_JSON_KEY) {
        if (strcmp(v.text, "size") == 0)
            error = read_size(r, json, size, &n);
        else if (strcmp(v.text, "counts") == 0)
            error = read_counts(c, r, json);
        else
            error = df_json_skip(json);
    }
    r->mask_height = size[0];
    r->mask_width = size[1];
    r->bad_runs |= n != 2;
    return error < 0 ? error : event == DF_JSON_CLOSE ? DF_OK : df_json_error(json);
}

static int read_mask(DfCheck *c, CheckRecord *r, DfJson *json)
{
    DfJsonValue v;
    const DfJsonEvent event = df_json_next(json, &v);
    r->has |= F_MASK;
    r->low_x = r->low_y = INFINITY;
    r->high_x = r->high_y = -INFINITY;
    if (event == DF_JSON_ARRAY)
        return read_polygons(c, r, json);
    if (event == DF_JSON_OBJECT)
        return read_runs(c, r, json);
    r->has &= ~(unsigned)F_MASK;
    return event == DF_JSON_NULL ? DF_OK : odd(r, F_MASK, json, event);
}

/* ---- fields ------------------------------------------------------------------------------------------------------- */

static int read_name(CheckRecord *r, DfJson *json)
{
    DfJsonValue v;
    const DfJsonEvent event = df_json_next(json, &v);
    if (event != DF_JSON_TEXT)
        return odd(r, F_FILE, json, event);
    const size_t n = v.length < sizeof r->name - 1 ? v.length : sizeof r->name - 1;
    memcpy(r->name, v.text, n);
    r->name[n] = 0;
    r->has |= F_FILE;
    return DF_OK;
}

static int read_field(DfCheck *c, CheckRecord *r, const char *key, DfJson *json)
{
    if (strcmp(key, "id") == 0)
        return read_id(r, F_ID, json, &r->id, r->id_text);
    if (strcmp(key, "image_id") == 0)
        return read_id(r, F_IMAGE, json, &r->image, r->image_text);
    if (strcmp(key, "category_id") == 0)
        return read_id(r, F_CATEGORY, json, &r->category, r->category_text);
    if (strcmp(key, "bbox") == 0)
        return read_box(r, json);
    if (strcmp(key, "segmentation") == 0)
        return read_mask(c, r, json);
    if (strcmp(key, "file_name") == 0 || strcmp(key, "name") == 0)
        return read_name(r, json);
    if (strcmp(key, "area") == 0)
        return read_number(r, F_AREA, json, &r->area);
    if (strcmp(key, "score") == 0)
        return read_number(r, F_SCORE, json, &r->score);
    if (strcmp(key, "width") == 0)
        return read_number(r, F_WIDTH, json, &r->width);
    if (strcmp(key, "height") == 0)
        return read_number(r, F_HEIGHT, json, &r->height);
    if (strcmp(key, "iscrowd") == 0) {
        double crowd = 0;
        const int error = read_number(r, F_CROWD, json, &crowd);
        r->crowd = crowd != 0;
        return error;
    }
    return df_json_skip(json);
}

int df_check_record(DfCheck *c, DfJson *json, size_t number, CheckRecord *r)
{
    DfJsonValue v;
    DfJsonEvent event;
    int error = DF_OK;
    memset(r, 0, offsetof(CheckRecord, id_text));
    memset(r->box, 0, sizeof *r - offsetof(CheckRecord, box));
    r->name[0] = 0;
    r->line = df_json_line(json);
    r->number = number;
    while (error == DF_OK && (event = df_json_next(json, &v)) == DF_JSON_KEY) {
        char key[24] = "";
        if (v.length < sizeof key)
            memcpy(key, v.text, v.length + 1);
        error = read_field(c, r, key, json);
    }
    return error < 0 ? error : event == DF_JSON_CLOSE ? DF_OK : df_json_error(json);
}
