/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/segmentation.c -- lists the pictures and label maps of the dataset that a dict of a config describes.
 */
#include "datasets/segmentation.h"

#include <stdio.h>
#include <string.h>

#include "datasets/dataset_config.h"
#include "datasets/draw/colour.h"
#include "datasets/image/image_file.h"
#include "datasets/scan.h"
#include "datasets/segmentation_types.h"

typedef DfSegmentationOptions Options;

/* ---- classes --------------------------------------------------------------------------------------------------- */

static bool is_byte(const DfNode *node)
{
    return node && node->kind == DF_NODE_INT && node->integer >= 0 && node->integer <= 255;
}

static int read_colour(uint8_t rgb[3], const DfNode *node)
{
    const DfNode *part = node->kind == DF_NODE_LIST && node->n == 3 ? node->first : NULL;
    for (int i = 0; i < 3; i++, part = part->next) {
        if (!is_byte(part))
            return df_node_fail(node, DF_EVALUE, "want a colour: [r, g, b], each 0 to 255");
        rgb[i] = (uint8_t)part->integer;
    }
    return DF_OK;
}

static void own_colour(uint8_t rgb[3], int label)
{
    uint8_t bgr[3];
    df_label_colour(label, bgr);
    for (int k = 0; k < 3; k++)
        rgb[k] = bgr[2 - k];
}

/* The colours of a config, or our own where it has none (mmseg draws random ones). */
static int read_palette(DfClasses *out, const DfNode *palette, DfArena *arena)
{
    uint8_t (*colour)[3] = df_arena_alloc(arena, (size_t)out->n + 1, sizeof *colour);
    if (!colour)
        return df_fail_memory("a palette");
    out->colour = (const uint8_t (*)[3])colour;
    if (palette && (palette->kind != DF_NODE_LIST || palette->n != out->n))
        return df_node_fail(palette, DF_EVALUE, "want a list of %d colours, one of each class", out->n);
    const DfNode *node = palette ? palette->first : NULL;
    int error = DF_OK;
    for (int i = 0; i < out->n && error == DF_OK; i++)
        if (node) {
            error = read_colour(colour[i], node);
            node = node->next;
        } else {
            own_colour(colour[i], i);
        }
    return error;
}

static int find_class(const DfClasses *all, const char *name)
{
    int i = 0;
    while (i < all->n && strcmp(all->name[i], name) != 0)
        i++;
    return i;
}

/* Some of the type's own classes in the order of the config, with their colours. to[i] is the new number of class i, -1
 * if the config leaves it out. */
static int choose_classes(DfClasses *out, int to[256], const DfSegmentationType *type, const DfNames *names,
                          const DfNode *node, DfArena *arena)
{
    const DfClasses *all = type->classes;
    uint8_t (*colour)[3] = df_arena_alloc(arena, (size_t)names->n, sizeof *colour);
    if (!colour)
        return df_fail_memory("a palette");
    *out = (DfClasses){ names->n, (const char *const *)names->name, (const uint8_t (*)[3])colour };
    for (int i = 0; i < all->n; i++)
        to[i] = -1;
    for (int i = 0; i < names->n; i++) {
        const int from = find_class(all, names->name[i]);
        if (from == all->n)
            return df_node_fail(node, DF_EVALUE, "'%s' is not a class of %s: want its class names, or type "
                                "'CustomDataset'", names->name[i], type->record->name);
        if (to[from] >= 0)
            return df_node_fail(node, DF_EVALUE, "the class '%s' is listed twice", names->name[i]);
        to[from] = i;
        memcpy(colour[i], all->colour[from], sizeof colour[i]);
    }
    return DF_OK;
}

static int bind_classes(DfClasses *out, int to[256], const Options *o, const DfSegmentationType *type, DfArena *arena)
{
    DfNames names;
    const DfNode *classes = o->classes;
    const DfNode *palette = o->palette;
    int error = df_dataset_names(&names, classes, arena);
    for (int i = 0; i < 256; i++)
        to[i] = i;
    if (error < 0)
        return error;
    if (!type->classes)
        *out = (DfClasses){ names.n, (const char *const *)names.name, NULL };
    else if (names.n)
        error = choose_classes(out, to, type, &names, classes, arena);
    else
        *out = *type->classes;
    if (error < 0 || (type->classes && !palette))
        return error;
    return read_palette(out, palette, arena);
}

/* The table of what each stored value becomes; none if all stay. mmseg 0.x renumbers in place, one class after the
 * other and before 1 is subtracted, so that a class may be renumbered twice. Here each class becomes what the
 * config says, as in mmseg 1.x. Maps with the ids of the publishers become maps of classes before. */
static int renumber(DfSegmentation *s, const DfSegmentationType *type, const int to[256], bool published)
{
    const int first = s->reduce_zero_label; /* the stored value of class 0 */
    const int ignored = s->reduce_zero_label ? 0 : s->ignore_index;
    const int n = type->classes ? type->classes->n : 0;
    bool same = !published;
    uint8_t *stored = df_arena_alloc(s->arena, 256, 1);
    if (!stored)
        return df_fail_memory("a table of labels");
    for (int i = 0; i < 256; i++)
        stored[i] = (uint8_t)i;
    for (int i = 0; i < n; i++) {
        same = same && to[i] == i;
        stored[i + first] = (uint8_t)(to[i] < 0 ? ignored : to[i] + first);
    }
    uint8_t *of_id = published ? df_arena_alloc(s->arena, 256, 1) : NULL;
    if (published && !of_id)
        return df_fail_memory("a table of labels");
    for (int i = 0; published && i < 256; i++) {
        const int label = type->class_of_id(i);
        of_id[i] = label < 0 ? (uint8_t)s->ignore_index : stored[label];
    }
    s->renumbered = published ? of_id : stored;
    if (same)
        s->renumbered = NULL;
    return DF_OK;
}

static int bind(const DfNode *dataset, DfSegmentationType *type, Options *o, DfArena *arena)
{
    const char *name = df_node_text(df_node_get(dataset, "type"), "");
    if (df_segmentation_type(type, name))
        return df_bind(dataset, type->record->opts, o, arena, name);
    return df_dataset_type_fail(dataset, "one of label maps, such as 'ADE20KDataset', or 'CustomDataset' with its "
                                         "classes");
}

static const DfNode *named(const DfNode *dict, const char *key)
{
    const DfNode *node = df_node_get(dict, key);
    return node && node->kind == DF_NODE_NONE ? NULL : node;
}

int df_segmentation_classes(DfClasses *out, const DfNode *dataset, DfArena *arena)
{
    static const DfDatasetType unknown = { .name = "CustomDataset" };
    DfSegmentationType type;
    Options o = { 0 };
    int to[256];
    int error = DF_OK;
    *out = (DfClasses){ 0 };
    if (df_segmentation_type(&type, df_node_text(df_node_get(dataset, "type"), ""))) {
        error = bind(dataset, &type, &o, arena);
    } else {
        type = (DfSegmentationType){ .record = &unknown };
        o.classes = named(dataset, "classes");
        o.palette = named(dataset, "palette");
    }
    return error < 0 ? error : bind_classes(out, to, &o, &type, arena);
}

/* ---- files ----------------------------------------------------------------------------------------------------- */

static const char *slash(const char *folder)
{
    return !folder[0] || df_ends_with(folder, "/") ? "" : "/";
}

/* The paths of a dict, or of one part of its lists; "" where there is none. */
typedef struct {
    const char *pictures, *labels, *split;
} Paths;

static int read_paths(Paths *out, const DfNode *dataset, const Options *o, int part)
{
    const DfNode *pictures = o->img_dir;
    const DfNode *labels = o->ann_dir;
    int error = df_dataset_text(&out->pictures, pictures, part);
    if (error == DF_OK)
        error = df_dataset_text(&out->labels, labels, part);
    if (error == DF_OK)
        error = df_dataset_text(&out->split, o->split, part);
    if (error == DF_OK && !pictures)
        error = df_node_fail(dataset, DF_EVALUE, "img_dir = None: want a folder");
    return error;
}

static int list_names(DfSegmentation *s, const Options *o, const Paths *paths, const char *data_dir)
{
    char split[DF_PATH];
    DfNames names = { 0 };
    DfScan scan = { 0 };
    const bool listed = paths->split[0];
    int error;
    if (listed) {
        error = df_dataset_path(split, o->data_root, paths->split, data_dir);
        if (error == DF_OK)
            error = df_dataset_lines(&names, split, s->arena);
    } else {
        error = df_scan(&scan, s->folder, o->img_suffix, s->arena);
    }
    s->listed_in = listed ? df_arena_text(s->arena, "%s", split) : s->folder;
    if (error == DF_OK && !s->listed_in)
        error = df_fail_memory("a path");
    s->n = listed ? names.n : scan.n;
    s->name = listed ? names.name : scan.name;
    if (error == DF_OK && s->n == 0)
        error = df_fail(DF_EVALUE, "%s: no file in it ends in %s", s->folder, o->img_suffix);
    return error;
}

/* Where the publisher's maps stand alone, without those that scripts make of them, these are read. */
static const char *map_suffix(const DfSegmentation *s, const DfSegmentationType *type, const Options *o,
                              const char *labels, bool *published)
{
    const char *given = o->seg_map_suffix;
    *published = false;
    if (!type->class_of_id || !labels || s->n == 0 || o->reduce_zero_label)
        return given;
    *published = strcmp(given, type->id_suffix) == 0 && strcmp(given, ".png") != 0;
    if (strcmp(given, type->map_suffix) != 0)
        return given;
    const char *made = df_arena_text(s->arena, "%s%s%s%s", labels, slash(labels), s->name[0], given);
    const char *of_ids = df_arena_text(s->arena, "%s%s%s%s", labels, slash(labels), s->name[0], type->id_suffix);
    *published = made && of_ids && !df_file_exists(made) && df_file_exists(of_ids);
    return *published ? type->id_suffix : given;
}

static int name_files(DfSegmentation *s, const Options *o, const char *labels, const char *suffix)
{
    s->picture = df_arena_alloc(s->arena, (size_t)s->n + 1, sizeof *s->picture);
    s->label = labels ? df_arena_alloc(s->arena, (size_t)s->n + 1, sizeof *s->label) : NULL;
    if (!s->picture || (labels && !s->label))
        return df_fail_memory("a list of pictures");
    for (int i = 0; i < s->n; i++) {
        s->picture[i] = df_arena_text(s->arena, "%s%s%s%s", s->folder, slash(s->folder), s->name[i], o->img_suffix);
        if (labels)
            s->label[i] = df_arena_text(s->arena, "%s%s%s%s", labels, slash(labels), s->name[i], suffix);
        if (!s->picture[i] || (labels && !s->label[i]))
            return df_fail_memory("a list of pictures");
        if (labels && !df_file_exists(s->label[i]))
            return df_fail(DF_EIO, "%s does not exist: want a label map for %s", s->label[i], s->picture[i]);
    }
    return DF_OK;
}

static int list_files(DfSegmentation *s, const DfSegmentationType *type, const Options *o, const Paths *paths,
                      const char *data_dir, bool *published)
{
    char pictures[DF_PATH], labels[DF_PATH];
    *published = false;
    int error = df_dataset_path(pictures, o->data_root, paths->pictures, data_dir);
    if (error == DF_OK && paths->labels[0])
        error = df_dataset_path(labels, o->data_root, paths->labels, data_dir);
    if (error < 0)
        return error;
    if (!(s->folder = df_arena_text(s->arena, "%s", pictures)))
        return df_fail_memory("a path");
    error = list_names(s, o, paths, data_dir);
    if (error < 0)
        return error;
    const char *folder = paths->labels[0] ? labels : NULL;
    const char *suffix = map_suffix(s, type, o, folder, published);
    return name_files(s, o, folder, suffix);
}

static int open_set(DfSegmentation *s, const DfNode *dataset, const char *data_dir, int part)
{
    DfSegmentationType type;
    Options o;
    Paths paths;
    int to[256];
    bool published = false;
    int error = bind(dataset, &type, &o, s->arena);
    if (error == DF_OK)
        error = read_paths(&paths, dataset, &o, part);
    if (error == DF_OK && (!o.img_suffix || !o.seg_map_suffix))
        error = df_node_fail(dataset, DF_EVALUE,
                             "img_suffix or seg_map_suffix = None: want the ending of the file names");
    if (error == DF_OK)
        error = bind_classes(&s->classes, to, &o, &type, s->arena);
    if (error < 0)
        return error;
    s->type = type.record->name;
    s->reduce_zero_label = o.reduce_zero_label;
    s->ignore_index = o.ignore_index;
    error = list_files(s, &type, &o, &paths, data_dir, &published);
    return error < 0 ? error : renumber(s, &type, to, published);
}

int df_segmentation_for_training(DfSegmentation **out, const DfNode *dataset, const char *data_dir, int part)
{
    *out = NULL;
    DfArena *arena = df_arena_new();
    DfSegmentation *s = arena ? df_arena_alloc(arena, 1, sizeof *s) : NULL;
    if (!s) {
        df_arena_free(arena);
        return df_fail_memory("a dataset");
    }
    s->arena = arena;
    const int error = open_set(s, dataset, data_dir, part);
    if (error == DF_OK)
        *out = s;
    else
        df_segmentation_free(s);
    return error;
}

void df_segmentation_free(DfSegmentation *s)
{
    if (s)
        df_arena_free(s->arena);
}

int df_segmentation_label(const DfSegmentation *s, int i, int height, int width, DfImage *out)
{
    const int error = df_image_read_labels(out, s->label[i]);
    if (error < 0)
        return error;
    if (out->height == height && out->width == width) {
        for (size_t k = 0; s->renumbered && k < df_image_bytes(out); k++)
            out->pixels[k] = s->renumbered[out->pixels[k]];
        return DF_OK;
    }
    const int h = out->height;
    const int w = out->width;
    df_image_free(out);
    return df_fail(DF_EVALUE, "%s is %d x %d and %s is %d x %d: want a label map of the size of the picture",
                   s->label[i], w, h,
                   s->picture[i], width, height);
}
