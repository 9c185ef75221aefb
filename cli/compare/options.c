/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/compare/options.c -- the options of `deformer compare`.
 */
#include "cli/compare/options.h"

CliCompareOptions cli_compare = {
    .replicates = 1000, .confidence = 0.95, .score_thr = 0.3, .rounds = 3, .cost = "macs",
};

const CliOption cli_compare_options[] = {
    CLI_OPT_TEXT("--gt", cli_compare.gt, "GT.json", "annotation file of the dataset; required for COCO results"),
    CLI_OPT_TEXT("--type", cli_compare.type, "LIST",
                 "kind of results: bbox, segm, miou, topk, or several with commas; default for results: the first of "
                 "these that all runs have, and bbox for a COCO file; default for models: all that the runs have"),
    CLI_OPT_FLAG("--per-class", cli_compare.per_class, "results only: also print AP, IoU or accuracy of every class"),
    CLI_OPT_INT("--bootstrap", cli_compare.replicates, "N", 0, 1000000,
                "number of bootstrap samples; 0: no intervals; default 1000"),
    CLI_OPT_FLOAT("--confidence", cli_compare.confidence, "P", 0, 1, "confidence level of the intervals; default 0.95"),
    CLI_OPT_INT("--seed", cli_compare.seed, "N", 0, 9e18, "seed of the bootstrap samples; default 0"),
    CLI_OPT_TEXT("--markdown", cli_compare.markdown, "FILE",
                 "write the table as Markdown; with `-` to stdout, in place of the plain table"),
    CLI_OPT_TEXT("--json", cli_compare.json, "FILE",
                 "write the numbers as JSON in full precision; with `-` to stdout, in place of the table"),
    CLI_OPT_TEXT("--explain", cli_compare.explain, "FILE.html",
                 "results only: write a page with scores, classes, and what changed image by image"),
    CLI_OPT_TEXT("--images", cli_compare.images, "DIR",
                 "folder of the pictures, to show them on the page side by side"),
    CLI_OPT_FLOAT("--score-thr", cli_compare.score_thr, "S", 0, 1,
                  "the page counts and draws only detections with a score of at least S; default 0.3"),

    CLI_OPT_HEADING("Options for models"),
    CLI_OPT_TEXT("--shape", cli_compare.shape, "HxW",
                 "input size in pixels; default 800x1280 for detectors, 512x512 for segmentors, the config's img_size "
                 "for classifiers"),
    CLI_OPT_PRECISION,
    CLI_OPT_INT("--rounds", cli_compare.rounds, "N", 0, 100,
                "number of measurements of each model; 0: do not measure; default 3"),
    CLI_OPT_TEXT("--chart", cli_compare.chart, "FILE.svg",
                 "draw accuracy over cost; if no RUN is given, time over multiply-adds"),
    CLI_OPT_TEXT("--cost", cli_compare.cost, "KIND",
                 "cost shown in the chart: macs (multiply-adds), params or time; default macs"),
    CLI_OPT_TEXT("--title", cli_compare.title, "TEXT", "title of the chart"),
    CLI_OPT_END
};
