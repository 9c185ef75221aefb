/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/openimages/read.c -- the tables, kept with what they mean for other classes.
 */
#include <stdlib.h>
#include <string.h>

#include "eval/openimages/data.h"

static const size_t limit = (size_t)1 << 36;

int df_openimages_new(DfOpenImages **out, bool masks)
{
    *out = df_calloc(1, sizeof **out);
    if (*out && !((*out)->names = df_arena_new())) {
        df_free(*out);
        *out = NULL;
    }
    if (!*out)
        return df_fail_memory("tables of Open Images");
    (*out)->with_masks = masks;
    return DF_OK;
}

void df_openimages_free(DfOpenImages *o)
{
    if (!o)
        return;
    for (size_t i = 0; i < o->n_masks; i++)
        df_mask_done(&o->masks[i].mask);
    df_ids_done(&o->images);
    df_ids_done(&o->classes);
    df_arena_free(o->names);
    df_free(o->called);
    df_free(o->above.at);
    df_free(o->below.at);
    df_free(o->boxes.at);
    df_free(o->segments.at);
    df_free(o->labels.at);
    df_free(o->found);
    df_free(o->masks);
    df_free(o->size);
    df_free(o);
}

static int keep_pair(OiPairs *p, uint64_t pair)
{
    if (!df_grow((void **)&p->at, &p->capacity, p->n, sizeof *p->at))
        return df_fail_memory("tables of Open Images");
    p->at[p->n++] = pair;
    return DF_OK;
}

/* ---- classes ---------------------------------------------------------------------------------------------------- */

static int add_class(DfOpenImages *o, const char *name, const char *called, uint32_t *place)
{
    const size_t before = o->classes.n;
    if (!df_grow((void **)&o->called, &o->called_capacity, before, sizeof *o->called))
        return df_fail_memory("classes");
    const int error = df_ids_add(&o->classes, (DfId){ 0, name }, place);
    if (error == DF_OK && o->classes.n > before)
        o->called[*place] = NULL;
    if (error < 0 || !called)
        return error;
    o->called[*place] = df_arena_copy(o->names, called, strlen(called));
    return o->called[*place] ? DF_OK : df_fail_memory("classes");
}

/* Of a row of a table. */
static int find_class(DfOpenImages *o, const char *name, const char *file, size_t line, uint32_t *place)
{
    if (!o->closed)
        return add_class(o, name, NULL, place);
    *place = df_ids_find(&o->classes, (DfId){ 0, name });
    return *place != DF_NO_ID ? DF_OK
                              : df_fail(DF_EVALUE, "%s: line %zu: class '%.100s' is not among the %zu classes", file,
                                        line, name, o->classes.n);
}

static int take_above(void *arg, const char *label, const char *ancestor)
{
    DfOpenImages *o = arg;
    uint32_t class;
    uint32_t above;
    int error = add_class(o, label, NULL, &class);
    if (error < 0 || !ancestor)
        return error;
    error = add_class(o, ancestor, NULL, &above);
    if (error == DF_OK)
        error = keep_pair(&o->above, oi_pair(class, above));
    return error == DF_OK ? keep_pair(&o->below, oi_pair(above, class)) : error;
}

static int by_value(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a;
    const uint64_t y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static void sort_pairs(OiPairs *p)
{
    size_t kept = 0;
    if (p->n)
        qsort(p->at, p->n, sizeof *p->at, by_value);
    for (size_t i = 0; i < p->n; i++)
        if (kept == 0 || p->at[kept - 1] != p->at[i])
            p->at[kept++] = p->at[i];
    p->n = kept;
}

/* A file, whole. */
static int read_file(const char *path, void *arg,
                     int (*read)(void *arg, const char *text, size_t size, const char *path))
{
    DfFile file = { 0 };
    int error = df_file_open(&file, path, limit);
    if (error == DF_OK)
        error = read(arg, (const char *)file.data, file.size, path);
    df_file_close(&file);
    return error;
}

static int read_tree(void *arg, const char *text, size_t size, const char *path)
{
    return df_openimages_read_tree(text, size, path, &(DfOpenImagesTreeSink){ arg, take_above });
}

int df_openimages_read_hierarchy(DfOpenImages *o, const char *path)
{
    const int error = read_file(path, o, read_tree);
    sort_pairs(&o->above);
    sort_pairs(&o->below);
    o->has_tree = o->closed = true;
    return error;
}

static int take_class(void *arg, const char *name, const char *called)
{
    uint32_t place;
    return add_class(arg, name, called, &place);
}

static int read_classes(void *arg, const char *text, size_t size, const char *path)
{
    return df_openimages_read_class_list(text, size, path, &(DfOpenImagesClassSink){ arg, take_class });
}

int df_openimages_read_classes(DfOpenImages *o, const char *path)
{
    const int error = read_file(path, o, read_classes);
    o->closed = o->listed = true;
    return error;
}

/* ---- rows ------------------------------------------------------------------------------------------------------- */

/* What goes where while a table is read. */
typedef struct {
    DfOpenImages *o;
    const char *path;
    OiObjects *objects;
} Rows;

static int add_image(DfOpenImages *o, const char *name, uint32_t *place)
{
    const size_t before = o->images.n;
    if (!df_grow((void **)&o->size, &o->size_capacity, before, sizeof *o->size))
        return df_fail_memory("tables of Open Images");
    const int error = df_ids_add(&o->images, (DfId){ 0, name }, place);
    if (error == DF_OK && o->images.n > before)
        o->size[*place][0] = o->size[*place][1] = 0;
    return error;
}

/* All masks of an image have one size. An empty one is none. */
static int keep_mask(const Rows *rows, const DfOpenImagesRow *r, uint32_t image, uint32_t *place)
{
    DfOpenImages *const o = rows->o;
    const DfMask *m = &r->mask;
    uint32_t *size = o->size[image];
    *place = OI_NONE;
    if (m->n == 0)
        return DF_OK;
    if (size[0] && (size[0] != m->height || size[1] != m->width))
        return df_fail(DF_EVALUE,
                       "%s: line %zu: a mask of %u x %u in image %s, which has one of %u x %u: want one size",
                       rows->path, r->line, m->width, m->height, r->image, size[1], size[0]);
    size[0] = m->height;
    size[1] = m->width;
    const DfRunFacts facts = df_runs_facts(m->runs, m->n, m->height, m->width);
    if (facts.area == 0)
        return DF_OK;
    if (!df_grow((void **)&o->masks, &o->masks_capacity, o->n_masks, sizeof *o->masks))
        return df_fail_memory("masks");
    OiMask *to = &o->masks[o->n_masks];
    to->area = facts.area;
    memcpy(to->box, facts.box, sizeof to->box);
    const int error = df_mask_from_runs(&to->mask, m->runs, m->n, m->height, m->width);
    if (error == DF_OK)
        *place = (uint32_t)o->n_masks++;
    return error;
}

static int keep_object(OiObjects *list, const OiObject *object)
{
    if (list->n >= OI_NONE || !df_grow((void **)&list->at, &list->capacity, list->n, sizeof *list->at))
        return df_fail_memory("tables of Open Images");
    list->at[list->n++] = *object;
    return DF_OK;
}

/* The first pair that begins with a class. */
static size_t first_pair(const OiPairs *p, uint32_t class)
{
    size_t from = 0;
    for (size_t n = p->n; n > 0;) {
        const size_t half = n / 2;
        if (p->at[from + half] < oi_pair(class, 0)) {
            from += half + 1;
            n -= half + 1;
        } else {
            n = half;
        }
    }
    return from;
}

static bool begins_with(const OiPairs *p, size_t i, uint32_t class)
{
    return i < p->n && p->at[i] >> 32 == class;
}

/* An object of a class is one of every class above it. */
static int take_object(void *arg, const DfOpenImagesRow *r)
{
    const Rows *rows = arg;
    DfOpenImages *const o = rows->o;
    OiObject object = { .group = r->group };
    memcpy(object.box, r->box, sizeof object.box);
    if (r->box[2] < r->box[0] || r->box[3] < r->box[1])
        return df_fail(DF_EVALUE, "%s: line %zu: a box from %g %g to %g %g: want XMin <= XMax and YMin <= YMax",
                       rows->path, r->line, r->box[0], r->box[1], r->box[2], r->box[3]);
    int error = add_image(o, r->image, &object.image);
    if (error == DF_OK)
        error = find_class(o, r->label, rows->path, r->line, &object.class);
    if (error == DF_OK)
        error = keep_mask(rows, r, object.image, &object.mask);
    if (error == DF_OK)
        error = keep_object(rows->objects, &object);
    const uint32_t class = object.class;
    for (size_t i = first_pair(&o->above, class); error == DF_OK && begins_with(&o->above, i, class); i++) {
        object.class = (uint32_t)o->above.at[i];
        error = keep_object(rows->objects, &object);
    }
    return error;
}

/* What is there is so of the classes above; what is not, of those below. */
static int take_label(void *arg, const DfOpenImagesRow *r)
{
    const Rows *rows = arg;
    DfOpenImages *const o = rows->o;
    uint32_t image = 0;
    uint32_t class = 0;
    int error = add_image(o, r->image, &image);
    if (error == DF_OK)
        error = find_class(o, r->label, rows->path, r->line, &class);
    if (error == DF_OK)
        error = keep_pair(&o->labels, oi_pair(image, class));
    const OiPairs *more = r->confidence >= 1 && r->confidence < 2 ? &o->above : &o->below;
    for (size_t i = first_pair(more, class); error == DF_OK && begins_with(more, i, class); i++)
        error = keep_pair(&o->labels, oi_pair(image, (uint32_t)more->at[i]));
    return error;
}

static void box_of_mask(const OiMask *m, double box[4])
{
    box[0] = (double)m->box[0] / m->mask.width;
    box[1] = (double)m->box[1] / m->mask.height;
    box[2] = ((double)m->box[0] + m->box[2]) / m->mask.width;
    box[3] = ((double)m->box[1] + m->box[3]) / m->mask.height;
}

static int take_prediction(void *arg, const DfOpenImagesRow *r)
{
    const Rows *rows = arg;
    DfOpenImages *const o = rows->o;
    OiFound f = { .score = r->score, .mask = OI_NONE, .image = df_ids_find(&o->images, (DfId){ 0, r->image }) };
    int error = find_class(o, r->label, rows->path, r->line, &f.class);
    if (f.image == DF_NO_ID) {
        o->unseen++;
        return error;
    }
    memcpy(f.box, r->box, sizeof f.box);
    if (error == DF_OK && o->with_masks)
        error = keep_mask(rows, r, f.image, &f.mask);
    if (error == DF_OK && f.mask != OI_NONE)
        box_of_mask(&o->masks[f.mask], f.box);
    if (error < 0 || (o->with_masks && f.mask == OI_NONE) || !(f.box[0] < f.box[2] && f.box[1] < f.box[3]))
        return error;
    if (o->n_found >= OI_NONE || !df_grow((void **)&o->found, &o->found_capacity, o->n_found, sizeof *o->found))
        return df_fail_memory("predictions");
    o->found[o->n_found++] = f;
    return DF_OK;
}

/* ---- tables ----------------------------------------------------------------------------------------------------- */

typedef struct {
    Rows rows;
    unsigned wanted;
    int (*row)(void *arg, const DfOpenImagesRow *);
} Table;

static int read_rows(void *arg, const char *text, size_t size, const char *path)
{
    Table *t = arg;
    return df_openimages_read(text, size, path, t->wanted, &(DfOpenImagesSink){ &t->rows, t->row });
}

int df_openimages_read_boxes(DfOpenImages *o, const char *path)
{
    Table t = { { o, path, &o->boxes }, DF_OPENIMAGES_BOX | DF_OPENIMAGES_GROUP, take_object };
    return read_file(path, &t, read_rows);
}

int df_openimages_read_segments(DfOpenImages *o, const char *path)
{
    Table t = { { o, path, &o->segments }, DF_OPENIMAGES_BOX | DF_OPENIMAGES_GROUP | DF_OPENIMAGES_MASK, take_object };
    return read_file(path, &t, read_rows);
}

int df_openimages_read_labels(DfOpenImages *o, const char *path)
{
    Table t = { { o, path, NULL }, DF_OPENIMAGES_CONFIDENCE, take_label };
    const size_t before = o->labels.n;
    const int error = read_file(path, &t, read_rows);
    o->n_labels += o->labels.n - before;
    sort_pairs(&o->labels);
    return error;
}

int df_openimages_read_predictions(DfOpenImages *o, const char *path)
{
    const unsigned boxes = DF_OPENIMAGES_BOX | DF_OPENIMAGES_SCORE;
    const unsigned masks = DF_OPENIMAGES_MASK | DF_OPENIMAGES_SCORE;
    Table t = { { o, path, NULL }, o->with_masks ? masks : boxes, take_prediction };
    return read_file(path, &t, read_rows);
}
