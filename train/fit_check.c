/* SPDX-License-Identifier: Apache-2.0
 *
 * train/fit_check.c -- a look through the annotations of a folder before anything is learnt from them.
 */
#include <stdio.h>
#include <string.h>

#include "eval/eval.h"
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

/* Classes that no object has become one sentence. */
typedef struct {
    long n;
    char first[128];
} Empty;

/* "note: FILE: line 69: category 1 person has no annotation: .." and "    and 71 more like this (category_without_truth)" */
static bool is_empty_class(Empty *e, const char *line)
{
    const char *name = strstr(line, ": category ");
    const char *end = strstr(line, " has no annotation: its AP");
    long more;
    if (strstr(line, "(category_without_truth)") && sscanf(line, " and %ld more", &more) == 1) {
        e->n += more;
        return true;
    }
    if (!name || !end || end < name)
        return false;
    name += strlen(": category ");
    if (e->n++ == 0)
        snprintf(e->first, sizeof e->first, "%.*s", (int)(end - name), name);
    return true;
}

/* The lines of a text but the last, which counts them; notes of pictures without objects are none of a warning. The text
 * is taken apart. */
static void add_warnings(DfTextbuf *out, char *text, const char *file)
{
    Empty empty = { 0 };
    for (char *line = text, *end; (end = strchr(line, '\n')) && end[1]; line = end + 1) {
        *end = 0;
        if (!is_empty_class(&empty, line) && !df_starts_with(line, "note: "))
            df_textbuf_add(out, "%s\n", line);
    }
    if (empty.n)
        df_textbuf_add(out, "warning: %s: %ld class%s no object, the first is category %s\n", file, empty.n,
                       empty.n == 1 ? " has" : "es have", empty.first);
}

/* Errors stand first: the first of them becomes the sentence. */
static int tell(const DfCheck *check, const char *file, char *text, DfTextbuf *warnings)
{
    static const char error[] = "error: ";
    const size_t errors = df_check_count(check, DF_CHECK_ERROR);
    if (errors == 0) {
        add_warnings(warnings, text, file);
        return DF_OK;
    }
    text[strcspn(text, "\n")] = 0;
    text += df_starts_with(text, error) ? strlen(error) : 0;
    if (errors == 1)
        return df_fail(DF_EVALUE, "%s", text);
    return df_fail(DF_EVALUE, "%s, and %zu more errors: `deformer metric check %s` shows them", text, errors - 1, file);
}

static int check_one(const char *truth, const char *images, DfTextbuf *warnings)
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
        error = tell(check, truth, text, warnings);
    df_free(text);
    df_check_free(check);
    return error;
}

/* The dict of a data set that has one annotation file in COCO's form and one folder; NULL for others. */
static const DfNode *one_file(const DfNode *root, const char *place)
{
    const DfNode *dict = df_node_at(root, place);
    while (df_node_get(dict, "dataset"))
        dict = df_node_get(dict, "dataset");
    const char *type = df_node_text(df_node_get(dict, "type"), "");
    const bool fine = strcmp(type, "CocoDataset") == 0 && df_node_text(df_node_get(dict, "ann_file"), NULL);
    return fine ? dict : NULL;
}

int df_fit_check(const DfNode *root, DfTextbuf *warnings)
{
    static const char *const places[] = { "data.train", "data.val" };
    const char *before = "";
    int error = DF_OK;
    for (int i = 0; error == DF_OK && i < 2; i++) {
        const DfNode *dict = one_file(root, places[i]);
        const char *truth = df_node_text(df_node_get(dict, "ann_file"), NULL);
        if (dict && strcmp(truth, before) != 0)
            error = check_one(truth, df_node_text(df_node_get(dict, "img_prefix"), ""), warnings);
        before = dict ? truth : before;
    }
    return error;
}
