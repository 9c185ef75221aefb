/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/data/stats.c -- deformer data stats: counts the contents of a dataset.
 */
#include "cli/data/stats.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- counting ---------------------------------------------------------------------------------------------------- */

static int size_of(double area)
{
    if (area < 32 * 32)
        return SMALL;
    return area < 96 * 96 ? MEDIUM : LARGE;
}

static void count_in(OfClass *c, const DfLabelledObject *o)
{
    c->objects++;
    c->crowds += o->crowd;
    c->size[size_of(o->area)]++;
    c->area += o->area;
}

static const DfLabelledObject *object_at(const Stats *s, const DfLabelledPicture *picture, size_t k)
{
    return &s->set->objects[s->set->order[picture->first + k]];
}

/* What an object has in common with the others of its picture; of very many, with the first of them. */
enum { MOST_COMPARED = 5000 };
static void compare_with_others(Stats *s, const DfLabelledPicture *picture, size_t k)
{
    const DfLabelledObject *o = object_at(s, picture, k);
    bool crowded = false;
    bool twin = false;
    for (size_t i = 0; i < picture->n && i < MOST_COMPARED && k < MOST_COMPARED; i++) {
        const DfLabelledObject *other = object_at(s, picture, i);
        if (i == k || !o->has_box || !other->has_box)
            continue;
        const bool near = df_box_iou(o->box, other->box, false) >= 0.5;
        const bool same = near && memcmp(o->box, other->box, sizeof o->box) == 0;
        crowded |= near && !o->crowd && !other->crowd;
        twin |= same && i < k && o->label == other->label;
    }
    s->crowded += crowded;
    s->twins += twin;
}

static void count_object(Stats *s, const DfLabelledPicture *picture, const DfLabelledObject *o)
{
    count_in(&s->class[o->label], o);
    count_in(&s->all, o);
    s->polygons += o->mask.form == DF_MASK_POLYGONS;
    s->runs += o->mask.form == DF_MASK_RUNS;
    s->ignored += o->ignore;
    s->keypoints += strstr(o->rest, "\"keypoints\"") != NULL;
    s->area.at[s->area.n++] = o->area;
    if (!o->has_box)
        return;
    const bool beyond = o->box[0] < 0 || o->box[1] < 0 || o->box[0] + o->box[2] > picture->width + 0.5 ||
                        o->box[1] + o->box[3] > picture->height + 0.5;
    s->beyond += picture->width && picture->height && beyond;
    if (!(o->box[2] > 0) || !(o->box[3] > 0)) {
        s->without_size++;
        return;
    }
    s->width.at[s->width.n++] = o->box[2];
    s->height.at[s->height.n++] = o->box[3];
    s->aspect.at[s->aspect.n++] = o->box[2] / o->box[3];
}

static void count_picture(Stats *s, const DfLabelledPicture *picture, bool *seen)
{
    memset(seen, 0, (size_t)s->set->n_classes + 1);
    if (picture->n > MOST_COMPARED)
        df_log(DF_LOG_WARNING, "%s: has %zu objects, and only the first %d are compared with one another",
               picture->name, (size_t)picture->n, MOST_COMPARED);
    for (size_t k = 0; k < picture->n; k++) {
        const DfLabelledObject *o = object_at(s, picture, k);
        count_object(s, picture, o);
        compare_with_others(s, picture, k);
        s->class[o->label].pictures += !seen[o->label];
        seen[o->label] = true;
    }
    s->empty += picture->n == 0;
    s->per_picture.at[s->per_picture.n++] = (double)picture->n;
    if (!picture->width || !picture->height)
        return;
    s->picture_width.at[s->picture_width.n++] = picture->width;
    s->picture_height.at[s->picture_height.n++] = picture->height;
}

/* ---- pictures that are there twice ------------------------------------------------------------------------------- */

static int count_names(Stats *s)
{
    DfIds names = { 0 };
    uint32_t place;
    int error = DF_OK;
    for (int i = 0; error == DF_OK && i < s->set->n_pictures; i++) {
        const DfLabelledPicture *picture = &s->set->pictures[i];
        const char *name = df_arena_text(s->set->arena, "%s/%s", s->set->parts[picture->part].name, picture->name);
        error = name ? df_ids_add(&names, (DfId){ 0, name }, &place) : df_fail_memory("names");
    }
    s->same_names = (size_t)s->set->n_pictures - names.n;
    df_ids_done(&names);
    return error;
}

static int hash_file(const char *path, int64_t *hash)
{
    DfFile file;
    const int error = df_file_open(&file, path, DF_IMAGE_MAX_FILE);
    if (error < 0)
        return error;
    *hash = (int64_t)df_hash_add(DF_HASH_START, file.data, file.size);
    df_file_close(&file);
    return DF_OK;
}

static int count_files(Stats *s)
{
    DfIds hashes = { 0 };
    size_t n = 0;
    int error = DF_OK;
    for (int i = 0; error == DF_OK && i < s->set->n_pictures; i++) {
        const DfLabelledPicture *picture = &s->set->pictures[i];
        if (!picture->path[0] && !s->set->parts[picture->part].pictures[0])
            continue;
        const char *path = df_labelled_path(s->set, i);
        int64_t hash;
        uint32_t place;
        s->looked = true;
        if (!path || !df_is_file(path)) {
            s->missing++;
            continue;
        }
        error = hash_file(path, &hash);
        if (error == DF_OK)
            error = df_ids_add(&hashes, (DfId){ hash, NULL }, &place);
        n++;
    }
    s->same_files = n - hashes.n;
    df_ids_done(&hashes);
    return error;
}

/* ---- summing up -------------------------------------------------------------------------------------------------- */

static int by_size(const void *a, const void *b)
{
    const double x = *(const double *)a;
    const double y = *(const double *)b;
    return (x > y) - (x < y);
}

enum { NUMBERS = 7 };
static void list_numbers(Stats *s, Numbers *list[NUMBERS])
{
    Numbers *const all[NUMBERS] = { &s->area,   &s->width,         &s->height,        &s->aspect,
                                    &s->per_picture, &s->picture_width, &s->picture_height };
    memcpy(list, all, sizeof all);
}

static int begin(Stats *s)
{
    Numbers *list[NUMBERS];
    list_numbers(s, list);
    s->class = df_calloc((size_t)s->set->n_classes + 1, sizeof *s->class);
    bool all = s->class != NULL;
    for (int i = 0; i < NUMBERS; i++) {
        const size_t n = i < 4 ? s->set->n_objects : (size_t)s->set->n_pictures;
        list[i]->at = df_malloc((n + 1) * sizeof(double));
        all = all && list[i]->at;
    }
    return all ? DF_OK : df_fail_memory("statistics");
}

static void done(Stats *s)
{
    Numbers *list[NUMBERS];
    list_numbers(s, list);
    for (int i = 0; i < NUMBERS; i++)
        df_free(list[i]->at);
    df_free(s->class);
}

static int count(Stats *s)
{
    Numbers *list[NUMBERS];
    bool *seen = df_calloc((size_t)s->set->n_classes + 1, sizeof *seen);
    int error = seen ? begin(s) : df_fail_memory("statistics");
    for (int i = 0; error == DF_OK && i < s->set->n_pictures; i++)
        count_picture(s, &s->set->pictures[i], seen);
    df_free(seen);
    list_numbers(s, list);
    for (int i = 0; error == DF_OK && i < NUMBERS; i++)
        qsort(list[i]->at, list[i]->n, sizeof(double), by_size);
    for (int i = 0; i < s->set->n_classes && error == DF_OK; i++)
        s->all.pictures += s->class[i].pictures > 0; /* here: classes that have objects */
    if (error == DF_OK)
        error = count_names(s);
    return error == DF_OK && cli_data.files ? count_files(s) : error;
}

/* ---- the command ------------------------------------------------------------------------------------------------- */

static int run(int n, const char *const *args)
{
    (void)n;
    DfLabelled set = { 0 };
    Stats stats = { .set = &set };
    int error = cli_check_output(cli_data.json);
    if (error == DF_OK)
        error = cli_data_read(&set, args[0]);
    if (error == DF_OK)
        error = count(&stats);
    if (error == DF_OK && !(cli_data.json && strcmp(cli_data.json, "-") == 0))
        cli_stats_print(&stats, args[0]);
    if (error == DF_OK)
        error = cli_stats_write(&stats, args[0]);
    done(&stats);
    df_labelled_done(&set);
    return error;
}

const CliSubcommand cli_data_stats = { "stats", "IN", 1, 1, run };
