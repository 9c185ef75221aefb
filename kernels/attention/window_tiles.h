/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/attention/window_tiles.h -- private to window and focal attention: attention of one head of one window. The
 * caller finds the keys; the queries are computed in tiles, forward and backward, with the leaf kernels of
 * kernels/leaves.h.
 *
 * query_tile.h has the equations of a tile. The bias is a position bias, plus a mask where a cyclic shift puts tokens
 * from different sides of the map into one window. DfWindowKind has the functions in which the two kinds of attention
 * differ.
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

/* The index, for dropout, of the first query of head h of a window: all queries of a sample have different indices. */
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

/* After a cyclic shift a window can hold tokens from different sides of the map. Swin cuts each axis of the padded,
 * shifted map into the slices (0, -w), (-w, -shift), (-shift, end): only tokens of the same slice attend to each
 * other. */
static inline int df_window_region(int at, int size, int window, int shift)
{
    if (at < size - window)
        return 0;
    return at < size - shift ? 1 : 2;
}

/* One window. The function that finds its tokens fills in `at`, `region`, `shifted` and `masked`, and for each head q,
 * k and v. The rest is scratch. */
typedef struct {
    ptrdiff_t *at;                   /* of each key: its token, -1 outside the map         */
    int *region;                     /* of each key, then of the lanes without a query     */
    bool shifted, masked;            /* several regions; some score needs a mask           */
    const float **q, **k, **v;       /* rows of one head; NULL: zeros                      */
    float *kk, *vv;                  /* copies of k and v: keys width                      */
    DfTileRoom room;                 /* scores and results of one tile                     */
    float **out;                     /* rows of the result; NULL: not stored               */
    int sample;                      /* for dropout                                        */
    uint32_t first_query;            /* df_tiles_first_query()                             */
} DfWindowRows;
DfWindowRows df_window_rows(const DfTiles *, DfCarver *);
void df_window_copy_keys(const DfTiles *, DfWindowRows *); /* once k and v point at the rows of a head */
/* s = scale q k' + bias, with `stride` floats from key to key of the bias; NULL is none, and s itself is allowed. */
void df_tile_scores(const DfTiles *, DfWindowRows *, int tile, const float *bias, size_t stride);

/* The additional scratch of a backward task, and the gradients that it sums. */
typedef struct {
    const float **o, **dout;         /* rows of the result and of its gradient; NULL outside the map */
    DfTileGrads tile;
    float *dk, *dv;                  /* keys width                                         */
    float **to;                      /* where the gradients of rows are added: keys        */
    float *pad;                      /* 3 depth: q k v of the padding, summed over the task's windows */
    float *dbias;                    /* keys stride, likewise                              */
} DfWindowGrads;
DfWindowGrads df_window_grads(const DfTiles *, DfCarver *); /* all but `pad` and `dbias`, which are the task's */

/* The functions in which window and focal attention differ. Each gets its own `plan`. */
typedef struct {
    const DfTiles *t;
    const void *plan;
    /* x->room.s = scale q k' + bias + mask of one tile, by df_tile_scores() */
    void (*scores)(const void *plan, DfWindowRows *x, int h, int tile);
    /* The row to which the gradient of part (0 q, 1 k, 2 v) of key i is added: of its token, or `pad`; or NULL. */
    float *(*gradient)(const void *plan, const DfWindowRows *x, int h, int i, int part, float *pad);
} DfWindowKind;

/* Computes one head of one window, whose rows have been found, and stores results in `out` (B H W C). lse (tokens) may
 * be NULL. */
void df_window_forward(const DfWindowKind *, DfWindowRows *, int h, float *out, float *lse);
/* The backward pass of it, from out, dout (B H W C) and lse. */
void df_window_backward(const DfWindowKind *, DfWindowRows *, DfWindowGrads *, int h, const float *out,
                        const float *dout, const float *lse);

/* Adds the padding's gradients of all tasks to dpad (3C), which may be NULL. `pads` has 3 depth floats for each task
 * and head. */
void df_tiles_add_pads(const DfTiles *, float *dpad, const float *pads, size_t tasks);

#endif
