/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/compare/compare.c -- deformer compare: results side by side, with bootstrap confidence intervals over images; or models, with what
 * they cost (models.c).
 */
#include "cli/compare/compare.h"

#include <string.h>

CliCompareOptions cli_compare = { .replicates = 1000, .confidence = 0.95, .rounds = 3, .cost = "macs" };

static const CliOption options[] = {
    CLI_OPT_TEXT("--gt", cli_compare.gt, "GT.json", "annotation file of the dataset; required for COCO results"),
    CLI_OPT_TEXT("--type", cli_compare.type, "LIST",
                 "kind of results: bbox, segm, miou, topk, or several with commas; default: what the runs contain, and bbox for a COCO file"),
    CLI_OPT_FLAG("--per-class", cli_compare.per_class, "results only: also print AP, IoU or accuracy of every class"),
    CLI_OPT_INT("--bootstrap", cli_compare.replicates, "N", 0, 1000000, "number of bootstrap samples; 0: no intervals; default 1000"),
    CLI_OPT_FLOAT("--confidence", cli_compare.confidence, "P", 0, 1, "confidence level of the intervals; default 0.95"),
    CLI_OPT_INT("--seed", cli_compare.seed, "N", 0, 9e18, "seed of the bootstrap samples; default 0"),
    CLI_OPT_TEXT("--markdown", cli_compare.markdown, "FILE", "write the table as Markdown; with `-` to stdout, in place of the plain table"),
    CLI_OPT_TEXT("--json", cli_compare.json, "FILE", "write the numbers as JSON in full precision; with `-` to stdout, in place of the table"),

    CLI_OPT_HEADING("Options for models"),
    CLI_OPT_TEXT("--shape", cli_compare.shape, "HxW",
                 "input size in pixels; default 800x1280 for detectors, 512x512 for segmentors, the config's img_size for classifiers"),
    CLI_OPT_INT("--rounds", cli_compare.rounds, "N", 0, 100, "how many times each model is measured; 0: do not measure; default 3"),
    CLI_OPT_TEXT("--chart", cli_compare.chart, "FILE.svg", "draw accuracy over cost; if no RUN is given, time over multiply-adds"),
    CLI_OPT_TEXT("--cost", cli_compare.cost, "KIND", "cost shown in the chart: macs (multiply-adds), params or time; default macs"),
    CLI_OPT_TEXT("--title", cli_compare.title, "TEXT", "title of the chart"),
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
    .synopsis = "RUN... | MODEL... [OPTION]...",
    .summary = "compare results, or models, side by side",
    .details = "deformer compare [--gt GT.json] RUN RUN...\n"
               "    Compares scores with those of the first RUN. Every score and every\n"
               "    difference has a confidence interval, from a bootstrap over the images. A\n"
               "    difference whose interval contains 0 may be chance. A RUN is the --out\n"
               "    folder of `deformer eval`, a COCO results file, or a file with scores of\n"
               "    single images (results.miou.json, results.topk.json) that `eval --out` or\n"
               "    `metric --per-image` wrote.\n"
               "\n"
               "deformer compare MODEL MODEL...\n"
               "    MODEL is [NAME=]CONFIG[:CHECKPOINT][@RUN]. Prints a row for each model:\n"
               "    parameters, multiply-adds, activation memory, time for one image and peak\n"
               "    memory on this machine, and the score of its RUN if one is given. Here a RUN\n"
               "    may also be a file that --json of `eval` or `metric` wrote; such a score has\n"
               "    no interval. Without CHECKPOINT the weights are random.\n"
               "    Each measurement runs in a process of its own. Models are measured in turns,\n"
               "    and the medians are printed. Without NAME a model is named by the part of\n"
               "    its file name that the others do not share. In the chart, a line joins\n"
               "    models whose names differ only in the size (tiny, small, base; T, S, B; b0,\n"
               "    b1).",
    .examples = "  deformer compare --gt GT.json a.json b.json\n"
                "  deformer compare Swin=swin.py@run_swin/ DAT=dat.py@run_dat/ --gt GT.json \\\n"
                "      --chart chart.svg",
    .options = options,
    .least = 1,
    .most = -1,
    .run = run,
};
