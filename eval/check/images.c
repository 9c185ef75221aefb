/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/check/images.c -- guesses what the image ids of results were meant to be if they are wrong: indices into the
 * list from 0 or 1, file names, or text instead of integers.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "eval/check/judge.h"

typedef enum {
    ID_PLUS_1,
    ID_MINUS_1,
    PLACE_FROM_0,
    PLACE_FROM_1,
    RANK_FROM_0,
    RANK_FROM_1,
    TEXT_OF_INTEGER,
    INTEGER_OF_TEXT,
    FILE_NAME,
    READINGS
} Reading;

static const char *const readings[READINGS] = {
    [ID_PLUS_1] = "if 1 were added to the image ids",
    [ID_MINUS_1] = "if 1 were subtracted from the image ids",
    [PLACE_FROM_0] = "if the image ids were places in the list of images, counted from 0",
    [PLACE_FROM_1] = "if the image ids were places in the list of images, counted from 1",
    [RANK_FROM_0] = "if the image ids were places among the sorted ids, counted from 0",
    [RANK_FROM_1] = "if the image ids were places among the sorted ids, counted from 1",
    [TEXT_OF_INTEGER] = "if the image ids were texts, as they are in the annotations",
    [INTEGER_OF_TEXT] = "if the image ids were integers, as they are in the annotations, and not texts",
    [FILE_NAME] = "if the image ids were meant as file names",
};

/* The listed images in the order of the file and of their ids, and by the names of their files, with and without
 * folder and ending. */
typedef struct {
    const DfCheck *check;
    uint32_t *by_order, *by_rank;
    DfIds names;
    uint32_t *of_name;
    size_t of_name_capacity;
} Table;

static void table_done(Table *t)
{
    df_free(t->by_order);
    df_free(t->by_rank);
    df_free(t->of_name);
    df_ids_done(&t->names);
}

static int add_name(Table *t, const char *name, uint32_t image)
{
    uint32_t at;
    const size_t before = t->names.n;
    if (!df_grow((void **)&t->of_name, &t->of_name_capacity, before, sizeof *t->of_name))
        return df_fail_memory("file names");
    const int error = df_ids_add(&t->names, (DfId){ 0, name }, &at);
    if (error == DF_OK && t->names.n > before)
        t->of_name[at] = image;
    return error;
}

static int add_names(Table *t, uint32_t image)
{
    const char *name = t->check->images[image].name;
    char stem[512];
    if (!name)
        return DF_OK;
    const char *slash = strrchr(name, '/');
    const char *last = slash ? slash + 1 : name;
    const char *dot = strrchr(last, '.');
    df_snprintf(stem, sizeof stem, "%.*s", dot ? (int)(dot - last) : (int)strlen(last), last);
    int error = add_name(t, name, image);
    if (error == DF_OK)
        error = add_name(t, last, image);
    return error == DF_OK ? add_name(t, stem, image) : error;
}

typedef struct {
    const DfId *id;
    uint32_t image;
} Ranked;

static int compare_ranked(const void *a, const void *b)
{
    const Ranked *x = a, *y = b;
    return df_id_compare(*x->id, *y->id);
}

static int rank_images(Table *t)
{
    const DfCheck *c = t->check;
    Ranked *sorted = df_malloc(c->n_images * sizeof *sorted);
    t->by_order = df_malloc(c->n_images * sizeof *t->by_order);
    t->by_rank = df_malloc(c->n_images * sizeof *t->by_rank);
    size_t n = 0;
    int error = sorted && t->by_order && t->by_rank ? DF_OK : df_fail_memory("images");
    for (uint32_t i = 0; error == DF_OK && i < c->image_ids.n; i++)
        if (c->images[i].listed) {
            t->by_order[c->images[i].order] = i;
            sorted[n++] = (Ranked){ &c->image_ids.ids[i], i };
            error = add_names(t, i);
        }
    if (error == DF_OK && n > 0)
        qsort(sorted, n, sizeof *sorted, compare_ranked);
    for (size_t i = 0; error == DF_OK && i < n; i++)
        t->by_rank[i] = sorted[i].image;
    df_free(sorted);
    return error;
}

static uint32_t listed(const DfCheck *c, DfId id)
{
    const uint32_t at = df_ids_find(&c->image_ids, id);
    return at != DF_NO_ID && c->images[at].listed ? at : DF_NO_ID;
}

static uint32_t at_place(const DfCheck *c, const uint32_t *list, int64_t place)
{
    return place >= 0 && (uint64_t)place < c->n_images ? list[place] : DF_NO_ID;
}

static uint32_t of_text(const Table *t, Reading reading, const char *text)
{
    char *end;
    if (reading == FILE_NAME) {
        const uint32_t at = df_ids_find(&t->names, (DfId){ 0, text });
        return at == DF_NO_ID ? at : t->of_name[at];
    }
    errno = 0;
    const long long number = strtoll(text, &end, 10);
    if (reading != INTEGER_OF_TEXT || end == text || *end || errno)
        return DF_NO_ID;
    return listed(t->check, (DfId){ number, NULL });
}

/* The image that is meant by an id of the results. */
static uint32_t meant(const Table *t, Reading reading, DfId id)
{
    const DfCheck *c = t->check;
    char text[32];
    if (id.text)
        return df_id_is_text(id) ? of_text(t, reading, id.text) : DF_NO_ID;
    switch (reading) {
    case ID_PLUS_1: return id.number < INT64_MAX ? listed(c, (DfId){ id.number + 1, NULL }) : DF_NO_ID;
    case ID_MINUS_1: return id.number > INT64_MIN ? listed(c, (DfId){ id.number - 1, NULL }) : DF_NO_ID;
    case PLACE_FROM_0: return at_place(c, t->by_order, id.number);
    case PLACE_FROM_1: return id.number > 0 ? at_place(c, t->by_order, id.number - 1) : DF_NO_ID;
    case RANK_FROM_0: return at_place(c, t->by_rank, id.number);
    case RANK_FROM_1: return id.number > 0 ? at_place(c, t->by_rank, id.number - 1) : DF_NO_ID;
    default: break;
    }
    snprintf(text, sizeof text, "%" PRId64, id.number);
    return reading == TEXT_OF_INTEGER ? listed(c, (DfId){ 0, text }) : DF_NO_ID;
}

/* ---- what fits ------------------------------------------------------------------------------------------------- */

enum { OF_AN_IMAGE = 5 }; /* detections of an image that are looked at, the first of the file */

static size_t looked_at(const Judge *j, uint8_t *taken, const Table *t, Reading reading, size_t *n)
{
    const DfCheck *c = j->check;
    const Meant as_is = { 0 };
    size_t hits = 0;
    *n = 0;
    memset(taken, 0, c->image_ids.n);
    for (size_t i = 0; i < c->n_detections; i++) {
        const CheckDetection *d = &c->detections[i];
        if (!d->has_box || taken[d->image]++ >= OF_AN_IMAGE) {
            taken[d->image] = OF_AN_IMAGE;
            continue;
        }
        const uint32_t image = reading == READINGS ? d->image : meant(t, reading, c->image_ids.ids[d->image]);
        (*n)++;
        hits += image != DF_NO_ID && df_check_lies(j, &as_is, d, image).on_object;
    }
    return hits;
}

static int try_readings(Judge *j, const Table *t, uint8_t *taken, bool *named)
{
    DfCheck *c = j->check;
    size_t n;
    const size_t before = looked_at(j, taken, t, READINGS, &n);
    size_t after = 0;
    Reading best = READINGS;
    for (Reading reading = 0; reading < READINGS; reading++) {
        const size_t hits = looked_at(j, taken, t, reading, &n);
        if (hits > after) {
            after = hits;
            best = reading;
        }
    }
    *named = best != READINGS && df_check_is_gain(before, after, n);
    if (!*named)
        return DF_OK;
    df_check_forget(c, "result_image_unknown");
    df_check_forget(c, "result_box_outside");
    c->file = c->results_files[c->detections[0].file];
    return df_check_find(c, DF_CHECK_ERROR, "images_shifted", c->detections[0].place,
                         "of %zu detections, a few of each image, %zu lie on an object; %zu would %s", n, before, after,
                         readings[best]);
}

int df_check_try_images(Judge *j, bool *named)
{
    const DfCheck *c = j->check;
    size_t unknown = 0;
    for (size_t i = 0; i < c->n_detections; i++)
        unknown += !c->images[c->detections[i].image].listed;
    const size_t on = df_check_on_object(j, &(Meant){ 0 }, false);
    if (c->n_detections < 4 || (unknown * 10 < c->n_detections && on * 5 >= j->n_best * 2))
        return DF_OK;
    Table t = { .check = c };
    uint8_t *taken = df_malloc(c->image_ids.n);
    int error = taken ? rank_images(&t) : df_fail_memory("images");
    if (error == DF_OK)
        error = try_readings(j, &t, taken, named);
    df_free(taken);
    table_done(&t);
    return error;
}
