/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/eval.c -- deformer eval: the config's test set through the network, and its metric table.
 */
#include <string.h>

#include "cli/common/aug_test.h"
#include "cli/common/data_folder.h"
#include "cli/common/scores.h"

static const char *data_dir, *out_dir, *json_path, *shard_text, *wrapper;
static long limit;
static bool per_class, fresh, allow_missing, aug_test, from_one;

static const CliOption options[] = {
    CLI_OPT_TEXT("--data", data_dir, "DIR",
                 "folder of the dataset, or any folder of labelled pictures; default: the paths in the config"),
    CLI_OPT_TEXT("--out", out_dir, "DIR", "keep the results in DIR; a stopped run continues from there"),
    CLI_OPT_FLAG("--fresh", fresh, "start over, even if --out has results of an earlier run"),
    CLI_OPT_INT("--limit", limit, "N", 1, 2147483647, "use the first N images only"),
    CLI_OPT_TEXT("--shard", shard_text, "I/N",
                 "use the I-th of N parts of the images only (I from 1 to N), to divide the work among machines"),
    CLI_OPT_TEXT("--json", json_path, "FILE",
                 "write the scores as JSON in full precision; with `-` to stdout, in place of the table"),
    CLI_OPT_FLAG("--per-class", per_class, "detectors: also print the AP of every class"),
    CLI_OPT_FLAG("--aug-test", aug_test,
                 "segmentors: test-time augmentation with six scales, each also mirrored, as mmseg's --aug-test"),
    CLI_OPT_FLAG(
        "--from-one", from_one,
        "segmentors: number the classes from 1 in the label maps of --out, as in the files of ADE20K; default: from 0"),
    CLI_OPT_CHECKPOINT(wrapper, allow_missing),
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

static int open_run(Run *r, const char *config, const char *checkpoint)
{
    const bool leads = df_ranks_own(r->ranks) == 0;
    const DfModelLoad load = { .wrapper = wrapper, .allow_missing = allow_missing };
    DfEvaluationOptions o = { .out_dir = out_dir,
                              .fresh = fresh,
                              .limit = limit,
                              .ranks = df_ranks_count(r->ranks) > 1 ? r->ranks : NULL,
                              .first_class = from_one,
                              .progress = leads ? cli_run_progress : NULL,
                              .progress_user = &r->progress };
    int error = read_shard(shard_text, &o.shard, &o.shards);
    if (error == DF_OK && aug_test)
        error = cli_aug_test();
    if (error == DF_OK)
        error = cli_data_folder(&r->data, config, data_dir, out_dir);
    if (error == DF_OK)
        error = cli_session_open(&r->session, config);
    o.data_dir = r->data.data_dir;
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

/* Scores of a set of which some pictures could not be read say so: a last key, "unreadable". */
static int write_scores(const Run *r, const char *json)
{
    const long unreadable = df_evaluation_unreadable(r->evaluation);
    const char *brace = strrchr(json, '}');
    if (!unreadable || !brace)
        return cli_write_text(json_path, json);
    DfTextbuf told = { 0 };
    char *text = NULL;
    df_textbuf_add(&told, "%.*s, \"unreadable\": %ld%s", (int)(brace - json), json, unreadable, brace);
    int error = df_textbuf_take(&told, &text);
    if (error == DF_OK)
        error = cli_write_text(json_path, text);
    df_free(text);
    return error;
}

static int print_miou(const Run *r, const DfMiouScores *scores)
{
    char *table = NULL;
    char *json = NULL;
    int error = DF_OK;
    if (!(json_path && strcmp(json_path, "-") == 0) &&
        (error = df_miou_table(&scores->result, scores->names, &table)) == DF_OK)
        printf("%s", table);
    if (error == DF_OK && json_path &&
        (error = df_miou_json(&scores->result, &scores->params, scores->names, NULL, &json)) == DF_OK)
        error = write_scores(r, json);
    df_free(table);
    df_free(json);
    return error;
}

static double share(long n, long all)
{
    return all ? 100.0 * (double)n / (double)all : 0;
}

/* Under mmcls's names, in percent. */
static int print_top(const Run *r, const DfTopScores *top)
{
    DfTextbuf json = { 0 };
    char *text = NULL;
    const bool five = top->classes > 5;
    if (!(json_path && strcmp(json_path, "-") == 0)) {
        printf("accuracy_top-1  %.2f %%   (%ld of %ld images)\n", share(top->first, top->images), top->first, top->images);
        if (five)
            printf("accuracy_top-5  %.2f %%   (%ld of %ld images)\n", share(top->five, top->images), top->five, top->images);
    }
    if (!json_path)
        return DF_OK;
    df_textbuf_add(&json, "{\"images\": %ld, \"accuracy_top-1\": ", top->images);
    df_textbuf_number(&json, share(top->first, top->images));
    if (five) {
        df_textbuf_add(&json, ", \"accuracy_top-5\": ");
        df_textbuf_number(&json, share(top->five, top->images));
    }
    df_textbuf_add(&json, "}\n");
    int error = df_textbuf_take(&json, &text);
    if (error == DF_OK)
        error = write_scores(r, text);
    df_free(text);
    return error;
}

static int print_coco(const Run *r, const DfCocoScores *coco)
{
    char *json = NULL;
    int error = cli_print_coco(coco, json_path, per_class);
    if (error == DF_OK && json_path)
        error = df_coco_scores_json(coco, NULL, &json);
    if (json)
        error = write_scores(r, json);
    df_free(json);
    return error;
}

static int print_scores(const Run *r)
{
    const DfTopScores *top = df_evaluation_top(r->evaluation);
    if (top)
        return print_top(r, top);
    const DfCocoScores *coco = df_evaluation_coco(r->evaluation);
    const DfMiouScores *miou = df_evaluation_miou(r->evaluation);
    if (coco)
        return print_coco(r, coco);
    return miou ? print_miou(r, miou) : DF_OK;
}

/* The scores are printed, but they are not those of the whole set. */
static int check_readable(const Run *r)
{
    const long unreadable = df_evaluation_unreadable(r->evaluation);
    if (!unreadable)
        return DF_OK;
    fflush(stdout); /* several processes end at once behind an error */
    return df_fail(DF_EIO, "%ld of %ld images could not be read, so these are not the scores of the whole set", unreadable,
                   df_evaluation_images(r->evaluation));
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
    .details = "CONFIG is a config of mmdetection 2.x or mmsegmentation 0.x (.py or .json);\n"
               "CHECKPOINT is a .pth or .safetensors file, or `random`, or `random:SEED`.\n"
               "\n"
               "A detector gets COCO's twelve numbers for its boxes, and again for its masks if\n"
               "it has any. A segmentor gets the IoU of every class, and mIoU, mAcc, aAcc, ...\n"
               "A classifier gets its top-1 and top-5 accuracy.\n"
               "\n"
               "Data: the dataset is `data.test` in the config. With --data DIR, a path such as\n"
               "data/coco/annotations/x.json is replaced by the first of these that exists:\n"
               "DIR/data/coco/annotations/x.json, DIR/coco/annotations/x.json,\n"
               "DIR/annotations/x.json, DIR/x.json. A DIR without these files may be any folder\n"
               "that `deformer train --data` takes: its part for validation is the test set.\n"
               "A config builds other values from data_root and test_pipeline while it is read.\n"
               "--set comes after that, so setting these two changes nothing. Use --data, or set\n"
               "the values themselves:\n"
               "    --set data.test.ann_file=FILE --set data.test.img_prefix=DIR\n"
               "\n"
               "Results: --out DIR keeps these files.\n"
               "  detectors   results.jsonl (grows during the run), results.bbox.json, and\n"
               "              results.segm.json with boxes and masks\n"
               "  segmentors  a label map NAME.png of every picture, one byte per pixel, which\n"
               "              `deformer metric ade20k GT_DIR DIR` scores, and\n"
               "              results.miou.json, which `deformer compare` reads\n"
               "If some pictures cannot be read, the others are scored, the scores say so\n"
               "(\"unreadable\" in the JSON), and the exit status is 1.\n"
               "Ctrl-C stops a run. The same command with the same --out continues it. If the\n"
               "config, the weights or the data have changed, that is an error; --fresh starts\n"
               "over.\n"
               "\n"
               "With MPI (a build with -DDEFORMER_MPI=ON), `mpirun -n 4 deformer eval ..` gives\n"
               "each process a part of the images; the first one prints the scores.\n"
               "\n"
               "Several machines without: give each its own --shard and --out, then score the results\n"
               "together:\n"
               "    deformer metric coco GT.json A/results.bbox.json B/results.bbox.json\n"
               "\n"
               CLI_SCORES_JSON,
    .examples = "  deformer eval CONFIG.py weights.pth --data coco/ --out run/\n"
                "  deformer eval CONFIG.py weights.pth --data coco/ --limit 50 --json scores.json",
    .options = options,
    .least = 2,
    .most = 2,
    .run = run,
};
