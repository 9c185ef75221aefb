/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/folder/class_folders.c -- a folder of pictures for each class.
 */
#include <string.h>

#include "datasets/classification.h"
#include "datasets/dataset_config.h"
#include "datasets/folder/found.h"
#include "datasets/scan.h"

/* The folders of the classes, "" for the folder itself. */
static const char *training_folder(const char *dir)
{
    return df_folder_first(dir, df_training_names);
}

static bool is_it(const char *dir)
{
    DfFolder f = { .arena = df_arena_new() };
    DfScan scan = { 0 };
    const char *train = training_folder(dir);
    const char *folder = train && f.arena ? df_folder_below(&f, dir, train) : dir;
    bool found = false;
    if (f.arena && folder && df_scan(&scan, folder, "", f.arena) == DF_OK)
        df_scan_keep_pictures(&scan);
    for (int i = 0; !found && i < scan.n; i++)
        found = strchr(scan.name[i], '/') != NULL;
    df_arena_free(f.arena);
    return found;
}

/* Names below the folder, without it. */
static int take(DfFolder *f, int number, const char *folder, const DfClassification *set)
{
    DfFolderPart *part = &f->part[number];
    const size_t skipped = strlen(set->folder) + !df_ends_with(set->folder, "/");
    part->folder = folder;
    part->n = set->n;
    part->whole = true;
    part->name = df_arena_alloc(f->arena, (size_t)set->n + 1, sizeof *part->name);
    part->label = df_arena_alloc(f->arena, (size_t)set->n + 1, sizeof *part->label);
    if (!part->name || !part->label)
        return df_fail_memory("a list of pictures");
    for (int i = 0; i < set->n; i++) {
        const char *name = set->picture[i] + skipped;
        part->label[i] = set->label[i];
        if (!(part->name[i] = df_arena_copy(f->arena, name, strlen(name))))
            return df_fail_memory("a list of pictures");
    }
    return DF_OK;
}

static int keep_classes(DfFolder *f, const DfClassification *set)
{
    const char **names = df_arena_alloc(f->arena, (size_t)set->classes.n + 1, sizeof *names);
    for (int i = 0; names && i < set->classes.n; i++)
        if (!(names[i] = df_arena_copy(f->arena, set->classes.name[i], strlen(set->classes.name[i]))))
            names = NULL;
    f->classes = (DfClasses){ .n = set->classes.n, .name = names };
    return names ? DF_OK : df_fail_memory("class names");
}

static int read_part(DfFolder *f, int number, const char *folder)
{
    DfClassification *set;
    int error = df_classification_open(&set, folder, NULL, f->classes.name, f->classes.n);
    if (error < 0)
        return error;
    if (f->classes.n == 0)
        error = keep_classes(f, set);
    if (error == DF_OK)
        error = take(f, number, folder, set);
    df_classification_free(set);
    return error;
}

static int read_all(DfFolder *f, const char *dir)
{
    const char *train = training_folder(dir);
    const char *val = train ? df_folder_first(dir, df_validation_names) : NULL;
    const char *folder = train ? df_folder_below(f, dir, train) : dir;
    f->learning = DF_LEARN_IMAGE_CLASS;
    int error = folder ? read_part(f, DF_TRAINING, folder) : df_fail_memory("a path");
    if (error < 0 || !val)
        return error;
    folder = df_folder_below(f, dir, val);
    return folder ? read_part(f, DF_VALIDATION, folder) : df_fail_memory("a path");
}

static int settings(DfFolder *f, int number, const char *at, const char *work_dir)
{
    const DfFolderPart *part = &f->part[number];
    const char *list = NULL;
    const char *file = number == DF_TRAINING ? "pictures_train.txt" : "pictures_val.txt";
    int error = part->whole ? DF_OK : df_folder_write_list(f, part, work_dir, file, &list);
    if (error == DF_OK)
        error = df_folder_set_text(f, at, "type", "ImageNet");
    if (error == DF_OK)
        error = df_folder_set_text(f, at, "data_root", NULL);
    if (error == DF_OK)
        error = df_folder_set_text(f, at, "data_prefix", part->folder);
    if (error == DF_OK)
        error = df_folder_set_text(f, at, "ann_file", list);
    return error == DF_OK ? df_folder_set_classes(f, at) : error;
}

const DfFolderKind df_folder_class_folders = {
    .form = DF_FOLDER_CLASSES,
    .learning = DF_LEARN_IMAGE_CLASS,
    .words = "a folder for each class",
    .is_it = is_it,
    .read = read_all,
    .settings = settings,
};
