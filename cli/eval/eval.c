/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/eval/eval.c -- deformer eval: the config's test set through the network, and its metric table.
 */
#include <string.h>

#include "cli/common/detector.h"
#include "cli/common/scores.h"
#include "cli/common/segmentor.h"
#include "cli/eval/eval.h"
#include "cli/eval/fingerprint.h"
#include "cli/eval/results.h"

static const char *data_dir, *out_dir, *json_path, *shard_text, *wrapper;
static long limit;
static bool per_class, fresh, allow_missing, aug_test, from_one;

static const CliOption options[] = {
    CLI_OPT_TEXT("--data", data_dir, "DIR", "folder of the dataset, such as one with annotations/ and val2017/; default: the paths in the config"),
    CLI_OPT_TEXT("--out", out_dir, "DIR", "keep the results in DIR; a stopped run continues from there"),
    CLI_OPT_FLAG("--fresh", fresh, "start over, even if --out has results of an earlier run"),
    CLI_OPT_INT("--limit", limit, "N", 1, 2147483647, "use the first N images only"),
    CLI_OPT_TEXT("--shard", shard_text, "I/N", "use every N-th image only, starting with the I-th, to divide the work among N machines"),
    CLI_OPT_TEXT("--json", json_path, "FILE", "write the scores as JSON in full precision; with `-` to stdout, in place of the table"),
    CLI_OPT_FLAG("--per-class", per_class, "detectors: also print the AP of every class"),
    CLI_OPT_FLAG("--aug-test", aug_test, "segmentors: test-time augmentation with six scales, each also mirrored, as mmseg's --aug-test"),
    CLI_OPT_FLAG("--from-one", from_one, "segmentors: number the classes from 1 in the label maps of --out, as in the files of ADE20K; default: from 0"),
    CLI_OPT_TEXT("--wrapper", wrapper, "KEY", "take the weights from this entry of the checkpoint: state_dict, model, model_ema, ...; default: found automatically"),
    CLI_OPT_FLAG("--allow-missing", allow_missing, "parameters that are missing in the checkpoint keep random values; default: they are an error"),
    CLI_OPT_END
};

typedef struct {
    CliSession session;
    DfCocoDataset *dataset;
    DfPipeline *pipeline;
    CliResults *results;
    char *folder, *dt_path;
    bool temporary;       /* no --out: the folder goes away at the end */
    bool *chosen, *done;  /* of each image: is it asked for, did an earlier run leave it */
    int *order;           /* what is still to do */
    int n_order;
    int64_t *ids;         /* what is scored      */
    size_t n_ids;
    long unreadable;
} Run;

/* ---- which images ------------------------------------------------------------------------------------------------- */

static int choose_images(Run *r)
{
    int shard, shards;
    const int total = r->dataset->n_images, n = limit > 0 && limit < total ? (int)limit : total;
    const int error = cli_read_shard(shard_text, &shard, &shards);
    if (error < 0)
        return error;
    r->order = df_malloc(((size_t)total + 1) * sizeof *r->order);
    r->ids = df_malloc(((size_t)total + 1) * sizeof *r->ids);
    r->chosen = df_calloc((size_t)total + 1, sizeof *r->chosen);
    if (!r->order || !r->ids || !r->chosen)
        return df_fail_memory("the list of images");
    for (int64_t i = shard - 1; i < n; i += shards) {
        r->chosen[i] = true;
        r->ids[r->n_ids++] = r->dataset->images[i].id;
        if (!r->done[i])
            r->order[r->n_order++] = (int)i;
    }
    return r->n_ids ? DF_OK : df_fail(DF_EVALUE, "%s: %d images, none of them in this shard", r->dataset->path, total);
}

/* ---- the run ------------------------------------------------------------------------------------------------------ */

static int open_run(Run *r, const char *config, const char *checkpoint)
{
    const DfModelLoad load = { .wrapper = wrapper, .allow_missing = allow_missing };
    int error = df_model_is_detector(r->session.model) ? DF_OK
                    : df_fail(DF_EVALUE, "%s describes a %s alone: eval wants a detector or a segmentor", config, df_model_type(r->session.model));
    if (error == DF_OK)
        error = cli_test_pipeline(&r->session, &r->pipeline);
    if (error == DF_OK)
        error = df_coco_dataset_from_config(&r->dataset, df_node_at(r->session.root, "data.test"), data_dir);
    if (error == DF_OK && r->dataset->n_classes != df_model_classes(r->session.model))
        error = df_fail(DF_EVALUE, "%s has %d classes and the head %d: set the dataset's `classes` or the head's num_classes", r->dataset->path,
                        r->dataset->n_classes, df_model_classes(r->session.model));
    if (error == DF_OK)
        error = cli_check_output(json_path);
    if (error == DF_OK)
        error = cli_session_load(&r->session, checkpoint, &load);
    return error;
}

static int open_results(Run *r, const char *config, const char *checkpoint)
{
    const CliRunOf of = { config, checkpoint, cli_hash_settings(r->session.root), cli_hash_weights(r->session.model), cli_hash_dataset(r->dataset) };
    r->done = df_calloc((size_t)r->dataset->n_images + 1, sizeof *r->done);
    if (!r->done)
        return df_fail_memory("the results");
    r->temporary = !out_dir;
    r->folder = out_dir ? cli_join(out_dir, "") : cli_temporary_folder();
    return r->folder ? cli_results_open(&r->results, r->folder, &of, r->dataset, fresh, r->done) : DF_ENOMEM;
}

/* An image that cannot be read has no detections, and a resumed run tries it again. A network that fails ends the run. */
static int take_sample(void *run, const DfSample *sample)
{
    Run *r = run;
    DfDetections found = { 0 };
    int error = cli_detect(&r->session, sample, &found);
    if (error == DF_OK)
        error = cli_results_add(r->results, sample->index, &found);
    df_detections_free(&found);
    return error;
}

static int run_images(Run *r)
{
    const DfLoading loading = { .pipeline = r->pipeline, .paths = r->dataset->picture, .order = r->order, .n = r->n_order, .threads = 1, .ahead = 3 };
    CliEvalImages images = { .loading = loading, .n = (long)r->n_ids, .done = (long)r->n_ids - r->n_order, .kept = out_dir, .take = take_sample, .run = r };
    const int error = cli_eval_images(&images);
    r->unreadable = images.unreadable;
    return error;
}

/* In r->dt_path stands the last one written. */
static int export(Run *r, const char *name, bool masks)
{
    df_free(r->dt_path);
    r->dt_path = cli_join(r->folder, name);
    return r->dt_path ? cli_results_export(r->results, r->chosen, masks, r->dt_path) : df_fail_memory("a path");
}

static int score(Run *r)
{
    const bool masks = df_model_has_masks(r->session.model);
    int error = export(r, "results.bbox.json", false);
    if (error == DF_OK && masks)
        error = export(r, "results.segm.json", true);
    if (error < 0)
        return error;
    if (r->unreadable)
        df_log(DF_LOG_WARNING, "%ld of %zu images could not be read and count as images without detections", r->unreadable, r->n_ids);
    const bool whole = r->n_ids == (size_t)r->dataset->n_images;
    const char *const dt_paths[] = { r->dt_path };
    return cli_score_coco(r->session.pool, &(CliScoring){ .gt_path = r->dataset->path, .dt_paths = dt_paths, .n_dt = 1, .types = masks ? "bbox,segm" : "bbox", .json_path = json_path,
                                                           .per_class = per_class,
                                                           .image_ids = whole ? NULL : r->ids, .n_image_ids = whole ? 0 : r->n_ids });
}

static void close_run(Run *r)
{
    cli_results_close(r->results);
    if (r->temporary && r->folder)
        cli_remove_folder(r->folder, (const char *const[]){ "results.jsonl", "results.bbox.json", "results.segm.json", NULL });
    df_pipeline_free(r->pipeline);
    df_coco_dataset_free(r->dataset);
    df_free(r->folder);
    df_free(r->dt_path);
    df_free(r->done);
    df_free(r->chosen);
    df_free(r->order);
    df_free(r->ids);
    cli_session_done(&r->session);
}

static int eval_detector(Run *r, const char *config, const char *checkpoint)
{
    int error = open_run(r, config, checkpoint);
    if (error == DF_OK)
        error = open_results(r, config, checkpoint);
    if (error == DF_OK)
        error = choose_images(r);
    if (error == DF_OK)
        error = run_images(r);
    return error == DF_OK ? score(r) : error;
}

static int run(int n, const char *const *args)
{
    (void)n;
    Run r = { 0 };
    const CliEval of = { args[0], args[1], data_dir, out_dir, json_path, shard_text, wrapper, limit, fresh, allow_missing, from_one };
    int shard, shards, error = cli_read_shard(shard_text, &shard, &shards);
    if (error == DF_OK && aug_test)
        error = cli_aug_test();
    if (error == DF_OK)
        error = cli_session_open(&r.session, args[0]);
    if (error == DF_OK)
        error = df_model_is_segmentor(r.session.model) ? cli_eval_segmentor(&r.session, &of) : eval_detector(&r, args[0], args[1]);
    close_run(&r);
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
               "\n"
               "Data: the dataset is `data.test` in the config. With --data DIR, a path such as\n"
               "data/coco/annotations/x.json is replaced by the first of these that exists:\n"
               "DIR/data/coco/annotations/x.json, DIR/coco/annotations/x.json,\n"
               "DIR/annotations/x.json, DIR/x.json.\n"
               "`--set data_root=DIR` has no effect on configs of mmdetection, because they use\n"
               "data_root only to build other values. The same is true of `test_pipeline`. Use\n"
               "--data, or set the values themselves:\n"
               "    --set data.test.ann_file=FILE --set data.test.img_prefix=DIR\n"
               "\n"
               "Results: --out DIR keeps these files.\n"
               "  detectors   results.jsonl (grows during the run), results.bbox.json, and\n"
               "              results.segm.json with boxes and masks\n"
               "  segmentors  a label map NAME.png of every picture, one byte per pixel, which\n"
               "              `deformer metric ade20k GT_DIR DIR` scores, and\n"
               "              results.miou.json, which `deformer compare` reads\n"
               "Ctrl-C stops a run. Started again with the same --out, it continues; it refuses\n"
               "to if the config, the weights or the data have changed.\n"
               "\n"
               "Several machines: give each its own --shard and --out, then score the results\n"
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
