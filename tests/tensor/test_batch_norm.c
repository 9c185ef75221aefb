/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/tensor/test_batch_norm.c -- statistics that move after the pass and in the order of the visits; variances that
 * are none; a norm that is synchronized between two processes, here two threads, against the whole batch in one.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <pthread.h>
#include <string.h>

#include "tensor/tensor.h"

enum { ROWS = 12, C = 5, SPLIT = 4 };

static void fill(float *x, size_t n, uint64_t stream)
{
    DfRandom random = df_random(11, stream);
    for (size_t i = 0; i < n; i++)
        x[i] = (float)df_normal(&random);
}

/* ---- one after the other ----------------------------------------------------------------------------------------- */

static void expect_moved(const float *running, const float *once, const float *twice, double momentum)
{
    for (size_t j = 0; j < C; j++) {
        double mean[2] = { 0, 0 };
        for (size_t i = 0; i < ROWS; i++) {
            mean[0] += (double)once[i * C + j] / ROWS;
            mean[1] += (double)twice[i * C + j] / ROWS;
        }
        const double after = (1 - momentum) * (momentum * mean[0]) + momentum * mean[1];
        cr_expect_float_eq((double)running[j], after, 1e-6);
    }
}

Test(batch_norm, a_module_visited_twice_moves_in_order)
{
    DfCtx *c = NULL;
    cr_assert_eq(df_ctx_new(&c, NULL), DF_OK);
    float x[2][ROWS * C], running[2][C] = { { 0 }, { 1, 1, 1, 1, 1 } };
    fill(x[0], ROWS * C, 1);
    fill(x[1], ROWS * C, 2);
    DfTensor *mean = df_borrow(c, DF_SHAPE(C), running[0]), *var = df_borrow(c, DF_SHAPE(C), running[1]);
    for (int i = 0; i < 2; i++)
        df_batch_norm(c, df_borrow(c, DF_SHAPE(ROWS, C), x[i]), NULL, NULL, mean, var, DF_BY_BATCH, 0.3f, 1e-5f);
    cr_expect_eq(running[0][0], 0, "not in the pass");
    cr_expect(df_apply_statistics(c));
    expect_moved(running[0], x[0], x[1], 0.3);
    const float kept = running[0][0];
    cr_expect_not(df_apply_statistics(c), "once");
    df_batch_norm(c, df_borrow(c, DF_SHAPE(ROWS, C), x[0]), NULL, NULL, mean, var, DF_BY_BATCH, 0.3f, 1e-5f);
    df_reset(c);
    cr_expect_not(df_apply_statistics(c), "a reset forgets");
    cr_expect_eq(running[0][0], kept);
    df_ctx_free(c);
}

/* ---- a variance that has no root --------------------------------------------------------------------------------- */

static void norm(DfCtx *c, DfTensor *x, DfTensor *mean, DfTensor *var, float eps)
{
    df_batch_norm(c, x, NULL, NULL, mean, var, DF_BY_RUNNING, 0.1f, eps);
}

static void norm_fused(DfCtx *c, DfTensor *x, DfTensor *mean, DfTensor *var, float eps)
{
    df_batch_norm_fused(c, x, NULL, NULL, mean, var, eps, DF_ACT_RELU, NULL);
}

static void norm_folded(DfCtx *c, DfTensor *x, DfTensor *mean, DfTensor *var, float eps)
{
    DfTensor *scale, *shift;
    (void)x;
    df_batch_norm_columns(c, NULL, NULL, mean, var, eps, &scale, &shift);
}

Test(batch_norm, a_running_variance_without_a_root_is_said)
{
    static void (*const ways[])(DfCtx *, DfTensor *, DfTensor *, DfTensor *, float) = { norm, norm_fused, norm_folded };
    DfCtx *c = NULL;
    float x[ROWS * C], running[2][C] = { { 0 }, { 1, 0, -0.5f, 1, -1 } };
    fill(x, ROWS * C, 1);
    cr_assert_eq(df_ctx_new(&c, NULL), DF_OK);
    for (int i = 0; i < 6; i++) {
        const float eps = i % 2 ? 1e-5f : 2;
        df_reset(c);
        ways[i / 2](c, df_borrow(c, DF_SHAPE(ROWS, C), x), df_borrow(c, DF_SHAPE(C), running[0]),
                    df_borrow(c, DF_SHAPE(C), running[1]), eps);
        cr_expect_eq(df_ctx_error(c), i % 2 ? DF_EVALUE : DF_OK, "way %d", i / 2);
        if (i % 2)
            cr_expect_str_eq(df_error(), "batch_norm: running variance 2 is -0.5, eps is 1e-05: want a sum above 0");
    }
    df_ctx_free(c);
}

/* ---- two processes ----------------------------------------------------------------------------------------------- */

typedef struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    double sums[2][64]; /* of even and odd rounds: who is late still reads the last one */
    int arrived, round, calls;
} Meeting;

/* Both add; who comes second lets both go on. */
static int reduce(void *user, double *sums, size_t n)
{
    Meeting *m = user;
    pthread_mutex_lock(&m->lock);
    const int round = m->round;
    double *const all = m->sums[round % 2];
    m->calls++;
    for (size_t i = 0; i < n; i++)
        all[i] = m->arrived ? all[i] + sums[i] : sums[i];
    if (++m->arrived == 2) {
        m->arrived = 0;
        m->round++;
        pthread_cond_broadcast(&m->changed);
    }
    while (m->round == round)
        pthread_cond_wait(&m->changed, &m->lock);
    memcpy(sums, all, n * sizeof *sums);
    pthread_mutex_unlock(&m->lock);
    return DF_OK;
}

typedef struct {
    Meeting *meeting; /* NULL: alone */
    DfNormBy by;
    size_t rows;
    float x[ROWS * C], g[ROWS * C];
    float y[ROWS * C], gx[ROWS * C], gw[C], gb[C], running[2][C];
} Process;

static void *process(void *arg)
{
    Process *p = arg;
    DfCtx *c = NULL;
    cr_assert_eq(df_ctx_new(&c, NULL), DF_OK);
    c->recording = true;
    c->reduce = p->meeting ? reduce : NULL;
    c->reduce_user = p->meeting;
    float weight[C] = { 1, 2, 0.5f, -1, 3 }, bias[C] = { 0, 1, 2, 3, 4 };
    DfTensor *x = df_borrow(c, DF_SHAPE((int)p->rows, C), p->x);
    DfTensor *w = df_borrow(c, DF_SHAPE(C), weight), *b = df_borrow(c, DF_SHAPE(C), bias);
    DfTensor *mean = df_borrow(c, DF_SHAPE(C), p->running[0]), *var = df_borrow(c, DF_SHAPE(C), p->running[1]);
    x->wants_grad = w->wants_grad = b->wants_grad = true;
    DfTensor *y = df_batch_norm(c, x, w, b, mean, var, p->by, 0.1f, 1e-5f);
    df_backward(c, y, p->g);
    df_apply_statistics(c);
    cr_assert_eq(df_ctx_error(c), DF_OK);
    if (p->rows) {
        memcpy(p->y, y->data, df_size(y) * sizeof(float));
        memcpy(p->gx, x->grad, df_size(x) * sizeof(float));
    }
    memcpy(p->gw, w->grad, sizeof p->gw);
    memcpy(p->gb, b->grad, sizeof p->gb);
    df_ctx_free(c);
    return NULL;
}

static void expect_close(const float *a, const float *b, size_t n, const char *what)
{
    for (size_t i = 0; i < n; i++)
        cr_expect_float_eq((double)a[i], (double)b[i], 2e-5, "%s [%zu]: %g, want %g", what, i, (double)a[i], (double)b[i]);
}

/* Rows 0..split-1 and the rest, of the whole batch. */
static void in_two(const Process *whole, Process half[2], size_t split, DfNormBy by, Meeting *meeting)
{
    pthread_t thread;
    for (size_t i = 0; i < 2; i++) {
        const size_t first = i ? split : 0;
        half[i] = (Process){ .meeting = meeting, .by = by, .rows = i ? ROWS - split : split };
        memcpy(half[i].x, whole->x + first * C, half[i].rows * C * sizeof(float));
        memcpy(half[i].g, whole->g + first * C, half[i].rows * C * sizeof(float));
    }
    cr_assert_eq(pthread_create(&thread, NULL, process, &half[1]), 0);
    process(&half[0]);
    pthread_join(thread, NULL);
}

static void synchronized(size_t split)
{
    Meeting meeting = { .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER };
    Process whole = { .by = DF_BY_ALL_BATCHES, .rows = ROWS }, half[2];
    fill(whole.x, ROWS * C, 1);
    fill(whole.g, ROWS * C, 2);
    process(&whole);
    in_two(&whole, half, split, DF_BY_ALL_BATCHES, &meeting);
    cr_expect_eq(meeting.calls, 6, "twice forward, once backward, by each");
    for (size_t i = 0; i < 2; i++) {
        const size_t first = i ? split : 0;
        expect_close(half[i].y, whole.y + first * C, half[i].rows * C, "y");
        expect_close(half[i].gx, whole.gx + first * C, half[i].rows * C, "gx");
        expect_close(half[i].running[0], whole.running[0], C, "running mean");
        expect_close(half[i].running[1], whole.running[1], C, "running variance");
    }
    for (size_t i = 0; i < C; i++) {
        half[0].gw[i] += half[1].gw[i];
        half[0].gb[i] += half[1].gb[i];
    }
    expect_close(half[0].gw, whole.gw, C, "the sum of both gradients");
    expect_close(half[0].gb, whole.gb, C, "the sum of both gradients");
    in_two(&whole, half, SPLIT, DF_BY_BATCH, &meeting);
    cr_expect_eq(meeting.calls, 6, "a plain batch norm asks nobody");
}

Test(batch_norm, synchronized_between_two_processes) { synchronized(SPLIT); }
Test(batch_norm, synchronized_with_a_process_without_rows) { synchronized(0); }
