/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/scan.c -- lists the files of a folder and its subfolders, sorted.
 */
#include "datasets/scan.h"

#include <dirent.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "datasets/image/image_file.h"

enum { DEPTH = 16 }; /* of folders in folders: a loop of links ends there */

typedef struct {
    const char *root, *suffix;
    DfArena *arena;
    const char **name;
    size_t n, capacity;
} Walk;

static int keep(Walk *w, const char *name)
{
    const size_t length = strlen(name) - strlen(w->suffix);
    const char *stem = df_arena_copy(w->arena, name, length);
    if (w->n == INT_MAX || !stem || !df_grow((void **)&w->name, &w->capacity, w->n, sizeof *w->name))
        return df_fail_memory("a list of files");
    w->name[w->n++] = stem;
    return DF_OK;
}

/* `below`: relative to the root, "" for the root itself. */
static int walk(Walk *w, const char *below, int depth)
{
    const char *path = below[0] ? df_arena_text(w->arena, "%s/%s", w->root, below) : w->root;
    if (!path)
        return df_fail_memory("a list of files");
    DIR *folder = opendir(path);
    int error = folder ? DF_OK : df_fail_errno("%s", path);
    for (const struct dirent *entry; error == DF_OK && (entry = readdir(folder));) {
        if (entry->d_name[0] == '.')
            continue;
        const char *name = df_arena_text(w->arena, "%s%s%s", below, below[0] ? "/" : "", entry->d_name);
        const char *whole = name ? df_arena_text(w->arena, "%s/%s", w->root, name) : NULL;
        if (!whole)
            error = df_fail_memory("a list of files");
        else if (df_ends_with(entry->d_name, w->suffix) && !df_is_directory(whole))
            error = keep(w, name);
        else if (depth < DEPTH && df_is_directory(whole))
            error = walk(w, name, depth + 1);
    }
    if (folder)
        closedir(folder);
    return error;
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

int df_scan(DfScan *out, const char *folder, const char *suffix, DfArena *arena)
{
    *out = (DfScan){ 0 };
    Walk w = { .root = folder, .suffix = suffix, .arena = df_arena_new() };
    int error = w.arena ? walk(&w, "", 0) : df_fail_memory("a list of files");
    if (error == DF_OK && w.n)
        qsort(w.name, w.n, sizeof *w.name, compare);
    if (error == DF_OK && !(out->name = df_arena_alloc(arena, w.n + 1, sizeof *out->name)))
        error = df_fail_memory("a list of files");
    for (size_t i = 0; error == DF_OK && i < w.n; i++)
        if (!(out->name[i] = df_arena_copy(arena, w.name[i], strlen(w.name[i]))))
            error = df_fail_memory("a list of files");
    out->n = error == DF_OK ? (int)w.n : 0;
    df_free(w.name);
    df_arena_free(w.arena);
    return error;
}

void df_scan_keep_pictures(DfScan *scan)
{
    int kept = 0;
    for (int i = 0; i < scan->n; i++)
        if (df_image_is_named(scan->name[i]))
            scan->name[kept++] = scan->name[i];
    scan->n = kept;
}
