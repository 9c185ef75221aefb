/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/data/stats.c -- deformer data stats: what is in a dataset, as a table or as JSON.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/data/data.h"

enum { SMALL, MEDIUM, LARGE, SIZES };
static const char *const size_names[SIZES] = { "small", "medium", "large" };

/* Numbers that are sorted to be summed up. */
typedef struct {
    double *at;
    size_t n;
} Numbers;

typedef struct {
    size_t objects, pictures, crowds, size[SIZES];
    double area;              /* the sum */
} OfClass;

typedef struct {
    const DfLabelled *set;
    OfClass *class;           /* [classes]                                                     */
    OfClass all;
    size_t empty, polygons, runs, keypoints, ignored;
    size_t without_size;      /* boxes without width or height                                 */
    size_t beyond;            /* boxes that reach beyond their picture                         */
    size_t twins;             /* objects that have the class and the box of one before         */
    size_t crowded;           /* objects whose box has an IoU of 0.5 with another one's        */
    size_t same_names;        /* pictures with the name of one before                          */
    size_t same_files;        /* pictures whose file has the bytes of one before               */
    size_t missing;           /* pictures whose file is not there                              */
    bool looked;              /* for files                                                     */
    Numbers area, width, height, aspect, per_picture, picture_width, picture_height;
} Stats;

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

static double iou(const double a[4], const double b[4])
{
    const double w = fmin(a[0] + a[2], b[0] + b[2]) - fmax(a[0], b[0]);
    const double h = fmin(a[1] + a[3], b[1] + b[3]) - fmax(a[1], b[1]);
    const double both = w > 0 && h > 0 ? w * h : 0;
    const double either = a[2] * a[3] + b[2] * b[3] - both;
    return either > 0 ? both / either : 0;
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
        const bool near = iou(o->box, other->box) >= 0.5;
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

/* Of sorted numbers, between two of them linearly, as numpy has it. */
static double quantile(const Numbers *v, double q)
{
    if (v->n == 0)
        return NAN;
    const double at = q * (double)(v->n - 1);
    const size_t below = (size_t)at;
    const size_t above = below + 1 < v->n ? below + 1 : below;
    return v->at[below] + (v->at[above] - v->at[below]) * (at - (double)below);
}

static double mean(const Numbers *v)
{
    double sum = 0;
    for (size_t i = 0; i < v->n; i++)
        sum += v->at[i];
    return v->n ? sum / (double)v->n : NAN;
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

/* ---- as a table -------------------------------------------------------------------------------------------------- */

static void print_numbers(const char *name, const Numbers *v)
{
    if (v->n)
        printf("%-16s %10.4g %10.4g %10.4g %10.4g %10.4g\n", name, quantile(v, 0), quantile(v, 0.25), quantile(v, 0.5),
               quantile(v, 0.75), quantile(v, 1));
}

static void print_count(const char *words, size_t n)
{
    if (n)
        printf("%8zu  %s\n", n, words);
}

static void print_odd(const Stats *s)
{
    printf("\n");
    print_count("pictures without objects", s->empty);
    print_count("classes without objects", (size_t)s->set->n_classes - s->all.pictures);
    print_count("objects with a mask of polygons", s->polygons);
    print_count("objects with a mask of runs", s->runs);
    print_count("objects with keypoints", s->keypoints);
    print_count("crowds", s->all.crowds);
    print_count("objects to be ignored", s->ignored);
    print_count("objects in a crowd: their box has an IoU of 0.5 or more with another", s->crowded);
    print_count("objects twice: the class and the box of another on the picture", s->twins);
    print_count("boxes without width or height", s->without_size);
    print_count("boxes that reach beyond their picture", s->beyond);
    print_count("pictures with the name of another", s->same_names);
    print_count("pictures with the same file as another", s->same_files);
    print_count("pictures whose file is not there", s->missing);
}

static void print_bar(size_t n, size_t most)
{
    enum { WIDTH = 20 };
    const int length = most ? (int)((n * WIDTH + most - 1) / most) : 0;
    printf("  %.*s\n", length, "####################");
}

static void print_classes(const Stats *s)
{
    size_t most = 0;
    size_t width = strlen("class");
    for (int i = 0; i < s->set->n_classes; i++) {
        const size_t n = df_shown_length(s->set->classes[i].name);
        width = n > width ? n : width;
        most = s->class[i].objects > most ? s->class[i].objects : most;
    }
    width = width > 32 ? 32 : width;
    printf("\n%-*s %8s %8s %8s %8s %8s %10s\n", (int)width, "class", "objects", "pictures", size_names[0],
           size_names[1], size_names[2], "mean area");
    for (int i = 0; i < s->set->n_classes; i++) {
        const OfClass *c = &s->class[i];
        char name[64];
        printf("%-*.32s %8zu %8zu %8zu %8zu %8zu %10.4g", (int)width,
               df_shown(name, sizeof name, s->set->classes[i].name), c->objects, c->pictures, c->size[0], c->size[1],
               c->size[2], c->objects ? c->area / (double)c->objects : 0);
        print_bar(c->objects, most);
    }
}

static void print_parts(const Stats *s)
{
    for (int p = 0; p < s->set->n_parts; p++) {
        size_t pictures = 0;
        size_t objects = 0;
        for (int i = 0; i < s->set->n_pictures; i++)
            if (s->set->pictures[i].part == p) {
                pictures++;
                objects += s->set->pictures[i].n;
            }
        if (s->set->n_parts > 1) {
            printf("  ");
            cli_put_name(stdout, s->set->parts[p].name);
            printf(": %zu pictures, %zu objects\n", pictures, objects);
        }
    }
}

static void print_table(const Stats *s, const char *path)
{
    cli_put_name(stdout, path);
    printf(": %s, %d pictures, %zu objects of %d classes\n", df_labelled_form_name(s->set->form), s->set->n_pictures,
           s->set->n_objects, s->set->n_classes);
    print_parts(s);
    print_odd(s);
    printf("\n%-16s %10s %10s %10s %10s %10s\n", "", "least", "25%", "median", "75%", "most");
    print_numbers("picture width", &s->picture_width);
    print_numbers("picture height", &s->picture_height);
    print_numbers("objects of one", &s->per_picture);
    print_numbers("object's area", &s->area);
    print_numbers("box width", &s->width);
    print_numbers("box height", &s->height);
    print_numbers("width / height", &s->aspect);
    print_classes(s);
}

/* ---- as JSON ----------------------------------------------------------------------------------------------------- */

static void put_numbers(DfJsonWriter *w, const char *key, const Numbers *v)
{
    df_json_begin(w, key, '{');
    df_json_put_number(w, "min", quantile(v, 0));
    df_json_put_number(w, "q25", quantile(v, 0.25));
    df_json_put_number(w, "median", quantile(v, 0.5));
    df_json_put_number(w, "q75", quantile(v, 0.75));
    df_json_put_number(w, "max", quantile(v, 1));
    df_json_put_number(w, "mean", mean(v));
    df_json_end(w);
}

static void put_class(DfJsonWriter *w, const Stats *s, int label)
{
    const OfClass *c = &s->class[label];
    const DfId id = s->set->classes[label].id;
    df_json_begin(w, NULL, '{');
    if (id.text)
        df_json_put_text(w, "id", id.text);
    else
        df_json_put_number(w, "id", (double)id.number);
    df_json_put_text(w, "name", s->set->classes[label].name);
    df_json_put_number(w, "annotations", (double)c->objects);
    df_json_put_number(w, "images", (double)c->pictures);
    df_json_put_number(w, "crowds", (double)c->crowds);
    for (int i = 0; i < SIZES; i++)
        df_json_put_number(w, size_names[i], (double)c->size[i]);
    df_json_put_number(w, "mean_area", c->objects ? c->area / (double)c->objects : NAN);
    df_json_end(w);
}

static void put_counts(DfJsonWriter *w, const Stats *s)
{
    const struct {
        const char *key;
        size_t n;
    } counts[] = {
        { "images", (size_t)s->set->n_pictures },
        { "annotations", s->set->n_objects },
        { "categories", (size_t)s->set->n_classes },
        { "categories_used", s->all.pictures },
        { "images_empty", s->empty },
        { "crowds", s->all.crowds },
        { "polygons", s->polygons },
        { "rles", s->runs },
        { "keypoints", s->keypoints },
        { "ignored", s->ignored },
        { "crowded", s->crowded },
        { "duplicate_annotations", s->twins },
        { "boxes_without_size", s->without_size },
        { "boxes_beyond_image", s->beyond },
        { "duplicate_names", s->same_names },
        { "small", s->all.size[SMALL] },
        { "medium", s->all.size[MEDIUM] },
        { "large", s->all.size[LARGE] },
    };
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        df_json_put_number(w, counts[i].key, (double)counts[i].n);
    if (!s->looked)
        return;
    df_json_put_number(w, "duplicate_files", (double)s->same_files);
    df_json_put_number(w, "missing_files", (double)s->missing);
}

static int write_json(const Stats *s, const char *path)
{
    DfJsonWriter w = { 0 };
    df_json_begin(&w, NULL, '{');
    df_json_put_text(&w, "path", path);
    df_json_put_text(&w, "form", df_labelled_form_name(s->set->form));
    put_counts(&w, s);
    put_numbers(&w, "image_width", &s->picture_width);
    put_numbers(&w, "image_height", &s->picture_height);
    put_numbers(&w, "annotations_per_image", &s->per_picture);
    put_numbers(&w, "area", &s->area);
    put_numbers(&w, "box_width", &s->width);
    put_numbers(&w, "box_height", &s->height);
    put_numbers(&w, "aspect", &s->aspect);
    df_json_begin(&w, "per_category", '[');
    for (int i = 0; i < s->set->n_classes; i++)
        put_class(&w, s, i);
    df_json_end(&w);
    df_json_end(&w);
    return cli_write_json(&w, cli_data.json);
}

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
        print_table(&stats, args[0]);
    if (error == DF_OK)
        error = write_json(&stats, args[0]);
    done(&stats);
    df_labelled_done(&set);
    return error;
}

const CliThing cli_data_stats = { "stats", "IN", 1, 1, run };
