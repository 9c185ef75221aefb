/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/metric/openimages.c -- deformer metric openimages: scores a table of predictions against the published tables.
 */
#include <stdio.h>
#include <string.h>

#include "cli/metric/metric.h"

static int read_params(DfOpenImagesParams *p)
{
    const double *iou;
    size_t n;
    DfArena *arena = df_arena_new();
    *p = df_openimages_params(!cli_metric.v2);
    if (cli_metric.group_weight >= 0)
        p->group_weight = cli_metric.group_weight;
    int error = arena ? DF_OK : df_fail_memory("options");
    if (error == DF_OK && cli_metric.iou_thrs) {
        error = cli_read_numbers(arena, "--iou-thrs", cli_metric.iou_thrs, &iou, &n);
        if (error == DF_OK && (n != 1 || iou[0] < 0 || iou[0] > 1))
            error = df_fail(CLI_EUSAGE, "--iou-thrs %s: want one number from 0 to 1", cli_metric.iou_thrs);
        if (error == DF_OK)
            p->iou = iou[0];
    }
    df_arena_free(arena);
    return error;
}

/* Classes first, and predictions last. */
static int read(DfOpenImages *o, int n, const char *const *args)
{
    int error = DF_OK;
    if (cli_metric.class_names)
        error = df_openimages_read_classes(o, cli_metric.class_names);
    if (error == DF_OK && cli_metric.hierarchy)
        error = df_openimages_read_hierarchy(o, cli_metric.hierarchy);
    if (error == DF_OK)
        error = df_openimages_read_boxes(o, args[0]);
    if (error == DF_OK && cli_metric.segments)
        error = df_openimages_read_segments(o, cli_metric.segments);
    if (error == DF_OK && cli_metric.labels)
        error = df_openimages_read_labels(o, cli_metric.labels);
    for (int i = 1; error == DF_OK && i < n; i++)
        error = df_openimages_read_predictions(o, args[i]);
    return error;
}

static int write(const DfOpenImagesScores *s)
{
    char *table = NULL, *json = NULL;
    int error = cli_metric_wants_table() ? df_openimages_table(s, cli_metric.per_class, &table) : DF_OK;
    if (error == DF_OK && cli_metric.json)
        error = df_openimages_json(s, &json);
    return cli_metric_tell(error, table, json);
}

static int run(int n, const char *const *args)
{
    DfOpenImagesParams params;
    DfOpenImagesScores scores = { 0 };
    DfOpenImages *o = NULL;
    DfPool *pool = NULL;
    int error = read_params(&params);
    if (error == DF_OK)
        error = cli_check_outputs(1, &cli_metric.json);
    if (error == DF_OK)
        error = df_pool_new(&pool, (int)cli.threads);
    if (error == DF_OK)
        error = df_openimages_new(&o, cli_metric.segments != NULL);
    if (error == DF_OK)
        error = read(o, n, args);
    if (error == DF_OK)
        error = df_openimages_score(&scores, o, &params, pool);
    if (error == DF_OK)
        error = write(&scores);
    df_openimages_scores_done(&scores);
    df_openimages_free(o);
    df_pool_free(pool);
    return error;
}

const CliSubcommand cli_metric_openimages = { "openimages", "BOXES.csv PREDICTIONS.csv...", 2, -1, run };
