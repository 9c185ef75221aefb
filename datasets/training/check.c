/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/training/check.c -- checks every picture and every object of a training set once.
 */
#include "datasets/training/check.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "datasets/image/image_file.h"
#include "datasets/training/wrappers.h"

enum { MAPS = 400 }; /* label maps that are read at most */

/* Kinds of problems, with words for "3 of 10 ..." and whether they stop the training. */
typedef enum {
    MISSING, WRONG_MAP, OTHER_SIZE, OUTSIDE, NO_AREA, TINY, NOT_LEARNT, NO_MASK, KINDS
} Problem;
static const struct {
    const char *of, *words;
    bool stops;
} kinds[KINDS] = {
    [MISSING]    = { "pictures", "cannot be read", true },
    [WRONG_MAP]  = { "label maps", "cannot be learnt from", true },
    [OTHER_SIZE] = { "pictures", "have another size than the annotations say", false },
    [OUTSIDE]    = { "boxes", "lie outside of their picture and are left out", false },
    [NO_AREA]    = { "boxes", "have no area and are left out", false },
    [TINY]       = { "boxes", "have a side below one pixel and are left out", false },
    [NOT_LEARNT] = { "boxes", "are of a class that is not learnt and are left out", false },
    [NO_MASK]    = { "objects", "have no mask, and masks are to be learnt", false },
};

typedef struct {
    const DfTrainingSet *set;
    DfTrainingCheck *out;
    size_t capacity;
    int found[KINDS];
    char first[KINDS][512];   /* where it was met first */
    int pictures, boxes, maps, objects;
    int error;
} Check;

static void note(Check *c, Problem problem, const char *format, ...) DF_PRINTF(3, 4);
static void note(Check *c, Problem problem, const char *format, ...)
{
    va_list args;
    if (c->found[problem]++)
        return;
    va_start(args, format);
    df_vsnprintf(c->first[problem], sizeof c->first[problem], format, args);
    va_end(args);
}

/* ---- looking ----------------------------------------------------------------------------------------------------- */

static void count_object(Check *c, int label)
{
    const int n = c->set->source[0]->classes.n;
    c->objects++;
    if (label >= 0 && label < n)
        c->out->objects[label]++;
}

static void check_size(Check *c, const DfSource *source, int i)
{
    const char *path = source->kind->path(source, i);
    int height, width;
    int told_height = 0;
    int told_width = 0;
    c->pictures++;
    if (df_image_read_size(path, &height, &width) < 0) {
        note(c, MISSING, "%s", df_error());
        return;
    }
    if (source->kind->size)
        source->kind->size(source, i, &told_height, &told_width);
    if (told_height && told_width && (told_height != height || told_width != width))
        note(c, OTHER_SIZE, "%s is %d x %d, not %d x %d", path, width, height, told_width, told_height);
}

static void check_box(Check *c, const DfSource *source, const DfCocoImage *image, const DfCocoBox *box)
{
    const double *b = box->bbox;
    const char *name = image->file_name;
    const double x1 = fmin(b[0] + b[2], image->width ? image->width : HUGE_VAL);
    const double y1 = fmin(b[1] + b[3], image->height ? image->height : HUGE_VAL);
    const long long id = (long long)box->id;
    c->boxes++;
    if (box->label < 0)
        note(c, NOT_LEARNT, "annotation %lld of %s", id, name);
    else if (box->ignore)
        return;
    else if (!(b[2] > 0 && b[3] > 0 && box->area > 0))
        note(c, NO_AREA, "annotation %lld of %s, %g x %g pixels, area %g", id, name, b[2], b[3], box->area);
    else if (!(x1 > fmax(b[0], 0) && y1 > fmax(b[1], 0)))
        note(c, OUTSIDE, "annotation %lld of %s, at (%g, %g) of %d x %d", id, name, b[0], b[1], image->width,
             image->height);
    else if (b[2] < 1 || b[3] < 1)
        note(c, TINY, "annotation %lld of %s, %g x %g pixels", id, name, b[2], b[3]);
    else if (!box->crowd)
        count_object(c, box->label);
    if (source->masks && box->label >= 0 && box->mask.form == DF_MASK_NONE)
        note(c, NO_MASK, "annotation %lld of %s", id, name);
}

static void check_objects(Check *c, const DfSource *source, int i)
{
    const DfCocoDataset *coco = source->set;
    const DfCocoImage *image = &coco->images[df_source_at(source, i)];
    for (int k = 0; k < image->n; k++)
        check_box(c, source, image, &coco->boxes[image->first + k]);
}

/* The classes of the pixels, as the network learns them. */
static void count_pixels(Check *c, const DfSource *source, const DfAnnotations *a)
{
    const size_t n = (size_t)a->map.height * (size_t)a->map.width;
    bool seen[256] = { false };
    for (size_t k = 0; k < n; k++)
        seen[a->map.narrow[k]] = true;
    for (int v = 0; v < 256; v++)
        if (seen[v])
            count_object(c, source->loading_reduces ? v - 1 : v);
}

static void check_map(Check *c, const DfSource *source, int i)
{
    const int step = 1 + source->n / MAPS;
    int height, width;
    DfAnnotations a;
    if (i % step || df_image_read_size(source->kind->path(source, i), &height, &width) < 0)
        return;
    c->maps++;
    const int error = source->kind->annotations(source, i, height, width, &a);
    if (error == DF_ENOMEM)
        c->error = error;
    else if (error < 0)
        note(c, WRONG_MAP, "%s", df_error());
    else
        count_pixels(c, source, &a);
    df_annotations_done(&a);
}

static void tell_class(void *arg, int label)
{
    count_object(arg, label);
}

static void check_picture(Check *c, const DfSource *source, int i)
{
    check_size(c, source, i);
    if (source->kind->learning == DF_LEARN_OBJECTS)
        check_objects(c, source, i);
    else if (source->kind->learning == DF_LEARN_LABEL_MAPS)
        check_map(c, source, i);
    else
        source->kind->classes_in(source, i, tell_class, c);
}

/* ---- saying ------------------------------------------------------------------------------------------------------ */

static int say(Check *c, const char *sentence)
{
    DfTrainingCheck *out = c->out;
    if (!sentence || !df_grow((void **)&out->sentence, &c->capacity, (size_t)out->n, sizeof *out->sentence))
        return df_fail_memory("what is wrong with a training set");
    out->sentence[out->n++] = sentence;
    return DF_OK;
}

static int all_of(const Check *c, Problem problem)
{
    if (problem == WRONG_MAP)
        return c->maps;
    return strcmp(kinds[problem].of, "pictures") == 0 ? c->pictures : c->boxes;
}

static int say_problems(Check *c, bool that_stop)
{
    int error = DF_OK;
    for (int k = 0; error == DF_OK && k < KINDS; k++)
        if (c->found[k] && kinds[k].stops == that_stop)
            error = say(c, df_arena_text(c->out->arena, "%d of %d %s %s; the first: %s", c->found[k],
                                         all_of(c, (Problem)k), kinds[k].of, kinds[k].words, c->first[k]));
    return error;
}

/* "2 of 3 classes have no object: cat, dog" */
static int say_classes(Check *c)
{
    const DfClasses *classes = &c->set->source[0]->classes;
    DfTextbuf names = { 0 };
    int empty = 0;
    for (int i = 0; i < classes->n; i++)
        if (!c->out->objects[i] && ++empty <= 5)
            df_textbuf_add(&names, "%s%s", empty > 1 ? ", " : "", classes->name[i]);
    char *text;
    int error = df_textbuf_take(&names, &text);
    if (error == DF_OK && empty && c->objects)
        error = say(c, df_arena_text(c->out->arena, "%d of %d classes %s no %s: %s%s", empty, classes->n,
                                     empty == 1 ? "has" : "have",
                                     c->set->source[0]->kind->learning == DF_LEARN_OBJECTS ? "object" : "picture", text,
                                     empty > 5 ? ", ..." : ""));
    df_free(text);
    return error;
}

static int say_all(Check *c)
{
    int error = say_problems(c, true);
    if (error == DF_OK && !c->objects)
        error = say(c, "no object of any class is left to learn from");
    c->out->n_errors = c->out->n;
    if (error == DF_OK)
        error = say_problems(c, false);
    return error == DF_OK ? say_classes(c) : error;
}

/* ---- all of it --------------------------------------------------------------------------------------------------- */

static int begin(Check *c)
{
    const int n = c->set->source[0]->classes.n;
    c->out->arena = df_arena_new();
    c->out->objects = c->out->arena ? df_arena_alloc(c->out->arena, (size_t)n + 1, sizeof *c->out->objects) : NULL;
    return c->out->objects ? DF_OK : df_fail_memory("what is wrong with a training set");
}

int df_training_set_check(DfTrainingCheck *out, const DfTrainingSet *set)
{
    *out = (DfTrainingCheck){ 0 };
    Check *c = df_calloc(1, sizeof *c);
    if (!c)
        return df_fail_memory("what is wrong with a training set");
    c->set = set;
    c->out = out;
    c->error = begin(c);
    for (int s = 0; s < set->n_sources; s++)
        for (int i = 0; c->error == DF_OK && i < set->source[s]->n; i++)
            check_picture(c, set->source[s], i);
    int error = c->error;
    if (error == DF_OK)
        error = say_all(c);
    df_free(c);
    if (error < 0)
        df_training_check_done(out);
    return error;
}

void df_training_check_done(DfTrainingCheck *check)
{
    df_free(check->sentence);
    df_arena_free(check->arena);
    *check = (DfTrainingCheck){ 0 };
}
