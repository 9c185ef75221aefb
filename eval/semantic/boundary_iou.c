/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/semantic/boundary_iou.c -- where the boundaries of a label map are. Cheng et al., Boundary IoU, CVPR 2021,
 * section 4.
 *
 * The paper erodes each mask d times by a 3x3 square, with nothing but background outside of the picture; what is
 * lost is the boundary. So a pixel is inside, and not on the boundary, if the (2d+1) x (2d+1) square around it lies
 * in the picture and has one value. This is computed for all classes at once: first where the 2d+1 pixels of a row
 * are equal, then where 2d+1 such rows of one value follow one another.
 */
#include <math.h>
#include <string.h>

#include "eval/semantic/miou.h"

size_t df_boundary_distance(size_t height, size_t width, double ratio)
{
    const double h = (double)height;
    const double w = (double)width;
    const double d = nearbyint(ratio * sqrt(h * h + w * w)); /* half to even, as Python */
    return d >= 1 ? (size_t)d : 1;
}

/* even[x] = 1 if the row is of one value from x - d to x + d. */
static void even_row(uint8_t *even, const uint8_t *row, size_t width, size_t d)
{
    memset(even, 0, width);
    for (size_t from = 0, to; from < width; from = to) {
        to = from + 1;
        while (to < width && row[to] == row[from])
            to++;
        if (to - from > 2 * d)
            memset(even + from + d, 1, to - from - 2 * d);
    }
}

/* run[x]: how many rows up to this one are even at x and have the same value there. */
static void extend(uint32_t *run, const uint8_t *even, const uint8_t *row, const uint8_t *above, size_t width)
{
    for (size_t x = 0; x < width; x++) {
        const uint32_t before = row[x] == above[x] ? run[x] : 0;
        run[x] = even[x] ? before + 1 : 0;
    }
}

int df_boundary_of(uint8_t *boundary, const uint8_t *label, size_t height, size_t width, size_t d)
{
    uint32_t *run = df_calloc(width, sizeof *run);
    uint8_t *even = df_malloc(width);
    const int error = run && even ? DF_OK : df_fail_memory("boundaries");
    memset(boundary, 1, height * width);
    for (size_t y = 0; error == DF_OK && y < height; y++) {
        const uint8_t *row = label + y * width;
        even_row(even, row, width, d);
        extend(run, even, row, y ? row - width : row, width);
        if (y < d)
            continue;
        uint8_t *const out = boundary + (y - d) * width;
        for (size_t x = 0; x < width; x++)
            out[x] = run[x] <= 2 * d;
    }
    df_free(run);
    df_free(even);
    return error;
}
