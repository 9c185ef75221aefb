/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/compare/compare.c -- deformer compare: results side by side, with bootstrap confidence intervals over images; or models, with what
 * they cost (models.c).
 */
#include "cli/compare/compare.h"

#include <string.h>

CliCompareOptions cli_compare = { .replicates = 1000, .confidence = 0.95, .rounds = 3, .cost = "macs" };

static const CliOption options[] = {
    CLI_OPT_TEXT("--gt", cli_compare.gt, "GT.json", "the annotation file of all COCO results"),
    CLI_OPT_TEXT("--type", cli_compare.type, "LIST", "which results: bbox, segm, miou, topk, or several with commas; default: what there is, of a COCO file bbox"),
    CLI_OPT_FLAG("--per-class", cli_compare.per_class, "results: also the AP, IoU or accuracy of every class"),
    CLI_OPT_TEXT("--markdown", cli_compare.markdown, "FILE", "the table in Markdown; - is stdout, instead of the plain one"),
    CLI_OPT_TEXT("--json", cli_compare.json, "FILE", "the numbers in full precision; - is stdout, without the table"),
    CLI_OPT_INT("--bootstrap", cli_compare.replicates, "N", 0, 1000000, "how many bootstrap samples of the images; 0: no intervals; default 1000"),
    CLI_OPT_FLOAT("--confidence", cli_compare.confidence, "P", 0, 1, "how many of them an interval holds; default 0.95"),
    CLI_OPT_INT("--seed", cli_compare.seed, "N", 0, 9e18, "another seed, other samples; default 0"),
    CLI_OPT_TEXT("--shape", cli_compare.shape, "HxW", "models: input size; default 800x1280 for detectors, 512x512 for segmentors, img_size for classifiers"),
    CLI_OPT_INT("--rounds", cli_compare.rounds, "N", 0, 100, "models: how often each is timed, in turns with the others; 0: not at all; default 3"),
    CLI_OPT_TEXT("--chart", cli_compare.chart, "FILE.svg", "models: accuracy over cost, or time over multiply-adds if no run is given"),
    CLI_OPT_TEXT("--cost", cli_compare.cost, "KIND", "models: the cost in the chart: macs, params or time; default macs"),
    CLI_OPT_TEXT("--title", cli_compare.title, "TEXT", "models: the title of the chart"),
    CLI_OPT_END
};

static int tell(const DfCompare *compare)
{
    const bool to_stdout = cli_compare.markdown && strcmp(cli_compare.markdown, "-") == 0;
    char *text = NULL;
    int error = DF_OK;
    if (!to_stdout && (!cli_compare.json || strcmp(cli_compare.json, "-") != 0) && (error = df_compare_text(compare, cli_compare.per_class, &text)) == DF_OK) {
        printf("%s", text);
        df_free(text);
    }
    if (error == DF_OK && cli_compare.markdown && (error = df_compare_markdown(compare, cli_compare.per_class, &text)) == DF_OK) {
        error = cli_write_text(cli_compare.markdown, text);
        df_free(text);
    }
    if (error == DF_OK && cli_compare.json && (error = df_compare_json(compare, &text)) == DF_OK) {
        error = cli_write_text(cli_compare.json, text);
        df_free(text);
    }
    return error;
}

/* The files of the first kind that all runs have. */
static int find_files(const char *const *runs, size_t n, char **files, CliRunKind *kind)
{
    for (int k = 0; k < CLI_RUN_KINDS; k++) {
        size_t found = 0;
        for (size_t i = 0; i < n; i++) {
            df_free(files[i]);
            const int error = cli_run_file(runs[i], (CliRunKind)k, &files[i]);
            if (error < 0)
                return error;
            found += files[i] != NULL;
        }
        *kind = (CliRunKind)k;
        if (found == n)
            return DF_OK;
    }
    return df_fail(DF_EVALUE, "%s%s: no results that could be compared%s%s", runs[0], n > 1 ? " and the others" : "", cli_compare.type ? " of type " : "", cli_compare.type ? cli_compare.type : "");
}

static int compare_results(const char *const *runs, size_t n)
{
    DfCompare *compare = NULL;
    DfPool *pool = NULL;
    CliRunKind kind;
    char **files = df_calloc(n, sizeof *files);
    int error = files ? find_files(runs, n, files, &kind) : df_fail_memory("results");
    if (error == DF_OK)
        error = df_pool_new(&pool, (int)cli.threads);
    if (error == DF_OK)
        error = cli_run_compare(&compare, kind, (const char *const *)files, runs, n, pool);
    if (error == DF_OK)
        error = tell(compare);
    df_compare_free(compare);
    df_pool_free(pool);
    for (size_t i = 0; files && i < n; i++)
        df_free(files[i]);
    df_free(files);
    return error;
}

static int check_type(void)
{
    for (const char *at = cli_compare.type; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL) {
        const size_t length = strcspn(at, ",");
        int k = 0;
        while (k < CLI_RUN_KINDS && (strlen(cli_run_key((CliRunKind)k)) != length || strncmp(at, cli_run_key((CliRunKind)k), length) != 0))
            k++;
        if (k == CLI_RUN_KINDS)
            return df_fail(CLI_EUSAGE, "--type %s: want bbox, segm, miou, topk, or some of them with commas", cli_compare.type);
    }
    return DF_OK;
}

static int run(int n, const char *const *args)
{
    int error = check_type();
    if (error == DF_OK)
        error = cli_check_outputs(3, (const char *const[]){ cli_compare.json, cli_compare.markdown, cli_compare.chart });
    if (error < 0)
        return error;
    return cli_is_model(args[0]) ? cli_compare_models(args, (size_t)n) : compare_results(args, (size_t)n);
}

const CliCommand cli_command_compare = {
    .name = "compare",
    .synopsis = "[--gt GT.json] RUN RUN... | [NAME=]CONFIG[:CHECKPOINT][@RUN]... [--chart FILE.svg]",
    .summary = "results or models side by side: differences with confidence intervals, and what they cost",
    .details = "RUN is the --out folder of an eval or a file: COCO results, which want --gt; results.miou.json or results.topk.json, the scores of\n"
               "single images that eval --out and metric --per-image write; or what --json wrote, whose numbers come without intervals (models only).\n"
               "The others are compared with the first.\n"
               "\n"
               "Models: a row each, with parameters, multiply-adds, activations alive at once, time and peak memory on this machine (medians of\n"
               "--rounds, each a process of its own, in turns; with CHECKPOINT's weights, else random ones), and the accuracy of its RUN if it\n"
               "has one. NAME is what it is called, else what its file name does not share with the others. In the chart, models\n"
               "whose names differ in a size alone (tiny, small, base; T, S, B; b0, b1) are joined by a line.",
    .options = options,
    .least = 1,
    .most = -1,
    .run = run,
};
