/* SPDX-License-Identifier: Apache-2.0
 *
 * inference/evaluate.c -- runs the network on a test set: what evaluations of detectors, segmentors and classifiers
 * share.
 */
#include "inference/evaluate.h"

#include <dirent.h>
#include <unistd.h>

#include "inference/evaluation.h"
#include "inference/evaluator.h"

static const EvaluationKind *kind_of(const DfEvaluation *e)
{
    switch (df_detector_task(e->detector)) {
    case DF_TASK_SEGMENTATION: return &df_evaluation_of_segmentor;
    case DF_TASK_CLASSIFICATION: return &df_evaluation_of_classifier;
    default: return &df_evaluation_of_detector;
    }
}

static int check_network(const DfDetector *d)
{
    const bool has_set = df_node_at(df_detector_config(d), "data.test") != NULL;
    const DfDetectorTask task = df_detector_task(d);
    if (task == DF_TASK_DETECTION || task == DF_TASK_SEGMENTATION || (task == DF_TASK_CLASSIFICATION && has_set))
        return DF_OK;
    return df_fail(DF_EVALUE, "%s describes a %s alone: eval wants a detector, a segmentor, or a classifier "
                               "with data.test or --data DIR",
                   df_detector_config_path(d), df_model_type(df_detector_model(d)));
}

static int check_options(const DfEvaluationOptions *o)
{
    if (o->shards < 0 || (o->shards > 0 && (o->shard < 1 || o->shard > o->shards)))
        return df_fail(DF_EVALUE, "shard %d of %d: want 1 to the number of shards", o->shard, o->shards);
    if (o->first_class != 0 && o->first_class != 1)
        return df_fail(DF_EVALUE, "first class %d: want 0 or 1", o->first_class);
    return o->limit < 0 ? df_fail(DF_EVALUE, "limit %ld: want 0 for all images, or more", o->limit) : DF_OK;
}

/* Every process does its shard. Results of the others reach the first one at the end. */
static int divide(DfEvaluation *e)
{
    const int ranks = df_ranks_count(e->o.ranks);
    if (ranks == 1)
        return DF_OK;
    if (e->o.shards > 1)
        return df_fail(DF_EVALUE, "a shard of the images and %d processes: want one or the other", ranks);
    if (e->o.out_dir && df_detector_task(e->detector) == DF_TASK_SEGMENTATION)
        return df_fail(DF_EVALUE, "label maps are kept by one process alone: want no --out, or --shard and one "
                                  "process");
    e->o.shard = df_ranks_own(e->o.ranks) + 1;
    e->o.shards = ranks;
    if (e->o.shard > 1)
        e->o.out_dir = NULL;
    return DF_OK;
}

/* A folder or a file of the data that is not there has one remedy. */
static int tell_missing(const DfEvaluation *e, int error)
{
    if (error != DF_EIO || e->o.data_dir)
        return error;
    return df_fail(error, "%s: want the data where the config says, or --data DIR", df_error());
}

int df_evaluation_open(DfEvaluation **out, DfDetector *d, const DfEvaluationOptions *options)
{
    *out = NULL;
    DfEvaluation *e = df_calloc(1, sizeof *e);
    if (!e)
        return df_fail_memory("an evaluation");
    e->detector = d;
    e->lock = -1;
    e->o = options ? *options : (DfEvaluationOptions){ 0 };
    int error = check_options(&e->o);
    if (error == DF_OK)
        error = check_network(d);
    if (error == DF_OK)
        error = divide(e);
    if (error == DF_OK)
        error = df_detector_prepare(d);
    if (error == DF_OK)
        error = df_evaluator_warn(df_detector_config(d), !e->o.data_dir && !e->o.dataset);
    if (error == DF_OK)
        error = tell_missing(e, kind_of(e)->open(e));
    if (error < 0)
        df_evaluation_close(e);
    else
        *out = e;
    return error;
}

void df_evaluation_close(DfEvaluation *e)
{
    if (!e)
        return;
    kind_of(e)->close(e);
    df_unlock(&e->lock);
    for (int i = 0; i < e->n_parts; i++) {
        df_coco_scores_done(&e->part[i].coco);
        df_map_scores_done(&e->part[i].map);
    }
    df_free(e->part);
    df_free(e->order);
    df_free(e);
}

/* A picture that cannot be read is told and counted, and a resumed run tries it again. A network that fails ends the
 * run. */
static int take(void *user, DfSample *sample, DfResult *result, int error)
{
    DfEvaluation *e = user;
    if (sample->error == DF_OK)
        return error == DF_OK ? kind_of(e)->take(e, sample->index, result) : error;
    if (sample->error == DF_ENOMEM) /* says nothing about the picture */
        return error;
    if (e->unreadable++ < SHOWN)
        df_log(DF_LOG_WARNING, "%s", sample->message);
    return DF_OK; /* the last sentence stays for that of run_pictures() */
}

static int run_pictures(DfEvaluation *e)
{
    const DfLoading loading = { .pipeline = df_detector_pipeline(e->detector),
                                .paths = kind_of(e)->pictures(e),
                                .order = e->order,
                                .n = e->n_order,
                                .ahead = kind_of(e)->ahead };
    DfSequence s = { .detector = e->detector,
                     .loading = loading,
                     .streams = e->o.streams,
                     .batch = e->o.batch,
                     .n = e->n,
                     .done = e->n_done,
                     .progress = e->o.progress,
                     .progress_user = e->o.progress_user,
                     .take = take,
                     .take_user = e };
    const int error = df_sequence_run(&s);
    if (error < 0)
        return error;
    if (s.done < e->n)
        return df_fail(DF_EINTERRUPT, "stopped after %ld of %ld images", s.done, e->n);
    return e->n == 0 || e->unreadable < e->n
               ? DF_OK
               : df_fail(DF_EIO, "none of %ld images could be read, the last: %s", e->n, df_error());
}

void df_remove_leftovers(const char *folder)
{
    DIR *dir = opendir(folder);
    for (const struct dirent *entry; dir && (entry = readdir(dir));) {
        char *path = df_is_temporary_name(entry->d_name) ? df_path_join(folder, entry->d_name) : NULL;
        if (path)
            unlink(path);
        df_free(path);
    }
    if (dir)
        closedir(dir);
}

/* One evaluation at a time writes into a folder, until it is closed. */
static int lock_folder(DfEvaluation *e)
{
    const char *folder = e->o.out_dir;
    const int error = folder ? df_make_directory(folder) : DF_OK;
    if (error < 0 || !folder)
        return error;
    const int locked = df_lock(&e->lock, folder);
    if (locked == DF_EVALUE)
        return df_fail(DF_EVALUE, "%s: another run is writing to it: give each run its own --out", folder);
    if (locked == DF_OK)
        df_remove_leftovers(folder);
    return locked;
}

/* Hours later a missing picture would spoil the scores: every file is looked at, though only its size is read. */
typedef struct {
    int n;
    const char *const *path;
    const int *order; /* [n]: which of the paths */
    bool *bad;        /* [n] */
} Look;

enum { LOOKED_AT = 64 }; /* files of a task */

static void look(void *arg, size_t task, void *scratch)
{
    const Look *l = arg;
    (void)scratch;
    for (int i = (int)task * LOOKED_AT; i < l->n && i < (int)(task + 1) * LOOKED_AT; i++) {
        int height, width;
        l->bad[i] = df_image_read_size(l->path[l->order[i]], &height, &width) < 0;
    }
}

static int check_pictures(DfEvaluation *e)
{
    if (e->o.skip_unreadable || e->n_order == 0)
        return DF_OK;
    Look l = { e->n_order, kind_of(e)->pictures(e), e->order, df_calloc((size_t)e->n_order, sizeof(bool)) };
    if (!l.bad)
        return df_fail_memory("a look at the pictures");
    int error = df_parallel(df_detector_pool(e->detector), ((size_t)l.n + LOOKED_AT - 1) / LOOKED_AT, 0, look, &l);
    int n = 0;
    int first = 0;
    for (int i = l.n - 1; error == DF_OK && i >= 0; i--)
        if (l.bad[i]) {
            first = i;
            n++;
        }
    int height, width;
    if (n && (error = df_image_read_size(l.path[e->order[first]], &height, &width)) < 0)
        error = df_fail(error, "%d of %d pictures cannot be read, the first: %s: want all%s", n, e->n_order, df_error(),
                        e->o.dataset ? "" : ", or --skip-unreadable"); /* which train has not */
    df_free(l.bad);
    return error;
}

int df_evaluation_check(DfEvaluation *e)
{
    int error = lock_folder(e);
    if (error == DF_OK)
        error = kind_of(e)->begin(e);
    return error == DF_OK ? check_pictures(e) : error;
}

int df_evaluation_pictures(const DfEvaluation *e, const char *const **paths, const int **order)
{
    *paths = kind_of(e)->pictures(e);
    *order = e->order;
    return e->n_order;
}

int df_evaluation_run(DfEvaluation *e)
{
    const int error = df_evaluation_check(e);
    return error < 0 ? error : run_pictures(e);
}

/* From here on every process has the results of all. */
static int gather(DfEvaluation *e)
{
    double unreadable = (double)e->unreadable;
    if (df_ranks_count(e->o.ranks) == 1)
        return DF_OK;
    e->o.shards = 0;
    const int error = df_ranks_sum(e->o.ranks, &unreadable, 1);
    e->unreadable = (long)unreadable;
    return error < 0 ? error : kind_of(e)->gather(e);
}

int df_evaluation_score(DfEvaluation *e)
{
    const int error = gather(e);
    return error < 0 ? error : kind_of(e)->score(e);
}

long df_evaluation_images(const DfEvaluation *e)
{
    return e->n;
}

long df_evaluation_unreadable(const DfEvaluation *e)
{
    return e->unreadable;
}

const DfCocoScores *df_evaluation_coco(const DfEvaluation *e)
{
    return e->coco.n ? &e->coco : NULL;
}

const DfMapScores *df_evaluation_map(const DfEvaluation *e)
{
    return e->map.n_classes ? &e->map : NULL;
}

int df_evaluation_parts(const DfEvaluation *e, const DfPartScores **parts)
{
    *parts = e->part;
    return e->n_parts;
}

const DfMiouScores *df_evaluation_miou(const DfEvaluation *e)
{
    return e->miou.result.classes ? &e->miou : NULL;
}

const DfTopScores *df_evaluation_top(const DfEvaluation *e)
{
    return e->top.names ? &e->top : NULL;
}
