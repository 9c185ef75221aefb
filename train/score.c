/* SPDX-License-Identifier: Apache-2.0
 *
 * train/score.c -- runs the network on the validation set during training, and scores it under the names of mmdet and
 * mmseg.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "train/run_parts.h"

enum { MOST_SCORES = 64 };

typedef struct {
    int n;
    char name[MOST_SCORES][48];
    double value[MOST_SCORES];
} Scores;

static void add(Scores *s, const char *name, double value)
{
    if (s->n == MOST_SCORES)
        return;
    snprintf(s->name[s->n], sizeof s->name[0], "%s", name);
    s->value[s->n++] = value;
}

/* bbox_mAP, bbox_mAP_50, ..: of a score that no object of the set has a part in, there is none. */
static void add_coco(Scores *s, const DfCocoScores *coco)
{
    static const char *const names[] = { "mAP", "mAP_50", "mAP_75", "mAP_s", "mAP_m", "mAP_l" };
    for (int i = 0; i < coco->n; i++)
        for (int k = 0; k < 6; k++) {
            char name[48];
            const double value = coco->eval[i]->stats[k];
            snprintf(name, sizeof name, "%s_%s", df_score_kind_name(coco->kind[i]), names[k]);
            if (value >= 0 || k == 0)
                add(s, name, fmax(value, 0));
        }
}

/* mAP, AP50, ..: as mmdet's VOCDataset names them. */
static void add_map(Scores *s, const DfMapScores *map)
{
    add(s, "mAP", map->mean);
    for (int t = 0; t < map->params.n_ious; t++) {
        char name[48];
        snprintf(name, sizeof name, "AP%02d", (int)(map->params.iou[t] * 100));
        add(s, name, map->ap[t]);
    }
}

static void add_miou(Scores *s, const DfMiouResult *r)
{
    add(s, "mIoU", r->mean_iou);
    add(s, "mAcc", r->mean_acc);
    add(s, "aAcc", r->all_acc);
}

static bool progress(void *user, long done, long n)
{
    DfRun *r = user;
    DfNews news = df_run_news(r, DF_NEWS_SCORING);
    news.scored = done;
    news.to_score = n;
    df_run_tell(r, &news);
    return !r->stopping || r->parallel; /* several processes stop between steps */
}

/* ---- classifiers ------------------------------------------------------------------------------------------------- */

/* How many classes have a higher score than this one; of equal scores the first class stands first. */
static int rank_of(const float *scores, int n, int label)
{
    int rank = 0;
    for (int i = 0; i < n; i++)
        rank += scores[i] > scores[label] || (i < label && !(scores[i] < scores[label]));
    return rank;
}

static int classify_one(DfRun *r, const DfTrainingSet *set, int i, int *rank)
{
    DfImage picture = { 0 };
    DfAnnotations known = { 0 };
    DfResult result = { 0 };
    const int n = df_detector_classes(r->detector);
    int error = df_training_set_load(set, i, &picture, &known);
    if (error == DF_OK)
        error = df_detector_run(r->detector, &picture, 1, &result);
    if (error == DF_OK && (known.image_class < 0 || known.image_class >= n))
        error = df_fail(DF_EVALUE, "%s: class %d, want one of %d", df_training_set_path(set, i), known.image_class, n);
    if (error == DF_OK)
        *rank = rank_of(result.class_scores, n, known.image_class);
    df_result_done(&result);
    df_image_free(&picture);
    df_annotations_done(&known);
    return error;
}

/* Top-1 and, of more than five classes, top-5 accuracy, as mmcls names them. */
static int classify(DfRun *r, Scores *s)
{
    DfTrainingSet *set = NULL;
    int first = 0;
    int five = 0;
    int error = df_training_set_new(&set, df_node_at(r->root, df_run_validation(r)), NULL);
    const int n = error == DF_OK ? df_training_set_count(set) : 0;
    for (int i = 0; error == DF_OK && i < n; i++) {
        int rank = 0;
        error = classify_one(r, set, i, &rank);
        first += rank == 0;
        five += rank < 5;
        if (error == DF_OK && !progress(r, i + 1, n))
            error = df_fail(DF_EINTERRUPT, "stopped");
    }
    df_training_set_free(set);
    add(s, "accuracy_top-1", n ? (double)first / n : 0);
    if (df_detector_classes(r->detector) > 5)
        add(s, "accuracy_top-5", n ? (double)five / n : 0);
    return error;
}

/* ---- the best one ------------------------------------------------------------------------------------------------ */

/* `save_best` may say "bbox" for bbox_mAP. */
static int chosen(const DfRun *r, const Scores *s)
{
    const char *best = r->plan.best;
    for (int i = 0; best && i < s->n; i++)
        if (strcmp(s->name[i], best) == 0 || (df_starts_with(s->name[i], best) && df_ends_with(s->name[i], "_mAP")))
            return i;
    return 0;
}

static bool is_best(DfRun *r, const Scores *s, int i)
{
    DfRunState *at = &r->state.at;
    if (r->unreadable) /* of another set */
        return false;
    if (at->best_step >= 0 && !(s->value[i] > at->best))
        return false;
    at->best = s->value[i];
    at->best_step = at->step;
    snprintf(at->metric, sizeof at->metric, "%s", s->name[i]);
    return true;
}

/* Into the log, and told with the chosen one first. */
static int report(DfRun *r, const Scores *s)
{
    DfNewsValue told[MOST_SCORES];
    DfLogValue values[MOST_SCORES];
    DfNews news = df_run_news(r, DF_NEWS_SCORED);
    const int first = chosen(r, s);
    for (int i = 0; i < s->n; i++) {
        values[i] = (DfLogValue){ s->name[i], s->value[i] };
        told[i] = (DfNewsValue){ s->name[i], s->value[i] };
    }
    const DfNewsValue kept = told[0];
    told[0] = told[first];
    told[first] = kept;
    news.n = s->n;
    news.values = told;
    news.best = s->n > 0 && is_best(r, s, first);
    const DfLogEntry entry = { "val", news.epoch, news.iter, news.step, s->n, values };
    const int error = r->leads ? df_run_log_add(r->log, &entry) : DF_OK;
    df_run_tell(r, &news);
    return error;
}

/* ---- the set ----------------------------------------------------------------------------------------------------- */

const char *df_run_validation(const DfRun *r)
{
    static const char *const places[] = { "data.val", "data.test" };
    for (int i = 0; i < 2; i++)
        if (df_node_get(df_node_at(r->root, places[i]), "type"))
            return places[i];
    return NULL;
}

static int look_through(DfRun *r, Scores *s)
{
    DfEvaluation *e = NULL;
    if (df_detector_task(r->detector) == DF_TASK_CLASSIFICATION)
        return classify(r, s);
    const DfEvaluationOptions options = { .dataset = df_run_validation(r),
                                          .streams = 1,
                                          .skip_unreadable = true,
                                          .ranks = r->parallel ? r->o.ranks : NULL,
                                          .progress = progress,
                                          .progress_user = r };
    int error = df_evaluation_open(&e, r->detector, &options);
    if (error == DF_OK)
        error = df_evaluation_run(e);
    if (error == DF_OK)
        error = df_evaluation_score(e);
    r->unreadable = error == DF_OK ? df_evaluation_unreadable(e) : 0;
    if (error == DF_OK && df_evaluation_coco(e))
        add_coco(s, df_evaluation_coco(e));
    if (error == DF_OK && df_evaluation_map(e))
        add_map(s, df_evaluation_map(e));
    if (error == DF_OK && df_evaluation_miou(e))
        add_miou(s, &df_evaluation_miou(e)->result);
    if (r->unreadable)
        add(s, "unreadable", (double)r->unreadable);
    df_evaluation_close(e);
    return error;
}

/* Every file of a classifier's set is there and has a class of the network. */
static int check_pictures(DfRun *r)
{
    DfTrainingSet *set = NULL;
    DfTrainingCheck check = { 0 };
    int error = df_training_set_new(&set, df_node_at(r->root, df_run_validation(r)), NULL);
    const int n = error == DF_OK ? df_training_set_classes(set)->n : 0;
    if (n > df_detector_classes(r->detector))
        error = df_fail(DF_EVALUE, "it has %d classes and the network %d", n, df_detector_classes(r->detector));
    if (error == DF_OK)
        error = df_training_set_check(&check, set);
    if (error == DF_OK && check.n_errors > 0)
        error = df_fail(DF_EVALUE, "%s", check.sentence[0]);
    df_training_check_done(&check);
    df_training_set_free(set);
    return error;
}

int df_run_check_validation(DfRun *r)
{
    DfEvaluation *e = NULL;
    const DfEvaluationOptions options = { .dataset = df_run_validation(r), .streams = 1 };
    if (!options.dataset)
        return DF_OK;
    const bool classifier = df_detector_task(r->detector) == DF_TASK_CLASSIFICATION;
    int error = classifier ? check_pictures(r) : df_evaluation_open(&e, r->detector, &options);
    if (error == DF_OK && !classifier)
        error = df_evaluation_check(e);
    df_evaluation_close(e);
    return error < 0 ? df_fail_in(error, "the validation set: ") : DF_OK;
}

int df_run_score(DfRun *r)
{
    Scores scores = { 0 };
    const double start = df_run_clock();
    int error = DF_OK;
    df_run_swap_average(r);
    if (df_run_validation(r))
        error = look_through(r, &scores);
    if (error == DF_OK && r->leads)
        error = df_run_samples_look(r);
    df_run_swap_average(r);
    if (error == DF_OK && scores.n)
        error = report(r, &scores);
    r->scoring_seconds = df_run_clock() - start;
    if (error == DF_OK)
        r->state.at.scored = r->state.at.step;
    return error;
}
