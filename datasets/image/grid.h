/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/image/grid.h -- rectangles of equal cells of any content: the three bytes or three floats of a pixel, or
 * the class of a label map. Operations that move cells without reading them are written once, here.
 */
#ifndef DF_DATASETS_IMAGE_GRID_H
#define DF_DATASETS_IMAGE_GRID_H

#include "datasets/image/image.h"

DF_BEGIN_DECLS

/* Row by row without gaps. Owned by whoever made it, unless it is borrowed. {0}: there is none. */
typedef struct {
    int height, width;
    size_t cell;         /* bytes of one */
    bool borrowed;       /* not to be changed or freed */
    unsigned char *at;
} DfGrid;

/* Makers fill *out and leave it {0} on failure; sides that are no picture's are DF_EVALUE. */
DF_API int df_grid_new(DfGrid *out, int height, int width, size_t cell);
DF_API void df_grid_free(DfGrid *); /* and zeroes it */
DF_API int df_grid_own(DfGrid *);   /* a borrowed one becomes a copy */
void df_grid_replace(DfGrid *old, DfGrid by); /* the old one is freed */

DF_API DfGrid df_grid_of_image(const DfImage *); /* borrowed */

/* The part of `height` x `width` whose upper left cell is (x, y); it lies within. */
DF_API int df_grid_cut(DfGrid *out, const DfGrid *in, int x, int y, int height, int width);

/* `in` with its upper left cell at (x, y) of `height` x `width` cells, or what of it lies there; `fill` elsewhere. */
DF_API int df_grid_place(DfGrid *out, const DfGrid *in, int x, int y, int height, int width, const void *fill);

/* Mirrors in place. */
DF_API void df_grid_flip(DfGrid *, bool horizontal, bool vertical);

/* A copy where the size stays; else what `resize` writes into the new grid, which may fail. */
int df_grid_resize(DfGrid *out, const DfGrid *in, int height, int width, int (*resize)(DfGrid *out, const DfGrid *in));

/* The nearest cell: OpenCV's takes floor(i * in / out), Pillow's floor((i + 0.5) * in / out); PyTorch's
 * nearest-exact is the same in float32. */
typedef enum { DF_NEAREST_CV2, DF_NEAREST_PIL, DF_NEAREST_TORCH } DfNearest;
DF_API int df_grid_nearest(DfGrid *out, const DfGrid *in, int height, int width, DfNearest);

/* Every cell of a rectangle, cut at the border, becomes `value`; the grid is not borrowed. */
DF_API void df_grid_fill(DfGrid *, int x0, int y0, int x1, int y1, const void *value);

DF_END_DECLS

#endif
