/* SPDX-License-Identifier: Apache-2.0
 *
 * inference/evaluate_detector.c -- the test set of a detector. Detections are written to a journal as they are
 * computed; at the end the journal becomes COCO results files, which are scored against annotations in COCO's format:
 * the file of the dataset, or one that is written from it.
 */
#include <string.h>

#include "inference/evaluation.h"
#include "inference/fingerprint.h"
#include "inference/images_scored.h"

static const char *const in_temporary_folder[] = { "results.jsonl", "results.bbox.json", "results.segm.json",
                                                    "truth.json", NULL };

/* Masks are scored against the annotation file itself, or against the one that is written, for which they are read. */
static int open_dataset(DfEvaluation *e)
{
    const DfNode *dict = df_evaluation_dataset(e);
    const bool masks = df_model_has_masks(df_detector_model(e->detector));
    const int classes = df_detector_classes(e->detector);
    int error = df_coco_dataset_from_config(&e->dataset, dict, e->o.data_dir);
    if (error == DF_OK && masks && !e->dataset->is_file && e->dataset->scoring == DF_SCORED_COCO) {
        df_coco_dataset_free(e->dataset);
        error = df_coco_dataset_from_config_masks(&e->dataset, dict, e->o.data_dir);
    }
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
    return e->n || e->o.ranks
               ? DF_OK
               : df_fail(DF_EVALUE, "%s: %d images, none of them in this shard", e->dataset->path, total);
}

static bool by_coco(const DfEvaluation *e)
{
    return e->dataset->scoring == DF_SCORED_COCO || e->dataset->scoring == DF_SCORED_LVIS;
}

/* What is scored against what, in results_path. */
static DfCocoScoring scoring_of(const DfEvaluation *e, const char *const *results)
{
    const bool whole = e->n == e->dataset->n_images;
    return (DfCocoScoring){
        .truth = e->truth,
        .federated = e->dataset->scoring == DF_SCORED_LVIS,
        .results = results,
        .n_results = 1,
        .kind = { DF_SCORE_BOXES, DF_SCORE_MASKS },
        .n_kinds = df_model_has_masks(df_detector_model(e->detector)) && by_coco(e) ? 2 : 1,
        .image_ids = whole ? NULL : e->ids,
        .n_image_ids = whole ? 0 : (size_t)e->n,
    };
}

/* mmdet scores the classes of the dataset alone, whatever else the file has. */
static DfCocoParams params_of(const DfEvaluation *e)
{
    DfCocoParams p = e->dataset->scoring == DF_SCORED_LVIS ? df_lvis_params() : df_coco_params();
    if (e->dataset->n_classes < e->dataset->n_categories) {
        p.category_ids = e->dataset->category_ids;
        p.n_category_ids = (size_t)e->dataset->n_classes;
    }
    return p;
}

/* Annotations that cannot be scored are known before hours are spent. */
static int check_truth(const DfEvaluation *e)
{
    const DfCocoParams params = params_of(e);
    DfCocoScoring scoring = scoring_of(e, NULL);
    scoring.params = &params;
    return by_coco(e) ? df_coco_score_check(&scoring, df_detector_pool(e->detector)) : DF_OK;
}

/* The dataset's file, or all that is known of its pictures as such a file. */
static int write_truth(DfEvaluation *e)
{
    const DfCocoDataset *d = e->dataset;
    e->truth = d->is_file ? df_path_join("", d->path) : df_path_join(e->folder, "truth.json");
    if (!e->truth)
        return df_fail_memory("a path");
    if (d->is_file)
        return DF_OK;
    int *all = df_malloc(((size_t)d->n_images + 1) * sizeof *all);
    if (!all)
        return df_fail_memory("the list of images");
    for (int i = 0; i < d->n_images; i++)
        all[i] = i;
    const int error = df_coco_dataset_write(d, all, d->n_images, e->truth);
    df_free(all);
    return error;
}

/* A checkpoint that knows its classes in another order would be scored on the wrong ones. */
static void warn_learnt(const DfEvaluation *e)
{
    const char *const *names;
    const int n = df_model_learnt_classes(df_detector_model(e->detector), &names);
    int i = 0;
    while (i < n && n == e->dataset->n_classes && strcmp(names[i], e->dataset->classes[i]) == 0)
        i++;
    if (i < n && n == e->dataset->n_classes)
        df_log(DF_LOG_WARNING,
               "%s: label %d is '%s', and the checkpoint was trained with '%s' there: want its classes in the order of "
               "the checkpoint",
               e->dataset->path, i, e->dataset->classes[i], names[i]);
}

static int begin(DfEvaluation *e)
{
    DfDetector *d = e->detector;
    const char *checkpoint = df_detector_checkpoint_path(d); /* NULL: weights that were not read from a file */
    const DfPrecision precision = df_detector_precision(d);
    DfJournalOf of = { .config = df_detector_config_path(d),
                       .checkpoint = checkpoint ? checkpoint : "",
                       .settings = df_hash_settings(d),
                       .dataset = df_hash_dataset(e->dataset),
                       .precision = precision == DF_PRECISION_F32 ? NULL : df_precision_name(precision) };
    int error = df_hash_weights(df_detector_model(d), &of.weights);
    if (error < 0)
        return error;
    warn_learnt(e);
    e->done = df_calloc((size_t)e->dataset->n_images + 1, sizeof *e->done);
    if (!e->done)
        return df_fail_memory("the results");
    e->temporary = !e->o.out_dir;
    e->folder = e->o.out_dir ? df_path_join(e->o.out_dir, "") : df_temporary_folder_for(in_temporary_folder);
    if (!e->folder)
        return DF_ENOMEM;
    error = df_journal_open(&e->journal, e->folder, &of, e->dataset, e->o.fresh, e->done);
    if (error == DF_OK)
        error = choose_images(e);
    if (error == DF_OK)
        error = write_truth(e);
    return error < 0 ? error : check_truth(e);
}

/* ---- the run ----------------------------------------------------------------------------------------------------- */

static const char *const *pictures(const DfEvaluation *e)
{
    return e->dataset->picture;
}

static int take(DfEvaluation *e, int index, DfResult *result)
{
    return df_journal_add(e->journal, index, &result->detections);
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

/* The rule of mmdet's dataset; `evaluation` may name other thresholds, and mmdet 3.x the way to interpolate. */
static DfMapParams map_params_of(const DfEvaluation *e)
{
    const DfNode *settings = df_node_get(df_detector_config(e->detector), "evaluation");
    const DfNode *ious = df_node_get(settings, "iou_thr");
    const char *mode = df_node_text(df_node_get(settings, "eval_mode"), NULL);
    const bool eleven = mode ? strcmp(mode, "11points") == 0 : e->dataset->eleven_points;
    DfMapParams p = { .n_ious = 1, .iou = { df_node_number(ious, 0.5) }, .eleven_points = eleven,
                      .wide = e->dataset->scoring == DF_SCORED_VOC };
    if (ious && ious->kind == DF_NODE_LIST && ious->n > 0 && ious->n <= DF_MAP_IOUS) {
        p.n_ious = 0;
        for (const DfNode *node = ious->first; node; node = node->next)
            p.iou[p.n_ious++] = df_node_number(node, 0.5);
    }
    return p;
}

static int score_images(const DfEvaluation *e, const DfCocoScoring *of, DfCocoScores *coco, DfMapScores *map)
{
    DfPool *pool = df_detector_pool(e->detector);
    const DfCocoParams params = params_of(e);
    const DfMapParams by_map = map_params_of(e);
    DfCocoScoring scoring = *of;
    scoring.params = &params;
    return by_coco(e) ? df_coco_score(coco, &scoring, pool) : df_map_score(map, &scoring, &by_map, pool);
}

/* Each dataset of several by itself, as mmdet does. */
static int score_parts(DfEvaluation *e, const DfCocoScoring *of)
{
    const DfCocoDataset *d = e->dataset;
    int error = DF_OK;
    if (d->n_parts < 2)
        return DF_OK;
    int64_t *ids = df_malloc(((size_t)d->n_images + 1) * sizeof *ids);
    e->part = df_calloc((size_t)d->n_parts, sizeof *e->part);
    if (!ids || !e->part)
        error = df_fail_memory("the scores of parts");
    e->n_parts = error == DF_OK ? d->n_parts : 0;
    for (int i = 0; error == DF_OK && i < d->n_parts; i++) {
        DfCocoScoring scoring = *of;
        const DfDatasetPart *part = &d->part[i];
        scoring.image_ids = ids;
        scoring.n_image_ids = 0;
        for (int k = part->first; k < part->first + part->n; k++)
            if (e->chosen[k])
                ids[scoring.n_image_ids++] = d->images[k].id;
        e->part[i].path = part->path;
        e->part[i].images = (long)scoring.n_image_ids;
        if (scoring.n_image_ids)
            error = score_images(e, &scoring, &e->part[i].coco, &e->part[i].map);
    }
    df_free(ids);
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
    error = score_images(e, &scoring, &e->coco, &e->map);
    return error == DF_OK ? score_parts(e, &scoring) : error;
}

static void close_all(DfEvaluation *e)
{
    df_journal_close(e->journal);
    if (e->temporary && e->folder)
        df_remove_folder(e->folder, in_temporary_folder);
    df_coco_scores_done(&e->coco);
    df_map_scores_done(&e->map);
    df_coco_dataset_free(e->dataset);
    df_free(e->folder);
    df_free(e->truth);
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
