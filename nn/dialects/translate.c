/* SPDX-License-Identifier: Apache-2.0
 *
 * nn/dialects/translate.c -- translates the arrays of a checkpoint from the names of a library into ours, or back, by
 * the rows of its table.
 */
#include "nn/dialects/dialects.h"

#include <string.h>

/* ---- which row a name fits --------------------------------------------------------------------------------------- */

enum { LEVELS = 6, PARTS = 8 };

typedef struct Walk {
    bool back;
    struct {
        const NnRow *row;
        NnCapture capture;
    } level[LEVELS];             /* tables within tables: the last level is the row itself */
    int depth;
    void (*take)(struct Walk *, void *what);
    void *what;
} Walk;

static const char *source_of(const NnRow *row, bool back)
{
    return back ? row->ours : row->theirs;
}

static const char *target_of(const NnRow *row, bool back)
{
    return back ? row->theirs : row->ours;
}

static bool is_beside(const NnRow *row)
{
    return row->how & NN_ALSO || row->generate;
}

/* Calls take() for each row that matches, up to the first without NN_ALSO; false if there is none such. */
static bool walk(Walk *w, const NnRow *rows, int depth, const char *name)
{
    for (const NnRow *row = rows; row->theirs && depth < LEVELS; row++) {
        const char *source = source_of(row, w->back);
        if (!source || (w->back && row->how & NN_READ_ONLY))
            continue;
        if (!nn_pattern_fits(source, name, &w->level[depth].capture))
            continue;
        w->level[depth].row = row;
        if (row->table) {
            if (walk(w, row->table, depth + 1, w->level[depth].capture.rest))
                return true;
            continue;
        }
        w->depth = depth + 1;
        w->take(w, w->what);
        if (!w->back || !is_beside(row))
            return true;
    }
    return false;
}

static const NnRow *leaf(const Walk *w)
{
    return w->level[w->depth - 1].row;
}

/* The name on the other side, from the innermost table outwards. */
static bool spell(const Walk *w, int part, char out[NN_NAME])
{
    char inside[NN_NAME] = "";
    for (int i = w->depth - 1; i >= 0; i--) {
        NnCapture capture = w->level[i].capture;
        const char *target = target_of(w->level[i].row, w->back);
        if (i < w->depth - 1) {
            capture.rest = inside;
            capture.length = strlen(inside);
        }
        if (!target || !nn_pattern_spell(target, &capture, part, out))
            return false;
        memcpy(inside, out, NN_NAME);
    }
    return true;
}

static bool is_needless(const Walk *w)
{
    return !w->back && (leaf(w)->turn == NN_NEEDLESS || leaf(w)->generate);
}

/* ---- prefixes ---------------------------------------------------------------------------------------------------- */

/* Moves *name past the prefix that is cut, and returns the name that the rows match; NULL if the prefixes differ. */
static const char *inner_name(const NnPlace *place, bool back, const char **name)
{
    if (!back && df_starts_with(*name, place->cut))
        *name += strlen(place->cut);
    if (!place->dialect || !df_starts_with(*name, place->at))
        return NULL;
    return *name + strlen(place->at);
}

static bool put_prefix(const NnPlace *place, char name[NN_NAME])
{
    const size_t length = strlen(name);
    const size_t more = strlen(place->at);
    if (length + more >= NN_NAME)
        return false;
    memmove(name + more, name, length + 1);
    memcpy(name, place->at, more);
    return true;
}

typedef struct {
    const NnPlace *place;
    int part;
    bool found;
    char *out;
} Naming;

static void take_name(Walk *w, void *what)
{
    Naming *n = what;
    const NnRow *row = leaf(w);
    if (n->found || is_needless(w) || (w->back && is_beside(row)))
        return;
    n->found = spell(w, n->part, n->out) && put_prefix(n->place, n->out);
}

bool nn_translate_name(const NnPlace *place, bool back, const char *name, int part, char out[NN_NAME])
{
    Naming n = { .place = place, .part = part, .out = out };
    Walk w = { .back = back, .take = take_name, .what = &n };
    const char *inner = inner_name(place, back, &name);
    if (inner)
        walk(&w, place->dialect->rows, 0, inner);
    return n.found;
}

static void take_nothing(Walk *w, void *what)
{
    (void)w;
    (void)what;
}

int nn_count_known(const NnPlace *place, bool back, const NnArrays *in)
{
    int known = 0;
    for (int i = 0; i < in->n; i++) {
        Walk w = { .back = back, .take = take_nothing };
        const char *name = in->at[i].array.name;
        const char *inner = inner_name(place, back, &name);
        known += inner && walk(&w, place->dialect->rows, 0, inner);
    }
    return known;
}

/* ---- the arrays -------------------------------------------------------------------------------------------------- */

/* Arrays that become the rows of one. */
typedef struct {
    int out;                     /* the array of `out` that they become */
    const NnRow *row;
    const char *source;          /* the pattern with the words          */
    int parts;
    DfArray part[PARTS];
} Group;

typedef struct {
    const NnPlace *place;
    bool back;
    NnArrays *out;
    Group *group;
    int n_groups;
    size_t room;
    int *bucket, *next;          /* the names of `out` by hash           */
    int n_buckets;
    size_t next_room;
    const NnNamed *now;          /* the array that is being translated   */
    int error;
} Work;

static int find_out(const Work *k, const char *name)
{
    int i = k->bucket[df_hash(name) % (uint64_t)k->n_buckets];
    while (i >= 0 && strcmp(k->out->at[i].array.name, name) != 0)
        i = k->next[i];
    return i;
}

/* A second array of the same name is ignored: files that store one twice have the same numbers. */
static int add_out(Work *k, const NnNamed *named)
{
    NnNamed copy = *named;
    copy.needless |= find_out(k, named->array.name) >= 0;
    copy.array.name = df_arena_text(k->out->arena, "%s", named->array.name);
    if (!copy.array.name)
        return df_fail_memory("the names of a checkpoint");
    const int i = k->out->n;
    int error = nn_arrays_add(k->out, &copy);
    if (error == DF_OK && !df_grow((void **)&k->next, &k->next_room, (size_t)i, sizeof *k->next))
        error = df_fail_memory("the names of a checkpoint");
    if (error < 0)
        return error;
    int *bucket = &k->bucket[df_hash(copy.array.name) % (uint64_t)k->n_buckets];
    k->next[i] = copy.needless ? -1 : *bucket;
    if (!copy.needless)
        *bucket = i;
    return DF_OK;
}

static Group *find_group(Work *k, const char *name)
{
    const int out = find_out(k, name);
    for (int i = k->n_groups - 1; out >= 0 && i >= 0; i--)
        if (k->group[i].out == out)
            return &k->group[i];
    return NULL;
}

static Group *new_group(Work *k, const Walk *w, const char *name)
{
    NnNamed named = { .array = k->now->array, .key = k->now->key, .needless = k->now->needless };
    named.array.name = name;
    if (find_out(k, name) >= 0)
        return NULL;             /* the whole array is there already */
    if (!df_grow((void **)&k->group, &k->room, (size_t)k->n_groups, sizeof *k->group)) {
        k->error = df_fail_memory("the arrays of a checkpoint");
        return NULL;
    }
    k->error = add_out(k, &named);
    if (k->error < 0)
        return NULL;
    Group *g = &k->group[k->n_groups++];
    *g = (Group){ .out = k->out->n - 1, .row = leaf(w), .source = source_of(leaf(w), k->back) };
    g->parts = nn_pattern_parts(g->source);
    return g;
}

static void take_part(Work *k, const Walk *w, const char *name)
{
    const int part = w->level[w->depth - 1].capture.part;
    Group *g = find_group(k, name);
    if (!g)
        g = new_group(k, w, name);
    if (g && part < PARTS && !g->part[part].data)
        k->error = nn_turn(g->row->turn, k->back, &k->now->array, k->out->arena, &g->part[part]);
}

/* Adds an array, or the part of it that this name stands for. */
static void take_whole(Work *k, const Walk *w, int part, int parts, const char *name)
{
    const NnRow *row = leaf(w);
    NnNamed named = { .array = k->now->array, .key = k->now->key, .needless = k->now->needless };
    if (row->how & NN_DOUBLE)
        k->error = nn_turn_parts(&k->now->array, part, part + 1, 3, &named.array);
    else if (parts > 0)
        k->error = nn_turn_part(&k->now->array, part, parts, &named.array);
    if (k->error == DF_OK && row->generate)
        k->error = row->generate(&k->now->array, k->out->arena, &named.array);
    else if (k->error == DF_OK) {
        const DfArray in = named.array;
        k->error = nn_turn(row->turn, k->back, &in, k->out->arena, &named.array);
    }
    named.array.name = name;
    if (k->error == DF_OK)
        k->error = add_out(k, &named);
}

static void take_array(Walk *w, void *what)
{
    Work *k = what;
    const NnRow *row = leaf(w);
    char name[NN_NAME];
    if (k->error < 0)
        return;
    if (is_needless(w)) {
        NnNamed named = *k->now;
        named.needless = true;
        k->error = add_out(k, &named);
        return;
    }
    const int parts = nn_pattern_parts(target_of(row, k->back));
    for (int part = 0; part < (parts ? parts : 1) && k->error == DF_OK; part++) {
        if (parts && !nn_pattern_has_part(target_of(row, k->back), part))
            continue;
        if (!spell(w, part, name) || !put_prefix(k->place, name))
            k->error = df_fail(DF_EFORMAT, "%s: a name of fewer than %d letters was wanted", k->now->key, NN_NAME);
        else if (nn_pattern_parts(source_of(row, k->back)))
            take_part(k, w, name);
        else
            take_whole(k, w, part, parts, name);
    }
}

static int translate_one(Work *k, const NnNamed *named)
{
    Walk w = { .back = k->back, .take = take_array, .what = k };
    const char *name = named->array.name;
    const char *inner = inner_name(k->place, k->back, &name);
    k->now = named;
    if (inner && walk(&w, k->place->dialect->rows, 0, inner))
        return k->error;
    NnNamed same = *named;
    same.array.name = name;
    return k->error == DF_OK ? add_out(k, &same) : k->error;
}

static int close_group(Work *k, const Group *g)
{
    NnNamed *named = &k->out->at[g->out];
    const char *name = named->array.name;
    for (int i = 0; i < g->parts; i++)
        if (!g->part[i].data && nn_pattern_has_part(g->source, i))
            return df_fail(DF_EFORMAT, "%s is not in the file with all its parts: part %d of %d of %s is missing",
                           named->key, i + 1, g->parts, name);
    const int error = nn_turn_join(g->part, g->parts, k->out->arena, &named->array);
    named->array.name = name;
    DfArray *part = df_arena_alloc(k->out->arena, (size_t)g->parts, sizeof *part);
    if (!part)
        return df_fail_memory("the arrays of a checkpoint");
    memcpy(part, g->part, (size_t)g->parts * sizeof *part);
    named->part = part;
    named->parts = g->parts;
    return error;
}

/* ---- arrays that are stored once --------------------------------------------------------------------------------- */

/* The numbers n of the names that fit `every`, as bits. */
static uint64_t numbers_of(const Work *k, const NnArrays *in, const char *every)
{
    uint64_t all = 0;
    for (int i = 0; i < in->n; i++) {
        const char *name = in->at[i].array.name;
        const char *inner = inner_name(k->place, k->back, &name);
        char letter;
        int number;
        if (inner && nn_pattern_number(every, inner, &letter, &number) && number < 64)
            all |= (uint64_t)1 << number;
    }
    return all;
}

/* Adds the array of index 0 under the names of the missing indices, too. */
static int repeat_one(Work *k, const NnRow *row, uint64_t numbers, const NnNamed *first)
{
    NnCapture c;
    char letter, name[NN_NAME];
    int number, error = DF_OK;
    const char *inner = first->array.name + strlen(k->place->at);
    if (first->needless || !df_starts_with(first->array.name, k->place->at) || !nn_pattern_fits(row->ours, inner, &c))
        return DF_OK;
    if (!nn_pattern_number(row->ours, inner, &letter, &number) || number != 0)
        return DF_OK;
    const NnNamed named = *first;
    for (int n = 1; error == DF_OK && n < 64; n++) {
        c.number[letter - 'a'] = n;
        if (!(numbers >> n & 1) || !nn_pattern_spell(row->ours, &c, -1, name) || !put_prefix(k->place, name))
            continue;
        NnNamed other = named;
        other.array.name = name;
        if (find_out(k, name) < 0)
            error = add_out(k, &other);
    }
    return error;
}

static int repeat(Work *k, const NnArrays *in)
{
    int error = DF_OK;
    for (const NnRow *row = k->place->dialect->rows; row->theirs && error == DF_OK; row++) {
        const uint64_t numbers = row->every ? numbers_of(k, in, row->every) : 0;
        const int n = numbers ? k->out->n : 0;
        for (int i = 0; i < n && error == DF_OK; i++)
            error = repeat_one(k, row, numbers, &k->out->at[i]);
    }
    return error;
}

/* ---- all of them ------------------------------------------------------------------------------------------------- */

static int translate_all(Work *k, const NnArrays *in)
{
    int error = DF_OK;
    for (int i = 0; i < k->n_buckets; i++)
        k->bucket[i] = -1;
    for (int others = 0; others < 2; others++) /* a network below the prefix comes before what stands beside it */
        for (int i = 0; error == DF_OK && i < in->n; i++)
            if (df_starts_with(in->at[i].array.name, k->place->cut) == !others)
                error = translate_one(k, &in->at[i]);
    for (int i = 0; error == DF_OK && i < k->n_groups; i++)
        error = close_group(k, &k->group[i]);
    if (error == DF_OK && k->place->dialect && !k->back)
        error = repeat(k, in);
    return error;
}

int nn_translate(const NnPlace *place, bool back, const NnArrays *in, NnArrays *out)
{
    Work k = { .place = place, .back = back, .out = out, .n_buckets = 2 * in->n + 1 };
    int error = nn_arrays_new(out);
    if (error < 0)
        return error;
    k.bucket = df_malloc((size_t)k.n_buckets * sizeof *k.bucket);
    error = k.bucket ? translate_all(&k, in) : df_fail_memory("the names of a checkpoint");
    df_free(k.bucket);
    df_free(k.next);
    df_free(k.group);
    return error;
}
