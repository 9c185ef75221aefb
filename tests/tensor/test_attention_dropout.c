/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/tensor/test_attention_dropout.c -- dropout of attention weights. Which are dropped can be seen from outside:
 * where the value of key j is 1 in channel j and 0 elsewhere, the result is the row of weights itself. What the op
 * without dropout gives has PyTorch as its witness (test_attention.c); gradients have central differences (test_ops.c).
 */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "tensor/tensor.h"

enum { B = 4, H = 16, W = 16, HEADS = 2, DEPTH = 8, C = HEADS * DEPTH, KEYS = 7, WINDOW = 2, Q = B * H * W };

static void fill(float *x, size_t n, uint64_t stream)
{
    DfRandom random = df_random(3, stream);
    for (size_t i = 0; i < n; i++)
        x[i] = (float)df_normal(&random);
}

/* The numbers of every case; `one_hot`: values show their keys. */
typedef struct {
    float q[Q * C], k[B * KEYS * C], v[B * KEYS * C], qkv[Q * 3 * C];
} Input;

static int token_of(size_t query) /* its number in the window */
{
    const size_t y = query / W % H, x = query % W;
    return (int)(y % WINDOW * WINDOW + x % WINDOW);
}

static void make(Input *in, bool one_hot)
{
    fill(in->q, Q * C, 1);
    fill(in->k, B * KEYS * C, 2);
    fill(in->v, B * KEYS * C, 3);
    fill(in->qkv, (size_t)Q * 3 * C, 4);
    for (size_t i = 0; one_hot && i < (size_t)B * KEYS * C; i++)
        in->v[i] = i % DEPTH == i / C % KEYS;
    for (size_t i = 0; one_hot && i < (size_t)Q * C; i++)
        in->qkv[i / C * 3 * C + 2 * C + i % C] = (int)(i % DEPTH) == token_of(i / C);
}

typedef DfTensor *Attend(DfCtx *, Input *, float drop);

static DfTensor *window(DfCtx *c, Input *in, float drop)
{
    DfTensor *qkv = df_borrow(c, DF_SHAPE(B, H, W, 3 * C), in->qkv);
    return df_window_attention(c, qkv, NULL, NULL,
                               (DfWindowAttention){ .window = WINDOW, .heads = HEADS, .scale = 0.3f, .drop = drop });
}

static DfTensor *deform(DfCtx *c, Input *in, float drop)
{
    DfTensor *q = df_borrow(c, DF_SHAPE(B, H, W, C), in->q);
    DfTensor *k = df_borrow(c, DF_SHAPE(B, KEYS, C), in->k), *v = df_borrow(c, DF_SHAPE(B, KEYS, C), in->v);
    return df_deform_attention(c, q, k, v, NULL, NULL,
                               (DfDeformAttention){ .heads = HEADS, .groups = 1, .scale = 0.3f, .drop = drop });
}

static void attend(Attend *run, Input *in, const char *rung, float drop, uint64_t step, float *out)
{
    DfCtx *c = NULL;
    cr_assert_eq(df_ctx_new(&c, NULL), DF_OK);
    c->k = df_kernels_named(rung);
    c->training = true;
    df_ctx_seed(c, 1, step, 0);
    const DfTensor *y = run(c, in, drop);
    cr_assert_eq(df_ctx_error(c), DF_OK, "%s", df_error());
    memcpy(out, y->data, df_size(y) * sizeof *out);
    df_ctx_free(c);
}

/* Of the weights w that exist, those that are kept are w / (1 - p), as many as they should be, others in every head,
 * sample and step. Row i of a case has its weights in channels 0..n-1 of each head. */
static void check_mask(const float *plain, const float *dropped, const float *other, int n)
{
    size_t zeros = 0, like_before = 0, like_other_head = 0, like_other_step = 0, all = 0;
    for (size_t i = 0; i < (size_t)Q * C; i++) {
        const int j = (int)(i % DEPTH);
        if (j >= n)
            continue;
        const bool zero = dropped[i] == 0;
        if (!zero)
            cr_assert_float_eq((double)dropped[i], (double)plain[i] / 0.5, 1e-5);
        zeros += zero;
        like_before += zero == (dropped[(i + (size_t)H * W * C) % ((size_t)Q * C)] == 0);
        like_other_head += zero == (dropped[i ^ DEPTH] == 0);
        like_other_step += zero == (other[i] == 0);
        all++;
    }
    cr_expect_float_eq((double)zeros / (double)all, 0.5, 0.03, "%g of all are dropped", (double)zeros / (double)all);
    cr_expect_float_eq((double)like_before / (double)all, 0.5, 0.03, "samples");
    cr_expect_float_eq((double)like_other_head / (double)all, 0.5, 0.03, "heads");
    cr_expect_float_eq((double)like_other_step / (double)all, 0.5, 0.03, "steps");
}

/* y = the sum over keys of weight v, with the weights that were seen. */
static void check_sum(const float *weights, const Input *in, const float *y, bool windows, int n)
{
    for (size_t i = 0; i < (size_t)Q * C; i++) {
        const size_t query = i / C, channel = i % C, head = channel / DEPTH;
        double sum = 0;
        for (size_t j = 0; j < (size_t)n; j++) {
            const size_t first = query - query / W % WINDOW * W - query % WINDOW; /* the window's first token */
            const size_t token = first + j / WINDOW * W + j % WINDOW;
            const float v = windows ? in->qkv[token * 3 * C + 2 * C + channel]
                                    : in->v[(query / (H * W) * KEYS + j) * C + channel];
            sum += (double)weights[query * C + head * DEPTH + j] * (double)v;
        }
        cr_assert_float_eq((double)y[i], sum, 1e-5);
    }
}

static void check(Attend *run, bool windows, int n)
{
    enum { SIZE = Q * C };
    Input *in = df_malloc(sizeof *in);
    float *y = df_malloc(4 * SIZE * sizeof *y);
    float *const plain = y, *const dropped = y + SIZE, *const other = y + 2 * SIZE, *const sum = y + 3 * SIZE;
    for (int i = 0; df_kernels_rung(i); i++) {
        make(in, true);
        attend(run, in, df_kernels_rung(i), 0, 1, plain);
        attend(run, in, df_kernels_rung(i), 0.5f, 1, dropped);
        attend(run, in, df_kernels_rung(i), 0.5f, 2, other);
        check_mask(plain, dropped, other, n);
        make(in, false);
        attend(run, in, df_kernels_rung(i), 0.5f, 1, sum);
        check_sum(dropped, in, sum, windows, n);
    }
    df_free(y);
    df_free(in);
}

Test(attention_dropout, window)
{
    check(window, true, WINDOW * WINDOW);
}

Test(attention_dropout, deform)
{
    check(deform, false, KEYS);
}
