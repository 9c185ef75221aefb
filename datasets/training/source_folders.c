/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/training/source_folders.c -- ImageNet in training: a class for every picture.
 */
#include "datasets/training/source.h"

static int open_set(DfSource *source, const char *data_dir, int part)
{
    DfClassification *set;
    const int error = df_classification_for_training(&set, source->dict, data_dir, part);
    if (error < 0)
        return error;
    source->set = set;
    source->n = set->n;
    source->classes = set->classes;
    return DF_OK;
}

static void close_set(DfSource *source)
{
    df_classification_free(source->set);
}

static const char *path(const DfSource *source, int i)
{
    const DfClassification *set = source->set;
    return set->picture[i];
}

static int annotations(const DfSource *source, int i, int height, int width, DfAnnotations *out)
{
    const DfClassification *set = source->set;
    (void)height;
    (void)width;
    const int error = df_annotations_init(out, 0, false);
    if (error == DF_OK) {
        out->has_class = true;
        out->image_class = set->label[i];
    }
    return error;
}

static void classes_in(const DfSource *source, int i, void (*tell)(void *, int), void *arg)
{
    const DfClassification *set = source->set;
    tell(arg, set->label[i]);
}

const DfSourceKind df_source_folders = {
    .learning = DF_LEARN_IMAGE_CLASS,
    .open = open_set,
    .close = close_set,
    .path = path,
    .annotations = annotations,
    .classes_in = classes_in,
};
