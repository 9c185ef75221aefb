/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/metric/check_maps.c -- deformer metric check for two folders of label maps.
 */
#include <string.h>

#include "cli/metric/metric.h"
#include "datasets/datasets.h"

typedef struct {
    DfCheck *check;
    const char *labels, *preds;
    CliFiles files;
    DfImage label, pred;
} Run;

/* FOLDER/NAME with the suffix of predictions in place of that of labels. */
static char *pred_path(const Run *r, const char *name)
{
    char other[4096];
    const size_t stem = strlen(name) - strlen(cli_metric.gt_suffix);
    df_snprintf(other, sizeof other, "%.*s%s", (int)stem, name, cli_metric.pred_suffix);
    return df_path_join(r->preds, other);
}

/* A lack of memory is no fault of the file. */
static int read_map(Run *r, DfImage *map, const char *path, bool *read)
{
    const int error = df_image_read_labels_again(map, path);
    *read = error == DF_OK;
    return error == DF_OK || error == DF_ENOMEM ? error : df_check_map_fails(r->check, path);
}

static int look_at(Run *r, const char *label_path, const char *path)
{
    bool read;
    int error = read_map(r, &r->label, label_path, &read);
    if (error == DF_OK && read)
        error = read_map(r, &r->pred, path, &read);
    if (error < 0 || !read)
        return error;
    return df_check_pair(r->check, &(DfCheckPair){ label_path, path, r->label.pixels, r->pred.pixels, r->label.height,
                                                   r->label.width, r->pred.height, r->pred.width });
}

static int look_at_file(Run *r, const char *name)
{
    char *label_path = df_path_join(r->labels, name);
    char *path = pred_path(r, name);
    int error = label_path && path ? DF_OK : df_fail_memory("a path");
    if (error == DF_OK && cli_interrupted())
        error = df_fail(DF_EINTERRUPT, "stopped");
    if (error == DF_OK)
        error = look_at(r, label_path, path);
    df_free(label_path);
    df_free(path);
    return error;
}

static int look_at_all(Run *r, const DfMiouParams *p, const CliLines *names)
{
    int error = cli_files_list(&r->files, r->labels, cli_metric.gt_suffix);
    if (error == DF_OK && r->files.n == 0)
        error = df_fail(DF_EVALUE, "%s: no file ends in %s", r->labels, cli_metric.gt_suffix);
    for (size_t i = 0; error == DF_OK && i < r->files.n; i++)
        error = look_at_file(r, r->files.name[i]);
    if (error == DF_OK)
        error = df_check_maps(r->check, r->labels, p, names->n ? (const char *const *)names->line : NULL);
    return error;
}

int cli_check_maps(DfCheck *check, const char *labels, const char *preds)
{
    Run r = { .check = check, .labels = labels, .preds = preds };
    DfMiouParams p = df_miou_params();
    CliLines names = { 0 };
    int error = DF_OK;
    p.classes = (int)cli_metric.num_classes;
    p.ignore_index = (int)cli_metric.ignore_index;
    p.reduce_zero_label = !cli_metric.no_reduce;
    if (cli_metric.class_names)
        error = cli_lines_read(&names, cli_metric.class_names);
    if (error == DF_OK && names.n && names.n != (size_t)p.classes)
        error = df_fail(DF_EVALUE, "%s has %zu lines: want the names of %d classes, one per line",
                        cli_metric.class_names, names.n, p.classes);
    if (error == DF_OK)
        error = look_at_all(&r, &p, &names);
    df_image_free(&r.label);
    df_image_free(&r.pred);
    cli_files_free(&r.files);
    cli_lines_free(&names);
    return error;
}
