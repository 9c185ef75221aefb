/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/metric/check.c -- deformer metric check: finds mistakes that silently ruin a score. It fails (exit status 1) if
 * a finding is an error.
 */
#include <string.h>

#include "cli/metric/metric.h"
#include "datasets/datasets.h"

/* The size of a picture. The whole file is decoded, so a damaged one is found too. */
static int size_of(void *user, const char *file_name, int *width, int *height)
{
    DfImage image = { 0 };
    char *path = df_path_join(user, file_name);
    if (!path)
        return df_fail_memory("a path");
    const int error = df_image_read(&image, path);
    *width = image.width;
    *height = image.height;
    df_image_free(&image);
    df_free(path);
    return error;
}

static int tell(const DfCheck *check)
{
    char *table = NULL, *json = NULL;
    int error = cli_metric_wants_table() ? df_check_text(check, &table) : DF_OK;
    if (error == DF_OK && cli_metric.json)
        error = df_check_json(check, &json);
    return cli_metric_tell(error, table, json);
}

static int check_files(DfCheck *check, int n, const char *const *args)
{
    const char *images = cli_metric.images;
    char *folder = images ? df_path_join(images, "") : NULL;
    int error = images && !folder ? df_fail_memory("a path") : df_check_truth(check, args[0]);
    if (error == DF_OK && folder)
        error = df_check_images(check, size_of, folder);
    for (int i = 1; error == DF_OK && i < n; i++)
        error = df_check_results(check, args[i]);
    df_free(folder);
    return error == DF_OK ? df_check_conclude(check) : error;
}

static int run(int n, const char *const *args)
{
    DfCheck *check = NULL;
    const bool maps = df_is_directory(args[0]);
    int error = cli_check_output(cli_metric.json);
    if (error == DF_OK && maps && n != 2)
        error = df_fail(CLI_EUSAGE, "%s is a folder: want deformer metric check GT_DIR PRED_DIR", args[0]);
    if (error == DF_OK)
        error = df_check_new(&check);
    if (error == DF_OK)
        error = maps ? cli_check_maps(check, args[0], args[1]) : check_files(check, n, args);
    if (error == DF_OK)
        error = tell(check);
    const size_t errors = error == DF_OK ? df_check_count(check, DF_CHECK_ERROR) : 0;
    df_check_free(check);
    return errors
               ? df_fail(DF_EVALUE, "found %zu error%s that would make a score wrong", errors, errors == 1 ? "" : "s")
               : error;
}

const CliSubcommand cli_metric_check = { "check", "GT.json [DT.json...] | GT_DIR PRED_DIR", 1, -1, run };
