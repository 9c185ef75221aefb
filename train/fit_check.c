/* SPDX-License-Identifier: Apache-2.0
 *
 * train/fit_check.c -- a look through the annotations of a folder before anything is learnt from them.
 */
#include <stdio.h>
#include <string.h>

#include "eval/eval.h"
#include "datasets/datasets.h"
#include "train/fit.h"

/* The size of a picture, as its header says. */
static int size_of(void *folder, const char *file_name, int *width, int *height)
{
    char *path = df_path_join(folder, file_name);
    if (!path)
        return df_fail_memory("a path");
    const int error = df_image_read_size(path, height, width);
    df_free(path);
    return error;
}

/* A class that no object has is more than a note to a network that should learn it. */
static DfLogLevel level_of(const char *line)
{
    return df_starts_with(line, "note: ") && !strstr(line, "category") ? DF_LOG_INFO : DF_LOG_WARNING;
}

/* Logs the lines of a text but the last, which counts them; it is taken apart. */
static void log_lines(char *text)
{
    DfLogLevel level = DF_LOG_WARNING;
    for (char *line = text, *end; (end = strchr(line, '\n')) && end[1]; line = end + 1) {
        *end = 0;
        level = line[0] == ' ' ? level : level_of(line); /* "    and 3 more like this" */
        df_log(level, "%s", line);
    }
}

/* Errors stand first: the first of them becomes the sentence. */
static int tell(const DfCheck *check, const char *file, char *text)
{
    static const char error[] = "error: ";
    const size_t errors = df_check_count(check, DF_CHECK_ERROR);
    if (errors == 0) {
        log_lines(text);
        return DF_OK;
    }
    text[strcspn(text, "\n")] = 0;
    text += df_starts_with(text, error) ? strlen(error) : 0;
    if (errors == 1)
        return df_fail(DF_EVALUE, "%s", text);
    return df_fail(DF_EVALUE, "%s, and %zu more errors: `deformer metric check %s` shows them", text, errors - 1, file);
}

static int check_one(const char *truth, const char *images)
{
    DfCheck *check = NULL;
    char *text = NULL;
    char folder[4096];
    snprintf(folder, sizeof folder, "%s", images);
    int error = df_check_new(&check);
    if (error == DF_OK)
        error = df_check_truth(check, truth);
    if (error == DF_OK)
        error = df_check_images(check, size_of, folder);
    if (error == DF_OK)
        error = df_check_text(check, &text);
    if (error == DF_OK)
        error = tell(check, truth, text);
    df_free(text);
    df_check_free(check);
    return error;
}

int df_fit_check(const DfFit *fit)
{
    int error = DF_OK;
    for (int i = 0; error == DF_OK && i < 2; i++)
        if (fit->truth[i] && (i == 0 || strcmp(fit->truth[0], fit->truth[1]) != 0))
            error = check_one(fit->truth[i], fit->images[i]);
    return error;
}
