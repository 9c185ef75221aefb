/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/labelled/read_voc.c -- reads PASCAL VOC: an XML file for each picture, and possibly a PNG whose pixels hold
 * the index of their object. The first pixel is 1, and the last one of a box is inside it. Difficult objects become
 * crowds.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "datasets/image/image_file.h"
#include "datasets/labelled/private.h"
#include "datasets/scan.h"
#include "datasets/voc_masks.h"

static const char *const xml_folders[] = { "Annotations", "annotations", NULL };
static const char *const picture_folders[] = { "JPEGImages", "images", NULL };

/* A folder of XML files, and what belongs to it; masks NULL: there are none. */
typedef struct {
    const char *xml, *pictures, *masks;
} Places;

/* ---- one file ---------------------------------------------------------------------------------------------------- */

/* Objects wait until the picture is known, which the file may tell last. */
typedef struct {
    DfLabelled *set;
    int part;
    const Places *places;
    const char *stem;
    size_t n, capacity;
    DfLabelledObject *objects;
    DfVocPicture picture;
} File;

/* What COCO has no place for, where it says something. */
static const char *members_of(const DfLabelled *set, const DfVocObject *object)
{
    DfTextbuf text = { 0 };
    if (object->pose[0] && strcmp(object->pose, "Unspecified") != 0) {
        df_textbuf_add(&text, "\"pose\": ");
        df_textbuf_json(&text, object->pose);
    }
    if (object->truncated)
        df_textbuf_add(&text, "%s\"truncated\": 1", text.n ? ", " : "");
    if (object->occluded)
        df_textbuf_add(&text, "%s\"occluded\": 1", text.n ? ", " : "");
    const char *members = text.n ? df_arena_copy(set->arena, text.at, text.n) : "";
    df_free(text.at);
    return text.failed ? NULL : members;
}

static int class_called(DfLabelled *set, const char *name)
{
    const int label = df_labelled_find_class(set, name);
    return label >= 0 ? label : df_labelled_add_class(set, &(DfLabelledClass){ { 0, NULL }, name, "" });
}

static int take_object(void *arg, const DfVocObject *object)
{
    File *file = arg;
    const double *b = object->box;
    const int label = class_called(file->set, object->name);
    if (label < 0)
        return label;
    if (!df_grow((void **)&file->objects, &file->capacity, file->n, sizeof *file->objects))
        return df_fail_memory("the objects of a picture");
    DfLabelledObject *o = &file->objects[file->n++];
    *o = (DfLabelledObject){ .label = label, .has_box = true, .crowd = object->difficult };
    for (int i = 0; i < 2; i++) {
        o->box[i] = df_labelled_rounded(b[i] - 1);
        o->box[2 + i] = df_labelled_rounded(b[2 + i] - b[i] + 1);
    }
    o->area = df_labelled_rounded(fmax(o->box[2], 0) * fmax(o->box[3], 0));
    o->rest = members_of(file->set, object);
    return o->rest ? DF_OK : df_fail_memory("the objects of a picture");
}

static int take_picture(void *arg, const DfVocPicture *picture)
{
    File *file = arg;
    file->picture = *picture;
    return DF_OK;
}

static int read_xml(File *file, const char *path)
{
    const DfVocSink sink = { .arg = file, .object = take_object, .picture = take_picture };
    const int error = df_labelled_note(file->set, path);
    return error == DF_OK ? df_voc_read_file(path, &sink) : error;
}

static const char *ending_of(const char *name)
{
    const char *dot = strrchr(name, '.');
    const char *slash = strrchr(name, '/');
    return dot && (!slash || dot > slash) ? dot : "";
}

static const char *base_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *other = strrchr(path, '\\'); /* tools on Windows write whole paths */
    const char *last = other && (!slash || other > slash) ? other : slash;
    return last ? last + 1 : path;
}

/* Called as the XML file is, with an ending that is there; else as <filename> says. */
static const char *name_of(const File *file)
{
    static const char *const endings[] = { ".jpg", ".png", ".jpeg", ".JPG", ".PNG",  ".JPEG",
                                           ".bmp", ".tif", ".tiff", ".BMP", ".TIF", ".webp" };
    DfArena *arena = file->set->arena;
    const char *said = base_of(file->picture.file_name);
    const char *slash = strrchr(file->stem, '/');
    const int folder = slash ? (int)(slash - file->stem) + 1 : 0;
    for (size_t i = 0; i <= sizeof endings / sizeof *endings && file->places->pictures; i++) {
        const char *ending = i == 0 ? ending_of(said) : endings[i - 1];
        const char *name = df_arena_text(arena, "%s%s", file->stem, ending);
        if (!name || (ending[0] && df_labelled_has_file(file->places->pictures, name)))
            return name;
    }
    if (said[0])
        return df_arena_text(arena, "%.*s%s", folder, file->stem, said);
    return df_arena_text(arena, "%s.jpg", file->stem);
}

static int add_picture(File *file)
{
    DfLabelledPicture picture = { .name = name_of(file), .part = file->part };
    if (!picture.name)
        return df_fail_memory("a path");
    picture.id.number = file->set->n_pictures + 1;
    picture.width = (int)fmin(fmax(file->picture.width, 0), DF_IMAGE_MAX_SIDE);
    picture.height = (int)fmin(fmax(file->picture.height, 0), DF_IMAGE_MAX_SIDE);
    const int i = df_labelled_add_picture(file->set, &picture);
    if (i < 0)
        return i;
    if ((!picture.width || !picture.height) && file->places->pictures)
        return df_labelled_size(file->set, i, &file->set->pictures[i].height, &file->set->pictures[i].width);
    return DF_OK;
}

/* ---- masks ------------------------------------------------------------------------------------------------------- */

static int read_masks(File *file)
{
    DfVocMasks masks;
    DfArena *arena = file->set->arena;
    if (!file->places->masks || !file->n)
        return DF_OK;
    const DfLabelledPicture *picture = &file->set->pictures[file->set->n_pictures - 1];
    const char *path = df_arena_text(arena, "%s/%s.png", file->places->masks, file->stem);
    int error = path ? df_labelled_note(file->set, path) : df_fail_memory("a path");
    if (error == DF_OK)
        error = df_voc_masks_open(&masks, path, picture->height, picture->width);
    if (error < 0)
        return error;
    for (size_t i = 0; error == DF_OK && i < file->n; i++) {
        DfLabelledObject *o = &file->objects[i];
        error = df_voc_mask(&masks, i, &o->mask, &o->area, arena);
        o->compressed = o->mask.form != DF_MASK_NONE;
    }
    df_voc_masks_close(&masks);
    return error;
}

static int add_file(DfLabelled *set, int part, const Places *places, const char *stem)
{
    File file = { .set = set, .part = part, .places = places, .stem = stem };
    const char *path = df_arena_text(set->arena, "%s/%s.xml", places->xml, stem);
    int error = path ? read_xml(&file, path) : df_fail_memory("a path");
    if (error == DF_OK)
        error = add_picture(&file);
    if (error == DF_OK)
        error = read_masks(&file);
    for (size_t i = 0; error == DF_OK && i < file.n; i++) {
        file.objects[i].picture = set->n_pictures - 1;
        file.objects[i].id.number = (int64_t)set->n_objects + 1;
        error = df_labelled_add_object(set, &file.objects[i]);
    }
    df_free(file.objects);
    return error;
}

/* ---- folders ----------------------------------------------------------------------------------------------------- */

/* VOCdevkit/VOC2007 */
static const char *devkit(const DfLabelled *set, const char *dir)
{
    DfLabelledNames names;
    static const char *const kit[] = { "VOCdevkit", NULL };
    if (df_labelled_first_folder(dir, kit) && !(dir = df_labelled_below(set, dir, kit[0])))
        return NULL;
    if (df_labelled_list_folders(&names, set, dir) < 0)
        return NULL;
    for (int i = 0; i < names.n; i++)
        if (df_starts_with(names.name[i], "VOC2"))
            return df_labelled_below(set, dir, names.name[i]);
    return dir;
}

/* Annotations/ and JPEGImages/, or XML files beside the pictures. */
static int find_places(const DfLabelled *set, const char *dir, Places *out, bool *found)
{
    static const char *const masks[] = { "SegmentationObject", NULL };
    DfLabelledNames names;
    DfScan scan = { 0 };
    const char *xml = df_labelled_first_folder(dir, xml_folders);
    const char *pictures = df_labelled_first_folder(dir, picture_folders);
    *out = (Places){ .xml = df_labelled_below(set, dir, xml ? xml : "") };
    out->pictures = pictures ? df_labelled_below(set, dir, pictures) : out->xml;
    const bool masked = df_labelled_first_folder(dir, masks) != NULL;
    if (masked)
        out->masks = df_labelled_below(set, dir, masks[0]);
    *found = false;
    if (!out->xml || !out->pictures || (masked && !out->masks))
        return DF_ENOMEM;
    const int error = xml ? df_scan(&scan, out->xml, ".xml", set->arena)
                          : df_labelled_list_files(&names, set, dir, ".xml");
    *found = error == DF_OK && (xml ? scan.n > 0 : names.n > 0);
    return error == DF_ENOMEM ? error : DF_OK;
}

static bool is_of_a_class(const char *name)
{
    static const char *const ends[] = { "_train", "_val", "_trainval", "_test" };
    bool found = false;
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        found |= df_ends_with(name, ends[i]);
    return found;
}

/* ImageSets/Main: the lists that say which part a picture is of; trainval is train and val. */
static int find_lists(const DfLabelled *set, const char *dir, DfLabelledNames *out)
{
    const char *lists = df_labelled_below(set, dir, "ImageSets/Main");
    bool halves = false;
    int n = 0;
    *out = (DfLabelledNames){ 0 };
    int error = lists ? DF_OK : DF_ENOMEM;
    if (error == DF_OK && df_is_directory(lists))
        error = df_labelled_list_files(out, set, lists, ".txt");
    for (int i = 0; error == DF_OK && i < out->n; i++)
        halves |= strcmp(out->name[i], "train.txt") == 0;
    for (int i = 0; error == DF_OK && i < out->n; i++) {
        const char *name = df_arena_copy(set->arena, out->name[i], strlen(out->name[i]) - strlen(".txt"));
        if (!name)
            return df_fail_memory("a list of files");
        if (!is_of_a_class(name) && !(halves && strcmp(name, "trainval") == 0))
            out->name[n++] = name;
    }
    out->n = n;
    return error;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Lines "000005" or "000005  1"; a name that an earlier list had is passed over. */
static int read_list(DfLabelled *set, const char *dir, const char *list, const DfScan *all, bool *taken,
                     const Places *places)
{
    DfLabelledNames lines;
    const char *path = df_arena_text(set->arena, "%s/ImageSets/Main/%s.txt", dir, list);
    const int part = path ? df_labelled_add_part(set, list) : df_fail_memory("a path");
    int error = part < 0 ? part : df_labelled_lines(&lines, set, path);
    if (error < 0)
        return error;
    set->parts[part].pictures = places->pictures;
    for (int i = 0; error == DF_OK && i < lines.n; i++) {
        const char *stem = df_arena_copy(set->arena, lines.name[i], strcspn(lines.name[i], " \t"));
        if (!stem)
            return df_fail_memory("a list of files");
        const char **found = bsearch(&stem, all->name, (size_t)all->n, sizeof *all->name, compare_names);
        if (!found)
            error = df_fail(DF_EIO, "%s: line %d: there is no %s/%s.xml", path, i + 1, places->xml, stem);
        else if (!taken[found - all->name])
            error = add_file(set, part, places, stem);
        if (found)
            taken[found - all->name] = true;
    }
    return error;
}

static int read_rest(DfLabelled *set, const DfScan *all, const bool *taken, const char *name, const Places *places)
{
    int part = -1;
    int error = DF_OK;
    for (int i = 0; error == DF_OK && i < all->n; i++) {
        if (taken[i])
            continue;
        if (part < 0 && (part = df_labelled_add_part(set, name)) < 0)
            return part;
        set->parts[part].pictures = places->pictures;
        error = add_file(set, part, places, all->name[i]);
    }
    return error;
}

static int read_places(DfLabelled *set, const char *dir, const char *name, Places places, const char *told)
{
    DfLabelledNames lists;
    DfScan all = { 0 };
    if (told)
        places.pictures = df_labelled_below(set, told, "");
    int error = df_scan(&all, places.xml, ".xml", set->arena);
    bool *taken = df_calloc((size_t)all.n + 1, sizeof *taken);
    if (error == DF_OK && (!taken || !places.pictures))
        error = df_fail_memory("a list of files");
    if (error == DF_OK)
        error = find_lists(set, dir, &lists);
    for (int i = 0; error == DF_OK && i < lists.n; i++)
        error = read_list(set, dir, lists.name[i], &all, taken, &places);
    if (error == DF_OK)
        error = read_rest(set, &all, taken, name, &places);
    df_free(taken);
    return error;
}

/* Roboflow: PART/ with XML files beside the pictures. */
static int read_parts(DfLabelled *set, const char *dir, const char *told, int *n)
{
    DfLabelledNames names;
    Places places;
    int error = df_labelled_list_folders(&names, set, dir);
    *n = 0;
    for (int i = 0; error == DF_OK && i < names.n; i++) {
        const char *below = df_labelled_below(set, dir, names.name[i]);
        bool found = false;
        error = below ? find_places(set, below, &places, &found) : DF_ENOMEM;
        if (error == DF_OK && found) {
            error = read_places(set, below, names.name[i], places, told);
            ++*n;
        }
    }
    return error;
}

/* ---- classes ----------------------------------------------------------------------------------------------------- */

static const char *const name_files[] = { "labels.txt", "classes.txt", NULL };

/* A list of names gives their order; those that it does not have come behind it, sorted, as all do without it. */
static int read_names(DfLabelled *set, const char *dir)
{
    DfLabelledNames lines = { 0 };
    const char *file = df_labelled_first_file(dir, name_files);
    const char *path = file ? df_labelled_below(set, dir, file) : NULL;
    int error = path ? df_labelled_lines(&lines, set, path) : DF_OK;
    const int background = lines.n && strcmp(lines.name[0], "background") == 0;
    for (int i = background; error == DF_OK && i < lines.n; i++) {
        const int label = class_called(set, lines.name[i]);
        error = label < 0 ? label : DF_OK;
    }
    return error;
}

static int by_class_name(const DfLabelledClass *a, const DfLabelledClass *b)
{
    return strcmp(a->name, b->name);
}

static int sort_classes(DfLabelled *set, int first)
{
    const int error = df_labelled_sort_classes(set, first, by_class_name);
    for (int i = 0; error == DF_OK && i < set->n_classes; i++)
        set->classes[i].id.number = i + 1;
    return error;
}

/* ---- all of it --------------------------------------------------------------------------------------------------- */

static bool is_it(const DfLabelled *set, const char *dir)
{
    Places places;
    DfLabelledNames names;
    const char *root = devkit(set, dir);
    bool found = false;
    if (!root || find_places(set, root, &places, &found) < 0 || found)
        return true;
    if (df_labelled_list_folders(&names, set, root) == DF_ENOMEM)
        return true;
    for (int i = 0; i < names.n; i++) {
        const char *below = df_labelled_below(set, root, names.name[i]);
        if (!below || find_places(set, below, &places, &found) < 0 || found)
            return true;
    }
    return false;
}

static int read_folder(DfLabelled *set, const char *dir, const DfLabelledSource *source)
{
    Places places;
    int n = 1;
    set->form = DF_LABELLED_VOC;
    if (!(dir = devkit(set, dir)))
        return DF_EIO;
    int error = read_names(set, dir);
    const int listed = set->n_classes;
    bool found = false;
    if (error == DF_OK)
        error = find_places(set, dir, &places, &found);
    if (error == DF_OK && found)
        error = read_places(set, dir, "", places, source->pictures);
    else if (error == DF_OK)
        error = read_parts(set, dir, source->pictures, &n);
    if (error == DF_OK && n == 0)
        error = df_fail(DF_EVALUE, "%s: no XML file of PASCAL VOC in it", dir);
    return error == DF_OK ? sort_classes(set, listed) : error;
}

const DfLabelledReader df_labelled_read_voc = { DF_LABELLED_VOC, is_it, read_folder };
