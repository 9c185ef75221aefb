/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/pipeline/pipeline.c -- a list of transforms, read from a config and run on a picture.
 */
#include "datasets/pipeline/pipeline.h"

#include <string.h>

#include "datasets/pipeline/transform.h"

struct DfPipeline {
    DfArena *arena;
    DfSteps steps;
};

const char *df_flip_name(DfFlip flip)
{
    static const char *const names[] = { "", "horizontal", "vertical", "diagonal" };
    return names[flip];
}

/* ---- reading --------------------------------------------------------------------------------------------------- */

static bool is_side(const DfNode *node)
{
    return node && node->kind == DF_NODE_INT && node->integer >= 1 && node->integer <= DF_IMAGE_MAX_SIDE;
}

static int read_size(DfScale *out, const DfNode *node)
{
    if (node->kind != DF_NODE_LIST || node->n != 2 || !is_side(node->first) || !is_side(node->first->next))
        return df_node_fail(node, DF_EVALUE, "want a pair of sizes in 1..%d, like (1333, 800)", DF_IMAGE_MAX_SIDE);
    *out = (DfScale){ .kind = DF_SCALE_SIZE, .size = { (int)node->first->integer, (int)node->first->next->integer } };
    return DF_OK;
}

/* JSON has no tuples: a list of two numbers is one size there, a list of lists several. */
int df_read_sizes(DfScales *out, const DfNode *node, DfArena *arena)
{
    *out = (DfScales){ 0 };
    if (!node || node->kind == DF_NODE_NONE)
        return DF_OK;
    const bool several = node->kind == DF_NODE_LIST && node->first && node->first->kind == DF_NODE_LIST;
    out->n = several ? node->n : 1;
    if (!(out->v = df_arena_alloc(arena, (size_t)out->n, sizeof *out->v)))
        return df_fail_memory("sizes");
    if (!several)
        return read_size(out->v, node);
    int error = DF_OK, i = 0;
    for (const DfNode *size = node->first; size && error == DF_OK; size = size->next)
        error = read_size(&out->v[i++], size);
    return error;
}

static int unknown_transform(const DfNode *node, const char *type)
{
    const char *names[64];
    size_t n = 0;
    while (n < 64 && df_transforms[n]) {
        names[n] = df_transforms[n]->name;
        n++;
    }
    const char *near = df_nearest_name(type, names, n);
    return near ? df_node_fail(node, DF_EVALUE, "unknown transform '%s': did you mean '%s'?", type, near)
                : df_node_fail(node, DF_EVALUE, "unknown transform '%s': `deformer list transforms` prints the known ones", type);
}

static int read_step(DfStep *out, const DfNode *node, DfArena *arena)
{
    const char *type = df_node_text(df_node_get(node, "type"), NULL);
    if (node->kind != DF_NODE_DICT || !type)
        return df_node_fail(node, DF_EVALUE, "want a transform: a dict with a type");
    const DfTransform *const *kind = df_transforms;
    while (*kind && strcmp((*kind)->name, type) != 0)
        kind++;
    if (!*kind)
        return unknown_transform(node, type);
    if (!(*kind)->opts)
        return df_node_fail(node, DF_EVALUE, "%s is for training: it has no place in a test pipeline", type);
    void *self = df_arena_alloc(arena, 1, (*kind)->size);
    if (!self)
        return df_fail_memory("a transform");
    *out = (DfStep){ *kind, self };
    const int error = df_bind(node, (*kind)->opts, self, arena, type);
    return error < 0 || !(*kind)->init ? error : (*kind)->init(self, node, arena);
}

int df_steps_read(DfSteps *out, const DfNode *list, DfArena *arena)
{
    if (!list || list->kind != DF_NODE_LIST)
        return df_node_fail(list, DF_EVALUE, "want a list of transforms");
    *out = (DfSteps){ .v = df_arena_alloc(arena, (size_t)list->n + 1, sizeof *out->v) };
    if (!out->v)
        return df_fail_memory("a pipeline");
    for (const DfNode *node = list->first; node; node = node->next) {
        const int error = read_step(&out->v[out->n], node, arena);
        if (error < 0)
            return error;
        out->n++;
    }
    return DF_OK;
}

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
            return df_node_fail(list, DF_EVALUE, "%s after MultiScaleFlipAug: want it inside", steps->v[i + 1].kind->name);
    }
    return DF_OK;
}

int df_pipeline_new(DfPipeline **out, const DfNode *list)
{
    DfPipeline *pipeline = df_calloc(1, sizeof *pipeline);
    *out = NULL;
    if (!pipeline || !(pipeline->arena = df_arena_new())) {
        df_free(pipeline);
        return df_fail_memory("a pipeline");
    }
    int error = df_steps_read(&pipeline->steps, list, pipeline->arena);
    if (error < 0 || (error = check_order(&pipeline->steps, list)) < 0) {
        df_pipeline_free(pipeline);
        return error;
    }
    *out = pipeline;
    return DF_OK;
}

void df_pipeline_free(DfPipeline *pipeline)
{
    if (!pipeline)
        return;
    df_arena_free(pipeline->arena);
    df_free(pipeline);
}

/* ---- running --------------------------------------------------------------------------------------------------- */

const DfImage *df_work_image(const DfWork *work)
{
    return work->own.pixels ? &work->own : work->source;
}

int df_work_own(DfWork *work)
{
    if (work->own.pixels)
        return DF_OK;
    const int error = df_image_new(&work->own, work->source->height, work->source->width, work->source->channels);
    if (error == DF_OK)
        memcpy(work->own.pixels, work->source->pixels, df_image_bytes(work->source));
    return error;
}

void df_work_resized(DfWork *work, DfImage resized)
{
    const DfImage *image = df_work_image(work);
    const float w = (float)((double)resized.width / image->width), h = (float)((double)resized.height / image->height);
    df_image_free(&work->own);
    work->own = resized;
    for (int i = 0; i < 4; i += 2) {
        work->scale_factor[i] = w;
        work->scale_factor[i + 1] = h;
    }
}

static int run_steps(const DfSteps *steps, DfWork *work)
{
    int error = DF_OK;
    for (int i = 0; i < steps->n && error == DF_OK; i++)
        if (steps->v[i].kind->apply)
            error = steps->v[i].kind->apply(steps->v[i].self, work);
    return error;
}

/* `before` are the steps outside MultiScaleFlipAug (`aug`, NULL if there is none). */
static int make_view(const DfPipeline *pipeline, const DfMultiScaleFlipAug *aug, int scale, int flip, const DfImage *image, DfView *out)
{
    DfWork work = { .source = image, .scale_factor = { 1.0f, 1.0f, 1.0f, 1.0f } };
    int error = run_steps(&pipeline->steps, &work);
    if (error == DF_OK && aug) {
        work.scale = aug->scales.v[scale];
        work.flip = aug->which[flip];
        error = run_steps(&aug->steps, &work);
    }
    if (error == DF_OK)
        error = df_work_finish(&work, out);
    df_image_free(&work.own);
    return error;
}

int df_pipeline_run(const DfPipeline *pipeline, const DfImage *image, DfViews *out)
{
    const DfSteps *steps = &pipeline->steps;
    const DfStep *last = steps->n ? &steps->v[steps->n - 1] : NULL;
    const DfMultiScaleFlipAug *aug = last && last->kind == &df_transform_MultiScaleFlipAug ? last->self : NULL;
    const int scales = aug ? aug->scales.n : 1, flips = aug ? aug->flips : 1;
    *out = (DfViews){ 0 };
    if (image->channels != 3)
        return df_fail(DF_EVALUE, "a picture of %d channels: want 3", image->channels);
    if (!(out->view = df_calloc((size_t)scales * (size_t)flips, sizeof *out->view)))
        return df_fail_memory("the views of a picture");
    int error = DF_OK;
    for (int s = 0; s < scales && error == DF_OK; s++)
        for (int f = 0; f < flips && error == DF_OK; f++)
            error = make_view(pipeline, aug, s, f, image, &out->view[out->n++]);
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
