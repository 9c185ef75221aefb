/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/metric/lvis.c -- deformer metric lvis: COCO's scores by the rules of LVIS.
 */
#include <stdlib.h>
#include <string.h>

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
    static const char *const known[] = { "bbox", "segm", "boundary" };
    for (const char *at = types; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL) {
        const size_t n = strcspn(at, ",");
        size_t k = 0;
        while (k < 3 && (strlen(known[k]) != n || strncmp(at, known[k], n) != 0))
            k++;
        if (k == 3)
            return df_fail(CLI_EUSAGE, "--type %s: want bbox, segm or boundary, or some of them with commas", types);
    }
    return DF_OK;
}

static int read_params(DfArena *arena, DfCocoParams *p)
{
    *p = df_lvis_params();
    int error = read_limit(arena, p);
    cli_metric.max_dets = NULL; /* not three, as coco has */
    if (error == DF_OK)
        error = check_types(cli_metric.type);
    return error == DF_OK ? cli_metric_params(arena, p) : error;
}

static int run(int n, const char *const *args)
{
    DfCocoParams params;
    DfArena *arena = df_arena_new();
    int error = arena ? read_params(arena, &params) : df_fail_memory("options");
    if (error == DF_OK)
        error = cli_metric_score(&params, true, n, args);
    df_arena_free(arena);
    return error;
}

const CliSubcommand cli_metric_lvis = { "lvis", "GT.json DT.json...", 2, -1, run };
