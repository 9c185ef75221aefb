/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/attention/window_tiles.h -- what window attention and focal attention share: one head of one window, its queries in tiles against
 * rows of keys that were found before, forward and backward. Private to those two; the leaves are those of kernels/attention/attention.h.
 */
#ifndef DF_KERNELS_ATTENTION_WINDOW_TILES_H
#define DF_KERNELS_ATTENTION_WINDOW_TILES_H

#include "kernels/attention/tile.h"

/* Sizes, the same for every window and head. */
typedef struct {
    const DfAttentionKernels *k;
    int C, heads;
    int depth, width;     /* of a head, and rounded up to vectors             */
    int tokens;           /* of a window: its queries, and its first keys     */
    int n, keys;          /* keys, and rounded up for scores()                */
    int tiles, lanes;     /* tiles of queries and their width                 */
    float scale;
} DfTiles;
DfTiles df_tiles(const DfAttentionKernels *, int C, int heads, int window, int n, float scale);

static inline size_t df_tiles_stride(const DfTiles *t) /* from key to key of a bias: the lanes of all tiles */
{
    return (size_t)(t->tiles * t->lanes);
}
static inline size_t df_tiles_bias_size(const DfTiles *t) /* heads keys stride */
{
    return (size_t)t->heads * (size_t)t->keys * df_tiles_stride(t);
}
static inline size_t df_tiles_lse_at(const DfTiles *t, size_t window, int h)
{
    return (window * (size_t)t->heads + (size_t)h) * (size_t)t->tokens;
}
static inline int df_tile_queries(const DfTiles *t, int tile)
{
    const int left = t->tokens - tile * t->lanes;
    return left < t->lanes ? left : t->lanes;
}

/* Swin's slices (0, -w), (-w, -shift), (-shift, end) of the padded, rolled map. */
static inline int df_window_region(int at, int size, int window, int shift)
{
    return at < size - window ? 0 : at < size - shift ? 1 : 2;
}

/* A task's window. What stands where is for the caller to fill in; the rest is scratch. */
typedef struct {
    ptrdiff_t *at;                   /* of each key: its token, -1 outside the map         */
    int *region;                     /* of each key and, behind them, of lanes of padding  */
    const float **q, **k, **v;       /* rows of one head; NULL: zeros                      */
    float *qt, *kk, *vv, *s, *o, *max, *sum, *rescale;
    float **out;
} DfWindowRows;
DfWindowRows df_window_rows(const DfTiles *, DfCarver *);
void df_window_copy_keys(const DfTiles *, DfWindowRows *); /* once k and v point at the rows of a head */

/* s = scale q k' + bias, with `stride` floats from key to key of the bias; NULL is none, and s itself is allowed. */
void df_tile_scores(const DfTiles *, DfWindowRows *, int tile, const float *bias, size_t stride);
/* Scores to the rows of `out`, NULL outside the map; lse NULL: it is not kept. */
void df_tile_forward(const DfTiles *, DfWindowRows *, int tile, float *lse);
void df_window_out_rows(const DfTiles *, DfWindowRows *, int h, float *out); /* the tokens in B H W C */

/* What the way back needs besides. */
typedef struct {
    const float **o, **dout;         /* rows of the result and of its gradient; NULL outside the map */
    float *dot, *qq, *doo, *dp, *dq, *dk, *dv, *lse, *delta, *ones;
} DfWindowGrads;
DfWindowGrads df_window_grads(const DfTiles *, DfCarver *);
void df_window_grads_start(const DfTiles *, const DfWindowRows *, DfWindowGrads *, int h, const float *out, const float *dout);
/* From scores: dp becomes the gradient of the scores and dq that of the scaled queries; dk and dv are added to. */
void df_tile_backward(const DfTiles *, DfWindowRows *, DfWindowGrads *, int tile, const float *lse);

static inline void df_add_row(float *to, const float *row, int n, float factor) /* to NULL: nowhere */
{
    if (!to)
        return;
    for (int d = 0; d < n; d++)
        to[d] += factor * row[d];
}
/* The lanes of a tile from dp to dbias, whose keys are a stride apart. */
void df_tile_add_bias(const DfTiles *, const DfWindowGrads *, int tile, float *dbias);
/* What tasks had for the padding, task after task head after head (3 depth each), into dpad (3C). */
void df_tiles_add_pads(const DfTiles *, float *dpad, const float *pads, size_t tasks);

#endif
