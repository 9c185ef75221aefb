/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/eval.c -- deformer eval: the config's test set through the network, and its metric table.
 */
#include <string.h>

#include "cli/detector.h"
#include "cli/results.h"
#include "cli/scores.h"

static const char *data_dir, *out_dir, *json_path, *shard_text, *wrapper;
static long limit;
static bool per_class, fresh, allow_missing;

static const CliOption options[] = {
    { "--data", CLI_TEXT, &data_dir, "DIR", "root of the data, with annotations/ and val2017/; default: where the config says" },
    { "--out", CLI_TEXT, &out_dir, "DIR", "keeps results.jsonl as the run goes and results.bbox.json at its end; a stopped run goes on from there" },
    { "--fresh", CLI_FLAG, &fresh, NULL, "begin again, whatever --out holds" },
    { "--limit", CLI_INT, &limit, "N", "only the first N images" },
    { "--shard", CLI_TEXT, &shard_text, "I/N", "only every N-th image, from the I-th on (1 to N): a part for each of N machines" },
    { "--json", CLI_TEXT, &json_path, "FILE", "the numbers in full precision; - is stdout, without the table" },
    { "--per-class", CLI_FLAG, &per_class, NULL, "also the AP of every class" },
    { "--wrapper", CLI_TEXT, &wrapper, "KEY", "which dict of the checkpoint: state_dict, model, model_ema, ..." },
    { "--allow-missing", CLI_FLAG, &allow_missing, NULL, "parameters that the checkpoint lacks keep fresh values" },
    { NULL, CLI_END, NULL, NULL, NULL },
};

typedef struct {
    CliSession session;
    DfCocoDataset *dataset;
    DfPipeline *pipeline;
    CliResults *results;
    char *folder, *dt_path;
    bool temporary;       /* no --out: the folder goes away at the end */
    bool *done;
    int *order;           /* what is still to do */
    int n_order;
    int64_t *ids;         /* what is scored      */
    size_t n_ids;
    long n_done, unreadable;
} Run;

/* ---- which images ------------------------------------------------------------------------------------------------- */

static int read_shard(int *shard, int *shards)
{
    char rest;
    *shard = *shards = 1;
    if (!shard_text || (sscanf(shard_text, "%d/%d%c", shard, shards, &rest) == 2 && *shard >= 1 && *shard <= *shards))
        return DF_OK;
    return df_fail(DF_EVALUE, "--shard %s: want I/N with I from 1 to N", shard_text);
}

static int choose_images(Run *r)
{
    int shard, shards;
    const int total = r->dataset->n_images, n = limit > 0 && limit < total ? (int)limit : total;
    const int error = read_shard(&shard, &shards);
    if (error < 0)
        return error;
    r->order = df_malloc(((size_t)total + 1) * sizeof *r->order);
    r->ids = df_malloc(((size_t)total + 1) * sizeof *r->ids);
    if (!r->order || !r->ids)
        return df_fail_memory("the list of images");
    for (int i = shard - 1; i < n; i += shards) {
        r->ids[r->n_ids++] = r->dataset->images[i].id;
        if (!r->done[i])
            r->order[r->n_order++] = i;
    }
    r->n_done = (long)r->n_ids - r->n_order;
    return r->n_ids ? DF_OK : df_fail(DF_EVALUE, "%s: no image is left to evaluate", r->dataset->path);
}

/* ---- the run ------------------------------------------------------------------------------------------------------ */

static int open_run(Run *r, const char *config, const char *checkpoint)
{
    const DfModelLoad load = { .wrapper = wrapper, .allow_missing = allow_missing };
    int error = cli_session_open(&r->session, config);
    if (error == DF_OK && !df_model_is_detector(r->session.model))
        error = df_fail(DF_EVALUE, "%s describes a bare %s: eval wants a detector", config, df_model_type(r->session.model));
    if (error == DF_OK)
        error = cli_test_pipeline(&r->session, &r->pipeline);
    if (error == DF_OK)
        error = df_coco_dataset_from_config(&r->dataset, df_node_at(r->session.root, "data.test"), data_dir);
    if (error == DF_OK && r->dataset->n_classes != df_model_classes(r->session.model))
        error = df_fail(DF_EVALUE, "%s has %d classes and the head %d: set the dataset's `classes` or the head's num_classes", r->dataset->path,
                        r->dataset->n_classes, df_model_classes(r->session.model));
    if (error == DF_OK)
        error = cli_session_load(&r->session, checkpoint, &load);
    return error;
}

static int open_results(Run *r, const char *config, const char *checkpoint)
{
    char run[1024];
    char temporary[] = "/tmp/deformer-XXXXXX";
    r->temporary = !out_dir;
    r->folder = cli_join(r->temporary ? cli_temporary_folder(temporary) : out_dir, "");
    r->done = df_calloc((size_t)r->dataset->n_images + 1, sizeof *r->done);
    if (!r->folder || !r->done)
        return df_fail_memory("the results");
    if (!r->folder[0])
        return df_fail_errno("%s: cannot make a folder for results", temporary);
    snprintf(run, sizeof run, "{\"config\": \"%.300s\", \"checkpoint\": \"%.300s\", \"data\": \"%.300s\", \"images\": %d}", config, checkpoint,
             r->dataset->path, r->dataset->n_images);
    long n_done;
    return cli_results_open(&r->results, r->folder, run, r->dataset, fresh, r->done, &n_done);
}

/* An image that cannot be read is said and counted, and has no detections; a network that fails ends the run. */
static int take_sample(Run *r, const DfSample *sample)
{
    DfDetections found = { 0 };
    int error = DF_OK;
    if (sample->error < 0) {
        r->unreadable++;
        df_log(DF_LOG_WARNING, "%s", sample->message);
    } else {
        error = cli_detect(&r->session, sample, &found);
    }
    if (error == DF_OK)
        error = cli_results_add(r->results, sample->index, &found);
    df_free(found.v);
    return error;
}

static int run_images(Run *r)
{
    DfLoader *loader = NULL;
    const DfLoading loading = { .pipeline = r->pipeline, .paths = r->dataset->picture, .order = r->order, .n = r->n_order, .threads = 1, .ahead = 3 };
    CliProgress progress = cli_progress("eval", (long)r->n_ids);
    if (r->n_done && !cli.quiet)
        fprintf(stderr, "%ld images are done already\n", r->n_done);
    int error = df_loader_new(&loader, &loading);
    for (DfSample sample; error == DF_OK && !cli_interrupted() && df_loader_next(loader, &sample); df_sample_free(&sample)) {
        error = take_sample(r, &sample);
        cli_progress_step(&progress, ++r->n_done);
    }
    df_loader_free(loader);
    if (error == DF_OK)
        cli_progress_end(&progress);
    if (error == DF_OK && cli_interrupted() && r->n_done < (long)r->n_ids)
        error = df_fail(DF_EINTERRUPT, "stopped after %ld of %zu images%s%s", r->n_done, r->n_ids, out_dir ? "; the same command goes on from there, --out " : "",
                        out_dir ? out_dir : "");
    return error;
}

static int score(Run *r)
{
    r->dt_path = cli_join(r->folder, "results.bbox.json");
    int error = r->dt_path ? cli_results_export(r->results, r->dt_path) : df_fail_memory("a path");
    if (error < 0)
        return error;
    if (r->unreadable)
        df_log(DF_LOG_WARNING, "%ld images could not be read and count as without detections", r->unreadable);
    const bool whole = r->n_ids == (size_t)r->dataset->n_images;
    return cli_score_boxes(r->session.pool, &(CliScoring){ .gt_path = r->dataset->path, .dt_path = r->dt_path, .json_path = json_path, .per_class = per_class,
                                                           .image_ids = whole ? NULL : r->ids, .n_image_ids = whole ? 0 : r->n_ids });
}

static void close_run(Run *r)
{
    cli_results_close(r->results);
    if (r->temporary && r->folder && r->folder[0])
        cli_remove_folder(r->folder, (const char *const[]){ "results.jsonl", "results.bbox.json", NULL });
    df_pipeline_free(r->pipeline);
    df_coco_dataset_free(r->dataset);
    df_free(r->folder);
    df_free(r->dt_path);
    df_free(r->done);
    df_free(r->order);
    df_free(r->ids);
    cli_session_done(&r->session);
}

static int run(int n, const char *const *args)
{
    (void)n;
    Run r = { 0 };
    int error = open_run(&r, args[0], args[1]);
    if (error == DF_OK)
        error = open_results(&r, args[0], args[1]);
    if (error == DF_OK)
        error = choose_images(&r);
    if (error == DF_OK)
        error = run_images(&r);
    if (error == DF_OK)
        error = score(&r);
    close_run(&r);
    return error;
}

const CliCommand cli_command_eval = {
    .name = "eval",
    .synopsis = "CONFIG CHECKPOINT [--data DIR] [--out DIR]",
    .summary = "the config's test set through the network, and its metric table",
    .details = "CHECKPOINT is a .pth or .safetensors file, or `random[:SEED]`. With --out a run can be stopped and resumed.",
    .options = options,
    .least = 2,
    .most = 2,
    .run = run,
};
