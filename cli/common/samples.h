/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/common/samples.h -- the loop of eval and predict over pictures.
 */
#ifndef DF_CLI_COMMON_SAMPLES_H
#define DF_CLI_COMMON_SAMPLES_H

#include "cli/cli.h"
#include "datasets/datasets.h"

/* Pictures through take() one by one, the next ones read meanwhile, with a line of progress; `silent`: without. It ends early when
 * take() fails, and at Ctrl-C, which is no error: then done < n. */
typedef struct {
    const char *what;
    DfLoading loading;
    long n, done;  /* pictures in all; done: by an earlier run too */
    bool silent;
    int (*take)(void *run, DfSample *);
    void *run;
} CliSamples;
int cli_each_sample(CliSamples *);

#endif
