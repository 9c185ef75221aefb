/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/train/news.h -- prints the progress of a run, as lines for a person.
 */
#ifndef DF_CLI_TRAIN_NEWS_H
#define DF_CLI_TRAIN_NEWS_H

#include "cli/cli.h"
#include "train/train.h"

typedef struct {
    bool live;                 /* stderr is a terminal: one line that changes */
    double shown;              /* when, in seconds                            */
} CliTrainNews;

bool cli_train_told(void *news, const DfNews *);    /* a DfTold, whose user is a CliTrainNews */
void cli_train_time(char *out, size_t size, double seconds);  /* "1:02:03" */

#endif
