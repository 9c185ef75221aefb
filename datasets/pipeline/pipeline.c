/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/pipeline/pipeline.c -- a list of transforms, read from a config and run on a picture.
 */
#include "datasets/pipeline/pipeline.h"

#include "datasets/pipeline/list.h"

/* ---- reading --------------------------------------------------------------------------------------------------- */

/* MultiScaleFlipAug makes views, so nothing comes after it and it holds no other of its kind. */
static int check_order(const DfSteps *steps, const DfNode *list)
{
    for (int i = 0; i < steps->n; i++) {
        if (steps->v[i].kind != &df_transform_MultiScaleFlipAug)
            continue;
        const DfMultiScaleFlipAug *aug = steps->v[i].self;
        for (int k = 0; k < aug->steps.n; k++)
            if (aug->steps.v[k].kind == &df_transform_MultiScaleFlipAug)
                return df_node_fail(list, DF_EVALUE, "MultiScaleFlipAug inside itself");
        if (i + 1 < steps->n)
            return df_node_fail(list, DF_EVALUE, "%s after MultiScaleFlipAug: want it inside",
                                steps->v[i + 1].kind->name);
    }
    return DF_OK;
}

/* A list without LoadAnnotations is the second part of one that had it: boxes are at hand. */
static int read_list(DfPipeline *pipeline, const DfNode *list)
{
    DfReading reading = {
        .training = pipeline->kind.training,
        .codebase = pipeline->kind.codebase,
        .release = pipeline->kind.release,
        .arena = pipeline->arena,
        .needs = { .boxes = true },
    };
    int error = df_steps_read(&pipeline->steps, list, &reading);
    if (error == DF_OK)
        error = check_order(&pipeline->steps, list);
    pipeline->normalises = reading.normalises;
    pipeline->pictures = reading.pictures;
    pipeline->needs = reading.needs;
    return error;
}

int df_pipeline_new_as(DfPipeline **out, const DfNode *list, const DfPipelineKind *kind)
{
    DfPipeline *pipeline = df_calloc(1, sizeof *pipeline);
    *out = NULL;
    if (!pipeline || !(pipeline->arena = df_arena_new())) {
        df_free(pipeline);
        return df_fail_memory("a pipeline");
    }
    pipeline->kind = *kind;
    df_tell_dialect(list, &pipeline->kind);
    const int error = read_list(pipeline, list);
    if (error < 0)
        df_pipeline_free(pipeline);
    else
        *out = pipeline;
    return error;
}

int df_pipeline_new(DfPipeline **out, const DfNode *list)
{
    return df_pipeline_new_as(out, list, &(DfPipelineKind){ 0 });
}

DfPipelineNeeds df_pipeline_needs(const DfPipeline *pipeline)
{
    return pipeline->needs;
}

DfImageReading df_pipeline_pictures(const DfPipeline *pipeline)
{
    return pipeline->pictures;
}

bool df_pipeline_normalises(const DfPipeline *pipeline)
{
    return pipeline->normalises;
}

void df_pipeline_free(DfPipeline *pipeline)
{
    if (!pipeline)
        return;
    df_arena_free(pipeline->arena);
    df_free(pipeline);
}

/* ---- running --------------------------------------------------------------------------------------------------- */

DfWork df_work_begin(const DfPipeline *pipeline, const DfImage *image)
{
    return (DfWork){
        .source = image,
        .release = pipeline->kind.release,
        .picture = df_grid_of_image(image),
        .scale_factor = { 1.0f, 1.0f, 1.0f, 1.0f },
    };
}

void df_work_done(DfWork *work)
{
    df_grid_free(&work->picture);
    df_grid_free(&work->map);
}

/* One view: the steps of the list, then those inside MultiScaleFlipAug (`aug`, NULL if there is none), which for
 * each view begin again with the picture. */
static int make_view(const DfPipeline *pipeline, const DfMultiScaleFlipAug *aug, int scale, int flip,
                     const DfImage *image, DfPixelOrder order, DfView *out)
{
    DfWork work = df_work_begin(pipeline, image);
    work.reversed = order == DF_PIXELS_RGB;
    int error = df_steps_run(&pipeline->steps, &work);
    if (error == DF_OK && aug) {
        work.scale = aug->scales.v[scale];
        work.flip = aug->which[flip];
        error = df_steps_run(&aug->steps, &work);
    }
    if (error == DF_OK)
        error = df_work_finish(&work, out);
    df_work_done(&work);
    return error;
}

int df_pipeline_run(const DfPipeline *pipeline, const DfImage *image, DfViews *out)
{
    return df_pipeline_run_as(pipeline, image, DF_PIXELS_BGR, out);
}

int df_pipeline_run_as(const DfPipeline *pipeline, const DfImage *image, DfPixelOrder order, DfViews *out)
{
    const DfSteps *steps = &pipeline->steps;
    const DfStep *last = steps->n ? &steps->v[steps->n - 1] : NULL;
    const DfMultiScaleFlipAug *aug = last && last->kind == &df_transform_MultiScaleFlipAug ? last->self : NULL;
    const int scales = aug ? aug->scales.n : 1;
    const int flips = aug ? aug->flips : 1;
    *out = (DfViews){ 0 };
    if (pipeline->kind.training)
        return df_fail(DF_EVALUE, "this pipeline is for training: it makes no views for testing");
    if (image->channels != 3)
        return df_fail(DF_EVALUE, "a picture of %d channels: want 3", image->channels);
    if (!(out->view = df_calloc((size_t)scales * (size_t)flips, sizeof *out->view)))
        return df_fail_memory("the views of a picture");
    int error = DF_OK;
    for (int s = 0; s < scales && error == DF_OK; s++)
        for (int f = 0; f < flips && error == DF_OK; f++)
            error = make_view(pipeline, aug, s, f, image, order, &out->view[out->n++]);
    if (error < 0)
        df_views_free(out);
    return error;
}

void df_views_free(DfViews *views)
{
    for (int i = 0; i < views->n; i++)
        df_free(views->view[i].pixels);
    df_free(views->view);
    *views = (DfViews){ 0 };
}
