/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/attention/window_tiles.h -- what window attention and focal attention share: one head of one window, its
 * queries in tiles against rows of keys that were found before, forward and backward. Private to those two; the
 * leaves are those of kernels/leaves.h.
 *
 * query_tile.h has the equations of a tile. Its bias here is one of positions, and a mask where a shift brings together
 * what does not belong together: DfWindowKind says which.
 */
#ifndef DF_KERNELS_ATTENTION_WINDOW_TILES_H
#define DF_KERNELS_ATTENTION_WINDOW_TILES_H

#include "kernels/attention/query_tile.h"

/* Sizes, the same for every window and head. */
typedef struct {
    const DfAttentionKernels *k;
    int C, heads;
    int depth, width;     /* of a head, and rounded up to vectors             */
    int tokens;           /* of a window: its queries, and its first keys     */
    int n, keys;          /* keys, and rounded up for scores()                */
    int tiles, lanes;     /* tiles of queries and their width                 */
    float scale;
    DfDropout dropout;    /* of the attention weights                         */
} DfTiles;
DfTiles df_tiles(const DfAttentionKernels *, int C, int heads, int window, int n, float scale);

/* Of a sample: its windows, heads and queries have numbers of their own for dropout. */
static inline uint32_t df_tiles_first_query(const DfTiles *t, size_t windows, size_t window, int h)
{
    return (uint32_t)(((size_t)h * windows + window) * (size_t)t->tokens);
}

static inline size_t df_tiles_stride(const DfTiles *t)    /* from key to key of a bias: the lanes of all tiles */
{
    return (size_t)(t->tiles * t->lanes);
}
static inline size_t df_tiles_head_bias(const DfTiles *t) /* keys stride: the bias of one head */
{
    return (size_t)t->keys * df_tiles_stride(t);
}
static inline size_t df_tiles_bias_size(const DfTiles *t) /* heads keys stride */
{
    return (size_t)t->heads * df_tiles_head_bias(t);
}
static inline size_t df_tiles_lse_at(const DfTiles *t, size_t window, int h)
{
    return (window * (size_t)t->heads + (size_t)h) * (size_t)t->tokens;
}

/* A shift brings together what does not belong together. Swin cuts each axis of the padded, rolled map into the
 * slices (0, -w), (-w, -shift), (-shift, end): tokens may see each other within one slice. */
static inline int df_window_region(int at, int size, int window, int shift)
{
    if (at < size - window)
        return 0;
    return at < size - shift ? 1 : 2;
}

/* One window, as a task sees it. Whoever finds its tokens fills in `at`, `region`, `shifted`, `masked`; for each
 * head q, k and v. The rest is scratch. */
typedef struct {
    ptrdiff_t *at;                   /* of each key: its token, -1 outside the map         */
    int *region;                     /* of each key and, behind them, of lanes of padding  */
    bool shifted, masked;            /* several regions; some score needs a mask           */
    const float **q, **k, **v;       /* rows of one head; NULL: zeros                      */
    float *kk, *vv;                  /* copies of k and v: keys width                      */
    DfTileRoom room;                 /* scores and results of one tile                     */
    float **out;                     /* where results go; NULL: nowhere                    */
    int sample;                      /* for dropout                                        */
    uint32_t first_query;            /* df_tiles_first_query()                             */
} DfWindowRows;
DfWindowRows df_window_rows(const DfTiles *, DfCarver *);
void df_window_copy_keys(const DfTiles *, DfWindowRows *); /* once k and v point at the rows of a head */
/* s = scale q k' + bias, with `stride` floats from key to key of the bias; NULL is none, and s itself is allowed. */
void df_tile_scores(const DfTiles *, DfWindowRows *, int tile, const float *bias, size_t stride);

/* What a task of the way back needs besides, and what it adds up. */
typedef struct {
    const float **o, **dout;         /* rows of the result and of its gradient; NULL outside the map */
    DfTileGrads tile;
    float *dk, *dv;                  /* keys width                                         */
    float **to;                      /* where the gradients of rows are added: keys        */
    float *pad;                      /* 3 depth: q k v of the padding, summed over the task's windows */
    float *dbias;                    /* keys stride, likewise                              */
} DfWindowGrads;
DfWindowGrads df_window_grads(const DfTiles *, DfCarver *); /* all but `pad` and `dbias`, which are the task's */

/* In what two kinds of attention differ. `plan` is their own. */
typedef struct {
    const DfTiles *t;
    const void *plan;
    /* x->room.s = scale q k' + bias + mask of one tile, by df_tile_scores() */
    void (*scores)(const void *plan, DfWindowRows *x, int h, int tile);
    /* Where the gradient of part (0 q, 1 k, 2 v) of key i is added: to its token, to `pad`, or nowhere (NULL). */
    float *(*gradient)(const void *plan, const DfWindowRows *x, int h, int i, int part, float *pad);
} DfWindowKind;

/* One head of one window whose rows have been found: results go to `out` (B H W C); lse (tokens) NULL: it is not
 * kept. */
void df_window_forward(const DfWindowKind *, DfWindowRows *, int h, float *out, float *lse);
/* The same way back, from out, dout (B H W C) and lse. */
void df_window_backward(const DfWindowKind *, DfWindowRows *, DfWindowGrads *, int h, const float *out,
                        const float *dout, const float *lse);

/* What tasks had for the padding, task after task head after head (3 depth each), into dpad (3C); NULL: nowhere. */
void df_tiles_add_pads(const DfTiles *, float *dpad, const float *pads, size_t tasks);

#endif
