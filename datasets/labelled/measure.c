/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/labelled/measure.c -- small computations on boxes, polygons and JSON members.
 */
#include <math.h>
#include <string.h>

#include "datasets/image/image_file.h"
#include "datasets/labelled/private.h"

int df_labelled_size(const DfLabelled *set, int i, int *height, int *width)
{
    *height = set->pictures[i].height;
    *width = set->pictures[i].width;
    if (*height > 0 && *width > 0)
        return DF_OK;
    const char *path = df_labelled_path(set, i);
    return path ? df_image_read_size(path, height, width) : DF_EIO;
}

double df_labelled_rounded(double pixels)
{
    return rint(pixels * 1e6) / 1e6;
}

/* Twice the area is the sum of the cross products of neighbours (the surveyor's formula). */
static double polygon_area(const DfPolygon *p)
{
    double sum = 0;
    for (size_t i = 0, before = p->n - 1; i < p->n; before = i++)
        sum += p->xy[2 * before] * p->xy[2 * i + 1] - p->xy[2 * i] * p->xy[2 * before + 1];
    return fabs(sum) / 2;
}

double df_labelled_polygon_area(const DfObjectMask *mask)
{
    double area = 0;
    for (size_t i = 0; i < mask->n_polygons; i++)
        area += mask->polygons[i].n ? polygon_area(&mask->polygons[i]) : 0;
    return df_labelled_rounded(area);
}

static bool polygon_box(const DfObjectMask *mask, double box[4])
{
    double lo[2] = { INFINITY, INFINITY };
    double hi[2] = { -INFINITY, -INFINITY };
    for (size_t i = 0; i < mask->n_polygons; i++)
        for (size_t k = 0; k < 2 * mask->polygons[i].n; k++) {
            lo[k % 2] = fmin(lo[k % 2], mask->polygons[i].xy[k]);
            hi[k % 2] = fmax(hi[k % 2], mask->polygons[i].xy[k]);
        }
    for (int k = 0; k < 2; k++) {
        box[k] = lo[k];
        box[2 + k] = df_labelled_rounded(hi[k] - lo[k]);
    }
    return lo[0] <= hi[0];
}

bool df_labelled_mask_box(const DfObjectMask *mask, double box[4])
{
    if (mask->form == DF_MASK_POLYGONS)
        return polygon_box(mask, box);
    if (mask->form == DF_MASK_NONE || df_mask_area(&mask->runs) == 0)
        return false;
    df_mask_box(&mask->runs, box);
    return true;
}

/* ---- members ----------------------------------------------------------------------------------------------------- */

static bool take_value(DfJson *json, char *out, size_t room)
{
    DfTextbuf text = { 0 };
    DfJson *ahead = NULL;
    DfJsonValue v;
    bool taken = false;
    if (df_json_fork(&ahead, json) == DF_OK && df_json_next(ahead, &v) == DF_JSON_TEXT) {
        taken = v.length < room && strlen(v.text) == v.length;
        if (taken)
            memcpy(out, v.text, v.length + 1);
    } else if (df_json_copy(json, &text) == DF_OK && text.n < room) {
        memcpy(out, text.at, text.n + 1);
        taken = true;
    }
    df_json_close(ahead);
    df_free(text.at);
    return taken;
}

/* "{REST}" to be read, right behind its '{'; `text` holds it. False: there is nothing, or no memory. */
static bool open_members(DfJson **json, DfTextbuf *text, const char *rest)
{
    DfJsonValue v;
    *json = NULL;
    *text = (DfTextbuf){ 0 };
    if (!rest[0])
        return false;
    df_textbuf_add(text, "{%s}", rest);
    return !text->failed && df_json_open_text(json, text->at, text->n, "a record") == DF_OK &&
           df_json_next(*json, &v) == DF_JSON_OBJECT;
}

static void close_members(DfJson *json, DfTextbuf *text)
{
    df_json_close(json);
    df_free(text->at);
}

/* Goes to the value of a member. */
static bool find_member(DfJson *json, const char *name)
{
    DfJsonValue v;
    while (df_json_next(json, &v) == DF_JSON_KEY) {
        if (strcmp(v.text, name) == 0)
            return true;
        if (df_json_skip(json) < 0)
            return false;
    }
    return false;
}

bool df_labelled_member(const char *rest, const char *name, char *out, size_t room)
{
    DfTextbuf text;
    DfJson *json;
    const bool found = open_members(&json, &text, rest) && find_member(json, name) && take_value(json, out, room);
    close_members(json, &text);
    return found;
}

bool df_labelled_without(DfTextbuf *to, const char *rest, const char *const *names)
{
    DfTextbuf text;
    DfJson *json;
    DfJsonValue v;
    const size_t before = to->n;
    bool open = open_members(&json, &text, rest);
    while (open && df_json_next(json, &v) == DF_JSON_KEY) {
        size_t i = 0;
        while (names[i] && strcmp(names[i], v.text) != 0)
            i++;
        if (names[i]) {
            open = df_json_skip(json) == DF_OK;
            continue;
        }
        df_textbuf_add(to, "%s", to->n > before ? ", " : "");
        df_textbuf_json(to, v.text);
        df_textbuf_add(to, ": ");
        open = df_json_copy(json, to) == DF_OK;
    }
    close_members(json, &text);
    return to->n == before;
}

size_t df_labelled_numbers(const char *rest, const char *name, double **out)
{
    DfTextbuf text;
    DfJson *json;
    DfJsonValue v;
    size_t n = 0;
    size_t capacity = 0;
    DfJsonEvent event = DF_JSON_ERROR;
    *out = NULL;
    if (open_members(&json, &text, rest) && find_member(json, name) && df_json_next(json, &v) == DF_JSON_ARRAY)
        while ((event = df_json_next(json, &v)) == DF_JSON_NUMBER &&
               df_grow((void **)out, &capacity, n, sizeof **out))
            (*out)[n++] = v.number;
    if (event != DF_JSON_CLOSE) {
        df_free(*out);
        *out = NULL;
        n = 0;
    }
    close_members(json, &text);
    return n;
}
