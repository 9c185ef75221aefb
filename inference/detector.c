/* SPDX-License-Identifier: Apache-2.0
 *
 * inference/detector.c -- opens a config and its checkpoint, and describes them.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "inference/parts.h"

/* ---- opening ----------------------------------------------------------------------------------------------------- */

static void hear_logits(void *user, const char *name, const DfTensor *x)
{
    if (strcmp(name, "logits") == 0)
        *(int *)user = df_dim(x, -1);
}

/* A backbone says only by its logits whether it classifies, and into how many classes: a dry pass gives their shape.
 * One that cannot take an input of the usual shape counts as one without classes. */
static void count_classes(DfDetector *d)
{
    int H, W;
    d->n_classes = df_model_classes(d->model);
    if (df_model_is_detector(d->model) || df_model_is_segmentor(d->model))
        return;
    df_detector_usual_shape(d, 224, &H, &W);
    d->c->dry = true;
    df_listen(d->c, hear_logits, false, &d->n_classes);
    df_model_forward(d->model, d->c, df_new(d->c, DF_SHAPE(1, H, W, df_model_channels(d->model))));
    df_listen(d->c, NULL, false, NULL);
    df_reset(d->c);
    d->c->dry = false;
}

static int build(DfDetector *d, const char *config, const DfDetectorOptions *options)
{
    d->arena = df_arena_new();
    d->config_path = d->arena ? df_arena_copy(d->arena, config, strlen(config)) : NULL;
    if (!d->config_path)
        return df_fail_memory("a detector");
    int error = df_pool_new(&d->pool, options->threads);
    if (error == DF_OK)
        error = df_model_config_read(&d->config, config, options->set, options->n_set);
    if (error < 0)
        return error;
    d->root = df_config_root(d->config);
    error = df_model_new(&d->model, d->root);
    if (error == DF_OK)
        nn_model_lean(df_model_weights(d->model));
    if (error == DF_OK)
        error = df_ctx_new(&d->c, d->pool);
    if (error == DF_OK)
        error = df_ctx_set_precision(d->c, options->precision);
    if (error == DF_OK)
        count_classes(d);
    return error;
}

int df_detector_build(DfDetector **out, const char *config, const DfDetectorOptions *options)
{
    static const DfDetectorOptions standard = { 0 };
    *out = NULL;
    DfDetector *d = df_calloc(1, sizeof *d);
    if (!d)
        return df_fail_memory("a detector");
    const int error = build(d, config, options ? options : &standard);
    if (error < 0)
        df_detector_close(d);
    else
        *out = d;
    return error;
}

/* For configs of a bare backbone, which name no pipeline: a classifier's of the official code; else the whole
 * picture at the size that the network is made for, with ImageNet's mean and deviation. */
static void usual_pipeline_text(DfDetector *d, DfTextbuf *text)
{
    int H, W;
    df_detector_usual_shape(d, 224, &H, &W);
    df_textbuf_add(text, "pipeline = ");
    if (df_detector_task(d) == DF_TASK_CLASSIFICATION)
        df_classification_usual_pipeline(text, d->root);
    else
        df_textbuf_add(text,
                       "[dict(type='LoadImageFromFile'), dict(type='Resize', scale=(%d, %d), keep_ratio=False),\n"
                       "    dict(type='Normalize', mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375]),\n"
                       "    dict(type='PackInputs')]", W, H);
    df_textbuf_add(text, "\n");
}

static int usual_pipeline(DfDetector *d)
{
    DfTextbuf text = { 0 };
    DfConfig *config = NULL;
    char *source = NULL;
    usual_pipeline_text(d, &text);
    int error = df_textbuf_take(&text, &source);
    if (error == DF_OK)
        error = df_config_parse(&config, source, strlen(source), "pipeline.py", true);
    if (error == DF_OK)
        error = df_pipeline_new(&d->pipeline, df_node_get(df_config_root(config), "pipeline"));
    df_config_free(config);
    df_free(source);
    return error;
}

/* A good network fed with pixels of 0 to 255 finds nothing or nonsense, and says no word: so nobody gets that by an
 * oversight. */
static int listed_pipeline(DfDetector *d, const DfNode *list)
{
    const int error = df_pipeline_new(&d->pipeline, list);
    if (error < 0 || df_pipeline_normalises(d->pipeline))
        return error;
    return df_node_fail(list, DF_EVALUE,
                        "nothing normalises the pictures: want Normalize(mean, std) in the pipeline, or mean and std "
                        "in the model's data_preprocessor; for pixels of 0 to 255 say Normalize(mean=[0, 0, 0], "
                        "std=[1, 1, 1])");
}

static int read_pipeline(DfDetector *d)
{
    const DfDetectorTask task = df_detector_task(d);
    const DfNode *list = df_node_get(df_dataset_first(df_node_at(d->root, "data.test")), "pipeline");
    if (!list)
        list = df_node_get(d->root, "test_pipeline");
    if (list)
        return listed_pipeline(d, list);
    if (task == DF_TASK_CLASSIFICATION || task == DF_TASK_FEATURES)
        return usual_pipeline(d);
    return df_node_fail(d->root, DF_EVALUE, "has no data.test.pipeline: want a config with a test set");
}

int df_detector_prepare(DfDetector *d)
{
    if (d->pipeline)
        return DF_OK;
    const int error = df_detector_name_classes(d);
    return error < 0 ? error : read_pipeline(d);
}

static int draw_weights(DfDetector *d, const char *checkpoint)
{
    const char *seed = checkpoint + strlen("random:");
    char *end;
    errno = 0;
    const unsigned long long value = strtoull(seed, &end, 10);
    if (seed[0] < '0' || seed[0] > '9' || *end || errno)
        return df_fail(DF_EVALUE, "checkpoint '%s': want random:SEED with a whole number", checkpoint);
    return df_model_init(d->model, value);
}

int df_detector_load(DfDetector *d, const char *checkpoint, const DfModelLoad *load)
{
    if (!(d->checkpoint_path = df_arena_copy(d->arena, checkpoint, strlen(checkpoint))))
        return df_fail_memory("a detector");
    if (strcmp(checkpoint, "random") == 0)
        return df_model_init(d->model, 0);
    if (df_starts_with(checkpoint, "random:"))
        return draw_weights(d, checkpoint);
    int error = df_model_load(d->model, checkpoint, load);
    if (error == DF_OK && d->c->precision == DF_PRECISION_BF16 && df_detector_precision(d) == DF_PRECISION_INT8)
        error = df_fail(DF_EVALUE, "%s: its layers are in int8, and the precision is bf16: want a checkpoint in "
                        "float32, or no --precision", checkpoint);
    if (error == DF_OK)
        df_detector_take_learnt_names(d);
    return error;
}

/* Weights beside the config. */
static int load_own(DfDetector *d, const DfModelLoad *load)
{
    static const char name[] = "config.json";
    const char *config = d->config_path;
    const size_t folder = strlen(config) - (df_ends_with(config, name) ? strlen(name) : 0);
    const char *path = folder ? df_arena_copy(d->arena, config, folder) : ".";
    if (!path)
        return df_fail_memory("a detector");
    if (!df_is_model_folder(path))
        return df_fail(DF_EVALUE,
                       "%s: no weights are given, and it is not the folder of a model: want a .pth or .safetensors "
                       "file, or random",
                       config);
    return df_detector_load(d, path, load);
}

int df_detector_open(DfDetector **out, const char *config, const char *checkpoint, const DfDetectorOptions *options)
{
    DfDetector *d = NULL;
    *out = NULL;
    int error = df_detector_build(&d, config, options);
    if (error == DF_OK)
        error = df_detector_prepare(d);
    const DfModelLoad *load = options ? &options->load : NULL;
    if (error == DF_OK)
        error = checkpoint ? df_detector_load(d, checkpoint, load) : load_own(d, load);
    if (error < 0)
        df_detector_close(d);
    else
        *out = d;
    return error;
}

int df_detector_twin(DfDetector **out, const DfDetector *of, int threads)
{
    *out = NULL;
    DfDetector *d = df_calloc(1, sizeof *d);
    if (!d)
        return df_fail_memory("a detector");
    *d = *of;
    d->is_twin = true;
    d->pool = NULL;
    d->c = NULL;
    int error = df_pool_new(&d->pool, threads);
    if (error == DF_OK)
        error = df_ctx_new(&d->c, d->pool);
    if (error == DF_OK)
        error = df_ctx_set_precision(d->c, of->c->precision);
    if (error < 0)
        df_detector_close(d);
    else
        *out = d;
    return error;
}

static void free_shared(DfDetector *d)
{
    df_pipeline_free(d->pipeline);
    df_model_free(d->model);
    df_config_free(d->config);
    df_arena_free(d->arena);
}

void df_detector_close(DfDetector *d)
{
    if (!d)
        return;
    df_ctx_free(d->c);
    if (!d->is_twin)
        free_shared(d);
    df_pool_free(d->pool);
    df_free(d);
}

/* ---- what it is -------------------------------------------------------------------------------------------------- */

DfDetectorTask df_detector_task(const DfDetector *d)
{
    if (df_model_is_detector(d->model))
        return DF_TASK_DETECTION;
    if (df_model_is_segmentor(d->model))
        return DF_TASK_SEGMENTATION;
    return d->n_classes > 0 ? DF_TASK_CLASSIFICATION : DF_TASK_FEATURES;
}

int df_detector_classes(const DfDetector *d)
{
    return d->n_classes;
}

DfModel *df_detector_model(const DfDetector *d)
{
    return d->model;
}

DfCtx *df_detector_context(const DfDetector *d)
{
    return d->c;
}

DfPool *df_detector_pool(const DfDetector *d)
{
    return d->pool;
}

DfPrecision df_detector_precision(const DfDetector *d)
{
    return nn_model_quantised(df_model_weights(d->model)) ? DF_PRECISION_INT8 : d->c->precision;
}

const DfNode *df_detector_config(const DfDetector *d)
{
    return d->root;
}

const DfPipeline *df_detector_pipeline(const DfDetector *d)
{
    return d->pipeline;
}

const char *df_detector_config_path(const DfDetector *d)
{
    return d->config_path;
}

const char *df_detector_checkpoint_path(const DfDetector *d)
{
    return d->checkpoint_path;
}

void df_detector_usual_shape(const DfDetector *d, int wide, int *H, int *W)
{
    switch (df_detector_task(d)) {
    case DF_TASK_DETECTION:
        *H = 800;
        *W = wide;
        break;
    case DF_TASK_SEGMENTATION:
        *H = *W = 512;
        break;
    default:
        *H = *W = (int)df_node_int(df_node_at(d->root, "backbone.img_size"), 224);
        *H = (int)df_node_int(df_node_at(d->root, "backbone.img_size.0"), *H);
        *W = (int)df_node_int(df_node_at(d->root, "backbone.img_size.1"), *H);
    }
}
