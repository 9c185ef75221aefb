/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/eval/images.c -- what deformer eval does with images whatever the model: parts for several machines, and the run over them.
 */
#include "cli/eval/eval.h"

int cli_read_shard(const char *text, int *shard, int *shards)
{
    char rest;
    *shard = *shards = 1;
    if (!text || (sscanf(text, "%9d/%9d%c", shard, shards, &rest) == 2 && *shard >= 1 && *shard <= *shards))
        return DF_OK;
    return df_fail(CLI_EUSAGE, "--shard %s: want I/N with I from 1 to N", text);
}

static int take_sample(void *run, DfSample *sample)
{
    CliEvalImages *e = run;
    if (sample->error == DF_OK)
        return e->take(e->run, sample);
    if (e->unreadable++ < CLI_SHOWN)
        df_log(DF_LOG_WARNING, "%s", sample->message);
    df_fail(sample->error, "%s", sample->message); /* the last one stays for the sentence below */
    return DF_OK;
}

int cli_eval_images(CliEvalImages *e)
{
    CliSamples samples = { .what = "eval", .loading = e->loading, .n = e->n, .done = e->done, .take = take_sample, .run = e };
    if (e->done && !cli.quiet)
        fprintf(stderr, "%ld images are already done\n", e->done);
    const int error = cli_each_sample(&samples);
    if (error < 0)
        return error;
    if (samples.done < e->n)
        return df_fail(DF_EINTERRUPT, "stopped after %ld of %ld images; %s", samples.done, e->n,
                       e->kept ? "the same command continues from there" : "nothing was kept; with --out DIR the same command would continue from there");
    return e->unreadable < e->n ? DF_OK : df_fail(DF_EIO, "none of %ld images could be read, the last: %s", e->n, df_error());
}
