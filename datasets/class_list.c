/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/class_list.c -- pictures and their classes from a list. A line is "PATH LABEL" (Caffe's val.txt), or
 * "CLASS/PATH", or only a label: then labels belong to the pictures in the order of their names, as in the devkit of
 * ImageNet.
 */
#include <stdlib.h>
#include <string.h>

#include "datasets/class_set.h"
#include "datasets/dataset_config.h"

enum { MOST_CLASSES = 1 << 20 };

typedef struct {
    DfClassification *set;
    const char *path;
    DfScan pictures;     /* below the folder, where they are needed           */
    DfClasses folders;   /* that these are in                                 */
    bool by_folder;      /* some line has no label: its folder is the class   */
} List;

/* ---- lines ------------------------------------------------------------------------------------------------------- */

static const char blanks[] = " \t";

/* A whole number, up to the end of the text; blanks may follow. */
static bool read_number(long *out, const char *text)
{
    char *end;
    *out = strtol(text, &end, 10);
    return text[0] && strchr("-0123456789", text[0]) && end != text && !end[strspn(end, blanks)];
}

/* The length without blanks at the end. */
static size_t trimmed(const char *line, size_t length)
{
    while (length > 0 && strchr(blanks, line[length - 1]))
        length--;
    return length;
}

/* What stands behind the last blank; the line itself if it has none. */
static const char *last_word(const char *line)
{
    const char *word = line + trimmed(line, strlen(line));
    while (word > line && !strchr(blanks, word[-1]))
        word--;
    return word;
}

static int outside(const List *list, const char *line, int n)
{
    return df_fail(DF_EVALUE, "%s: '%s': want a label in 0..%d", list->path, line, n - 1);
}

static int take_label(const List *list, const char *line, size_t length, long label)
{
    const int n = list->set->classes.n ? list->set->classes.n : MOST_CLASSES;
    if (label < 0 || label >= n)
        return outside(list, line, n);
    return df_class_add(list->set, line, length, (int)label);
}

static int take_line(List *list, const char *line)
{
    const char *word = last_word(line);
    const char *slash = strchr(line, '/');
    const DfClasses *names = list->set->classes.n ? &list->set->classes : &list->folders;
    long number;
    if (word > line && read_number(&number, word))
        return take_label(list, line, trimmed(line, (size_t)(word - line)), number);
    const int label = slash ? df_class_find(names, line, (size_t)(slash - line)) : -1;
    if (label < 0)
        return df_fail(DF_EVALUE, "%s: '%s': want a path and a label, or a path that begins with a class", list->path,
                       line);
    list->by_folder = true;
    return df_class_add(list->set, line, trimmed(line, strlen(line)), label);
}

/* ---- classes where none were given ------------------------------------------------------------------------------- */

static int most_label(const DfClassification *set)
{
    int most = 0;
    for (int i = 0; i < set->n; i++)
        most = set->label[i] > most ? set->label[i] : most;
    return most;
}

static int number_classes(DfClassification *set)
{
    const int n = most_label(set) + 1;
    const char **names = df_arena_alloc(set->arena, (size_t)n, sizeof *names);
    for (int i = 0; names && i < n; i++)
        if (!(names[i] = df_arena_text(set->arena, "%d", i)))
            names = NULL;
    set->classes = (DfClasses){ .n = names ? n : 0, .name = names };
    set->numbered = true;
    return names ? DF_OK : df_fail_memory("class names");
}

/* Is every picture in a folder whose place among them is its label? */
static bool labels_are_folders(const List *list)
{
    const DfClassification *set = list->set;
    const size_t skipped = strlen(set->folder) + (set->folder[0] && !df_ends_with(set->folder, "/"));
    bool same = list->folders.n > 0;
    for (int i = 0; same && i < set->n; i++) {
        const char *name = set->picture[i] + skipped;
        const char *slash = strchr(name, '/');
        same = slash && df_class_find(&list->folders, name, (size_t)(slash - name)) == set->label[i];
    }
    return same;
}

static int name_classes(List *list)
{
    DfClassification *set = list->set;
    if (!list->by_folder && !labels_are_folders(list))
        return number_classes(set);
    if (most_label(set) >= list->folders.n)
        return df_fail(DF_EVALUE, "%s: label %d: want one in 0..%d, of the folders in %s", list->path, most_label(set),
                       list->folders.n - 1, set->folder);
    set->classes = list->folders;
    return DF_OK;
}

/* ---- labels alone ------------------------------------------------------------------------------------------------ */

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static int by_base_name(const void *a, const void *b)
{
    return strcmp(base_name(*(const char *const *)a), base_name(*(const char *const *)b));
}

/* Its labels are the devkit's own, ILSVRC2012_ID, from 1. */
static bool is_of_devkit(const char *path)
{
    return df_starts_with(base_name(path), "ILSVRC2012_") && strstr(base_name(path), "ground_truth");
}

/* ILSVRC2012_val_00000007.JPEG is the seventh picture; 0: it is called otherwise. */
static long place_of(const char *picture)
{
    static const char start[] = "ILSVRC2012_val_";
    const char *name = base_name(picture);
    return df_starts_with(name, start) ? strtol(name + strlen(start), NULL, 10) : 0;
}

static int take_number(const List *list, const char *line, bool devkit, int *label)
{
    long number;
    const long n = devkit ? DF_IMAGENET_CLASSES : list->set->classes.n ? list->set->classes.n : MOST_CLASSES;
    if (!read_number(&number, line) || number < devkit || number >= n + devkit)
        return df_fail(DF_EVALUE, "%s: '%s': want a label in %d..%ld", list->path, line, devkit, n - !devkit);
    *label = devkit ? df_imagenet_of_devkit[number - 1] : (int)number;
    return DF_OK;
}

/* The devkit's list serves any part of its pictures. */
static int take_picture(const List *list, const DfNames *lines, int i, bool devkit)
{
    const char *picture = list->pictures.name[i];
    const long place = devkit ? place_of(picture) : 0;
    int label = 0;
    if (place < 1 && list->pictures.n != lines->n)
        return df_fail(DF_EVALUE,
                       "%s has %d labels, and %s %d pictures: want one for each, in the order of their names",
                       list->path, lines->n, list->set->folder, list->pictures.n);
    if (place > lines->n)
        return df_fail(DF_EVALUE, "%s has %d labels, and none for %s", list->path, lines->n, picture);
    const int error = take_number(list, lines->name[place < 1 ? i : place - 1], devkit, &label);
    return error < 0 ? error : df_class_add(list->set, picture, strlen(picture), label);
}

static int read_labels(List *list, const DfNames *lines)
{
    DfClassification *set = list->set;
    const bool devkit = is_of_devkit(list->path);
    int error = df_class_room(set, list->pictures.n);
    if (error == DF_OK && devkit && set->classes.n && set->classes.n != DF_IMAGENET_CLASSES)
        error = df_fail(DF_EVALUE, "%s: its labels are of the %d classes of ImageNet, and the config has %d",
                        list->path, DF_IMAGENET_CLASSES, set->classes.n);
    qsort(list->pictures.name, (size_t)list->pictures.n, sizeof *list->pictures.name, by_base_name);
    for (int i = 0; error == DF_OK && i < list->pictures.n; i++)
        error = take_picture(list, lines, i, devkit);
    if (error < 0 || set->classes.n)
        return error;
    set->classes = (DfClasses){ .n = DF_IMAGENET_CLASSES, .name = df_imagenet_classes };
    return devkit ? DF_OK : number_classes(set);
}

/* ---- where a list is --------------------------------------------------------------------------------------------- */

/* NAME is the folder's: val.txt is Caffe's, val_map.txt Swin's, meta/val.txt mmpretrain's. */
static const char *const list_files[] = { "NAME.txt", "NAME_map.txt", "meta/NAME.txt", NULL };
#define TRUTH "ILSVRC2012_validation_ground_truth.txt"
static const char *const devkit_files[] = { TRUTH, "data/" TRUTH, "ILSVRC2012_devkit_t12/data/" TRUTH, NULL };

/* The first of these files in a folder; NULL: none is there. */
static int first_file(const char **out, const char *folder, const char *const *files, const char *name, DfArena *arena)
{
    for (*out = NULL; !*out && *files; files++) {
        const char *hole = strstr(*files, "NAME");
        const char *rest = hole ? hole + strlen("NAME") : *files + strlen(*files);
        const char *path = df_arena_text(arena, "%s/%.*s%s%s", folder, (int)(hole ? hole - *files : rest - *files),
                                         *files, hole ? name : "", rest);
        if (!path)
            return df_fail_memory("a path");
        *out = df_is_file(path) ? path : NULL;
    }
    return DF_OK;
}

/* In the folder, or in the one that it is in. */
static int find_list(const char **out, const char *folder, const char *const *files, DfArena *arena)
{
    const char *name = base_name(folder);
    const bool is_dots = strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
    const char *parent = is_dots ? df_arena_text(arena, "%s/..", folder)
                       : name == folder ? "."
                                        : df_arena_copy(arena, folder, (size_t)(name - folder) - 1);
    int error = parent ? first_file(out, parent, files, name, arena) : df_fail_memory("a path");
    if (error == DF_OK && !*out)
        error = first_file(out, folder, files, name, arena);
    return error;
}

static bool any_in_folder(const DfScan *pictures)
{
    bool any = false;
    for (int i = 0; !any && i < pictures->n; i++)
        any = strchr(pictures->name[i], '/') != NULL;
    return any;
}

int df_class_list_beside(const char **out, const char *folder, const DfScan *pictures, DfArena *arena)
{
    *out = NULL;
    if (pictures->n == 0 || any_in_folder(pictures))
        return DF_OK;
    size_t length = strlen(folder);
    while (length > 1 && folder[length - 1] == '/')
        length--;
    const char *bare = length ? df_arena_copy(arena, folder, length) : ".";
    int error = bare ? find_list(out, bare, list_files, arena) : df_fail_memory("a path");
    if (error == DF_OK && !*out && place_of(pictures->name[0]) > 0)
        error = find_list(out, bare, devkit_files, arena);
    return error;
}

/* ---- the list ---------------------------------------------------------------------------------------------------- */

static int read_paths(List *list, const DfNames *lines)
{
    DfClassification *set = list->set;
    const bool named = set->classes.n > 0;
    int error = named ? DF_OK : df_class_folders(&list->folders, &list->pictures, set->arena);
    if (error == DF_OK)
        error = df_class_room(set, lines->n);
    for (int i = 0; error == DF_OK && i < lines->n; i++)
        error = take_line(list, lines->name[i]);
    return error < 0 || named ? error : name_classes(list);
}

int df_class_list_read(DfClassification *set, const char *ann_file)
{
    List list = { .set = set, .path = ann_file };
    set->list = df_arena_copy(set->arena, ann_file, strlen(ann_file));
    DfNames lines;
    long number;
    int error = set->list ? df_dataset_lines(&lines, ann_file, set->arena) : df_fail_memory("a path");
    if (error < 0)
        return error;
    const bool labels = read_number(&number, lines.name[0]);
    if (labels || set->classes.n == 0)
        error = df_class_scan(&list.pictures, set);
    if (error < 0)
        return error;
    return labels ? read_labels(&list, &lines) : read_paths(&list, &lines);
}
