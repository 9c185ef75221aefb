/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/data/filter.c -- deformer data filter: keeps some classes, objects and pictures.
 */
#include <fnmatch.h>
#include <math.h>
#include <string.h>

#include "cli/data/data.h"

enum { LIST_FILE = 1 << 26 };

typedef struct {
    DfLabelled *set;
    bool *classes, *objects, *pictures;
    double area[2], side[2], picture[2], count[2];
} Filter;

static bool within(double x, const double range[2])
{
    return range[0] <= x && x <= range[1];
}

/* ---- lists ------------------------------------------------------------------------------------------------------- */

/* One item of a list, which may have spaces around it. */
typedef int Take(Filter *, const char *item, bool keep, bool *flags);

static int take_items(Filter *f, char *list, char between, Take *take, bool keep, bool *flags)
{
    int error = DF_OK;
    while (error == DF_OK && list) {
        char *next = strchr(list, between);
        if (next)
            *next++ = 0;
        list += strspn(list, " \t\r");
        size_t n = strlen(list);
        while (n && strchr(" \t\r", list[n - 1]))
            list[--n] = 0;
        if (n)
            error = take(f, list, keep, flags);
        list = next;
    }
    return error;
}

/* "a,b", or the lines of "@FILE". */
static int take_list(Filter *f, const char *list, Take *take, bool keep, bool *flags)
{
    char *text = NULL;
    int error = DF_OK;
    if (list[0] == '@') {
        error = df_file_text(&text, NULL, list + 1, LIST_FILE);
    } else {
        text = df_malloc(strlen(list) + 1);
        error = text ? DF_OK : df_fail_memory("a list");
        if (text)
            memcpy(text, list, strlen(list) + 1);
    }
    if (error == DF_OK)
        error = take_items(f, text, list[0] == '@' ? '\n' : ',', take, keep, flags);
    df_free(text);
    return error;
}

static int take_lists(Filter *f, const CliTexts *lists, Take *take, bool keep, bool *flags)
{
    int error = DF_OK;
    for (int i = 0; error == DF_OK && i < lists->n; i++)
        error = take_list(f, lists->v[i], take, keep, flags);
    return error;
}

static int unknown_class(const DfLabelled *set, const char *item)
{
    const char **names = df_malloc(((size_t)set->n_classes + 1) * sizeof *names);
    for (int i = 0; names && i < set->n_classes; i++)
        names[i] = set->classes[i].name;
    const char *nearest = names ? df_nearest_name(item, names, (size_t)set->n_classes) : NULL;
    df_free(names);
    if (nearest)
        return df_fail(DF_EVALUE, "no class '%s'; did you mean '%s'?", item, nearest);
    return df_fail(DF_EVALUE, "no class '%s': want a name or an id of the dataset", item);
}

static bool is_called(DfId id, const char *item)
{
    return strcmp(id.text ? id.text : df_id_text(id), item) == 0;
}

static int take_class(Filter *f, const char *item, bool keep, bool *flags)
{
    int label = df_labelled_find_class(f->set, item);
    for (int i = 0; label < 0 && i < f->set->n_classes; i++)
        if (is_called(f->set->classes[i].id, item))
            label = i;
    if (label < 0)
        return unknown_class(f->set, item);
    flags[label] = keep;
    return DF_OK;
}

static int take_picture(Filter *f, const char *item, bool keep, bool *flags)
{
    bool found = false;
    for (int i = 0; i < f->set->n_pictures; i++) {
        if (!is_called(f->set->pictures[i].id, item))
            continue;
        flags[i] = keep;
        found = true;
    }
    return found ? DF_OK : df_fail(DF_EVALUE, "no picture has the id '%s'", item);
}

/* ---- what stays -------------------------------------------------------------------------------------------------- */

static int choose_classes(Filter *f)
{
    for (int i = 0; i < f->set->n_classes; i++)
        f->classes[i] = cli_data.classes.n == 0;
    const int error = take_lists(f, &cli_data.classes, take_class, true, f->classes);
    return error == DF_OK ? take_lists(f, &cli_data.without_classes, take_class, false, f->classes) : error;
}

static bool object_stays(const Filter *f, const DfLabelledObject *o)
{
    const char *crowd = cli_data.crowd;
    if (!f->classes[o->label] || (crowd && o->crowd != (strcmp(crowd, "only") == 0)))
        return false;
    return within(o->area, f->area) && (!cli_data.side || within(fmin(o->box[2], o->box[3]), f->side));
}

static bool name_matches(const char *name)
{
    bool match = cli_data.names.n == 0;
    for (int i = 0; i < cli_data.names.n; i++)
        match |= fnmatch(cli_data.names.v[i], name, 0) == 0;
    return match;
}

/* Pictures that lose all objects go; those that have none stay, if only pictures are chosen. */
static bool picture_stays(const Filter *f, const DfLabelledPicture *picture)
{
    size_t left = 0;
    for (size_t k = 0; k < picture->n; k++)
        left += f->objects[f->set->order[picture->first + k]];
    if (!name_matches(picture->name) || !within((double)left, f->count))
        return false;
    if (cli_data.picture && !within(fmin(picture->width, picture->height), f->picture))
        return false;
    if (cli_data.only_empty)
        return left == 0;
    return left > 0 || picture->n == 0 || cli_data.keep_empty;
}

static int choose_pictures(Filter *f)
{
    for (int i = 0; i < f->set->n_pictures; i++)
        f->pictures[i] = cli_data.ids.n == 0;
    const int error = take_lists(f, &cli_data.ids, take_picture, true, f->pictures);
    for (size_t k = 0; k < f->set->n_objects; k++)
        f->objects[k] = object_stays(f, &f->set->objects[k]);
    for (int i = 0; i < f->set->n_pictures; i++)
        f->pictures[i] = f->pictures[i] && picture_stays(f, &f->set->pictures[i]);
    return error;
}

static int choose(Filter *f)
{
    const DfLabelled *set = f->set;
    f->classes = df_calloc((size_t)set->n_classes + 1, sizeof(bool));
    f->objects = df_calloc(set->n_objects + 1, sizeof(bool));
    f->pictures = df_calloc((size_t)set->n_pictures + 1, sizeof(bool));
    int error = f->classes && f->objects && f->pictures ? DF_OK : df_fail_memory("a choice of a dataset");
    if (error == DF_OK)
        error = choose_classes(f);
    if (error == DF_OK)
        error = choose_pictures(f);
    const int pictures = set->n_pictures;
    const size_t objects = set->n_objects;
    if (error == DF_OK)
        error = df_labelled_keep(f->set, &(DfLabelledChoice){ f->pictures, f->objects, f->classes });
    if (error == DF_OK && !cli.quiet)
        cli_say("kept %d of %d pictures and %zu of %zu objects", set->n_pictures, pictures, set->n_objects, objects);
    df_free(f->classes);
    df_free(f->objects);
    df_free(f->pictures);
    return error;
}

static int read_options(Filter *f)
{
    const char *crowd = cli_data.crowd;
    int error = cli_data_range("--area", cli_data.area, f->area);
    if (error == DF_OK)
        error = cli_data_range("--side", cli_data.side, f->side);
    if (error == DF_OK)
        error = cli_data_range("--picture-side", cli_data.picture, f->picture);
    if (error == DF_OK)
        error = cli_data_range("--objects", cli_data.objects, f->count);
    if (error == DF_OK && crowd && strcmp(crowd, "only") != 0 && strcmp(crowd, "none") != 0)
        error = df_fail(CLI_EUSAGE, "--crowd %s: want only or none", crowd);
    return error;
}

static int run(int n, const char *const *args)
{
    (void)n;
    DfLabelled set = { 0 };
    Filter f = { .set = &set };
    int error = cli_data_check(args[0], args[1]);
    if (error == DF_OK)
        error = read_options(&f);
    if (error == DF_OK)
        error = cli_data_read(&set, args[0]);
    if (error == DF_OK)
        error = choose(&f);
    if (error == DF_OK)
        error = cli_data_write(&set, args[1]);
    df_labelled_done(&set);
    return error;
}

const CliSubcommand cli_data_filter = { "filter", "IN OUT", 2, 2, run };
