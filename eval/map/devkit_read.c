/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/map/devkit_read.c -- reads the labels of pictures and the results of classes, in any order.
 */
#include <string.h>

#include "eval/map/devkit_data.h"

enum { LABELS = 1 << 26 }; /* bytes of the labels of one picture */
static const size_t results_limit = (size_t)1 << 34;

int df_devkit_new(DfDevkit **out, DfDevkitForm form)
{
    *out = df_calloc(1, sizeof **out);
    if (!*out)
        return df_fail_memory("labels and results");
    (*out)->form = form;
    return DF_OK;
}

void df_devkit_free(DfDevkit *d)
{
    if (!d)
        return;
    df_ids_done(&d->pictures);
    df_ids_done(&d->classes);
    df_free(d->objects);
    df_free(d->found);
    df_free(d);
}

/* ---- labels ----------------------------------------------------------------------------------------------------- */

/* Where the objects of a file go. */
typedef struct {
    DfDevkit *devkit;
    uint32_t picture;
} Labels;

static int keep_object(const Labels *l, const char *class_name, DevkitObject object)
{
    DfDevkit *const d = l->devkit;
    object.picture = l->picture;
    if (!df_grow((void **)&d->objects, &d->objects_capacity, d->n_objects, sizeof *d->objects) ||
        d->n_objects >= DF_NO_ID)
        return df_fail_memory("labels");
    const int error = df_ids_add(&d->classes, (DfId){ 0, class_name }, &object.class);
    if (error == DF_OK)
        d->objects[d->n_objects++] = object;
    return error;
}

static int take_voc(void *arg, const DfVocObject *from)
{
    DevkitObject object = { .difficult = from->difficult };
    memcpy(object.box, from->box, sizeof from->box);
    return keep_object(arg, from->name, object);
}

static int take_dota(void *arg, const DfDotaObject *from)
{
    DevkitObject object = { .difficult = from->difficult };
    memcpy(object.box, from->corner, sizeof from->corner);
    return keep_object(arg, from->name, object);
}

static int pass_picture(void *arg, const DfVocPicture *picture)
{
    (void)arg;
    (void)picture;
    return DF_OK;
}

int df_devkit_read_labels(DfDevkit *d, const char *picture, const char *path)
{
    char *text = NULL;
    size_t size = 0;
    Labels labels = { .devkit = d };
    const size_t before = d->pictures.n;
    int error = df_ids_add(&d->pictures, (DfId){ 0, picture }, &labels.picture);
    if (error == DF_OK && d->pictures.n == before)
        error = df_fail(DF_EVALUE, "%s: picture '%.100s' has labels already: want each picture once", path, picture);
    if (error == DF_OK)
        error = df_file_text(&text, &size, path, LABELS);
    if (error == DF_OK && d->form == DF_DEVKIT_VOC)
        error = df_voc_read(text, size, path, &(DfVocSink){ &labels, take_voc, pass_picture });
    else if (error == DF_OK)
        error = df_dota_read_labels(text, size, path, &(DfDotaSink){ &labels, take_dota });
    df_free(text);
    return error;
}

/* ---- results ---------------------------------------------------------------------------------------------------- */

typedef struct {
    DfDevkit *devkit;
    const char *path;
    uint32_t class;
} Results;

static int take_result(void *arg, const DfVocResult *r)
{
    const Results *to = arg;
    DfDevkit *const d = to->devkit;
    DevkitFound f = { .score = r->score, .class = to->class };
    f.picture = df_ids_find(&d->pictures, (DfId){ 0, r->image });
    if (f.picture == DF_NO_ID)
        return df_fail(DF_EVALUE, "%s: line %zu: no labels of a picture '%.100s' among the %zu that are scored",
                       to->path, r->line, r->image, d->pictures.n);
    memcpy(f.box, r->box, sizeof f.box);
    if (!df_grow((void **)&d->found, &d->found_capacity, d->n_found, sizeof *d->found) || d->n_found >= DF_NO_ID)
        return df_fail_memory("results");
    d->found[d->n_found++] = f;
    return DF_OK;
}

int df_devkit_read_results(DfDevkit *d, const char *class_name, const char *path)
{
    DfFile file = { 0 };
    Results results = { .devkit = d, .path = path };
    const int coordinates = d->form == DF_DEVKIT_VOC ? 4 : 8;
    int error = df_ids_add(&d->classes, (DfId){ 0, class_name }, &results.class);
    if (error == DF_OK)
        error = df_file_open(&file, path, results_limit);
    if (error == DF_OK)
        error = df_voc_read_results((const char *)file.data, file.size, path, coordinates,
                                    &(DfVocResultSink){ &results, take_result });
    df_file_close(&file);
    return error;
}
