/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/attention/query_tile.h -- private to kernels/attention/ and kernels/deform/: attention of one tile of
 * queries to a run of keys. Window and neighborhood attention call the functions; deformable attention uses the
 * scratch (DfTileRoom, DfTileGrads). Callers find the rows and the bias, and add up the gradients.
 *
 * For each query i, which is a lane, and each key j:
 *     s[j][i] = scale <q[i], k[j]> + bias[j][i]
 *     p[j][i] = exp(s[j][i] - max) / sum                          softmax over j; in training, dropout of p
 *     o[i]    = sum over j of p[j][i] v[j]
 * All keys of a tile fit into scratch, so one softmax sees all scores. For the backward pass the forward pass saves
 * one number a query, lse[i] = max + log(sum). The backward pass computes the scores again, and p[j][i] = exp(s[j][i]
 * - lse[i]).
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

/* The scratch of a tile. */
typedef struct {
    float *qt, *o;              /* the queries, turned: width lanes; lanes width       */
    float *s;                   /* scores: keys lanes                                  */
    float *max, *sum, *rescale; /* lanes                                               */
    uint32_t *number;           /* index for dropout of each lane's first score: lanes */
} DfTileRoom;
DfTileRoom df_tile_room(DfCarver *, size_t keys, size_t lanes, size_t width);

/* room->s = scale q k' + bias, with `stride` floats from key to key of the bias; NULL is none, and room->s itself is
 * allowed. */
void df_query_scores(const DfQueryTile *, DfTileRoom *, const float *bias, size_t stride);

/* From the scores to the results, which are stored in the rows `out`; a NULL row is skipped. With dropout,
 * room->number must be filled in. */
void df_query_forward(const DfQueryTile *, DfTileRoom *, float *const *out);
static inline float df_query_lse(const DfTileRoom *room, int lane)
{
    return room->max[lane] + logf(room->sum[lane]);
}

/* The additional scratch of the backward pass. The caller fills in lse and delta[i] = <dout[i], o[i]>, with zeros for
 * lanes without a query. */
typedef struct {
    float *dot;                 /* dout, turned: width lanes                           */
    float *qq, *doo;            /* the queries, scaled, and their dout: lanes width    */
    float *dq;                  /* gradient of the scaled queries: lanes width         */
    float *dp;                  /* gradient of the scores: keys lanes                  */
    float *lse, *delta;         /* lanes                                               */
    float *ones;                /* max(keys, lanes)                                    */
} DfTileGrads;
DfTileGrads df_tile_grads(DfCarver *, size_t keys, size_t lanes, size_t width);

/* From the scores and the rows dout (NULL: zeros): computes grads->dp and grads->dq, and adds to dk and dv (keys width)
 * and to dbias, whose keys are `stride` floats apart. If dk is NULL, only grads->dp and dbias are computed; dbias may
 * be NULL. */
void df_query_backward(const DfQueryTile *, DfTileRoom *, DfTileGrads *, const float *const *dout, float *dk,
                       float *dv, float *dbias, size_t stride);

#endif
