/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/inference/test_evaluation.c -- a dataset through a network: a run that is stopped and continued scores as one
 * that is not, shards add up, and a folder of another run is refused.
 */
#define _GNU_SOURCE
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "inference/inference.h"

enum { IMAGES = 7 };
static char root[64], data[96], out[96];

static void make_data(void)
{
    snprintf(root, sizeof root, "/tmp/deformer-evaluation-XXXXXX");
    cr_assert_not_null(mkdtemp(root));
    snprintf(data, sizeof data, "%s/data", root);
    snprintf(out, sizeof out, "%s/out", root);
    cr_assert_eq(df_synth_write(data, &(DfSynth){ .val = IMAGES, .seed = 5, .coco = true }, NULL), DF_OK, "%s", df_error());
}

static void remove_data(void)
{
    char command[128];
    snprintf(command, sizeof command, "rm -r '%s'", root);
    cr_expect_eq(system(command), 0);
}

TestSuite(evaluation, .init = make_data, .fini = remove_data);

static DfDetector *detector_of(const char *checkpoint)
{
    static const char *const set[] = { "model.test_cfg.score_thr=0.005" };
    const DfDetectorOptions options = { .set = set, .n_set = 1, .threads = 2 };
    DfDetector *detector;
    cr_assert_eq(df_detector_open(&detector, DF_ROOT "/configs/demo/retinanet_dat_nano.py", checkpoint, &options), DF_OK, "%s", df_error());
    return detector;
}

/* Lets so many pictures through. */
typedef struct {
    long most, first, last;
    bool begun;
} Gate;

static bool let_through(void *user, long done, long n)
{
    Gate *gate = user;
    cr_expect_leq(done, n);
    gate->first = gate->begun ? gate->first : done;
    gate->begun = true;
    gate->last = done;
    return gate->most < 0 || done < gate->most;
}

/* The twelve numbers of a run; `error` is what it ends with. */
static void evaluate(const char *checkpoint, DfEvaluationOptions o, Gate *gate, int error, double stats[DF_COCO_STATS])
{
    DfDetector *detector = detector_of(checkpoint);
    DfEvaluation *evaluation;
    o.data_dir = data;
    o.progress = let_through;
    o.progress_user = gate;
    cr_assert_eq(df_evaluation_open(&evaluation, detector, &o), DF_OK, "%s", df_error());
    cr_expect_null(df_evaluation_coco(evaluation));
    cr_assert_eq(df_evaluation_run(evaluation), error, "%s", df_error());
    if (error == DF_OK) {
        cr_assert_eq(df_evaluation_score(evaluation), DF_OK, "%s", df_error());
        cr_assert_not_null(df_evaluation_coco(evaluation));
        cr_expect_null(df_evaluation_miou(evaluation));
        cr_expect_eq(df_evaluation_unreadable(evaluation), 0);
        memcpy(stats, df_evaluation_coco(evaluation)->eval[0]->stats, DF_COCO_STATS * sizeof *stats);
    }
    df_evaluation_close(evaluation);
    df_detector_close(detector);
}

Test(evaluation, a_stopped_run_goes_on_and_scores_as_one_that_was_not_stopped)
{
    double whole[DF_COCO_STATS], resumed[DF_COCO_STATS];
    Gate open = { .most = -1 }, three = { .most = 3 }, rest = { .most = -1 };
    evaluate("random:1", (DfEvaluationOptions){ 0 }, &open, DF_OK, whole);
    cr_expect(open.first == 0 && open.last == IMAGES);
    evaluate("random:1", (DfEvaluationOptions){ .out_dir = out }, &three, DF_EINTERRUPT, NULL);
    cr_expect_eq(three.last, 3);
    evaluate("random:1", (DfEvaluationOptions){ .out_dir = out }, &rest, DF_OK, resumed);
    cr_expect(rest.first == 3 && rest.last == IMAGES, "from %ld to %ld", rest.first, rest.last);
    cr_expect_eq(memcmp(whole, resumed, sizeof whole), 0);
}

Test(evaluation, a_folder_of_other_weights_is_refused_unless_the_run_is_fresh)
{
    double stats[DF_COCO_STATS];
    Gate gate = { .most = -1 };
    evaluate("random:1", (DfEvaluationOptions){ .out_dir = out, .limit = 2 }, &gate, DF_OK, stats);
    evaluate("random:2", (DfEvaluationOptions){ .out_dir = out, .limit = 2 }, &gate, DF_EVALUE, NULL);
    cr_expect(strstr(df_error(), "other weights"), "%s", df_error());
    evaluate("random:2", (DfEvaluationOptions){ .out_dir = out, .limit = 2, .fresh = true }, &gate, DF_OK, stats);
}

Test(evaluation, shards_share_out_the_images)
{
    double stats[DF_COCO_STATS];
    long images = 0;
    for (int shard = 1; shard <= 3; shard++) {
        Gate gate = { .most = -1 };
        evaluate("random:1", (DfEvaluationOptions){ .shard = shard, .shards = 3 }, &gate, DF_OK, stats);
        images += gate.last;
    }
    cr_expect_eq(images, IMAGES);
}

Test(evaluation, options_out_of_range_are_refused)
{
    static const DfEvaluationOptions wrong[] = {
        { .shard = 0, .shards = 2 }, { .shard = 3, .shards = 2 }, { .shard = 1, .shards = -1 }, { .limit = -1 }, { .first_class = 2 },
    };
    DfDetector *detector = detector_of("random");
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        DfEvaluation *evaluation;
        cr_expect_eq(df_evaluation_open(&evaluation, detector, &wrong[i]), DF_EVALUE, "row %zu", i);
        cr_expect_null(evaluation);
    }
    df_detector_close(detector);
}

Test(evaluation, a_network_without_a_head_is_refused)
{
    DfDetector *detector;
    DfEvaluation *evaluation;
    cr_assert_eq(df_detector_build(&detector, DF_ROOT "/configs/classification/pvt_v2_b0_224.py", NULL), DF_OK, "%s", df_error());
    cr_expect_eq(df_evaluation_open(&evaluation, detector, NULL), DF_EVALUE);
    cr_expect_null(evaluation);
    df_detector_close(detector);
}
