/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/predict/pictures.c -- which pictures a command line means, in order, and whether results beside them would
 * collide.
 */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/predict/predict.h"

static int add_path(CliPictures *p, char *path)
{
    if (!path || !df_grow((void **)&p->path, &p->capacity, p->n, sizeof *p->path)) {
        df_free(path);
        return df_fail_memory("the list of pictures");
    }
    p->path[p->n++] = path;
    return DF_OK;
}

static bool is_picture(const char *name)
{
    static const char *const endings[] = { ".jpg", ".jpeg", ".png", ".JPG", ".JPEG", ".PNG" };
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++)
        if (df_ends_with(name, endings[i]))
            return true;
    return false;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static int add_folder(CliPictures *p, const char *folder)
{
    DIR *entries = opendir(folder);
    if (!entries)
        return df_fail_errno("%s", folder);
    const size_t before = p->n;
    int error = DF_OK;
    for (struct dirent *e; error == DF_OK && (e = readdir(entries));)
        if (is_picture(e->d_name))
            error = add_path(p, df_path_join(folder, e->d_name));
    closedir(entries);
    if (error == DF_OK && p->n == before)
        return df_fail(DF_EVALUE, "%s: no .jpg, .jpeg or .png file in this folder", folder);
    qsort(p->path + before, p->n - before, sizeof *p->path, by_name);
    return error;
}

int cli_pictures_add(CliPictures *p, int n, const char *const *args)
{
    int error = DF_OK;
    for (int i = 0; error == DF_OK && i < n; i++)
        error = df_is_directory(args[i]) ? add_folder(p, args[i]) : add_path(p, df_path_join("", args[i]));
    return error;
}

const char *cli_name_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

size_t cli_stem_length(const char *name)
{
    const char *dot = strrchr(name, '.');
    return dot ? (size_t)(dot - name) : strlen(name);
}

static int by_file_name(const void *a, const void *b)
{
    return strcmp(cli_name_of(*(char *const *)a), cli_name_of(*(char *const *)b));
}

/* Drawings go into one folder under the pictures' own names: not over a picture, and not over one another. */
int cli_pictures_check(const CliPictures *p, const char *out_dir)
{
    char **sorted = df_malloc((p->n + 1) * sizeof *sorted);
    int error = sorted ? DF_OK : df_fail_memory("the list of pictures");
    if (error == DF_OK) {
        memcpy(sorted, p->path, p->n * sizeof *sorted);
        qsort(sorted, p->n, sizeof *sorted, by_file_name);
    }
    for (size_t i = 0; error == DF_OK && i < p->n; i++) {
        struct stat from, to;
        char *drawing = df_path_join(out_dir, cli_name_of(sorted[i]));
        if (!drawing)
            error = df_fail_memory("a path");
        else if (i && by_file_name(&sorted[i - 1], &sorted[i]) == 0)
            error = df_fail(DF_EVALUE, "%s and %s would both be drawn as %s", sorted[i - 1], sorted[i], drawing);
        else if (stat(sorted[i], &from) == 0 && stat(drawing, &to) == 0 && from.st_dev == to.st_dev &&
                 from.st_ino == to.st_ino)
            error = df_fail(DF_EVALUE, "--out %s: the drawing would replace the picture %s", out_dir, sorted[i]);
        df_free(drawing);
    }
    df_free(sorted);
    return error;
}

/* Results that are named after a picture without its ending: two of a stem would be one. */
static int by_stem(const void *a, const void *b)
{
    const char *x = cli_name_of(*(char *const *)a);
    const char *y = cli_name_of(*(char *const *)b);
    const int n = (int)cli_stem_length(x);
    const int m = (int)cli_stem_length(y);
    const int order = strncmp(x, y, (size_t)(n < m ? n : m));
    return order ? order : n - m;
}

int cli_pictures_check_stems(const CliPictures *p, const char *dir)
{
    char **sorted = df_malloc((p->n + 1) * sizeof *sorted);
    if (!sorted)
        return df_fail_memory("the list of pictures");
    memcpy(sorted, p->path, p->n * sizeof *sorted);
    qsort(sorted, p->n, sizeof *sorted, by_stem);
    int error = DF_OK;
    for (size_t i = 1; error == DF_OK && i < p->n; i++) {
        const char *name = cli_name_of(sorted[i]);
        if (by_stem(&sorted[i - 1], &sorted[i]) == 0)
            error = df_fail(DF_EVALUE, "%s and %s would both be explained in %s under the name %.*s", sorted[i - 1],
                            sorted[i], dir, (int)cli_stem_length(name), name);
    }
    df_free(sorted);
    return error;
}

void cli_pictures_free(CliPictures *p)
{
    for (size_t i = 0; i < p->n; i++)
        df_free(p->path[i]);
    df_free(p->path);
    *p = (CliPictures){ 0 };
}
