/* SPDX-License-Identifier: Apache-2.0
 *
 * boxes/mask_target.c -- the target of a mask head: the mask of an object within a region, at the size of the head's
 * output. He et al., Mask R-CNN, ICCV 2017, section 3; mmdet's mask_target.py and crop_and_resize().
 *
 * Polygons are moved, scaled and drawn at the small size. Run lengths are decoded once for each object, and every cell
 * of a region is the mean of bilinear samples: RoIAlign, in float32 and in the order of mmcv's loops, because cells at
 * exactly one half depend on it.
 */
#include "boxes/boxes.h"

#include <math.h>
#include <string.h>

enum { MOST_SAMPLES = 4096 }; /* of a cell along an axis, however large the region is */

/* ---- pixels ------------------------------------------------------------------------------------------------------ */

/* Where the samples of a region lie along one axis. */
typedef struct {
    int size;               /* of the picture, in pixels                     */
    int cells, samples;     /* samples: of each cell                         */
    int *low, *high;        /* [cells * samples]: pixels on both sides; low < 0: outside */
    float *below, *beyond;  /* their weights                                 */
} Axis;

static int samples_of(float length, int cells)
{
    const float n = ceilf(length / (float)cells);
    if (!(n >= 1))
        return 0;
    return n < MOST_SAMPLES ? (int)n : MOST_SAMPLES;
}

static void place_sample(Axis *a, int i, float at)
{
    a->low[i] = -1;
    if (!(at >= -1 && at <= (float)a->size))
        return;
    at = at > 0 ? at : 0;
    const int last = a->size - 1;
    const int low = (int)at;
    const bool border = low >= last;
    a->low[i] = border ? last : low;
    a->high[i] = border ? last : low + 1;
    a->beyond[i] = border ? 0 : at - (float)low;
    a->below[i] = 1 - a->beyond[i];
}

static int axis_init(Axis *a, float from, float to, int cells, int size)
{
    const float start = from - 0.5f;
    const float length = to - 0.5f - start;
    *a = (Axis){ .size = size, .cells = cells, .samples = size > 0 ? samples_of(length, cells) : 0 };
    const size_t n = (size_t)cells * (size_t)a->samples;
    a->low = df_malloc(2 * n * sizeof *a->low);
    a->below = df_malloc(2 * n * sizeof *a->below);
    if (!a->low || !a->below)
        return df_fail_memory("the target of a mask");
    a->high = a->low + n;
    a->beyond = a->below + n;
    const float cell = length / (float)cells;
    for (int i = 0; i < cells; i++)
        for (int k = 0; k < a->samples; k++)
            place_sample(a, i * a->samples + k,
                         start + (float)i * cell + ((float)k + 0.5f) * cell / (float)a->samples);
    return DF_OK;
}

static void axis_done(Axis *a)
{
    df_free(a->low);
    df_free(a->below);
}

/* pixels[width][height] of 0 and 1. Columns outside, as runs go down them. */
static float read_sample(const Axis *y, const Axis *x, int i, int k, const uint8_t *pixels)
{
    if (y->low[i] < 0 || x->low[k] < 0)
        return 0;
    const uint8_t *const left = pixels + (size_t)x->low[k] * (size_t)y->size;
    const uint8_t *const right = pixels + (size_t)x->high[k] * (size_t)y->size;
    const float w1 = y->below[i] * x->below[k];
    const float w2 = y->below[i] * x->beyond[k];
    const float w3 = y->beyond[i] * x->below[k];
    const float w4 = y->beyond[i] * x->beyond[k];
    const int low = y->low[i], high = y->high[i];
    return w1 * (float)left[low] + w2 * (float)right[low] + w3 * (float)left[high] + w4 * (float)right[high];
}

static float read_cell(const Axis *y, const Axis *x, int row, int column, const uint8_t *pixels)
{
    float sum = 0;
    for (int i = row * y->samples; i < (row + 1) * y->samples; i++)
        for (int k = column * x->samples; k < (column + 1) * x->samples; k++)
            sum += read_sample(y, x, i, k, pixels);
    const int count = y->samples * x->samples;
    return count ? sum / (float)count : 0;
}

static int crop_pixels(const DfMaskTarget *t, const uint8_t *pixels, const float box[4], float *out)
{
    Axis y = { 0 }, x = { 0 };
    int error = axis_init(&y, box[1], box[3], t->out_height, (int)t->height);
    if (error == DF_OK)
        error = axis_init(&x, box[0], box[2], t->out_width, (int)t->width);
    for (int row = 0; error == DF_OK && row < t->out_height; row++)
        for (int column = 0; column < t->out_width; column++) {
            const float mean = read_cell(&y, &x, row, column, pixels);
            *out++ = t->soft ? mean : (float)(mean >= 0.5f);
        }
    axis_done(&y);
    axis_done(&x);
    return error;
}

/* Of all columns, one after the other. */
static int make_pixels(const DfMask *mask, uint8_t **pixels)
{
    const size_t n = (size_t)mask->height * mask->width;
    size_t at = 0;
    *pixels = df_calloc(n, 1);
    if (!*pixels)
        return df_fail_memory("the pixels of a mask");
    for (size_t i = 0; i < mask->n; i++) {
        if (mask->runs[i] > n - at)
            return df_fail(DF_EFORMAT, "the RLE of a mask is longer than its %u x %u pixels", (unsigned)mask->height,
                           (unsigned)mask->width);
        memset(*pixels + at, i % 2, mask->runs[i]);
        at += mask->runs[i];
    }
    return DF_OK;
}

/* ---- polygons ---------------------------------------------------------------------------------------------------- */

/* The region becomes the whole picture, of the small size. */
static void zoom(DfPolygon *polygon, const DfMaskTarget *t, const float box[4])
{
    const float w = fmaxf(box[2] - box[0], 1);
    const float h = fmaxf(box[3] - box[1], 1);
    const double scale[2] = { t->out_width / (double)w, t->out_height / (double)h };
    for (size_t i = 0; i < 2 * polygon->n; i++)
        polygon->xy[i] = (polygon->xy[i] - (double)box[i % 2]) * scale[i % 2];
}

static int draw_polygons(const DfMaskTarget *t, const DfObjectMask *mask, const float box[4], DfArena *arena,
                         float *out)
{
    DfObjectMask zoomed;
    DfMask drawn = { 0 };
    int error = df_object_mask_copy(&zoomed, mask, arena);
    for (size_t i = 0; error == DF_OK && i < zoomed.n_polygons; i++)
        zoom(&zoomed.polygons[i], t, box);
    if (error == DF_OK)
        error = df_object_mask_runs(&drawn, &zoomed, (uint32_t)t->out_height, (uint32_t)t->out_width);
    const size_t height = (size_t)t->out_height, width = (size_t)t->out_width;
    size_t at = 0;
    for (size_t i = 0; i < drawn.n; i++)
        for (const size_t end = at + drawn.runs[i]; at < end; at++)
            out[at % height * width + at / height] = (float)(i % 2);
    df_mask_done(&drawn);
    return error;
}

static int crop_polygons(const DfMaskTarget *t, const DfObjectMask *mask, const float box[4], float *out)
{
    DfArena *const arena = df_arena_new();
    const int error = arena ? draw_polygons(t, mask, box, arena, out) : df_fail_memory("the target of a mask");
    df_arena_free(arena);
    return error;
}

/* ---- all regions of an object ------------------------------------------------------------------------------------ */

static void clip(const DfMaskTarget *t, const float box[4], float out[4])
{
    for (int k = 0; k < 4; k++)
        out[k] = df_clamp_float(box[k], 0, (float)(k % 2 ? t->height : t->width));
}

static int crop_object(const DfMaskTarget *t, const DfObjectMask *mask, const DfMaskRegions *r, size_t object,
                       const uint8_t *pixels, float *out)
{
    const size_t size = (size_t)t->out_height * (size_t)t->out_width;
    int error = DF_OK;
    for (size_t i = 0; error == DF_OK && i < r->n; i++) {
        if ((size_t)r->objects[i] != object)
            continue;
        float box[4];
        clip(t, r->boxes + r->stride * i, box);
        if (mask->form == DF_MASK_POLYGONS)
            error = crop_polygons(t, mask, box, out + size * i);
        else if (pixels)
            error = crop_pixels(t, pixels, box, out + size * i);
    }
    return error;
}

static bool is_wanted(const DfMaskRegions *r, size_t object)
{
    for (size_t i = 0; i < r->n; i++)
        if ((size_t)r->objects[i] == object)
            return true;
    return false;
}

static int check_runs(const DfMaskTarget *t, const DfMask *runs)
{
    if (runs->height == t->height && runs->width == t->width && (uint64_t)t->height * t->width <= INT32_MAX)
        return DF_OK;
    return df_fail(DF_EVALUE, "a mask of %u x %u in a picture of %u x %u (height x width)", (unsigned)runs->height,
                   (unsigned)runs->width, (unsigned)t->height, (unsigned)t->width);
}

int df_mask_targets(const DfMaskTarget *t, const DfObjectMask *masks, size_t n_masks, const DfMaskRegions *r,
                    float *out)
{
    int error = DF_OK;
    memset(out, 0, r->n * (size_t)t->out_height * (size_t)t->out_width * sizeof *out);
    for (size_t object = 0; error == DF_OK && object < n_masks; object++) {
        const DfObjectMask *mask = &masks[object];
        uint8_t *pixels = NULL;
        if (mask->form == DF_MASK_NONE || !is_wanted(r, object))
            continue;
        if (mask->form == DF_MASK_RUNS)
            error = check_runs(t, &mask->runs);
        if (error == DF_OK && mask->form == DF_MASK_RUNS)
            error = make_pixels(&mask->runs, &pixels);
        if (error == DF_OK)
            error = crop_object(t, mask, r, object, pixels, out);
        df_free(pixels);
    }
    return error;
}
