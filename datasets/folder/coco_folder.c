/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/folder/coco_folder.c -- finds annotation files in COCO's format in a folder, and the folders of their
 * pictures.
 */
#include <string.h>

#include "annotations/annotations.h"
#include "datasets/folder/found.h"

/* Roboflow: one file in the folder of each part. */
static const char *const part_files[] = { "_annotations.coco.json", "annotations.json", "labels.json", NULL };

/* What is called instances_* comes first; captions, keypoints and the like have no boxes of their own, and deformer_*
 * was written by us. */
static bool is_of_objects(const char *name)
{
    static const char *const others[] = { "captions",   "keypoints", "panoptic", "stuff",
                                          "image_info", "results",   "deformer_" };
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (strstr(name, others[i]))
            return false;
    return true;
}

typedef struct {
    const char *file[DF_PARTS]; /* whole paths, or NULL */
    const char *dir[DF_PARTS];  /* that the file is in  */
} Files;

static int take_file(DfFolder *f, Files *files, int part, const char *dir, const char *name)
{
    const char *known = files->file[part];
    const bool better = !known || (df_starts_with(name, "instances") && !strstr(known, "/instances"));
    const char *path = df_folder_below(f, dir, name);
    if (!path)
        return df_fail_memory("a path");
    if (better && df_coco_is_truth(path)) {
        files->dir[part] = dir;
        files->file[part] = path;
    }
    return DF_OK;
}

/* A file whose name speaks of no part is to train on, if nothing else is; "test" is left aside. */
static int find_in(DfFolder *f, Files *files, const char *dir)
{
    int n;
    const char **names;
    int error = df_folder_list(f, dir, ".json", &n, &names);
    for (int round = 0; round < 2; round++)
        for (int i = 0; error == DF_OK && i < n; i++) {
            const int part = df_folder_part_of(names[i]);
            if (!is_of_objects(names[i]) || strstr(names[i], "test") || (part >= 0) != (round == 0))
                continue;
            if (part >= 0)
                error = take_file(f, files, part, dir, names[i]);
            else if (!files->file[DF_TRAINING])
                error = take_file(f, files, DF_TRAINING, dir, names[i]);
        }
    return error;
}

static const char *file_in(const char *dir, const char *const *names)
{
    for (; *names; names++)
        if (df_folder_has(dir, *names))
            return *names;
    return NULL;
}

static int find_in_parts(DfFolder *f, Files *files, const char *dir)
{
    int error = DF_OK;
    for (int part = 0; part < DF_PARTS; part++) {
        const char *folder = df_folder_first(dir, part == DF_TRAINING ? df_training_names : df_validation_names);
        const char *below = folder ? df_folder_below(f, dir, folder) : NULL;
        const char *name = below ? file_in(below, part_files) : NULL;
        if (folder && !below)
            error = df_fail_memory("a path");
        else if (name && error == DF_OK)
            error = take_file(f, files, part, below, name);
    }
    return error;
}

static int find_files(DfFolder *f, Files *files, const char *dir)
{
    int error = DF_OK;
    *files = (Files){ 0 };
    if (df_folder_has(dir, "annotations")) {
        const char *below = df_folder_below(f, dir, "annotations");
        error = below ? find_in(f, files, below) : df_fail_memory("a path");
    }
    if (error == DF_OK && !files->file[0] && !files->file[1])
        error = find_in(f, files, dir);
    if (error == DF_OK && !files->file[0] && !files->file[1])
        error = find_in_parts(f, files, dir);
    return error;
}

/* ---- pictures --------------------------------------------------------------------------------------------------- */

/* Most of the first pictures are there. */
static bool has_pictures(const DfCocoDataset *coco, const char *folder)
{
    int found = 0;
    const int n = coco->n_images < 8 ? coco->n_images : 8;
    for (int i = 0; i < n; i++)
        found += df_folder_has(folder, coco->images[i].file_name);
    return 2 * found > n;
}

/* "train2017" of "annotations/instances_train2017.json" */
static const char *stem_of(DfFolder *f, const char *file)
{
    const char *name = strrchr(file, '/') + 1;
    const char *from = strrchr(name, '_');
    from = from ? from + 1 : name;
    return df_arena_copy(f->arena, from, strlen(from) - strlen(".json"));
}

static int try_folder(DfFolder *f, const DfCocoDataset *coco, const char *dir, const char *name, const char **out)
{
    if (*out)
        return DF_OK;
    const char *folder = name[0] ? df_folder_below(f, dir, name) : dir;
    if (!folder)
        return df_fail_memory("a path");
    if (has_pictures(coco, folder))
        *out = folder;
    return DF_OK;
}

static int find_pictures(DfFolder *f, const DfCocoDataset *coco, const char *dir, const Files *files, int part,
                         const char **out)
{
    static const char *const usual[] = { "images", "JPEGImages", "imgs", "pictures", "data", "", NULL };
    const char *const *names = part == DF_TRAINING ? df_training_names : df_validation_names;
    const char *stem = stem_of(f, files->file[part]);
    const char *images = df_folder_below(f, dir, "images");
    int error = stem && images ? try_folder(f, coco, files->dir[part], "", out) : df_fail_memory("a path");
    if (error == DF_OK)
        error = try_folder(f, coco, dir, stem, out);
    if (error == DF_OK)
        error = try_folder(f, coco, images, stem, out);
    for (; error == DF_OK && *names; names++) {
        error = try_folder(f, coco, dir, *names, out);
        if (error == DF_OK)
            error = try_folder(f, coco, images, *names, out);
    }
    for (int i = 0; error == DF_OK && usual[i]; i++)
        error = try_folder(f, coco, dir, usual[i], out);
    if (error == DF_OK && !*out)
        error = df_fail(DF_EIO, "%s: its pictures, '%s' and so on, are not in %s/images, %s/%s or %s", coco->path,
                        coco->images[0].file_name, dir, dir, stem, dir);
    return error;
}

/* ---- all of it -------------------------------------------------------------------------------------------------- */

static bool is_it(const char *dir)
{
    DfFolder f = { .arena = df_arena_new() };
    Files files = { 0 };
    const bool found = f.arena && find_files(&f, &files, dir) == DF_OK && (files.file[0] || files.file[1]);
    df_arena_free(f.arena);
    return found;
}

/* The folder owns the dataset from now on, also after a failure. */
static int read_part(DfFolder *f, const char *dir, const Files *files, int from, int part)
{
    DfCocoDataset *coco;
    const char *pictures = NULL;
    const DfCocoDataset *first = part == DF_VALIDATION ? f->part[DF_TRAINING].coco : NULL;
    int error = df_coco_dataset_open_masks(&coco, files->file[from], "", first ? first->classes : NULL,
                                           first ? first->n_classes : DF_COCO_OWN_CLASSES);
    if (error < 0)
        return error;
    f->part[part].coco = coco;
    error = find_pictures(f, coco, dir, files, from, &pictures);
    return error == DF_OK ? df_folder_take(f, part, coco, pictures, files->file[from]) : error;
}

static const DfCocoCategory *category_called(const DfCocoDataset *coco, const char *name)
{
    for (int i = 0; i < coco->n_categories; i++)
        if (strcmp(coco->categories[i].name, name) == 0)
            return &coco->categories[i];
    return NULL;
}

/* Labels are places in the file's list of categories: where it has another order than the training part's, the part is
 * written again in that one. */
static int same_order(DfFolder *f)
{
    const DfCocoDataset *first = f->part[DF_TRAINING].coco;
    DfCocoDataset *coco = f->part[DF_VALIDATION].coco;
    bool same = true;
    for (int i = 0; i < first->n_classes; i++)
        same = same && strcmp(first->classes[i], coco->classes[i]) == 0;
    if (same)
        return DF_OK;
    DfCocoCategory *sorted = df_arena_alloc(coco->arena, (size_t)first->n_classes + 1, sizeof *sorted);
    if (!sorted)
        return df_fail_memory("a dataset");
    for (int i = 0; i < first->n_classes; i++)
        sorted[i] = *category_called(coco, first->classes[i]);
    coco->categories = sorted;
    coco->n_categories = first->n_classes;
    f->part[DF_VALIDATION].ann_file = NULL;
    return DF_OK;
}

static int read_all(DfFolder *f, const char *dir)
{
    Files files;
    int error = find_files(f, &files, dir);
    if (error < 0)
        return error;
    error = read_part(f, dir, &files, files.file[DF_TRAINING] ? DF_TRAINING : DF_VALIDATION, DF_TRAINING);
    if (error == DF_OK && files.file[DF_TRAINING] && files.file[DF_VALIDATION])
        error = read_part(f, dir, &files, DF_VALIDATION, DF_VALIDATION);
    if (error == DF_OK && f->part[DF_VALIDATION].coco)
        error = same_order(f);
    if (error == DF_OK) {
        const DfCocoDataset *coco = f->part[DF_TRAINING].coco;
        f->classes = (DfClasses){ .n = coco->n_classes, .name = coco->classes };
    }
    return error;
}

const DfFolderKind df_folder_coco = {
    .form = DF_FOLDER_COCO,
    .learning = DF_LEARN_OBJECTS,
    .words = "COCO's format",
    .is_it = is_it,
    .read = read_all,
    .settings = df_folder_object_settings,
};
