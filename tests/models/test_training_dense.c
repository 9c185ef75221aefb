/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/models/test_training_dense.c -- a training step of RetinaNet against mmdet 3.3: every decision, loss and gradient.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/models/training.h"

/* Decisions of the samplers of all images, where the case has them. */
static void expect_samples(const Training *t)
{
    static const char *const parts[] = { "assigned_gt_inds", "pos_inds", "neg_inds" };
    for (int k = 0; k < t->batch.n; k++)
        for (int i = 0; i < 3; i++) {
            char name[64];
            snprintf(name, sizeof name, "sample%d_%s", k, parts[i]);
            cr_expect_not_null(training_heard(t, "%s", name), "%s: %s", t->path, name);
            if (golden_has(t->expected, name))
                training_expect_heard(t, name, name, 0);
        }
}

static void same_bits(const Training *a, const Training *b)
{
    const NnTrained x = nn_model_trained(df_model_weights(a->model)), y = nn_model_trained(df_model_weights(b->model));
    cr_assert_eq(x.n, y.n);
    cr_expect_eq(memcmp(x.gradients, y.gradients, x.n * sizeof(float)), 0, "%s: threads change gradients", a->path);
    cr_expect_eq(a->losses.total->data[0], b->losses.total->data[0], "%s: threads change losses", a->path);
}

static void step(const char *name)
{
    Training *t = df_malloc(2 * sizeof *t);
    const bool there = training_open(&t[0], name, 1);
    if (there) {
        training_open(&t[1], name, 2);
        training_step(&t[0]);
        training_step(&t[1]);
        expect_samples(&t[0]);
        training_expect_losses(&t[0], 1e-5);
        training_expect_gradients(&t[0], 1e-4);
        same_bits(&t[0], &t[1]);
        training_close(&t[0]);
        training_close(&t[1]);
    }
    df_free(t);
}

Test(retinanet, ciou_of_decoded_boxes) { step("retina_ciou_interval"); }
Test(retinanet, diou_of_decoded_boxes) { step("retina_diou_coder"); }
Test(retinanet, giou_of_decoded_boxes) { step("retina_giou_decoded_ignore"); }
Test(retinanet, balanced_l1) { step("retina_balanced_ignore_gt"); }
Test(retinanet, smooth_l1_and_borders) { step("retina_smoothl1_border"); }
Test(retinanet, of_mmdet_2) { step("../heads/train_retinanet"); }
