/* SPDX-License-Identifier: Apache-2.0
 *
 * config/ready.c -- ready configs by name: files NAME.py in folders that the program sets.
 */
#include "config/ready.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"

enum { FOLDERS = 4, PATH = 4096, DEPTH = 4, HINTS = 3 };

static struct {
    char path[FOLDERS][PATH];
    int n;
} ready;

void df_config_ready_folders(const char *const *folders, int n)
{
    ready.n = 0;
    for (int i = 0; i < n && ready.n < FOLDERS; i++)
        if (strlen(folders[i]) < PATH && df_is_directory(folders[i]))
            strcpy(ready.path[ready.n++], folders[i]);
}

/* ---- what there is ----------------------------------------------------------------------------------------------- */

typedef struct {
    DfArena *arena;
    const char **path; /* of files *.py, and their names without the ending */
    const char **name;
    size_t n, paths, names; /* room for so many */
} List;

static bool add(List *l, const char *folder, const char *file)
{
    if (!df_grow((void **)&l->path, &l->paths, l->n, sizeof *l->path) ||
        !df_grow((void **)&l->name, &l->names, l->n, sizeof *l->name))
        return false;
    l->path[l->n] = df_arena_text(l->arena, "%s/%s", folder, file);
    l->name[l->n] = df_arena_copy(l->arena, file, strlen(file) - strlen(".py"));
    return l->path[l->n] && l->name[l->n++];
}

/* Folders whose names begin with '_' or '.' hold parts of configs, or nothing of ours. */
static bool walk(List *l, const char *folder, int depth)
{
    DIR *entries = opendir(folder);
    bool good = true;
    for (struct dirent *e; entries && good && (e = readdir(entries));) {
        if (e->d_name[0] == '.' || e->d_name[0] == '_')
            continue;
        if (df_ends_with(e->d_name, ".py")) {
            good = add(l, folder, e->d_name);
        } else if (depth > 0) {
            const char *below = df_arena_text(l->arena, "%s/%s", folder, e->d_name);
            good = below && (!df_is_directory(below) || walk(l, below, depth - 1));
        }
    }
    if (entries)
        closedir(entries);
    return good;
}

static int list_all(List *l)
{
    *l = (List){ .arena = df_arena_new() };
    bool good = l->arena != NULL;
    for (int i = 0; good && i < ready.n; i++)
        good = walk(l, ready.path[i], DEPTH);
    return good ? DF_OK : df_fail_memory("the list of ready configs");
}

static void free_list(List *l)
{
    df_arena_free(l->arena);
    df_free(l->path);
    df_free(l->name);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static const char *file_of(const char *path)
{
    return strrchr(path, '/') + 1;
}

static bool is_shared(const List *l, size_t i)
{
    for (size_t j = 0; j < l->n; j++)
        if (j != i && strcmp(file_of(l->path[j]), file_of(l->path[i])) == 0)
            return true;
    return false;
}

/* A name that several files have is told with the folder. */
static int name_folders(List *l)
{
    for (size_t i = 0; i < l->n; i++) {
        if (!is_shared(l, i))
            continue;
        const char *start = file_of(l->path[i]) - 1; /* the '/' before it */
        while (start > l->path[i] && start[-1] != '/')
            start--;
        l->name[i] = df_arena_copy(l->arena, start, strlen(start) - strlen(".py"));
        if (!l->name[i])
            return df_fail_memory("the list of ready configs");
    }
    return DF_OK;
}

int df_config_list_ready(void (*take)(void *user, const char *name), void *user)
{
    List list;
    int error = list_all(&list);
    if (error == DF_OK)
        error = name_folders(&list);
    if (error == DF_OK && list.n)
        qsort(list.name, list.n, sizeof *list.name, by_text);
    for (size_t i = 0; error == DF_OK && i < list.n; i++)
        take(user, list.name[i]);
    free_list(&list);
    return error;
}

/* ---- a name ------------------------------------------------------------------------------------------------------ */

/* Without the ending ".py", if it has it. */
static size_t length_of(const char *name)
{
    return strlen(name) - (df_ends_with(name, ".py") ? strlen(".py") : 0);
}

bool df_config_may_be_ready(const char *path)
{
    const bool a_name = path[0] && path[0] != '/' && path[0] != '.' && !df_ends_with(path, ".json");
    return ready.n > 0 && a_name && !df_file_exists(path);
}

/* "retinanet_dat_nano" and "demo/retinanet_dat_nano" are names of ".../demo/retinanet_dat_nano.py". */
static bool is_called(const char *path, const char *name, size_t n)
{
    const size_t length = strlen(path) - strlen(".py");
    return length > n && path[length - n - 1] == '/' && memcmp(path + length - n, name, n) == 0;
}

/* Those that tell files i and j apart are told: names, or paths if the files have one name below two folders. */
static int several(List *l, const char *name, size_t i, size_t j)
{
    const int error = name_folders(l);
    if (error < 0)
        return error;
    const bool differ = strcmp(l->name[i], l->name[j]) != 0;
    const char *a = differ ? l->name[i] : l->path[i];
    const char *b = differ ? l->name[j] : l->path[j];
    const bool in_order = strcmp(a, b) < 0;
    return df_fail(DF_EVALUE, "%s: several ready configs have this name: want %s or %s", name, in_order ? a : b,
                   in_order ? b : a);
}

int df_config_find_ready(char **out, const char *name)
{
    List list;
    const size_t n = length_of(name);
    size_t found = SIZE_MAX;
    *out = NULL;
    int error = list_all(&list);
    for (size_t i = 0; error == DF_OK && i < list.n; i++) {
        if (!is_called(list.path[i], name, n))
            continue;
        if (found != SIZE_MAX)
            error = several(&list, name, found, i);
        found = i;
    }
    if (error == DF_OK && found != SIZE_MAX && !(*out = df_path_join("", list.path[found])))
        error = df_fail_memory("a path");
    free_list(&list);
    return error;
}

/* The nearest name that was not told before, else one that has the word in it. */
static const char *next_hint(List *l, const char *name)
{
    const char *hint = df_nearest_name(name, l->name, l->n);
    for (size_t i = 0; !hint && i < l->n; i++)
        if (l->name[i] && strstr(l->name[i], name))
            hint = l->name[i];
    for (size_t i = 0; hint && i < l->n; i++)
        if (l->name[i] && strcmp(l->name[i], hint) == 0)
            l->name[i] = NULL;
    return hint;
}

/* "; did you mean 'a', 'b'?", or nothing; in the list's arena. */
static const char *hints_for(List *l, const char *name)
{
    const char *hints = "";
    for (int i = 0; hints && i < HINTS; i++) {
        const char *hint = next_hint(l, name);
        if (hint)
            hints = df_arena_text(l->arena, "%s%s'%s'", hints, i ? ", " : "; did you mean ", hint);
    }
    return hints && hints[0] ? df_arena_text(l->arena, "%s?", hints) : hints;
}

int df_config_fail_unready(const char *path)
{
    List list;
    int error = list_all(&list);
    const char *name = error == DF_OK ? df_arena_copy(list.arena, path, length_of(path)) : NULL;
    const char *hints = name ? hints_for(&list, name) : NULL;
    if (error == DF_OK && !hints)
        error = df_fail_memory("the list of ready configs");
    if (error == DF_OK)
        error = df_fail(DF_EIO, "%s: No such file or directory, and no ready config has this name%s", path, hints);
    free_list(&list);
    return error;
}
