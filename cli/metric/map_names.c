/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/metric/map_names.c -- names for the classes of label maps, from data sets and runs.
 */
#include "cli/metric/map_names.h"

#include <string.h>

#include "datasets/datasets.h"

/* One name a line. A file with another number of lines is about something else. */
static int from_lines(CliMapNames *names, const char *folder, int classes)
{
    char *path = df_path_join(folder, "classes.txt");
    int error = path ? DF_OK : df_fail_memory("a path");
    if (error == DF_OK && df_file_exists(path))
        error = cli_lines_read(&names->lines, path);
    if (error == DF_OK && names->lines.n == (size_t)classes)
        names->name = (const char *const *)names->lines.line;
    else
        cli_lines_free(&names->lines);
    df_free(path);
    return error;
}

static int from_run(CliMapNames *names, const char *folder, int classes)
{
    char *path = df_path_join(folder, "results.miou.json");
    int error = path ? DF_OK : df_fail_memory("a path");
    if (error == DF_OK && df_file_exists(path))
        error = df_image_scores_read(&names->scores, path);
    if (error == DF_OK && names->scores && df_image_scores_classes(names->scores) == classes)
        names->name = df_image_scores_names(names->scores);
    df_free(path);
    return error;
}

/* In the folder of the labels, and then in those around it. */
static int from_around(CliMapNames *names, const char *folder, int classes)
{
    enum { LEVELS = 3 };
    DfTextbuf path = { 0 };
    int error = DF_OK;
    df_textbuf_add(&path, "%s", folder);
    for (int level = 0; error == DF_OK && !names->name && level < LEVELS; level++) {
        if (!path.failed)
            error = from_lines(names, path.at, classes);
        df_textbuf_add(&path, "/..");
    }
    if (error == DF_OK && path.failed)
        error = df_fail_memory("a path");
    df_free(path.at);
    return error;
}

int cli_map_names(CliMapNames *names, const char *gt_dir, const char *pred_dir, int classes)
{
    int error = DF_OK;
    *names = (CliMapNames){ 0 };
    if (cli_metric.class_names) {
        error = cli_lines_read(&names->lines, cli_metric.class_names);
        names->name = (const char *const *)names->lines.line;
        return error;
    }
    error = from_lines(names, pred_dir, classes);
    if (error == DF_OK && !names->name)
        error = from_around(names, gt_dir, classes);
    if (error == DF_OK && !names->name)
        error = from_run(names, pred_dir, classes);
    if (error == DF_OK && !names->name && classes == DF_ADE_CLASSES)
        names->name = df_ade_classes;
    return error;
}

void cli_map_names_done(CliMapNames *names)
{
    cli_lines_free(&names->lines);
    df_image_scores_free(names->scores);
    *names = (CliMapNames){ 0 };
}
