/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/folder/voc_folder.c -- reads PASCAL VOC: an XML file for each picture, and possibly a PNG with the masks of
 * its objects. Difficult objects become crowds, which are neither learnt nor counted as missed; boxes start at 0, as
 * in mmdet's XMLDataset (it subtracts 1).
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "annotations/annotations.h"
#include "datasets/dataset_config.h"
#include "datasets/folder/found.h"
#include "datasets/image/image_file.h"
#include "datasets/scan.h"
#include "datasets/voc_masks.h"

static const char *const xml_folders[] = { "Annotations", "annotations", NULL };
static const char *const picture_folders[] = { "JPEGImages", "images", NULL };

static const char masks_folder[] = "SegmentationObject";

/* Where the XML files and the pictures of a folder are, "" for itself. */
typedef struct {
    const char *xml, *pictures;
} Places;

/* A folder of their own may have folders in it; files beside pictures are looked for in one folder alone. */
static int list_xml(DfFolder *f, const char *dir, bool deep, int *n, const char ***stems)
{
    DfScan scan = { 0 };
    int error = DF_OK;
    if (!deep)
        error = df_folder_list(f, dir, ".xml", n, stems);
    for (int i = 0; !deep && error == DF_OK && i < *n; i++)
        if (!((*stems)[i] = df_arena_copy(f->arena, (*stems)[i], strlen((*stems)[i]) - strlen(".xml"))))
            error = df_fail_memory("names of pictures");
    if (!deep)
        return error;
    error = df_scan(&scan, dir, ".xml", f->arena);
    *n = scan.n;
    *stems = scan.name;
    return error;
}

static bool find_places(DfFolder *f, const char *dir, Places *out)
{
    int n = 0;
    const char **names;
    const char *xml = df_folder_first(dir, xml_folders);
    const char *pictures = df_folder_first(dir, picture_folders);
    const char *where = xml ? df_folder_below(f, dir, xml) : dir;
    *out = (Places){ xml ? xml : "", xml && pictures ? pictures : "" };
    return where && list_xml(f, where, xml != NULL, &n, &names) == DF_OK && n > 0;
}

/* VOCdevkit/VOC2007 */
static const char *devkit(DfFolder *f, const char *dir)
{
    int n = 0;
    const char **names;
    if (df_folder_has(dir, "VOCdevkit"))
        dir = df_folder_below(f, dir, "VOCdevkit");
    if (!dir || df_folder_list(f, dir, "", &n, &names) < 0)
        return dir;
    for (int i = 0; i < n; i++)
        if (df_starts_with(names[i], "VOC2"))
            return df_folder_below(f, dir, names[i]);
    return dir;
}

/* ---- one file --------------------------------------------------------------------------------------------------- */

typedef struct {
    DfGather *gather;
    DfVocPicture picture;
    size_t n, capacity;
    DfCocoBox *boxes;     /* of the file: the picture must be known before */
} File;

static int take_object(void *arg, const DfVocObject *object)
{
    File *file = arg;
    const double *b = object->box;
    const double x = fmax(b[0] - 1, 0);
    const double y = fmax(b[1] - 1, 0);
    const int label = df_gather_class(file->gather, object->name);
    if (label < 0)
        return label;
    if (!df_grow((void **)&file->boxes, &file->capacity, file->n, sizeof *file->boxes))
        return df_fail_memory("a dataset");
    DfCocoBox *box = &file->boxes[file->n++];
    *box = (DfCocoBox){ .label = label, .crowd = object->difficult, .bbox = { x, y, b[2] - 1 - x, b[3] - 1 - y } };
    box->area = fmax(box->bbox[2], 0) * fmax(box->bbox[3], 0);
    return DF_OK;
}

static int take_picture(void *arg, const DfVocPicture *picture)
{
    File *file = arg;
    file->picture = *picture;
    return DF_OK;
}

static int read_xml(File *file, const char *path)
{
    return df_voc_read_file(path, &(DfVocSink){ .arg = file, .object = take_object, .picture = take_picture });
}

/* The picture is called as the XML file is; <filename> counts where there is none. */
static int find_picture(DfFolder *f, const char *dir, const char *folder, const char *stem, const DfVocPicture *picture,
                        const char **out)
{
    static const char *const endings[] = { ".jpg", ".png", ".jpeg", ".JPG", ".PNG",  ".JPEG",
                                            ".bmp", ".tif", ".tiff", ".BMP", ".TIF",  ".webp" };
    const char *slash = folder[0] ? "/" : "";
    *out = NULL;
    for (size_t i = 0; !*out && i < sizeof endings / sizeof *endings; i++) {
        const char *name = df_arena_text(f->arena, "%s%s%s%s", folder, slash, stem, endings[i]);
        if (!name)
            return df_fail_memory("a path");
        if (df_folder_has(dir, name))
            *out = name;
    }
    if (!*out && picture->file_name[0])
        *out = df_arena_text(f->arena, "%s%s%s", folder, slash, picture->file_name);
    if (*out && df_folder_has(dir, *out))
        return DF_OK;
    return df_fail(DF_EIO, "%s/%s%s%s.xml: there is no picture of that name in %s/%s", dir, folder, slash, stem, dir,
                   folder);
}

static int size_of(DfFolder *f, const char *dir, const char *name, const DfVocPicture *picture, int *height, int *width)
{
    *height = (int)fmin(fmax(picture->height, 0), DF_IMAGE_MAX_SIDE);
    *width = (int)fmin(fmax(picture->width, 0), DF_IMAGE_MAX_SIDE);
    if (*height > 0 && *width > 0)
        return DF_OK;
    const char *path = df_folder_below(f, dir, name);
    return path ? df_image_read_size(path, height, width) : df_fail_memory("a path");
}

static int read_masks(DfFolder *f, File *file, const char *dir, const char *stem, int height, int width)
{
    DfVocMasks masks;
    const char *path = df_arena_text(f->arena, "%s/%s/%s.png", dir, masks_folder, stem);
    int error = path ? df_voc_masks_open(&masks, path, height, width) : df_fail_memory("a path");
    if (error < 0)
        return error;
    for (size_t i = 0; error == DF_OK && i < file->n; i++)
        error = df_voc_mask(&masks, i, &file->boxes[i].mask, &file->boxes[i].area, f->arena);
    df_voc_masks_close(&masks);
    return error;
}

static int add_file(DfFolder *f, DfGather *g, const char *dir, const Places *places, const char *stem)
{
    char path[DF_PATH];
    File file = { .gather = g };
    const char *name = NULL;
    int height, width;
    if (snprintf(path, sizeof path, "%s/%s%s%s.xml", dir, places->xml, places->xml[0] ? "/" : "", stem) >= DF_PATH)
        return df_fail(DF_EVALUE, "a path of more than %d bytes", DF_PATH);
    int error = read_xml(&file, path);
    if (error == DF_OK)
        error = find_picture(f, dir, places->pictures, stem, &file.picture, &name);
    if (error == DF_OK)
        error = size_of(f, dir, name, &file.picture, &height, &width);
    if (error == DF_OK)
        error = read_masks(f, &file, dir, stem, height, width);
    if (error == DF_OK)
        error = df_gather_picture(g, name, height, width);
    for (size_t i = 0; error == DF_OK && i < file.n; i++)
        error = df_gather_box(g, &file.boxes[i]);
    df_free(file.boxes);
    return error;
}

/* ---- lists ------------------------------------------------------------------------------------------------------ */

/* The pictures whose objects have masks are listed apart. */
static const char *lists_of(const DfFolder *f, const char *dir)
{
    const bool masks = f->wants_masks && df_folder_has(dir, masks_folder);
    return masks && df_folder_has(dir, "ImageSets/Segmentation") ? "Segmentation" : "Main";
}

/* ImageSets/Main/train.txt; the lists of single classes ("cat_train.txt") have a number behind each name. */
static int listed(DfFolder *f, const char *dir, const char *list, DfNames *out)
{
    *out = (DfNames){ 0 };
    const char *name = df_arena_text(f->arena, "ImageSets/%s/%s.txt", lists_of(f, dir), list);
    const char *path = name ? df_folder_below(f, dir, name) : NULL;
    if (!path)
        return df_fail_memory("a path");
    if (!df_folder_has(dir, name))
        return DF_OK;
    const int error = df_dataset_lines(out, path, f->arena);
    for (int i = 0; error == DF_OK && i < out->n; i++) {
        char *stem = df_arena_text(f->arena, "%.*s", (int)strcspn(out->name[i], " \t"), out->name[i]);
        if (!stem)
            return df_fail_memory("names of pictures");
        out->name[i] = stem;
    }
    return error;
}

static int all_files(DfFolder *f, const char *dir, const Places *places, DfNames *out)
{
    const char *where = places->xml[0] ? df_folder_below(f, dir, places->xml) : dir;
    return where ? list_xml(f, where, places->xml[0], &out->n, &out->name) : df_fail_memory("a path");
}

/* ---- all of it -------------------------------------------------------------------------------------------------- */

static bool is_it(const char *dir)
{
    DfFolder f = { .arena = df_arena_new() };
    Places places;
    bool found = f.arena && find_places(&f, devkit(&f, dir) ? devkit(&f, dir) : dir, &places);
    const char *train = df_folder_first(dir, df_training_names);
    if (!found && f.arena && train && df_folder_below(&f, dir, train))
        found = find_places(&f, df_folder_below(&f, dir, train), &places);
    df_arena_free(f.arena);
    return found;
}

/* Both parts share one list of classes, so both are gathered into one dataset, one after the other. */
typedef struct {
    int first, end; /* pictures of the dataset */
} Range;

static int add_files(DfFolder *f, DfGather *g, const char *dir, const DfNames *stems, Range *range)
{
    Places places;
    int error = DF_OK;
    range->first = g->coco->n_images;
    if (!find_places(f, dir, &places))
        error = df_fail(DF_EIO, "%s: no XML file in it", dir);
    DfNames all = *stems;
    if (error == DF_OK && all.n == 0)
        error = all_files(f, dir, &places, &all);
    for (int i = 0; error == DF_OK && i < all.n; i++)
        error = add_file(f, g, dir, &places, all.name[i]);
    range->end = g->coco->n_images;
    return error;
}

static int take_range(DfFolder *f, int part, const DfCocoDataset *coco, Range range, const char *dir)
{
    DfCocoDataset *view = df_arena_alloc(f->arena, 1, sizeof *view);
    if (!view)
        return df_fail_memory("a dataset");
    *view = *coco;
    view->images = coco->images + range.first;
    view->n_images = range.end - range.first;
    view->n_boxes = 0;
    for (int i = 0; i < view->n_images; i++)
        view->n_boxes += view->images[i].n;
    return df_folder_take(f, part, view, dir, NULL);
}

static int gather(DfFolder *f, DfGather *g, const char *dir, const char *const folder[DF_PARTS],
                  Range range[DF_PARTS])
{
    DfNames train;
    DfNames val = { 0 };
    int error = DF_OK;
    range[DF_VALIDATION] = (Range){ 0, 0 };
    if (folder[DF_TRAINING]) {
        const DfNames all = { 0 };
        error = add_files(f, g, folder[DF_TRAINING], &all, &range[DF_TRAINING]);
        if (error == DF_OK && folder[DF_VALIDATION])
            error = add_files(f, g, folder[DF_VALIDATION], &all, &range[DF_VALIDATION]);
        return error;
    }
    error = listed(f, dir, "train", &train);
    if (error == DF_OK && train.n)
        error = listed(f, dir, "val", &val);
    else if (error == DF_OK)
        error = listed(f, dir, "trainval", &train);
    if (error == DF_OK)
        error = add_files(f, g, dir, &train, &range[DF_TRAINING]);
    if (error == DF_OK && val.n)
        error = add_files(f, g, dir, &val, &range[DF_VALIDATION]);
    return error;
}

static int part_folders(DfFolder *f, const char *dir, const char *folder[DF_PARTS])
{
    Places places;
    folder[DF_TRAINING] = folder[DF_VALIDATION] = NULL;
    if (find_places(f, dir, &places))
        return DF_OK;
    for (int part = 0; part < DF_PARTS; part++) {
        const char *name = df_folder_first(dir, part == DF_TRAINING ? df_training_names : df_validation_names);
        const char *below = name ? df_folder_below(f, dir, name) : NULL;
        if (name && !below)
            return df_fail_memory("a path");
        if (below && find_places(f, below, &places))
            folder[part] = below;
    }
    return DF_OK;
}

static int read_all(DfFolder *f, const char *dir)
{
    DfGather g = { 0 };
    Range range[DF_PARTS];
    const char *folder[DF_PARTS];
    dir = devkit(f, dir);
    int error = dir ? part_folders(f, dir, folder) : df_fail_memory("a path");
    if (error == DF_OK)
        error = df_gather_begin(&g, f->arena, f->dir);
    if (error == DF_OK)
        error = gather(f, &g, dir, folder, range);
    if (error == DF_OK)
        error = df_gather_end(&g, true);
    df_gather_drop(&g);
    for (int part = 0; error == DF_OK && part < DF_PARTS; part++)
        if (part == DF_TRAINING || range[part].end > range[part].first)
            error = take_range(f, part, g.coco, range[part], folder[part] ? folder[part] : dir);
    if (error == DF_OK)
        f->classes = (DfClasses){ .n = g.coco->n_classes, .name = g.coco->classes };
    return error;
}

const DfFolderKind df_folder_voc = {
    .form = DF_FOLDER_VOC,
    .learning = DF_LEARN_OBJECTS,
    .words = "PASCAL VOC's format",
    .is_it = is_it,
    .read = read_all,
    .settings = df_folder_object_settings,
};
