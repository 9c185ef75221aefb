/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/folder/folder.c -- detects the format of a folder, and describes it in one sentence.
 */
#include "datasets/folder/folder.h"

#include <stdio.h>
#include <string.h>

#include "datasets/dataset_config.h"
#include "datasets/folder/found.h"

static const DfFolderKind *const kinds[] = {
    &df_folder_coco, &df_folder_voc, &df_folder_yolo, &df_folder_maps, &df_folder_class_folders,
};

static const DfFolderKind *kind_of_form(DfFolderForm form)
{
    return kinds[form];
}

/* wanted: only forms to learn that from; NULL: any. */
static const DfFolderKind *find_kind(const char *dir, const DfLearning *wanted)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if ((!wanted || kinds[i]->learning == *wanted) && kinds[i]->is_it(dir))
            return kinds[i];
    return wanted ? find_kind(dir, NULL) : NULL;
}

/* What was unpacked often is a folder in a folder. */
static const char *only_folder(DfFolder *f, const char *dir)
{
    int n;
    const char **names;
    if (df_folder_list(f, dir, "", &n, &names) < 0 || n != 1)
        return NULL;
    const char *below = df_folder_below(f, dir, names[0]);
    return below && df_is_directory(below) ? below : NULL;
}

/* ---- the sentence ----------------------------------------------------------------------------------------------- */

static size_t say_classes(char *to, size_t room, const DfClasses *classes)
{
    size_t n = (size_t)snprintf(to, room, ", %d class%s (", classes->n, classes->n == 1 ? "" : "es");
    const int shown = classes->n <= 6 ? classes->n : 4;
    for (int i = 0; i < shown && n < room; i++)
        n += (size_t)snprintf(to + n, room - n, "%s%.40s", i ? ", " : "", classes->name[i]);
    if (n < room)
        n += (size_t)snprintf(to + n, room - n, "%s)", shown < classes->n ? ", ..." : "");
    return n < room ? n : room - 1;
}

static void say(DfFolder *f)
{
    const size_t room = sizeof f->sentence;
    size_t n = (size_t)snprintf(f->sentence, room, "%.300s: %s, %d picture%s to train on and %d to validate", f->dir,
                                f->words, f->part[DF_TRAINING].n, f->part[DF_TRAINING].n == 1 ? "" : "s",
                                f->part[DF_VALIDATION].n);
    if (f->split && n < room)
        n += (size_t)snprintf(f->sentence + n, room - n, " (taken from %d, because there is no part for it)",
                              f->part[DF_TRAINING].n + f->part[DF_VALIDATION].n);
    if (n < room)
        n += say_classes(f->sentence + n, room - n, &f->classes);
    if (f->learning == DF_LEARN_OBJECTS && n < room)
        snprintf(f->sentence + n, room - n, ", %d object%s%s", f->objects, f->objects == 1 ? "" : "s",
                 f->masks ? " with masks" : "");
}

/* ---- opened and closed ------------------------------------------------------------------------------------------ */

static int read_folder(DfFolder *f, const char *dir, const DfLearning *wanted)
{
    if (!df_is_directory(dir))
        return df_fail(DF_EIO, "%s: no such folder", dir);
    const DfFolderKind *kind = find_kind(dir, wanted);
    const char *inner = kind ? NULL : only_folder(f, dir);
    if (inner && (kind = find_kind(inner, wanted)))
        dir = inner;
    if (!kind)
        return df_fail(DF_EVALUE,
                       "%s: want a folder in COCO's, PASCAL VOC's or YOLO's format, of pictures and label maps "
                       "(images/, annotations/), with a folder of pictures for each class, or with a list of pictures "
                       "and labels (val.txt)", dir);
    f->form = kind->form;
    f->words = kind->words;
    int error = kind->read(f, dir);
    if (error == DF_OK && f->part[DF_TRAINING].n + f->part[DF_VALIDATION].n == 0)
        error = df_fail(DF_EVALUE, "%s: no labelled picture", dir);
    if (error == DF_OK && f->part[DF_VALIDATION].n == 0)
        error = df_folder_split(f);
    if (error == DF_OK && f->classes.n == 0)
        error = df_fail(DF_EVALUE, "%s: no class and no object: nothing can be learnt", dir);
    if (error == DF_OK)
        say(f);
    return error;
}

static int open_folder(DfFolder **out, const char *dir, const DfLearning *wanted, bool masks)
{
    *out = NULL;
    DfFolder *f = df_calloc(1, sizeof *f);
    if (!f)
        return df_fail_memory("a folder");
    f->wants_masks = masks;
    f->arena = df_arena_new();
    f->dir = f->arena ? df_arena_copy(f->arena, dir, strlen(dir)) : NULL;
    const int error = f->dir ? read_folder(f, f->dir, wanted) : df_fail_memory("a folder");
    if (error < 0)
        df_folder_free(f);
    else
        *out = f;
    return error;
}

int df_folder_open(DfFolder **out, const char *dir)
{
    return open_folder(out, dir, NULL, false);
}

int df_folder_open_for(DfFolder **out, const char *dir, const DfNode *config)
{
    DfLearning wanted;
    const bool maps = df_folder_learning_of(config, &wanted) && wanted == DF_LEARN_LABEL_MAPS;
    const DfNode *mask_head = df_node_at(config, "model.roi_head.mask_head");
    return open_folder(out, dir, maps ? &wanted : NULL, mask_head && mask_head->kind != DF_NODE_NONE);
}

/* A dataset that was read from a file has an arena of its own. */
void df_folder_free(DfFolder *f)
{
    if (!f)
        return;
    DfCocoDataset *first = f->part[DF_TRAINING].coco;
    DfCocoDataset *second = f->part[DF_VALIDATION].coco;
    if (second && second != first && second->arena)
        df_coco_dataset_free(second);
    if (first && first->arena)
        df_coco_dataset_free(first);
    df_free(f->text);
    df_arena_free(f->arena);
    df_free(f);
}

/* ---- asked ------------------------------------------------------------------------------------------------------ */

DfFolderForm df_folder_form(const DfFolder *f)
{
    return f->form;
}

DfLearning df_folder_learning(const DfFolder *f)
{
    return f->learning;
}

const DfClasses *df_folder_classes(const DfFolder *f)
{
    return &f->classes;
}

int df_folder_training(const DfFolder *f)
{
    return f->part[DF_TRAINING].n;
}

int df_folder_validation(const DfFolder *f)
{
    return f->part[DF_VALIDATION].n;
}

bool df_folder_has_masks(const DfFolder *f)
{
    return f->masks;
}

const char *df_folder_sentence(const DfFolder *f)
{
    return f->sentence;
}

int df_folder_settings(DfFolder *f, const DfNode *config, const char *work_dir, DfFolderSettings *out)
{
    return df_folder_settings_as(f, kind_of_form(f->form), config, work_dir, out);
}

int df_folder_test_settings(DfFolder *f, const DfNode *config, const char *work_dir, DfFolderSettings *out)
{
    return df_folder_test_settings_as(f, kind_of_form(f->form), config, work_dir, out);
}
