/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/labelled/set.c -- a set of labelled pictures that grows, and selecting from it.
 */
#include <limits.h>
#include <string.h>

#include "datasets/labelled/labelled.h"
#include "datasets/labelled/private.h"

/* ---- forms ------------------------------------------------------------------------------------------------------- */

static const char *const form_names[] = { "", "coco", "lvis", "yolo", "voc", "maps" };

bool df_labelled_form(DfLabelledForm *out, const char *name)
{
    for (size_t i = 1; i < sizeof form_names / sizeof *form_names; i++)
        if (strcmp(form_names[i], name) == 0) {
            *out = (DfLabelledForm)i;
            return true;
        }
    return false;
}

const char *df_labelled_form_name(DfLabelledForm form)
{
    return form_names[form];
}

/* ---- building ---------------------------------------------------------------------------------------------------- */

int df_labelled_begin(DfLabelled *set)
{
    *set = (DfLabelled){ .arena = df_arena_new(), .sources = df_labelled_sources_new() };
    return set->arena && set->sources ? DF_OK : df_fail_memory("a dataset");
}

void df_labelled_done(DfLabelled *set)
{
    df_free(set->classes);
    df_free(set->parts);
    df_free(set->pictures);
    df_free(set->objects);
    df_free(set->order);
    df_labelled_sources_free(set->sources);
    df_arena_free(set->arena);
    *set = (DfLabelled){ 0 };
}

/* A text in the arena; NULL is "". Sets *text to NULL if memory ran out. */
static bool keep_text(DfArena *arena, const char **text)
{
    if (!*text || !**text) {
        *text = "";
        return true;
    }
    *text = df_arena_copy(arena, *text, strlen(*text));
    return *text != NULL;
}

static bool keep_id(DfArena *arena, DfId *id)
{
    return !id->text || keep_text(arena, &id->text);
}

int df_labelled_add_part(DfLabelled *set, const char *name)
{
    DfLabelledPart part = { .name = name, .pictures = "", .head = "" };
    const size_t n = (size_t)set->n_parts;
    for (int i = 0; i < set->n_parts; i++)
        if (strcmp(set->parts[i].name, name) == 0)
            return i;
    if (n >= INT_MAX / 2 || !df_grow((void **)&set->parts, &set->part_capacity, n, sizeof *set->parts) ||
        !keep_text(set->arena, &part.name))
        return df_fail_memory("a dataset");
    set->parts[n] = part;
    return set->n_parts++;
}

int df_labelled_find_class(const DfLabelled *set, const char *name)
{
    for (int i = 0; i < set->n_classes; i++)
        if (strcmp(set->classes[i].name, name) == 0)
            return i;
    return -1;
}

int df_labelled_add_class(DfLabelled *set, const DfLabelledClass *class)
{
    DfLabelledClass copy = *class;
    const size_t n = (size_t)set->n_classes;
    if (n >= INT_MAX / 2 || !df_grow((void **)&set->classes, &set->class_capacity, n, sizeof *set->classes) ||
        !keep_text(set->arena, &copy.name) || !keep_text(set->arena, &copy.rest) || !keep_id(set->arena, &copy.id))
        return df_fail_memory("class names");
    set->classes[n] = copy;
    return set->n_classes++;
}

static bool keep_labels(DfArena *arena, int **labels, int n)
{
    int *copy = n ? df_arena_alloc(arena, (size_t)n, sizeof *copy) : NULL;
    if (copy)
        memcpy(copy, *labels, (size_t)n * sizeof *copy);
    *labels = copy;
    return copy || !n;
}

int df_labelled_add_picture(DfLabelled *set, const DfLabelledPicture *picture)
{
    DfLabelledPicture copy = *picture;
    const size_t n = (size_t)set->n_pictures;
    if (n >= INT_MAX / 2 || !df_grow((void **)&set->pictures, &set->picture_capacity, n, sizeof *set->pictures) ||
        !keep_text(set->arena, &copy.name) || !keep_text(set->arena, &copy.url) || !keep_text(set->arena, &copy.path) ||
        !keep_id(set->arena, &copy.id) || !keep_text(set->arena, &copy.rest) ||
        !keep_labels(set->arena, &copy.absent, copy.n_absent) ||
        !keep_labels(set->arena, &copy.incomplete, copy.n_incomplete))
        return df_fail_memory("a list of pictures");
    set->pictures[n] = copy;
    return set->n_pictures++;
}

int df_labelled_add_object(DfLabelled *set, const DfLabelledObject *object)
{
    DfLabelledObject copy = *object;
    if (!df_grow((void **)&set->objects, &set->object_capacity, set->n_objects, sizeof *set->objects) ||
        !keep_text(set->arena, &copy.rest) || !keep_id(set->arena, &copy.id))
        return df_fail_memory("the objects of a dataset");
    const int error = df_object_mask_copy(&copy.mask, &object->mask, set->arena);
    if (error == DF_OK)
        set->objects[set->n_objects++] = copy;
    return error;
}

/* Folders of parts and pictures beside them would hide one another: beside parts with names, the one without gets
 * one. */
static void name_parts(DfLabelled *set)
{
    bool named = false;
    for (int i = 0; i < set->n_parts; i++)
        named |= set->parts[i].name[0] != 0;
    for (int i = 0; named && i < set->n_parts; i++)
        if (!set->parts[i].name[0])
            set->parts[i].name = "others";
}

/* A counting sort: where the objects of each picture begin, and then each into its place. */
int df_labelled_group(DfLabelled *set)
{
    size_t at = 0;
    name_parts(set);
    df_free(set->order);
    set->order = df_malloc((set->n_objects + 1) * sizeof *set->order);
    if (!set->order)
        return df_fail_memory("the objects of a dataset");
    for (int i = 0; i < set->n_pictures; i++)
        set->pictures[i].n = 0;
    for (size_t k = 0; k < set->n_objects; k++)
        set->pictures[set->objects[k].picture].n++;
    for (int i = 0; i < set->n_pictures; i++) {
        set->pictures[i].first = at;
        at += set->pictures[i].n;
        set->pictures[i].n = 0;
    }
    for (size_t k = 0; k < set->n_objects; k++) {
        DfLabelledPicture *picture = &set->pictures[set->objects[k].picture];
        set->order[picture->first + picture->n++] = k;
    }
    return DF_OK;
}

/* ---- the order of classes ---------------------------------------------------------------------------------------- */

static void relabel(DfLabelled *set, const int *to)
{
    for (size_t k = 0; k < set->n_objects; k++)
        set->objects[k].label = to[set->objects[k].label];
    for (int i = 0; i < set->n_pictures; i++) {
        for (int k = 0; k < set->pictures[i].n_absent; k++)
            set->pictures[i].absent[k] = to[set->pictures[i].absent[k]];
        for (int k = 0; k < set->pictures[i].n_incomplete; k++)
            set->pictures[i].incomplete[k] = to[set->pictures[i].incomplete[k]];
    }
}

/* By insertion: lists are short, and mostly sorted. from[i]: which class comes i-th. */
static void sort_places(const DfLabelled *set, int first, int *from,
                        int (*compare)(const DfLabelledClass *, const DfLabelledClass *))
{
    for (int i = 0; i < set->n_classes; i++) {
        int k = i;
        for (; k > first && compare(&set->classes[i], &set->classes[from[k - 1]]) < 0; k--)
            from[k] = from[k - 1];
        from[k] = i;
    }
}

int df_labelled_sort_classes(DfLabelled *set, int first,
                             int (*compare)(const DfLabelledClass *, const DfLabelledClass *))
{
    const size_t n = (size_t)set->n_classes;
    int *from = df_malloc((n + 1) * sizeof *from);
    int *to = df_malloc((n + 1) * sizeof *to);
    DfLabelledClass *sorted = df_malloc((n + 1) * sizeof *sorted);
    const int error = from && to && sorted ? DF_OK : df_fail_memory("class names");
    if (error == DF_OK) {
        sort_places(set, first, from, compare);
        for (int i = 0; i < set->n_classes; i++) {
            sorted[i] = set->classes[from[i]];
            to[from[i]] = i;
        }
        if (n)
            memcpy(set->classes, sorted, n * sizeof *sorted);
        relabel(set, to);
    }
    df_free(from);
    df_free(to);
    df_free(sorted);
    return error;
}

/* ---- paths ------------------------------------------------------------------------------------------------------- */

int df_labelled_check_name(const char *name)
{
    bool climbs = !name[0] || name[0] == '/';
    for (const char *part = name; part; part = strchr(part, '/')) {
        part += *part == '/';
        climbs |= strncmp(part, "..", 2) == 0 && (part[2] == '/' || part[2] == 0);
    }
    return climbs ? df_fail(DF_EVALUE, "the picture '%s' would lie outside of its folder: want a name below it", name)
                  : DF_OK;
}

const char *df_labelled_path(const DfLabelled *set, int i)
{
    const DfLabelledPicture *picture = &set->pictures[i];
    const char *folder = set->parts[picture->part].pictures;
    if (picture->path[0])
        return picture->path;
    if (!folder[0]) {
        df_fail(DF_EIO, "the folder of the pictures, '%s' and so on, is unknown: want --images DIR", picture->name);
        return NULL;
    }
    if (df_labelled_check_name(picture->name) < 0)
        return NULL;
    const char *slash = df_ends_with(folder, "/") ? "" : "/";
    const char *path = df_arena_text(set->arena, "%s%s%s", folder, slash, picture->name);
    if (!path)
        df_fail_memory("a path");
    return path;
}

int df_labelled_keep_paths(DfLabelled *set)
{
    for (int i = 0; i < set->n_pictures; i++) {
        DfLabelledPicture *picture = &set->pictures[i];
        if (!picture->path[0] && set->parts[picture->part].pictures[0]) {
            const char *path = df_labelled_path(set, i);
            if (!path)
                return DF_EVALUE;
            picture->path = path;
        }
    }
    return DF_OK;
}

bool df_labelled_picture_member(const DfLabelledPicture *picture, const char *name, char *out, size_t room)
{
    return df_labelled_member(picture->rest, name, out, room);
}

/* ---- choosing ---------------------------------------------------------------------------------------------------- */

static void drop_labels(int *labels, int *n, const int *to)
{
    int kept = 0;
    for (int i = 0; i < *n; i++)
        if (to[labels[i]] >= 0)
            labels[kept++] = to[labels[i]];
    *n = kept;
}

static bool stays(const bool *flags, size_t i)
{
    return !flags || flags[i];
}

/* to[i]: the new place of i, or -1. */
static int *new_places(int n, const bool *flags)
{
    int *to = df_malloc(((size_t)n + 1) * sizeof *to);
    int kept = 0;
    for (int i = 0; to && i < n; i++)
        to[i] = stays(flags, (size_t)i) ? kept++ : -1;
    return to;
}

static void keep_classes(DfLabelled *set, const int *to)
{
    int kept = 0;
    for (int i = 0; i < set->n_classes; i++)
        if (to[i] >= 0)
            set->classes[kept++] = set->classes[i];
    set->n_classes = kept;
    for (int i = 0; i < set->n_pictures; i++) {
        drop_labels(set->pictures[i].absent, &set->pictures[i].n_absent, to);
        drop_labels(set->pictures[i].incomplete, &set->pictures[i].n_incomplete, to);
    }
}

static void keep_pictures(DfLabelled *set, const int *to)
{
    int kept = 0;
    for (int i = 0; i < set->n_pictures; i++)
        if (to[i] >= 0)
            set->pictures[kept++] = set->pictures[i];
    set->n_pictures = kept;
}

static void keep_objects(DfLabelled *set, const bool *flags, const int *picture_to, const int *class_to)
{
    size_t kept = 0;
    for (size_t k = 0; k < set->n_objects; k++) {
        DfLabelledObject *o = &set->objects[k];
        if (!stays(flags, k) || picture_to[o->picture] < 0 || class_to[o->label] < 0)
            continue;
        set->objects[kept] = *o;
        set->objects[kept].picture = picture_to[o->picture];
        set->objects[kept++].label = class_to[o->label];
    }
    set->n_objects = kept;
}

int df_labelled_keep(DfLabelled *set, const DfLabelledChoice *choice)
{
    int *picture_to = new_places(set->n_pictures, choice->pictures);
    int *class_to = new_places(set->n_classes, choice->classes);
    const int error = picture_to && class_to ? DF_OK : df_fail_memory("a choice of a dataset");
    if (error == DF_OK) {
        keep_objects(set, choice->objects, picture_to, class_to);
        keep_classes(set, class_to);
        keep_pictures(set, picture_to);
    }
    df_free(picture_to);
    df_free(class_to);
    return error == DF_OK ? df_labelled_group(set) : error;
}
