/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/eval.h -- the options of `deformer eval`, and what it does with a segmentor.
 */
#ifndef DF_CLI_EVAL_H
#define DF_CLI_EVAL_H

#include "cli/cli.h"

typedef struct {
    const char *config, *checkpoint;
    const char *data_dir, *out_dir, *json_path, *shard, *wrapper;
    long limit;
    bool fresh, allow_missing, from_one;
} CliEval;

/* "I/N", or NULL for all of it: the I-th of N parts, I from 1 on. */
int cli_read_shard(const char *text, int *shard, int *shards);

/* The test set through a segmentor in an open session; closing it stays with the caller. */
int cli_eval_segmentor(CliSession *, const CliEval *);

#endif
