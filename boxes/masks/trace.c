/* SPDX-License-Identifier: Apache-2.0
 *
 * boxes/masks/trace.c -- polygons that follow the pixels of a mask, and joining several to one.
 *
 * A polygon follows the edges between pixels inside and outside, with the inside on its right. Where two pixels touch
 * only at a corner, it turns right, so that they stay apart.
 */
#include "boxes/masks/trace.h"

#include <string.h>

enum { RIGHT, DOWN, LEFT, UP };
static const int step_x[4] = { 1, 0, -1, 0 };
static const int step_y[4] = { 0, 1, 0, -1 };

/* The window of the mask's own box, one pixel of border around it. */
typedef struct {
    int height, width, x0, y0;
    uint8_t *inside;  /* [height][width]                                        */
    uint8_t *seen;    /* its upper edge is part of a ring                       */
    int *patch;       /* from 1 on; 0: none yet                                 */
    int *stack;
    int *last;        /* [patches]: the last pixel of each                      */
    DfArena *arena;
    DfPolygon *rings; /* of one patch                                           */
    size_t n, capacity;
} Trace;

/* ---- patches ----------------------------------------------------------------------------------------------------- */

static void spread(Trace *t, int from, int number)
{
    int n = 0;
    int last = from;
    t->patch[from] = number;
    t->stack[n++] = from;
    while (n > 0) {
        const int at = t->stack[--n];
        last = at > last ? at : last;
        const int near[4] = { at - 1, at + 1, at - t->width, at + t->width };
        for (int k = 0; k < 4; k++)
            if (t->inside[near[k]] && !t->patch[near[k]]) {
                t->patch[near[k]] = number;
                t->stack[n++] = near[k];
            }
    }
    t->last[number - 1] = last;
}

/* ---- rings ------------------------------------------------------------------------------------------------------- */

/* Is the pixel at that corner of the point (x, y) of the patch? dx, dy: 0 is to the right and below. */
static bool is_in(const Trace *t, int number, int x, int y, int dx, int dy)
{
    return t->patch[(y + dy) * t->width + x + dx] == number;
}

/* The pixel that is ahead on the right, or on the left. */
static bool ahead(const Trace *t, int number, int x, int y, int direction, bool right)
{
    static const int dx[4][2] = { { 0, 0 }, { -1, 0 }, { -1, -1 }, { 0, -1 } }; /* right, left */
    static const int dy[4][2] = { { 0, -1 }, { 0, 0 }, { -1, 0 }, { -1, -1 } };
    return is_in(t, number, x, y, dx[direction][!right], dy[direction][!right]);
}

static int turn(const Trace *t, int number, int x, int y, int direction)
{
    if (!ahead(t, number, x, y, direction, true))
        return (direction + 1) % 4;                        /* nothing there: around this pixel        */
    return ahead(t, number, x, y, direction, false) ? (direction + 3) % 4 : direction;
}

/* Counts the corners of the ring from the upper left corner of a pixel, and writes them to xy unless that is NULL. */
static size_t follow(Trace *t, int number, int x, int y, double *xy)
{
    const int from_x = x;
    const int from_y = y;
    int direction = RIGHT;
    size_t n = 0;
    do {
        if (direction == RIGHT)
            t->seen[y * t->width + x] = 1;
        x += step_x[direction];
        y += step_y[direction];
        const int next = turn(t, number, x, y, direction);
        if (next != direction) {
            if (xy) {
                xy[2 * n] = x + t->x0;
                xy[2 * n + 1] = y + t->y0;
            }
            n++;
        }
        direction = next;
    } while (x != from_x || y != from_y || direction != RIGHT);
    return n;
}

static int add_ring(Trace *t, int number, int x, int y)
{
    const size_t n = follow(t, number, x, y, NULL);
    double *xy = df_arena_alloc(t->arena, 2 * n, sizeof *xy);
    if (!xy || !df_grow((void **)&t->rings, &t->capacity, t->n, sizeof *t->rings))
        return df_fail_memory("the outline of a mask");
    follow(t, number, x, y, xy);
    t->rings[t->n++] = (DfPolygon){ n, xy };
    return DF_OK;
}

/* The first ring that is met goes around the patch, the others around its holes. */
static int trace_patch(Trace *t, int number, int from, DfPolygon *out)
{
    int error = DF_OK;
    t->n = 0;
    for (int at = from; error == DF_OK && at <= t->last[number - 1]; at++)
        if (t->patch[at] == number && t->patch[at - t->width] != number && !t->seen[at])
            error = add_ring(t, number, at % t->width, at / t->width);
    return error == DF_OK ? df_polygons_join(out, t->rings, t->n, t->arena) : error;
}

/* ---- a mask ------------------------------------------------------------------------------------------------------ */

/* What of the runs lies in the window of the box. */
static int fill(Trace *t, const DfMask *mask)
{
    uint64_t at = 0;
    const uint64_t all = (uint64_t)mask->height * mask->width;
    for (size_t i = 0; i < mask->n; i++) {
        if (mask->runs[i] > all - at)
            return df_fail(DF_EVALUE, "runs of more pixels than a mask of %u x %u has", mask->height, mask->width);
        for (uint64_t k = at; i % 2 && k < at + mask->runs[i]; k++) {
            const int x = (int)(k / mask->height) - t->x0;
            const int y = (int)(k % mask->height) - t->y0;
            t->inside[y * t->width + x] = 1;
        }
        at += mask->runs[i];
    }
    return DF_OK;
}

static int open_window(Trace *t, const DfMask *mask)
{
    double box[4];
    df_mask_box(mask, box);
    t->x0 = (int)box[0] - 1;
    t->y0 = (int)box[1] - 1;
    t->width = (int)box[2] + 2;
    t->height = (int)box[3] + 2;
    const size_t area = (size_t)t->width * (size_t)t->height;
    if (area > INT32_MAX)
        return df_fail(DF_EVALUE, "a mask of %zu pixels: want less than 2^31", area);
    t->inside = df_calloc(area, 1);
    t->seen = df_calloc(area, 1);
    t->patch = df_calloc(area, sizeof *t->patch);
    t->stack = df_malloc(area * sizeof *t->stack);
    if (!t->inside || !t->seen || !t->patch || !t->stack)
        return df_fail_memory("the outline of a mask");
    return fill(t, mask);
}

static int find_patches(Trace *t, int *n)
{
    size_t room = 0;
    *n = 0;
    for (int at = 0; at < t->height * t->width; at++)
        if (t->inside[at] && !t->patch[at]) {
            if (!df_grow((void **)&t->last, &room, (size_t)*n, sizeof *t->last))
                return df_fail_memory("the outline of a mask");
            spread(t, at, ++*n);
        }
    return DF_OK;
}

static int trace_patches(Trace *t, DfObjectMask *out)
{
    int n;
    int found = 0;
    int error = find_patches(t, &n);
    if (error < 0)
        return error;
    out->polygons = df_arena_alloc(t->arena, (size_t)n, sizeof *out->polygons);
    if (!out->polygons)
        return df_fail_memory("the outline of a mask");
    for (int at = 0; error == DF_OK && found < n; at++)
        if (t->patch[at] == found + 1) {
            error = trace_patch(t, found + 1, at, &out->polygons[found]);
            found++;
        }
    out->form = DF_MASK_POLYGONS;
    out->n_polygons = (size_t)n;
    return error;
}

int df_mask_trace(DfObjectMask *out, const DfMask *mask, DfArena *arena)
{
    Trace t = { .arena = arena };
    *out = (DfObjectMask){ 0 };
    if (df_mask_area(mask) == 0)
        return DF_OK;
    int error = open_window(&t, mask);
    if (error == DF_OK)
        error = trace_patches(&t, out);
    df_free(t.inside);
    df_free(t.seen);
    df_free(t.patch);
    df_free(t.stack);
    df_free(t.last);
    df_free(t.rings);
    return error;
}

/* ---- joined ------------------------------------------------------------------------------------------------------ */

/* P.. p0 Q.. q0 p0 R.. r0: each ring is closed, and p0 stands between. The way there is the way back. */
int df_polygons_join(DfPolygon *out, const DfPolygon *polygons, size_t n, DfArena *arena)
{
    size_t points = 0;
    if (n == 1) {
        *out = polygons[0];
        return DF_OK;
    }
    for (size_t i = 0; i < n; i++)
        points += polygons[i].n + 2;
    double *xy = df_arena_alloc(arena, 2 * points, sizeof *xy);
    if (!xy)
        return df_fail_memory("the outline of a mask");
    double *to = xy;
    for (size_t i = 0; i < n; i++) {
        const DfPolygon *p = &polygons[i];
        if (p->n == 0)
            continue;
        memcpy(to, p->xy, 2 * p->n * sizeof *to);
        memcpy(to + 2 * p->n, p->xy, 2 * sizeof *to);
        to += 2 * p->n + 2;
        if (i == 0 || i + 1 == n)
            continue;
        memcpy(to, polygons[0].xy, 2 * sizeof *to);
        to += 2;
    }
    *out = (DfPolygon){ (size_t)(to - xy) / 2, xy };
    return DF_OK;
}

static bool same_point(const double *a, const double *b)
{
    return a[0] == b[0] && a[1] == b[1];
}

/* Where the ring that begins at `from` is closed; n: nowhere. */
static size_t closed_at(const DfPolygon *p, size_t from)
{
    size_t i = from + 1;
    while (i < p->n && !same_point(p->xy + 2 * i, p->xy + 2 * from))
        i++;
    return i;
}

/* Takes it apart into parts[], which may be NULL; 0 if it is not of that form. */
static size_t part(const DfPolygon *p, DfPolygon *parts)
{
    size_t n = 0;
    for (size_t at = 0; at < p->n;) {
        const size_t end = closed_at(p, at);
        if (end >= p->n || end - at < 3)
            return 0;
        if (parts)
            parts[n] = (DfPolygon){ end - at, p->xy + 2 * at };
        n++;
        at = end + 1;
        if (n == 1 || at == p->n)
            continue;
        if (!same_point(p->xy + 2 * at, p->xy))
            return 0;
        at++;
    }
    return n;
}

/* Is the middle of the ring's first edge within `around`? Edges of holes are nobody else's, so it lies on no other. */
static bool is_within(const DfPolygon *ring, const DfPolygon *around)
{
    const double x = (ring->xy[0] + ring->xy[2]) / 2;
    const double y = (ring->xy[1] + ring->xy[3]) / 2;
    bool inside = false;
    for (size_t i = 0, k = around->n - 1; i < around->n; k = i++) {
        const double *a = around->xy + 2 * i;
        const double *b = around->xy + 2 * k;
        if ((a[1] > y) != (b[1] > y) && x < (b[0] - a[0]) * (y - a[1]) / (b[1] - a[1]) + a[0])
            inside = !inside;
    }
    return inside;
}

/* How many rings are around ring i. */
static size_t depth_of(const DfPolygon *rings, size_t n, size_t i)
{
    size_t depth = 0;
    for (size_t k = 0; k < n; k++)
        depth += k != i && is_within(&rings[i], &rings[k]);
    return depth;
}

/* Positive if the ring goes one way round, negative if the other. */
static double turning(const DfPolygon *p)
{
    double sum = 0;
    for (size_t i = 0, k = p->n - 1; i < p->n; k = i++)
        sum += p->xy[2 * k] * p->xy[2 * i + 1] - p->xy[2 * i] * p->xy[2 * k + 1];
    return sum;
}

/* A ring that lies in one other is a hole; one that lies in two is a part again, an island in the hole. A hole comes
 * behind the ring that it lies in, and goes the other way round. owner[i]: that ring, else i. */
static void find_holes(const DfPolygon *rings, size_t n, size_t *owner)
{
    for (size_t i = 0; i < n; i++) {
        const size_t depth = depth_of(rings, n, i);
        owner[i] = i;
        for (size_t k = 0; k < i && depth % 2 && owner[i] == i; k++)
            if (owner[k] == k && is_within(&rings[i], &rings[k]) && turning(&rings[i]) * turning(&rings[k]) < 0 &&
                depth_of(rings, n, k) + 1 == depth)
                owner[i] = k;
    }
}

static int join_holes(DfPolygon *rings, size_t *n, const size_t *owner, DfPolygon *group, DfArena *arena)
{
    size_t parts = 0;
    for (size_t i = 0; i < *n; i++) {
        size_t members = 0;
        for (size_t k = i; k < *n && owner[i] == i; k++)
            if (owner[k] == i)
                group[members++] = rings[k];
        const int error = members ? df_polygons_join(&rings[parts], group, members, arena) : DF_OK;
        if (error < 0)
            return error;
        parts += members > 0;
    }
    *n = parts;
    return DF_OK;
}

int df_polygons_part(DfPolygon **out, size_t *n, const DfPolygon *joined, DfArena *arena)
{
    const size_t parts = part(joined, NULL);
    *n = parts > 1 ? parts : 1;
    *out = df_arena_alloc(arena, *n, sizeof **out);
    if (!*out)
        return df_fail_memory("the outline of a mask");
    **out = *joined;
    if (parts <= 1)
        return DF_OK;
    size_t *owner = df_malloc(parts * sizeof *owner);
    DfPolygon *group = df_malloc(parts * sizeof *group);
    int error = owner && group ? DF_OK : df_fail_memory("the outline of a mask");
    if (error == DF_OK) {
        part(joined, *out);
        find_holes(*out, parts, owner);
        error = join_holes(*out, n, owner, group, arena);
    }
    df_free(owner);
    df_free(group);
    return error;
}
