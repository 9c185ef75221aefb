/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/labelled/places.c -- finds the files and folders of each format in a folder.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "datasets/labelled/private.h"

enum { TEXT_FILE = 1 << 24, MOST_PARTS = 64 };

const char *df_labelled_below(const DfLabelled *set, const char *a, const char *b)
{
    const char *slash = !a[0] || !b[0] || df_ends_with(a, "/") ? "" : "/";
    const char *path = df_arena_text(set->arena, "%s%s%s", a, slash, b);
    if (!path)
        df_fail_memory("a path");
    return path;
}

/* Without memory of its own, so that what is there is never missed. */
static bool is_there(const char *dir, const char *name, bool folder)
{
    char path[4096];
    if (snprintf(path, sizeof path, "%s/%s", dir, name) >= (int)sizeof path)
        return false;
    return folder ? df_is_directory(path) : df_is_file(path);
}

bool df_labelled_has_file(const char *dir, const char *name)
{
    return is_there(dir, name, false);
}

const char *df_labelled_first_folder(const char *dir, const char *const *names)
{
    while (*names && !is_there(dir, *names, true))
        names++;
    return *names;
}

const char *df_labelled_first_file(const char *dir, const char *const *names)
{
    while (*names && !is_there(dir, *names, false))
        names++;
    return *names;
}

/* ---- lists ------------------------------------------------------------------------------------------------------- */

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Takes over the list, which was grown. */
static int take_list(DfLabelledNames *out, const DfLabelled *set, const char **list, size_t n, int error)
{
    if (error == DF_OK && !(out->name = df_arena_alloc(set->arena, n + 1, sizeof *list)))
        error = df_fail_memory("a list of files");
    if (error == DF_OK && n) {
        memcpy(out->name, list, n * sizeof *list);
        out->n = (int)n;
    }
    df_free(list);
    return error;
}

static int list(DfLabelledNames *out, const DfLabelled *set, const char *dir, const char *suffix)
{
    const char **names = NULL;
    size_t n = 0;
    size_t capacity = 0;
    *out = (DfLabelledNames){ 0 };
    DIR *open = opendir(dir);
    int error = open ? DF_OK : df_fail_errno("%s", dir);
    for (const struct dirent *entry; error == DF_OK && (entry = readdir(open));) {
        const char *name = entry->d_name;
        if (name[0] == '.' || (suffix && !df_ends_with(name, suffix)) || is_there(dir, name, true) != !suffix)
            continue;
        if (n > 1 << 28 || !df_grow((void **)&names, &capacity, n, sizeof *names) ||
            !(names[n++] = df_arena_copy(set->arena, name, strlen(name))))
            error = df_fail_memory("a list of files");
    }
    if (open)
        closedir(open);
    if (error == DF_OK && n)
        qsort(names, n, sizeof *names, by_name);
    return take_list(out, set, names, n, error);
}

int df_labelled_list_folders(DfLabelledNames *out, const DfLabelled *set, const char *dir)
{
    return list(out, set, dir, NULL);
}

int df_labelled_list_files(DfLabelledNames *out, const DfLabelled *set, const char *dir, const char *suffix)
{
    return list(out, set, dir, suffix);
}

/* Without the space at both ends. */
static const char *copy_line(DfArena *arena, const char *at, size_t n)
{
    while (n && (*at == ' ' || *at == '\t')) {
        at++;
        n--;
    }
    while (n && (at[n - 1] == ' ' || at[n - 1] == '\t' || at[n - 1] == '\r'))
        n--;
    return df_arena_copy(arena, at, n);
}

int df_labelled_lines(DfLabelledNames *out, const DfLabelled *set, const char *path)
{
    char *text;
    size_t size;
    const char **lines = NULL;
    size_t n = 0;
    size_t capacity = 0;
    *out = (DfLabelledNames){ 0 };
    int error = df_file_text(&text, &size, path, TEXT_FILE);
    if (error < 0)
        return error;
    error = df_labelled_note(set, path);
    if (error == DF_OK)
        error = df_text_check(text, size, path);
    for (size_t at = 0; error == DF_OK && at < size;) {
        const size_t length = strcspn(text + at, "\n");
        const char *line = copy_line(set->arena, text + at, length);
        if (!line || !df_grow((void **)&lines, &capacity, n, sizeof *lines))
            error = df_fail_memory("the lines of a file");
        else if (line[0])
            lines[n++] = line;
        at += length + 1;
    }
    df_free(text);
    return take_list(out, set, lines, n, error);
}

/* ---- folders that go together ------------------------------------------------------------------------------------ */

static const char *const picture_folders[] = { "images", "JPEGImages", "imgs", "pictures", "img", NULL };

/* Is there a file of that ending in the folder, or in one of its folders?
 * Without memory, yes: who reads them will say. */
static bool has_files(const DfLabelled *set, const char *dir, const char *suffix, int depth)
{
    DfLabelledNames names;
    int error = df_labelled_list_files(&names, set, dir, suffix);
    if (error == DF_ENOMEM || names.n)
        return true;
    error = depth > 0 ? df_labelled_list_folders(&names, set, dir) : DF_OK;
    bool found = error == DF_ENOMEM;
    for (int i = 0; !found && depth > 0 && i < names.n; i++) {
        const char *below = df_labelled_below(set, dir, names.name[i]);
        found = !below || has_files(set, below, suffix, depth - 1);
    }
    return found;
}

typedef struct {
    const DfLabelled *set;
    const char *suffix;
    DfLabelledPlace *places;
    int n;
} Search;

static int take_place(Search *s, const char *part, const char *pictures, const char *labels)
{
    if (!labels || s->n == MOST_PARTS)
        return labels ? df_fail(DF_EVALUE, "%s: more than 64 parts", labels) : DF_ENOMEM;
    if (pictures && !df_is_directory(pictures))
        pictures = NULL;
    if (df_is_directory(labels) && has_files(s->set, labels, s->suffix, 2))
        s->places[s->n++] = (DfLabelledPlace){ part, pictures, labels };
    return DF_OK;
}

/* images/P and labels/P; without pictures, the folders of the labels alone. */
static int parts_inside(Search *s, const char *dir, const char *pictures, const char *labels)
{
    DfLabelledNames names;
    const char *below = df_labelled_below(s->set, dir, labels);
    int error = below ? df_labelled_list_folders(&names, s->set, below) : DF_ENOMEM;
    for (int i = 0; error == DF_OK && i < names.n; i++) {
        const char *beside = df_labelled_below(s->set, dir, pictures ? pictures : "");
        const char *part = beside ? df_labelled_below(s->set, beside, names.name[i]) : NULL;
        if (!part)
            return DF_ENOMEM;
        /* A folder without a twin among the pictures is no part, unless there are no pictures at all. */
        if (df_is_directory(part) || !pictures)
            error = take_place(s, names.name[i], part, df_labelled_below(s->set, below, names.name[i]));
    }
    return error;
}

/* P/images and P/labels */
static int parts_outside(Search *s, const char *dir, const char *const *labels)
{
    DfLabelledNames names;
    int error = df_labelled_list_folders(&names, s->set, dir);
    for (int i = 0; error == DF_OK && i < names.n; i++) {
        const char *below = df_labelled_below(s->set, dir, names.name[i]);
        if (!below)
            return DF_ENOMEM;
        const char *inner = df_labelled_first_folder(below, labels);
        const char *pictures = df_labelled_first_folder(below, picture_folders);
        if (inner && pictures)
            error = take_place(s, names.name[i], df_labelled_below(s->set, below, pictures),
                               df_labelled_below(s->set, below, inner));
    }
    return error;
}

int df_labelled_places(const DfLabelled *set, const char *dir, const char *const *labels, const char *suffix,
                       DfLabelledPlace **out, int *n)
{
    Search s = { .set = set, .suffix = suffix };
    const char *inner = df_labelled_first_folder(dir, labels);
    const char *pictures = df_labelled_first_folder(dir, picture_folders);
    int error = DF_OK;
    s.places = df_arena_alloc(set->arena, MOST_PARTS, sizeof *s.places);
    if (!s.places)
        return df_fail_memory("a list of folders");
    if (inner)
        error = parts_inside(&s, dir, pictures, inner);
    if (error == DF_OK && !s.n && inner)
        error = take_place(&s, "", pictures ? df_labelled_below(set, dir, pictures) : NULL,
                           df_labelled_below(set, dir, inner));
    if (error == DF_OK && !s.n)
        error = parts_outside(&s, dir, labels);
    *out = s.places;
    *n = s.n;
    return error;
}
