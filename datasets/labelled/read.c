/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/labelled/read.c -- detects the format of a file or folder, and calls its reader.
 */
#include <string.h>

#include "datasets/labelled/private.h"

/* In the order in which they are tried. */
static const DfLabelledReader *const readers[] = {
    &df_labelled_read_coco, &df_labelled_read_voc, &df_labelled_read_yolo, &df_labelled_read_maps,
};

static const DfLabelledReader *reader_of(const DfLabelled *set, const char *path, DfLabelledForm form)
{
    if (form == DF_LABELLED_LVIS)
        form = DF_LABELLED_COCO;
    for (size_t i = 0; i < sizeof readers / sizeof *readers; i++)
        if (form != DF_LABELLED_ANY ? readers[i]->form == form : readers[i]->is_it(set, path))
            return readers[i];
    return NULL;
}

/* data.yaml stands for the folder that it is in. */
static const char *folder_of_yaml(const DfLabelled *set, const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? df_arena_copy(set->arena, path, (size_t)(slash - path) + 1) : ".";
}

static int choose(DfLabelled *set, const char **path, DfLabelledForm form, const DfLabelledReader **out)
{
    if (df_is_directory(*path)) {
        *out = reader_of(set, *path, form);
        if (*out)
            return DF_OK;
        return df_fail(DF_EVALUE, "%s: no labelled pictures in it: want an annotation file of COCO, a folder of XML "
                       "files, of YOLO's labels, or of label maps", *path);
    }
    if (!df_file_exists(*path))
        return df_fail(DF_EIO, "%s: there is no file or folder of that name", *path);
    const bool yaml = df_ends_with(*path, ".yaml") || df_ends_with(*path, ".yml");
    *out = yaml ? &df_labelled_read_yolo : &df_labelled_read_coco;
    if (yaml && !(*path = folder_of_yaml(set, *path)))
        return df_fail_memory("a path");
    return DF_OK;
}

int df_labelled_read(DfLabelled *out, const char *path, const DfLabelledSource *source)
{
    const DfLabelledReader *reader = NULL;
    int error = df_labelled_begin(out);
    if (error == DF_OK)
        error = choose(out, &path, source->form, &reader);
    if (error == DF_OK)
        error = reader->read(out, path, source);
    if (error == DF_OK && source->form == DF_LABELLED_LVIS)
        out->form = DF_LABELLED_LVIS;
    if (error == DF_OK)
        error = df_labelled_group(out);
    if (error < 0)
        df_labelled_done(out);
    return error;
}
