/* SPDX-License-Identifier: Apache-2.0
 *
 * boxes/masks/runs.c -- lists of run lengths: their area, union and intersection.
 *
 * Counts are unsigned 32-bit numbers that wrap around, and a walk through a list ends where pycocotools' does, even
 * for run lengths that are not a valid mask.
 */
#include "boxes/masks/runs.h"

bool df_runs_grow(DfRunList *r, size_t n)
{
    return n == 0 || df_grow((void **)&r->at, &r->capacity, n - 1, sizeof *r->at);
}

/* ---- area and box ------------------------------------------------------------------------------------------------ */

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
    const uint32_t end = start + run - 1;
    const uint32_t bottom = row + run - 1;
    const bool whole = run > c->height - row || end < start; /* the run goes on in another column */
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
        const uint32_t start = at + runs[i];
        const uint32_t run = runs[i + 1];
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

/* ---- two lists --------------------------------------------------------------------------------------------------- */

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
    Walk wa = walk(a->at, a->n);
    Walk wb = walk(b->at, b->n);
    uint32_t length = 0;
    uint32_t left = 1;
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

void df_runs_count(const uint32_t *a, size_t n_a, const uint32_t *b, size_t n_b, uint32_t *both, uint32_t *either)
{
    Walk wa = walk(a, n_a);
    Walk wb = walk(b, n_b);
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
