/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/deform/deform_attention_forward.c -- attention to sampled keys, with a bias interpolated from a position
 * table: Xia et al., Vision Transformer with Deformable Attention (CVPR 2022), section 3.2.
 *
 * A task is one head of one tile of queries, and reads the keys block by block. The outer loop runs over queries
 * because their state (maximum, sum, result so far) has to stay in the cache, and because then no two tasks write to
 * the same place. At 800 x 1216 pixels the third stage has 3800 queries and up to 3800 keys: matrices of all scores or
 * biases would fit into no cache.
 */
#include <string.h>

#include "kernels/deform/plan.h"

typedef struct {
    DfDeformPlan plan;
    float *out, *lse;
} Forward;

typedef struct {
    const float **rows;           /* lanes: rows of the queries                 */
    float **out;                  /* lanes: where results go                    */
    DfTileRoom tile;              /* scores of one block, results so far        */
    float *table_rows;            /* scratch of table_bias()                    */
} Scratch;

static Scratch carve(const DfDeformPlan *w, DfCarver *c)
{
    const size_t lanes = (size_t)w->lanes * (size_t)w->tile_rows;
    Scratch s = { 0 };
    s.rows = df_carve(c, lanes, sizeof *s.rows);
    s.out = df_carve(c, lanes, sizeof *s.out);
    s.tile = df_tile_room(c, DF_KEY_BLOCK, lanes, (size_t)w->width);
    s.table_rows = df_carve_floats(c, 2 * DF_TABLE_ROWS, (size_t)w->stride);
    return s;
}

/* Initialises the running softmax. Without keys the result is 0 / 1 = 0. */
static void start(DfTileRoom *r, int lanes, int width, int keys)
{
    memset(r->o, 0, (size_t)lanes * (size_t)width * sizeof *r->o);
    for (int i = 0; i < lanes; i++) {
        r->max[i] = -INFINITY;
        r->sum[i] = keys ? 0.0f : 1.0f;
    }
}

static void finish(const Forward *f, const DfDeformTile *t, int head, Scratch *s)
{
    const DfDeformPlan *w = &f->plan;
    const size_t sample = (size_t)t->b * (size_t)w->H * (size_t)w->W;
    for (int r = 0; r < t->rows; r++)
        for (int j = 0; j < w->lanes; j++) {
            float *to = f->out + (sample + df_deform_query(w, t, r, j)) * (size_t)w->p->C + head * w->depth;
            s->out[r * w->lanes + j] = j < t->columns ? to : NULL;
        }
    w->k->store_rows(s->out, s->tile.o, s->tile.sum, t->lanes, w->depth, w->width);
    if (!f->lse)
        return;
    float *lse = f->lse + ((size_t)t->b * (size_t)w->p->heads + (size_t)head) * (size_t)w->H * (size_t)w->W;
    for (int r = 0; r < t->rows; r++)
        for (int j = 0; j < t->columns; j++)
            lse[df_deform_query(w, t, r, j)] = df_query_lse(&s->tile, r * w->lanes + j);
}

static void forward_task(void *arg, size_t task, void *scratch)
{
    const Forward *f = arg;
    const DfDeformPlan *w = &f->plan;
    DfCarver carver = { scratch, 0 };
    Scratch s = carve(w, &carver);
    const size_t tiles = (size_t)w->tiles;
    const size_t heads = (size_t)w->p->heads;
    const int head = (int)(task / tiles % heads);
    const DfDeformTile t = df_deform_tile(w, (int)(task / tiles / heads), (int)(task % tiles));
    const int used = t.rows == 1 ? t.columns : t.lanes;
    df_deform_rows(w, &t, head, w->p->q, s.rows);
    DfTileRoom *r = &s.tile;
    df_turn_queries(w->k, r->qt, s.rows, t.lanes, t.lanes, w->depth, w->p->scale);
    df_deform_numbers(w, &t, head, r->number);
    const int keys = df_deform_keys(w, t.b);
    start(r, t.lanes, w->width, keys);
    const DfDeformBlock block = { r->qt, r->s, s.table_rows, s.rows };
    for (int first = 0; first < keys; first += DF_KEY_BLOCK) {
        const int n = keys - first < DF_KEY_BLOCK ? keys - first : DF_KEY_BLOCK;
        const float *v = w->vv + df_deform_head_at(w, t.b, head) + (size_t)first * (size_t)w->width;
        df_deform_scores(w, &t, head, first, n, &block);
        w->k->softmax(r->s, n, t.lanes, r->max, r->sum, r->rescale);
        if (w->p->dropout.key)
            w->k->drop(r->s, n, t.lanes, r->number, first, &w->p->dropout, t.b);
        df_weigh_values(w->k, r->o, r->rescale, r->s, t.lanes, v, used, n, w->width);
    }
    finish(f, &t, head, &s);
}

size_t df_deform_attention_workspace(const DfDeformProblem *p)
{
    DfCarver counter = { NULL, 0 };
    df_deform_plan(p, NULL, &counter);
    return counter.used / sizeof(float);
}

size_t df_deform_attention_lse_size(const DfDeformProblem *p)
{
    return (size_t)p->B * (size_t)p->heads * (size_t)p->H * (size_t)p->W;
}

int df_deform_attention_forward(DfPool *pool, const DfAttentionKernels *k, const DfDeformProblem *p, float *out,
                                float *lse, float *workspace)
{
    if (p->keys == 0) {
        memset(out, 0, (size_t)p->B * (size_t)p->H * (size_t)p->W * (size_t)p->C * sizeof *out);
        return DF_OK;
    }
    DfCarver carver = { (char *)workspace, 0 };
    DfCarver counter = { NULL, 0 };
    Forward f = { df_deform_plan(p, k, &carver), out, lse };
    const int err = df_deform_prepare(pool, &f.plan);
    if (err)
        return err;
    carve(&f.plan, &counter);
    return df_parallel(pool, (size_t)p->B * (size_t)p->heads * (size_t)f.plan.tiles, counter.used, forward_task, &f);
}
