/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/kernels/test_attention_bf16.c -- the leaves of attention in bfloat16, on every rung that has them, against
 * loops in float64 over factors that were rounded before: odd depths, odd numbers of keys, rows that are absent, all
 * numbers of lanes, nothing written behind the end; and the bits of every rung are those of the C reference.
 */
#include <float.h>

#include "tests/kernels/attention_leaves.h"

static const float *rows[MOST];
static const DfKernels *reference;

typedef void Check(const DfAttentionKernels *);

/* With the same random numbers on every rung. */
static void on_rungs(Check *check)
{
    reference = df_kernels_named("c");
    for (int i = 0; df_kernels_rung(i); i++) {
        const DfKernels *k = df_kernels_named(df_kernels_rung(i));
        random_state = df_random(7, 0);
        for (int round = 0; k->attention_bf16.weigh && round < 80; round++)
            check(&k->attention_bf16);
    }
}

/* ---- numbers in twos --------------------------------------------------------------------------------------------- */

static uint16_t rounded(float x) /* tests/kernels/test_bf16.c proves it */
{
    uint16_t y;
    reference->bf16.round(&y, &x, 1);
    return y;
}

static double value_of(uint16_t half)
{
    float y;
    reference->bf16.widen(&y, &half, 1);
    return (double)y;
}

/* Number `which` of the pair at x. */
static uint16_t half_of(const float *x, int which)
{
    uint16_t pair[2];
    memcpy(pair, x, sizeof pair);
    return pair[which];
}

/* Column of row i of what stands in twos along rows: of queries, of weights. */
static double along_rows(const float *x, int i, int lanes, int lane)
{
    return value_of(half_of(x + i / 2 * lanes + lane, i % 2));
}

/* Number d of row i of what copy_rows() made. */
static double along_columns(const float *x, int i, int width, int d)
{
    return value_of(half_of(x + i * width + d / 2, d % 2));
}

/* `n` rows of `depth` with odd addresses, some of them absent, in A. */
static void make_rows(int n, int depth)
{
    fill(A, (size_t)(n * (depth + 1)), 1);
    for (int i = 0; i < n; i++)
        rows[i] = i % 5 == 3 ? NULL : A + i * (depth + 1);
}

static void check_copy_rows(const DfAttentionKernels *k)
{
    const int depth = draw(1, 90), width = (depth + 7) / 8 * 8, n = draw(1, 100);
    make_rows(n, depth);
    lay_guard(Y, (size_t)(n * width));
    k->copy_rows(Y, rows, n, depth, width, -0.3f);
    for (int i = 0; i < n; i++)
        for (int d = 0; d < width; d++) {
            const float want = rows[i] && d < depth ? -0.3f * rows[i][d] : 0.0f;
            cr_assert_eq(half_of(Y + i * width + d / 2, d % 2) & (want == 0 ? 0x7fff : 0xffff), rounded(want),
                         "copy_rows: row %d, number %d of %d", i, d, depth);
        }
    expect_guard(Y, (size_t)(n * width), "copy_rows");
}

static void check_round_queries(const DfAttentionKernels *k)
{
    const int depth = draw(1, 90), lanes = 8 * draw(1, 13);
    fill(Y, (size_t)(depth * lanes), 1);
    memcpy(Z, Y, (size_t)(depth * lanes) * sizeof *Z);
    lay_guard(Y, (size_t)(depth * lanes));
    k->round_queries(Y, depth, lanes);
    for (int d = 0; d < depth + depth % 2; d++)
        for (int lane = 0; lane < lanes; lane++)
            cr_assert_eq(half_of(Y + d / 2 * lanes + lane, d % 2), d < depth ? rounded(Z[d * lanes + lane]) : 0,
                         "round_queries: number %d of %d, lane %d", d, depth, lane);
    expect_guard(Y, (size_t)(depth * lanes), "round_queries");
}

Test(attention_bf16, rows)
{
    on_rungs(check_copy_rows);
    on_rungs(check_round_queries);
}

/* ---- scores ------------------------------------------------------------------------------------------------------ */

/* Keys in B, queries in C. */
static void make_factors(int keys, int lanes, int depth, int width)
{
    make_rows(keys, depth);
    reference->attention_bf16.copy_rows(B, rows, keys, depth, width, 1.0f);
    fill(C, (size_t)(depth * lanes), 1);
    reference->attention_bf16.round_queries(C, depth, lanes);
}

static void expect_score(float got, float bias, int key, int lane, int lanes, int depth, int width)
{
    double sum = (double)bias, size = fabs(sum);
    for (int d = 0; d < depth; d++) {
        const double product = along_columns(B, key, width, d) * along_rows(C, d, lanes, lane);
        sum += product;
        size += fabs(product);
    }
    cr_assert_float_eq((double)got, sum, (double)FLT_EPSILON * (depth / 2 + 2) * size,
                       "score of key %d, lane %d: %g, want %g", key, lane, (double)got, sum);
}

static void check_scores(const DfAttentionKernels *k)
{
    const int keys = DF_KEY_MULTIPLE * draw(1, 12), lanes = 8 * draw(1, 13), depth = draw(1, 70);
    const int width = (depth + 7) / 8 * 8, stride = lanes + 8 * draw(0, 1), form = draw(0, 2);
    const size_t n = (size_t)(keys * lanes);
    make_factors(keys, lanes, depth, width);
    fill(A, (size_t)(keys * stride), 3);
    const int step = form == 2 ? lanes : stride; /* s itself */
    const float *bias = form == 0 ? NULL : A;
    memcpy(Y, A, n * sizeof *Y);
    memcpy(Z, A, n * sizeof *Z);
    lay_guard(Y, n);
    k->scores(Y, form == 2 ? Y : bias, (size_t)step, B, C, keys, lanes, depth, width);
    for (int i = 0; i < keys * lanes; i++)
        expect_score(Y[i], bias ? A[i / lanes * step + i % lanes] : 0, i / lanes, i % lanes, lanes, depth, width);
    expect_guard(Y, n, "scores");
    reference->attention_bf16.scores(Z, form == 2 ? Z : bias, (size_t)step, B, C, keys, lanes, depth, width);
    cr_assert(memcmp(Y, Z, n * sizeof *Y) == 0, "scores: other bits than the reference");
}

Test(attention_bf16, scores)
{
    on_rungs(check_scores);
}

/* ---- softmax ----------------------------------------------------------------------------------------------------- */

/* One lane of a block that begins at the scores `first`: its weights beside exp(s - max), rounded; their sum. */
static double expect_weights(const float *weights, const float *first, int keys, int lanes, int lane, double max)
{
    double total = 0;
    for (int key = 0; key < keys + keys % 2; key++) {
        const double got = along_rows(weights, key, lanes, lane);
        const double want = key < keys ? exp((double)first[key * lanes + lane] - max) : 0;
        cr_assert_float_eq(got, want, want / 256 + 1e-30, "weight of key %d, lane %d: %g, want %g", key, lane, got,
                           want);
        total += got;
    }
    return total;
}

/* Two blocks, one after the other. */
static void check_softmax(const DfAttentionKernels *k)
{
    const int lanes = 8 * draw(1, 13), first = draw(1, 48), second = draw(1, 48);
    float *const max = A, *const sum = A + lanes, *const rescale = A + 2 * lanes;
    const size_t n = (size_t)((first + second) * lanes);
    fill(B, n, draw(0, 1) ? 1 : 30);
    memcpy(Y, B, n * sizeof *Y);
    lay_guard(Y, n);
    for (int i = 0; i < lanes; i++) {
        max[i] = -INFINITY;
        sum[i] = 0;
    }
    k->softmax(Y, first, lanes, max, sum, rescale);
    memcpy(C, max, (size_t)lanes * sizeof *C);
    k->softmax(Y + first * lanes, second, lanes, max, sum, rescale);
    expect_guard(Y, n, "softmax");
    for (int lane = 0; lane < lanes; lane++) {
        const double before = expect_weights(Y, B, first, lanes, lane, (double)C[lane]);
        const double after = expect_weights(Y + first * lanes, B + first * lanes, second, lanes, lane,
                                            (double)max[lane]);
        const double step = (double)C[lane] - (double)max[lane]; /* whose last bit exp multiplies */
        const double factor = exp(step);
        cr_assert_float_eq((double)rescale[lane], factor, (double)FLT_EPSILON * (4 + fabs(step)) * factor + 1e-30,
                           "exp(%g) is %.9g, want %.9g", step, (double)rescale[lane], factor);
        const double total = before * factor + after; /* of what was rounded */
        cr_assert_float_eq((double)sum[lane], total, 5e-6 * total, "sum of lane %d: %g, want %g", lane,
                           (double)sum[lane], total);
    }
}

static void check_masked_softmax(const DfAttentionKernels *k)
{
    const int lanes = 8 * draw(1, 13), keys = draw(2, 40);
    float *const max = A, *const sum = A + lanes, *const rescale = A + 2 * lanes;
    for (int i = 0; i < keys * lanes; i++)
        Y[i] = i / lanes == keys - 1 ? 3 : -INFINITY;
    for (int i = 0; i < lanes; i++) {
        max[i] = -INFINITY;
        sum[i] = 0;
    }
    k->softmax(Y, keys, lanes, max, sum, rescale);
    for (int lane = 0; lane < lanes; lane++) {
        cr_assert(max[lane] == 3 && sum[lane] == 1 && rescale[lane] == 0);
        for (int key = 0; key < keys; key++)
            cr_assert_eq(along_rows(Y, key, lanes, lane), key == keys - 1);
    }
}

Test(attention_bf16, softmax)
{
    on_rungs(check_softmax);
    on_rungs(check_masked_softmax);
}

/* ---- results ----------------------------------------------------------------------------------------------------- */

static void expect_result(float got, double kept, int i, int d, int lanes, int keys, int width)
{
    double sum = kept, size = fabs(kept);
    for (int key = 0; key < keys; key++) {
        const double product = along_rows(C, key, lanes, i) * along_columns(B, key, width, d);
        sum += product;
        size += fabs(product);
    }
    cr_assert_float_eq((double)got, sum, (double)FLT_EPSILON * (keys / 2 + 2) * size,
                       "row %d, column %d: %g, want %g", i, d, (double)got, sum);
}

/* What stands behind the last key is no number. */
static void check_weigh(const DfAttentionKernels *k)
{
    const int width = 8 * draw(1, 9), lanes = 8 * draw(1, 12), n = draw(1, lanes), keys = draw(1, 50);
    const bool keep = draw(0, 1);
    const size_t size = (size_t)(n * width);
    make_rows(keys, width);
    memset(B, 0xff, sizeof B);
    reference->attention_bf16.copy_rows(B, rows, keys, width, width, 1.0f);
    fill(C, (size_t)((keys + 1) * lanes), 1);
    reference->attention_bf16.round_queries(C, keys, lanes); /* which has the form of weights */
    fill(A, (size_t)n, 1);
    fill(Y, size, 1);
    memcpy(Z, Y, size * sizeof *Z);
    static float before[FLOATS];
    memcpy(before, Y, size * sizeof *before);
    lay_guard(Y, size);
    k->weigh(Y, keep ? A : NULL, C, lanes, B, n, keys, width);
    for (int i = 0; i < n; i++)
        for (int d = 0; d < width; d++) {
            const double kept = keep ? (double)(A[i] * before[i * width + d]) : 0;
            expect_result(Y[i * width + d], kept, i, d, lanes, keys, width);
        }
    expect_guard(Y, size, "weigh");
    reference->attention_bf16.weigh(Z, keep ? A : NULL, C, lanes, B, n, keys, width);
    cr_assert(memcmp(Y, Z, size * sizeof *Y) == 0, "weigh: other bits than the reference");
}

Test(attention_bf16, weigh)
{
    on_rungs(check_weigh);
}

/* ---- who has them ------------------------------------------------------------------------------------------------ */

Test(attention_bf16, dropout_and_other_rungs_have_float32)
{
    const DfDropout none = { 0 };
    const DfKey key = { 0, 0 };
    const DfDropout some = { .key = &key };
    for (int i = 0; df_kernels_rung(i); i++) {
        const DfKernels *k = df_kernels_named(df_kernels_rung(i));
        const DfAttentionKernels *bf16 = k->attention_bf16.weigh ? &k->attention_bf16 : &k->attention;
        cr_assert_eq(df_attention_leaves(k, DF_PRECISION_F32, &none), &k->attention);
        cr_assert_eq(df_attention_leaves(k, DF_PRECISION_BF16, &none), bf16);
        cr_assert_eq(df_attention_leaves(k, DF_PRECISION_BF16, &some), &k->attention);
        cr_assert(k->bf16.tile || !k->attention_bf16.weigh, "%s has attention in bfloat16 alone", df_kernels_rung(i));
    }
    cr_assert(df_kernels_named("c")->attention_bf16.weigh);
}
