/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/masks/mask_polygon.c -- polygons to runs, the pixels of pycocotools.
 *
 * There, vertices go to a grid five times as fine, every edge is drawn on it point by point, and each time the line steps from
 * column 5x+2 to 5x+3 of the grid, the pixel column x is crossed at the upper of the two points. Points between are of no use, so
 * here the two at each crossing are computed alone, by the same arithmetic. The crossings of a column, sorted, are where its runs
 * begin and end; two in one place cancel.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "eval/masks/mask_runs.h"

enum { FINE = 5, MIDDLE = 2, SHORT_LIST = 32 };
static const double farthest = 1 << 30; /* on the fine grid */

void df_polygon_room_done(PolygonRoom *room)
{
    df_free(room->vertices.at);
    df_free(room->crossings.at);
    df_free(room->columns.at);
    df_free(room->rows.at);
    df_free(room->one.at);
    df_free(room->both.at);
}

static int to_fine_grid(PolygonRoom *room, const double *xy, size_t n_points)
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

/* An edge on the fine grid, its longer axis ascending. */
typedef struct {
    int32_t x0, y0, x1, y1;
    bool flat; /* wider than high, or as wide */
    double slope;
} Edge;

static Edge edge_between(const uint32_t *from, const uint32_t *to)
{
    Edge e = { (int32_t)from[0], (int32_t)from[1], (int32_t)to[0], (int32_t)to[1], false, 0 };
    const int32_t dx = abs(e.x1 - e.x0), dy = abs(e.y1 - e.y0);
    e.flat = dx >= dy;
    if (e.flat ? e.x0 > e.x1 : e.y0 > e.y1)
        e = (Edge){ e.x1, e.y1, e.x0, e.y0, e.flat, 0 };
    if (dx)
        e.slope = e.flat ? (double)(e.y1 - e.y0) / dx : (double)(e.x1 - e.x0) / dy;
    return e;
}

/* Column of the point `t` steps down a steep edge. */
static inline int32_t column_at(const Edge *e, int32_t t)
{
    return (int32_t)(e->x0 + e->slope * t + 0.5);
}

/* Row on the fine grid where the edge steps between its columns c and c + 1. */
static inline int32_t row_at(const Edge *e, int32_t c)
{
    if (e->flat) {
        const int32_t t = c - e->x0;
        const int32_t a = (int32_t)(e->y0 + e->slope * t + 0.5), b = (int32_t)(e->y0 + e->slope * (t + 1) + 0.5);
        return a < b ? a : b;
    }
    /* the last t on the near side of the step; the guess is off by one at most, but for numbers near a half */
    const bool right = e->slope > 0;
    int32_t t = (int32_t)((c + 0.5 - e->x0) / e->slope);
    while ((column_at(e, t) <= c) != right)
        t--;
    while ((column_at(e, t + 1) <= c) == right)
        t++;
    return e->y0 + t;
}

/* First and last pixel columns that the edge crosses in the picture; none: first > last. */
static void columns_of(const Edge *e, uint32_t width, int32_t *first, int32_t *last)
{
    const int32_t left = e->x0 < e->x1 ? e->x0 : e->x1, right = e->x0 < e->x1 ? e->x1 : e->x0;
    *first = left <= MIDDLE ? 0 : (left - MIDDLE + FINE - 1) / FINE;
    *last = right <= MIDDLE ? -1 : (right - 1 - MIDDLE) / FINE;
    if (*last > (int32_t)width - 1)
        *last = (int32_t)width - 1;
}

static int cross(PolygonRoom *room, size_t n_points, uint32_t height, uint32_t width)
{
    Runs *const c = &room->crossings;
    c->n = 0;
    for (size_t i = 0; i < n_points; i++) {
        const Edge e = edge_between(room->vertices.at + 2 * i, room->vertices.at + 2 * i + 2);
        int32_t x, last;
        columns_of(&e, width, &x, &last);
        if (x > last)
            continue;
        if (!df_runs_grow(c, c->n + 2 * ((size_t)(last - x) + 1)))
            return df_fail_memory("a polygon");
        for (; x <= last; x++) {
            const int32_t fine = row_at(&e, FINE * x + MIDDLE);
            const uint32_t row = fine <= MIDDLE ? 0 : (uint32_t)(fine + MIDDLE) / FINE; /* ceil((fine + .5) / 5 - .5) */
            c->at[c->n++] = (uint32_t)x;
            c->at[c->n++] = row < height ? row : height;
        }
    }
    return DF_OK;
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

/* Puts the crossings in order: rows.at holds the rows of each column from `left` on, columns.at where each column's end. */
static int sort_crossings(PolygonRoom *room, uint32_t *left, size_t *n_columns)
{
    const uint32_t *const c = room->crossings.at;
    const size_t n = room->crossings.n / 2;
    uint32_t right = 0;
    *left = UINT32_MAX;
    for (size_t i = 0; i < n; i++) {
        *left = c[2 * i] < *left ? c[2 * i] : *left;
        right = c[2 * i] > right ? c[2 * i] : right;
    }
    *n_columns = n ? (size_t)(right - *left) + 1 : 0;
    if (!df_runs_grow(&room->columns, *n_columns + 1) || !df_runs_grow(&room->rows, n + 1))
        return df_fail_memory("a polygon");
    uint32_t *const end = room->columns.at;
    memset(end, 0, (*n_columns + 1) * sizeof *end);
    for (size_t i = 0; i < n; i++)
        end[c[2 * i] - *left + 1]++;
    for (size_t i = 0; i < *n_columns; i++)
        end[i + 1] += end[i];
    for (size_t i = 0; i < n; i++) /* the start of each column moves to its end */
        room->rows.at[end[c[2 * i] - *left]++] = c[2 * i + 1];
    for (size_t i = 0, start = 0; i < *n_columns; start = end[i++])
        sort_rows(room->rows.at + start, end[i] - start);
    return DF_OK;
}

int df_runs_from_polygon(Runs *out, PolygonRoom *room, const double *xy, size_t n_points, uint32_t height, uint32_t width)
{
    if (width > 1 << 30 || height > 1 << 30 || (uint64_t)height * width > INT32_MAX)
        return df_fail(DF_EVALUE, "a polygon in a picture of %u x %u pixels: want less than 2^31", (unsigned)height, (unsigned)width);
    uint32_t left;
    size_t n_columns;
    int error = to_fine_grid(room, xy, n_points);
    if (error < 0 || (error = cross(room, n_points, height, width)) < 0 || (error = sort_crossings(room, &left, &n_columns)) < 0)
        return error;
    if (!df_runs_grow(out, room->crossings.n / 2 + 1))
        return df_fail_memory("a polygon");
    uint32_t before = 0, *const runs = out->at;
    size_t n = 0;
    const uint32_t *row = room->rows.at;
    const uint32_t *const last = row + room->crossings.n / 2;
    size_t column = 0;
    while (row < last) {
        while ((size_t)(row - room->rows.at) >= room->columns.at[column])
            column++;
        const uint32_t at = (left + (uint32_t)column) * height + *row++;
        if (n > 0 && at == before) { /* cancels the one before; the last run is open again */
            before -= runs[--n];
            continue;
        }
        runs[n++] = at - before;
        before = at;
    }
    if (n > 0 && before == height * width)
        before -= runs[--n];
    runs[n++] = height * width - before;
    out->n = n;
    return DF_OK;
}
