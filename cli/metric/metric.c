/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/metric/metric.c -- deformer metric: scoring alone, no model. The first word says how; each way is a file beside this one.
 */
#include "cli/metric/metric.h"

#include <string.h>

#include "cli/common/scores.h"

CliMetricOptions cli_metric = {
    .type = "bbox", .score_thr = 0.3, .num_classes = 150, .ignore_index = 255, .beta = 1, .nan_to_num = -1, .boundary_ratio = 0.02, .gt_suffix = ".png", .pred_suffix = ".png",
};

static const CliOption options[] = {
    CLI_OPT_FLAG("--per-class", cli_metric.per_class, "also the numbers of every class"),
    CLI_OPT_TEXT("--json", cli_metric.json, "FILE", "the numbers in full precision; - is stdout, without the table"),
    CLI_OPT_TEXT("--per-image", cli_metric.per_image, "FILE", "ade20k, imagenet: the scores of every image, as JSON, for deformer compare"),
    CLI_OPT_TEXT("--type", cli_metric.type, "TYPE", "coco: bbox, segm, proposal (recall of boxes without classes), or several with commas; default bbox"),
    CLI_OPT_TEXT("--iou-thrs", cli_metric.iou_thrs, "LIST", "coco: IoU thresholds: 0.5,0.75 or 0.5:0.95:0.05, which is the default"),
    CLI_OPT_TEXT("--rec-thrs", cli_metric.rec_thrs, "LIST", "coco: recall thresholds; default 0:1:0.01"),
    CLI_OPT_TEXT("--max-dets", cli_metric.max_dets, "LIST", "coco: detections per image and class, at least three; default 1,10,100; of proposals 1,10,100,1000"),
    CLI_OPT_TEXT("--area-rng", cli_metric.area_rng, "LIST", "coco: NAME:LOW:HIGH; default all:0:1e10,small:0:1024,medium:1024:9216,large:9216:1e10"),
    CLI_OPT_FLAG("--no-cats", cli_metric.no_cats, "coco: all classes are one (useCats = 0)"),
    CLI_OPT_TEXT("--img-ids", cli_metric.img_ids, "LIST", "coco: only these images: 1,5,7 or @FILE"),
    CLI_OPT_TEXT("--cat-ids", cli_metric.cat_ids, "LIST", "coco: only these categories"),
    CLI_OPT_TEXT("--dump", cli_metric.dump, "FILE.safetensors", "coco: arrays of precision, recall and scores, float64"),
    CLI_OPT_TEXT("--explain", cli_metric.explain, "PAGE.html", "coco, ade20k: a page that says why: kinds of errors, curves, confusion, calibration, worst images"),
    CLI_OPT_TEXT("--images", cli_metric.images, "DIR", "coco: the pictures, for the page; check: compares their sizes"),
    CLI_OPT_FLOAT("--score-thr", cli_metric.score_thr, "S", 0, 1, "coco: which detections the page counts and draws; default 0.3"),
    CLI_OPT_INT("--num-classes", cli_metric.num_classes, "N", 1, DF_MIOU_CLASSES, "ade20k: how many classes; default 150"),
    CLI_OPT_INT("--ignore-index", cli_metric.ignore_index, "N", -1, 255, "ade20k: the label, after the reduction, that does not count; -1: none; default 255"),
    CLI_OPT_FLAG("--no-reduce-zero-label", cli_metric.no_reduce, "ade20k: labels are the classes themselves; default: 0 is ignored, n means n - 1"),
    CLI_OPT_FLAG("--reduce-zero-label", cli_metric.reduce_zero_label, "ade20k: says the default aloud"),
    CLI_OPT_FLAG("--histc", cli_metric.histc, "ade20k: the value N of N classes counts nowhere, as in mmseg from 0.14 on; before, it was the last class"),
    CLI_OPT_FLOAT("--beta", cli_metric.beta, "X", 0, 1e6, "ade20k: of mFscore; default 1"),
    CLI_OPT_FLOAT("--nan-to-num", cli_metric.nan_to_num, "X", 0, 1, "ade20k: what a class of 0/0 scores; default: nan, outside of the means"),
    CLI_OPT_FLAG("--boundary", cli_metric.boundary, "ade20k: also Boundary IoU"),
    CLI_OPT_FLOAT("--boundary-ratio", cli_metric.boundary_ratio, "X", 0, 1, "ade20k: its width, a part of the diagonal; default 0.02"),
    CLI_OPT_TEXT("--class-names", cli_metric.class_names, "FILE", "ade20k: names of the classes, one a line"),
    CLI_OPT_TEXT("--gt-suffix", cli_metric.gt_suffix, "SUFFIX", "ade20k: which files of GT_DIR are labels; default .png"),
    CLI_OPT_TEXT("--pred-suffix", cli_metric.pred_suffix, "SUFFIX", "ade20k: what replaces it in the name of the prediction; default .png"),
    CLI_OPT_TEXT("--labels", cli_metric.labels, "FILE", "imagenet: the right class of each row of the logits, one a line"),
    CLI_OPT_TEXT("--real-labels", cli_metric.real_labels, "FILE.json", "imagenet: all right classes of each image, a list of lists (ReaL)"),
    CLI_OPT_FLAG("--confusion", cli_metric.confusion, "ade20k: the confusion matrix in the JSON"),
    CLI_OPT_END
};

static const CliMetric *const metrics[] = { &cli_metric_coco, &cli_metric_ade20k, &cli_metric_imagenet, &cli_metric_check, NULL };

static const CliMetric *find(const char *name)
{
    const char *names[sizeof metrics / sizeof *metrics];
    size_t n = 0;
    for (; metrics[n]; n++) {
        if (strcmp(metrics[n]->name, name) == 0)
            return metrics[n];
        names[n] = metrics[n]->name;
    }
    const char *nearest = df_nearest_name(name, names, n);
    df_fail(CLI_EUSAGE, "no metric '%s'%s%s%s", name, nearest ? "; did you mean '" : ": want coco, ade20k, imagenet or check", nearest ? nearest : "", nearest ? "'?" : "");
    return NULL;
}

static int run(int n, const char *const *args)
{
    const CliMetric *metric = find(args[0]);
    if (!metric)
        return CLI_EUSAGE;
    n--;
    if (n < metric->least || (metric->most >= 0 && n > metric->most))
        return df_fail(CLI_EUSAGE, "want: deformer metric %s %s", metric->name, metric->arguments);
    return metric->run(n, args + 1);
}

const CliCommand cli_command_metric = {
    .name = "metric",
    .synopsis = "coco GT.json DT.json... | ade20k GT_DIR PRED_DIR | imagenet LOGITS | check GT.json DT.json...",
    .summary = "scoring alone, no model: as pycocotools and mmseg score; explanations; a check of the files",
    .details = "coco: several results files are scored as one: the shards of an evaluation.\n"
               "ade20k: PNG label maps, 0 = unlabelled and 1..150 in GT_DIR, predictions 0..149 under the same names in PRED_DIR.\n"
               "imagenet: a .safetensors with `logits` [N, C] (and `labels` [N]), or PREDICTIONS DIR: lines \"NAME CLASS ..\" and class folders.\n"
               "check: what silently ruins a score, with the line to look at; exit status 1 if there are errors.\n"
               "All numbers and keys are described in docs/metrics.md.\n\n" CLI_SCORES_JSON,
    .options = options,
    .least = 1,
    .most = -1,
    .run = run,
};
