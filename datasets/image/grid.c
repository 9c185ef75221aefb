/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/image/grid.c -- crops, pads, mirrors and repeats grids of cells.
 */
#include "datasets/image/grid.h"

#include <math.h>
#include <string.h>

static size_t row_bytes(const DfGrid *grid)
{
    return (size_t)grid->width * grid->cell;
}

static unsigned char *row_of(const DfGrid *grid, int y)
{
    return grid->at + (size_t)y * row_bytes(grid);
}

int df_grid_new(DfGrid *out, int height, int width, size_t cell)
{
    *out = (DfGrid){ 0 };
    if (height < 1 || width < 1)
        return df_fail(DF_EVALUE, "a picture of %d x %d pixels: want at least one pixel", height, width);
    const int error = df_image_check_size((uint64_t)height, (uint64_t)width, 0);
    if (error < 0)
        return error;
    DfGrid grid = { .height = height, .width = width, .cell = cell };
    if (!(grid.at = df_malloc((size_t)height * row_bytes(&grid))))
        return df_fail_memory("a picture");
    *out = grid;
    return DF_OK;
}

void df_grid_free(DfGrid *grid)
{
    if (!grid->borrowed)
        df_free(grid->at);
    *grid = (DfGrid){ 0 };
}

void df_grid_replace(DfGrid *old, DfGrid by)
{
    df_grid_free(old);
    *old = by;
}

int df_grid_own(DfGrid *grid)
{
    if (!grid->borrowed)
        return DF_OK;
    DfGrid copy;
    const int error = df_grid_new(&copy, grid->height, grid->width, grid->cell);
    if (error == DF_OK) {
        memcpy(copy.at, grid->at, (size_t)grid->height * row_bytes(grid));
        *grid = copy;
    }
    return error;
}

DfGrid df_grid_of_image(const DfImage *image)
{
    return (DfGrid){ image->height, image->width, (size_t)image->channels, true, image->pixels };
}

int df_grid_cut(DfGrid *out, const DfGrid *in, int x, int y, int height, int width)
{
    const int error = df_grid_new(out, height, width, in->cell);
    for (int i = 0; error == DF_OK && i < height; i++)
        memcpy(row_of(out, i), row_of(in, y + i) + (size_t)x * in->cell, row_bytes(out));
    return error;
}

/* ---- filling --------------------------------------------------------------------------------------------------- */

static void fill_run(unsigned char *at, size_t n, size_t cell, const void *value)
{
    if (cell == 1) {
        memset(at, *(const unsigned char *)value, n);
        return;
    }
    for (size_t i = 0; i < n; i++, at += cell)
        memcpy(at, value, cell);
}

void df_grid_fill(DfGrid *grid, int x0, int y0, int x1, int y1, const void *value)
{
    const int left = df_clamp_int(x0, 0, grid->width);
    const int right = df_clamp_int(x1, left, grid->width);
    const int bottom = df_clamp_int(y1, 0, grid->height);
    for (int y = df_clamp_int(y0, 0, bottom); y < bottom; y++)
        fill_run(row_of(grid, y) + (size_t)left * grid->cell, (size_t)(right - left), grid->cell, value);
}

int df_grid_place(DfGrid *out, const DfGrid *in, int x, int y, int height, int width, const void *fill)
{
    const int error = df_grid_new(out, height, width, in->cell);
    if (error < 0)
        return error;
    const int left = df_clamp_int(x, 0, width);
    const int right = df_clamp_int(x + in->width, left, width);
    const int top = df_clamp_int(y, 0, height);
    const int bottom = df_clamp_int(y + in->height, top, height);
    df_grid_fill(out, 0, 0, width, top, fill);
    df_grid_fill(out, 0, top, left, bottom, fill);
    df_grid_fill(out, right, top, width, bottom, fill);
    df_grid_fill(out, 0, bottom, width, height, fill);
    for (int i = top; i < bottom; i++)
        memcpy(row_of(out, i) + (size_t)left * out->cell, row_of(in, i - y) + (size_t)(left - x) * in->cell,
               (size_t)(right - left) * in->cell);
    return DF_OK;
}

/* ---- mirroring ------------------------------------------------------------------------------------------------- */

static void swap_bytes(unsigned char *a, unsigned char *b, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const unsigned char kept = a[i];
        a[i] = b[i];
        b[i] = kept;
    }
}

static void reverse_row(unsigned char *row, int width, size_t cell)
{
    unsigned char *a = row;
    unsigned char *b = row + (size_t)(width - 1) * cell;
    for (; a < b; a += cell, b -= cell)
        swap_bytes(a, b, cell);
}

void df_grid_flip(DfGrid *grid, bool horizontal, bool vertical)
{
    for (int y = 0; horizontal && y < grid->height; y++)
        reverse_row(row_of(grid, y), grid->width, grid->cell);
    for (int y = 0; vertical && y < grid->height / 2; y++)
        swap_bytes(row_of(grid, y), row_of(grid, grid->height - 1 - y), row_bytes(grid));
}

/* ---- nearest --------------------------------------------------------------------------------------------------- */

/* OpenCV counts in double and divides twice; PyTorch counts in float32. */
static int source_of(int i, int in, int out, DfNearest which)
{
    const double at = which == DF_NEAREST_CV2 ? i * (1.0 / ((double)out / in))
                                              : fmaf((float)in / (float)out, (float)i + 0.5f, -0.5f) + 0.5f;
    return df_clamp_int((int)floor(at), 0, in - 1);
}

/* Which cell each place takes. Pillow adds step by step, with the errors of that. */
static int *sources(int in, int out, DfNearest which)
{
    int *at = df_malloc((size_t)out * sizeof *at);
    const double step = (double)in / out;
    double sum = step * 0.5;
    for (int i = 0; at && i < out; i++, sum += step)
        at[i] = which == DF_NEAREST_PIL ? df_clamp_int((int)sum, 0, in - 1) : source_of(i, in, out, which);
    return at;
}

static void pick(unsigned char *to, const unsigned char *from, const int *columns, int width, size_t cell)
{
    if (cell == 1) {
        for (int x = 0; x < width; x++)
            to[x] = from[columns[x]];
        return;
    }
    for (int x = 0; x < width; x++, to += cell)
        memcpy(to, from + (size_t)columns[x] * cell, cell);
}

static void nearest_rows(DfGrid *out, const DfGrid *in, const int *rows, const int *columns)
{
    for (int y = 0; y < out->height; y++)
        if (y > 0 && rows[y] == rows[y - 1])
            memcpy(row_of(out, y), row_of(out, y - 1), row_bytes(out));
        else
            pick(row_of(out, y), row_of(in, rows[y]), columns, out->width, out->cell);
}

int df_grid_nearest(DfGrid *out, const DfGrid *in, int height, int width, DfNearest which)
{
    int error = df_grid_new(out, height, width, in->cell);
    if (error < 0)
        return error;
    int *rows = sources(in->height, height, which);
    int *columns = sources(in->width, width, which);
    if (rows && columns)
        nearest_rows(out, in, rows, columns);
    else
        error = df_fail_memory("the columns of a resize");
    df_free(rows);
    df_free(columns);
    if (error < 0)
        df_grid_free(out);
    return error;
}

int df_grid_resize(DfGrid *out, const DfGrid *in, int height, int width, int (*resize)(DfGrid *out, const DfGrid *in))
{
    int error = df_grid_new(out, height, width, in->cell);
    if (error < 0)
        return error;
    if (height == in->height && width == in->width)
        memcpy(out->at, in->at, (size_t)height * (size_t)width * in->cell);
    else if ((error = resize(out, in)) < 0)
        df_grid_free(out);
    return error;
}
