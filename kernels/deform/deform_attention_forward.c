/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/deform/deform_attention_forward.c -- attention over sampled keys with a bias from a position table: Xia et
 * al., Vision Transformer with Deformable Attention (CVPR 2022), section 3.2.
 *
 * A task is one head of one tile of queries; blocks of keys pass by it. Queries are outside because their state
 * (maximum, sum, result so far) has to stay near, and because no two tasks then write to the same place. At 800 x
 * 1216 pixels the third stage has 3800 queries and up to 3800 keys: neither the scores nor the biases would fit into
 * a cache as matrices.
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
    float *qt;                    /* the queries, turned and scaled: width lanes */
    float *s;                     /* scores of one block: DF_KEY_BLOCK lanes    */
    float *o;                     /* results so far: lanes width                */
    float *max, *sum, *rescale;   /* of the running softmax: lanes              */
    float *table_rows;            /* scratch of table_bias()                    */
    uint32_t *number;             /* of dropout: lanes                          */
} Scratch;

static Scratch carve(const DfDeformPlan *w, DfCarver *c)
{
    const size_t lanes = (size_t)w->lanes * (size_t)w->tile_rows;
    const size_t width = (size_t)w->width;
    Scratch s = { 0 };
    s.rows = df_carve(c, lanes, sizeof *s.rows);
    s.out = df_carve(c, lanes, sizeof *s.out);
    s.qt = df_carve_floats(c, width, lanes);
    s.s = df_carve_floats(c, DF_KEY_BLOCK, lanes);
    s.o = df_carve_floats(c, lanes, width);
    s.max = df_carve_floats(c, 1, lanes);
    s.sum = df_carve_floats(c, 1, lanes);
    s.rescale = df_carve_floats(c, 1, lanes);
    s.table_rows = df_carve_floats(c, 2 * DF_TABLE_ROWS, (size_t)w->stride);
    s.number = df_carve(c, lanes, sizeof *s.number);
    return s;
}

/* Of no keys nothing comes: 0 / 1. */
static void start(Scratch *s, int lanes, int width, int keys)
{
    memset(s->o, 0, (size_t)lanes * (size_t)width * sizeof *s->o);
    for (int i = 0; i < lanes; i++) {
        s->max[i] = -INFINITY;
        s->sum[i] = keys ? 0.0f : 1.0f;
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
    w->k->store_rows(s->out, s->o, s->sum, t->lanes, w->depth, w->width);
    if (!f->lse)
        return;
    float *lse = f->lse + ((size_t)t->b * (size_t)w->p->heads + (size_t)head) * (size_t)w->H * (size_t)w->W;
    for (int r = 0; r < t->rows; r++)
        for (int j = 0; j < t->columns; j++)
            lse[df_deform_query(w, t, r, j)] = s->max[r * w->lanes + j] + logf(s->sum[r * w->lanes + j]);
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
    df_turn_queries(w->k, s.qt, s.rows, t.lanes, t.lanes, w->depth, w->p->scale);
    df_deform_numbers(w, &t, head, s.number);
    const int keys = df_deform_keys(w, t.b);
    start(&s, t.lanes, w->width, keys);
    const DfDeformBlock block = { s.qt, s.s, s.table_rows, s.rows };
    for (int first = 0; first < keys; first += DF_KEY_BLOCK) {
        const int n = keys - first < DF_KEY_BLOCK ? keys - first : DF_KEY_BLOCK;
        const float *v = w->vv + df_deform_head_at(w, t.b, head) + (size_t)first * (size_t)w->width;
        df_deform_scores(w, &t, head, first, n, &block);
        w->k->softmax(s.s, n, t.lanes, s.max, s.sum, s.rescale);
        if (w->p->dropout.key)
            w->k->drop(s.s, n, t.lanes, s.number, first, &w->p->dropout, t.b);
        df_weigh_values(w->k, s.o, s.rescale, s.s, t.lanes, v, used, n, w->width);
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
