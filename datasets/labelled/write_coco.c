/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/labelled/write_coco.c -- writes files of COCO's schema in a canonical form: one record a line, known
 * members first and in a fixed order, numbers as short as possible. A file that has this form is written unchanged.
 *
 * Instead of file_name LVIS has a coco_url that ends in it, and each picture lists the classes that were annotated:
 * neg_category_ids and not_exhaustive_category_ids. Where all objects of all classes are annotated, as in COCO, these
 * follow from the objects, and COCO's files omit them.
 */
#include <string.h>

#include "datasets/labelled/private.h"

/* One file: all pictures of a part, or of all parts (part -1). */
typedef struct {
    DfLabelledOut *out;
    const DfLabelled *set;
    DfWriter *file;
    DfTextbuf *text;
    bool lvis;
    int part;
    bool *present;       /* [classes]: in the picture that is written     */
    int *images_of;      /* [classes]: pictures with an object            */
    bool renumber;       /* ids of several files would meet               */
    int64_t next_object;
} Coco;

static void flush(Coco *c)
{
    if (c->text->n)
        df_write(c->file, c->text->at, c->text->n);
    c->text->n = 0;
}

static void put_id(DfTextbuf *to, const char *key, DfId id)
{
    df_textbuf_add(to, "\"%s\": ", key);
    if (df_id_is_text(id))
        df_textbuf_json(to, id.text);
    else if (id.text)
        df_textbuf_add(to, "%s", id.text);
    else
        df_textbuf_add(to, "%lld", (long long)id.number);
}

static void put_rest(DfTextbuf *to, const char *rest)
{
    if (rest[0])
        df_textbuf_add(to, ", %s", rest);
}

static bool is_of_file(const Coco *c, int picture)
{
    return c->part < 0 || c->set->pictures[picture].part == c->part;
}

/* ---- which classes were looked for ------------------------------------------------------------------------------- */

/* A crowd is no object of LVIS: its class is not annotated exhaustively in that picture. */
static bool is_left_out(const Coco *c, const DfLabelledObject *o)
{
    return c->lvis && o->crowd;
}

static void find_present(Coco *c, const DfLabelledPicture *picture)
{
    memset(c->present, 0, ((size_t)c->set->n_classes + 1) * sizeof *c->present);
    for (size_t k = 0; k < picture->n; k++)
        c->present[c->set->objects[c->set->order[picture->first + k]].label] = true;
}

static void count_images(Coco *c)
{
    for (int i = 0; i < c->set->n_pictures; i++) {
        if (!is_of_file(c, i))
            continue;
        find_present(c, &c->set->pictures[i]);
        for (int k = 0; k < c->set->n_classes; k++)
            c->images_of[k] += c->present[k];
    }
}

/* The lists say what the objects say. */
static bool is_exhaustive(const Coco *c, const DfLabelledPicture *picture)
{
    int there = 0;
    for (int k = 0; k < c->set->n_classes; k++)
        there += c->present[k];
    bool exhaustive = picture->n_incomplete == 0 && picture->n_absent == c->set->n_classes - there;
    for (int k = 0; k < picture->n_absent; k++)
        exhaustive = exhaustive && !c->present[picture->absent[k]] &&
                     (k == 0 || picture->absent[k - 1] < picture->absent[k]);
    return exhaustive;
}

static DfId class_id(const Coco *c, int label)
{
    return c->set->classes[label].id;
}

static void put_labels(Coco *c, const char *key, const int *labels, int n)
{
    df_textbuf_add(c->text, ", \"%s\": [", key);
    for (int i = 0; i < n; i++)
        df_textbuf_add(c->text, "%s%lld", i ? ", " : "", (long long)class_id(c, labels[i]).number);
    df_textbuf_add(c->text, "]");
}

static void put_present(Coco *c, const char *key, bool wanted)
{
    const char *between = "";
    df_textbuf_add(c->text, ", \"%s\": [", key);
    for (int k = 0; k < c->set->n_classes; k++)
        if (c->present[k] == wanted) {
            df_textbuf_add(c->text, "%s%lld", between, (long long)class_id(c, k).number);
            between = ", ";
        }
    df_textbuf_add(c->text, "]");
}

static void put_crowds(Coco *c, const DfLabelledPicture *picture)
{
    memset(c->present, 0, ((size_t)c->set->n_classes + 1) * sizeof *c->present);
    for (size_t k = 0; k < picture->n; k++) {
        const DfLabelledObject *o = &c->set->objects[c->set->order[picture->first + k]];
        c->present[o->label] |= o->crowd;
    }
    put_present(c, "not_exhaustive_category_ids", true);
}

static void put_federation(Coco *c, const DfLabelledPicture *picture)
{
    find_present(c, picture);
    if (!picture->federated && c->lvis) {
        put_present(c, "neg_category_ids", false);
        put_crowds(c, picture);
    } else if (picture->federated && (c->lvis || !is_exhaustive(c, picture))) {
        put_labels(c, "neg_category_ids", picture->absent, picture->n_absent);
        put_labels(c, "not_exhaustive_category_ids", picture->incomplete, picture->n_incomplete);
    }
}

/* ---- records ----------------------------------------------------------------------------------------------------- */

static DfId picture_id(const Coco *c, int i)
{
    return c->renumber ? (DfId){ i + 1, NULL } : c->set->pictures[i].id;
}

/* LVIS's address of a picture that has none, which ends in its name; other addresses stay. */
static void put_name(Coco *c, const DfLabelledPicture *picture)
{
    const bool usual = df_starts_with(picture->url, DF_LABELLED_URL) &&
                       strcmp(picture->url + strlen(DF_LABELLED_URL), picture->name) == 0;
    const bool told = picture->url[0] && strcmp(df_labelled_name_in_url(picture->url), picture->name) == 0;
    if (c->lvis && (told || !picture->url[0])) {
        df_textbuf_add(c->text, ", \"coco_url\": ");
        const char *url = df_arena_text(c->set->arena, DF_LABELLED_URL "%s", picture->name);
        df_textbuf_json(c->text, told || !url ? picture->url : url);
        return;
    }
    df_textbuf_add(c->text, ", \"file_name\": ");
    df_textbuf_json(c->text, picture->name);
    if (picture->url[0] && (c->lvis || !usual)) {
        df_textbuf_add(c->text, ", \"coco_url\": ");
        df_textbuf_json(c->text, picture->url);
    }
}

static void put_picture(Coco *c, int i)
{
    const DfLabelledPicture *picture = &c->set->pictures[i];
    df_textbuf_add(c->text, "{");
    put_id(c->text, "id", picture_id(c, i));
    put_name(c, picture);
    if (picture->height && picture->width)
        df_textbuf_add(c->text, ", \"height\": %d, \"width\": %d", picture->height, picture->width);
    put_federation(c, picture);
    put_rest(c->text, picture->rest);
    df_textbuf_add(c->text, "}");
}

static const char *frequency(int images)
{
    if (images <= 10)
        return "r";
    return images <= 100 ? "c" : "f";
}

/* How frequent a class is follows from the pictures, unless the file says otherwise. */
static void put_class_rest(Coco *c, int label)
{
    static const char *const names[] = { "frequency", NULL };
    const DfLabelledClass *class = &c->set->classes[label];
    const char *counted = frequency(c->images_of[label]);
    char told[16];
    const bool has = df_labelled_member(class->rest, "frequency", told, sizeof told);
    if (c->lvis && !has)
        df_textbuf_add(c->text, ", \"frequency\": \"%s\"", counted);
    if (c->lvis || !has || strcmp(told, counted) != 0) {
        put_rest(c->text, class->rest);
        return;
    }
    DfTextbuf rest = { 0 };
    if (!df_labelled_without(&rest, class->rest, names))
        put_rest(c->text, rest.at);
    df_free(rest.at);
}

static void put_class(Coco *c, int label)
{
    df_textbuf_add(c->text, "{");
    put_id(c->text, "id", class_id(c, label));
    df_textbuf_add(c->text, ", \"name\": ");
    df_textbuf_json(c->text, c->set->classes[label].name);
    put_class_rest(c, label);
    df_textbuf_add(c->text, "}");
}

static void put_numbers(DfTextbuf *to, const double *v, size_t n)
{
    df_textbuf_add(to, "[");
    for (size_t i = 0; i < n; i++) {
        df_textbuf_add(to, "%s", i ? ", " : "");
        df_textbuf_shortest(to, v[i]);
    }
    df_textbuf_add(to, "]");
}

static int put_runs(DfTextbuf *to, const DfMask *runs, bool compressed)
{
    char *counts = NULL;
    df_textbuf_add(to, "{\"size\": [%u, %u], \"counts\": ", runs->height, runs->width);
    const int error = compressed ? df_mask_to_text(runs, &counts) : DF_OK;
    if (compressed && error == DF_OK)
        df_textbuf_json(to, counts);
    for (size_t i = 0; !compressed && i < runs->n; i++)
        df_textbuf_add(to, "%s%u", i ? ", " : "[", runs->runs[i]);
    if (!compressed)
        df_textbuf_add(to, "%s]", runs->n ? "" : "[");
    df_textbuf_add(to, "}");
    df_free(counts);
    return error;
}

static int put_mask(DfTextbuf *to, const DfLabelledObject *o)
{
    if (o->mask.form == DF_MASK_NONE)
        return DF_OK;
    df_textbuf_add(to, ", \"segmentation\": ");
    if (o->mask.form == DF_MASK_RUNS)
        return put_runs(to, &o->mask.runs, o->compressed);
    for (size_t i = 0; i < o->mask.n_polygons; i++) {
        df_textbuf_add(to, "%s", i ? ", " : "[");
        put_numbers(to, o->mask.polygons[i].xy, 2 * o->mask.polygons[i].n);
    }
    df_textbuf_add(to, "]");
    return DF_OK;
}

static int put_object(Coco *c, const DfLabelledObject *o)
{
    df_textbuf_add(c->text, "{");
    put_id(c->text, "id", c->renumber ? (DfId){ ++c->next_object, NULL } : o->id);
    df_textbuf_add(c->text, ", ");
    put_id(c->text, "image_id", picture_id(c, o->picture));
    df_textbuf_add(c->text, ", ");
    put_id(c->text, "category_id", class_id(c, o->label));
    if (o->has_box) {
        df_textbuf_add(c->text, ", \"bbox\": ");
        put_numbers(c->text, o->box, 4);
    }
    df_textbuf_add(c->text, ", \"area\": ");
    df_textbuf_shortest(c->text, o->area);
    if (!c->lvis)
        df_textbuf_add(c->text, ", \"iscrowd\": %d", o->crowd);
    df_textbuf_add(c->text, "%s", o->ignore ? ", \"ignore\": 1" : "");
    const int error = put_mask(c->text, o);
    put_rest(c->text, o->rest);
    df_textbuf_add(c->text, "}");
    return error;
}

/* ---- one file ---------------------------------------------------------------------------------------------------- */

static int put_objects(Coco *c)
{
    const char *between = "";
    int error = DF_OK;
    for (size_t k = 0; error == DF_OK && k < c->set->n_objects; k++) {
        const DfLabelledObject *o = &c->set->objects[k];
        if (!is_of_file(c, o->picture))
            continue;
        c->out->report->lost[DF_LOST_CROWDS] += is_left_out(c, o);
        if (is_left_out(c, o))
            continue;
        df_textbuf_add(c->text, "%s\n", between);
        error = put_object(c, o);
        between = ",";
        flush(c);
    }
    return error;
}

static int put_lists(Coco *c)
{
    const DfLabelled *set = c->set;
    const char *head = c->part >= 0 || set->n_parts ? set->parts[c->part >= 0 ? c->part : 0].head : "";
    const char *between = "";
    df_textbuf_add(c->text, "{%s%s\"images\": [", head, head[0] ? ",\n" : "");
    for (int i = 0; i < set->n_pictures; i++)
        if (is_of_file(c, i)) {
            df_textbuf_add(c->text, "%s\n", between);
            put_picture(c, i);
            between = ",";
            flush(c);
        }
    df_textbuf_add(c->text, "\n],\n\"categories\": [");
    for (int i = 0; i < set->n_classes; i++) {
        df_textbuf_add(c->text, "%s\n", i ? "," : "");
        put_class(c, i);
    }
    df_textbuf_add(c->text, "\n],\n\"annotations\": [");
    const int error = put_objects(c);
    df_textbuf_add(c->text, "\n]}\n");
    flush(c);
    return error == DF_OK && c->text->failed ? df_fail_memory("annotations") : error;
}

static int write_file(Coco *c, const char *path)
{
    int error = path ? df_writer_open(&c->file, path) : DF_EVALUE;
    if (error < 0)
        return error;
    c->present = df_calloc((size_t)c->set->n_classes + 1, sizeof *c->present);
    c->images_of = df_calloc((size_t)c->set->n_classes + 1, sizeof *c->images_of);
    error = c->present && c->images_of ? DF_OK : df_fail_memory("annotations");
    if (error == DF_OK) {
        count_images(c);
        error = put_lists(c);
    }
    df_free(c->present);
    df_free(c->images_of);
    c->out->report->files++;
    if (error == DF_OK)
        return df_writer_commit(c->file);
    df_writer_drop(c->file);
    return error;
}

/* ---- all of it --------------------------------------------------------------------------------------------------- */

/* Two records of one id, in what are several files now. */
static int ids_meet(const DfLabelled *set, bool *meet)
{
    DfIds pictures = { 0 };
    DfIds objects = { 0 };
    uint32_t place;
    int error = DF_OK;
    for (int i = 0; error == DF_OK && i < set->n_pictures; i++)
        error = df_ids_add(&pictures, set->pictures[i].id, &place);
    for (size_t k = 0; error == DF_OK && k < set->n_objects; k++)
        error = df_ids_add(&objects, set->objects[k].id, &place);
    *meet = pictures.n < (size_t)set->n_pictures || objects.n < set->n_objects;
    df_ids_done(&pictures);
    df_ids_done(&objects);
    return error;
}

static int write_all_parts(DfLabelledOut *out, bool lvis)
{
    Coco c = { .out = out, .set = out->set, .text = &out->text, .lvis = lvis, .part = -1 };
    int error = df_labelled_check_target(out->set, out->dir);
    if (error == DF_OK && out->set->n_parts > 1)
        error = ids_meet(out->set, &c.renumber);
    if (c.renumber)
        out->report->lost[DF_LOST_IDS] = (size_t)out->set->n_pictures + out->set->n_objects;
    return error == DF_OK ? write_file(&c, out->dir) : error;
}

/* NULL after df_fail() */
static const char *path_of_part(const DfLabelledOut *out, bool lvis, int part)
{
    const char *name = out->set->parts[part].name;
    const char *file = df_arena_text(out->set->arena, "%s%s%s.json", lvis ? "lvis_v1" : "instances",
                                     name[0] ? "_" : "", name);
    if (!file)
        df_fail_memory("a path");
    return file ? df_labelled_target(out, "annotations", "", file, NULL) : NULL;
}

/* No part is written if another cannot be. */
static int write_parts(DfLabelledOut *out, bool lvis)
{
    int error = DF_OK;
    for (int part = 0; error == DF_OK && part < out->set->n_parts; part++)
        error = path_of_part(out, lvis, part) ? DF_OK : DF_EVALUE;
    for (int part = 0; error == DF_OK && part < out->set->n_parts; part++) {
        Coco c = { .out = out, .set = out->set, .text = &out->text, .lvis = lvis, .part = part };
        error = write_file(&c, path_of_part(out, lvis, part));
    }
    return error;
}

/* DIR/PART/a.jpg, or DIR/images/a.jpg where there is one part without a name. */
static int put_pictures(DfLabelledOut *out)
{
    bool named = true;
    for (int i = 0; i < out->set->n_parts; i++)
        named = named && out->set->parts[i].name[0];
    return df_labelled_put_pictures(out, named ? "" : "images", true);
}

static int check_ids(const DfLabelled *set)
{
    for (int i = 0; i < set->n_classes; i++)
        if (set->classes[i].id.text)
            return df_fail(DF_EVALUE, "category %s: want numbers as ids of categories for LVIS",
                           df_id_text(set->classes[i].id));
    return DF_OK;
}

int df_labelled_write_coco(DfLabelledOut *out)
{
    const bool lvis = out->target->form == DF_LABELLED_LVIS;
    const int error = lvis ? check_ids(out->set) : DF_OK;
    if (error < 0)
        return error;
    if (!df_ends_with(out->dir, ".json")) {
        const int written = write_parts(out, lvis);
        return written == DF_OK ? put_pictures(out) : written;
    }
    if (out->target->pictures != DF_PICTURES_STAY)
        return df_fail(DF_EVALUE, "%s is one file: want a folder to copy or link pictures into", out->dir);
    return write_all_parts(out, lvis);
}
