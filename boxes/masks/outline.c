/* SPDX-License-Identifier: Apache-2.0
 *
 * boxes/masks/outline.c -- outlines of the foreground of a mask, on a coarse grid.
 *
 * Lines follow the sides of cells with the foreground on their right. Where two cells touch at a corner, lines turn
 * right, which keeps the cells apart. Every closed line has a side that leads right, on top of a cell: lines start
 * there, and each such side is walked once.
 */
#include "boxes/masks/outline.h"

enum { MOST_CELLS = 200, MOST_PIXELS = 1 << 26 };

/* With a border of background, so that every cell has neighbours. */
typedef struct {
    size_t step, height, width, stride; /* in cells, without the border; step in pixels */
    uint32_t mask_height, mask_width;
    uint8_t *cells;                     /* INSIDE, WALKED: along its upper side         */
} Grid;
enum { INSIDE = 1, WALKED = 2 };

static uint8_t *cell(const Grid *g, size_t x, size_t y)
{
    return g->cells + (y + 1) * g->stride + x + 1;
}

static size_t middle(size_t i, size_t step, size_t n)
{
    const size_t at = i * step + step / 2;
    return at < n ? at : n - 1;
}

static int make_grid(Grid *g, const DfMask *mask)
{
    const size_t h = mask->height;
    const size_t w = mask->width;
    const size_t longer = h > w ? h : w;
    *g = (Grid){ .step = (longer + MOST_CELLS - 1) / MOST_CELLS,
                 .mask_height = mask->height,
                 .mask_width = mask->width };
    g->height = (h + g->step - 1) / g->step;
    g->width = (w + g->step - 1) / g->step;
    g->stride = g->width + 2;
    uint8_t *const pixels = df_malloc(h * w);
    g->cells = df_calloc(g->stride, g->height + 2);
    int error = pixels && g->cells ? df_mask_decode(mask, pixels) : df_fail_memory("the outline of a mask");
    for (size_t y = 0; error == DF_OK && y < g->height; y++)
        for (size_t x = 0; x < g->width; x++)
            *cell(g, x, y) = pixels[middle(y, g->step, h) * w + middle(x, g->step, w)] ? INSIDE : 0;
    df_free(pixels);
    return error;
}

typedef enum { RIGHT, DOWN, LEFT, UP } Direction;

/* Is the cell inside that lies ahead of the corner (x, y), on the right or left hand? The first cell of a row or
 * column lies behind corner 0. */
static bool ahead(const Grid *g, size_t x, size_t y, Direction d, bool right_hand)
{
    const bool right = d == RIGHT || d == (right_hand ? UP : DOWN);
    const bool below = d == DOWN || d == (right_hand ? RIGHT : LEFT);
    return g->cells[(y + below) * g->stride + x + right] & INSIDE;
}

static double in_pixels(const Grid *g, size_t i, bool across)
{
    const size_t at = i * g->step;
    const size_t most = across ? g->mask_width : g->mask_height;
    return (double)(at < most ? at : most);
}

/* The line that begins on top of the cell (x0, y0). */
static void walk(Grid *g, size_t x0, size_t y0, DfTextbuf *t)
{
    size_t x = x0, y = y0;
    Direction d = RIGHT;
    df_textbuf_add(t, "M%.0f %.0f", in_pixels(g, x, true), in_pixels(g, y, false));
    do {
        if (d == RIGHT)
            *cell(g, x, y) |= WALKED;
        x += (size_t)(d == RIGHT) - (size_t)(d == LEFT);
        y += (size_t)(d == DOWN) - (size_t)(d == UP);
        const Direction before = d;
        if (!ahead(g, x, y, d, true))
            d = (Direction)((d + 1) % 4);
        else if (ahead(g, x, y, d, false))
            d = (Direction)((d + 3) % 4);
        if (d != before)
            df_textbuf_add(t, before % 2 ? "V%.0f" : "H%.0f", in_pixels(g, before % 2 ? y : x, before % 2 == 0));
    } while (x != x0 || y != y0 || d != RIGHT);
    df_textbuf_add(t, "Z");
}

static bool fits(const DfMask *mask)
{
    const uint64_t pixels = (uint64_t)mask->height * mask->width;
    uint64_t sum = 0;
    for (size_t i = 0; i < mask->n; i++)
        sum += mask->runs[i];
    return pixels > 0 && pixels < MOST_PIXELS && sum <= pixels;
}

int df_mask_outline(DfTextbuf *t, const DfMask *mask)
{
    Grid g;
    if (!fits(mask))
        return DF_OK;
    const int error = make_grid(&g, mask);
    for (size_t y = 0; error == DF_OK && y < g.height; y++)
        for (size_t x = 0; x < g.width; x++)
            if (*cell(&g, x, y) == INSIDE && !(*(cell(&g, x, y) - g.stride) & INSIDE))
                walk(&g, x, y, t);
    df_free(g.cells);
    return error;
}
