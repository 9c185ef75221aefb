/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/training/training_set.c -- a training set of n samples of any kind.
 */
#include "datasets/training/training_set.h"

#include "datasets/image/image_file.h"
#include "datasets/training/wrappers.h"

/* ---- made and freed --------------------------------------------------------------------------------------------- */

static int number_pictures(DfTrainingSet *set)
{
    set->first = df_arena_alloc(set->arena, (size_t)set->n_sources + 1, sizeof *set->first);
    if (!set->first)
        return df_fail_memory("a training set");
    for (int s = 0; s < set->n_sources; s++)
        set->first[s + 1] = set->first[s] + set->source[s]->n;
    return DF_OK;
}

static int open_set(DfTrainingSet **out, const DfNode *dataset, const char *data_dir, bool masks)
{
    *out = NULL;
    DfTrainingSet *set = df_calloc(1, sizeof *set);
    if (!set)
        return df_fail_memory("a training set");
    set->masks = masks;
    set->arena = df_arena_new();
    int error = set->arena ? df_training_add(set, dataset, data_dir) : df_fail_memory("a training set");
    if (error == DF_OK && set->n == 0)
        error = df_node_fail(dataset, DF_EVALUE, "a training set without a picture");
    if (error == DF_OK)
        error = number_pictures(set);
    if (error < 0)
        df_training_set_free(set);
    else
        *out = set;
    return error;
}

int df_training_set_new(DfTrainingSet **out, const DfNode *dataset, const char *data_dir)
{
    return open_set(out, dataset, data_dir, false);
}

int df_training_set_with_masks(DfTrainingSet **out, const DfNode *dataset, const char *data_dir)
{
    return open_set(out, dataset, data_dir, true);
}

int df_training_set_of_config(DfTrainingSet **out, const DfNode *config, const char *data_dir)
{
    return df_training_set_new(out, df_node_at(config, "data.train"), data_dir);
}

void df_training_set_free(DfTrainingSet *set)
{
    if (!set)
        return;
    for (int s = 0; s < set->n_sources; s++)
        if (set->source[s]->set)
            set->source[s]->kind->close(set->source[s]);
    df_free(set->source);
    df_free(set->sample);
    df_arena_free(set->arena);
    df_free(set);
}

/* ---- asked ------------------------------------------------------------------------------------------------------ */

static const DfSource *source_of(const DfTrainingSet *set, int i)
{
    return set->source[set->sample[i].source];
}

int df_training_set_count(const DfTrainingSet *set)
{
    return set->n;
}

DfLearning df_training_set_learning(const DfTrainingSet *set)
{
    return set->source[0]->kind->learning;
}

const DfClasses *df_training_set_classes(const DfTrainingSet *set)
{
    return &set->source[0]->classes;
}

bool df_training_set_has_masks(const DfTrainingSet *set)
{
    return set->source[0]->masks;
}

const char *df_training_set_path(const DfTrainingSet *set, int i)
{
    return source_of(set, i)->kind->path(source_of(set, i), set->sample[i].index);
}

int df_training_set_picture(const DfTrainingSet *set, int i)
{
    return set->first[set->sample[i].source] + set->sample[i].index;
}

int df_training_set_pictures(const DfTrainingSet *set)
{
    return set->first[set->n_sources];
}

int df_training_set_size(const DfTrainingSet *set, int i, int *height, int *width)
{
    const DfSource *source = source_of(set, i);
    *height = *width = 0;
    if (source->kind->size)
        source->kind->size(source, set->sample[i].index, height, width);
    if (*height > 0 && *width > 0)
        return DF_OK;
    return df_image_read_size(df_training_set_path(set, i), height, width);
}

int df_training_set_annotations(const DfTrainingSet *set, int i, int height, int width, DfAnnotations *out)
{
    const DfSource *source = source_of(set, i);
    return source->kind->annotations(source, set->sample[i].index, height, width, out);
}

int df_training_set_load(const DfTrainingSet *set, int i, DfImage *image, DfAnnotations *annotations)
{
    *image = (DfImage){ 0 };
    *annotations = (DfAnnotations){ 0 };
    int error = df_image_read(image, df_training_set_path(set, i));
    if (error == DF_OK)
        error = df_training_set_annotations(set, i, image->height, image->width, annotations);
    if (error < 0)
        df_image_free(image);
    return error;
}

int df_training_set_sources(const DfTrainingSet *set)
{
    return set->n_sources;
}

int df_training_set_source(const DfTrainingSet *set, int i)
{
    return set->sample[i].source;
}

const DfNode *df_training_set_pipeline(const DfTrainingSet *set, int source)
{
    return set->source[source]->pipeline;
}

const DfNode *df_training_set_mix_pipeline(const DfTrainingSet *set)
{
    return set->mix_pipeline;
}
