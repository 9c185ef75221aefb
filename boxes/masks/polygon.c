/* SPDX-License-Identifier: Apache-2.0
 *
 * boxes/masks/polygon.c -- converts polygons to run lengths, with the pixels of pycocotools.
 *
 * There, vertices are rounded to a grid five times as fine, and every edge is drawn on it point by point. Each time
 * the line steps from column 5x+2 to 5x+3 of the grid, pixel column x is crossed at the upper of the two points. Other
 * points have no effect, so here only the two at each crossing are computed, with the same arithmetic. The sorted
 * crossings of a column are the starts and ends of its runs; two at the same place cancel.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "boxes/masks/runs.h"

enum { FINE = 5, MIDDLE = 2, SHORT_LIST = 32 };
static const double farthest = 1 << 30; /* on the fine grid */

void df_polygon_room_done(DfPolygonRoom *room)
{
    df_free(room->vertices.at);
    df_free(room->edges);
    df_free(room->columns.at);
    df_free(room->rows.at);
    df_free(room->one.at);
    df_free(room->both.at);
}

static int to_fine_grid(DfPolygonRoom *room, const double *xy, size_t n_points)
{
    if (n_points > SIZE_MAX / 8 || !df_runs_grow(&room->vertices, 2 * n_points + 2))
        return df_fail_memory("a polygon");
    for (size_t i = 0; i < 2 * n_points; i++) {
        const double fine = FINE * xy[i] + 0.5;
        if (!(fine > -farthest && fine < farthest))
            return df_fail(DF_EFORMAT, "a polygon has the coordinate %g, want one between -2e8 and 2e8", xy[i]);
        room->vertices.at[i] = (uint32_t)(int32_t)fine;
    }
    for (size_t i = 0; i < 2; i++)
        room->vertices.at[2 * n_points + i] = room->vertices.at[i];
    return DF_OK;
}

static DfPolygonEdge edge_between(const uint32_t *from, const uint32_t *to)
{
    DfPolygonEdge e = { .x0 = (int32_t)from[0], .y0 = (int32_t)from[1], .x1 = (int32_t)to[0], .y1 = (int32_t)to[1] };
    const int32_t dx = abs(e.x1 - e.x0), dy = abs(e.y1 - e.y0);
    e.flat = dx >= dy;
    if (e.flat ? e.x0 > e.x1 : e.y0 > e.y1)
        e = (DfPolygonEdge){ .x0 = e.x1, .y0 = e.y1, .x1 = e.x0, .y1 = e.y0, .flat = e.flat };
    e.slope = e.flat ? (double)(e.y1 - e.y0) / dx : (double)(e.x1 - e.x0) / dy;
    e.steps = 1 / e.slope;
    return e;
}

/* Column of the point `t` steps down a steep edge. */
static inline int32_t column_at(const DfPolygonEdge *e, int32_t t)
{
    return (int32_t)(e->x0 + e->slope * t + 0.5);
}

/* Row on the fine grid where the edge steps between its columns c and c + 1. */
static inline int32_t row_at(const DfPolygonEdge *e, int32_t c)
{
    if (e->flat) { /* the upper of the points at t and t + 1: rounding keeps their order */
        const int32_t t = c - e->x0 + (e->slope < 0);
        return (int32_t)(e->y0 + e->slope * t + 0.5);
    }
    /* the last t on the near side of the step; the guess is off by one at most, but for numbers near a half */
    const bool right = e->slope > 0;
    int32_t t = (int32_t)((c + 0.5 - e->x0) * e->steps);
    while ((column_at(e, t) <= c) != right)
        t--;
    while ((column_at(e, t + 1) <= c) == right)
        t++;
    return e->y0 + t;
}

/* First and last pixel columns between fine columns left and right; none: first > last. */
static void columns_of(int32_t left, int32_t right, uint32_t width, int32_t *first, int32_t *last)
{
    *first = left <= MIDDLE ? 0 : (left - MIDDLE + FINE - 1) / FINE;
    *last = right <= MIDDLE ? -1 : (right - 1 - MIDDLE) / FINE;
    if (*last > (int32_t)width - 1)
        *last = (int32_t)width - 1;
}

/* The edges that cross the middle of a column in the picture. */
static int find_edges(DfPolygonRoom *room, size_t n_points, uint32_t width)
{
    room->n_edges = 0;
    for (size_t i = 0; i < n_points; i++) {
        const uint32_t *const from = room->vertices.at + 2 * i, *const to = from + 2;
        const int32_t a = (int32_t)from[0], b = (int32_t)to[0];
        int32_t first, last;
        columns_of(a < b ? a : b, a < b ? b : a, width, &first, &last);
        if (first > last)
            continue;
        if (!df_grow((void **)&room->edges, &room->capacity, room->n_edges, sizeof *room->edges))
            return df_fail_memory("a polygon");
        DfPolygonEdge *const e = &room->edges[room->n_edges++];
        *e = edge_between(from, to);
        e->first = (uint32_t)first;
        e->last = (uint32_t)last;
    }
    return DF_OK;
}

/* Makes room for the crossings of each column from `left` on: columns.at becomes where those of each begin. */
static int make_columns(DfPolygonRoom *room, uint32_t *left, size_t *n_columns)
{
    uint32_t right = 0;
    *left = UINT32_MAX;
    for (size_t i = 0; i < room->n_edges; i++) {
        *left = room->edges[i].first < *left ? room->edges[i].first : *left;
        right = room->edges[i].last > right ? room->edges[i].last : right;
    }
    *n_columns = room->n_edges ? (size_t)(right - *left) + 1 : 0;
    if (!df_runs_grow(&room->columns, *n_columns + 2))
        return df_fail_memory("a polygon");
    uint32_t *const columns = room->columns.at, crossed = 0;
    uint64_t begin = 0;
    memset(columns, 0, (*n_columns + 2) * sizeof *columns);
    for (size_t i = 0; i < room->n_edges; i++) { /* how many more than the column before, modulo 2^32 */
        columns[room->edges[i].first - *left]++;
        columns[room->edges[i].last - *left + 1]--;
    }
    for (size_t i = 0; i <= *n_columns; i++) {
        crossed += columns[i];
        columns[i] = (uint32_t)begin;
        begin += crossed;
    }
    return begin < UINT32_MAX && df_runs_grow(&room->rows, (size_t)begin + 1) ? DF_OK : df_fail_memory("a polygon");
}

/* Puts the rows of the crossings into their columns; the start of each column moves to its end. */
static void cross(const DfPolygonRoom *room, uint32_t left, uint32_t height)
{
    uint32_t *const rows = room->rows.at, *const columns = room->columns.at;
    for (size_t i = 0; i < room->n_edges; i++) {
        const DfPolygonEdge *const e = &room->edges[i];
        for (uint32_t x = e->first; x <= e->last; x++) {
            const int32_t fine = row_at(e, FINE * (int32_t)x + MIDDLE);
            const uint32_t row = fine <= MIDDLE ? 0 : (uint32_t)(fine + MIDDLE) / FINE; /* ceil((fine + .5) / 5 - .5) */
            rows[columns[x - left]++] = row < height ? row : height;
        }
    }
}

static int by_row(const void *a, const void *b)
{
    const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static void sort_rows(uint32_t *rows, size_t n)
{
    if (n > SHORT_LIST) {
        qsort(rows, n, sizeof *rows, by_row);
        return;
    }
    for (size_t i = 1; i < n; i++) {
        const uint32_t row = rows[i];
        size_t j = i;
        for (; j > 0 && rows[j - 1] > row; j--)
            rows[j] = rows[j - 1];
        rows[j] = row;
    }
}

/* Runs that are being written: of `n`, the last one ends at `before`. What they cover is noted while every column is
 * entered as often as it is left. */
typedef struct {
    uint32_t *runs;
    size_t n;
    uint32_t before, area, left, right, top, bottom;
    bool even;
} Writer;

/* The next crossing; two in one place cancel, and the last run is open again. */
static inline void turn(Writer *w, uint32_t at)
{
    if (w->n > 0 && at == w->before) {
        w->before -= w->runs[--w->n];
        return;
    }
    w->runs[w->n++] = at - w->before;
    w->before = at;
}

/* Foreground in one column, from row `a` to before row `b`. */
static inline void cover(Writer *w, uint32_t column, uint32_t start, uint32_t a, uint32_t b)
{
    if (a == b)
        return;
    w->left = column < w->left ? column : w->left;
    w->right = column;
    w->top = a < w->top ? a : w->top;
    w->bottom = b > w->bottom ? b : w->bottom;
    w->area += b - a;
    if (w->n > 0 && start + a == w->before) {
        w->runs[w->n - 1] += b - a;
    } else {
        w->runs[w->n] = start + a - w->before;
        w->runs[w->n + 1] = b - a;
        w->n += 2;
    }
    w->before = start + b;
}

static void write_column(Writer *w, uint32_t column, uint32_t start, uint32_t *rows, size_t n)
{
    if (n == 2 && w->even) {
        cover(w, column, start, rows[0] < rows[1] ? rows[0] : rows[1], rows[0] < rows[1] ? rows[1] : rows[0]);
        return;
    }
    sort_rows(rows, n);
    w->even &= n % 2 == 0;
    for (size_t i = 0; w->even && i < n; i += 2)
        cover(w, column, start, rows[i], rows[i + 1]);
    for (size_t i = 0; !w->even && i < n; i++)
        turn(w, start + rows[i]);
}

int df_runs_from_polygon(DfRunList *out, DfRunFacts *facts, DfPolygonRoom *room, const double *xy, size_t n_points,
                         uint32_t height, uint32_t width)
{
    if (width > 1 << 30 || height > 1 << 30 || (uint64_t)height * width > INT32_MAX)
        return df_fail(DF_EVALUE, "a polygon in a picture of %u x %u pixels: want less than 2^31", (unsigned)height,
                       (unsigned)width);
    uint32_t left;
    size_t n_columns;
    int error = to_fine_grid(room, xy, n_points);
    if (error < 0 || (error = find_edges(room, n_points, width)) < 0 ||
        (error = make_columns(room, &left, &n_columns)) < 0)
        return error;
    cross(room, left, height);
    const uint32_t *const ends = room->columns.at;
    if (!df_runs_grow(out, n_columns ? (size_t)ends[n_columns - 1] + 1 : 1))
        return df_fail_memory("a polygon");
    Writer w = { .runs = out->at, .left = width, .top = height, .even = true };
    for (uint32_t column = 0, i = 0; column < n_columns; i = ends[column++])
        write_column(&w, left + column, (left + column) * height, room->rows.at + i, ends[column] - i);
    if (w.n > 0 && w.before == height * width)
        w.before -= w.runs[--w.n];
    w.runs[w.n++] = height * width - w.before;
    out->n = w.n;
    *facts = (DfRunFacts){ .area = w.area, .plain = true };
    if (!w.even)
        *facts = df_runs_facts(out->at, out->n, height, width);
    else if (w.area > 0)
        memcpy(facts->box, (uint32_t[4]){ w.left, w.top, w.right - w.left + 1, w.bottom - w.top }, sizeof facts->box);
    return DF_OK;
}
