/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/deform/deform_attention_backward.c -- gradients of deformable attention, scores recomputed block by block
 * from the saved logarithm of their sums. A task is one head with all samples, so that what samples share (tables)
 * is summed in one order.
 */
#include <string.h>

#include "kernels/deform/plan.h"

/* combine() multiplies what is there before it adds: by 1, for each lane or each key of a block. */
enum { ONES = (int)DF_LANES > (int)DF_KEY_BLOCK ? (int)DF_LANES : (int)DF_KEY_BLOCK };

typedef struct {
    DfDeformPlan plan;
    const float *out, *lse, *dout;
    const DfDeformGrads *grads;
    float *dpos;                    /* B heads keys 2: each head's part of the gradient of its group */
} Backward;

typedef struct {
    const float **rows, **dense; /* lanes                                                    */
    float *qt, *dot;             /* queries, scaled, and dout, turned: width lanes           */
    float *qq, *doo, *dq;        /* the same row by row, and the queries' gradient: lanes width */
    float *s, *dp;               /* scores of one block and their gradient: DF_KEY_BLOCK lanes */
    float *dk, *dv;              /* of a sample: keys width                                  */
    float *lse, *delta;          /* lanes                                                    */
    float *ones;
    float *table_rows;           /* a row of the table at some y, and its slope along x      */
    float *row_grad;             /* the gradient of that row                                 */
    double (*sums)[2];           /* up to each query of a row of scores, of two things: lanes + 1 */
    uint32_t *number;            /* of dropout: lanes                                        */
} Scratch;

static Scratch carve(const DfDeformPlan *w, DfCarver *c)
{
    const size_t lanes = (size_t)w->lanes * (size_t)w->tile_rows;
    const size_t width = (size_t)w->width;
    const size_t keys = (size_t)w->keys;
    Scratch s = { 0 };
    s.rows = df_carve(c, lanes, sizeof *s.rows);
    s.dense = df_carve(c, lanes, sizeof *s.dense);
    s.qt = df_carve_floats(c, width, lanes);
    s.dot = df_carve_floats(c, width, lanes);
    s.qq = df_carve_floats(c, lanes, width);
    s.doo = df_carve_floats(c, lanes, width);
    s.s = df_carve_floats(c, DF_KEY_BLOCK, lanes);
    s.dp = df_carve_floats(c, DF_KEY_BLOCK, lanes);
    s.dq = df_carve_floats(c, lanes, width);
    s.dk = df_carve_floats(c, keys, width);
    s.dv = df_carve_floats(c, keys, width);
    s.lse = df_carve_floats(c, 1, lanes);
    s.delta = df_carve_floats(c, 1, lanes);
    s.ones = df_carve_floats(c, 1, ONES);
    s.table_rows = df_carve_floats(c, 2 * DF_TABLE_ROWS, (size_t)w->stride);
    s.row_grad = df_carve_floats(c, 1, (size_t)w->stride);
    s.sums = df_carve(c, lanes + 1, sizeof *s.sums);
    s.number = df_carve(c, lanes, sizeof *s.number);
    return s;
}

/* ---- the table -------------------------------------------------------------------------------------------------- */

/* The bias of query m and key i interpolates the table T at (y, x) = grid[m] - p[i], in cells. With v, u the parts of a
 * cell along y, x and T00 .. T11 its corners:
 *     bias = (1 - v) ((1 - u) T00 + u T01) + v ((1 - u) T10 + u T11)
 * so the gradient ds of a score goes to the corners by their shares, and to the position by the slopes
 *     d bias / dx = (1 - v) (T01 - T00) + v (T11 - T10)      d bias / dy = (1 - u) (T10 - T00) + u (T11 - T01)
 * (dp = - of these, times the cells per unit). As in the forward pass this falls apart: a row of queries first sums its
 * shares along x into one row, which then goes to the two rows of the table. */

enum {
    WAYS = 8,      /* columns at a time: padded tables have room for it */
    FAR = 1 << 20  /* more queries than a row has                       */
};

static float sum_of(const float *x)
{
    float sum = 0.0f;
    for (int k = 0; k < WAYS; k++)
        sum += x[k];
    return sum;
}

/* df_table_row(), a few columns at a time: a row of the table at height y, and its slope along x. */
static void interpolate_row(float *value, float *slope, const DfScoreTable *table, float y)
{
    const DfCell cell = df_table_cell(y, table->h);
    const float b = cell.part, a = 1.0f - b;
    const float *top = table->value + (ptrdiff_t)cell.at * table->stride - DF_TABLE_MARGIN;
    const float *bottom = top + table->stride;
    const int n = table->w + 2 * DF_TABLE_MARGIN;
    for (int x = 0; x <= n; x += WAYS)
        for (int k = 0; k < WAYS; k++)
            value[x + k] = a * top[x + k] + b * bottom[x + k];
    for (int x = 0; x < n; x += WAYS)
        for (int k = 0; k < WAYS; k++)
            slope[x + k] = value[x + k + 1] - value[x + k];
}

/* The queries of a row stand on a lattice: query j at x0 + j step. */
typedef struct {
    double x0, step, queries; /* queries: in a column of the table, 1 / step */
    int n;
} Row;

/* The first query at or behind the place where query `at` would be. */
static inline int first_from(const Row *row, double at)
{
    const double inside = at < row->n ? at : row->n;
    const int whole = inside > 0 ? (int)inside : 0;
    return whole + (whole < inside);
}

/* Sums up to each query: of the gradients of a row of scores, and of these times the query's place. */
static void add_up(const Row *row, const float *ds, double (*sums)[2])
{
    double g = 0, gx = 0;
    for (int j = 0; j < row->n; j++) {
        sums[j][0] = g;
        sums[j][1] = gx;
        g += (double)ds[j];
        gx += (double)ds[j] * (row->x0 + j * row->step);
    }
    sums[row->n][0] = g;
    sums[row->n][1] = gx;
}

/* Spreads the gradient of one row of scores along x, into s->row_grad (column -2 first); returns that by x. The queries
 * between columns c and c + 1 are neighbors. With u_j their parts of the cell, and G, U the sums of ds_j and ds_j u_j
 * over them, column c gets G - U, column c + 1 gets U, and the gradient by x is G times the slope there. As u_j is
 * x_j - c, both are differences of two running sums, and nothing is scattered. */
static float spread_columns(const DfDeformPlan *w, Scratch *s, const float *ds, const Row *row, float key_x)
{
    const float *slope = s->table_rows + w->stride + DF_TABLE_MARGIN;
    float *to = s->row_grad + DF_TABLE_MARGIN;
    double dx = 0, carried = 0;
    add_up(row, ds, s->sums);
    const double first = ((double)key_x - row->x0) * row->queries; /* what would be query at column 0 */
    int from = first_from(row, first - row->queries);
    for (int c = -1; c < w->p->table_w; c++) {
        const int end = first_from(row, first + (c + 1) * row->queries);
        const double g = s->sums[end][0] - s->sums[from][0];
        const double u = s->sums[end][1] - s->sums[from][1] - ((double)key_x + c) * g;
        to[c] = (float)(g - u + carried);
        carried = u;
        dx += g * (double)slope[c];
        from = end;
    }
    return (float)dx;
}

static void add_share(float *to, const float *g, float share, int n)
{
    int x = 0;
    for (; x + WAYS <= n; x += WAYS)
        for (int k = 0; k < WAYS; k++)
            to[x + k] += g[x + k] * share;
    for (; x < n; x++)
        to[x] += g[x] * share;
}

/* Spreads s->row_grad over the two table rows around y; returns the gradient by y. */
static float spread_rows(const DfDeformPlan *w, const Scratch *s, const DfScoreTable *table, float y, float *dtable)
{
    const DfCell cell = df_table_cell(y, table->h);
    const float *top = table->value + (ptrdiff_t)cell.at * table->stride;
    const float *bottom = top + table->stride;
    const float *g = s->row_grad + DF_TABLE_MARGIN;
    float dy[WAYS] = { 0 };
    for (int x = 0; x < table->w; x += WAYS)
        for (int k = 0; k < WAYS; k++)
            dy[k] += g[x + k] * (bottom[x + k] - top[x + k]);
    if (dtable && cell.at >= 0 && cell.at < table->h)
        add_share(dtable + cell.at * w->p->table_w, g, 1.0f - cell.part, table->w);
    if (dtable && cell.at + 1 >= 0 && cell.at + 1 < table->h)
        add_share(dtable + (cell.at + 1) * w->p->table_w, g, cell.part, table->w);
    return sum_of(dy) + 0.0f * cell.part; /* NaN if y is */
}

static Row row_of(const DfDeformPlan *w, const DfDeformTile *t)
{
    const DfDeformProblem *p = w->p;
    if (p->W == 1 && !p->half_pixel) /* that there is no place is in y */
        return (Row){ 0, 1, 1, t->columns };
    const double first = df_deform_query_cell(t->first_column, p->W, p->half_pixel, p->table_w);
    const double next = df_deform_query_cell(t->first_column + 1, p->W, p->half_pixel, p->table_w);
    if (p->table_w == 1) /* all of them are in its only column */
        return (Row){ first, 0, FAR, t->columns };
    return (Row){ first, next - first, 1 / (next - first), t->columns };
}

static void table_backward(const Backward *b, const DfDeformTile *t, int head, int first, int n, Scratch *s)
{
    const DfDeformPlan *w = &b->plan;
    const DfDeformProblem *p = w->p;
    const DfScoreTable table = df_deform_table(w, head);
    const size_t key = df_deform_group_at(w, t->b, head) + (size_t)first;
    float *dtable = b->grads->table ? b->grads->table + (size_t)head * (size_t)p->table_h * (size_t)p->table_w : NULL;
    float *dpos = b->dpos + (((size_t)t->b * (size_t)p->heads + (size_t)head) * (size_t)p->keys + (size_t)first) * 2;
    const Row row = row_of(w, t);
    memset(s->row_grad, 0, (size_t)w->stride * sizeof *s->row_grad);
    for (int i = 0; i < n; i++)
        for (int r = 0; r < t->rows; r++) {
            const float *ds = s->dp + i * t->lanes + r * w->lanes;
            const float y = w->y[t->first_row + r] - w->key_y[key + (size_t)i];
            interpolate_row(s->table_rows, s->table_rows + w->stride, &table, y);
            const float dx = spread_columns(w, s, ds, &row, w->key_x[key + (size_t)i]);
            const float dy = spread_rows(w, s, &table, y, dtable);
            dpos[2 * i] -= dy * (float)df_deform_cells(p->table_h);
            dpos[2 * i + 1] -= dx * (float)df_deform_cells(p->table_w);
        }
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

static void dense_backward(const Backward *b, const DfDeformTile *t, int head, int first, int n, const Scratch *s)
{
    const DfDeformPlan *w = &b->plan;
    const size_t map = (size_t)w->H * (size_t)w->W;
    const size_t keys = (size_t)w->p->keys;
    const size_t sample = w->p->dense_batched ? (size_t)t->b : 0;
    float *to = b->grads->dense + (sample * (size_t)w->p->heads + (size_t)head) * map * keys + first;
    for (int r = 0; r < t->rows; r++)
        for (int j = 0; j < t->columns; j++)
            for (int i = 0; i < n; i++)
                to[df_deform_query(w, t, r, j) * keys + (size_t)i] += s->dp[i * t->lanes + r * w->lanes + j];
}

/* ---- queries, keys, values -------------------------------------------------------------------------------------- */

/* All that a tile needs of its queries: q, dout, lse, and delta = <out, dout>. */
static void load_tile(const Backward *b, const DfDeformTile *t, int head, Scratch *s)
{
    const DfDeformPlan *w = &b->plan;
    const size_t map = (size_t)w->H * (size_t)w->W;
    const float *lse = b->lse + ((size_t)t->b * (size_t)w->p->heads + (size_t)head) * map;
    df_deform_numbers(w, t, head, s->number);
    df_deform_rows(w, t, head, w->p->q, s->rows);
    w->k->transpose_rows(s->qt, s->rows, t->lanes, t->lanes, w->depth, w->p->scale);
    w->k->copy_rows(s->qq, s->rows, t->lanes, w->depth, w->width, w->p->scale);
    df_deform_rows(w, t, head, b->dout, s->rows);
    w->k->transpose_rows(s->dot, s->rows, t->lanes, t->lanes, w->depth, 1.0f);
    w->k->copy_rows(s->doo, s->rows, t->lanes, w->depth, w->width, 1.0f);
    df_deform_rows(w, t, head, b->out, s->rows);
    memset(s->dq, 0, (size_t)t->lanes * (size_t)w->width * sizeof *s->dq);
    for (int lane = 0; lane < t->lanes; lane++) {
        const bool real = s->rows[lane];
        s->lse[lane] = real ? lse[df_deform_query(w, t, lane / w->lanes, lane % w->lanes)] : 0.0f;
        s->delta[lane] = 0.0f;
        for (int d = 0; real && d < w->depth; d++)
            s->delta[lane] += s->rows[lane][d] * s->doo[lane * w->width + d];
    }
}

/* Lanes without a query have no gradient; their scores are whatever the table says there. */
static void clear_idle_lanes(const DfDeformPlan *w, const DfDeformTile *t, int n, Scratch *s)
{
    for (int i = 0; i < n; i++)
        for (int r = 0; r < t->rows; r++)
            for (int j = t->columns; j < w->lanes; j++)
                s->s[i * t->lanes + r * w->lanes + j] = s->dp[i * t->lanes + r * w->lanes + j] = 0.0f;
}

static void drop(const DfDeformPlan *w, const DfDeformTile *t, int first, int n, const Scratch *s, float *block)
{
    if (w->p->dropout.key)
        w->k->drop(block, n, t->lanes, s->number, first, &w->p->dropout, t->b);
}

/* The scores of a block again, then softmax back as in window_tiles.c: s becomes p, dp becomes ds. */
static void backward_block(const Backward *b, const DfDeformTile *t, int head, int first, Scratch *s)
{
    const DfDeformPlan *w = &b->plan;
    const int keys = df_deform_keys(w, t->b);
    const int n = keys - first < DF_KEY_BLOCK ? keys - first : DF_KEY_BLOCK;
    const size_t lanes = (size_t)t->lanes;
    const size_t at = (size_t)first * (size_t)w->width;
    const size_t from = df_deform_head_at(w, t->b, head) + at;
    const DfDeformBlock block = { s->qt, s->s, s->table_rows, s->dense };
    df_deform_scores(w, t, head, first, n, &block);
    w->k->scores(s->dp, NULL, 0, w->vv + from, s->dot, df_round_up(n, DF_KEY_MULTIPLE), t->lanes, w->depth, w->width);
    drop(w, t, first, n, s, s->dp);
    w->k->softmax_backward(s->s, s->dp, n, t->lanes, s->lse, s->delta);
    drop(w, t, first, n, s, s->s);
    clear_idle_lanes(w, t, n, s);
    w->k->combine(s->dv + at, s->ones, s->s, lanes, 1, s->doo, n, t->lanes, w->width);
    w->k->combine(s->dk + at, s->ones, s->dp, lanes, 1, s->qq, n, t->lanes, w->width);
    w->k->combine(s->dq, s->ones, s->dp, 1, lanes, w->kk + from, t->lanes, n, w->width);
    if (w->p->table && (b->grads->table || b->grads->pos))
        table_backward(b, t, head, first, n, s);
    if (b->grads->dense)
        dense_backward(b, t, head, first, n, s);
}

static void add_rows(float *to, size_t stride, const float *from, int width, int rows, int depth, float factor)
{
    for (int i = 0; i < rows; i++, to += stride, from += width)
        for (int d = 0; d < depth; d++)
            to[d] += factor * from[d];
}

static void backward_sample(const Backward *b, int sample, int head, Scratch *s)
{
    const DfDeformPlan *w = &b->plan;
    const size_t C = (size_t)w->p->C;
    const size_t size = (size_t)w->keys * (size_t)w->width;
    const size_t kv = (size_t)sample * (size_t)w->p->keys * C + (size_t)(head * w->depth);
    const size_t q = (size_t)sample * (size_t)w->H * (size_t)w->W * C + (size_t)(head * w->depth);
    memset(s->dk, 0, size * sizeof(float));
    memset(s->dv, 0, size * sizeof(float));
    for (int tile = 0; tile < w->tiles; tile++) {
        const DfDeformTile t = df_deform_tile(w, sample, tile);
        load_tile(b, &t, head, s);
        for (int first = 0; first < df_deform_keys(w, sample); first += DF_KEY_BLOCK)
            backward_block(b, &t, head, first, s);
        for (int r = 0; b->grads->q && r < t.rows; r++)
            add_rows(b->grads->q + q + df_deform_query(w, &t, r, 0) * C, C, s->dq + r * w->lanes * w->width, w->width,
                     t.columns, w->depth, w->p->scale);
    }
    for (int i = 0; i < df_deform_keys(w, sample); i++) {
        const size_t to = kv + df_deform_key(w, sample, i) * C;
        if (b->grads->k)
            add_rows(b->grads->k + to, 0, s->dk + i * w->width, 0, 1, w->depth, 1.0f);
        if (b->grads->v)
            add_rows(b->grads->v + to, 0, s->dv + i * w->width, 0, 1, w->depth, 1.0f);
    }
}

static void backward_task(void *arg, size_t task, void *scratch)
{
    const Backward *b = arg;
    DfCarver carver = { scratch, 0 };
    Scratch s = carve(&b->plan, &carver);
    for (int i = 0; i < ONES; i++)
        s.ones[i] = 1.0f;
    for (int sample = 0; sample < b->plan.p->B; sample++)
        backward_sample(b, sample, (int)task, &s);
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
