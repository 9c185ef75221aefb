/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/synth/labels.c -- the annotations of a synthetic picture in COCO's form: polygons that follow the pixels
 * exactly; run lengths where an object has a hole, which polygons cannot express; and one mask for a whole crowd.
 */
#include "boxes/boxes.h"
#include "datasets/coco.h"
#include "datasets/synth/world.h"

#include <string.h>

static const int label_of_kind[DF_SYNTH_THINGS] = {
    [BALL] = 32, [KITE] = 33, [BOTTLE] = 39, [CUP] = 41, [BANANA] = 46,
    [APPLE] = 47, [PIZZA] = 53, [DONUT] = 54, [CLOCK] = 74, [UMBRELLA] = 25,
};

int df_synth_category(SynthKind kind)
{
    return df_coco_category_id(label_of_kind[kind]);
}

/* ---- outlines ---------------------------------------------------------------------------------------------------- */

typedef struct {
    const SynthDrawn *drawn;
    int group, width, height;
    uint8_t *seen;              /* the upper sides of pixels that a line has passed */
} Tracer;

static bool is_ours(const Tracer *t, int x, int y)
{
    return x >= 0 && y >= 0 && x < t->width && y < t->height &&
           t->drawn->group[(size_t)y * (size_t)t->width + (size_t)x] == t->group;
}

/* East, south, west, north, with the object to the right: which way from this corner. Pixels that touch at a corner
 * alone are not joined. */
static int next_way(const Tracer *t, int x, int y, int way)
{
    static const int right[4][2] = { { 0, 0 }, { -1, 0 }, { -1, -1 }, { 0, -1 } };
    static const int left[4][2] = { { 0, -1 }, { 0, 0 }, { -1, 0 }, { -1, -1 } };
    if (!is_ours(t, x + right[way][0], y + right[way][1]))
        return (way + 1) & 3;
    return is_ours(t, x + left[way][0], y + left[way][1]) ? (way + 3) & 3 : way;
}

/* Along the border from the upper side of a pixel until it is there again. Twice the area that it goes around; below 0
 * around a hole. */
static long trace(Tracer *t, DfTextbuf *text, int x, int y)
{
    static const int step[4][2] = { { 1, 0 }, { 0, 1 }, { -1, 0 }, { 0, -1 } };
    const int from[2] = { x, y };
    long area = 0;
    int way = 0;
    df_textbuf_add(text, "[%d, %d", x, y);
    do {
        if (way == 0)
            t->seen[(size_t)y * (size_t)t->width + (size_t)x] = 1;
        area += (long)x * step[way][1] - (long)y * step[way][0];
        x += step[way][0];
        y += step[way][1];
        const int next = next_way(t, x, y, way);
        if (next != way && (x != from[0] || y != from[1] || next != 0))
            df_textbuf_add(text, ", %d, %d", x, y);
        way = next;
    } while (x != from[0] || y != from[1] || way != 0);
    df_textbuf_add(text, "]");
    return area;
}

/* False if there is a hole. */
static bool trace_all(Tracer *t, DfTextbuf *text, const int box[4])
{
    int parts = 0;
    for (int y = box[1]; y < box[1] + box[3]; y++)
        for (int x = box[0]; x < box[0] + box[2]; x++) {
            if (!is_ours(t, x, y) || is_ours(t, x, y - 1) || t->seen[(size_t)y * (size_t)t->width + (size_t)x])
                continue;
            df_textbuf_add(text, "%s", parts++ ? ", " : "");
            if (trace(t, text, x, y) < 0)
                return false;
        }
    return true;
}

/* ---- one object -------------------------------------------------------------------------------------------------- */

static void box_of(const SynthDrawn *drawn, int group, int box[4])
{
    const int width = drawn->picture.width;
    int x1 = width, y1 = drawn->picture.height, x2 = 0, y2 = 0;
    for (int y = 0; y < drawn->picture.height; y++)
        for (int x = 0; x < width; x++)
            if (drawn->group[(size_t)y * (size_t)width + (size_t)x] == group) {
                x1 = x < x1 ? x : x1;
                x2 = x >= x2 ? x + 1 : x2;
                y1 = y < y1 ? y : y1;
                y2 = y + 1;
            }
    box[0] = x1;
    box[1] = y1;
    box[2] = x2 - x1;
    box[3] = y2 - y1;
}

static int write_runs(DfTextbuf *text, const SynthDrawn *drawn, int group, uint8_t *pixels)
{
    const size_t n = df_image_bytes(&drawn->classes);
    DfMask mask;
    char *json = NULL;
    for (size_t i = 0; i < n; i++)
        pixels[i] = drawn->group[i] == group;
    int error = df_mask_encode(&mask, pixels, (uint32_t)drawn->picture.height, (uint32_t)drawn->picture.width);
    if (error == DF_OK)
        error = df_mask_to_json(&mask, &json);
    if (error == DF_OK)
        df_textbuf_add(text, "%s", json);
    df_free(json);
    df_mask_done(&mask);
    return error;
}

/* `pixels` is room for a byte a pixel. */
static int write_mask(DfTextbuf *text, const SynthDrawn *drawn, int group, const int box[4], uint8_t *pixels)
{
    Tracer t = { drawn, group, drawn->picture.width, drawn->picture.height, pixels };
    const size_t before = text->n;
    memset(pixels, 0, df_image_bytes(&drawn->classes));
    df_textbuf_add(text, "[");
    const bool whole = !drawn->of[group].crowd && trace_all(&t, text, box);
    if (whole) {
        df_textbuf_add(text, "]");
        return DF_OK;
    }
    text->n = text->failed ? text->n : before;
    return write_runs(text, drawn, group, pixels);
}

static int write_object(DfTextbuf *text, const SynthDrawn *drawn, int group, int number, uint8_t *pixels)
{
    const SynthThing *t = &drawn->of[group];
    int box[4];
    box_of(drawn, group, box);
    df_textbuf_add(text, "%s\n{\"id\": %lld, \"image_id\": %d, \"category_id\": %d, \"iscrowd\": %d, ",
                   text->n || number > 1 ? "," : "", (long long)number * 256 + group, number,
                   df_synth_category(t->kind), t->crowd);
    df_textbuf_add(text, "\"bbox\": [%d, %d, %d, %d], \"area\": %d, \"segmentation\": ", box[0], box[1], box[2], box[3],
                   drawn->pixels[group]);
    const int error = write_mask(text, drawn, group, box, pixels);
    df_textbuf_add(text, "}");
    return error;
}

int df_synth_annotate(DfTextbuf *text, const SynthDrawn *drawn, int number)
{
    uint8_t *pixels = df_malloc(df_image_bytes(&drawn->classes));
    int error = pixels ? DF_OK : df_fail_memory("a mask");
    for (int group = 1; error == DF_OK && group < 256; group++)
        if (drawn->pixels[group] && drawn->of[group].kind < PEBBLE)
            error = write_object(text, drawn, group, number, pixels);
    df_free(pixels);
    return error;
}
