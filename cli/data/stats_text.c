/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/data/stats_text.c -- prints the counts of deformer data stats as a table, and writes them as JSON.
 */
#include <math.h>
#include <string.h>

#include "cli/data/stats.h"

static const char *const size_names[SIZES] = { "small", "medium", "large" };

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
    print_count("objects with polygon masks", s->polygons);
    print_count("objects with run-length (RLE) masks", s->runs);
    print_count("objects with keypoints", s->keypoints);
    print_count("crowds", s->all.crowds);
    print_count("objects with the ignore flag", s->ignored);
    print_count("crowded objects: the box has an IoU of 0.5 or more with another box", s->crowded);
    print_count("duplicate objects: same class and box as another in the picture", s->twins);
    print_count("boxes without width or height", s->without_size);
    print_count("boxes that extend beyond their picture", s->beyond);
    print_count("pictures with the same name as another", s->same_names);
    print_count("pictures with the same file contents as another", s->same_files);
    print_count("pictures whose file is missing", s->missing);
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

void cli_stats_print(const Stats *s, const char *path)
{
    cli_put_name(stdout, path);
    printf(": %s, %d pictures, %zu objects of %d classes\n", df_labelled_form_name(s->set->form), s->set->n_pictures,
           s->set->n_objects, s->set->n_classes);
    print_parts(s);
    print_odd(s);
    printf("\n%-16s %10s %10s %10s %10s %10s\n", "", "min", "25%", "median", "75%", "max");
    print_numbers("picture width", &s->picture_width);
    print_numbers("picture height", &s->picture_height);
    print_numbers("objects/picture", &s->per_picture);
    print_numbers("object area", &s->area);
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

int cli_stats_write(const Stats *s, const char *path)
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
