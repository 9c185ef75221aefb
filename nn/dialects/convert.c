/* SPDX-License-Identifier: Apache-2.0
 *
 * nn/dialects/convert.c -- converts a checkpoint to the names of another library, without a model. It finds the
 * dialect that knows most of the file's names, translates them into ours, and then into the other library by the table
 * that knows all of them.
 */
#include "nn/dialects/dialects.h"

#include <stdio.h>
#include <string.h>

struct NnConverted {
    NnArrays file, ours, out; /* each may have views of the numbers of the one before */
    DfArray *array;           /* the arrays of `out` that are kept                    */
    int n;
    const NnDialect *to;      /* NULL: our names are those of the library             */
    char from[96];
};

static bool is(const char *a, const char *b)
{
    return strcmp(a, b) == 0;
}

/* ---- libraries --------------------------------------------------------------------------------------------------- */

static bool is_library(const char *name)
{
    for (const NnDialect *const *d = nn_dialects; *d; d++)
        if (is((*d)->package, name) || is((*d)->ours, name))
            return true;
    return false;
}

static void add_name(char *list, size_t size, const char *name)
{
    const size_t used = strlen(list);
    if (!strstr(list, name))
        snprintf(list + used, size - used, "%s%s", used ? ", " : "", name);
}

static int refuse_library(const char *name)
{
    char list[256] = "";
    for (const NnDialect *const *d = nn_dialects; *d; d++) {
        add_name(list, sizeof list, (*d)->ours);
        add_name(list, sizeof list, (*d)->package);
    }
    return df_fail(DF_EVALUE, "unknown library '%s': want one of %s", name, list);
}

/* ---- how much a table knows -------------------------------------------------------------------------------------- */

/* Arrays that can be computed, which libraries drop or create silently. */
static bool is_computed(const char *name)
{
    static const char *const patterns[] = { "*.num_batches_tracked", "*.relative_position_index", "*.attn_mask",
                                            "*.relative_coords_table" };
    NnCapture c;
    for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++)
        if (nn_pattern_fits(patterns[i], name, &c))
            return true;
    return false;
}

/* How many of our names a table knows, and how many it lacks. A table of a backbone in a detector is only asked for the
 * backbone's names. */
typedef struct {
    int known, unknown;
    const char *first;           /* the first unknown name, or NULL */
} Knows;

static Knows what_it_knows(const NnPlace *place, const NnArrays *ours)
{
    Knows k = { .first = NULL };
    for (int i = 0; i < ours->n; i++) {
        const char *name = ours->at[i].array.name;
        char out[NN_NAME];
        int part = 0;
        if (ours->at[i].needless || is_computed(name) || !df_starts_with(name, place->at))
            continue;
        while (part < 3 && !nn_translate_name(place, true, name, part, out))
            part++;
        k.known += part < 3;
        if (part == 3 && k.unknown++ == 0)
            k.first = name;
    }
    return k;
}

/* ---- from -------------------------------------------------------------------------------------------------------- */

static NnPlace place_in_file(const NnArrays *file, const NnPlace *places, int n)
{
    NnPlace best = places[0];
    int most = 0;
    for (int i = 0; i < n; i++) {
        const int known = places[i].dialect ? nn_count_known(&places[i], false, file) : 0;
        if (known > most) {
            most = known;
            best = places[i];
        }
    }
    return best;
}

/* For names that are ours already, but behind a prefix: strips the prefix without which some table knows the most. */
static NnPlace cut_of_ours(const NnArrays *file, const NnPlace *places, int n)
{
    static const char *const ats[] = { "", "backbone." };
    NnPlace best = places[0];
    int most = 0;
    for (int i = 0; i < n; i++) {
        NnArrays ours = { 0 };
        if (places[i].dialect || nn_translate(&places[i], false, file, &ours) < 0)
            continue;
        for (const NnDialect *const *d = nn_dialects; *d; d++)
            for (int k = 0; k < 1 + (*d)->is_backbone; k++) {
                const int known = nn_count_known(&(NnPlace){ .dialect = *d, .at = ats[k] }, true, &ours);
                if (known > most) {
                    most = known;
                    best = places[i];
                }
            }
        nn_arrays_free(&ours);
    }
    return best;
}

/* ---- to ---------------------------------------------------------------------------------------------------------- */

typedef struct {
    NnPlace place;               /* dialect NULL: our names are those of the library */
    Knows knows;
    bool found;
} Target;

/* A table of a whole network is better than one of its backbone. */
static bool is_better(const Knows *a, const Knows *b)
{
    return a->unknown != b->unknown ? a->unknown < b->unknown : a->known > b->known;
}

static void consider(Target *best, const NnDialect *dialect, bool ours_is_it, const char *at, const NnArrays *ours)
{
    const NnPlace place = { .dialect = dialect, .at = at };
    const Knows knows = what_it_knows(&place, ours);
    if (knows.known + knows.unknown == 0)
        return;
    if (best->found && !is_better(&knows, &best->knows))
        return;
    *best = (Target){ .place = place, .knows = knows, .found = true };
    if (ours_is_it)
        best->place.dialect = NULL;
}

static int find_target(Target *best, const char *library, const NnArrays *ours)
{
    *best = (Target){ .found = false };
    for (const NnDialect *const *d = nn_dialects; *d; d++) {
        const bool ours_is_it = is((*d)->ours, library);
        if (!ours_is_it && !is((*d)->package, library))
            continue;
        consider(best, *d, ours_is_it, "", ours);
        if ((*d)->is_backbone)
            consider(best, *d, ours_is_it, "backbone.", ours);
    }
    if (!best->found)
        return df_fail(DF_EVALUE, "no network of %s has names like %s: want another --to, or --strip, --rename",
                       library, ours->n ? ours->at[0].array.name : "none");
    if (best->knows.first)
        return df_fail(DF_EVALUE,
                       "%s: %s has no name for it, nor for %d others: want --strip or --rename for unknown names",
                       best->knows.first, library, best->knows.unknown - 1);
    return DF_OK;
}

/* ---- all of it --------------------------------------------------------------------------------------------------- */

static int translate_to(NnConverted *c, const NnPlace *from, const char *library, int window)
{
    Target target = { .place.at = "" };
    int error = nn_translate(from, false, &c->file, &c->ours);
    if (error == DF_OK && !(from->dialect && is(from->dialect->ours, library)))
        error = find_target(&target, library, &c->ours);
    c->to = target.place.dialect;
    if (error == DF_OK && window && c->to && c->to->stores_index)
        error = nn_add_window_tables(&c->ours, window);
    return error == DF_OK ? nn_translate(&target.place, true, &c->ours, &c->out) : error;
}

static int translate(NnConverted *c, const char *library, int window)
{
    NnPlace *places = df_malloc(NN_PLACES * sizeof *places);
    if (!places)
        return df_fail_memory("the names of a checkpoint");
    const int n = nn_places(&c->file, places);
    NnPlace from = place_in_file(&c->file, places, n);
    if (from.dialect)
        snprintf(c->from, sizeof c->from, "%s (%s)", from.dialect->package, from.dialect->what);
    else
        from = cut_of_ours(&c->file, places, n);
    df_free(places);
    return translate_to(c, &from, library, window);
}

/* Whether the target library does not have this array and would report it as unexpected. */
static bool is_superfluous(const NnDialect *to, const char *name)
{
    const bool counter = df_ends_with(name, ".num_batches_tracked");
    return to && is_computed(name) && !counter && (!to->stores_index || df_ends_with(name, ".attn_mask"));
}

static int list_arrays(NnConverted *c)
{
    c->array = df_calloc((size_t)c->out.n + 1, sizeof *c->array);
    if (!c->array)
        return df_fail_memory("a checkpoint");
    for (int i = 0; i < c->out.n; i++)
        if (!c->out.at[i].needless && !is_superfluous(c->to, c->out.at[i].array.name))
            c->array[c->n++] = c->out.at[i].array;
    return DF_OK;
}

/* Swin v2's tables of positions can only be computed from the size of its windows, which the weights do not tell. */
static void warn_of_tables(const NnConverted *c)
{
    bool of_v2 = false;
    bool tables = false;
    for (int i = 0; i < c->n; i++) {
        of_v2 |= df_ends_with(c->array[i].name, ".cpb_mlp.2.weight");
        tables |= df_ends_with(c->array[i].name, ".relative_coords_table");
    }
    if (c->to && c->to->stores_index && of_v2 && !tables)
        df_log(DF_LOG_WARNING, "the file has no tables of relative positions, and does not say how large windows are: "
               "with --window N they are written, too; without it, %s can load the file only with strict=False, and "
               "keeps its own tables", c->to->package);
}

int nn_convert(NnConverted **out, const DfArray *arrays, int n, const char *library, int window)
{
    *out = NULL;
    if (!is_library(library))
        return refuse_library(library);
    NnConverted *c = df_calloc(1, sizeof *c);
    if (!c)
        return df_fail_memory("a checkpoint");
    int error = nn_arrays_open(&c->file, arrays, n);
    if (error == DF_OK)
        error = translate(c, library, window);
    if (error == DF_OK)
        error = list_arrays(c);
    if (error < 0) {
        nn_converted_free(c);
        return error;
    }
    warn_of_tables(c);
    *out = c;
    return DF_OK;
}

void nn_converted_free(NnConverted *c)
{
    if (!c)
        return;
    nn_arrays_free(&c->out);
    nn_arrays_free(&c->ours);
    nn_arrays_free(&c->file);
    df_free(c->array);
    df_free(c);
}

int nn_converted_arrays(const NnConverted *c, const DfArray **arrays)
{
    *arrays = c->array;
    return c->n;
}

const char *nn_converted_from(const NnConverted *c)
{
    return c->from;
}
