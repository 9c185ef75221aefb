/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/heads/test_score_rows.c -- from the small scores of a pixel head to labels, block by block,
 * against the plain sums in float64: of windows that overlap, of views that are mirrored, of maps that are
 * smaller and larger than what they are enlarged to.
 */
#include <criterion/criterion.h>
#include <math.h>

#include "heads/heads.h"

enum { C = 11, H = 19, W = 300, VIEWS = 3 };

static double at(int i, int to, int from, bool align_corners)
{
    return align_corners ? (to > 1 ? (double)(from - 1) / (to - 1) * i : 0) : fmax((double)from / to * (i + 0.5) - 0.5, 0);
}

/* Bilinear, in float64: map[h][w][C] at a place. */
static double sample(const double *map, int h, int w, double y, double x, int c)
{
    const int y0 = (int)fmin(y, h - 1), x0 = (int)fmin(x, w - 1), y1 = y0 + (y0 < h - 1), x1 = x0 + (x0 < w - 1);
    const double fy = y - y0, fx = x - x0;
    const double a = map[(y0 * w + x0) * C + c], b = map[(y0 * w + x1) * C + c], d = map[(y1 * w + x0) * C + c], e = map[(y1 * w + x1) * C + c];
    return (a * (1 - fx) + b * fx) * (1 - fy) + (d * (1 - fx) + e * fx) * fy;
}

/* The view at the size of the network's input: the mean of its windows. df_free() it. */
static double *plain_view(const DfScoreView *v, bool align_corners)
{
    double *sum = df_calloc((size_t)(v->height * v->width * C), sizeof *sum);
    int *count = df_calloc((size_t)(v->height * v->width), sizeof *count);
    for (int k = 0; k < v->n; k++) {
        const DfScoreWindow *w = &v->windows[k];
        double *map = df_malloc((size_t)(w->map_h * w->map_w * C) * sizeof *map);
        for (int i = 0; i < w->map_h * w->map_w * C; i++)
            map[i] = (double)w->scores[i];
        for (int y = 0; y < w->h; y++)
            for (int x = 0; x < w->w; x++, count[(w->y + y) * v->width + w->x + x - 1]++)
                for (int c = 0; c < C; c++)
                    sum[((w->y + y) * v->width + w->x + x) * C + c] +=
                        sample(map, w->map_h, w->map_w, at(y, w->h, w->map_h, align_corners), at(x, w->w, w->map_w, align_corners), c);
        df_free(map);
    }
    for (int i = 0; i < v->height * v->width * C; i++)
        sum[i] /= count[i / C];
    df_free(count);
    return sum;
}

static double *plain_probabilities(const DfScoreSet *set)
{
    double *prob = df_calloc((size_t)H * W * C, sizeof *prob);
    for (int k = 0; k < set->n; k++) {
        const DfScoreView *v = &set->views[k];
        double *view = plain_view(v, set->align_corners);
        for (int y = 0; y < H; y++)
            for (int x = 0; x < W; x++) {
                double score[C], total = 0;
                const double from_y = at(v->flip_y ? H - 1 - y : y, H, v->height, set->align_corners);
                const double from_x = at(v->flip_x ? W - 1 - x : x, W, v->width, set->align_corners);
                for (int c = 0; c < C; c++)
                    total += score[c] = exp(sample(view, v->height, v->width, from_y, from_x, c));
                for (int c = 0; c < C; c++)
                    prob[(y * W + x) * C + c] += score[c] / total / set->n;
            }
        df_free(view);
    }
    return prob;
}

static int best_of(const double *x)
{
    int best = 0;
    for (int c = 1; c < C; c++)
        best = x[c] > x[best] ? c : best;
    return best;
}

static void check_set(DfPool *pool, const DfKernels *k, const DfScoreSet *set)
{
    static float scores[H * W * C], prob[H * W * C];
    static uint16_t labels[H * W], alone[H * W];
    double *expected = plain_probabilities(set);
    cr_assert_eq(df_score_labels(pool, k, set, labels, scores, prob), DF_OK);
    cr_assert_eq(df_score_labels(pool, k, set, alone, NULL, NULL), DF_OK);
    for (int i = 0; i < H * W; i++) {
        const double *x = expected + (size_t)i * C;
        for (int c = 0; c < C; c++)
            cr_assert_float_eq((double)prob[i * C + c], x[c], 1e-5, "pixel %d of %d views: %g, want %g", i, set->n, (double)prob[i * C + c], x[c]);
        cr_assert_float_eq(x[labels[i]], x[best_of(x)], 1e-5, "label of pixel %d", i);
        cr_assert_float_eq(x[alone[i]], x[best_of(x)], 1e-5, "label of pixel %d, labels alone", i);
    }
    df_free(expected);
}

static DfScoreWindow window(DfRandom *random, float *scores, int y, int x, int h, int w, int map_h, int map_w)
{
    for (int i = 0; i < map_h * map_w * C; i++)
        scores[i] = (float)(2 * df_normal(random));
    return (DfScoreWindow){ y, x, h, w, map_h, map_w, scores };
}

Test(score_rows, against_plain_sums)
{
    static float maps[6][64 * 64 * C];
    DfRandom random = df_random(1, 0);
    DfScoreWindow whole = window(&random, maps[0], 0, 0, 33, 150, 9, 38), large = window(&random, maps[1], 0, 0, 40, 700, 10, 60);
    DfScoreWindow parts[] = { window(&random, maps[2], 0, 0, 20, 64, 5, 16), window(&random, maps[3], 0, 37, 20, 64, 5, 16),
                            window(&random, maps[4], 6, 0, 20, 64, 20, 64), window(&random, maps[5], 6, 37, 20, 64, 3, 1) };
    const DfScoreView views[VIEWS] = { { 26, 101, 4, parts, false, false }, { 33, 150, 1, &whole, true, false }, { 40, 700, 1, &large, true, true } };
    DfPool *pool;
    cr_assert_eq(df_pool_new(&pool, 2), DF_OK);
    for (int corners = 0; corners < 2; corners++)
        for (int first = 0; first < VIEWS; first++)
            for (int n = 1; n <= VIEWS - first; n++) {
                const DfScoreSet set = { C, H, W, corners, n, views + first };
                for (int r = 0; df_kernels_rung(r); r++)
                    check_set(pool, df_kernels_named(df_kernels_rung(r)), &set);
            }
    df_pool_free(pool);
}
