/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/predict/pictures.c -- lists the pictures that a command line names, in order, and checks that their results
 * would not overwrite one another.
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

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* ---- folders ----------------------------------------------------------------------------------------------------- */

enum { DEPTH = 16 }; /* of folders in folders: a loop of links ends there */

/* The folders of the command line whose folders were looked through, too: a result is called after the path below. */
static struct {
    const char *const *folder;
    int n;
} walked;

static int add_entries(CliPictures *p, const char *folder, int depth);

/* Hidden files and folders are left out, as by `ls`. */
static int add_entry(CliPictures *p, const char *folder, const char *name, int depth)
{
    if (name[0] == '.')
        return DF_OK;
    char *path = df_path_join(folder, name);
    if (!path)
        return df_fail_memory("the list of pictures");
    int error = DF_OK;
    if (depth > 0 && df_is_directory(path))
        error = add_entries(p, path, depth - 1);
    else if (df_image_is_named(name))
        return add_path(p, path);
    df_free(path);
    return error;
}

static int add_entries(CliPictures *p, const char *folder, int depth)
{
    DIR *entries = opendir(folder);
    if (!entries)
        return df_fail_errno("%s", folder);
    int error = DF_OK;
    for (struct dirent *e; error == DF_OK && (e = readdir(entries));)
        error = add_entry(p, folder, e->d_name, depth);
    closedir(entries);
    return error;
}

static int add_folder(CliPictures *p, const char *folder, bool recursive)
{
    const size_t before = p->n;
    const int error = add_entries(p, folder, recursive ? DEPTH : 0);
    if (error == DF_OK && p->n == before)
        return df_fail(DF_EVALUE,
                       "%s: no picture in this folder%s: want names that end in .jpg, .png, .bmp, .tif or .webp",
                       folder, recursive ? " or those in it" : " (those in it count with --recursive)");
    if (p->n > before)
        qsort(p->path + before, p->n - before, sizeof *p->path, by_name);
    return error;
}

/* ---- a list on standard input ------------------------------------------------------------------------------------ */

/* A path a line; zeros may stand for the ends of lines, as `find -print0` writes them. */
static int add_list(CliPictures *p)
{
    char *text;
    size_t size;
    int error = df_file_text(&text, &size, "/dev/stdin", DF_PIPE_MOST);
    if (error < 0)
        return df_fail_in(error, "the list of pictures (-): ");
    for (size_t at = 0; error == DF_OK && at < size;) {
        char *line = text + at;
        size_t length = strcspn(line, "\n");
        at += length + 1;
        line[length] = 0;
        while (length > 0 && line[length - 1] == '\r')
            line[--length] = 0;
        if (length > 0)
            error = add_path(p, df_path_join("", line));
    }
    df_free(text);
    return error;
}

static int add_argument(CliPictures *p, const char *arg, bool recursive)
{
    if (strcmp(arg, "-") == 0)
        return add_list(p);
    return df_is_directory(arg) ? add_folder(p, arg, recursive) : add_path(p, df_path_join("", arg));
}

int cli_pictures_add(CliPictures *p, int n, const char *const *args, bool recursive)
{
    int error = DF_OK;
    walked.folder = args;
    walked.n = recursive ? n : 0;
    for (int i = 0; error == DF_OK && i < n; i++)
        error = add_argument(p, args[i], recursive);
    if (error == DF_OK && p->n == 0)
        error = df_fail(DF_EVALUE, "the list of pictures (-) is empty");
    return error;
}

/* ---- names of results -------------------------------------------------------------------------------------------- */

/* The path below a folder that it begins with; NULL if it does not. */
static const char *below(const char *path, const char *folder)
{
    size_t n = strlen(folder);
    while (n > 1 && folder[n - 1] == '/')
        n--;
    return strncmp(path, folder, n) == 0 && path[n] == '/' ? path + n + strspn(path + n, "/") : NULL;
}

const char *cli_name_of(const char *path)
{
    for (int i = 0; i < walked.n; i++) {
        const char *name = below(path, walked.folder[i]);
        if (name)
            return name;
    }
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

int cli_pictures_make_folders(const CliPictures *p, const char *dir)
{
    int error = df_make_directory(dir);
    for (size_t i = 0; error == DF_OK && walked.n && i < p->n; i++) {
        char *path = df_path_join(dir, cli_name_of(p->path[i]));
        if (!path)
            return df_fail_memory("a path");
        *strrchr(path, '/') = 0;
        error = df_make_directory(path);
        df_free(path);
    }
    return error;
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
            error = df_fail(DF_EVALUE, "%s and %s would both be written in %s under the name %.*s", sorted[i - 1],
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
