/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/attention/query_tile.c -- attention of one tile of queries to a run of keys, forward and backward; the
 * equations are in query_tile.h.
 */
#include "kernels/attention/query_tile.h"

DfTileRoom df_tile_room(DfCarver *c, size_t keys, size_t lanes, size_t width)
{
    DfTileRoom r = { 0 };
    r.qt = df_carve_floats(c, width, lanes);
    r.s = df_carve_floats(c, keys, lanes);
    r.o = df_carve_floats(c, lanes, width);
    r.max = df_carve_floats(c, 1, lanes);
    r.sum = df_carve_floats(c, 1, lanes);
    r.rescale = df_carve_floats(c, 1, lanes);
    r.number = df_carve(c, lanes, sizeof *r.number);
    return r;
}

void df_query_scores(const DfQueryTile *t, DfTileRoom *r, const float *bias, size_t stride)
{
    const int keys = df_round_up(t->keys, DF_KEY_MULTIPLE);
    df_turn_queries(t->leaves, r->qt, t->q, t->queries, t->lanes, t->depth, t->scale);
    t->leaves->scores(r->s, bias, stride, t->k, r->qt, keys, t->lanes, t->depth, t->width);
}

static void drop(const DfQueryTile *t, const DfTileRoom *r, float *s)
{
    if (t->dropout->key)
        t->leaves->drop(s, t->keys, t->lanes, r->number, 0, t->dropout, t->sample);
}

void df_query_forward(const DfQueryTile *t, DfTileRoom *r, float *const *out)
{
    for (int i = 0; i < t->lanes; i++) {
        r->max[i] = -INFINITY;
        r->sum[i] = 0.0f;
    }
    t->leaves->softmax(r->s, t->keys, t->lanes, r->max, r->sum, r->rescale);
    drop(t, r, r->s);
    df_weigh_values(t->leaves, r->o, NULL, r->s, t->lanes, t->v, t->queries, t->keys, t->width);
    t->leaves->store_rows(out, r->o, r->sum, t->queries, t->depth, t->width);
}

/* ---- backward ---------------------------------------------------------------------------------------------------- */

DfTileGrads df_tile_grads(DfCarver *c, size_t keys, size_t lanes, size_t width)
{
    DfTileGrads g = { 0 };
    g.dot = df_carve_floats(c, width, lanes);
    g.qq = df_carve_floats(c, lanes, width);
    g.doo = df_carve_floats(c, lanes, width);
    g.dp = df_carve_floats(c, keys, lanes);
    g.dq = df_carve_floats(c, lanes, width);
    g.lse = df_carve_floats(c, 1, lanes);
    g.delta = df_carve_floats(c, 1, lanes);
    const size_t ones = keys > lanes ? keys : lanes;
    g.ones = df_carve_floats(c, 1, ones);
    for (size_t i = 0; c->base && i < ones; i++)
        g.ones[i] = 1.0f;
    return g;
}

/* Softmax back:  dp[j][i] = <dout[i], v[j]>,  ds = p (dp - delta)  with delta[i] = <dout[i], o[i]>, since sum over j of
 * p dp is that. Then
 *     dv[j] += sum over i of p[j][i] dout[i]
 *     dk[j] += sum over i of ds[j][i] scale q[i]
 *     dq[i]  = sum over j of ds[j][i] k[j]
 * where g->dp becomes ds, which is the gradient of the bias, too, and dq is the gradient of the scaled queries. With
 * dropout, dp and the p in dv are multiplied by d[j][i], which is 0 or 1 / (1 - rate); delta stays the same. */
void df_query_backward(const DfQueryTile *t, DfTileRoom *r, DfTileGrads *g, const float *const *dout, float *dk,
                       float *dv, float *dbias, size_t stride)
{
    const DfAttentionKernels *leaves = t->leaves;
    const int padded = df_round_up(t->keys, DF_KEY_MULTIPLE);
    const int n = t->queries;
    const size_t lanes = (size_t)t->lanes;
    leaves->transpose_rows(g->dot, dout, n, t->lanes, t->depth, 1.0f);
    leaves->scores(g->dp, NULL, 0, t->v, g->dot, padded, t->lanes, t->depth, t->width);
    drop(t, r, g->dp);
    leaves->softmax_backward(r->s, g->dp, t->keys, t->lanes, g->lse, g->delta, dbias, stride);
    if (!dk)
        return;
    drop(t, r, r->s);
    leaves->copy_rows(g->qq, t->q, n, t->depth, t->width, t->scale);
    leaves->copy_rows(g->doo, dout, n, t->depth, t->width, 1.0f);
    leaves->combine(dv, g->ones, r->s, lanes, 1, g->doo, t->keys, n, t->width);
    leaves->combine(dk, g->ones, g->dp, lanes, 1, g->qq, t->keys, n, t->width);
    leaves->combine(g->dq, NULL, g->dp, 1, lanes, t->k, n, t->keys, t->width);
}
