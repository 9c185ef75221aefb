/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/eval.c -- deformer eval: runs the network on the test set of its config, and prints the scores.
 */
#include <string.h>

#include "cli/common/aug_test.h"
#include "cli/common/data_folder.h"
#include "cli/common/scores.h"

static const char *data_dir, *out_dir, *json_path, *shard_text, *wrapper, *real_labels, *names;
static long limit, streams, batch;
static bool per_class, fresh, allow_missing, aug_test, from_one, skip_unreadable;

static const CliOption options[] = {
    CLI_OPT_TEXT("--data", data_dir, "DIR",
                 "folder of the dataset, or any folder of labelled pictures; default: the paths in the config"),
    CLI_OPT_TEXT("--out", out_dir, "DIR", "keep the results in DIR; the same command continues a stopped run"),
    CLI_OPT_FLAG("--fresh", fresh, "start over, even if --out has results of an earlier run"),
    CLI_OPT_INT("--limit", limit, "N", 1, 2147483647, "use the first N images only"),
    CLI_OPT_TEXT("--shard", shard_text, "I/N",
                 "use the I-th of N parts of the images only (I from 1 to N), to divide the work among machines"),
    CLI_OPT_TEXT("--json", json_path, "FILE",
                 "write the scores as JSON in full precision; with `-` to stdout, in place of the table"),
    CLI_OPT_FLAG("--skip-unreadable", skip_unreadable,
                 "score the other images if some cannot be read; default: that is an error before the first image"),
    CLI_OPT_FLAG("--per-class", per_class,
                 "detectors: also print the AP of every class; classifiers: the accuracy of every class"),
    CLI_OPT_TEXT("--real-labels", real_labels, "FILE",
                 "classifiers: also score with several correct labels per picture (ReaL): a JSON list with a list of "
                 "labels for each picture, sorted by name"),
    CLI_OPT_TEXT("--names", names, "FILE",
                 "classifiers: names of the classes in the order of their numbers, one a line, or .json; the folders "
                 "of pictures have these names, or are equally many"),
    CLI_OPT_FLAG("--aug-test", aug_test,
                 "test-time augmentation: the config's tta_pipeline, as --tta of mmdet 3 and mmseg 1; else six "
                 "scales, each also flipped, as --aug-test of mmseg"),
    CLI_OPT_FLAG(
        "--from-one", from_one,
        "segmentors: number the classes from 1 in the label maps of --out, as in the files of ADE20K; default: from 0"),
    CLI_OPT_PRECISION,
    CLI_OPT_CHECKPOINT(wrapper, allow_missing),
    CLI_OPT_AT_ONCE(streams, batch),
    CLI_OPT_END
};

typedef struct {
    DfRanks *ranks; /* processes that share the images */
    CliDataFolder data;
    CliSession session;
    DfEvaluation *evaluation;
    CliRunProgress progress;
} Run;

/* "I/N", or NULL for all of it: the I-th of N parts, I from 1 on. */
static int read_shard(const char *text, int *shard, int *shards)
{
    char rest;
    *shard = *shards = 1;
    if (!text || (sscanf(text, "%9d/%9d%c", shard, shards, &rest) == 2 && *shard >= 1 && *shard <= *shards))
        return DF_OK;
    return df_fail(CLI_EUSAGE, "--shard %s: want I/N with I from 1 to N", text);
}

static int take_names(DfDetector *detector)
{
    if (df_detector_task(detector) != DF_TASK_CLASSIFICATION)
        return df_fail(CLI_EUSAGE, "--names is for classifiers: want --set data.test.classes=%s", names);
    const int error = df_detector_prepare(detector);
    return error < 0 ? error : df_detector_take_names(detector, names);
}

static int open_run(Run *r, const char *config, const char *checkpoint)
{
    const bool leads = df_ranks_own(r->ranks) == 0;
    const DfModelLoad load = { .wrapper = wrapper, .allow_missing = allow_missing };
    DfEvaluationOptions o = { .out_dir = out_dir,
                              .fresh = fresh,
                              .limit = limit,
                              .skip_unreadable = skip_unreadable,
                              .streams = (int)streams,
                              .batch = (int)batch,
                              .ranks = df_ranks_count(r->ranks) > 1 ? r->ranks : NULL,
                              .first_class = from_one,
                              .real_labels = real_labels,
                              .progress = leads ? cli_run_progress : NULL,
                              .progress_user = &r->progress };
    int error = read_shard(shard_text, &o.shard, &o.shards);
    if (error == DF_OK && aug_test)
        error = cli_aug_test();
    if (error == DF_OK)
        error = cli_data_folder(&r->data, config, data_dir, out_dir);
    if (error == DF_OK)
        error = cli_session_open(&r->session, config);
    if (error == DF_OK && names)
        error = take_names(r->session.detector);
    o.data_dir = r->data.data_dir;
    per_class = per_class || df_node_bool(df_node_at(r->session.root, "evaluation.classwise"), false);
    if (error == DF_OK)
        error = df_evaluation_open(&r->evaluation, r->session.detector, &o);
    if (error == DF_OK && leads)
        error = cli_check_output(json_path);
    return error == DF_OK ? cli_session_load(&r->session, checkpoint, &load) : error;
}

static int run_images(Run *r)
{
    const int error = df_evaluation_run(r->evaluation);
    if (error == DF_OK)
        cli_progress_end(&r->progress.shown);
    if (error != DF_EINTERRUPT)
        return error;
    return df_fail(DF_EINTERRUPT, "stopped after %ld of %ld images; %s", r->progress.shown.done, r->progress.shown.n,
                   out_dir ? "the same command continues from there"
                           : "nothing was kept; with --out DIR the same command would continue from there");
}

/* {"path": .., "images": 5, "scores": {..}} */
static int add_part(DfTextbuf *t, const Run *r, const DfPartScores *part)
{
    const DfMiouScores *whole = df_evaluation_miou(r->evaluation);
    char *json = NULL;
    int error = DF_OK;
    df_textbuf_add(t, "{\"path\": ");
    df_textbuf_json(t, part->path);
    df_textbuf_add(t, ", \"images\": %ld, \"scores\": ", part->images);
    if (part->coco.n)
        error = df_coco_scores_json(&part->coco, NULL, &json);
    else if (part->map.n_classes)
        error = df_map_json(&part->map, NULL, &json);
    else if (whole && part->miou.classes)
        error = df_miou_json(&part->miou, &whole->params, whole->names, NULL, &json);
    df_textbuf_add(t, "%s}", json ? json : "null");
    df_free(json);
    return error;
}

/* What the JSON says beside the scores, as members of its object; NULL: nothing. */
static int more_members(const Run *r, char **out)
{
    DfTextbuf more = { 0 };
    const DfPartScores *parts;
    const long unreadable = df_evaluation_unreadable(r->evaluation);
    const DfPrecision precision = df_detector_precision(r->session.detector);
    const int n = df_evaluation_parts(r->evaluation, &parts);
    int error = DF_OK;
    *out = NULL;
    if (!unreadable && n == 0 && precision == DF_PRECISION_F32)
        return DF_OK;
    for (int i = 0; error == DF_OK && i < n; i++) {
        df_textbuf_add(&more, "%s", i ? ", " : "\"parts\": [");
        error = add_part(&more, r, &parts[i]);
    }
    df_textbuf_add(&more, "%s", n ? "]" : "");
    if (unreadable)
        df_textbuf_add(&more, "%s\"unreadable\": %ld", more.n ? ",\n " : "", unreadable);
    if (precision != DF_PRECISION_F32)
        df_textbuf_add(&more, "%s\"precision\": \"%s\"", more.n ? ",\n " : "", df_precision_name(precision));
    const int taken = df_textbuf_take(&more, out);
    if (error < 0 && taken == DF_OK)
        df_free(*out);
    return error < 0 ? error : taken;
}

static bool prints_tables(void)
{
    return !(json_path && strcmp(json_path, "-") == 0);
}

static int print_miou(const DfMiouResult *result, const DfMiouScores *scores)
{
    char *table = NULL;
    const int error = df_miou_table(result, scores->names, &table);
    if (error == DF_OK)
        printf("%s", table);
    df_free(table);
    return error;
}

static void print_share(const char *name, double share, uint64_t n, uint64_t all)
{
    printf("%-15s %.2f %%   (%llu of %llu images)\n", name, 100 * share, (unsigned long long)n,
           (unsigned long long)all);
}

/* Under mmcls's names, in percent. */
static int print_top(const DfTopScores *top)
{
    const DfTopkResult *r = &top->result;
    char *table = NULL;
    print_share("accuracy_top-1", r->top1_acc, r->top1, r->images);
    if (r->classes > DF_TOP)
        print_share("accuracy_top-5", r->top5_acc, r->top5, r->images);
    if (r->real_images)
        print_share("accuracy_real", r->real_acc, r->real_top1, r->real_images);
    if (!per_class)
        return DF_OK;
    const int error = df_topk_table(r, top->names, true, &table);
    if (error == DF_OK)
        printf("%s", table);
    df_free(table);
    return error;
}

/* `more`: members of the object; `scores`: what `deformer metric imagenet` writes. */
static int top_json(const DfTopScores *top, const char *more, char **out)
{
    const DfTopkResult *r = &top->result;
    DfTextbuf json = { 0 };
    char *scores = NULL;
    const int error = df_topk_json(r, top->names, &scores);
    *out = NULL;
    if (error < 0)
        return error;
    df_textbuf_add(&json, "{\"images\": %llu, \"accuracy_top-1\": ", (unsigned long long)r->images);
    df_textbuf_number(&json, 100 * r->top1_acc);
    if (r->classes > DF_TOP) {
        df_textbuf_add(&json, ", \"accuracy_top-5\": ");
        df_textbuf_number(&json, 100 * r->top5_acc);
    }
    if (r->real_images) {
        df_textbuf_add(&json, ", \"accuracy_real\": ");
        df_textbuf_number(&json, 100 * r->real_acc);
    }
    df_textbuf_add(&json, "%s%s, \"scores\": %s}\n", more ? ", " : "", more ? more : "", scores);
    df_free(scores);
    return df_textbuf_take(&json, out);
}

static int scores_json(const Run *r, const char *more, char **out)
{
    const DfTopScores *top = df_evaluation_top(r->evaluation);
    const DfCocoScores *coco = df_evaluation_coco(r->evaluation);
    const DfMiouScores *miou = df_evaluation_miou(r->evaluation);
    const DfMapScores *map = df_evaluation_map(r->evaluation);
    *out = NULL;
    if (top)
        return top_json(top, more, out);
    if (coco)
        return df_coco_scores_json(coco, more, out);
    if (map)
        return df_map_json(map, more, out);
    return miou ? df_miou_json(&miou->result, &miou->params, miou->names, &(DfMiouMore){ .members = more }, out)
                : DF_OK;
}

static int write_json(const Run *r)
{
    char *more = NULL;
    char *json = NULL;
    int error = more_members(r, &more);
    if (error == DF_OK)
        error = scores_json(r, more, &json);
    if (error == DF_OK && json)
        error = cli_write_text(json_path, json);
    df_free(more);
    df_free(json);
    return error;
}

static int print_map(const DfMapScores *map)
{
    char *table = NULL;
    const int error = df_map_table(map, per_class, &table);
    if (error == DF_OK)
        printf("%s", table);
    df_free(table);
    return error;
}

/* Of several datasets each, then all together. */
static int print_parts(const Run *r)
{
    const DfPartScores *parts;
    const int n = df_evaluation_parts(r->evaluation, &parts);
    const DfMiouScores *whole = df_evaluation_miou(r->evaluation);
    int error = DF_OK;
    for (int i = 0; error == DF_OK && i < n; i++) {
        printf("%d of %d: ", i + 1, n);
        cli_put_name(stdout, parts[i].path);
        printf(", %ld images\n", parts[i].images);
        if (parts[i].coco.n)
            error = cli_print_coco(&parts[i].coco, json_path, per_class);
        else if (parts[i].map.n_classes)
            error = print_map(&parts[i].map);
        else if (whole && parts[i].miou.classes)
            error = print_miou(&parts[i].miou, whole);
        printf("\n");
    }
    if (n)
        printf("all together\n");
    return error;
}

static int print_tables(const Run *r)
{
    const DfTopScores *top = df_evaluation_top(r->evaluation);
    const DfCocoScores *coco = df_evaluation_coco(r->evaluation);
    const DfMapScores *map = df_evaluation_map(r->evaluation);
    const DfMiouScores *miou = df_evaluation_miou(r->evaluation);
    const DfPrecision precision = df_detector_precision(r->session.detector);
    if (precision != DF_PRECISION_F32)
        printf("precision: %s\n", df_precision_name(precision));
    const int error = print_parts(r);
    if (error < 0)
        return error;
    if (top)
        return print_top(top);
    if (coco)
        return cli_print_coco(coco, json_path, per_class);
    if (map)
        return print_map(map);
    return miou ? print_miou(&miou->result, miou) : DF_OK;
}

static int print_scores(const Run *r)
{
    const int error = prints_tables() ? print_tables(r) : DF_OK;
    return error == DF_OK && json_path ? write_json(r) : error;
}

/* The scores are printed, but they are not those of the whole set. */
static int check_readable(const Run *r)
{
    const long unreadable = df_evaluation_unreadable(r->evaluation);
    if (!unreadable)
        return DF_OK;
    fflush(stdout); /* several processes end at once behind an error */
    return df_fail(DF_EIO, "%ld of %ld images could not be read, so these are not the scores of the whole set",
                   unreadable, df_evaluation_images(r->evaluation));
}

static int run(int n, const char *const *args)
{
    (void)n;
    Run r = { .progress = { .what = "eval" } };
    int error = df_ranks_open(&r.ranks);
    if (error == DF_OK)
        error = open_run(&r, args[0], args[1]);
    if (error == DF_OK)
        error = run_images(&r);
    if (error == DF_OK)
        error = df_evaluation_score(r.evaluation);
    if (error == DF_OK && df_ranks_own(r.ranks) == 0)
        error = print_scores(&r);
    if (error == DF_OK && df_ranks_own(r.ranks) == 0)
        error = check_readable(&r);
    df_evaluation_close(r.evaluation);
    cli_session_done(&r.session);
    cli_data_folder_done(&r.data);
    df_ranks_close(r.ranks, error);
    return error;
}

const CliCommand cli_command_eval = {
    .name = "eval",
    .synopsis = "CONFIG CHECKPOINT [OPTION]...",
    .summary = "run a model on its test set and print its score",
    .details = "CONFIG is a config of mmdetection, mmsegmentation or detectron2 (.py, .json or .yaml);\n"
               "CHECKPOINT is a .pth or .safetensors file, or `random`, or `random:SEED`.\n"
               "\n"
               "In place of both, give the folder of a model of transformers, timm or detectron2.\n"
               "\n"
               "Scores of a detector: COCO's twelve numbers for its boxes, and the same for its\n"
               "masks if it has any; on LVIS, the thirteen numbers of LVIS; on VOCDataset and\n"
               "XMLDataset, mAP by the rule of PASCAL VOC (eleven points for 2007, else the area\n"
               "under the curve). Scores of a segmentor: the IoU of every class, mIoU, mAcc,\n"
               "aAcc, ...\n"
               "Scores of a classifier: top-1 and top-5 accuracy. Its dataset is a folder with a\n"
               "folder of pictures for each class, as ImageNet's; labels are the positions of\n"
               "the sorted folders, from 0. Without such folders, labels are in\n"
               "data.test.ann_file or in a list beside the pictures: lines \"PICTURE LABEL\"\n"
               "(val.txt beside val/), or lines \"LABEL\" for the pictures sorted by name. For\n"
               "ILSVRC2012_validation_ground_truth.txt of ImageNet's devkit, its class numbers\n"
               "are translated.\n"
               "\n"
               "Data: the dataset is `data.test` in the config. If it is a ConcatDataset or has a\n"
               "list of annotation files, each part is scored, and all of them together. With\n"
               "--data DIR, a path such as data/coco/annotations/x.json is replaced by the first\n"
               "of these that exists: DIR/data/coco/annotations/x.json,\n"
               "DIR/coco/annotations/x.json, DIR/annotations/x.json, DIR/x.json. If none exists,\n"
               "DIR may be any folder that `deformer train --data` takes; its validation part\n"
               "is the test set. To change the dataset without --data, set\n"
               "    --set data.test.ann_file=FILE --set data.test.img_prefix=DIR\n"
               "(Setting data_root or test_pipeline has no effect: the config has already used\n"
               "them when --set is applied.)\n"
               "\n"
               "Results: --out DIR keeps these files.\n"
               "  detectors   results.jsonl (grows during the run), results.bbox.json, and\n"
               "              results.segm.json with boxes and masks\n"
               "  segmentors  a label map NAME.png of every picture, one byte per pixel, which\n"
               "              `deformer metric ade20k GT_DIR DIR` scores, and\n"
               "              results.miou.json, which `deformer compare` reads\n"
               "  classifiers results.rankings.txt (grows during the run), and results.txt with\n"
               "              the five likeliest classes of every picture, which\n"
               "              `deformer metric imagenet DIR/results.txt IMAGES_DIR` scores,\n"
               "              and results.topk.json, which `deformer compare` reads\n"
               "Annotations and pictures are checked before the first image is computed. If\n"
               "some pictures are found damaged later, or with --skip-unreadable, the others are\n"
               "scored, \"unreadable\" in the JSON counts the damaged ones, and the exit status\n"
               "is 1. Ctrl-C stops a run. The same command with the same --out continues it, but\n"
               "not if the config, the weights or the data have changed; --fresh starts over.\n"
               "\n"
               "With MPI (a build with -DDEFORMER_MPI=ON), `mpirun -n 4 deformer eval ..` gives\n"
               "each process a part of the images; the first one prints the scores.\n"
               "\n"
               "On several machines without MPI, give each its own --shard and --out, then score\n"
               "all results:\n"
               "    deformer metric coco GT.json A/results.bbox.json B/results.bbox.json\n"
               "\n"
               "`deformer metric coco --help` shows the keys of the JSON of a detector;\n"
               "docs/metrics.md describes the keys of all.",
    .examples = "  deformer eval CONFIG.py weights.pth --data coco/ --out run/\n"
                "  deformer eval CONFIG.py weights.pth --data coco/ --limit 50 --json scores.json",
    .options = options,
    .least = 2,
    .most = 2,
    .run = run,
};
