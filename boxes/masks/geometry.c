/* SPDX-License-Identifier: Apache-2.0
 *
 * boxes/masks/geometry.c -- transforms the mask of an object together with the picture: mirrors, resizes and crops it.
 * mmdet's PolygonMasks and BitmapMasks (mmdet/structures/mask/structures.py), except that bitmaps are run lengths
 * here.
 */
#include <math.h>
#include <string.h>

#include "boxes/masks/object_mask.h"
#include "boxes/masks/runs.h"

/* ---- runs -------------------------------------------------------------------------------------------------------- */

/* Tables of a remap; zeros to begin with. */
typedef struct {
    uint32_t *column, *row;
} Tables;

static bool tables_init(Tables *t, uint32_t source_height, uint32_t width)
{
    t->column = df_malloc(((size_t)width + 1) * sizeof *t->column);
    t->row = df_malloc(((size_t)source_height + 1) * sizeof *t->row);
    return t->column && t->row;
}

static void tables_done(Tables *t)
{
    df_free(t->column);
    df_free(t->row);
}

static int check_size(const DfMask *runs, uint32_t height, uint32_t width)
{
    if (runs->height == height && runs->width == width)
        return DF_OK;
    return df_fail(DF_EVALUE, "a mask of %u x %u in a picture of %u x %u (height x width)", (unsigned)runs->height,
                   (unsigned)runs->width, (unsigned)height, (unsigned)width);
}

static int remapped(DfObjectMask *out, const DfObjectMask *mask, DfArena *arena, const DfRemap *map)
{
    const DfMask *from = &mask->runs;
    DfRunList list = { 0 };
    int error = df_runs_remap(&list, from->runs, from->n, from->height, from->width, map);
    if (error == DF_OK) {
        const DfMask runs = { map->height, map->width, list.n, list.at };
        error = df_object_mask_copy(out, &(DfObjectMask){ .form = DF_MASK_RUNS, .runs = runs }, arena);
    }
    df_free(list.at);
    return error;
}

static int flip_runs(DfObjectMask *out, const DfObjectMask *mask, DfArena *arena, bool left_right, bool up_down)
{
    const uint32_t height = mask->runs.height;
    const uint32_t width = mask->runs.width;
    Tables t = { 0 };
    const bool room = tables_init(&t, height, width);
    for (uint32_t x = 0; room && x < width; x++)
        t.column[x] = left_right ? width - 1 - x : x;
    for (uint32_t y = 0; room && y <= height; y++)
        t.row[y] = y;
    const DfRemap map = { height, width, t.column, t.row, up_down };
    const int error = room ? remapped(out, mask, arena, &map) : df_fail_memory("a mask");
    tables_done(&t);
    return error;
}

/* cv2.INTER_NEAREST: which of n pixels is number `to` of those that they become; by the numbers of OpenCV, a factor
 * that is the inverse of an inverse. */
static uint32_t nearest(uint32_t to, double factor, uint32_t n)
{
    const double at = floor(to * factor);
    return at < n ? (uint32_t)at : n - 1;
}

static void fill_resize(Tables *t, const uint32_t from[2], const uint32_t to[2])
{
    const double down = 1 / ((double)to[0] / from[0]);
    const double across = 1 / ((double)to[1] / from[1]);
    for (uint32_t x = 0; x < to[1]; x++)
        t->column[x] = from[1] ? nearest(x, across, from[1]) : UINT32_MAX;
    uint32_t y = 0;
    for (uint32_t source = 0; source <= from[0]; source++) {
        while (y < to[0] && source > 0 && nearest(y, down, from[0]) < source)
            y++;
        t->row[source] = y;
    }
}

static int resize_runs(DfObjectMask *out, const DfObjectMask *mask, DfArena *arena, const uint32_t from[2],
                       const uint32_t to[2])
{
    Tables t = { 0 };
    const bool room = tables_init(&t, from[0], to[1]);
    if (room)
        fill_resize(&t, from, to);
    const DfRemap map = { to[0], to[1], t.column, t.row, false };
    const int error = room ? remapped(out, mask, arena, &map) : df_fail_memory("a mask");
    tables_done(&t);
    return error;
}

static int window_runs(DfObjectMask *out, const DfObjectMask *mask, DfArena *arena, int left, int top, uint32_t height,
                       uint32_t width)
{
    const DfMask *from = &mask->runs;
    Tables t = { 0 };
    const bool room = tables_init(&t, from->height, width);
    for (uint32_t x = 0; room && x < width; x++) {
        const int64_t source = (int64_t)x + left;
        t.column[x] = source >= 0 && source < from->width ? (uint32_t)source : UINT32_MAX;
    }
    for (uint32_t y = 0; room && y <= from->height; y++)
        t.row[y] = (uint32_t)df_clamp_i64((int64_t)y - top, 0, height);
    const DfRemap map = { height, width, t.column, t.row, false };
    const int error = room ? remapped(out, mask, arena, &map) : df_fail_memory("a mask");
    tables_done(&t);
    return error;
}

/* ---- polygons ---------------------------------------------------------------------------------------------------- */

/* Every point p becomes scale * p + shift, along each axis. */
static int move_polygons(DfObjectMask *out, const DfObjectMask *mask, DfArena *arena, const double scale[2],
                         const double shift[2])
{
    const int error = df_object_mask_copy(out, mask, arena);
    for (size_t i = 0; error == DF_OK && i < out->n_polygons; i++) {
        const DfPolygon *polygon = &out->polygons[i];
        for (size_t k = 0; k < 2 * polygon->n; k++)
            polygon->xy[k] = polygon->xy[k] * scale[k % 2] + shift[k % 2];
    }
    return error;
}

/* One side of a window: what is on the far side of `limit` along `axis` goes. */
typedef struct {
    int axis;
    double limit, sign; /* sign: 1 keeps what is above the limit, -1 what is below */
} Side;

static bool inside(const Side *side, const double *p)
{
    return side->sign * (p[side->axis] - side->limit) >= 0;
}

/* Where the line from a to b meets the side. */
static void meet(const Side *side, const double *a, const double *b, double *out)
{
    const int along = side->axis;
    const int other = 1 - along;
    const double t = (side->limit - a[along]) / (b[along] - a[along]);
    out[along] = side->limit;
    out[other] = a[other] + t * (b[other] - a[other]);
}

/* Sutherland and Hodgman, Reentrant polygon clipping, CACM 1974: a polygon is cut at one side after the other. Where it
 * falls apart the pieces stay joined along the side, back and forth: nothing is between, so no pixel is drawn there.
 * out[2n] points; returns how many. */
static size_t cut(const Side *side, size_t n, const double *xy, double *out)
{
    size_t m = 0;
    for (size_t i = 0; i < n; i++) {
        const double *const p = xy + 2 * i;
        const double *const next = xy + 2 * ((i + 1) % n);
        if (inside(side, p))
            memcpy(out + 2 * m++, p, 2 * sizeof *out);
        if (inside(side, p) != inside(side, next))
            meet(side, p, next, out + 2 * m++);
    }
    return m;
}

/* A polygon of n points grows by half at each of four sides, at most. */
static int cut_polygon(DfPolygon *out, const DfPolygon *polygon, DfArena *arena, const Side sides[4])
{
    const size_t n = polygon->n;
    const size_t room = n < SIZE_MAX / 256 ? 12 * n + 1 : SIZE_MAX / 32;
    double *at = df_malloc(2 * room * sizeof *at);
    double *next = df_malloc(2 * room * sizeof *next);
    bool enough = at && next;
    *out = (DfPolygon){ .n = n };
    if (enough)
        memcpy(at, polygon->xy, 2 * n * sizeof *at);
    for (int i = 0; enough && i < 4; i++) {
        out->n = cut(&sides[i], out->n, at, next);
        double *const swapped = at;
        at = next;
        next = swapped;
    }
    out->n = out->n < 3 ? 0 : out->n;
    if (enough && out->n) {
        out->xy = df_arena_alloc(arena, 2 * out->n, sizeof *out->xy);
        enough = out->xy != NULL;
    }
    if (out->xy)
        memcpy(out->xy, at, 2 * out->n * sizeof *at);
    df_free(at);
    df_free(next);
    return enough ? DF_OK : df_fail_memory("a polygon");
}

/* mmdet's placeholder, so that the object keeps a mask: three points at the corner. */
static int keep_a_point(DfObjectMask *out, DfArena *arena)
{
    out->n_polygons = 1;
    out->polygons[0] = (DfPolygon){ .n = 3, .xy = df_arena_alloc(arena, 6, sizeof(double)) };
    return out->polygons[0].xy ? DF_OK : df_fail_memory("a polygon");
}

static int window_polygons(DfObjectMask *out, const DfObjectMask *mask, DfArena *arena, int left, int top,
                           uint32_t height, uint32_t width)
{
    const Side sides[4] = { { 0, 0, 1 }, { 0, width, -1 }, { 1, 0, 1 }, { 1, height, -1 } };
    DfObjectMask moved;
    const double shift[2] = { -(double)left, -(double)top };
    int error = move_polygons(&moved, mask, arena, (double[2]){ 1, 1 }, shift);
    size_t n = 0;
    for (size_t i = 0; error == DF_OK && i < moved.n_polygons; i++) {
        DfPolygon kept;
        error = cut_polygon(&kept, &moved.polygons[i], arena, sides);
        if (kept.n)
            moved.polygons[n++] = kept;
    }
    const bool had = moved.n_polygons > 0;
    moved.n_polygons = n;
    *out = moved;
    return error == DF_OK && had && n == 0 ? keep_a_point(out, arena) : error;
}

/* ---- both -------------------------------------------------------------------------------------------------------- */

int df_object_mask_flip(DfObjectMask *out, const DfObjectMask *mask, DfArena *arena, uint32_t height, uint32_t width,
                        bool left_right, bool up_down)
{
    const double scale[2] = { left_right ? -1 : 1, up_down ? -1 : 1 };
    const double shift[2] = { left_right ? width : 0, up_down ? height : 0 };
    if (mask->form != DF_MASK_RUNS)
        return move_polygons(out, mask, arena, scale, shift);
    const int error = check_size(&mask->runs, height, width);
    return error < 0 ? error : flip_runs(out, mask, arena, left_right, up_down);
}

int df_object_mask_resize(DfObjectMask *out, const DfObjectMask *mask, DfArena *arena, const uint32_t from[2],
                          const uint32_t to[2])
{
    const double scale[2] = { (double)to[1] / from[1], (double)to[0] / from[0] };
    if (mask->form != DF_MASK_RUNS)
        return move_polygons(out, mask, arena, scale, (double[2]){ 0, 0 });
    const int error = check_size(&mask->runs, from[0], from[1]);
    return error < 0 ? error : resize_runs(out, mask, arena, from, to);
}

int df_object_mask_window(DfObjectMask *out, const DfObjectMask *mask, DfArena *arena, int x, int y, uint32_t height,
                          uint32_t width)
{
    if (mask->form == DF_MASK_RUNS)
        return window_runs(out, mask, arena, x, y, height, width);
    return window_polygons(out, mask, arena, x, y, height, width);
}

static void include_polygon(const DfPolygon *polygon, float box[4])
{
    for (size_t i = 0; i < polygon->n; i++)
        for (int k = 0; k < 2; k++) {
            const float at = (float)polygon->xy[2 * i + (size_t)k];
            box[k] = at < box[k] ? at : box[k];
            box[2 + k] = at > box[2 + k] ? at : box[2 + k];
        }
}

void df_object_mask_box(const DfObjectMask *mask, float box[4])
{
    memset(box, 0, 4 * sizeof *box);
    if (mask->form == DF_MASK_RUNS) {
        double b[4];
        df_mask_box(&mask->runs, b);
        const double corners[4] = { b[0], b[1], b[0] + b[2], b[1] + b[3] };
        for (int k = 0; df_mask_area(&mask->runs) > 0 && k < 4; k++)
            box[k] = (float)corners[k];
        return;
    }
    size_t points = 0;
    for (size_t i = 0; i < mask->n_polygons; i++)
        points += mask->polygons[i].n;
    box[0] = box[1] = points ? INFINITY : 0;
    for (size_t i = 0; i < mask->n_polygons; i++)
        include_polygon(&mask->polygons[i], box);
}
