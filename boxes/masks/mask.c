/* SPDX-License-Identifier: Apache-2.0
 *
 * boxes/masks/mask.c -- masks as run lengths: pixels to runs and back, area, box, union and intersection, IoU.
 *
 * Counts are unsigned 32-bit numbers that wrap, and walks end where pycocotools' end, also for runs that describe no mask.
 */
#include "boxes/masks/mask.h"

#include <math.h>
#include <string.h>

#include "boxes/masks/runs.h"

bool df_runs_grow(DfRunList *r, size_t n)
{
    return n == 0 || df_grow((void **)&r->at, &r->capacity, n - 1, sizeof *r->at);
}

void df_mask_done(DfMask *mask)
{
    df_free(mask->runs);
    *mask = (DfMask){ 0 };
}

/* Makes a mask of a list, which it takes over. */
static int finish(DfMask *out, DfRunList *runs, int error, uint32_t height, uint32_t width)
{
    if (error == DF_OK && !df_runs_grow(runs, runs->n + 1))
        error = df_fail_memory("a mask");
    if (error < 0)
        df_free(runs->at);
    *out = error < 0 ? (DfMask){ 0 } : (DfMask){ height, width, runs->n, runs->at };
    return error;
}

int df_mask_from_runs(DfMask *out, const uint32_t *from, size_t n, uint32_t height, uint32_t width)
{
    DfRunList runs = { 0 };
    const bool room = df_runs_grow(&runs, n);
    if (room && n)
        memcpy(runs.at, from, n * sizeof *from);
    runs.n = n;
    return finish(out, &runs, room ? DF_OK : df_fail_memory("a mask"), height, width);
}

int df_mask_from_text(DfMask *out, const char *text, size_t length, uint32_t height, uint32_t width)
{
    DfRunList runs = { 0 };
    const int error = df_runs_from_text(&runs, text, length);
    return finish(out, &runs, error, height, width);
}

int df_mask_from_polygon(DfMask *out, const double *xy, size_t n_points, uint32_t height, uint32_t width)
{
    DfRunList runs = { 0 };
    DfPolygonRoom room = { 0 };
    DfRunFacts facts;
    const int error = df_runs_from_polygon(&runs, &facts, &room, xy, n_points, height, width);
    df_polygon_room_done(&room);
    return finish(out, &runs, error, height, width);
}

int df_mask_from_box(DfMask *out, const double b[4], uint32_t height, uint32_t width)
{
    const double right = b[0] + b[2], bottom = b[1] + b[3];
    const double corners[8] = { b[0], b[1], b[0], bottom, right, bottom, right, b[1] };
    return df_mask_from_polygon(out, corners, 4, height, width);
}

/* ---- pixels ------------------------------------------------------------------------------------------------------- */

static int check_size(uint32_t height, uint32_t width)
{
    if (height == 0 || width <= UINT32_MAX / height)
        return DF_OK;
    return df_fail(DF_EVALUE, "a mask of %u x %u: want less than 2^32 pixels", (unsigned)height, (unsigned)width);
}

int df_mask_encode(DfMask *out, const uint8_t *pixels, uint32_t height, uint32_t width)
{
    DfRunList runs = { 0 };
    uint32_t length = 0;
    bool now = false;
    int error = check_size(height, width);
    for (size_t x = 0; error == DF_OK && x < width; x++)
        for (size_t y = 0; y < height; y++, length++) {
            if ((pixels[y * width + x] != 0) == now)
                continue;
            if (!df_runs_grow(&runs, runs.n + 1)) {
                error = df_fail_memory("a mask");
                break;
            }
            runs.at[runs.n++] = length;
            length = 0;
            now = !now;
        }
    if (error == DF_OK && !df_runs_grow(&runs, runs.n + 1))
        error = df_fail_memory("a mask");
    if (error == DF_OK)
        runs.at[runs.n++] = length;
    return finish(out, &runs, error, height, width);
}

int df_mask_decode(const DfMask *mask, uint8_t *pixels)
{
    const size_t h = mask->height, w = mask->width;
    size_t at = 0;
    memset(pixels, 0, h * w);
    for (size_t i = 0; i < mask->n; i++) {
        if (mask->runs[i] > h * w - at)
            return df_fail(DF_EFORMAT, "the RLE of a mask is longer than its %zu x %zu pixels", h, w);
        for (const size_t end = at + mask->runs[i]; at < end; at++)
            if (i % 2)
                pixels[at % h * w + at / h] = 1;
    }
    return DF_OK;
}

/* ---- area and box ------------------------------------------------------------------------------------------------- */

uint32_t df_mask_area(const DfMask *mask)
{
    uint32_t area = 0;
    for (size_t i = 1; i < mask->n; i += 2)
        area += mask->runs[i];
    return area;
}

/* The columns and rows that foreground covers so far, both ends included. */
typedef struct {
    uint32_t height, left, right, top, bottom;
    uint32_t column, column_start; /* of the last run, so that few divisions are needed */
} Cover;

/* A run of some pixels: most often within the column of the one before, or the next. */
static inline void cover(Cover *c, uint32_t start, uint32_t run)
{
    uint32_t row = start - c->column_start;
    if (row >= c->height || start < c->column_start) {
        const bool next = start > c->column_start && row - c->height < c->height;
        c->column = next ? c->column + 1 : start / c->height;
        c->column_start = c->column * c->height;
        row = start - c->column_start;
    }
    c->left = c->column < c->left ? c->column : c->left;
    const uint32_t end = start + run - 1, bottom = row + run - 1;
    const bool whole = run > c->height - row || end < start; /* goes on in another column */
    const uint32_t last = whole ? end / c->height : c->column;
    c->right = last > c->right ? last : c->right;
    if (c->column < last) {
        c->top = 0;
        c->bottom = c->height - 1;
        return;
    }
    const uint32_t y1 = whole ? end - last * c->height : bottom;
    c->top = row < c->top ? row : c->top;
    c->bottom = y1 > c->bottom ? y1 : c->bottom;
}

DfRunFacts df_runs_facts(const uint32_t *runs, size_t n, uint32_t height, uint32_t width)
{
    DfRunFacts f = { 0 };
    Cover c = { .height = height, .left = width, .top = height };
    uint32_t at = 0;
    uint64_t sum = n % 2 ? runs[n - 1] : 0;
    size_t empty = n % 2 && runs[n - 1] == 0;
    for (size_t i = 0; i + 1 < n; i += 2) {
        const uint32_t start = at + runs[i], run = runs[i + 1];
        at = start + run;
        sum += (uint64_t)runs[i] + run;
        empty += (size_t)(runs[i] == 0) + (run == 0);
        f.area += run;
        if (run > 0 && height > 0)
            cover(&c, start, run);
    }
    f.plain = n > 0 && empty == (runs[0] == 0);
    f.plain &= sum == (uint64_t)height * width;
    if (n >= 2) {
        f.box[0] = c.left;
        f.box[1] = c.top;
        f.box[2] = c.right - c.left + 1;
        f.box[3] = c.bottom - c.top + 1;
    }
    return f;
}

void df_mask_box(const DfMask *mask, double xywh[4])
{
    const DfRunFacts f = df_runs_facts(mask->runs, mask->n, mask->height, mask->width);
    for (int i = 0; i < 4; i++)
        xywh[i] = f.box[i];
}

/* ---- two masks ---------------------------------------------------------------------------------------------------- */

/* A walk down one list. */
typedef struct {
    const uint32_t *runs;
    size_t n, next;
    uint32_t left; /* of the present run */
    bool inside;
} Walk;

static Walk walk(const uint32_t *runs, size_t n)
{
    return (Walk){ runs, n, 1, n ? runs[0] : 0, false };
}

static void advance(Walk *w, uint32_t by)
{
    w->left -= by;
    if (w->left == 0 && w->next < w->n) {
        w->left = w->runs[w->next++];
        w->inside = !w->inside;
    }
}

/* A list that ends before the other goes on as background; pycocotools would never return. */
static void outlast(Walk *a, Walk *b)
{
    if (a->left == 0 && a->next >= a->n) {
        a->left = b->left;
        a->inside = false;
    } else if (b->left == 0 && b->next >= b->n) {
        b->left = a->left;
        b->inside = false;
    }
}

int df_runs_merge(DfRunList *out, const DfRunList *a, const DfRunList *b, bool intersect)
{
    Walk wa = walk(a->at, a->n), wb = walk(b->at, b->n);
    uint32_t length = 0, left = 1;
    bool now = false;
    out->n = 0;
    while (left > 0) {
        const uint32_t step = wa.left < wb.left ? wa.left : wb.left;
        const bool before = now;
        length += step;
        advance(&wa, step);
        advance(&wb, step);
        left = wa.left + wb.left;
        outlast(&wa, &wb);
        now = intersect ? wa.inside && wb.inside : wa.inside || wb.inside;
        if (now == before && left > 0)
            continue;
        if (!df_runs_grow(out, out->n + 1))
            return df_fail_memory("a mask");
        out->at[out->n++] = length;
        length = 0;
    }
    return DF_OK;
}

int df_mask_merge(DfMask *out, const DfMask *masks, size_t n, bool intersect)
{
    DfRunList runs = { 0 }, next = { 0 };
    if (n == 0)
        return finish(out, &runs, DF_OK, 0, 0);
    const uint32_t height = masks[0].height, width = masks[0].width;
    for (size_t i = 1; i < n; i++)
        if (masks[i].height != height || masks[i].width != width)
            return finish(out, &runs, DF_OK, 0, 0);
    int error = df_runs_grow(&runs, masks[0].n) ? DF_OK : df_fail_memory("a mask");
    if (error == DF_OK && masks[0].n)
        memcpy(runs.at, masks[0].runs, masks[0].n * sizeof *runs.at);
    runs.n = masks[0].n;
    for (size_t i = 1; error == DF_OK && i < n; i++) {
        const DfRunList other = { masks[i].runs, masks[i].n, masks[i].n };
        error = df_runs_merge(&next, &runs, &other, intersect);
        const DfRunList swapped = runs;
        runs = next;
        next = swapped;
    }
    df_free(next.at);
    return finish(out, &runs, error, height, width);
}

void df_runs_count(const uint32_t *a, size_t n_a, const uint32_t *b, size_t n_b, uint32_t *both, uint32_t *either)
{
    Walk wa = walk(a, n_a), wb = walk(b, n_b);
    *both = *either = 0;
    for (uint32_t left = 1; left > 0; left = wa.left + wb.left) {
        outlast(&wa, &wb);
        const uint32_t step = wa.left < wb.left ? wa.left : wb.left;
        if (wa.inside || wb.inside)
            *either += step;
        if (wa.inside && wb.inside)
            *both += step;
        advance(&wa, step);
        advance(&wb, step);
    }
}

double df_box_iou(const double d[4], const double g[4], bool crowd)
{
    const double w = fmin(d[2] + d[0], g[2] + g[0]) - fmax(d[0], g[0]);
    if (w <= 0)
        return 0;
    const double h = fmin(d[3] + d[1], g[3] + g[1]) - fmax(d[1], g[1]);
    if (h <= 0)
        return 0;
    const double inter = w * h, area = d[2] * d[3];
    return inter / (crowd ? area : area + g[2] * g[3] - inter);
}

double df_mask_iou(const DfMask *dt, const DfMask *gt, bool crowd)
{
    double a[4], b[4];
    df_mask_box(dt, a);
    df_mask_box(gt, b);
    const double boxes = df_box_iou(a, b, crowd);
    if (!(boxes > 0))
        return boxes;
    if (dt->height != gt->height || dt->width != gt->width)
        return -1;
    uint32_t both, either;
    df_runs_count(dt->runs, dt->n, gt->runs, gt->n, &both, &either);
    if (both == 0)
        return 0;
    return (double)both / (double)(crowd ? df_mask_area(dt) : either);
}
