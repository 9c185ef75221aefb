/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/common/aug_test.h -- the option --aug-test of eval and predict.
 */
#ifndef DF_CLI_COMMON_AUG_TEST_H
#define DF_CLI_COMMON_AUG_TEST_H

#include "cli/cli.h"

/* Test-time augmentation: the config's tta_pipeline as mmdet 3 and mmseg 1 take it with --tta, else six scales, each
 * also mirrored, as mmseg 0 with --aug-test. To be called before the config is read. */
int cli_aug_test(void);

#endif
