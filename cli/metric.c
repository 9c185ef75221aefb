/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/metric.c -- deformer metric: scoring alone, no model.
 */
#include <string.h>

#include "cli/scores.h"

static const char *type = "bbox", *json_path;
static bool per_class;

static const CliOption options[] = {
    CLI_OPT_TEXT("--type", type, "bbox", "what is scored: bbox"),
    CLI_OPT_FLAG("--per-class", per_class, "also the AP of every class"),
    CLI_OPT_TEXT("--json", json_path, "FILE", "the numbers in full precision; - is stdout, without the table"),
    CLI_OPT_END
};

static int run(int n, const char *const *args)
{
    if (strcmp(args[0], "coco") != 0)
        return df_fail(CLI_EUSAGE, "no metric '%s': want coco", args[0]);
    if (strcmp(type, "bbox") != 0)
        return df_fail(CLI_EUSAGE, "--type %s: want bbox", type);
    DfPool *pool = NULL;
    int error = cli_check_output(json_path);
    if (error == DF_OK)
        error = df_pool_new(&pool, (int)cli.threads);
    if (error == DF_OK)
        error = cli_score_boxes(pool, &(CliScoring){ .gt_path = args[1], .dt_paths = args + 2, .n_dt = n - 2, .json_path = json_path, .per_class = per_class });
    df_pool_free(pool);
    return error;
}

const CliCommand cli_command_metric = {
    .name = "metric",
    .synopsis = "coco GT.json DT.json... [--type bbox] [--json FILE]",
    .summary = "scoring alone, no model: COCO boxes as pycocotools scores them",
    .details = "Several results files are scored as one: the shards of an evaluation.\n\n" CLI_SCORES_JSON,
    .options = options,
    .least = 3,
    .most = -1,
    .run = run,
};
