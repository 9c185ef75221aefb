/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/training/source_label_maps.c -- CustomDataset and ADE20KDataset in training: the label map of a picture.
 */
#include <string.h>

#include "datasets/training/source.h"

static int open_set(DfSource *source, const char *data_dir, int part)
{
    DfSegmentation *set;
    const int error = df_segmentation_for_training(&set, source->dict, data_dir, part);
    if (error < 0)
        return error;
    source->set = set;
    source->n = set->n;
    source->classes = set->classes;
    source->loading_reduces = df_node_bool(df_node_get(source->loading, "reduce_zero_label"), false);
    source->reduce = set->reduce_zero_label && !source->loading_reduces;
    return set->label ? DF_OK : df_node_fail(source->dict, DF_EVALUE, "ann_dir = None: want the folder of label maps");
}

static void close_set(DfSource *source)
{
    df_segmentation_free(source->set);
}

static const char *path(const DfSource *source, int i)
{
    const DfSegmentation *set = source->set;
    return set->picture[i];
}

/* mmseg's LoadAnnotations: 0 becomes 255, 1 is subtracted from the others, and the 254 that came of 255 becomes 255
 * again. */
static int reduced(int stored)
{
    return stored == 0 || stored == 255 ? 255 : stored - 1;
}

/* What a stored value is to the pipeline; -1 for a label beyond the classes. */
static int handed_over(const DfSource *source, int stored)
{
    const DfSegmentation *set = source->set;
    const int learnt = source->reduce || source->loading_reduces ? reduced(stored) : stored;
    if (learnt != 255 && learnt != set->ignore_index && set->classes.n && learnt >= set->classes.n)
        return -1;
    return source->reduce ? learnt : stored;
}

static int translate(const DfSource *source, int i, uint8_t *pixels, size_t n)
{
    const DfSegmentation *set = source->set;
    const int first = source->reduce || source->loading_reduces;
    int table[256];
    for (int v = 0; v < 256; v++)
        table[v] = handed_over(source, v);
    for (size_t k = 0; k < n; k++) {
        const int label = table[pixels[k]];
        if (label < 0)
            return df_fail(DF_EVALUE, "%s has the label %d: want one of the %d classes, %d to %d, or %d", set->label[i],
                           pixels[k], set->classes.n, first, set->classes.n - 1 + first, set->ignore_index);
        pixels[k] = (uint8_t)label;
    }
    return DF_OK;
}

static int annotations(const DfSource *source, int i, int height, int width, DfAnnotations *out)
{
    const DfSegmentation *set = source->set;
    DfImage label = { 0 };
    int error = df_annotations_init(out, 0, false);
    if (error == DF_OK)
        error = df_segmentation_label(set, i, height, width, &label);
    if (error == DF_OK)
        error = translate(source, i, label.pixels, df_image_bytes(&label));
    if (error == DF_OK) {
        out->map.height = height;
        out->map.width = width;
        out->map.narrow = df_arena_alloc(out->arena, df_image_bytes(&label), 1);
        error = out->map.narrow ? DF_OK : df_fail_memory("a label map");
    }
    if (error == DF_OK)
        memcpy(out->map.narrow, label.pixels, df_image_bytes(&label));
    else
        df_annotations_done(out);
    df_image_free(&label);
    return error;
}

const DfSourceKind df_source_label_maps = {
    .learning = DF_LEARN_LABEL_MAPS,
    .open = open_set,
    .close = close_set,
    .path = path,
    .annotations = annotations,
};
