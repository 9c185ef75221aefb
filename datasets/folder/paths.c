/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/folder/paths.c -- recognises the names of parts and folders, and finds them.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "datasets/dataset_config.h"
#include "datasets/folder/found.h"

const char *const df_training_names[] = { "train", "training", "train2017", "train2014", NULL };
const char *const df_validation_names[] = { "val",     "valid", "validation", "val2017",
                                             "val2014", "test",  "testing",    NULL };

const char *df_folder_below(DfFolder *f, const char *dir, const char *name)
{
    const char *slash = !dir[0] || df_ends_with(dir, "/") ? "" : "/";
    return df_arena_text(f->arena, "%s%s%s", dir, slash, name);
}

bool df_folder_has(const char *dir, const char *name)
{
    char path[DF_PATH];
    if (snprintf(path, sizeof path, "%s/%s", dir, name) >= DF_PATH)
        return false;
    return df_file_exists(path) || df_is_directory(path);
}

static bool is_folder(const char *dir, const char *name)
{
    char path[DF_PATH];
    return snprintf(path, sizeof path, "%s/%s", dir, name) < DF_PATH && df_is_directory(path);
}

const char *df_folder_first(const char *dir, const char *const *names)
{
    for (; *names; names++)
        if (is_folder(dir, *names))
            return *names;
    return NULL;
}

int df_folder_part_of(const char *name)
{
    if (strstr(name, "train"))
        return DF_TRAINING;
    return strstr(name, "val") ? DF_VALIDATION : -1;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

int df_folder_list(DfFolder *f, const char *dir, const char *suffix, int *n, const char ***names)
{
    size_t capacity = 0;
    const char **list = NULL;
    *n = 0;
    *names = NULL;
    DIR *open = opendir(dir);
    int error = open ? DF_OK : df_fail_errno("%s", dir);
    for (const struct dirent *entry; error == DF_OK && (entry = readdir(open));) {
        if (entry->d_name[0] == '.' || !df_ends_with(entry->d_name, suffix))
            continue;
        if (!df_grow((void **)&list, &capacity, (size_t)*n, sizeof *list) ||
            !(list[*n] = df_arena_copy(f->arena, entry->d_name, strlen(entry->d_name))))
            error = df_fail_memory("a list of files");
        else
            ++*n;
    }
    if (open)
        closedir(open);
    if (error == DF_OK && *n)
        qsort(list, (size_t)*n, sizeof *list, by_name);
    if (error == DF_OK && !(*names = df_arena_alloc(f->arena, (size_t)*n + 1, sizeof **names)))
        error = df_fail_memory("a list of files");
    if (error == DF_OK && *n)
        memcpy(*names, list, (size_t)*n * sizeof *list);
    df_free(list);
    return error;
}
