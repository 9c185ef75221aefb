/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/datasets/test_mixing.c -- mixup and CutMix: pixels and classes against plain loops, shares against the moments of Beta(a, a).
 */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "datasets/datasets.h"

enum { N = 5, H = 4, W = 6 };

static DfBatch batch_of_classes(void)
{
    DfBatch batch;
    cr_assert_eq(df_batch_new(&batch, N), DF_OK);
    batch.height = H;
    batch.width = W;
    batch.pixels = df_malloc(N * H * W * 3 * sizeof *batch.pixels);
    for (int i = 0; i < N * H * W * 3; i++)
        batch.pixels[i] = (float)(i % 97) / 7.0f;
    for (int i = 0; i < N; i++) {
        batch.objects[i].has_class = true;
        batch.objects[i].image_class = 10 + i;
        batch.path[i] = "p";
    }
    return batch;
}

static void check(DfMixture m)
{
    DfBatch before = batch_of_classes(), batch = batch_of_classes();
    cr_assert_eq(df_batch_mix(&batch, &m), DF_OK);
    for (int i = 0; i < N; i++) {
        const DfAnnotations *a = &batch.objects[i];
        cr_expect(a->image_class == 10 + i && a->second_class == 10 + N - 1 - i && a->second_share == (float)(1 - m.kept));
        for (int y = 0; y < H; y++)
            for (int x = 0; x < W; x++) {
                const size_t at = (size_t)((i * H + y) * W + x) * 3, other = (size_t)(((N - 1 - i) * H + y) * W + x) * 3;
                const bool inside = y >= m.y0 && y < m.y1 && x >= m.x0 && x < m.x1;
                float want = before.pixels[at];
                if (m.cut && inside)
                    want = before.pixels[other];
                else if (!m.cut && i != N - 1 - i)
                    want = before.pixels[at] * (float)m.kept + before.pixels[other] * (float)(1 - m.kept);
                cr_assert_eq(batch.pixels[at], want, "picture %d at (%d, %d)", i, x, y);
            }
    }
    df_batch_free(&before);
    df_batch_free(&batch);
}

Test(mixing, two_pictures_become_one)
{
    check((DfMixture){ .kept = 0.3 });
    check((DfMixture){ .cut = true, .kept = 0.75, .y0 = 1, .y1 = 3, .x0 = 2, .x1 = 5 });
    check((DfMixture){ .cut = true, .kept = 0, .y1 = H, .x1 = W });
    DfBatch batch = batch_of_classes();
    batch.objects[2].has_class = false;
    cr_expect_eq(df_batch_mix(&batch, &(DfMixture){ .kept = 0.5 }), DF_EVALUE);
    cr_expect_eq(df_batch_mix(&batch, &(DfMixture){ .kept = 1 }), DF_OK, "nothing is mixed");
    cr_expect_eq(batch.objects[0].second_share, 0.0f);
    df_batch_free(&batch);
}

/* Of Beta(a, a): mean 1/2, variance 1 / (4 (2 a + 1)). */
static void moments(double alpha)
{
    enum { DRAWS = 20000 };
    const DfMixing mixing = { .mixup = alpha, .prob = 1 };
    DfRandom random = df_random(5, 6);
    double sum = 0, squares = 0;
    for (int i = 0; i < DRAWS; i++) {
        const DfMixture m = df_mixing_draw(&mixing, &random, 8, 8);
        cr_assert(!m.cut && m.kept >= 0 && m.kept <= 1);
        sum += m.kept;
        squares += (m.kept - 0.5) * (m.kept - 0.5);
    }
    const double variance = 1 / (4 * (2 * alpha + 1));
    cr_expect_float_eq(sum / DRAWS, 0.5, 5 * sqrt(variance / DRAWS), "alpha %g", alpha);
    cr_expect_float_eq(squares / DRAWS, variance, 0.05 * variance, "alpha %g", alpha);
}

Test(mixing, shares_are_of_the_beta_distribution)
{
    static const double alphas[] = { 0.05, 0.2, 0.8, 1, 2.5, 20 };
    for (size_t i = 0; i < sizeof alphas / sizeof *alphas; i++)
        moments(alphas[i]);
}

Test(mixing, how_often_and_which)
{
    enum { DRAWS = 10000 };
    const DfMixing mixing = { .mixup = 0.8, .cutmix = 1, .prob = 0.7, .switch_prob = 0.25 };
    DfRandom random = df_random(1, 2);
    int cut = 0, added = 0;
    for (int i = 0; i < DRAWS; i++) {
        const DfMixture m = df_mixing_draw(&mixing, &random, 10, 14);
        cr_assert(m.y0 >= 0 && m.y0 <= m.y1 && m.y1 <= 10 && m.x0 >= 0 && m.x0 <= m.x1 && m.x1 <= 14);
        if (m.cut)
            cr_assert_float_eq(m.kept, 1 - (m.y1 - m.y0) * (m.x1 - m.x0) / 140.0, 1e-12);
        cut += m.cut;
        added += !m.cut && m.kept < 1;
    }
    cr_expect_float_eq((double)cut / DRAWS, 0.175, 0.02);
    cr_expect_float_eq((double)added / DRAWS, 0.525, 0.025);
}

static int options_of(DfMixing *out, const char *text)
{
    DfConfig *config;
    cr_assert_eq(df_config_parse(&config, text, strlen(text), "c.py", true), DF_OK, "%s", df_error());
    const int error = df_mixing_options(out, df_config_root(config));
    df_config_free(config);
    return error;
}

Test(mixing, of_a_config)
{
    DfMixing m;
    cr_assert_eq(options_of(&m, "model = dict(train_cfg=dict(augments=[dict(type='Mixup', alpha=0.8), dict(type='CutMix', alpha=1.0)]))"), DF_OK, "%s", df_error());
    cr_expect(m.mixup == 0.8 && m.cutmix == 1 && m.prob == 1 && m.switch_prob == 0.5);
    cr_assert_eq(options_of(&m, "train_cfg = dict(augments=dict(type='BatchMixup', alpha=0.2, num_classes=1000, prob=0.5))"), DF_OK);
    cr_expect(m.mixup == 0.2 && m.cutmix == 0 && m.prob == 0.5);
    cr_assert_eq(options_of(&m, "train_cfg = dict(augments=[dict(type='CutMix', alpha=1.0), dict(type='Mixup', alpha=0.5)], probs=[0.3, 0.1])"), DF_OK);
    cr_expect(m.mixup == 0.5 && fabs(m.prob - 0.4) < 1e-12 && fabs(m.switch_prob - 0.75) < 1e-12);
    cr_assert_eq(options_of(&m, "a = 1"), DF_OK);
    cr_expect(m.mixup == 0 && m.cutmix == 0);
    cr_expect_eq(options_of(&m, "train_cfg = dict(augments=[dict(type='ResizeMix')])"), DF_EVALUE);
    cr_expect_eq(options_of(&m, "train_cfg = dict(augments=[dict(type='Mixup', alpha=-1)])"), DF_EVALUE);
}
