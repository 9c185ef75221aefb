/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/data/split.h -- private: the groups of pictures that stay together when pictures are divided.
 */
#ifndef DF_CLI_DATA_SPLIT_H
#define DF_CLI_DATA_SPLIT_H

#include "cli/data/data.h"

/* What --group says of each picture, in the arena of the set; NULL: it is not given. */
int cli_data_groups(const DfLabelled *, const char ***group);

#endif
