/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/compare.c -- deformer compare: results side by side, with bootstrap confidence intervals over images.
 */
#include <string.h>

#include "cli/cli.h"
#include "eval/eval.h"

static const char *gt_path, *json_path;
static long replicates = 1000, seed;
static double confidence = 0.95;
static bool per_class, markdown;

static const CliOption options[] = {
    CLI_OPT_TEXT("--gt", gt_path, "GT.json", "the annotation file of all of them"),
    CLI_OPT_FLAG("--per-class", per_class, "also the AP of every class"),
    CLI_OPT_FLAG("--markdown", markdown, "a Markdown table"),
    CLI_OPT_TEXT("--json", json_path, "FILE", "the numbers in full precision; - is stdout, without the table"),
    CLI_OPT_INT("--bootstrap", replicates, "1000", 0, 1000000, "how many bootstrap samples of the images; 0: no intervals"),
    CLI_OPT_FLOAT("--confidence", confidence, "0.95", 0, 1, "how many of them an interval holds"),
    CLI_OPT_INT("--seed", seed, "0", 0, 0, "another seed, other samples"),
    CLI_OPT_END
};

/* A results file, or the folder of a run with results.bbox.json in it. */
static char *results_path(const char *path)
{
    if (df_is_directory(path))
        return cli_join(path, "results.bbox.json");
    char *copy = df_malloc(strlen(path) + 1);
    return copy ? memcpy(copy, path, strlen(path) + 1) : NULL;
}

static int read_all(const DfCoco *gt, const char *const *paths, size_t n, DfCocoResults **results)
{
    int error = DF_OK;
    for (size_t i = 0; error == DF_OK && i < n; i++) {
        char *path = results_path(paths[i]);
        error = path ? df_coco_results_new(&results[i], gt) : df_fail_memory("a path");
        if (error == DF_OK)
            error = df_coco_results_read(results[i], path);
        df_free(path);
    }
    return error;
}

static int tell(const DfCompare *compare)
{
    char *text = NULL;
    int error = DF_OK;
    if (!json_path || strcmp(json_path, "-") != 0) {
        error = markdown ? df_compare_markdown(compare, per_class, &text) : df_compare_text(compare, per_class, &text);
        if (error == DF_OK)
            printf("%s", text);
        df_free(text);
    }
    if (error == DF_OK && json_path && (error = df_compare_json(compare, &text)) == DF_OK) {
        error = cli_write_text(json_path, text);
        df_free(text);
    }
    return error;
}

static int run(int n, const char *const *args)
{
    DfCoco *gt = NULL;
    DfCompare *compare = NULL;
    DfPool *pool = NULL;
    const DfCompareParams params = { (size_t)replicates, (uint64_t)seed, confidence };
    if (!gt_path)
        return df_fail(CLI_EUSAGE, "want --gt GT.json, the annotation file that all results are about");
    DfCocoResults **results = df_calloc((size_t)n, sizeof *results);
    int error = results ? cli_check_output(json_path) : df_fail_memory("results");
    if (error == DF_OK)
        error = df_pool_new(&pool, (int)cli.threads);
    if (error == DF_OK)
        error = df_coco_open(&gt, gt_path);
    if (error == DF_OK)
        error = read_all(gt, args, (size_t)n, results);
    if (error == DF_OK)
        error = df_compare_new(&compare, (const DfCocoResults *const *)results, args, (size_t)n, &params, pool);
    if (error == DF_OK)
        error = tell(compare);
    df_compare_free(compare);
    for (int i = 0; results && i < n; i++)
        df_coco_results_free(results[i]);
    df_free(results);
    df_coco_free(gt);
    df_pool_free(pool);
    return error;
}

const CliCommand cli_command_compare = {
    .name = "compare",
    .synopsis = "--gt GT.json RESULTS RESULTS... [--per-class] [--json FILE]",
    .summary = "COCO box results side by side, with confidence intervals",
    .details = "RESULTS is a results file or the --out folder of an eval. The others are compared with the first.",
    .options = options,
    .least = 1,
    .most = -1,
    .run = run,
};
