/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/labelled/read_coco.c -- reads folders with one annotation file of COCO or LVIS for each part: finds the
 * files and the folders of their pictures.
 */
#include <string.h>

#include "datasets/labelled/private.h"

/* Captions, keypoints and the like have no boxes of their own, and deformer_* was written by us. */
static bool is_of_objects(const char *name)
{
    static const char *const others[] = { "captions", "panoptic", "stuff_", "image_info", "results", "deformer_" };
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (strstr(name, others[i]))
            return false;
    return true;
}

/* A file alone is a part if it is called like one. */
static bool is_part(const char *name)
{
    static const char *const fronts[] = { "train", "val", "test", "dev", "minival" };
    bool found = false;
    for (size_t i = 0; i < sizeof fronts / sizeof *fronts; i++)
        found |= df_starts_with(name, fronts[i]);
    return found;
}

/* "train2017" of "instances_train2017.json" */
static const char *part_of(const DfLabelled *set, const char *name)
{
    static const char *const fronts[] = { "instances", "person_keypoints", "lvis_v1", "lvis_v0.5", "annotations",
                                          "labels", "coco", "_annotations.coco" };
    const char *stem = df_arena_copy(set->arena, name, strlen(name) - strlen(".json"));
    for (size_t i = 0; stem && i < sizeof fronts / sizeof *fronts; i++) {
        if (strcmp(stem, fronts[i]) == 0)
            return "";
        if (df_starts_with(stem, fronts[i]) && stem[strlen(fronts[i])] == '_')
            return stem + strlen(fronts[i]) + 1;
    }
    return stem;
}

/* Files of one folder that go together: those called instances_*, or all, if there is none. */
static int files_in(const DfLabelled *set, const char *dir, DfLabelledNames *out)
{
    int error = df_labelled_list_files(out, set, dir, ".json");
    int n = 0;
    bool instances = false;
    for (int i = 0; error == DF_OK && i < out->n; i++) {
        const char *path = df_labelled_below(set, dir, out->name[i]);
        if (!path)
            return DF_ENOMEM;
        if (!is_of_objects(out->name[i]) || !df_coco_is_truth(path))
            continue;
        instances |= df_starts_with(out->name[i], "instances");
        out->name[n++] = out->name[i];
    }
    out->n = 0;
    for (int i = 0; error == DF_OK && i < n; i++)
        if (!instances || df_starts_with(out->name[i], "instances"))
            out->name[out->n++] = out->name[i];
    return error;
}

enum { MOST_FILES = 64 };
typedef struct {
    int n;
    const char *path[MOST_FILES], *part[MOST_FILES];
} Files;

static int add_files(const DfLabelled *set, Files *files, const char *dir, const char *part)
{
    DfLabelledNames names = { 0 };
    int error = df_is_directory(dir) ? files_in(set, dir, &names) : DF_OK;
    for (int i = 0; error == DF_OK && i < names.n; i++) {
        if (files->n == MOST_FILES)
            return df_fail(DF_EVALUE, "%s: has more than %d annotation files: want one a part, or the name of one", dir,
                           MOST_FILES);
        files->path[files->n] = df_labelled_below(set, dir, names.name[i]);
        files->part[files->n] = part ? part : part_of(set, names.name[i]);
        if (!files->path[files->n] || !files->part[files->n])
            return df_fail_memory("a path");
        files->n++;
    }
    return error;
}

/* DIR/annotations/, DIR itself, or DIR/PART/ as Roboflow has it. */
static int find_files(const DfLabelled *set, const char *dir, Files *files)
{
    *files = (Files){ 0 };
    DfLabelledNames folders = { 0 };
    const char *inner = df_labelled_below(set, dir, "annotations");
    int error = inner ? add_files(set, files, inner, NULL) : DF_ENOMEM;
    if (error == DF_OK && !files->n)
        error = add_files(set, files, dir, NULL);
    if (error == DF_OK && !files->n)
        error = df_labelled_list_folders(&folders, set, dir);
    for (int i = 0; error == DF_OK && i < folders.n; i++) {
        const char *below = df_labelled_below(set, dir, folders.name[i]);
        error = below ? add_files(set, files, below, folders.name[i]) : DF_ENOMEM;
    }
    if (files->n == 1 && !is_part(files->part[0]))
        files->part[0] = "";
    return error;
}

static bool is_it(const DfLabelled *set, const char *dir)
{
    Files files;
    const int error = find_files(set, dir, &files);
    return error == DF_ENOMEM || files.n > 0;
}

/* ---- where the pictures are -------------------------------------------------------------------------------------- */

/* Most of the first pictures of a part are there. */
static bool has_pictures(const DfLabelled *set, int part, const char *dir)
{
    int n = 0;
    int found = 0;
    for (int i = 0; i < set->n_pictures && n < 8; i++) {
        if (set->pictures[i].part != part || df_labelled_check_name(set->pictures[i].name) < 0)
            continue;
        found += df_labelled_has_file(dir, set->pictures[i].name);
        n++;
    }
    return 2 * found > n;
}

static bool try_folder(DfLabelled *set, int part, const char *dir, const char *name)
{
    const char *folder = df_labelled_below(set, dir, name);
    if (!folder || !df_is_directory(folder) || !has_pictures(set, part, folder))
        return false;
    set->parts[part].pictures = folder;
    return true;
}

static bool find_pictures(DfLabelled *set, int part, const char *dir, const char *file_dir)
{
    static const char *const usual[] = { "", "images", "JPEGImages", "imgs", "pictures", "data", "train2017",
                                         "val2017" };
    const char *name = set->parts[part].name;
    const char *images = df_labelled_below(set, "images", name);
    bool found = images && name[0] && (try_folder(set, part, dir, name) || try_folder(set, part, dir, images));
    found = found || try_folder(set, part, file_dir, "");
    for (size_t i = 0; !found && i < sizeof usual / sizeof *usual; i++)
        found = try_folder(set, part, dir, usual[i]);
    return found;
}

static const char *parent_of(const DfLabelled *set, const char *path)
{
    const char *slash = strrchr(path, '/');
    if (!slash)
        return strcmp(path, ".") == 0 ? ".." : ".";
    return df_arena_copy(set->arena, path, slash > path ? (size_t)(slash - path) : 1);
}

/* `dir`: the folder of the dataset; `told`: what the user said, or NULL. */
static int place_pictures(DfLabelled *set, int part, const char *dir, const char *file_dir, const char *told)
{
    if (!told) {
        find_pictures(set, part, dir, file_dir);
        return DF_OK;
    }
    if (!df_is_directory(told))
        return df_fail(DF_EIO, "%s: there is no folder of that name, for the pictures", told);
    set->parts[part].pictures = df_labelled_below(set, told, "");
    const char *name = set->parts[part].name;
    if (name[0] && !has_pictures(set, part, told))
        try_folder(set, part, told, name);
    return set->parts[part].pictures ? DF_OK : DF_ENOMEM;
}

static int read_file(DfLabelled *set, const char *path, const char *part, const char *dir,
                     const DfLabelledSource *source)
{
    const char *file_dir = parent_of(set, path);
    const int error = file_dir ? df_labelled_read_json(set, path, part, source) : df_fail_memory("a path");
    const int place = error == DF_OK ? df_labelled_add_part(set, part) : error;
    if (place < 0)
        return place;
    if (!dir) {
        const char *name = strrchr(file_dir, '/');
        const bool inside = strcmp(name ? name + 1 : file_dir, "annotations") == 0;
        dir = inside ? parent_of(set, file_dir) : file_dir;
    }
    return dir ? place_pictures(set, place, dir, file_dir, source->pictures) : df_fail_memory("a path");
}

static int read_folder(DfLabelled *set, const char *dir, const DfLabelledSource *source)
{
    Files files;
    int error = DF_OK;
    set->form = DF_LABELLED_COCO;
    if (!df_is_directory(dir)) {
        const char *name = strrchr(dir, '/');
        const char *part = df_ends_with(dir, ".json") ? part_of(set, name ? name + 1 : dir) : "";
        if (part && !is_part(part))
            part = "";
        return part ? read_file(set, dir, part, NULL, source) : df_fail_memory("a path");
    }
    error = find_files(set, dir, &files);
    if (error == DF_OK && files.n == 0)
        error = df_fail(DF_EVALUE, "%s: no annotation file of COCO's kind in it", dir);
    for (int i = 0; error == DF_OK && i < files.n; i++)
        error = read_file(set, files.path[i], files.part[i], dir, source);
    return error;
}

const DfLabelledReader df_labelled_read_coco = { DF_LABELLED_COCO, is_it, read_folder };
