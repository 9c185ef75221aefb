/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/eval/eval.h -- the options of `deformer eval`, the run over its images, and what it does with a segmentor.
 */
#ifndef DF_CLI_EVAL_EVAL_H
#define DF_CLI_EVAL_EVAL_H

#include "cli/common/samples.h"

typedef struct {
    const char *config, *checkpoint;
    const char *data_dir, *out_dir, *json_path, *shard, *wrapper;
    long limit;
    bool fresh, allow_missing, from_one;
} CliEval;

/* "I/N", or NULL for all of it: the I-th of N parts, I from 1 on. */
int cli_read_shard(const char *text, int *shard, int *shards);

enum { CLI_SHOWN = 10 }; /* sentences about images that are no good; the others are counted */

/* The images of loading.order through take(), with progress; Ctrl-C between two is an error here. One that cannot be read is said and
 * counted instead; if none can, that is an error. */
typedef struct {
    DfLoading loading;
    long n, done;      /* that are asked for; of these done by an earlier run */
    bool kept;         /* what was done before a stop stays                    */
    int (*take)(void *run, const DfSample *);
    void *run;
    long unreadable;   /* out */
} CliEvalImages;
int cli_eval_images(CliEvalImages *);

/* The test set through a segmentor in an open session; closing it stays with the caller. */
int cli_eval_segmentor(CliSession *, const CliEval *);

#endif
