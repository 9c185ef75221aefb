/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/gemm/mlp.c -- two products with packed weights and an activation between them. The hidden layer, four
 * times as wide as its input in a transformer, exists for a few rows at a time, in the cache.
 */
#include "kernels/gemm/int8.h"

enum {
    MLP_ROWS = 48,  /* rows of the hidden layer that exist at a time: 576 KiB if it is 3072 wide */
    MLP_TASKS = 16  /* with fewer tasks than this, two products are cut into more pieces         */
};

typedef struct {
    const DfKernels *k;
    size_t M, tasks;
    const float *x;       /* M in           */
    const DfPacked *w1;   /* in H           */
    const DfPacked *w2;   /* H out          */
    float *y;             /* M out          */
    DfEpilogue hidden, e; /* of each layer  */
    size_t more;          /* bytes of scratch that the products want */
} Mlp;

static size_t hidden_size(const Mlp *p, size_t rows)
{
    return df_ceil_div(rows * (p->w1->n + DF_ROW_PAD), DF_PANEL) * DF_PANEL; /* floats; what follows is aligned */
}

static void mlp_task(void *arg, size_t task, void *scratch)
{
    const Mlp *p = arg;
    const size_t row = df_cut(p->M, p->tasks, task);
    const size_t rows = df_cut(p->M, p->tasks, task + 1) - row;
    const size_t in = p->w1->k;
    const size_t hidden = p->w1->n;
    const size_t out = p->w2->n;
    const DfEpilogue e = df_epilogue_at(&p->e, row, out, 0);
    float *const h = scratch;
    void *const rounded = p->more ? h + hidden_size(p, rows) : NULL;
    df_packed_rows(p->k, rows, p->x + row * in, in, p->w1, 0, 0, hidden, h, hidden + DF_ROW_PAD, &p->hidden, rounded);
    df_packed_rows(p->k, rows, h, hidden + DF_ROW_PAD, p->w2, 0, 0, out, p->y + row * out, out, &e, rounded);
}

/* Too few rows to keep many threads busy: two products one after the other, with the whole hidden layer between
 * them. */
static int mlp_in_two(DfPool *pool, const Mlp *p)
{
    const size_t hidden = p->w1->n;
    float *h = df_malloc(p->M * hidden * sizeof *h);
    if (!h)
        return df_fail_memory("a hidden layer");
    int error = df_gemm_packed(pool, p->k, p->M, p->x, p->w1->k, p->w1, h, hidden, p->hidden);
    if (!error)
        error = df_gemm_packed(pool, p->k, p->M, h, hidden, p->w2, p->y, p->w2->n, p->e);
    df_free(h);
    return error;
}

int df_mlp_packed(DfPool *pool, const DfKernels *k, size_t M, const float *x, const DfPacked *w1, const float *b1,
                  DfAct act, const DfPacked *w2, float *y, DfEpilogue e)
{
    Mlp p = { .k = k, .M = M, .x = x, .w1 = w1, .w2 = w2, .y = y, .hidden = { .bias = b1, .act = act }, .e = e };
    if (w1->int8 && w2->int8)
        return df_int8_mlp(pool, k, M, x, w1, b1, act, w2, y, e);
    p.tasks = df_even_parts(df_ceil_div(M, MLP_ROWS));
    if (p.tasks < MLP_TASKS)
        return mlp_in_two(pool, &p);
    const size_t rows = df_ceil_div(M, p.tasks);
    const size_t first = df_packed_scratch(w1, rows, 0);
    const size_t second = df_packed_scratch(w2, rows, 0);
    p.more = first > second ? first : second;
    return df_parallel(pool, p.tasks, hidden_size(&p, rows) * sizeof(float) + p.more, mlp_task, &p);
}
