/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/attention/neighborhood_tiles.h -- private to neighborhood attention: the positions of queries and keys, and
 * the scores of a tile, in both passes.
 *
 * Each query has its own keys, so this is not one matrix product; but neighbouring queries share most of their keys.
 * So a tile of queries is multiplied by the union of their neighborhoods, and a bias of -inf masks the other keys:
 *     bias = table[key - query] for neighbors, else -inf
 * Some products are wasted, but all run at the speed of a matrix product. All tiles in the middle of the map have the
 * same bias.
 *
 * A band is a row of tiles. It holds a copy of one head's keys and values, column by column, so that the union of each
 * tile is contiguous. Dilation d splits the map into d x d subgrids, each of which is an ordinary problem.
 */
#ifndef DF_KERNELS_ATTENTION_NEIGHBORHOOD_TILES_H
#define DF_KERNELS_ATTENTION_NEIGHBORHOOD_TILES_H

#include "kernels/attention/query_tile.h"

/* With a 7x7 window 4x4 queries share 10x10 keys. 16 queries fill the vectors of scores(); more would waste more
 * products. The copies of a band fit into the second-level cache. */
enum {
    TILE = 16,     /* most queries of a tile       */
    TILE_SIDE = 4, /* most queries of a row of one */
    BAND = 16      /* most tiles of a band         */
};

/* Sizes derived from a problem. */
typedef struct {
    const DfNeighborhoodProblem *p;
    const DfAttentionKernels *k;
    const DfPointwiseKernels *pointwise;
    int depth, width;            /* of a head, and rounded up to vectors                        */
    int rows, columns, lanes;    /* queries of a tile, and all of them rounded up to vectors    */
    int tile_rows, tile_columns; /* that cover a subgrid                                        */
    int bands;                   /* of BAND tiles, that make a row of tiles                     */
    int keys, band_keys;         /* most keys of a tile, rounded up for scores(), and of a band */
    int table_side;
} DfNeighborPlan;
DfNeighborPlan df_neighbors_plan(const DfNeighborhoodProblem *, const DfKernels *);

/* ---- a band ----------------------------------------------------------------------------------------------------- */

/* One axis of a tile: its queries, and the union of their neighborhoods. Positions count from the first key. */
typedef struct {
    int queries, keys;
    int query;       /* the first query                        */
    int start[TILE]; /* where each query's neighborhood starts */
} DfNeighborAxis;

/* Selects a band: sample b, the subgrid that starts at token (y, x), a row of tiles, and in it the tiles from `column`
 * on. */
typedef struct {
    int b, y, x, row, column;
} DfNeighborPlace;

typedef struct {
    DfNeighborPlace at;
    DfNeighborAxis y;      /* of all its tiles                                 */
    int first_query, H, W; /* row of the first query; size of the subgrid      */
    int first_key;         /* column of the first key                          */
    int keys;              /* y.keys in each column of it, column after column */
    size_t *key;           /* their tokens in B*H*W                            */
    const float **rows;    /* scratch of copy_keys()                           */
    float *k, *v;          /* copies of one head: keys width                   */
} DfNeighborBand;
DfNeighborBand df_neighbors_carve_band(const DfNeighborPlan *, DfCarver *);
/* Finds the keys of a band; false if the subgrid, being a row or column smaller than the largest, does not reach it. */
bool df_neighbors_find_band(const DfNeighborPlan *, DfNeighborBand *, DfNeighborPlace);
void df_neighbors_copy_keys(const DfNeighborPlan *, DfNeighborBand *, int head); /* and values */

/* ---- a tile ----------------------------------------------------------------------------------------------------- */

typedef struct {
    DfNeighborAxis y, x;
} DfNeighborShape;

typedef struct {
    DfNeighborShape shape;      /* what the bias depends on                        */
    int queries, keys;
    size_t first_key;           /* of the band                                     */
    size_t *query;              /* tokens in B*H*W                                 */
    const float **q;            /* rows of one head                                */
    float **out;
    DfNeighborShape biased;     /* the shape that `bias` was made for; none before */
    bool has_bias;
    float *bias;                /* keys lanes                                      */
    DfTileRoom room;
} DfNeighborTile;
DfNeighborTile df_neighbors_carve_tile(const DfNeighborPlan *, DfCarver *);
/* Finds the queries of tile i of a band; false if the band ends before. */
bool df_neighbors_find_tile(const DfNeighborPlan *, const DfNeighborBand *, DfNeighborTile *, int i, int head);

/* Key (y, x), 0 .. window - 1, of the neighborhood of a query, which is numbered within the tile: its entry of the
 * table, and its place in the union. */
size_t df_neighbors_table_entry(const DfNeighborPlan *, const DfNeighborShape *, int query, int y, int x);
int df_neighbors_key_of(const DfNeighborShape *, int query, int y, int x);

void df_neighbors_make_bias(const DfNeighborPlan *, DfNeighborTile *, int head);
/* Was the bias made for this shape? Then it need not be made again: all tiles in the middle of a map have one. */
bool df_neighbors_bias_fits(const DfNeighborTile *);
/* The tile in the form of query_tile.h. Fills in tile->room.number, the indices for dropout. */
DfQueryTile df_neighbors_query_tile(const DfNeighborPlan *, const DfNeighborBand *, DfNeighborTile *, int head);

#endif
