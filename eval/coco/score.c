/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/coco/score.c -- scores results files against a ground truth.
 */
#include "eval/coco/score.h"

#include "eval/coco/evaluate.h"
#include "eval/eval.h"

static const struct {
    const char *name;
    DfCocoType type;
} kinds[DF_SCORE_KINDS] = {
    [DF_SCORE_BOXES] = { "bbox", DF_COCO_BOXES },
    [DF_SCORE_MASKS] = { "segm", DF_COCO_MASKS },
    [DF_SCORE_PROPOSALS] = { "proposal", DF_COCO_BOXES },
    [DF_SCORE_KEYPOINTS] = { "keypoints", DF_COCO_KEYPOINTS },
    [DF_SCORE_ORIENTED] = { "obb", DF_COCO_ORIENTED },
    [DF_SCORE_BOUNDARIES] = { "boundary", DF_COCO_BOUNDARIES },
};

const char *df_score_kind_name(DfScoreKind kind)
{
    return kinds[kind].name;
}

/* What the caller has not changed: proposals have no classes, and are scored at 1, 10, 100 and 1000 an image; keypoints
 * have other areas and the best 20. */
static void take_standard(DfCocoParams *p, DfScoreKind kind)
{
    const DfCocoParams challenge = df_coco_params();
    const DfCocoParams of_kind = kind == DF_SCORE_PROPOSALS ? df_coco_proposal_params() : df_coco_keypoint_params();
    if (kind != DF_SCORE_PROPOSALS && kind != DF_SCORE_KEYPOINTS)
        return;
    p->use_categories &= of_kind.use_categories;
    if (p->max_dets == challenge.max_dets) {
        p->max_dets = of_kind.max_dets;
        p->n_max_dets = of_kind.n_max_dets;
    }
    if (p->areas == challenge.areas) {
        p->areas = of_kind.areas;
        p->n_areas = of_kind.n_areas;
    }
}

static DfCocoParams params_of(const DfCocoScoring *scoring, DfScoreKind kind, const DfCoco *truth)
{
    const DfCocoParams standard = scoring->federated ? df_lvis_params() : df_coco_params();
    DfCocoParams p = scoring->params ? *scoring->params : standard;
    p.type = kinds[kind].type;
    p.arrays = scoring->arrays;
    p.crowdpose = p.type == DF_COCO_KEYPOINTS && (p.crowdpose || df_coco_is_crowdpose(truth));
    take_standard(&p, kind);
    if (scoring->image_ids) {
        p.image_ids = scoring->image_ids;
        p.n_image_ids = scoring->n_image_ids;
    }
    return p;
}

static int read_truth(DfCoco **out, const DfCocoScoring *scoring, DfPool *pool)
{
    const bool across_classes = scoring->across_classes || (scoring->params && !scoring->params->use_categories);
    DfCocoReading reading = { .pool = pool, .across_classes = across_classes, .federated = scoring->federated };
    for (int i = 0; i < scoring->n_kinds; i++) {
        reading.masks |= kinds[scoring->kind[i]].type == DF_COCO_MASKS;
        reading.keypoints |= kinds[scoring->kind[i]].type == DF_COCO_KEYPOINTS;
        if (kinds[scoring->kind[i]].type == DF_COCO_BOUNDARIES)
            reading.boundary_ratio = scoring->boundary_ratio > 0 ? scoring->boundary_ratio : 0.02;
        reading.oriented |= kinds[scoring->kind[i]].type == DF_COCO_ORIENTED;
    }
    return df_coco_open_with(out, scoring->truth, &reading);
}

static void tell_repeats(DfCocoRepeats r)
{
    if (r.images)
        df_log(DF_LOG_WARNING,
               "%zu images are in several result files: only the first file counts, %zu detections of the others are "
               "left out", r.images, r.detections);
}

int df_coco_read_scored(DfCoco **truth, DfCocoResults **results, const DfCocoScoring *scoring, DfPool *pool)
{
    *truth = NULL;
    *results = NULL;
    int error = read_truth(truth, scoring, pool);
    if (error == DF_OK)
        error = df_coco_results_new(results, *truth);
    for (int i = 0; error == DF_OK && i < scoring->n_results; i++)
        error = df_coco_results_read(*results, scoring->results[i]);
    if (error == DF_OK) {
        tell_repeats(df_coco_results_repeats(*results));
        return DF_OK;
    }
    df_coco_results_free(*results);
    df_coco_free(*truth);
    *results = NULL;
    *truth = NULL;
    return error;
}

/* The images that are scored, each with a bool. */
static int choose_images(const DfCoco *truth, const DfCocoScoring *scoring, bool **out)
{
    bool *chosen = *out = df_calloc(truth->images.n + 1, sizeof *chosen);
    if (!chosen)
        return df_fail_memory("the check of a ground truth");
    for (size_t i = 0; !scoring->image_ids && i < truth->images.n; i++)
        chosen[i] = truth->image_listed[i];
    for (size_t i = 0; scoring->image_ids && i < scoring->n_image_ids; i++) {
        const uint32_t at = df_ids_find(&truth->images, (DfId){ scoring->image_ids[i], NULL });
        if (at != DF_NO_ID)
            chosen[at] = true;
    }
    return DF_OK;
}

static int check_annotations(const DfCoco *truth, const bool *chosen)
{
    const CocoNeeds needs = { .type = truth->with_masks ? DF_COCO_MASKS : DF_COCO_BOXES };
    int error = DF_OK;
    for (size_t i = 0; error == DF_OK && i < truth->n_annotations; i++) {
        const CocoAnnotation *a = &truth->annotations[i];
        if (chosen[a->image] && truth->category_listed[a->category])
            error = df_coco_check_truth(truth, a->last, &needs);
    }
    return error;
}

int df_coco_score_check(const DfCocoScoring *scoring, DfPool *pool)
{
    DfCoco *truth = NULL;
    bool *chosen = NULL;
    int error = read_truth(&truth, scoring, pool);
    if (error == DF_OK)
        error = choose_images(truth, scoring, &chosen);
    if (error == DF_OK)
        error = check_annotations(truth, chosen);
    df_free(chosen);
    df_coco_free(truth);
    return error;
}

int df_coco_score(DfCocoScores *out, const DfCocoScoring *scoring, DfPool *pool)
{
    *out = (DfCocoScores){ 0 };
    int error = df_coco_read_scored(&out->truth, &out->results, scoring, pool);
    for (int i = 0; error == DF_OK && i < scoring->n_kinds; i++) {
        const DfCocoParams params = params_of(scoring, scoring->kind[i], out->truth);
        out->kind[i] = scoring->kind[i];
        error = df_coco_evaluate(&out->eval[i], out->results, &params, pool);
        out->n += error == DF_OK;
    }
    if (error < 0)
        df_coco_scores_done(out);
    return error;
}

void df_coco_scores_done(DfCocoScores *s)
{
    for (int i = 0; i < s->n; i++)
        df_coco_eval_free(s->eval[i]);
    df_coco_results_free(s->results);
    df_coco_free(s->truth);
    *s = (DfCocoScores){ 0 };
}

int df_coco_scores_json(const DfCocoScores *s, const char *more, char **out)
{
    DfTextbuf text = { 0 };
    int error = DF_OK;
    for (int i = 0; error == DF_OK && i < s->n; i++) {
        char *scores = NULL;
        error = df_coco_eval_json(s->eval[i], &scores);
        if (error == DF_OK)
            df_textbuf_add(&text, "%s\"%s\": %s", i ? ",\n " : "{", df_score_kind_name(s->kind[i]), scores);
        df_free(scores);
    }
    if (s->n && df_coco_results_repeats(s->results).images)
        df_textbuf_add(&text, ",\n \"repeated\": {\"images\": %zu, \"detections\": %zu}",
                       df_coco_results_repeats(s->results).images, df_coco_results_repeats(s->results).detections);
    df_textbuf_add(&text, "%s%s}\n", more ? ",\n " : "", more ? more : "");
    if (error == DF_OK)
        return df_textbuf_take(&text, out);
    df_free(text.at);
    *out = NULL;
    return error;
}
