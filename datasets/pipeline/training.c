/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/pipeline/training.c -- one sample through a training pipeline.
 */
#include "datasets/pipeline/training.h"

#include <string.h>

#include "datasets/pipeline/list.h"

/* ---- what is known of the picture ------------------------------------------------------------------------------ */

static int check_annotations(const DfAnnotations *a, const DfImage *image)
{
    if (a->unit != DF_BOXES_PIXELS)
        return df_fail(DF_EVALUE, "boxes in shares of the picture: a training pipeline wants pixels");
    if (a->map.height && (a->map.height != image->height || a->map.width != image->width))
        return df_fail(DF_EVALUE, "a label map of %d x %d for a picture of %d x %d: want the same size", a->map.height,
                       a->map.width, image->height, image->width);
    return DF_OK;
}

/* Classes that are not learnt are no annotations. */
static int drop_unlearnt(DfAnnotations *a)
{
    bool *keep = df_calloc(a->n + 1, sizeof *keep);
    if (!keep)
        return df_fail_memory("the objects of a picture");
    for (size_t i = 0; i < a->n; i++)
        keep[i] = a->labels[i] >= 0;
    df_annotations_keep(a, keep);
    df_free(keep);
    return DF_OK;
}

/* The map is borrowed until a transform changes it; everything else is copied. */
static int take_annotations(DfWork *work, DfAnnotations *copy, const DfAnnotations *a)
{
    DfAnnotations objects = *a;
    objects.map = (DfLabelMap){ 0 };
    int error = df_annotations_copy(copy, &objects);
    if (error == DF_OK)
        error = drop_unlearnt(copy);
    work->known = copy;
    if (a->map.narrow)
        work->map = (DfGrid){ a->map.height, a->map.width, sizeof *a->map.narrow, true, a->map.narrow };
    else if (a->map.wide)
        work->map = (DfGrid){ a->map.height, a->map.width, sizeof *a->map.wide, true, (void *)a->map.wide };
    return error;
}

static int hand_map_over(DfAnnotations *to, const DfGrid *map)
{
    if (!map->at)
        return DF_OK;
    const size_t n = (size_t)map->height * (size_t)map->width;
    void *at = df_arena_alloc(to->arena, n, map->cell);
    if (!at)
        return df_fail_memory("a label map");
    memcpy(at, map->at, n * map->cell);
    to->map = (DfLabelMap){ .height = map->height, .width = map->width };
    if (map->cell == 1)
        to->map.narrow = at;
    else
        to->map.wide = at;
    return DF_OK;
}

/* ---- a sample -------------------------------------------------------------------------------------------------- */

static int finish(DfWork *work, DfTrainingSample *out)
{
    DfView view = { 0 };
    int error = hand_map_over(work->known, &work->map);
    if (error == DF_OK)
        error = df_work_finish(work, &view);
    out->pixels = view.pixels;
    out->meta = view.meta;
    return error;
}

int df_pipeline_train(const DfPipeline *pipeline, const DfImage *image, const DfAnnotations *annotations,
                      const DfOthers *others, DfDraws *draws, DfTrainingSample *out)
{
    *out = (DfTrainingSample){ 0 };
    if (!pipeline->kind.training)
        return df_fail(DF_EVALUE, "this pipeline is for testing: it cannot make training samples");
    if (pipeline->needs.others && !others)
        return df_fail(DF_EVALUE, "this pipeline mixes several pictures: it wants a data set to take them from");
    DfWork work = df_work_begin(pipeline, image);
    work.others = others;
    work.draws = draws;
    int error = image->channels == 3 ? check_annotations(annotations, image)
                                     : df_fail(DF_EVALUE, "a picture of %d channels: want 3", image->channels);
    if (error == DF_OK)
        error = take_annotations(&work, &out->annotations, annotations);
    if (error == DF_OK)
        error = df_steps_run(&pipeline->steps, &work);
    out->left_out = work.left_out;
    if (error == DF_OK && !work.left_out)
        error = finish(&work, out);
    df_work_done(&work);
    if (error < 0)
        df_training_sample_free(out);
    return error;
}

void df_training_sample_free(DfTrainingSample *sample)
{
    df_free(sample->pixels);
    df_annotations_done(&sample->annotations);
    *sample = (DfTrainingSample){ 0 };
}
