/* SPDX-License-Identifier: Apache-2.0
 *
 * models/model.c -- builds the network of a config, loads its weights and runs it.
 */
#include "models/model.h"

#include <stdio.h>
#include <string.h>

#include "models/class_count.h"
#include "models/parts.h"

struct DfModel {
    const DfNode *root;                 /* the config, which outlives it */
    NnModel *weights;
    const DfArchitecture *architecture; /* NULL: a bare backbone */
    void *self;
    BackbonePart backbone;
    int channels;                       /* of an image           */
    const DfClassLoss *class_loss;      /* of a bare backbone    */
    DfViewMerge merge;                  /* of views of a picture */
    DfArena *arena;                     /* of what follows       */
    const char **learnt;                /* names of the classes that the checkpoint was trained for */
    int n_learnt;
};

/* ---- building ---------------------------------------------------------------------------------------------------- */

static int build_architecture(DfModel *model, const DfNode *dict, const char *type, const DfNode *root)
{
    const NnScope s = nn_root(model->weights);
    if (!type)
        return df_node_fail(dict, DF_EVALUE, "has no key 'type'");
    model->architecture = df_plugin_find("model", type, df_architectures);
    if (!model->architecture) {
        char sentence[256];
        snprintf(sentence, sizeof sentence, "%s", df_error());
        return df_node_fail(df_node_get(dict, "type"), DF_EVALUE, "%s", sentence);
    }
    model->self = nn_alloc(s, 1, model->architecture->size);
    if (model->self && nn_configure(s, dict, model->architecture->opts, model->self, type))
        model->architecture->init(s, model->self, root);
    return nn_model_error(model->weights);
}

/* A classifier's loss stands beside its backbone: loss = dict(type='LabelSmoothLoss', label_smooth_val=0.1). */
static int build_backbone(DfModel *model, const DfNode *dict, const DfNode *loss)
{
    const NnScope s = nn_root(model->weights);
    df_backbone_part(s, &model->backbone, dict);
    model->class_loss = df_class_loss_new(s, loss);
    return nn_model_error(model->weights);
}

/* Two official programs write their arguments; some only DETR's has. */
static const char *program_of(const DfNode *args)
{
    const bool semantic = strcmp(df_node_text(df_node_get(args, "segments"), ""), "semantic") == 0;
    if (df_node_get(args, "eos_coef") || df_node_get(args, "pre_norm"))
        return semantic ? "args of DETR for segments" : "args of DETR";
    return "args";
}

static int build(DfModel *model, const DfNode *root)
{
    const DfNode *whole = df_node_get(root, "model");
    const DfNode *args = df_node_get(root, "args");
    const DfNode *backbone = df_node_get(root, "backbone");
    if (whole)
        return build_architecture(model, whole, df_node_text(df_node_get(whole, "type"), NULL), root);
    if (args)
        return build_architecture(model, args, program_of(args), root);
    if (backbone)
        return build_backbone(model, backbone, df_node_get(root, "loss"));
    return df_node_fail(root, DF_EVALUE, "has none of the keys 'model', 'args' and 'backbone'");
}

/* Backbones read the option under one of two names; the options of DETR's programs have none. */
static int channels_of(const DfNode *root)
{
    const DfNode *whole = df_node_get(root, "model");
    const DfNode *backbone = df_node_get(whole ? whole : root, "backbone");
    const DfNode *named = df_node_get(backbone, "in_chans");
    return (int)df_node_int(named ? named : df_node_get(backbone, "in_channels"), 3);
}

int df_model_new(DfModel **out, const DfNode *root)
{
    *out = NULL;
    DfModel *model = df_calloc(1, sizeof *model);
    if (!model)
        return df_fail_memory("a model");
    int error = nn_model_new(&model->weights);
    if (error == DF_OK)
        error = build(model, root);
    if (error == DF_OK)
        error = df_view_merge_read(&model->merge, df_node_get(root, "tta_model"), nn_model_arena(model->weights));
    model->root = root;
    model->channels = channels_of(root);
    if (error < 0) {
        df_model_free(model);
        return error;
    }
    *out = model;
    return DF_OK;
}

void df_model_free(DfModel *model)
{
    if (!model)
        return;
    nn_model_free(model->weights);
    df_arena_free(model->arena);
    df_free(model);
}

NnModel *df_model_weights(DfModel *model)
{
    return model->weights;
}

const char *df_model_type(const DfModel *model)
{
    return model->architecture ? model->architecture->name : model->backbone.record->name;
}

bool df_model_is_detector(const DfModel *model)
{
    return model->architecture && model->architecture->detect;
}

bool df_model_has_masks(const DfModel *model)
{
    return model->architecture && model->architecture->has_masks && model->architecture->has_masks(model->self);
}

bool df_model_is_segmentor(const DfModel *model)
{
    return model->architecture && model->architecture->segment;
}

int df_model_classes(const DfModel *model)
{
    return model->architecture && model->architecture->classes ? model->architecture->classes(model->self) : 0;
}

int df_model_channels(const DfModel *model)
{
    return model->channels;
}

/* ---- weights ----------------------------------------------------------------------------------------------------- */

int df_model_init(DfModel *model, uint64_t seed)
{
    return nn_model_init(model->weights, seed);
}

static const char *const *ignorable_of(const DfModel *model)
{
    const DfArchitecture *a = model->architecture;
    return a ? a->ignorable(model->self) : model->backbone.record->ignorable;
}

/* A bare classifier's stands in its backbone. */
static int config_classes(const DfModel *model)
{
    const DfNode *alone = df_node_at(model->root, "backbone.num_classes");
    return model->architecture ? df_model_classes(model) : (int)df_node_int(alone, 1000);
}

/* They outlive the file. */
static int keep_classes(DfModel *model, const DfCheckpoint *file)
{
    const char *const *names;
    const int n = df_checkpoint_classes(file, &names);
    model->n_learnt = 0;
    if (!model->arena && !(model->arena = df_arena_new()))
        return df_fail_memory("the class names");
    if (!(model->learnt = df_arena_alloc(model->arena, (size_t)n + 1, sizeof *model->learnt)))
        return df_fail_memory("the class names");
    for (int i = 0; i < n; i++)
        if (!(model->learnt[i] = df_arena_copy(model->arena, names[i], strlen(names[i]))))
            return df_fail_memory("the class names");
    model->n_learnt = n;
    return DF_OK;
}

int df_model_learnt_classes(const DfModel *model, const char *const **names)
{
    *names = model->learnt;
    return model->n_learnt;
}

/* The file was refused before a key was looked at. */
static bool is_empty(const NnReport *report)
{
    int n = 0;
    for (int i = 0; i < NN_FATES; i++)
        n += report->of[i].n;
    return n == 0;
}

/* torchvision's networks without published weights have batch norms that count their batches, with an eps of 1e-5;
 * those of its weights COCO_V1, for which the ready configs are, are frozen, count nothing and have none. */
static void warn_of_eps(const DfModel *model, const DfCheckpoint *file, const char *path)
{
    const DfNode *eps = df_node_at(model->root, "model.backbone.norm_cfg.eps");
    const bool none = eps && df_node_number(eps, 1) <= 0;
    if (none && df_checkpoint_find(file, "backbone.body.bn1.num_batches_tracked"))
        df_log(DF_LOG_WARNING, "%s: its batch norms are not frozen, so that torchvision adds 1e-5 to their variances: "
               "want --set model.backbone.norm_cfg.eps=1e-5", path);
}

int df_model_load(DfModel *model, const char *path, const DfModelLoad *options)
{
    const DfModelLoad o = options ? *options : (DfModelLoad){ 0 };
    const NnLoad load = {
        .ignorable = ignorable_of(model),
        .allow_missing = o.allow_missing,
        .allow_wrong_shape = o.allow_wrong_shape,
        .prefix = o.prefix,
        .module = o.module,
    };
    DfCheckpoint *file = NULL;
    NnReport report = { 0 };
    int error = o.onto ? DF_OK : nn_model_init(model->weights, o.seed);
    if (error == DF_OK)
        error = df_checkpoint_open(&file, path, o.wrapper);
    if (error < 0)
        return error;
    error = nn_model_load(model->weights, file, &load, &report);
    if (error == DF_OK && !(o.module && *o.module))
        error = keep_classes(model, file);
    if (error == DF_OK)
        warn_of_eps(model, file, path);
    const int64_t classes = error == DF_ESHAPE ? df_classes_of_checkpoint(&report, config_classes(model)) : 0;
    if (classes)
        error = df_classes_fail(model->root, config_classes(model), classes);
    if (error < 0)
        df_fail_in(error, "%s: ", path);
    /* else the report speaks of a part of the file, or is a second sentence */
    const bool tells = error != DF_ENOMEM && !classes && (error == DF_OK || !is_empty(&report));
    char *text = tells ? nn_report_text(&report) : NULL;
    if (text)
        df_log(error < 0 ? DF_LOG_WARNING : DF_LOG_INFO, "%s (%s): %s", path, df_checkpoint_form(file), text);
    df_free(text);
    if (o.report)
        *o.report = report;
    else
        nn_report_free(&report);
    df_checkpoint_close(file);
    return error;
}

/* ---- running ----------------------------------------------------------------------------------------------------- */

static void run_backbone(const DfModel *model, DfCtx *c, DfTensor *image)
{
    DfMaps maps;
    df_run_backbone(c, &model->backbone, NULL, image, &maps);
    if (maps.logits)
        df_observe(c, maps.logits, "logits", -1);
    for (int i = 0; i < maps.n; i++)
        df_observe(c, maps.map[i], "out", i);
}

static bool takes(const DfModel *model, DfCtx *c, const DfTensor *image)
{
    if (image->shape.n != 4 || df_dim(image, 3) != model->channels)
        df_ctx_fail(c, DF_ESHAPE, "the image has %d dimensions, the last of %d: want N H W %d", image->shape.n,
                    df_dim(image, -1), model->channels);
    return !c->err;
}

void df_model_forward(const DfModel *model, DfCtx *c, DfTensor *image)
{
    if (!takes(model, c, image))
        return;
    if (model->architecture)
        model->architecture->forward(c, model->self, image);
    else
        run_backbone(model, c, image);
}

int df_model_detect(const DfModel *model, DfCtx *c, DfTensor *image, const DfImageMeta *metas, int n, bool rescale,
                    DfDetections *results)
{
    memset(results, 0, (size_t)n * sizeof *results);
    if (!df_model_is_detector(model))
        return df_fail(DF_EVALUE, "%s is not a detector", df_model_type(model));
    if (!takes(model, c, image))
        return df_ctx_error(c);
    const int error = model->architecture->detect(c, model->self, image, metas, n, rescale, results);
    for (int i = 0; error < 0 && i < n; i++)
        df_detections_free(&results[i]);
    return error;
}

static int detect_and_merge(const DfModel *model, DfCtx *c, DfTensor *const *views, const DfImageMeta *metas, int n,
                            DfDetections *result)
{
    DfDetections *each = df_calloc((size_t)n, sizeof *each);
    int error = each ? DF_OK : df_fail_memory("detections of several views");
    if (error == DF_OK && df_model_has_masks(model))
        error = df_fail(DF_EVALUE, "tta_model: DetTTAModel merges boxes alone, and %s makes masks too",
                        df_model_type(model));
    for (int i = 0; error == DF_OK && i < n; i++)
        error = df_model_detect(model, c, views[i], &metas[i], 1, true, &each[i]);
    if (error == DF_OK)
        error = df_view_merge(&model->merge, each, metas, n, result);
    for (int i = 0; each && i < n; i++)
        df_detections_free(&each[i]);
    df_free(each);
    return error;
}

int df_model_detect_views(const DfModel *model, DfCtx *c, DfTensor *const *views, const DfImageMeta *metas, int n,
                          DfDetections *result)
{
    *result = (DfDetections){ 0 };
    if (n == 1)
        return df_model_detect(model, c, views[0], metas, 1, true, result);
    if (model->merge.given)
        return detect_and_merge(model, c, views, metas, n, result);
    if (!model->architecture || !model->architecture->detect_views)
        return df_fail(DF_EVALUE, "%s cannot merge %d views of an image: test-time augmentation is not built in",
                       df_model_type(model), n);
    for (int i = 0; i < n; i++)
        if (!takes(model, c, views[i]))
            return df_ctx_error(c);
    const int error = model->architecture->detect_views(c, model->self, views, metas, n, result);
    if (error < 0)
        df_detections_free(result);
    return error;
}

int df_model_segment(const DfModel *model, DfCtx *c, DfTensor *const *views, const DfImageMeta *metas, int n,
                     uint16_t *labels)
{
    if (!df_model_is_segmentor(model))
        return df_fail(DF_EVALUE, "%s is not a segmentor", df_model_type(model));
    for (int i = 0; i < n; i++)
        if (!takes(model, c, views[i]))
            return df_ctx_error(c);
    return model->architecture->segment(c, model->self, views, metas, n, labels);
}

static void backbone_losses(const DfModel *model, DfCtx *c, DfTensor *image, const DfLossBatch *batch, DfLosses *out)
{
    DfMaps maps;
    df_run_backbone(c, &model->backbone, NULL, image, &maps);
    if (maps.logits)
        df_class_losses(c, model->class_loss, maps.logits, batch, out);
    else
        df_ctx_fail(c, DF_EVALUE, "%s without a head gives feature maps: only a classifier can be trained alone",
                    df_model_type(model));
}

int df_model_losses(const DfModel *model, DfCtx *c, DfTensor *image, const DfLossBatch *batch, DfLosses *out)
{
    out->n = 0;
    out->total = NULL;
    out->samplings = 0;
    if (model->architecture && !model->architecture->losses)
        return df_fail(DF_EVALUE, "%s has no losses built in", df_model_type(model));
    if (!takes(model, c, image))
        return df_ctx_error(c);
    if (!model->architecture)
        backbone_losses(model, c, image, batch, out);
    else
        model->architecture->losses(c, model->self, image, batch, out);
    return df_ctx_error(c);
}
