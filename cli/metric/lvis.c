/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/metric/lvis.c -- deformer metric lvis: COCO's scores by the rules of LVIS.
 */
#include <stdlib.h>
#include <string.h>

#include "cli/common/scores.h"
#include "cli/metric/metric.h"

/* lvis-api has one limit, of a whole image. Fixed AP has none. */
static int read_limit(DfArena *arena, DfCocoParams *p)
{
    const char *text = cli_metric.max_dets;
    char *end;
    int *limit = df_arena_alloc(arena, 1, sizeof *limit);
    if (!limit)
        return df_fail_memory("options");
    if (cli_metric.fixed_ap || cli_metric.dets_per_class)
        p->best_of_class = cli_metric.dets_per_class ? (size_t)cli_metric.dets_per_class : DF_LVIS_BEST_OF_CLASS;
    const long number = text ? strtol(text, &end, 10) : 0;
    if (text && (end == text || *end || number > INT32_MAX || (number < 1 && number != -1)))
        return df_fail(CLI_EUSAGE, "--max-dets %s: want a whole number from 1 on, or -1 for all", text);
    if (text && p->best_of_class && number != -1)
        return df_fail(CLI_EUSAGE, "--max-dets %s: fixed AP takes any number of detections of an image", text);
    *limit = p->best_of_class ? -1 : DF_LVIS_MOST;
    if (text)
        *limit = (int)number;
    p->max_dets = limit;
    p->n_max_dets = 1;
    return DF_OK;
}

static int check_types(const char *types)
{
    bool known = true;
    for (const char *at = types; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL) {
        const size_t n = strcspn(at, ",");
        known = known && n == 4 && (strncmp(at, "bbox", n) == 0 || strncmp(at, "segm", n) == 0);
    }
    return known ? DF_OK : df_fail(CLI_EUSAGE, "--type %s: want bbox or segm, or both with a comma", types);
}

static int read_params(DfArena *arena, DfCocoParams *p)
{
    *p = df_lvis_params();
    int error = read_limit(arena, p);
    cli_metric.max_dets = NULL; /* not three, as coco has */
    if (error == DF_OK)
        error = check_types(cli_metric.type);
    if (error == DF_OK && (cli_metric.no_cats || cli_metric.explain))
        error = df_fail(CLI_EUSAGE, "metric lvis knows no %s", cli_metric.no_cats ? "--no-cats" : "--explain");
    return error == DF_OK ? cli_metric_params(arena, p) : error;
}

static int run(int n, const char *const *args)
{
    DfPool *pool = NULL;
    DfCocoParams params;
    DfArena *arena = df_arena_new();
    int error = arena ? read_params(arena, &params) : df_fail_memory("options");
    if (error == DF_OK)
        error = cli_check_outputs(2, (const char *const[]){ cli_metric.json, cli_metric.dump });
    if (error == DF_OK)
        error = df_pool_new(&pool, (int)cli.threads);
    if (error == DF_OK)
        error = cli_score_coco(pool, &(CliScoring){ .gt_path = args[0],
                                                    .dt_paths = args + 1,
                                                    .n_dt = n - 1,
                                                    .types = cli_metric.type,
                                                    .json_path = cli_metric.json,
                                                    .dump_path = cli_metric.dump,
                                                    .per_class = cli_metric.per_class,
                                                    .boundary_ratio = cli_metric.boundary_ratio,
                                                    .federated = true,
                                                    .params = &params });
    df_pool_free(pool);
    df_arena_free(arena);
    return error;
}

const CliMetric cli_metric_lvis = { "lvis", "GT.json DT.json...", 2, -1, run };
