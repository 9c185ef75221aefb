/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/coco/fields.c -- single values of COCO records, each with its complaint.
 */
#include "eval/coco/data.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int df_coco_fail(const CocoRecord *r, const char *format, ...)
{
    char sentence[512];
    va_list args;
    va_start(args, format);
    vsnprintf(sentence, sizeof sentence, format, args);
    va_end(args);
    return df_json_fail(r->json, DF_EFORMAT, "%s %zu: %s", r->kind, r->number, sentence);
}

int df_coco_close(const CocoRecord *r, DfJsonEvent event)
{
    return event == DF_JSON_CLOSE ? DF_OK : df_json_error(r->json);
}

int df_coco_fail_in(const CocoRecord *r, int error)
{
    if (error == DF_OK || error == DF_ENOMEM)
        return error;
    char sentence[256];
    strncpy(sentence, df_error(), sizeof sentence - 1);
    sentence[sizeof sentence - 1] = 0;
    return df_coco_fail(r, "segmentation: %s", sentence);
}

/* The reader's own sentence stands if the text is no JSON. */
static int wrong(const CocoRecord *r, DfJsonEvent event, const char *key, const char *wanted)
{
    return event == DF_JSON_ERROR ? df_json_error(r->json) : df_coco_fail(r, "%s is not %s", key, wanted);
}

int df_coco_read_id(const CocoRecord *r, const char *key, DfId *id, char text[256])
{
    DfJsonValue v;
    const DfJsonEvent event = df_json_next(r->json, &v);
    *id = (DfId){ v.integer, NULL };
    if (event == DF_JSON_NUMBER && v.is_integer)
        return DF_OK;
    if (event != DF_JSON_TEXT)
        return wrong(r, event, key, "an integer of 64 bits or a string");
    if (v.length > 255 || strlen(v.text) != v.length)
        return df_coco_fail(r, "%s is a string longer than 255 bytes or with a zero in it", key);
    memcpy(text, v.text, v.length + 1);
    id->text = text;
    return DF_OK;
}

int df_coco_read_number(const CocoRecord *r, const char *key, double *number)
{
    DfJsonValue v;
    const DfJsonEvent event = df_json_next(r->json, &v);
    *number = v.number;
    return event == DF_JSON_NUMBER ? DF_OK : wrong(r, event, key, "a number");
}

int df_coco_read_flag(const CocoRecord *r, const char *key, bool *flag)
{
    DfJsonValue v;
    const DfJsonEvent event = df_json_next(r->json, &v);
    *flag = event == DF_JSON_TRUE || (event == DF_JSON_NUMBER && v.number != 0);
    return event == DF_JSON_NUMBER || event == DF_JSON_TRUE || event == DF_JSON_FALSE ? DF_OK : wrong(r, event, key, "0 or 1");
}

int df_coco_read_box(const CocoRecord *r, double box[4], bool *given)
{
    DfJsonValue v;
    DfJsonEvent event = df_json_next(r->json, &v);
    *given = false;
    if (event == DF_JSON_NULL)
        return DF_OK;
    if (event != DF_JSON_ARRAY)
        return wrong(r, event, "bbox", "an array");
    double extra;
    size_t n, more = 1;
    event = df_json_numbers(r->json, box, 4, &n);
    for (; event == DF_JSON_NUMBER && more; n += more)
        event = df_json_numbers(r->json, &extra, 1, &more);
    if (event != DF_JSON_CLOSE)
        return wrong(r, event, "bbox", "an array of numbers");
    if (n != 0 && n != 4)
        return df_coco_fail(r, "bbox has %zu numbers, want x, y, width and height", n);
    *given = n == 4;
    return DF_OK;
}
