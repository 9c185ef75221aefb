/* SPDX-License-Identifier: Apache-2.0
 *
 * boxes/paste.c -- pastes the small mask of an instance into its box in the image, as run lengths. He et al., Mask
 * R-CNN, ICCV 2017, with the arithmetic of mmdet's _do_paste_mask(): bilinear, and zeros around the small mask.
 *
 * Pixel i of the image reads the small mask at ((i + 0.5 - start) / (end - start) * cells) - 0.5, in cells: PyTorch's
 * grid_sample() with align_corners = False. x and y are independent, so positions are computed once for each column
 * and row.
 *
 * torchvision's paste_masks_in_image() adds a border of zeros one cell wide around the mask, enlarges the box
 * accordingly, truncates its corners to whole pixels and resizes the mask to it:  at = (i + 0.5) * (cells + 2) /
 * pixels - 0.5,  at least 0.
 */
#include "boxes/boxes.h"

#include <math.h>

/* Where the pixels of a window read in the small mask, along one axis. Cells are counted from 1, and zeros stand
 * around them. */
typedef struct {
    int from, to;  /* the window in the image: the box and one pixel around it */
    int *low;      /* [to - from] cell below the position                      */
    float grown;   /* torchvision: what the box is stretched by, from the width of the mask */
    float *beyond; /* [to - from] how far the position is past it, 0..1        */
} Axis;

/* To an integer in 0..most; 0 for NaN, as a conversion of what does not fit is undefined in C. */
static int clamp_to(float v, int most)
{
    if (!(v > 0))
        return 0;
    return v < (float)most ? (int)v : most;
}

/* In float32, step by step as the reference has it: pixels at the threshold depend on it. */
static void place(Axis *a, float start, float end, int cells)
{
    for (int i = a->from; i < a->to; i++) {
        float g = ((float)i + 0.5f - start) / (end - start) * 2 - 1;
        if (isinf(g))
            g = 0;
        const float at = (g + 1) * ((float)cells / 2) - 0.5f;
        const float low = floorf(at);
        const bool inside = low >= -1 && low < (float)cells;
        a->low[i - a->from] = inside ? (int)low + 1 : cells + 1; /* two zeros */
        a->beyond[i - a->from] = at - low;                       /* NaN for NaN: no pixel */
    }
}

static int make_room(Axis *a)
{
    a->to = a->to < a->from ? a->from : a->to;
    const size_t n = (size_t)(a->to - a->from);
    a->low = df_malloc(n * sizeof *a->low);
    a->beyond = df_malloc(n * sizeof *a->beyond);
    if (!a->low || !a->beyond)
        return df_fail_memory("a mask");
    return DF_OK;
}

static int axis_init(Axis *a, float start, float end, int cells, int size)
{
    a->from = clamp_to(floorf(start) - 1, size);
    a->to = clamp_to(ceilf(end) + 1, size);
    const int error = make_room(a);
    if (error == DF_OK)
        place(a, start, end, cells);
    return error;
}

/* Towards zero; what no picture is as large as is cut off, and NaN is 0. */
static int whole(float v)
{
    const float most = (float)(1 << 30);
    return isnan(v) ? 0 : (int)df_clamp_float(v, -most, most);
}

static int axis_init_torchvision(Axis *a, float start, float end, int cells, int size)
{
    const float half = (end - start) * 0.5f * a->grown;
    const float middle = (end + start) * 0.5f;
    const int first = whole(middle - half);
    const int last = whole(middle + half);
    const int pixels = last - first + 1 > 1 ? last - first + 1 : 1;
    a->from = first > 0 ? first : 0;
    a->from = a->from < size ? a->from : size;
    a->to = last + 1 < size ? last + 1 : size;
    const int error = make_room(a);
    const float step = (float)(cells + 2) / (float)pixels;
    for (int i = a->from; error == DF_OK && i < a->to; i++) {
        const float at = fmaxf(step * ((float)(i - first) + 0.5f) - 0.5f, 0);
        const float low = floorf(at);
        a->low[i - a->from] = low < (float)(cells + 1) ? (int)low : cells + 1;
        a->beyond[i - a->from] = at - low;
    }
    return error;
}

static void axis_done(Axis *a)
{
    df_free(a->low);
    df_free(a->beyond);
}

/* Runs go down the columns, as in COCO. */
typedef struct {
    DfMask *out;
    size_t capacity;
    uint32_t length; /* of the run that is open */
    bool inside, failed;
} Writer;

static void write_pixels(Writer *w, bool inside, uint32_t n)
{
    if (inside != w->inside && n) {
        if (!df_grow((void **)&w->out->runs, &w->capacity, w->out->n, sizeof *w->out->runs)) {
            w->failed = true;
            return;
        }
        w->out->runs[w->out->n++] = w->length;
        w->length = 0;
        w->inside = inside;
    }
    w->length += n;
}

/* The small mask column by column, with zeros around it: [width + 3][height + 3]. */
static float *frame(const float *mask, int height, int width)
{
    const size_t h = (size_t)height;
    const size_t w = (size_t)width;
    const size_t pitch = h + 3;
    float *out = df_calloc(pitch * (w + 3), sizeof *out);
    for (size_t y = 0; out && y < h; y++)
        for (size_t x = 0; x < w; x++)
            out[(x + 1) * pitch + y + 1] = mask[y * w + x];
    return out;
}

/* n pixels of a column that lie between the same four cells. If all four are clearly on one side of the threshold,
 * so are the pixels. */
static void paste_span(Writer *w, const float *left, const float *right, float beyond_x, const float *beyond_y, int n,
                       float threshold)
{
    const float margin = 1e-4f * threshold; /* more than rounding changes */
    const float lo = threshold - margin;
    const float hi = threshold + margin;
    if (left[0] < lo && left[1] < lo && right[0] < lo && right[1] < lo) {
        write_pixels(w, false, (uint32_t)n);
        return;
    }
    if (left[0] > hi && left[1] > hi && right[0] > hi && right[1] > hi) {
        write_pixels(w, true, (uint32_t)n);
        return;
    }
    for (int i = 0; i < n; i++) {
        const float down = beyond_y[i];
        const float up = 1 - down;
        const float east = beyond_x;
        const float west = 1 - east;
        const float upper = left[0] * (up * west) + right[0] * (up * east);
        const float value = upper + left[1] * (down * west) + right[1] * (down * east);
        write_pixels(w, value >= threshold, 1);
    }
}

/* The pixels of one column: those between the same cells together. */
static void paste_column(Writer *w, const float *column, size_t pitch, const Axis *ys, float beyond_x, float threshold)
{
    const int n = ys->to - ys->from;
    for (int i = 0, end; i < n; i = end) {
        for (end = i + 1; end < n && ys->low[end] == ys->low[i]; end++)
            ;
        const float *left = column + ys->low[i];
        paste_span(w, left, left + pitch, beyond_x, ys->beyond + i, end - i, threshold);
    }
}

/* The window of the mask, and nothing around it. */
static void paste_window(Writer *w, const float *cells, size_t pitch, const Axis *xs, const Axis *ys, uint32_t height,
                         uint32_t width, float threshold)
{
    const uint32_t above = (uint32_t)ys->from;
    const uint32_t below = height - (uint32_t)ys->to;
    write_pixels(w, false, (uint32_t)xs->from * height);
    for (int i = 0; i < xs->to - xs->from; i++) {
        write_pixels(w, false, above);
        paste_column(w, cells + (size_t)xs->low[i] * pitch, pitch, ys, xs->beyond[i], threshold);
        write_pixels(w, false, below);
    }
    write_pixels(w, false, (width - (uint32_t)xs->to) * height);
}

/* Writes the run that is open. */
static int close_run(Writer *w)
{
    DfMask *out = w->out;
    if (w->failed || !df_grow((void **)&out->runs, &w->capacity, out->n, sizeof *out->runs))
        return df_fail_memory("a mask");
    out->runs[out->n++] = w->length;
    return DF_OK;
}

int df_paste_mask_as(DfPaste how, DfMask *out, const float *mask, int mask_h, int mask_w, const float box[4],
                     int image_h, int image_w, float threshold)
{
    const bool torchvision = how == DF_PASTE_TORCHVISION;
    int (*init)(Axis *, float, float, int, int) = torchvision ? axis_init_torchvision : axis_init;
    *out = (DfMask){ (uint32_t)image_h, (uint32_t)image_w, 0, NULL };
    if (image_h < 0 || image_w < 0 || (image_h && (uint32_t)image_w > UINT32_MAX / (uint32_t)image_h))
        return df_fail(DF_EVALUE, "a mask of %d x %d pixels: want less than 2^32", image_h, image_w);
    Writer w = { .out = out };
    const float grown = (float)((double)(mask_w + 2) / mask_w);
    Axis xs = { .grown = grown };
    Axis ys = { .grown = grown };
    float *cells = frame(mask, mask_h, mask_w);
    int error = cells ? DF_OK : df_fail_memory("a mask");
    if (error == DF_OK)
        error = init(&xs, box[0], box[2], mask_w, image_w);
    if (error == DF_OK)
        error = init(&ys, box[1], box[3], mask_h, image_h);
    if (torchvision)
        threshold = nextafterf(threshold, INFINITY);         /* more than it */
    if (error == DF_OK) {
        paste_window(&w, cells, (size_t)mask_h + 3, &xs, &ys, out->height, out->width, threshold);
        error = close_run(&w);
    }
    df_free(cells);
    axis_done(&xs);
    axis_done(&ys);
    if (error < 0)
        df_mask_done(out);
    return error;
}

int df_paste_mask(DfMask *out, const float *mask, int mask_h, int mask_w, const float box[4], int image_h, int image_w,
                  float threshold)
{
    return df_paste_mask_as(DF_PASTE_MMDET, out, mask, mask_h, mask_w, box, image_h, image_w, threshold);
}
