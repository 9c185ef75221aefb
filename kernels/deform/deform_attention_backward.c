/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/deform/deform_attention_backward.c -- gradients of DAT's deformable attention. Scores are computed again
 * block by block; the saved log-sum-exp (lse) turns them into weights. A task is one head of all samples, so that
 * gradients which samples share (position tables) are summed in a fixed order.
 */
#include <string.h>

#include "kernels/deform/plan.h"

typedef struct {
    DfDeformPlan plan;
    const float *out, *lse, *dout;
    const DfDeformGrads *grads;
    float *dpos;                    /* B heads keys 2: each head's part of the gradient of its group */
} Backward;

typedef struct {
    const float **rows, **dense; /* lanes                                                    */
    float **to;                  /* where rows of gradients are added: lanes                 */
    DfTileRoom tile;             /* scores of one block                                      */
    DfTileGrads grads;           /* and their gradient                                       */
    float *dk, *dv;              /* of a sample: keys width                                  */
    float *table_rows;           /* of table_bias()                                          */
    float *dtable;               /* the gradient of the head's padded table                  */
    float *dkey;                 /* and by the positions of a block's keys: DF_KEY_BLOCK 2   */
    float *turned;               /* gradients of a block, a query a row: lanes DF_KEY_BLOCK  */
} Scratch;

static Scratch carve(const DfDeformPlan *w, DfCarver *c)
{
    const size_t lanes = (size_t)w->lanes * (size_t)w->tile_rows;
    const size_t width = (size_t)w->width;
    const size_t keys = (size_t)w->keys;
    Scratch s = { 0 };
    s.rows = df_carve(c, lanes, sizeof *s.rows);
    s.dense = df_carve(c, lanes, sizeof *s.dense);
    s.to = df_carve(c, lanes, sizeof *s.to);
    s.tile = df_tile_room(c, DF_KEY_BLOCK, lanes, width);
    s.grads = df_tile_grads(c, DF_KEY_BLOCK, lanes, width);
    s.dk = df_carve_floats(c, keys, width);
    s.dv = df_carve_floats(c, keys, width);
    s.table_rows = df_carve_floats(c, 2 * DF_TABLE_ROWS, (size_t)w->stride);
    s.dtable = df_carve_floats(c, 1, df_deform_table_size(w));
    s.dkey = df_carve_floats(c, DF_KEY_BLOCK, 2);
    s.turned = df_carve_floats(c, lanes, w->p->dense ? DF_KEY_BLOCK : 0);
    return s;
}

/* ---- the table -------------------------------------------------------------------------------------------------- */

static void table_backward(const Backward *b, const DfDeformTile *t, int head, int first, int n, Scratch *s)
{
    const DfDeformPlan *w = &b->plan;
    const DfDeformProblem *p = w->p;
    const DfScoreTable table = df_deform_table(w, head);
    const DfLattice at = df_deform_lattice(w, t);
    const size_t key = df_deform_group_at(w, t->b, head) + (size_t)first;
    float *dpos = b->dpos + (((size_t)t->b * (size_t)p->heads + (size_t)head) * (size_t)p->keys + (size_t)first) * 2;
    float *const dtable = b->grads->table ? df_deform_table_origin(w, s->dtable) : NULL;
    memset(s->dkey, 0, 2 * (size_t)n * sizeof *s->dkey);
    w->k->table_bias_backward(dtable, s->dkey, s->grads.dp, &table, &at, w->key_y + key, w->key_x + key, n);
    for (int i = 0; i < n; i++) {
        dpos[2 * i] += s->dkey[2 * i] * (float)df_deform_cells(p->table_h);
        dpos[2 * i + 1] += s->dkey[2 * i + 1] * (float)df_deform_cells(p->table_w);
    }
}

/* Adds the gradient of a head's padded table, without its margins, to that of the table. */
static void add_table(const Backward *b, int head, float *dtable)
{
    const DfDeformPlan *w = &b->plan;
    const size_t H = (size_t)w->p->table_h;
    const size_t W = (size_t)w->p->table_w;
    const float *from = df_deform_table_origin(w, dtable);
    float *to = b->grads->table + (size_t)head * H * W;
    for (size_t y = 0; y < H; y++, from += w->stride, to += W)
        for (size_t x = 0; x < W; x++)
            to[x] += from[x];
}

/* Heads of a group share its positions. */
static void add_positions(const Backward *b)
{
    const DfDeformPlan *w = &b->plan;
    const size_t keys = (size_t)w->p->keys;
    for (int sample = 0; sample < w->p->B; sample++)
        for (int head = 0; head < w->p->heads; head++) {
            const float *from = b->dpos + ((size_t)sample * (size_t)w->p->heads + (size_t)head) * keys * 2;
            float *to = b->grads->pos + df_deform_group_at(w, sample, head) * 2;
            for (size_t i = 0; i < 2 * keys; i++)
                to[i] += from[i];
        }
}

/* Rows of the dense bias belong to queries, rows of a block to keys. */
static void dense_backward(const Backward *b, const DfDeformTile *t, int head, int first, int n, const Scratch *s)
{
    const DfDeformPlan *w = &b->plan;
    const size_t map = (size_t)w->H * (size_t)w->W;
    const size_t keys = (size_t)w->p->keys;
    const size_t sample = w->p->dense_batched ? (size_t)t->b : 0;
    float *to = b->grads->dense + (sample * (size_t)w->p->heads + (size_t)head) * map * keys + first;
    const float *rows[DF_KEY_BLOCK];
    for (int i = 0; i < n; i++)
        rows[i] = s->grads.dp + i * t->lanes;
    w->k->transpose_rows(s->turned, rows, n, DF_KEY_BLOCK, t->lanes, 1.0f);
    for (int r = 0; r < t->rows; r++)
        for (int j = 0; j < w->lanes; j++)
            s->to[r * w->lanes + j] = j < t->columns ? to + df_deform_query(w, t, r, j) * keys : NULL;
    w->k->add_rows(s->to, s->turned, t->lanes, n, DF_KEY_BLOCK, 1.0f);
}

/* ---- queries, keys, values -------------------------------------------------------------------------------------- */

/* Loads the data of a tile's queries: q, dout, lse, and delta = <out, dout>. */
static void load_tile(const Backward *b, const DfDeformTile *t, int head, Scratch *s)
{
    DfTileRoom *r = &s->tile;
    DfTileGrads *g = &s->grads;
    const DfDeformPlan *w = &b->plan;
    const size_t map = (size_t)w->H * (size_t)w->W;
    const float *lse = b->lse + ((size_t)t->b * (size_t)w->p->heads + (size_t)head) * map;
    df_deform_numbers(w, t, head, r->number);
    df_deform_rows(w, t, head, w->p->q, s->rows);
    w->k->transpose_rows(r->qt, s->rows, t->lanes, t->lanes, w->depth, w->p->scale);
    w->k->copy_rows(g->qq, s->rows, t->lanes, w->depth, w->width, w->p->scale);
    df_deform_rows(w, t, head, b->dout, s->rows);
    w->k->transpose_rows(g->dot, s->rows, t->lanes, t->lanes, w->depth, 1.0f);
    w->k->copy_rows(g->doo, s->rows, t->lanes, w->depth, w->width, 1.0f);
    df_deform_rows(w, t, head, b->out, s->dense);
    w->k->dot_rows(g->delta, s->rows, s->dense, t->lanes, t->lanes, w->depth);
    memset(g->dq, 0, (size_t)t->lanes * (size_t)w->width * sizeof *g->dq);
    memset(g->lse, 0, (size_t)t->lanes * sizeof *g->lse);
    for (int row = 0; row < t->rows; row++)
        memcpy(g->lse + row * w->lanes, lse + df_deform_query(w, t, row, 0), (size_t)t->columns * sizeof *lse);
}

/* Lanes without a query have scores from the table; this sets their gradients to zero. */
static void clear_idle_lanes(const DfDeformPlan *w, const DfDeformTile *t, int n, Scratch *s)
{
    for (int i = 0; i < n; i++)
        for (int r = 0; r < t->rows; r++)
            for (int j = t->columns; j < w->lanes; j++) {
                const int at = i * t->lanes + r * w->lanes + j;
                s->tile.s[at] = 0.0f;
                s->grads.dp[at] = 0.0f;
            }
}

static void drop(const DfDeformPlan *w, const DfDeformTile *t, int first, int n, const Scratch *s, float *block)
{
    if (w->p->dropout.key)
        w->k->drop(block, n, t->lanes, s->tile.number, first, &w->p->dropout, t->b);
}

/* The scores of a block again, then softmax back as in query_tile.c: s becomes p, dp becomes ds. */
static void backward_block(const Backward *b, const DfDeformTile *t, int head, int first, Scratch *s)
{
    DfTileRoom *r = &s->tile;
    DfTileGrads *g = &s->grads;
    const DfDeformPlan *w = &b->plan;
    const int keys = df_deform_keys(w, t->b);
    const int n = keys - first < DF_KEY_BLOCK ? keys - first : DF_KEY_BLOCK;
    const size_t lanes = (size_t)t->lanes;
    const size_t at = (size_t)first * (size_t)w->width;
    const size_t from = df_deform_head_at(w, t->b, head) + at;
    const DfDeformBlock block = { r->qt, r->s, s->table_rows, s->dense };
    df_deform_scores(w, t, head, first, n, &block);
    w->k->scores(g->dp, NULL, 0, w->vv + from, g->dot, df_round_up(n, DF_KEY_MULTIPLE), t->lanes, w->depth, w->width);
    drop(w, t, first, n, s, g->dp);
    w->k->softmax_backward(r->s, g->dp, n, t->lanes, g->lse, g->delta, NULL, 0);
    drop(w, t, first, n, s, r->s);
    clear_idle_lanes(w, t, n, s);
    w->k->combine(s->dv + at, g->ones, r->s, lanes, 1, g->doo, n, t->lanes, w->width);
    w->k->combine(s->dk + at, g->ones, g->dp, lanes, 1, g->qq, n, t->lanes, w->width);
    w->k->combine(g->dq, g->ones, g->dp, 1, lanes, w->kk + from, t->lanes, n, w->width);
    if (w->p->table && (b->grads->table || b->grads->pos))
        table_backward(b, t, head, first, n, s);
    if (b->grads->dense)
        dense_backward(b, t, head, first, n, s);
}

/* Adds a tile's gradients of queries to the map `dq` (B H W C). */
static void add_queries(const DfDeformPlan *w, const DfDeformTile *t, int head, float *dq, Scratch *s)
{
    const size_t C = (size_t)w->p->C;
    float *const to = dq + (size_t)t->b * (size_t)w->H * (size_t)w->W * C + (size_t)(head * w->depth);
    for (int r = 0; r < t->rows; r++)
        for (int j = 0; j < w->lanes; j++)
            s->to[r * w->lanes + j] = j < t->columns ? to + df_deform_query(w, t, r, j) * C : NULL;
    w->k->add_rows(s->to, s->grads.dq, t->lanes, w->depth, w->width, w->p->scale);
}

/* Adds a head's gradients of keys or values to `to` (B keys C), which may be NULL. */
static void add_keys(const DfDeformPlan *w, int sample, int head, float *to, const float *from, Scratch *s)
{
    const size_t C = (size_t)w->p->C;
    const int lanes = w->lanes * w->tile_rows;
    const int keys = to ? df_deform_keys(w, sample) : 0;
    for (int first = 0; first < keys; first += lanes) {
        const int n = keys - first < lanes ? keys - first : lanes;
        for (int i = 0; i < n; i++) {
            const size_t key = (size_t)sample * (size_t)w->p->keys + df_deform_key(w, sample, first + i);
            s->to[i] = to + key * C + (size_t)(head * w->depth);
        }
        w->k->add_rows(s->to, from + (size_t)first * (size_t)w->width, n, w->depth, w->width, 1.0f);
    }
}

static void backward_sample(const Backward *b, int sample, int head, Scratch *s)
{
    const DfDeformPlan *w = &b->plan;
    const size_t size = (size_t)w->keys * (size_t)w->width;
    memset(s->dk, 0, size * sizeof(float));
    memset(s->dv, 0, size * sizeof(float));
    for (int tile = 0; tile < w->tiles; tile++) {
        const DfDeformTile t = df_deform_tile(w, sample, tile);
        load_tile(b, &t, head, s);
        for (int first = 0; first < df_deform_keys(w, sample); first += DF_KEY_BLOCK)
            backward_block(b, &t, head, first, s);
        if (b->grads->q)
            add_queries(w, &t, head, b->grads->q, s);
    }
    add_keys(w, sample, head, b->grads->k, s->dk, s);
    add_keys(w, sample, head, b->grads->v, s->dv, s);
}

static void backward_task(void *arg, size_t task, void *scratch)
{
    const Backward *b = arg;
    DfCarver carver = { scratch, 0 };
    Scratch s = carve(&b->plan, &carver);
    memset(s.dtable, 0, df_deform_table_size(&b->plan) * sizeof *s.dtable);
    for (int sample = 0; sample < b->plan.p->B; sample++)
        backward_sample(b, sample, (int)task, &s);
    if (b->plan.p->table && b->grads->table)
        add_table(b, (int)task, s.dtable);
}

static size_t positions_size(const DfDeformProblem *p)
{
    return p->table ? (size_t)p->B * (size_t)p->heads * (size_t)p->keys * 2 : 0;
}

size_t df_deform_attention_backward_workspace(const DfDeformProblem *p)
{
    return df_deform_attention_workspace(p) + positions_size(p);
}

int df_deform_attention_backward(DfPool *pool, const DfAttentionKernels *k, const DfDeformProblem *p,
                                 const float *out, const float *lse, const float *dout, const DfDeformGrads *grads,
                                 float *workspace)
{
    if (p->keys == 0)
        return DF_OK;
    DfCarver carver = { (char *)workspace, 0 };
    DfCarver counter = { NULL, 0 };
    Backward b = { .plan = df_deform_plan(p, k, &carver), .out = out, .lse = lse, .dout = dout, .grads = grads };
    b.dpos = df_carve_floats(&carver, 1, positions_size(p));
    memset(b.dpos, 0, positions_size(p) * sizeof *b.dpos);
    const int err = df_deform_prepare(pool, &b.plan);
    if (err)
        return err;
    carve(&b.plan, &counter);
    const int failed = df_parallel(pool, (size_t)p->heads, counter.used, backward_task, &b);
    if (!failed && grads->pos && p->table)
        add_positions(&b);
    return failed;
}
