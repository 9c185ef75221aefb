/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/folder/class_folders.c -- reads a folder of pictures for each class, or pictures with a list of their
 * classes.
 */
#include <string.h>

#include "datasets/class_set.h"
#include "datasets/dataset_config.h"
#include "datasets/folder/found.h"

/* The folders of the classes, "" for the folder itself. */
static const char *training_folder(const char *dir)
{
    return df_folder_first(dir, df_training_names);
}

/* No picture is in a folder, and a list beside them says their classes. */
static bool is_listed(const char *folder, const DfScan *pictures, DfArena *arena)
{
    const char *list;
    return df_class_list_beside(&list, folder, pictures, arena) == DF_OK && list;
}

static bool scan_pictures(DfScan *out, const char *folder, DfArena *arena)
{
    *out = (DfScan){ 0 };
    if (!folder || df_scan(out, folder, "", arena) < 0)
        return false;
    df_scan_keep_pictures(out);
    return true;
}

/* DIR/train; else DIR/val, if a list says the classes of its pictures; else DIR. */
static const char *first_folder(DfFolder *f, const char *dir)
{
    DfScan scan;
    const char *train = training_folder(dir);
    const char *val = df_folder_first(dir, df_validation_names);
    if (train)
        return df_folder_below(f, dir, train);
    const char *folder = val ? df_folder_below(f, dir, val) : dir;
    if (!val || (scan_pictures(&scan, folder, f->arena) && is_listed(folder, &scan, f->arena)))
        return folder;
    return dir;
}

static bool is_it(const char *dir)
{
    DfFolder f = { .arena = df_arena_new() };
    DfScan scan = { 0 };
    const char *folder = f.arena ? first_folder(&f, dir) : NULL;
    bool found = folder && scan_pictures(&scan, folder, f.arena) && is_listed(folder, &scan, f.arena);
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
    part->ann_file = set->list ? df_arena_copy(f->arena, set->list, strlen(set->list)) : NULL;
    part->whole = true;
    part->name = df_arena_alloc(f->arena, (size_t)set->n + 1, sizeof *part->name);
    part->label = df_arena_alloc(f->arena, (size_t)set->n + 1, sizeof *part->label);
    if (!part->name || !part->label || (set->list && !part->ann_file))
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
    f->numbered = set->numbered;
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
    if (number == DF_TRAINING && set->list)
        f->words = "pictures with a list of their classes";
    if (error == DF_OK)
        error = take(f, number, folder, set);
    df_classification_free(set);
    return error;
}

static int read_all(DfFolder *f, const char *dir)
{
    const char *train = training_folder(dir);
    const char *val = train ? df_folder_first(dir, df_validation_names) : NULL;
    const char *folder = first_folder(f, dir);
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
    const char *list = part->ann_file;
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
    return error < 0 || f->numbered ? error : df_folder_set_classes(f, at);
}

const DfFolderKind df_folder_class_folders = {
    .form = DF_FOLDER_CLASSES,
    .learning = DF_LEARN_IMAGE_CLASS,
    .words = "a folder for each class",
    .is_it = is_it,
    .read = read_all,
    .settings = settings,
};
