/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/models/test_train_two_stage.c -- a training step of Faster, Mask and Cascade R-CNN against mmdet.
 */
#include <criterion/criterion.h>

#include "tests/support/models/training.h"

static void step(const char *name, int given)
{
    Training t;
    if (!training_open(&t, name, 2))
        return;
    training_give_samples(&t, 0, given);
    training_step(&t);
    training_expect_losses(&t, 1e-5);
    training_expect_gradients(&t, 1e-4);
    training_expect_statistics(&t, 1e-5);
    training_close(&t);
}

Test(two_stage_training, cascade_mask_agnostic) { step("cascade_mask_agnostic", 0); }
Test(two_stage_training, faster_agnostic_decoded) { step("faster_agnostic_decoded", 0); }
Test(two_stage_training, faster_ohem) { step("faster_ohem", 0); }
Test(two_stage_training, mask_bitmap_empty_gn) { step("mask_bitmap_empty_gn", 0); }
Test(two_stage_training, mask_polygon_ioubal) { step("mask_polygon_ioubal", 4); }
Test(two_stage_training, train_mask_rcnn) { step("../heads/train_mask_rcnn", 0); }
Test(two_stage_training, train_cascade_mask_rcnn) { step("../heads/train_cascade_mask_rcnn", 0); }
