/* SPDX-License-Identifier: Apache-2.0
 *
 * config/dialect/test_time.h -- private: test-time augmentation, which a user requests by aug_test=True.
 */
#ifndef DF_CONFIG_TEST_TIME_H
#define DF_CONFIG_TEST_TIME_H

#include "config/dialect/rewrite.h"

/* mmengine's tta_pipeline, whose TestTimeAug is a product of lists, becomes one with a MultiScaleFlipAug. */
void df_mmengine_test_time(DfRewrite *);

/* Takes aug_test out of a tree of our own form. If it was True: tta_pipeline takes the place of the test pipeline; else
 * its MultiScaleFlipAug gets mmseg's six ratios, each also mirrored. DF_EVALUE: there is neither. */
int df_test_time_apply(DfConfig *);

#endif
