/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/folder/objects.c -- writes the config settings for pictures with objects.
 */
#include "datasets/folder/found.h"

/* ---- a part ----------------------------------------------------------------------------------------------------- */

int df_folder_take(DfFolder *f, int number, DfCocoDataset *coco, const char *pictures, const char *ann_file)
{
    DfFolderPart *part = &f->part[number];
    part->coco = coco;
    part->folder = pictures;
    part->ann_file = ann_file;
    part->whole = true;
    part->n = coco->n_images;
    part->chosen = df_arena_alloc(f->arena, (size_t)part->n + 1, sizeof *part->chosen);
    part->name = df_arena_alloc(f->arena, (size_t)part->n + 1, sizeof *part->name);
    if (!part->chosen || !part->name)
        return df_fail_memory("a list of pictures");
    for (int i = 0; i < part->n; i++) {
        part->chosen[i] = i;
        part->name[i] = coco->images[i].file_name;
    }
    f->learning = DF_LEARN_OBJECTS;
    f->objects += coco->n_boxes;
    for (int i = 0; i < coco->n_boxes; i++)
        f->masks = f->masks || coco->boxes[i].mask.form != DF_MASK_NONE;
    return DF_OK;
}

static int write_part(DfFolder *f, int number, const char *work_dir, const char **path)
{
    const DfFolderPart *part = &f->part[number];
    *path = df_folder_below(f, work_dir, number == DF_TRAINING ? "deformer_train.json" : "deformer_val.json");
    return *path ? df_coco_dataset_write(part->coco, part->chosen, part->n, *path) : df_fail_memory("a path");
}

int df_folder_object_settings(DfFolder *f, int number, const char *at, const char *work_dir)
{
    const DfFolderPart *part = &f->part[number];
    const char *ann_file = part->whole ? part->ann_file : NULL;
    int error = ann_file ? DF_OK : write_part(f, number, work_dir, &ann_file);
    if (error == DF_OK)
        error = df_folder_set_text(f, at, "type", "CocoDataset");
    if (error == DF_OK)
        error = df_folder_set_text(f, at, "data_root", NULL);
    if (error == DF_OK)
        error = df_folder_set_text(f, at, "ann_file", ann_file);
    if (error == DF_OK)
        error = df_folder_set_text(f, at, "img_prefix", part->folder);
    return error == DF_OK ? df_folder_set_classes(f, at) : error;
}
