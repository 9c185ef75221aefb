/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/xml_dataset.c -- mmdet's XMLDataset: a list of names, and for each one an XML file of PASCAL VOC and a
 * picture. Boxes are integers and start at 0 (1 is subtracted); difficult objects become crowds, which are neither
 * learnt nor counted as missed.
 */
#include <math.h>
#include <string.h>

#include "annotations/annotations.h"
#include "datasets/dataset_config.h"
#include "datasets/gather.h"
#include "datasets/image/image_file.h"
#include "datasets/object_types.h"

/* One file. */
typedef struct {
    const DfObjectReading *what;
    DfVocPicture picture;
    DfCocoBox *boxes;     /* the picture must be known before they are told */
    size_t n, capacity;
} File;

static int class_of(const DfObjectReading *what, const char *name)
{
    for (int i = 0; i < what->n_classes; i++)
        if (strcmp(what->classes[i], name) == 0)
            return i;
    return -1;
}

/* int(float(text)) - 1 */
static double whole(double x)
{
    return trunc(x) - 1;
}

static int take_object(void *arg, const DfVocObject *object)
{
    File *file = arg;
    const double x = whole(object->box[0]);
    const double y = whole(object->box[1]);
    const double width = whole(object->box[2]) - x;
    const double height = whole(object->box[3]) - y;
    const double least = df_node_number(file->what->options->min_size, 0);
    const int label = class_of(file->what, object->name);
    if (label < 0) /* of a class that nobody asks for */
        return DF_OK;
    if (!df_grow((void **)&file->boxes, &file->capacity, file->n, sizeof *file->boxes))
        return df_fail_memory("a dataset");
    file->boxes[file->n++] = (DfCocoBox){ .label = label,
                                          .crowd = object->difficult || width < least || height < least,
                                          .bbox = { x, y, width, height },
                                          .area = fmax(width, 0) * fmax(height, 0) };
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

static const char *slash(const char *folder)
{
    return folder[0] && !df_ends_with(folder, "/") ? "/" : "";
}

/* JPEGImages/000005.jpg, or with another ending where there is no such file; below the root of the dataset. */
static const char *picture_name(const DfGather *g, const File *file, const char *name)
{
    static const char *const endings[] = { ".jpg", ".png", ".jpeg", ".JPG", ".JPEG", ".PNG" };
    const DfObjectReading *what = file->what;
    const char *folder = what->type->in_folders ? file->picture.folder : what->options->img_subdir;
    const char *found = NULL;
    for (size_t i = 0; !found && i < sizeof endings / sizeof *endings; i++) {
        const char *below = df_arena_text(g->arena, "%s%s%s%s", folder, slash(folder), name, endings[i]);
        const char *path = below ? df_arena_text(g->arena, "%s%s%s", what->folder, slash(what->folder), below) : NULL;
        if (!path)
            return NULL; /* no memory is not a picture of another name */
        if (df_file_exists(path))
            found = below;
    }
    return found ? found : df_arena_text(g->arena, "%s%s%s.jpg", folder, slash(folder), name);
}

static int side(double pixels)
{
    return (int)fmin(fmax(pixels, 0), DF_IMAGE_MAX_SIDE);
}

/* Without a <size> the picture is asked; one that is not there stays without until somebody looks for it. */
static int add_picture(DfGather *g, const File *file, const char *name)
{
    int height = side(file->picture.height);
    int width = side(file->picture.width);
    const char *below = picture_name(g, file, name);
    const char *folder = file->what->folder;
    const char *path = below ? df_arena_text(g->arena, "%s%s%s", folder, slash(folder), below) : NULL;
    if (!path)
        return df_fail_memory("a path");
    if ((height == 0 || width == 0) && df_image_read_size(path, &height, &width) == DF_ENOMEM)
        return DF_ENOMEM;
    return df_gather_picture(g, below, height, width);
}

static int add_file(DfGather *g, const DfObjectReading *what, const char *name)
{
    const char *folder = what->options->ann_subdir;
    const char *path = df_arena_text(g->arena, "%s%s%s%s%s.xml", what->folder, slash(what->folder), folder,
                                     slash(folder), name);
    File file = { .what = what };
    int error = path ? read_xml(&file, path) : df_fail_memory("a path");
    if (error == DF_OK)
        error = add_picture(g, &file, name);
    for (size_t i = 0; error == DF_OK && i < file.n; i++)
        error = df_gather_box(g, &file.boxes[i]);
    df_free(file.boxes);
    return error;
}

static int read_all(DfGather *g, const DfObjectReading *what)
{
    DfNames names = { 0 };
    int error = df_dataset_lines(&names, what->ann_file, g->arena);
    for (int i = 0; error == DF_OK && i < what->n_classes; i++)
        error = df_gather_class(g, what->classes[i]) < 0 ? DF_ENOMEM : DF_OK;
    for (int i = 0; error == DF_OK && i < names.n; i++)
        error = add_file(g, what, names.name[i]);
    if (error == DF_OK)
        error = df_gather_end(g, false);
    return error == DF_OK ? df_gather_paths(g, what->folder) : error;
}

int df_xml_dataset_open(DfCocoDataset **out, const DfObjectReading *what)
{
    DfGather g = { 0 };
    DfArena *arena = df_arena_new();
    const char *path = arena ? df_arena_text(arena, "%s", what->ann_file) : NULL;
    int error = path ? df_gather_begin(&g, arena, path) : df_fail_memory("a dataset");
    if (error == DF_OK)
        error = read_all(&g, what);
    df_gather_drop(&g);
    *out = error == DF_OK ? g.coco : NULL;
    if (error < 0)
        df_arena_free(arena);
    return error;
}
