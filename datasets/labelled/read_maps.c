/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/labelled/read_maps.c -- reads label maps: for each picture a PNG of the same name with a class in every
 * pixel. The connected regions of a class become objects; 255 is ignored, and so is a class called background.
 */
#include <stdio.h>
#include <string.h>

#include "datasets/image/image_file.h"
#include "datasets/labelled/private.h"
#include "datasets/scan.h"
#include "datasets/segmentation.h"

enum { VALUES = 256, IGNORED = 255 };

static const char *const map_folders[] = { "annotations", "masks", "labels", "mask", "label_maps", "segmentation",
                                           "SegmentationClass", "label", "gt", NULL };
static const char *const name_files[] = { "classes.txt", "labels.txt", "names.txt", "class_names.txt", NULL };

/* ---- classes ----------------------------------------------------------------------------------------------------- */

/* label[v]: the class of pixels of the value v, or -1. Classes have their value as id. */
typedef struct {
    int label[VALUES];
    int named;             /* values below have a name; 0: there is no list of names */
} Values;

static bool is_no_class(const char *name)
{
    static const char *const words[] = { "background", "_background_", "unlabeled", "unlabelled", "void", "ignore",
                                         "N/A" };
    bool found = false;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        found |= strcmp(name, words[i]) == 0;
    return found;
}

static int add_class(DfLabelled *set, Values *values, int value, const char *name)
{
    if (is_no_class(name))
        return DF_OK;
    const DfLabelledClass class = { { value, NULL }, name, "" };
    if (df_labelled_find_class(set, name) >= 0)
        return df_fail(DF_EVALUE, "two classes of the label maps are called '%s'", name);
    values->label[value] = df_labelled_add_class(set, &class);
    return values->label[value] < 0 ? values->label[value] : DF_OK;
}

static int add_classes(DfLabelled *set, Values *values, const char *const *names, int n, int first)
{
    int error = DF_OK;
    if (n + first > IGNORED)
        return df_fail(DF_EVALUE, "%d class names: want at most %d for label maps of 8 bits", n, IGNORED - first);
    for (int i = 0; error == DF_OK && i < n; i++)
        error = add_class(set, values, first + i, names[i]);
    values->named = first + n;
    return error;
}

static int read_names(DfLabelled *set, const char *dir, Values *values)
{
    DfLabelledNames lines = { 0 };
    const char *file = df_labelled_first_file(dir, name_files);
    memset(values->label, -1, sizeof values->label);
    values->named = 0;
    if (!file)
        return strstr(dir, "ADEChallengeData2016") ? add_classes(set, values, df_ade_classes, DF_ADE_CLASSES, 1)
                                                   : DF_OK;
    const char *path = df_labelled_below(set, dir, file);
    const int error = path ? df_labelled_lines(&lines, set, path) : DF_ENOMEM;
    return error == DF_OK ? add_classes(set, values, lines.name, lines.n, 0) : error;
}

/* ---- patches ----------------------------------------------------------------------------------------------------- */

/* Patches hang together by sides or corners. */
typedef struct {
    DfLabelled *set;
    int picture;
    const Values *values;
    const DfImage *map;
    int *patch;           /* [height][width], from 0 on; -1: none              */
    int *stack;
    DfLabelledObject *objects;
    DfRunList *runs;      /* of each, and where the last one ends              */
    size_t *end;
    int n;
    size_t capacity, runs_capacity, end_capacity;
} Patches;

static int begin_patch(Patches *p, int label)
{
    const size_t n = (size_t)p->n;
    if (!df_grow((void **)&p->objects, &p->capacity, n, sizeof *p->objects) ||
        !df_grow((void **)&p->runs, &p->runs_capacity, n, sizeof *p->runs) ||
        !df_grow((void **)&p->end, &p->end_capacity, n, sizeof *p->end))
        return df_fail_memory("the patches of a label map");
    p->objects[n] = (DfLabelledObject){ .picture = p->picture, .label = label, .has_box = true, .compressed = true };
    p->runs[n] = (DfRunList){ 0 };
    p->end[n] = 0;
    return p->n++;
}

static void spread(Patches *p, int from, int number)
{
    const int W = p->map->width;
    const int H = p->map->height;
    const uint8_t value = p->map->pixels[from];
    int n = 0;
    p->patch[from] = number;
    p->stack[n++] = from;
    while (n > 0) {
        const int at = p->stack[--n];
        for (int k = 0; k < 9; k++) {
            const int x = at % W + k % 3 - 1;
            const int y = at / W + k / 3 - 1;
            const int near = y * W + x;
            if (x < 0 || y < 0 || x >= W || y >= H || p->patch[near] >= 0 || p->map->pixels[near] != value)
                continue;
            p->patch[near] = number;
            p->stack[n++] = near;
        }
    }
}

/* With `whole`, all pixels of a class are one patch, wherever they lie. */
static int find_patches(Patches *p, bool whole)
{
    const int n = p->map->width * p->map->height;
    int of_value[VALUES];
    memset(of_value, -1, sizeof of_value);
    memset(p->patch, -1, (size_t)n * sizeof *p->patch);
    for (int at = 0; at < n; at++) {
        const int value = p->map->pixels[at];
        if (p->patch[at] >= 0 || p->values->label[value] < 0)
            continue;
        int number = whole ? of_value[value] : -1;
        if (number < 0)
            number = begin_patch(p, p->values->label[value]);
        if (number < 0)
            return number;
        of_value[value] = number;
        if (whole)
            p->patch[at] = number;
        else
            spread(p, at, number);
    }
    return DF_OK;
}

static bool add_run(DfRunList *runs, size_t n)
{
    if (!df_runs_grow(runs, runs->n < 8 ? 16 : 2 * runs->n + 2))
        return false;
    runs->at[runs->n++] = (uint32_t)n;
    return true;
}

/* Pixels go down the columns: where a run of a patch begins and ends, all runs of it up to there are known. */
static int make_runs(Patches *p)
{
    const size_t H = (size_t)p->map->height;
    const size_t W = (size_t)p->map->width;
    for (size_t at = 0; at < H * W;) {
        const int number = p->patch[at % H * W + at / H];
        size_t end = at + 1;
        while (end < H * W && p->patch[end % H * W + end / H] == number)
            end++;
        if (number >= 0) {
            if (!add_run(&p->runs[number], at - p->end[number]) || !add_run(&p->runs[number], end - at))
                return df_fail_memory("masks");
            p->end[number] = end;
            p->objects[number].area += (double)(end - at);
        }
        at = end;
    }
    return DF_OK;
}

static int add_patches(Patches *p)
{
    const size_t area = (size_t)p->map->height * (size_t)p->map->width;
    int error = DF_OK;
    for (int i = 0; error == DF_OK && i < p->n; i++) {
        DfLabelledObject *o = &p->objects[i];
        if (p->end[i] < area && !add_run(&p->runs[i], area - p->end[i]))
            return df_fail_memory("masks");
        o->mask.form = DF_MASK_RUNS;
        o->mask.runs = (DfMask){ (uint32_t)p->map->height, (uint32_t)p->map->width, p->runs[i].n, p->runs[i].at };
        df_mask_box(&o->mask.runs, o->box);
        o->id.number = (int64_t)p->set->n_objects + 1;
        error = df_labelled_add_object(p->set, o);
    }
    return error;
}

static int take_map(Patches *p, bool whole)
{
    const size_t area = df_image_bytes(p->map);
    p->patch = df_malloc(area * sizeof *p->patch);
    p->stack = df_malloc(area * sizeof *p->stack);
    int error = p->patch && p->stack ? find_patches(p, whole) : df_fail_memory("the patches of a label map");
    if (error == DF_OK)
        error = make_runs(p);
    if (error == DF_OK)
        error = add_patches(p);
    for (int i = 0; i < p->n; i++)
        df_free(p->runs[i].at);
    df_free(p->runs);
    df_free(p->end);
    df_free(p->objects);
    df_free(p->patch);
    df_free(p->stack);
    return error;
}

/* ---- one map ----------------------------------------------------------------------------------------------------- */

/* Without names classes are called by their values. */
static int name_values(DfLabelled *set, Values *values, const DfImage *map, const char *path)
{
    bool seen[VALUES] = { false };
    for (size_t k = 0; k < df_image_bytes(map); k++)
        seen[map->pixels[k]] = true;
    int error = DF_OK;
    for (int v = 0; error == DF_OK && v < IGNORED; v++) {
        char name[32];
        if (!seen[v] || values->label[v] >= 0 || v < values->named || v == 0)
            continue;
        snprintf(name, sizeof name, "class %d", v);
        error = values->named ? df_fail(DF_EVALUE, "%s has the label %d, and there are %d class names", path, v,
                                        values->named)
                              : add_class(set, values, v, name);
    }
    return error;
}

static int read_map(DfLabelled *set, int picture, const char *path, Values *values, bool whole)
{
    DfImage map = { 0 };
    int error = df_labelled_note(set, path);
    if (error == DF_OK)
        error = df_image_read_labels(&map, path);
    DfLabelledPicture *of = &set->pictures[picture];
    if (error == DF_OK && of->height && (of->height != map.height || of->width != map.width))
        error = df_fail(DF_EVALUE, "%s is %d x %d and its picture %d x %d: want one size", path, map.width, map.height,
                        of->width, of->height);
    if (error == DF_OK)
        error = name_values(set, values, &map, path);
    if (error == DF_OK) {
        of->height = map.height;
        of->width = map.width;
        Patches p = { .set = set, .picture = picture, .values = values, .map = &map };
        error = take_map(&p, whole);
    }
    df_image_free(&map);
    return error;
}

/* ---- a folder ---------------------------------------------------------------------------------------------------- */

static const char *const suffixes[] = { ".png", "_mask.png", "_label.png", "_seg.png", "_L.png",
                                        "_labelTrainIds.png", "_gt.png", NULL };

/* The picture of a map, or a name for one that is not there. */
static const char *name_of(const DfLabelled *set, const char *pictures, const char *stem, bool *there)
{
    static const char *const endings[] = { ".jpg", ".png", ".jpeg", ".JPG", ".PNG",  ".JPEG",
                                           ".bmp", ".tif", ".tiff", ".BMP", ".webp" };
    *there = false;
    for (size_t i = 0; pictures && i < sizeof endings / sizeof *endings; i++) {
        const char *name = df_arena_text(set->arena, "%s%s", stem, endings[i]);
        *there = name && df_labelled_has_file(pictures, name);
        if (!name || *there)
            return name;
    }
    return df_arena_text(set->arena, "%s.jpg", stem);
}

/* A map "a_mask" is of the picture "a", if that is there. */
static int add_map(DfLabelled *set, int part, const DfLabelledPlace *place, const char *map, Values *values,
                   bool whole)
{
    const char *folder = set->parts[part].pictures[0] ? set->parts[part].pictures : NULL;
    const char *path = df_arena_text(set->arena, "%s/%s", place->labels, map);
    DfLabelledPicture picture = { .part = part };
    bool there = false;
    for (int i = 0; !there && suffixes[i]; i++) {
        if (!df_ends_with(map, suffixes[i]) || (picture.name && !folder))
            continue;
        const char *stem = df_arena_copy(set->arena, map, strlen(map) - strlen(suffixes[i]));
        const char *name = stem ? name_of(set, folder, stem, &there) : NULL;
        if (!name)
            return df_fail_memory("a path");
        if (there || !picture.name)
            picture.name = name;
    }
    picture.id.number = set->n_pictures + 1;
    const int i = path ? df_labelled_add_picture(set, &picture) : df_fail_memory("a path");
    int error = i < 0 ? i : DF_OK;
    if (error == DF_OK && there)
        error = df_labelled_size(set, i, &set->pictures[i].height, &set->pictures[i].width);
    return error == DF_OK ? read_map(set, i, path, values, whole) : error;
}

static int read_part(DfLabelled *set, const DfLabelledPlace *place, const DfLabelledSource *source, Values *values)
{
    DfScan scan = { 0 };
    const char *pictures = source->pictures ? source->pictures : place->pictures;
    const int part = df_labelled_add_part(set, place->part);
    if (part < 0)
        return part;
    if (source->pictures && place->part[0]) {
        const char *below = df_labelled_below(set, source->pictures, place->part);
        pictures = below && df_is_directory(below) ? below : source->pictures;
    }
    set->parts[part].pictures = pictures ? df_labelled_below(set, pictures, "") : "";
    int error = set->parts[part].pictures ? df_scan(&scan, place->labels, "", set->arena) : DF_ENOMEM;
    for (int i = 0; error == DF_OK && i < scan.n; i++)
        if (df_ends_with(scan.name[i], ".png"))
            error = add_map(set, part, place, scan.name[i], values, source->whole);
    return error;
}

/* ADE20K is unpacked into a folder of its own. */
static const char *root_of(const DfLabelled *set, const char *dir)
{
    static const char *const ade[] = { "ADEChallengeData2016", NULL };
    return df_labelled_first_folder(dir, ade) ? df_labelled_below(set, dir, ade[0]) : dir;
}

static int by_value(const DfLabelledClass *a, const DfLabelledClass *b)
{
    return df_id_compare(a->id, b->id);
}

static bool is_it(const DfLabelled *set, const char *dir)
{
    DfLabelledPlace *places;
    int n;
    const char *root = root_of(set, dir);
    const int error = root ? df_labelled_places(set, root, map_folders, ".png", &places, &n) : DF_ENOMEM;
    return error == DF_ENOMEM || (error == DF_OK && n > 0);
}

static int read_folder(DfLabelled *set, const char *dir, const DfLabelledSource *source)
{
    DfLabelledPlace *places;
    Values values;
    int n = 0;
    const char *root = root_of(set, dir);
    set->form = DF_LABELLED_MAPS;
    int error = root ? df_labelled_places(set, root, map_folders, ".png", &places, &n) : DF_ENOMEM;
    if (error == DF_OK && n == 0)
        error = df_fail(DF_EVALUE, "%s: no folder of label maps (PNG) in it", dir);
    if (error == DF_OK)
        error = read_names(set, root, &values);
    for (int i = 0; error == DF_OK && i < n; i++)
        error = read_part(set, &places[i], source, &values);
    return error == DF_OK ? df_labelled_sort_classes(set, 0, by_value) : error;
}

const DfLabelledReader df_labelled_read_maps = { DF_LABELLED_MAPS, is_it, read_folder };
