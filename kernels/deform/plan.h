/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/deform/plan.h -- private to DAT's deformable attention: its sizes, tiles and prepared inputs, which both
 * passes share.
 */
#ifndef DF_KERNELS_DEFORM_PLAN_H
#define DF_KERNELS_DEFORM_PLAN_H

#include <math.h>

#include "kernels/attention/query_tile.h"
#include "kernels/deform/deform_attention.h"

enum { DF_KEY_BLOCK = 48 }; /* keys whose scores exist at a time: with 96 lanes 18 KiB */

/* With a table a tile consists of rows of queries: all queries of a row have the same y in the table, so it is
 * interpolated once along y for the row, and once along x for each query. Without a table the map is one long row. A
 * tile is `tile_rows` rows of one of the `pieces` that a row is divided into. */
typedef struct {
    const DfDeformProblem *p;
    const DfAttentionKernels *k;
    int depth, width;               /* of a head, and rounded up to vectors       */
    int keys;                       /* rounded up for scores()                    */
    int H, W;                       /* of the map as it is tiled                  */
    int pieces, columns, lanes;     /* a row: pieces of `columns`, padded to lanes */
    int tile_rows, tiles;
    int stride;                     /* of a padded table                          */
    float *kk, *vv;                 /* B heads keys width: copies, each head in one run */
    int *seen, *n_seen;             /* with a padding mask: B p->keys, the keys that are seen, and B, how many;
                                     * only these are copied                      */
    float *key_y, *key_x;           /* B groups p->keys: in cells of the table    */
    float *y, *x;                   /* H; pieces lanes                            */
    float *tables;                  /* heads (h + 4) stride: padded               */
} DfDeformPlan;

/* Takes the arrays of the prepared inputs from `workspace`; if its base is NULL, it only counts. */
DfDeformPlan df_deform_plan(const DfDeformProblem *, const DfAttentionKernels *, DfCarver *workspace);
int df_deform_prepare(DfPool *, DfDeformPlan *); /* fills them in */

/* ---- from positions to cells of the table ----------------------------------------------------------------------- */

/* Positions run from -1 to 1, their differences from -2 to 2, and a table of `size` entries covers these: its cells per
 * unit of position are (size - 1) / 4. */
static inline double df_deform_cells(int table_size)
{
    return (table_size - 1) / 4.0;
}

/* Position i of n queries along an axis, in [-1, 1]; NaN (0 / 0) for a corner grid of one, as in the official code. */
static inline double df_deform_query_position(int i, int n, bool half_pixel)
{
    if (half_pixel)
        return (i + 0.5) / n * 2 - 1;
    return n == 1 ? NAN : i / (n - 1.0) * 2 - 1;
}

/* The table is sampled at (q - p) / 2 in [-1, 1], corners aligned: at entry ((q - p) / 2 + 1) / 2 (size - 1), which is
 * (q's cell) - (p's cell) with p's cell = p (size - 1) / 4. */
static inline double df_deform_query_cell(int i, int n, bool half_pixel, int table_size)
{
    return df_deform_query_position(i, n, half_pixel) * df_deform_cells(table_size) + (table_size - 1) / 2.0;
}

DfScoreTable df_deform_table(const DfDeformPlan *, int head);
size_t df_deform_table_size(const DfDeformPlan *); /* floats of a padded table; 0 if there is none */
static inline float *df_deform_table_origin(const DfDeformPlan *w, float *padded) /* entry (0, 0) */
{
    return padded + DF_TABLE_MARGIN * (w->stride + 1);
}

/* ---- tiles ------------------------------------------------------------------------------------------------------ */

/* One tile of queries of sample b. */
typedef struct {
    int b;
    int first_row, rows;
    int first_column, columns;
    int lanes;                 /* of all rows together */
} DfDeformTile;
DfDeformTile df_deform_tile(const DfDeformPlan *, int b, int tile);
/* rows[lane] = the head's part of the query's row in `map` (B H W C), NULL for lanes without a query. */
void df_deform_rows(const DfDeformPlan *, const DfDeformTile *, int head, const float *map, const float **rows);

DfLattice df_deform_lattice(const DfDeformPlan *, const DfDeformTile *); /* of its queries, if there is a table */

/* s[key][lane] = scale q k' + bias for `n` keys from `first` on; qt holds the tile's queries, transposed and scaled. */
typedef struct {
    const float *qt;     /* width lanes                                */
    float *s;            /* DF_KEY_BLOCK lanes                         */
    float *table_rows;   /* scratch of table_bias()                    */
    const float **dense; /* room for lanes pointers                    */
} DfDeformBlock;
void df_deform_scores(const DfDeformPlan *, const DfDeformTile *, int head, int first, int n, const DfDeformBlock *);

/* number[lane] for the leaf drop(): the index of the score of the tile's query and key 0. Lanes without a query get any
 * value. */
void df_deform_numbers(const DfDeformPlan *, const DfDeformTile *, int head, uint32_t *number);

/* ---- indices ---------------------------------------------------------------------------------------------------- */

/* The number of keys of sample b in its copies, and the index of the caller's key that copy i is. */
static inline int df_deform_keys(const DfDeformPlan *w, int b)
{
    return w->seen ? w->n_seen[b] : w->p->keys;
}
static inline size_t df_deform_key(const DfDeformPlan *w, int b, int i)
{
    return w->seen ? (size_t)w->seen[(size_t)b * (size_t)w->p->keys + (size_t)i] : (size_t)i;
}

/* Index of sample b's copies of a head, in kk and vv. */
static inline size_t df_deform_head_at(const DfDeformPlan *w, int b, int head)
{
    return ((size_t)b * (size_t)w->p->heads + (size_t)head) * (size_t)w->keys * (size_t)w->width;
}

/* Index of sample b's coordinates for the group of a head, in key_y and key_x. */
static inline size_t df_deform_group_at(const DfDeformPlan *w, int b, int head)
{
    const int group = head / (w->p->heads / w->p->groups);
    return ((size_t)b * (size_t)w->p->groups + (size_t)group) * (size_t)w->p->keys;
}

/* Number of the query in row r, column j of a tile, within its sample. */
static inline size_t df_deform_query(const DfDeformPlan *w, const DfDeformTile *t, int r, int j)
{
    return (size_t)(t->first_row + r) * (size_t)w->W + (size_t)(t->first_column + j);
}

#endif
