/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/attention/window_branch.c -- the attention branch of a Swin block, fused: layer norm, qkv projection, window
 * attention and output projection, a few windows at a time. As separate passes these steps would write and read maps
 * of C, 3C and C channels, which are larger than the caches for a detector's image. Here a task takes a few
 * neighbouring windows through all steps. Their tokens stay in scratch that fits into the second-level cache; of the
 * maps only x, the residual and the result are read or written.
 */
#include <string.h>

#include "core/core.h"
#include "kernels/attention/window_branch.h"
#include "kernels/attention/window_plan.h"

enum {
    ROWS = 192,         /* tokens of a task; many, so that weights are read rarely, ...    */
    FEWEST_ROWS = 96,   /* ... but fewer (as in df_gemm_packed()) if tasks would be few    */
    ENOUGH_TASKS = 24,  /* tasks a sample that keep all threads busy                       */
    MOST_CHANNELS = 384 /* with more channels, separate passes are faster                  */
};

typedef struct {
    const DfWindowBranchProblem *b;
    const DfKernels *k;
    DfWindowPlan plan;
    int group, groups;  /* windows of a task; tasks of a row of windows */
    float *out;
} Branch;

/* The tokens of a task, one after the other, without padding. */
typedef struct {
    size_t n;
    ptrdiff_t *token;
    float *x;           /* n C: normalised; then attention's results   */
    float *qkv;         /* n 3C; then results and residuals, n C each  */
    DfWindowRows window;
    void *product;      /* scratch of products */
} Tokens;

static int smaller(int a, int b)
{
    return a < b ? a : b;
}

static int groups_of(const DfWindowPlan *w, int group) /* in a row of windows */
{
    return (w->columns + group - 1) / group;
}

/* How many windows a task takes. */
static int group_of(const DfWindowPlan *w)
{
    const int most = smaller((ROWS + w->t.tokens - 1) / w->t.tokens, w->columns);
    const int fewest = smaller((FEWEST_ROWS + w->t.tokens - 1) / w->t.tokens, w->columns);
    return w->rows * groups_of(w, most) >= ENOUGH_TASKS ? most : fewest;
}

static Tokens carve(const Branch *f, DfCarver *c)
{
    const size_t n = (size_t)f->group * (size_t)f->plan.t.tokens;
    const size_t C = (size_t)f->plan.p->C;
    const size_t first = df_packed_scratch(f->b->qkv, n, C);
    const size_t second = df_packed_scratch(f->b->proj, n, C);
    Tokens t = { 0 };
    t.token = df_carve(c, n, sizeof *t.token);
    t.x = df_carve_floats(c, n, C);
    t.qkv = df_carve_floats(c, n, 3 * C);
    t.window = df_window_rows(&f->plan.t, c);
    t.product = df_carve(c, first > second ? first : second, 1);
    return t;
}

/* How many tokens from the i-th on stand side by side in the map. */
static size_t run_of(const Tokens *t, size_t i)
{
    size_t n = 1;
    while (i + n < t->n && t->token[i + n] == t->token[i] + (ptrdiff_t)n)
        n++;
    return n;
}

static void list_tokens(const Branch *f, Tokens *t, int b, int row, int first, int end)
{
    t->n = 0;
    for (int column = first; column < end; column++) {
        df_window_find_tokens(&f->plan, &t->window, b, row, column);
        for (int i = 0; i < f->plan.t.tokens; i++)
            if (t->window.at[i] >= 0)
                t->token[t->n++] = t->window.at[i];
    }
}

static void fetch_rows(const Branch *f, const Tokens *t, float *to, const float *map, bool norm)
{
    const DfWindowBranchProblem *b = f->b;
    const size_t C = (size_t)b->attention.C;
    for (size_t i = 0, n; i < t->n; i += n) {
        n = run_of(t, i);
        const float *from = map + (size_t)t->token[i] * C;
        if (norm)
            f->k->pointwise.layer_norm(to + i * C, from, b->norm_weight, b->norm_bias, n, C, b->eps, NULL);
        else
            memcpy(to + i * C, from, n * C * sizeof *to);
    }
}

/* Prefetches the rows that the next task reads, one group of windows to the right. */
static void prefetch_next(const Branch *f, const Tokens *t)
{
    enum { LINE = 16 };
    const DfWindowProblem *p = &f->b->attention;
    const size_t C = (size_t)p->C;
    const ptrdiff_t tokens = (ptrdiff_t)p->B * p->H * p->W;
    for (size_t i = 0; i < t->n; i++) {
        const ptrdiff_t token = t->token[i] + f->group * p->window;
        for (size_t j = 0; token < tokens && j < C; j += LINE)
            df_prefetch(f->b->x + (size_t)token * C + j);
    }
}

/* t->x = attention(t->qkv), window by window, in the order of list_tokens(). */
static void attend(const Branch *f, Tokens *t, int b, int row, int first, int end)
{
    DfWindowProblem own = f->b->attention;
    DfWindowPlan plan = f->plan;
    const DfWindowKind kind = { &plan.t, &plan, df_window_tile_scores, NULL };
    ptrdiff_t next = 0;
    own.qkv = t->qkv;
    for (int column = first; column < end; column++) {
        df_window_find_tokens(&f->plan, &t->window, b, row, column);
        for (int i = 0; i < plan.t.tokens; i++)
            t->window.at[i] = t->window.at[i] < 0 ? -1 : next++;
        plan.p = &own;
        for (int h = 0; h < own.heads; h++) {
            df_window_find_rows(&plan, &t->window, h);
            df_window_forward(&kind, &t->window, h, t->x, NULL);
        }
    }
}

/* Computes the output projection and stores its rows at their tokens. */
static void finish(const Branch *f, Tokens *t)
{
    const size_t C = (size_t)f->b->attention.C;
    float *y = t->qkv;
    DfEpilogue e = f->b->e;
    if (e.residual) {
        float *residual = e.scale ? y + t->n * C : y;
        fetch_rows(f, t, residual, e.residual, false);
        e.residual = residual;
    }
    df_packed_rows(f->k, t->n, t->x, C, f->b->proj, 0, 0, C, y, C, &e, t->product);
    for (size_t i = 0, n; i < t->n; i += n) {
        n = run_of(t, i);
        memcpy(f->out + (size_t)t->token[i] * C, y + i * C, n * C * sizeof *y);
    }
}

static void branch_task(void *arg, size_t task, void *scratch)
{
    const Branch *f = arg;
    const size_t C = (size_t)f->plan.p->C;
    const DfEpilogue bias = { .bias = f->b->attention.pad };
    DfCarver carver = { scratch, 0 };
    Tokens t = carve(f, &carver);
    const int first = (int)(task % (size_t)f->groups) * f->group;
    const int end = smaller(first + f->group, f->plan.columns);
    const size_t line = task / (size_t)f->groups; /* a row of windows, of all samples */
    const int b = (int)(line / (size_t)f->plan.rows);
    const int row = (int)(line % (size_t)f->plan.rows);
    list_tokens(f, &t, b, row, first, end);
    fetch_rows(f, &t, t.x, f->b->x, f->b->norm);
    if (end < f->plan.columns)
        prefetch_next(f, &t);
    df_packed_rows(f->k, t.n, t.x, C, f->b->qkv, 0, 0, 3 * C, t.qkv, 3 * C, &bias, t.product);
    attend(f, &t, b, row, first, end);
    finish(f, &t);
}

bool df_window_branch_pays(const DfWindowProblem *p)
{
    const DfWindowPlan w = df_window_plan(p, NULL);
    return p->C <= MOST_CHANNELS && w.rows * groups_of(&w, group_of(&w)) >= ENOUGH_TASKS;
}

int df_window_branch_forward(DfPool *pool, const DfKernels *k, const DfWindowBranchProblem *b, float *out,
                             float *workspace)
{
    const DfAttentionKernels *leaves = df_attention_leaves(k, b->precision, &b->attention.dropout);
    Branch f = { .b = b, .k = k, .plan = df_window_plan(&b->attention, leaves), .out = out };
    DfCarver carver = { NULL, 0 };
    f.group = group_of(&f.plan);
    f.groups = groups_of(&f.plan, f.group);
    carve(&f, &carver);
    const int error = b->attention.table ? df_window_expand_bias(pool, &f.plan, workspace) : DF_OK;
    if (error)
        return error;
    const size_t tasks = (size_t)b->attention.B * (size_t)f.plan.rows * (size_t)f.groups;
    return df_parallel(pool, tasks, carver.used, branch_task, &f);
}
