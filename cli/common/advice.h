/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/common/advice.h -- prints what may be wrong with files whose score is near zero.
 */
#ifndef DF_CLI_COMMON_ADVICE_H
#define DF_CLI_COMMON_ADVICE_H

#include "cli/common/scores.h"

/* If an AP is near zero or there is none: what df_check_advice() says of the files, on
 * stderr: the tables stay as they are. */
int cli_advise(const DfCocoScores *, const CliScoring *);

#endif
