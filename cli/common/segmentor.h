/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/common/segmentor.h -- what eval and predict share about segmentors: samples through the network, label maps as PNG files.
 */
#ifndef DF_CLI_COMMON_SEGMENTOR_H
#define DF_CLI_COMMON_SEGMENTOR_H

#include "cli/cli.h"
#include "datasets/datasets.h"

/* The class of every pixel of the original picture; df_free() *labels. All views count. Errors name the picture. */
int cli_segment(CliSession *, const DfSample *, uint16_t **labels);

/* Test-time augmentation as mmseg's tools/test.py --aug-test has it: six scales, each also mirrored. To be called before the config
 * is read. */
int cli_aug_test(void);

/* FOLDER/NAME.png: one byte a pixel, the class, counted from `first`: 0 or 1. Makes folders on the way. */
int cli_write_classes(const char *folder, const char *name, const uint16_t *labels, int height, int width, int first);

#endif
