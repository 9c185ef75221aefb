/* SPDX-License-Identifier: Apache-2.0
 *
 * inference/evaluate_detector.c -- the test set of a detector. Detections go into a journal as they come; at the end
 * the journal becomes COCO results files, and these are scored.
 */
#include "inference/evaluation.h"
#include "inference/fingerprint.h"
#include "inference/images_scored.h"

static int open_dataset(DfEvaluation *e)
{
    const int error = df_coco_dataset_from_config(&e->dataset, df_evaluation_dataset(e), e->o.data_dir);
    const int classes = df_detector_classes(e->detector);
    if (error < 0 || e->dataset->n_classes == classes)
        return error;
    return df_fail(DF_EVALUE,
                   "%s has %d classes and the head %d: set the dataset's `classes` or the head's num_classes",
                   e->dataset->path, e->dataset->n_classes, classes);
}

/* ---- which images ------------------------------------------------------------------------------------------------ */

static void list_images(DfEvaluation *e)
{
    const EvaluationPart part = df_evaluation_part(&e->o, e->dataset->n_images);
    e->n = e->n_order = 0;
    for (int64_t i = part.first; i < part.end; i += part.step) {
        e->chosen[i] = true;
        e->ids[e->n++] = e->dataset->images[i].id;
        if (!e->done[i])
            e->order[e->n_order++] = (int)i;
    }
    e->n_done = e->n - e->n_order;
}

static int choose_images(DfEvaluation *e)
{
    const int total = e->dataset->n_images;
    e->order = df_malloc(((size_t)total + 1) * sizeof *e->order);
    e->ids = df_malloc(((size_t)total + 1) * sizeof *e->ids);
    e->chosen = df_calloc((size_t)total + 1, sizeof *e->chosen);
    if (!e->order || !e->ids || !e->chosen)
        return df_fail_memory("the list of images");
    list_images(e);
    return e->n || e->o.ranks ? DF_OK : df_fail(DF_EVALUE, "%s: %d images, none of them in this shard", e->dataset->path, total);
}

/* What is scored against what, in results_path. */
static DfCocoScoring scoring_of(const DfEvaluation *e, const char *const *results)
{
    const bool whole = e->n == e->dataset->n_images;
    return (DfCocoScoring){
        .truth = e->dataset->path,
        .results = results,
        .n_results = 1,
        .kind = { DF_SCORE_BOXES, DF_SCORE_MASKS },
        .n_kinds = df_model_has_masks(df_detector_model(e->detector)) ? 2 : 1,
        .image_ids = whole ? NULL : e->ids,
        .n_image_ids = whole ? 0 : (size_t)e->n,
    };
}

/* Annotations that cannot be scored are known before hours are spent. */
static int check_truth(const DfEvaluation *e)
{
    const DfCocoScoring scoring = scoring_of(e, NULL);
    return df_coco_score_check(&scoring, df_detector_pool(e->detector));
}

static int begin(DfEvaluation *e)
{
    DfDetector *d = e->detector;
    const char *checkpoint = df_detector_checkpoint_path(d); /* NULL: weights that were not read from a file */
    const DfJournalOf of = { df_detector_config_path(d), checkpoint ? checkpoint : "",
                             df_hash_settings(df_detector_config(d)), df_hash_weights(df_detector_model(d)),
                             df_hash_dataset(e->dataset) };
    e->done = df_calloc((size_t)e->dataset->n_images + 1, sizeof *e->done);
    if (!e->done)
        return df_fail_memory("the results");
    e->temporary = !e->o.out_dir;
    e->folder = e->o.out_dir ? df_path_join(e->o.out_dir, "") : df_temporary_folder();
    if (!e->folder)
        return DF_ENOMEM;
    int error = df_journal_open(&e->journal, e->folder, &of, e->dataset, e->o.fresh, e->done);
    if (error == DF_OK)
        error = choose_images(e);
    return error < 0 ? error : check_truth(e);
}

/* ---- the run ----------------------------------------------------------------------------------------------------- */

static const char *const *pictures(const DfEvaluation *e)
{
    return e->dataset->picture;
}

static int take(DfEvaluation *e, const DfSample *sample)
{
    DfResult result;
    int error = df_detector_run_sample(e->detector, sample, &result);
    if (error == DF_OK)
        error = df_journal_add(e->journal, sample->index, &result.detections);
    df_result_done(&result);
    return error;
}

/* In e->results_path stands the last one written. */
static int export(DfEvaluation *e, const char *name, bool masks)
{
    df_free(e->results_path);
    e->results_path = df_path_join(e->folder, name);
    return e->results_path ? df_journal_export(e->journal, e->chosen, masks, e->results_path)
                           : df_fail_memory("a path");
}

/* The order of what was to do is not needed any more. */
static int gather(DfEvaluation *e)
{
    const int error = df_journal_gather(e->journal, e->o.ranks, e->chosen);
    list_images(e);
    return error;
}

static int score(DfEvaluation *e)
{
    const bool masks = df_model_has_masks(df_detector_model(e->detector));
    int error = export(e, "results.bbox.json", false);
    if (error == DF_OK && masks)
        error = export(e, "results.segm.json", true);
    if (error == DF_OK && !e->temporary)
        error = df_images_scored_write(e->folder, e->ids, (size_t)e->n);
    if (error < 0)
        return error;
    if (e->unreadable)
        df_log(DF_LOG_WARNING, "%ld of %ld images could not be read and count as images without detections",
               e->unreadable, e->n);
    const char *const results[] = { e->results_path };
    const DfCocoScoring scoring = scoring_of(e, results);
    return df_coco_score(&e->coco, &scoring, df_detector_pool(e->detector));
}

static void close_all(DfEvaluation *e)
{
    df_journal_close(e->journal);
    if (e->temporary && e->folder)
        df_remove_folder(e->folder,
                         (const char *const[]){ "results.jsonl", "results.bbox.json", "results.segm.json", NULL });
    df_coco_scores_done(&e->coco);
    df_coco_dataset_free(e->dataset);
    df_free(e->folder);
    df_free(e->results_path);
    df_free(e->done);
    df_free(e->chosen);
    df_free(e->ids);
}

const EvaluationKind df_evaluation_of_detector = {
    .open = open_dataset,
    .begin = begin,
    .take = take,
    .gather = gather,
    .score = score,
    .close = close_all,
    .pictures = pictures,
    .ahead = 3,
};
