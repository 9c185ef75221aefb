/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/attention/query_tile.h -- a tile of queries against a run of keys: what attention in windows and attention in
 * neighborhoods have in common; deformable attention is computed in the same room. Private to them; they find the rows
 * and the bias, and take the gradients.
 *
 * For each query i, which is a lane, and each key j:
 *     s[j][i] = scale <q[i], k[j]> + bias[j][i]
 *     p[j][i] = exp(s[j][i] - max) / sum                          softmax over j, and dropout of p in training
 *     o[i]    = sum over j of p[j][i] v[j]
 * All keys of a tile fit into scratch, so the softmax sees them at once; of sampled keys a block does. What the way back
 * keeps is one number a query, lse[i] = max + log(sum): with it p[j][i] = exp(s[j][i] - lse[i]), and the scores are
 * computed again.
 */
#ifndef DF_KERNELS_ATTENTION_QUERY_TILE_H
#define DF_KERNELS_ATTENTION_QUERY_TILE_H

#include "kernels/attention/tile.h"

typedef struct {
    const DfAttentionKernels *leaves;
    const DfDropout *dropout;   /* of the attention weights                            */
    int depth, width;           /* of a head, and rounded up to vectors                */
    float scale;
    int lanes, queries;         /* width of the tile, and how many lanes are queries   */
    int keys, sample;           /* `sample` for dropout                                */
    const float *const *q;      /* rows of one head; NULL: zeros                       */
    const float *k, *v;         /* copies: keys rounded up to DF_KEY_MULTIPLE, width   */
} DfQueryTile;

/* What it is computed in. */
typedef struct {
    float *qt, *o;              /* the queries, turned: width lanes; lanes width       */
    float *s;                   /* scores: keys lanes                                  */
    float *max, *sum, *rescale; /* lanes                                               */
    uint32_t *number;           /* of dropout, of each lane's first score: lanes       */
} DfTileRoom;
DfTileRoom df_tile_room(DfCarver *, size_t keys, size_t lanes, size_t width);

/* room->s = scale q k' + bias, with `stride` floats from key to key of the bias; NULL is none, and room->s itself is
 * allowed. */
void df_query_scores(const DfQueryTile *, DfTileRoom *, const float *bias, size_t stride);

/* From the scores to the results, which go to the rows `out`; NULL: nowhere. With dropout room->number must be filled
 * in. */
void df_query_forward(const DfQueryTile *, DfTileRoom *, float *const *out);
static inline float df_query_lse(const DfTileRoom *room, int lane)
{
    return room->max[lane] + logf(room->sum[lane]);
}

/* What the way back needs besides. Who calls it fills in lse and delta[i] = <dout[i], o[i]>, and zeros for lanes
 * without a query. */
typedef struct {
    float *dot;                 /* dout, turned: width lanes                           */
    float *qq, *doo;            /* the queries, scaled, and their dout: lanes width    */
    float *dq;                  /* gradient of the scaled queries: lanes width         */
    float *dp;                  /* gradient of the scores: keys lanes                  */
    float *lse, *delta;         /* lanes                                               */
    float *ones;                /* keys or lanes, whichever are more                   */
} DfTileGrads;
DfTileGrads df_tile_grads(DfCarver *, size_t keys, size_t lanes, size_t width);

/* From the scores and the rows dout (NULL: zeros) to grads->dp and grads->dq, and added to dk and dv (keys width) and
 * to dbias, with `stride` floats from key to key. dk NULL: grads->dp and dbias alone; dbias NULL: nowhere. */
void df_query_backward(const DfQueryTile *, DfTileRoom *, DfTileGrads *, const float *const *dout, float *dk,
                       float *dv, float *dbias, size_t stride);

#endif
