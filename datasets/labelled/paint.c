/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/labelled/paint.c -- paints the masks of objects into a map of values.
 */
#include "datasets/labelled/paint.h"

#include <string.h>

typedef struct {
    DfImage *map;
    int *top;             /* [height][width]: which object lies there; -1: none */
    const uint8_t *value;
    bool *hidden;
} Paint;

static int draw(Paint *p, const DfObjectMask *mask, int number)
{
    DfMask runs;
    const size_t H = (size_t)p->map->height;
    const size_t W = (size_t)p->map->width;
    const int error = df_object_mask_runs(&runs, mask, (uint32_t)H, (uint32_t)W);
    size_t at = 0;
    for (size_t i = 0; error == DF_OK && i < runs.n && at < H * W; i++) {
        const size_t end = runs.runs[i] < H * W - at ? at + runs.runs[i] : H * W;
        for (; i % 2 && at < end; at++) {
            const size_t pixel = at % H * W + at / H;
            if (p->hidden && p->top[pixel] >= 0 && p->value[p->top[pixel]] != p->value[number])
                p->hidden[p->top[pixel]] = true;
            p->top[pixel] = number;
            p->map->pixels[pixel] = p->value[number];
        }
        at = end;
    }
    df_mask_done(&runs);
    return error;
}

/* The largest first, equal ones in their order. */
static int sort_by_area(const DfLabelled *set, const DfLabelledPicture *picture, uint32_t *order)
{
    uint64_t *key = df_malloc((picture->n + 1) * sizeof *key);
    if (!key)
        return df_fail_memory("objects to paint");
    for (size_t i = 0; i < picture->n; i++) {
        order[i] = (uint32_t)i;
        key[i] = df_sort_key(-set->objects[set->order[picture->first + i]].area);
    }
    const int error = df_sort(order, picture->n, key);
    df_free(key);
    return error;
}

int df_labelled_paint(DfImage *map, const DfLabelled *set, const DfLabelledPicture *picture, const uint8_t *value,
                      bool *hidden)
{
    Paint p = { .map = map, .value = value, .hidden = hidden };
    const size_t area = df_image_bytes(map);
    uint32_t *order = df_malloc((picture->n + 1) * sizeof *order);
    p.top = df_malloc(area * sizeof *p.top);
    int error = order && p.top ? sort_by_area(set, picture, order) : df_fail_memory("objects to paint");
    memset(map->pixels, 0, area);
    if (p.top)
        memset(p.top, -1, area * sizeof *p.top);
    for (size_t i = 0; error == DF_OK && i < picture->n; i++)
        if (value[order[i]])
            error = draw(&p, &set->objects[set->order[picture->first + order[i]]].mask, (int)order[i]);
    df_free(order);
    df_free(p.top);
    return error;
}
