/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/models/test_training_pixels.c -- a training step of segmentors against mmseg 1.2 and 0.11, and of DETR's family
 * against mmdet 3.3: every loss, gradient and running statistic.
 */
#include <criterion/criterion.h>

#include "tests/support/models/training.h"

static void step(const char *name, double gradients)
{
    Training *t = df_malloc(sizeof *t);
    if (training_open(t, name, 2)) {
        training_step(t);
        training_expect_losses(t, 1e-5);
        training_expect_gradients(t, gradients);
        training_expect_statistics(t, 1e-5);
        training_close(t);
    }
    df_free(t);
}

/* Batch norm in training: a shift before it has no gradient but rounding. */
Test(segmentors, upernet_ignoring_pixels) { step("upernet_bn_ignore", 1e-3); }
Test(segmentors, upernet_with_dice) { step("upernet_dice_nonignore", 1e-3); }
Test(segmentors, upernet_with_class_weights) { step("upernet_align_weights", 1e-3); }
Test(segmentors, semantic_fpn_of_hard_pixels) { step("semantic_fpn_ohem", 1e-3); }
Test(segmentors, upernet_of_mmseg_0) { step("../heads/train_upernet", 1e-3); }

Test(set_detectors, detr) { step("detr_plain", 1e-4); }
Test(set_detectors, deformable_detr) { step("ddetr_plain", 1e-4); }
Test(set_detectors, deformable_detr_of_two_stages) { step("ddetr_two_stage", 1e-4); }
