/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/metric.c -- deformer metric: scoring alone, no model.
 */
#include <string.h>

#include "cli/scores.h"

static const char *type = "bbox", *json_path;
static bool per_class;

static const CliOption options[] = {
    { "--type", CLI_TEXT, &type, "bbox", "what is scored: bbox" },
    { "--per-class", CLI_FLAG, &per_class, NULL, "also the AP of every class" },
    { "--json", CLI_TEXT, &json_path, "FILE", "the numbers in full precision; - is stdout, without the table" },
    { NULL, CLI_END, NULL, NULL, NULL },
};

static int run(int n, const char *const *args)
{
    (void)n;
    if (strcmp(args[0], "coco") != 0)
        return df_fail(DF_EVALUE, "no metric '%s': want coco", args[0]);
    if (strcmp(type, "bbox") != 0)
        return df_fail(DF_EVALUE, "--type %s: want bbox", type);
    DfPool *pool = NULL;
    int error = df_pool_new(&pool, (int)cli.threads);
    if (error == DF_OK)
        error = cli_score_boxes(pool, &(CliScoring){ .gt_path = args[1], .dt_path = args[2], .json_path = json_path, .per_class = per_class });
    df_pool_free(pool);
    return error;
}

const CliCommand cli_command_metric = {
    .name = "metric",
    .synopsis = "coco GT.json DT.json [--type bbox] [--json FILE]",
    .summary = "scoring alone, no model: COCO boxes as pycocotools scores them",
    .options = options,
    .least = 3,
    .most = 3,
    .run = run,
};
