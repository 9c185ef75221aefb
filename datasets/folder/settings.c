/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/folder/settings.c -- writes the config settings for a folder.
 */
#include <stdio.h>
#include <string.h>

#include "datasets/classification.h"
#include "datasets/dataset_config.h"
#include "datasets/folder/found.h"
#include "datasets/object_types.h"
#include "datasets/segmentation_types.h"

/* ---- one setting ------------------------------------------------------------------------------------------------ */

static int keep(DfFolder *f, DfTextbuf *text)
{
    char *made;
    int error = df_textbuf_take(text, &made);
    if (error < 0)
        return error;
    const char *copy = df_arena_copy(f->arena, made, strlen(made));
    df_free(made);
    if (!copy || !df_grow((void **)&f->text, &f->text_capacity, f->n_text, sizeof *f->text))
        return df_fail_memory("settings");
    f->text[f->n_text++] = copy;
    return DF_OK;
}

int df_folder_set_literal(DfFolder *f, const char *at, const char *key, const char *value)
{
    DfTextbuf text = { 0 };
    df_textbuf_add(&text, "--data %s.%s=%s", at, key, value);
    return keep(f, &text);
}

/* A text in JSON's quotes is one of Python's, too. */
int df_folder_set_text(DfFolder *f, const char *at, const char *key, const char *value)
{
    DfTextbuf text = { 0 };
    if (!value)
        return df_folder_set_literal(f, at, key, "None");
    df_textbuf_add(&text, "--data %s.%s=", at, key);
    df_textbuf_json(&text, value);
    return keep(f, &text);
}

int df_folder_set_classes(DfFolder *f, const char *at)
{
    DfTextbuf text = { 0 };
    df_textbuf_add(&text, "--data %s.classes=[", at);
    for (int i = 0; i < f->classes.n; i++) {
        df_textbuf_add(&text, "%s", i ? ", " : "");
        df_textbuf_json(&text, f->classes.name[i]);
    }
    df_textbuf_add(&text, "]");
    return keep(f, &text);
}

int df_folder_write_list(DfFolder *f, const DfFolderPart *part, const char *work_dir, const char *file,
                         const char **path)
{
    DfWriter *writer;
    *path = df_folder_below(f, work_dir, file);
    const int error = *path ? df_writer_open(&writer, *path) : df_fail_memory("a path");
    if (error < 0)
        return error;
    for (int i = 0; i < part->n; i++) {
        df_writef(writer, "%s", part->name[i]);
        if (part->label)
            df_writef(writer, " %d", part->label[i]);
        df_writef(writer, "\n");
    }
    return df_writer_commit(writer);
}

/* ---- where they go ---------------------------------------------------------------------------------------------- */

/* The dataset below wrappers: "data.train.dataset.dataset". */
static int innermost(char path[256], const DfNode *node, const char *key)
{
    snprintf(path, 256, "%s", key);
    for (;;) {
        if (node && node->kind == DF_NODE_LIST)
            return df_node_fail(node, DF_EVALUE, "a list of datasets: want one, so that a folder can take its place");
        const DfNode *inner = df_node_get(node, "dataset");
        if (df_node_get(node, "datasets"))
            return df_node_fail(node, DF_EVALUE, "several datasets: want one, so that a folder can take its place");
        if (!inner || strlen(path) + sizeof ".dataset" > 256)
            return DF_OK;
        strcat(path, ".dataset");
        node = inner;
    }
}

/* Two types are of objects or of label maps, as their keys say. */
static bool learns(const DfNode *dataset, DfLearning *out)
{
    DfObjectType objects;
    DfSegmentationType maps;
    const char *type = df_node_text(df_node_get(dataset, "type"), "");
    const bool of_maps = df_segmentation_type(&maps, type);
    const bool of_objects = df_object_type(&objects, type) && (!of_maps || df_node_get(dataset, "ann_file"));
    *out = of_objects ? DF_LEARN_OBJECTS : DF_LEARN_LABEL_MAPS;
    if (strcmp(type, "ImageNet") == 0)
        *out = DF_LEARN_IMAGE_CLASS;
    return of_objects || of_maps || *out == DF_LEARN_IMAGE_CLASS;
}

static const char *const keys[] = { "data.train", "data.val", "data.test" };
enum { TRAIN, VAL, TEST };

bool df_folder_learning_of(const DfNode *config, DfLearning *out)
{
    const DfNode *dataset = df_node_at(config, keys[TRAIN]);
    while (dataset && dataset->kind != DF_NODE_LIST && df_node_get(dataset, "dataset"))
        dataset = df_node_get(dataset, "dataset");
    return learns(dataset, out);
}

static int check_learning(const DfFolder *f, const DfNode *dataset)
{
    static const char *const words[] = { "objects with boxes", "label maps", "a class for each picture" };
    DfLearning learning;
    if (!learns(dataset, &learning) || learning == f->learning)
        return DF_OK;
    return df_node_fail(dataset, DF_EVALUE, "the config learns from %s, and %s has %s: want another config or folder",
                        words[learning], f->dir, words[f->learning]);
}

/* Keys that would contradict the new ones. */
static int clear(DfFolder *f, const DfNode *dataset, const char *at)
{
    static const char *const stale[] = { "data_prefix", "metainfo",   "split",  "ann_file",
                                         "palette",     "id_classes", "classes" };
    int error = DF_OK;
    for (size_t i = 0; error == DF_OK && i < sizeof stale / sizeof *stale; i++)
        if (df_node_get(dataset, stale[i]))
            error = df_folder_set_literal(f, at, stale[i], strcmp(stale[i], "id_classes") ? "None" : "0");
    return error;
}

/* Where the pipeline itself takes class 0 out of label maps, it does so for ADE20K alone. */
static int fit_loading(DfFolder *f, const DfNode *pipeline, const char *at)
{
    int error = DF_OK;
    int i = 0;
    for (const DfNode *step = pipeline ? pipeline->first : NULL; error == DF_OK && step; step = step->next, i++) {
        char key[64];
        snprintf(key, sizeof key, "pipeline.%d.reduce_zero_label", i);
        if (df_node_get(step, "reduce_zero_label"))
            error = df_folder_set_literal(f, at, key, f->ade ? "True" : "False");
    }
    return error;
}

/* Configs of bare classifiers have no pipelines: they are trained with timm's, as most of these networks were. */
static int default_pipeline(DfFolder *f, const DfNode *config, int part, const char *at)
{
    const DfNode *backbone = df_node_get(config, "backbone");
    if (!backbone)
        backbone = df_node_at(config, "model.backbone");
    const long long side =
        df_node_int(df_node_at(backbone, "img_size.0"), df_node_int(df_node_get(backbone, "img_size"), 224));
    DfTextbuf text = { 0 };
    df_textbuf_add(&text, "--data %s.pipeline=", at);
    if (part == DF_TRAINING)
        df_textbuf_add(&text, "[{'type': 'LoadImageFromFile'}, {'type': 'RandomResizedCrop', 'scale': %lld}, {'type': "
                       "'RandomFlip', 'prob': 0.5}, {'type': 'RandAugment'}, {'type': 'Normalize', 'mean': [123.675, "
                       "116.28, 103.53], 'std': [58.395, 57.12, 57.375], 'to_rgb': True}, {'type': 'RandomErasing'}, "
                       "{'type': 'PackInputs'}]", side);
    else
        df_classification_usual_pipeline(&text, config);
    return keep(f, &text);
}

static int set_part(DfFolder *f, const DfFolderKind *kind, const DfNode *config, int part, const char *key,
                    const char *work_dir)
{
    char at[256];
    int error = innermost(at, df_node_at(config, key), key);
    const DfNode *dataset = df_node_at(config, at);
    if (error == DF_OK)
        error = check_learning(f, dataset);
    if (error == DF_OK)
        error = clear(f, dataset, at);
    if (error == DF_OK)
        error = kind->settings(f, part, at, work_dir);
    const DfNode *pipeline = df_node_get(dataset, "pipeline");
    if (error == DF_OK && f->learning == DF_LEARN_LABEL_MAPS)
        error = fit_loading(f, pipeline, at);
    if (error == DF_OK && f->learning == DF_LEARN_IMAGE_CLASS && !pipeline)
        error = default_pipeline(f, config, part, at);
    return error;
}

static void settings_made(const DfFolder *f, int error, DfFolderSettings *out)
{
    *out = (DfFolderSettings){ error == DF_OK ? (int)f->n_text : 0, f->text };
}

int df_folder_settings_as(DfFolder *f, const DfFolderKind *kind, const DfNode *config, const char *work_dir,
                          DfFolderSettings *out)
{
    int error = DF_OK;
    f->n_text = 0;
    for (int i = 0; error == DF_OK && i < 3; i++)
        error = set_part(f, kind, config, i == 0 ? DF_TRAINING : DF_VALIDATION, keys[i], work_dir);
    settings_made(f, error, out);
    return error;
}

/* ---- of a network that has learnt ------------------------------------------------------------------------------- */

/* Takes back what was set for a key of the dataset. */
static void keep_as_it_was(DfFolder *f, const char *at, const char *key)
{
    char start[300];
    size_t n = 0;
    snprintf(start, sizeof start, "--data %s.%s=", at, key);
    for (size_t i = 0; i < f->n_text; i++)
        if (!df_starts_with(f->text[i], start))
            f->text[n++] = f->text[i];
    f->n_text = n;
}

/* A network that has not learnt from a part of this folder is tested on all of it: ImageNet's folder for validation is
 * one. Who did learn from a part has the list of the others in data.test. */
static void test_on_all(DfFolder *f, const DfNode *dataset)
{
    DfFolderPart *part = &f->part[DF_VALIDATION];
    if (f->learning != DF_LEARN_IMAGE_CLASS || !f->split || df_node_get(dataset, "ann_file"))
        return;
    const int n = part->n + f->part[DF_TRAINING].n;
    part->whole = true;
    snprintf(f->sentence, sizeof f->sentence, "%.300s: %s, %d picture%s of %d classes", f->dir, f->words, n,
             n == 1 ? "" : "s", f->classes.n);
}

int df_folder_test_settings_as(DfFolder *f, const DfFolderKind *kind, const DfNode *config, const char *work_dir,
                               DfFolderSettings *out)
{
    static const char *const learnt[] = { "classes", "metainfo", "palette" };
    const char *key = keys[TEST];
    char at[256];
    f->n_text = 0;
    int error = innermost(at, df_node_at(config, key), key);
    if (error == DF_OK)
        test_on_all(f, df_node_at(config, at));
    if (error == DF_OK)
        error = set_part(f, kind, config, DF_VALIDATION, key, work_dir);
    const DfNode *dataset = df_node_at(config, at);
    for (size_t i = 0; error == DF_OK && i < sizeof learnt / sizeof *learnt; i++)
        if (df_node_get(dataset, "classes") || df_node_get(dataset, "metainfo"))
            keep_as_it_was(f, at, learnt[i]);
    settings_made(f, error, out);
    return error;
}

static bool has(const DfNode *dataset, const DfNode *file, const char *data_dir)
{
    char path[DF_PATH];
    return !file || file->kind != DF_NODE_TEXT || !file->text[0] ||
           df_dataset_path(path, df_node_text(df_node_get(dataset, "data_root"), NULL), file->text, data_dir) == DF_OK;
}

bool df_folder_has_test(const DfNode *config, const char *data_dir)
{
    static const char *const paths[] = { "ann_file", "img_prefix", "img_dir", "ann_dir", "data_prefix" };
    char at[256];
    if (innermost(at, df_node_at(config, keys[TEST]), keys[TEST]) < 0)
        return true; /* what reads the dataset says more */
    const DfNode *dataset = df_node_at(config, at);
    bool all = true;
    bool any = false; /* a dict that only says how pictures are prepared names no data */
    for (size_t i = 0; all && i < sizeof paths / sizeof *paths; i++) {
        const DfNode *path = df_node_get(dataset, paths[i]);
        any |= path && path->kind != DF_NODE_NONE;
        all = has(dataset, path, data_dir);
    }
    return any && all;
}
