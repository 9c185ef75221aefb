/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/metric/files.c -- lists the files of a folder, sorted, and reads files as lists of lines.
 */
#include "cli/metric/metric.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

/* ---- folders ----------------------------------------------------------------------------------------------------- */

enum { DEPTH = 8 };

static int keep(CliFiles *files, char *name)
{
    if (!df_grow((void **)&files->name, &files->capacity, files->n, sizeof *files->name)) {
        df_free(name);
        return df_fail_memory("a list of files");
    }
    files->name[files->n++] = name;
    return DF_OK;
}

static int list_below(CliFiles *files, const char *root, const char *below, const char *suffix, int depth);

static int take_entry(CliFiles *files, const char *root, const char *below, const char *entry, const char *suffix,
                      int depth)
{
    char *name = below[0] ? df_path_join(below, entry) : df_malloc(strlen(entry) + 1);
    char *path = NULL;
    if (name && !below[0])
        memcpy(name, entry, strlen(entry) + 1);
    if (name)
        path = df_path_join(root, name);
    if (!name || !path) {
        df_free(name);
        return df_fail_memory("a list of files");
    }
    const bool folder = df_is_directory(path);
    int error = DF_OK;
    df_free(path);
    if (folder && depth > 0)
        error = list_below(files, root, name, suffix, depth - 1);
    else if (!folder && df_ends_with(entry, suffix))
        return keep(files, name);
    df_free(name);
    return error;
}

static int list_below(CliFiles *files, const char *root, const char *below, const char *suffix, int depth)
{
    char *path = below[0] ? df_path_join(root, below) : NULL;
    if (below[0] && !path)
        return df_fail_memory("a list of files");
    DIR *folder = opendir(path ? path : root);
    int error = folder ? DF_OK : df_fail_errno("%s", path ? path : root);
    for (const struct dirent *entry; error == DF_OK && (entry = readdir(folder));)
        if (entry->d_name[0] != '.')
            error = take_entry(files, root, below, entry->d_name, suffix, depth);
    if (folder)
        closedir(folder);
    df_free(path);
    return error;
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

int cli_files_list(CliFiles *files, const char *folder, const char *suffix)
{
    *files = (CliFiles){ 0 };
    const int error = list_below(files, folder, "", suffix, DEPTH);
    if (error < 0)
        cli_files_free(files);
    else if (files->n)
        qsort(files->name, files->n, sizeof *files->name, compare);
    return error;
}

void cli_files_free(CliFiles *files)
{
    for (size_t i = 0; i < files->n; i++)
        df_free(files->name[i]);
    df_free(files->name);
    *files = (CliFiles){ 0 };
}

/* ---- lines ------------------------------------------------------------------------------------------------------- */

int cli_lines_read(CliLines *lines, const char *path)
{
    size_t size;
    *lines = (CliLines){ 0 };
    int error = df_file_text(&lines->text, &size, path, (size_t)1 << 30);
    if (error == DF_OK)
        error = df_text_check(lines->text, size, path);
    for (char *at = lines->text; error == DF_OK && at && *at;) {
        if (!df_grow((void **)&lines->line, &lines->capacity, lines->n, sizeof *lines->line)) {
            error = df_fail_memory("the lines of a file");
            break;
        }
        lines->line[lines->n++] = at;
        char *end = strchr(at, '\n'), *next = end ? end + 1 : NULL;
        end = end ? end : at + strlen(at);
        while (end > at && (end[-1] == '\r' || end[-1] == ' ' || end[-1] == '\t'))
            end--;
        *end = 0;
        at = next;
    }
    while (lines->n && !lines->line[lines->n - 1][0])
        lines->n--;
    if (error < 0)
        cli_lines_free(lines);
    return error;
}

void cli_lines_free(CliLines *lines)
{
    df_free(lines->line);
    df_free(lines->text);
    *lines = (CliLines){ 0 };
}
