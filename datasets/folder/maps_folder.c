/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/folder/maps_folder.c -- reads pictures with label maps: a PNG of the same name for each, with a class in
 * every pixel.
 */
#include <stdio.h>
#include <string.h>

#include "datasets/dataset_config.h"
#include "datasets/folder/found.h"
#include "datasets/image/image_file.h"
#include "datasets/scan.h"

static const char *const picture_folders[] = { "images", "imgs", "pictures", "JPEGImages", "img", NULL };
static const char *const map_folders[] = { "annotations", "masks", "labels", "mask", "label_maps", "segmentation",
                                           "SegmentationClass", "label", "gt", NULL };

/* ---- where ------------------------------------------------------------------------------------------------------ */

typedef struct {
    const char *pictures, *maps; /* below the folder, or NULL */
} Places;

static int join(DfFolder *f, const char **out, const char *a, const char *b)
{
    *out = df_folder_below(f, a, b);
    return *out ? DF_OK : df_fail_memory("a path");
}

/* ADE20K is unpacked into a folder of its own. */
static const char *root_of(DfFolder *f, const char *dir)
{
    return df_folder_has(dir, "ADEChallengeData2016") ? df_folder_below(f, dir, "ADEChallengeData2016") : dir;
}

/* images/train and masks/train, or train/images and train/masks, or train and masks/train. */
static int find_part(DfFolder *f, const char *dir, int part, Places *out)
{
    const char *const *names = part == DF_TRAINING ? df_training_names : df_validation_names;
    const char *pictures = df_folder_first(dir, picture_folders);
    const char *maps = df_folder_first(dir, map_folders);
    int error = DF_OK;
    *out = (Places){ NULL, NULL };
    for (; error == DF_OK && !out->maps && *names; names++) {
        Places outer = { NULL, NULL };
        const char *inner = NULL;
        if (maps) {
            outer.pictures = *names;
            if (pictures)
                error = join(f, &outer.pictures, pictures, *names);
            if (error == DF_OK)
                error = join(f, &outer.maps, maps, *names);
        } else {
            error = join(f, &inner, dir, *names);
            const char *p = error == DF_OK ? df_folder_first(inner, picture_folders) : NULL;
            const char *m = error == DF_OK ? df_folder_first(inner, map_folders) : NULL;
            if (p && m && (error = join(f, &outer.pictures, *names, p)) == DF_OK)
                error = join(f, &outer.maps, *names, m);
        }
        if (outer.pictures && outer.maps && df_folder_has(dir, outer.pictures) && df_folder_has(dir, outer.maps))
            *out = outer;
    }
    return error;
}

static int find_places(DfFolder *f, const char *dir, Places places[DF_PARTS])
{
    int error = find_part(f, dir, DF_TRAINING, &places[DF_TRAINING]);
    if (error == DF_OK)
        error = find_part(f, dir, DF_VALIDATION, &places[DF_VALIDATION]);
    if (error < 0 || places[DF_TRAINING].maps)
        return error;
    if (places[DF_VALIDATION].maps) { /* all there is */
        places[DF_TRAINING] = places[DF_VALIDATION];
        places[DF_VALIDATION] = (Places){ NULL, NULL };
        return DF_OK;
    }
    places[DF_TRAINING] = (Places){ df_folder_first(dir, picture_folders), df_folder_first(dir, map_folders) };
    return DF_OK;
}

static bool is_it(const char *dir)
{
    DfFolder f = { .arena = df_arena_new() };
    Places places[DF_PARTS];
    DfScan scan;
    const char *root = f.arena ? root_of(&f, dir) : NULL;
    bool found = root && find_places(&f, root, places) == DF_OK;
    found = found && places[DF_TRAINING].pictures && places[DF_TRAINING].maps;
    const char *maps = found ? df_folder_below(&f, root, places[DF_TRAINING].maps) : NULL;
    found = maps && df_scan(&scan, maps, ".png", f.arena) == DF_OK && scan.n > 0;
    df_arena_free(f.arena);
    return found;
}

/* ---- pictures --------------------------------------------------------------------------------------------------- */

static const char *ending(const char *name)
{
    const char *dot = strrchr(name, '.');
    return dot ? dot : "";
}

/* The map of a picture is called like it, with .png, or with a few letters more: "x_mask.png". */
static const char *map_suffix_of(const char *maps, const char *stem)
{
    static const char *const suffixes[] = { ".png", "_mask.png", "_label.png", "_seg.png", "_L.png",
                                            "_labelTrainIds.png", "_gt.png" };
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
        char name[DF_PATH];
        if (snprintf(name, sizeof name, "%s%s", stem, suffixes[i]) < DF_PATH && df_folder_has(maps, name))
            return suffixes[i];
    }
    return NULL;
}

static int list_pictures(DfFolder *f, DfFolderPart *part)
{
    DfScan scan;
    int error = df_scan(&scan, part->folder, "", f->arena);
    if (error < 0)
        return error;
    df_scan_keep_pictures(&scan);
    if (scan.n == 0)
        return df_fail(DF_EVALUE, "%s: no picture in it (" DF_IMAGE_FORMATS ")", part->folder);
    part->suffix = ending(scan.name[0]);
    part->n = scan.n;
    part->name = scan.name;
    for (int i = 0; error == DF_OK && i < scan.n; i++) {
        const char *name = scan.name[i];
        if (strcmp(ending(name), part->suffix) != 0)
            return df_fail(DF_EVALUE, "%s: pictures end in %s and in %s: want one ending", part->folder, part->suffix,
                           ending(name));
        part->name[i] = df_arena_copy(f->arena, name, strlen(name) - strlen(part->suffix));
        if (!part->name[i])
            error = df_fail_memory("names of pictures");
    }
    return error;
}

static int find_maps(DfFolder *f, DfFolderPart *part)
{
    (void)f;
    part->map_suffix = map_suffix_of(part->maps, part->name[0]);
    if (!part->map_suffix)
        return df_fail(DF_EIO, "%s/%s%s: no label map of that name in %s: want %s.png there", part->folder,
                       part->name[0], part->suffix, part->maps, part->name[0]);
    for (int i = 0; i < part->n; i++) {
        char name[DF_PATH];
        if (snprintf(name, sizeof name, "%s%s", part->name[i], part->map_suffix) >= DF_PATH ||
            !df_folder_has(part->maps, name))
            return df_fail(DF_EIO, "%s/%s does not exist: want a label map for each picture", part->maps, name);
    }
    return DF_OK;
}

/* ---- classes ---------------------------------------------------------------------------------------------------- */

/* Which values there are; the size of each map is that of its picture. */
static int look_at_maps(DfFolder *f, const DfFolderPart *part, bool seen[256])
{
    DfImage map = { 0 };
    int error = DF_OK;
    for (int i = 0; error == DF_OK && i < part->n; i++) {
        char path[DF_PATH], picture[DF_PATH];
        int height, width;
        snprintf(path, sizeof path, "%s/%s%s", part->maps, part->name[i], part->map_suffix);
        snprintf(picture, sizeof picture, "%s/%s%s", part->folder, part->name[i], part->suffix);
        error = df_image_read_labels_again(&map, path);
        if (error == DF_OK)
            error = df_image_read_size(picture, &height, &width);
        if (error == DF_OK && (map.height != height || map.width != width))
            error = df_fail(DF_EVALUE, "%s is %d x %d and %s is %d x %d: want a label map of the size of the picture",
                            path, map.width, map.height, picture, width, height);
        for (size_t k = 0; error == DF_OK && k < df_image_bytes(&map); k++)
            seen[map.pixels[k]] = true;
    }
    (void)f;
    df_image_free(&map);
    return error;
}

/* classes.txt, one name a line, in the order of the labels. */
static int read_names(DfFolder *f, const char *dir, DfNames *out)
{
    static const char *const files[] = { "classes.txt", "labels.txt", "names.txt", "class_names.txt" };
    *out = (DfNames){ 0 };
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        if (df_folder_has(dir, files[i])) {
            const char *path = df_folder_below(f, dir, files[i]);
            return path ? df_dataset_lines(out, path, f->arena) : df_fail_memory("a path");
        }
    return DF_OK;
}

static int number_names(DfFolder *f, DfNames *names, int n)
{
    names->name = df_arena_alloc(f->arena, (size_t)n + 1, sizeof *names->name);
    for (int i = 0; names->name && i < n; i++)
        if (!(names->name[i] = df_arena_text(f->arena, "class %d", i)))
            names->name = NULL;
    names->n = n;
    return names->name ? DF_OK : df_fail_memory("class names");
}

/* 255 is ignored, so maps of 0 and 255 have one class, which is no segmentation. */
static int decide_classes(DfFolder *f, const char *dir, const bool seen[256])
{
    DfNames names;
    int largest = 254;
    while (largest >= 0 && !seen[largest])
        largest--;
    int error = read_names(f, dir, &names);
    if (error < 0)
        return error;
    if (largest < 0)
        return df_fail(DF_EVALUE, "%s: all label maps hold 255 alone, which is ignored: want classes from 0 on", dir);
    if (largest == 0 && names.n <= 1 && seen[255])
        return df_fail(DF_EVALUE, "%s: all label maps hold 0 and 255 alone, and 255 is ignored: want 1 for the object",
                       dir);
    if (names.n && largest >= names.n)
        return df_fail(DF_EVALUE, "%s: a label map has the label %d, and there are %d class names", dir, largest,
                       names.n);
    if (names.n == 0)
        error = number_names(f, &names, largest + 1);
    f->classes = (DfClasses){ .n = names.n, .name = names.name };
    return error;
}

/* ---- all of it -------------------------------------------------------------------------------------------------- */

static int read_part(DfFolder *f, const char *dir, int number, const Places *places, bool seen[256])
{
    DfFolderPart *part = &f->part[number];
    part->folder = df_folder_below(f, dir, places->pictures);
    part->maps = df_folder_below(f, dir, places->maps);
    int error = part->folder && part->maps ? list_pictures(f, part) : df_fail_memory("a path");
    part->whole = true;
    if (error == DF_OK)
        error = find_maps(f, part);
    return error == DF_OK ? look_at_maps(f, part, seen) : error;
}

static int read_all(DfFolder *f, const char *dir)
{
    Places places[DF_PARTS];
    bool seen[256] = { false };
    const char *root = root_of(f, dir);
    f->learning = DF_LEARN_LABEL_MAPS;
    f->ade = root && strstr(root, "ADEChallengeData2016");
    int error = root ? find_places(f, root, places) : df_fail_memory("a path");
    for (int part = 0; error == DF_OK && part < DF_PARTS; part++)
        if (places[part].maps)
            error = read_part(f, root, part, &places[part], seen);
    if (error < 0)
        return error;
    if (!f->ade)
        return decide_classes(f, root, seen);
    f->classes = (DfClasses){ DF_ADE_CLASSES, df_ade_classes, df_ade_palette };
    return DF_OK;
}

static int settings(DfFolder *f, int number, const char *at, const char *work_dir)
{
    const DfFolderPart *part = &f->part[number];
    const char *list = NULL;
    const char *file = number == DF_TRAINING ? "pictures_train.txt" : "pictures_val.txt";
    int error = part->whole ? DF_OK : df_folder_write_list(f, part, work_dir, file, &list);
    if (error == DF_OK)
        error = df_folder_set_text(f, at, "type", f->ade ? "ADE20KDataset" : "CustomDataset");
    const struct {
        const char *key, *value;
    } texts[] = {
        { "data_root", NULL },         { "img_dir", part->folder },          { "ann_dir", part->maps },
        { "img_suffix", part->suffix }, { "seg_map_suffix", part->map_suffix }, { "split", list },
    };
    for (size_t i = 0; error == DF_OK && i < sizeof texts / sizeof *texts; i++)
        error = df_folder_set_text(f, at, texts[i].key, texts[i].value);
    if (error == DF_OK)
        error = df_folder_set_literal(f, at, "reduce_zero_label", f->ade ? "True" : "False");
    return error == DF_OK && !f->ade ? df_folder_set_classes(f, at) : error;
}

const DfFolderKind df_folder_maps = {
    .form = DF_FOLDER_LABEL_MAPS,
    .learning = DF_LEARN_LABEL_MAPS,
    .words = "label maps",
    .is_it = is_it,
    .read = read_all,
    .settings = settings,
};
