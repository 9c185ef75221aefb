/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/kernels/test_attention.c -- every leaf of the attention table, on every rung, against float64: odd depths, rows
 * that are absent, all numbers of lanes, nothing written behind the end.
 */
#include "tests/kernels/attention_leaves.h"

static void expect_near(double got, double expected, double bound, const char *what)
{
    cr_assert(fabs(got - expected) <= bound * (1 + fabs(expected)), "%s: %.9g instead of %.9g", what, got, expected);
}

/* Runs `check` on every rung with the same random numbers. */
static void on_rungs(void (*check)(const DfAttentionKernels *))
{
    for (int i = 0; df_kernels_rung(i); i++) {
        const DfKernels *k = df_kernels_named(df_kernels_rung(i));
        random_state = df_random(7, 0);
        for (int round = 0; round < 60; round++)
            check(&k->attention);
    }
}

static const float *rows_of(int i, int depth)
{
    return i % 5 == 3 ? NULL : A + i * (depth + 1); /* some rows are absent; the others have odd addresses */
}

static void check_rows(const DfAttentionKernels *k)
{
    const int depth = draw(1, 45), width = (depth + 7) / 8 * 8, n = draw(1, 70), lanes = (n + 7) / 8 * 8 + 8 * draw(0, 1);
    const float *rows[MOST];
    float *to[MOST];
    fill(A, (size_t)(n * (depth + 1)), 1);
    for (int i = 0; i < n; i++)
        rows[i] = rows_of(i, depth);
    lay_guard(Y, (size_t)(depth * lanes));
    k->transpose_rows(Y, rows, n, lanes, depth, 0.5f);
    for (int d = 0; d < depth; d++)
        for (int i = 0; i < lanes; i++)
            cr_assert_eq(Y[d * lanes + i], i < n && rows[i] ? 0.5f * rows[i][d] : 0.0f);
    expect_guard(Y, (size_t)(depth * lanes), "transpose_rows");
    lay_guard(Y, (size_t)(n * width));
    k->copy_rows(Y, rows, n, depth, width, -2.0f);
    for (int i = 0; i < n; i++)
        for (int d = 0; d < width; d++)
            cr_assert_eq(Y[i * width + d], rows[i] && d < depth ? -2.0f * rows[i][d] : 0.0f);
    expect_guard(Y, (size_t)(n * width), "copy_rows");
    for (int i = 0; i < n; i++) {
        to[i] = rows[i] ? Z + i * (depth + 1) : NULL;
        Z[i * (depth + 1) + depth] = guard;
        B[i] = 1.0f + (float)i;
    }
    k->store_rows(to, Y, B, n, depth, width);
    for (int i = 0; i < n; i++) {
        for (int d = 0; to[i] && d < depth; d++)
            cr_assert_eq(to[i][d], Y[i * width + d] / B[i]);
        cr_assert(!to[i] || to[i][depth] == guard, "store_rows writes behind a row");
    }
    k->add_rows(to, Y, n, depth, width, 0.25f);
    for (int i = 0; i < n; i++) {
        for (int d = 0; to[i] && d < depth; d++)
            expect_near(to[i][d], (double)Y[i * width + d] * (0.25 + 1 / (double)B[i]), 1e-6, "add_rows");
        cr_assert(!to[i] || to[i][depth] == guard, "add_rows writes behind a row");
    }
}

static void check_dot_rows(const DfAttentionKernels *k)
{
    const int depth = draw(1, 45), n = draw(1, 70), lanes = (n + 7) / 8 * 8 + 8 * draw(0, 1);
    const float *a[MOST], *b[MOST];
    fill(A, (size_t)(n * (depth + 1)), 1);
    fill(B, (size_t)(n * (depth + 1)), 1);
    for (int i = 0; i < n; i++) {
        a[i] = rows_of(i, depth);
        b[i] = i % 7 == 2 ? NULL : B + i * (depth + 1);
    }
    lay_guard(Y, (size_t)lanes);
    k->dot_rows(Y, a, b, n, lanes, depth);
    for (int i = 0; i < lanes; i++) {
        double sum = 0;
        for (int d = 0; i < n && a[i] && b[i] && d < depth; d++)
            sum += (double)a[i][d] * b[i][d];
        expect_near(Y[i], sum, 5e-6, "dot_rows");
    }
    expect_guard(Y, (size_t)lanes, "dot_rows");
}

Test(attention_leaves, rows)
{
    on_rungs(check_rows);
    on_rungs(check_dot_rows);
}

static void check_scores(const DfAttentionKernels *k)
{
    const int depth = draw(1, 45), width = (depth + 7) / 8 * 8, lanes = 8 * draw(1, 12), keys = 4 * draw(1, 12), stride = lanes + 8 * draw(0, 2);
    const int form = draw(0, 2); /* no bias, a bias, the bias in place */
    fill(A, (size_t)(keys * width), 1);
    fill(B, (size_t)(depth * lanes), 1);
    fill(C, (size_t)(keys * stride), 3);
    for (int i = 0; i < keys * lanes; i++)
        Y[i] = C[i];
    lay_guard(Y, (size_t)(keys * lanes));
    const size_t step = (size_t)(form == 2 ? lanes : stride);
    k->scores(Y, form == 0 ? NULL : form == 1 ? C : Y, step, A, B, keys, lanes, depth, width);
    for (int i = 0; i < keys; i++)
        for (int j = 0; j < lanes; j++) {
            double sum = form ? C[(size_t)i * step + (size_t)j] : 0;
            for (int d = 0; d < depth; d++)
                sum += (double)A[i * width + d] * B[d * lanes + j];
            expect_near(Y[i * lanes + j], sum, 5e-6, "scores");
        }
    expect_guard(Y, (size_t)(keys * lanes), "scores");
}

Test(attention_leaves, scores)
{
    on_rungs(check_scores);
}

static void check_mask(const DfAttentionKernels *k)
{
    const int lanes = 8 * draw(1, 8), keys = draw(1, 50), stride = lanes + 8;
    int key_region[MOST], lane_region[MOST];
    for (int i = 0; i < MOST; i++) {
        key_region[i] = draw(0, 8);
        lane_region[i] = draw(0, 8);
    }
    fill(C, (size_t)(keys * stride), 1);
    const bool bias = draw(0, 1);
    k->mask_regions(Y, bias ? C : NULL, (size_t)stride, key_region, lane_region, keys, lanes);
    for (int i = 0; i < keys; i++)
        for (int j = 0; j < lanes; j++)
            cr_assert_eq(Y[i * lanes + j], (bias ? C[i * stride + j] : 0.0f) + (key_region[i] == lane_region[j] ? 0.0f : -100.0f));
}

Test(attention_leaves, mask)
{
    on_rungs(check_mask);
}

static double entry(const float *table, int h, int w, double y, double x)
{
    return y >= 0 && y < h && x >= 0 && x < w ? table[(int)y * w + (int)x] : 0;
}

static double bilinear(const float *table, int h, int w, double y, double x)
{
    const double top = floor(y), left = floor(x), v = y - top, u = x - left;
    return (1 - v) * ((1 - u) * entry(table, h, w, top, left) + u * entry(table, h, w, top, left + 1)) +
           v * ((1 - u) * entry(table, h, w, top + 1, left) + u * entry(table, h, w, top + 1, left + 1));
}

static void check_table(const DfAttentionKernels *k)
{
    const int h = draw(1, 20), w = draw(1, 20), stride = (w + 18 + 7) / 8 * 8, keys = draw(1, 20);
    static const float steps[] = { 0.17f, 0.5f, 0.99f, 0.999f, 1.0f, 1.0001f, 2.3f, 40.0f };
    float y[3], x[DF_LANES];
    DfLattice at = { draw(1, 3), 8 * draw(1, DF_LANES / 8), y, x, steps[draw(0, 7)] };
    fill(A, (size_t)(h * w), 1);
    memset(B, 0, (size_t)((h + 4) * stride) * sizeof *B);
    for (int i = 0; i < h; i++)
        memcpy(B + (i + 2) * stride + 2, A + i * w, (size_t)w * sizeof *A);
    for (int r = 0; r < at.rows; r++)
        y[r] = (float)(h * df_uniform(&random_state) + r);
    const float origin = draw(0, 1) ? 0.0f : (float)(6 * df_uniform(&random_state) - 3);
    for (int j = 0; j < at.width; j++)
        x[j] = origin + at.step * (float)j;
    fill(C, (size_t)(2 * keys), draw(0, 1) ? 2 : 20);
    if (draw(0, 1))
        for (int i = 0; i < 2 * keys; i++)
            C[i] = roundf(C[i]); /* exactly on entries and borders */
    const DfScoreTable table = { h, w, stride, B + 2 * stride + 2 };
    lay_guard(Y, (size_t)(keys * at.rows * at.width));
    k->table_bias(Y, &table, &at, C, C + keys, keys, Z);
    for (int i = 0; i < keys; i++)
        for (int r = 0; r < at.rows; r++)
            for (int j = 0; j < at.width; j++) {
                const float ty = y[r] - C[i], tx = x[j] - C[keys + i];
                expect_near(Y[(i * at.rows + r) * at.width + j], bilinear(A, h, w, ty, tx), 5e-6, "table_bias");
            }
    expect_guard(Y, (size_t)(keys * at.rows * at.width), "table_bias");
}

Test(attention_leaves, table)
{
    on_rungs(check_table);
}

/* A gradient and how much was added up to it. Where a query stands on an entry either of two slopes will do. */
typedef struct {
    double sum, size, least, most;
} Gradient;

static void expect_between(double got, const Gradient *g, const char *what)
{
    const double room = 1e-5 * (1 + g->size);
    cr_assert(got >= g->least - room && got <= g->most + room, "%s: %.9g instead of %.9g", what, got, g->sum);
}

static void add_to(Gradient *g, double term, double other)
{
    g->sum += term;
    g->size += fmax(fabs(term), fabs(other));
    g->least += fmin(term, other);
    g->most += fmax(term, other);
}

/* The slope along x of the table A at y, in the cell of x. */
static double slope_x(int h, int w, float y, double x)
{
    return bilinear(A, h, w, y, (float)(floor(x) + 1)) - bilinear(A, h, w, y, (float)floor(x));
}

static double slope_y(int h, int w, float y, double x)
{
    const double before = bilinear(A, h, w, floorf(y), (float)floor(x)), next = bilinear(A, h, w, floorf(y), (float)floor(x) + 1);
    const double below = bilinear(A, h, w, floorf(y) + 1, (float)floor(x)), last = bilinear(A, h, w, floorf(y) + 1, (float)floor(x) + 1);
    const double u = x - floor(x);
    return (1 - u) * (below - before) + u * (last - next);
}

static Gradient entries[24 * 24]; /* of a table, with its margins */

static void spread(int w, double y, double x, double ds)
{
    for (int t = 0; t < 4; t++) {
        const double at_y = floor(y) + t / 2, at_x = floor(x) + t % 2;
        if (fabs(at_y) > 1000 || fabs(at_x) > 1000 || at_y < 0 || at_x < 0 || at_y >= 20 || at_x >= w)
            continue;
        const double share = ds * (1 - fabs(y - at_y)) * (1 - fabs(x - at_x));
        add_to(&entries[(int)at_y * 24 + (int)at_x], share, share);
    }
}

static void check_table_backward(const DfAttentionKernels *k)
{
    const int h = draw(1, 20), w = draw(1, 20), stride = (w + 18 + 7) / 8 * 8, keys = draw(1, 20);
    static const float steps[] = { 0.0f, 0.17f, 0.5f, 0.999f, 1.0f, 1.0001f, 2.3f, 40.0f };
    const float step = steps[draw(0, 7)];
    float y[3], x[DF_LANES], dkey[2 * 20];
    static float dtable[24 * 40 + GUARD];
    const DfLattice at = { draw(1, 3), 8 * draw(1, DF_LANES / 8), y, x, step };
    const int scores = keys * at.rows * at.width;
    fill(A, (size_t)(h * w), 1);
    memset(B, 0, (size_t)((h + 4) * stride) * sizeof *B);
    for (int i = 0; i < h; i++)
        memcpy(B + (i + 2) * stride + 2, A + i * w, (size_t)w * sizeof *A);
    for (int r = 0; r < at.rows; r++)
        y[r] = (float)(h * df_uniform(&random_state) + r);
    for (int j = 0; j < at.width; j++)
        x[j] = 0.25f + step * (float)j;
    fill(C, (size_t)(2 * keys), draw(0, 1) ? 2 : 20);
    fill(Y, (size_t)scores, 1);
    fill(dkey, (size_t)(2 * keys), 1);
    memset(dtable, 0, (size_t)((h + 4) * stride) * sizeof *dtable);
    lay_guard(dtable, (size_t)((h + 4) * stride));
    memset(entries, 0, sizeof entries);
    const bool wanted = draw(0, 3) > 0;
    const DfScoreTable table = { h, w, stride, B + 2 * stride + 2 };
    float before[2 * 20];
    memcpy(before, dkey, sizeof before);
    k->table_bias_backward(wanted ? dtable + 2 * stride + 2 : NULL, dkey, Y, &table, &at, C, C + keys, keys);
    for (int i = 0; i < keys; i++) {
        Gradient dy = { 0 }, dx = { 0 };
        add_to(&dy, before[2 * i], before[2 * i]);
        add_to(&dx, before[2 * i + 1], before[2 * i + 1]);
        for (int r = 0; r < at.rows; r++)
            for (int j = 0; j < at.width; j++) {
                const double ds = Y[(i * at.rows + r) * at.width + j];
                const float ty = y[r] - C[i];
                const double tx = (double)x[0] + (double)step * j - (double)C[keys + i];
                spread(w, ty, tx, ds);
                add_to(&dy, -ds * slope_y(h, w, ty, tx), -ds * slope_y(h, w, ty, tx));
                add_to(&dx, -ds * slope_x(h, w, ty, tx - 1e-5), -ds * slope_x(h, w, ty, tx + 1e-5));
            }
        expect_between(dkey[2 * i], &dy, "table_bias_backward, by y");
        expect_between(dkey[2 * i + 1], &dx, "table_bias_backward, by x");
    }
    for (int i = 0; wanted && i < h; i++)
        for (int j = 0; j < w; j++)
            expect_between(dtable[(i + 2) * stride + 2 + j], &entries[i * 24 + j], "table_bias_backward, table");
    expect_guard(dtable, (size_t)((h + 4) * stride), "table_bias_backward");
}

Test(attention_leaves, table_backward)
{
    on_rungs(check_table_backward);
}

/* Two blocks, one after the other, against the softmax of both. */
static void check_softmax(const DfAttentionKernels *k)
{
    const int lanes = 8 * draw(1, 12), first = draw(1, 50), second = draw(1, 50);
    float *const max = A, *const sum = A + lanes, *const rescale = A + 2 * lanes;
    fill(B, (size_t)((first + second) * lanes), draw(0, 1) ? 1 : 60);
    memcpy(Y, B, (size_t)((first + second) * lanes) * sizeof *Y);
    for (int i = 0; i < lanes; i++) {
        max[i] = -INFINITY;
        sum[i] = 0;
    }
    k->softmax(Y, first, lanes, max, sum, rescale);
    for (int j = 0; j < lanes; j++)
        cr_assert_eq(rescale[j], 0.0f);
    k->softmax(Y + first * lanes, second, lanes, max, sum, rescale);
    for (int j = 0; j < lanes; j++) {
        double top = -INFINITY, total = 0;
        for (int i = 0; i < first + second; i++)
            top = fmax(top, B[i * lanes + j]);
        for (int i = 0; i < first + second; i++)
            total += exp(B[i * lanes + j] - top);
        cr_assert_eq(max[j], (float)top);
        expect_near(sum[j], total, 3e-6, "softmax");
        for (int i = 0; i < first; i++)
            expect_near(Y[i * lanes + j] * rescale[j], exp(B[i * lanes + j] - top), 1e-6, "softmax");
        for (int i = first; i < first + second; i++)
            expect_near(Y[i * lanes + j], exp(B[i * lanes + j] - top), 1e-6, "softmax");
    }
}

static void check_softmax_backward(const DfAttentionKernels *k)
{
    const int lanes = 8 * draw(1, 12), keys = draw(1, 60);
    fill(A, (size_t)(keys * lanes), 1);
    fill(B, (size_t)(keys * lanes), 1);
    fill(C, (size_t)(2 * lanes), 2);
    memcpy(Y, A, (size_t)(keys * lanes) * sizeof *Y);
    memcpy(Z, B, (size_t)(keys * lanes) * sizeof *Z);
    static float sums[FLOATS];
    const int stride = lanes + 8 * draw(0, 1);
    const bool add = draw(0, 1);
    for (int i = 0; i < keys * stride; i++)
        sums[i] = 1;
    k->softmax_backward(Y, Z, keys, lanes, C, C + lanes, add ? sums : NULL, (size_t)stride);
    for (int i = 0; i < keys * stride; i++) {
        const float ds = add && i % stride < lanes ? Z[i / stride * lanes + i % stride] : 0;
        cr_assert_eq(sums[i], 1 + ds);
    }
    for (int i = 0; i < keys * lanes; i++) {
        const double p = exp((double)A[i] - C[i % lanes]);
        expect_near(Y[i], p, 2e-6, "softmax_backward");
        expect_near(Z[i], p * ((double)B[i] - C[lanes + i % lanes]), 2e-6 * (1 + p), "softmax_backward");
    }
}

Test(attention_leaves, softmax)
{
    on_rungs(check_softmax);
    on_rungs(check_softmax_backward);
}

static void check_combine(const DfAttentionKernels *k)
{
    const int width = 8 * draw(1, 9), n = draw(1, 50), terms = draw(0, 50);
    const bool along = draw(0, 1), keep = draw(0, 1); /* weights of a row side by side, or below one another */
    const size_t row = along ? (size_t)terms : 1, column = along ? 1 : (size_t)n;
    fill(A, (size_t)(n * terms), 1);
    fill(B, (size_t)(terms * width), 1);
    fill(C, (size_t)n, 1);
    fill(Z, (size_t)(n * width), 1);
    memcpy(Y, Z, (size_t)(n * width) * sizeof *Y);
    lay_guard(Y, (size_t)(n * width));
    k->combine(Y, keep ? C : NULL, A, row, column, B, n, terms, width);
    for (int i = 0; i < n; i++)
        for (int d = 0; d < width; d++) {
            double sum = keep ? (double)C[i] * Z[i * width + d] : 0;
            for (int j = 0; j < terms; j++)
                sum += (double)A[(size_t)i * row + (size_t)j * column] * B[j * width + d];
            expect_near(Y[i * width + d], sum, 5e-6, "combine");
        }
    expect_guard(Y, (size_t)(n * width), "combine");
}

Test(attention_leaves, combine)
{
    on_rungs(check_combine);
}
