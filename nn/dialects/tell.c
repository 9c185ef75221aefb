/* SPDX-License-Identifier: Apache-2.0
 *
 * nn/dialects/tell.c -- finds the dialects that a checkpoint may be in: strips the prefixes of wrappers from names,
 * and looks for the signs of each dialect.
 */
#include "nn/dialects/dialects.h"

#include <stdio.h>
#include <string.h>

#define DF_DIALECT(name) extern const NnDialect nn_dialect_##name;
#include "nn/dialects/list.def"
#undef DF_DIALECT
#define DF_DIALECT(name) &nn_dialect_##name,
const NnDialect *const nn_dialects[] = {
#include "nn/dialects/list.def"
    NULL
};
#undef DF_DIALECT

/* ---- the arrays of a file ---------------------------------------------------------------------------------------- */

int nn_arrays_new(NnArrays *arrays)
{
    *arrays = (NnArrays){ .arena = df_arena_new() };
    return arrays->arena ? DF_OK : df_fail_memory("the names of a checkpoint");
}

void nn_arrays_free(NnArrays *arrays)
{
    df_free(arrays->at);
    df_arena_free(arrays->arena);
    *arrays = (NnArrays){ 0 };
}

int nn_arrays_add(NnArrays *arrays, const NnNamed *named)
{
    if (!df_grow((void **)&arrays->at, &arrays->capacity, (size_t)arrays->n, sizeof *arrays->at))
        return df_fail_memory("the names of a checkpoint");
    arrays->at[arrays->n++] = *named;
    return DF_OK;
}

/* The length of a word that torch.compile, DataParallel or fully sharded training puts before a module; 0: none. */
static size_t wrapping_word(const char *at)
{
    static const char *const words[] = { "_orig_mod.", "module.", "_fsdp_wrapped_module.",
                                         "_checkpoint_wrapped_module." };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (df_starts_with(at, words[i]))
            return strlen(words[i]);
    return 0;
}

/* Removes these words wherever they occur in the name. */
static void unwrap(char *name)
{
    char *out = name;
    bool at_start = true;
    for (const char *in = name; *in;) {
        const size_t word = at_start ? wrapping_word(in) : 0;
        in += word;
        if (word == 0) {
            at_start = *in == '.';
            *out++ = *in++;
        }
    }
    *out = 0;
}

static int add_unwrapped(NnArrays *arrays, const DfArray *array)
{
    NnNamed named = { .array = *array, .key = array->name };
    char *name = df_arena_text(arrays->arena, "%s", array->name);
    if (!name)
        return df_fail_memory("the names of a checkpoint");
    unwrap(name);
    named.array.name = name;
    return nn_arrays_add(arrays, &named);
}

int nn_arrays_open(NnArrays *arrays, const DfArray *array, int n)
{
    int error = nn_arrays_new(arrays);
    for (int i = 0; error == DF_OK && i < n; i++)
        error = add_unwrapped(arrays, &array[i]);
    return error;
}

int nn_arrays_open_file(NnArrays *arrays, const DfCheckpoint *file)
{
    int error = nn_arrays_new(arrays);
    for (int i = 0; error == DF_OK && i < df_checkpoint_count(file); i++)
        error = add_unwrapped(arrays, df_checkpoint_at(file, i));
    return error;
}

/* ---- signs ------------------------------------------------------------------------------------------------------- */

typedef struct {
    const NnArrays *file;
    const char *cut, *at;
} View;

/* The name after both prefixes; NULL if it does not have both. */
static const char *seen(const View *v, int i)
{
    const char *name = v->file->at[i].array.name;
    if (!df_starts_with(name, v->cut))
        return NULL;
    name += strlen(v->cut);
    return df_starts_with(name, v->at) ? name + strlen(v->at) : NULL;
}

static bool any_fits(const View *v, const char *sign)
{
    NnCapture c;
    for (int i = 0; i < v->file->n; i++) {
        const char *name = seen(v, i);
        if (name && nn_pattern_fits(sign, name, &c))
            return true;
    }
    return false;
}

static bool shapes_tell(const View *v, const NnDialect *dialect)
{
    DfArray *arrays = df_calloc((size_t)v->file->n + 1, sizeof *arrays);
    int n = 0;
    for (int i = 0; arrays && i < v->file->n; i++) {
        const char *name = seen(v, i);
        if (!name)
            continue;
        arrays[n] = v->file->at[i].array;
        arrays[n++].name = name;
    }
    const bool told = arrays && dialect->tell(arrays, n);
    df_free(arrays);
    return told;
}

static bool has_signs(const View *v, const NnDialect *dialect)
{
    if (!dialect->signs)
        return false;
    for (const char *const *sign = dialect->signs; *sign; sign++) {
        const bool absent = **sign == '!';
        if (any_fits(v, *sign + absent) == absent)
            return false;
    }
    return !dialect->tell || shapes_tell(v, dialect);
}

/* ---- prefixes ---------------------------------------------------------------------------------------------------- */

enum { CUTS = 24 };

/* The length of a prefix that training scripts and self-supervision put before a network, or a detector before its
 * backbone; 0: none. */
static size_t outer_word(const char *at)
{
    static const char *const words[] = { "model.",    "ema_model.", "model_ema.", "ema.", "student.",
                                         "teacher.",  "backbone.",  "encoder.",   "net.", "network.",
                                         "detector.", "segmentor.", "trunk." };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (df_starts_with(at, words[i]))
            return strlen(words[i]);
    return 0;
}

typedef struct {
    char cut[CUTS][sizeof(((NnPlace *)0)->cut)];
    int n;
} Cuts;

static void add_cut(Cuts *cuts, const char *name, size_t length)
{
    if (cuts->n == CUTS || length >= sizeof cuts->cut[0])
        return;
    for (int i = 0; i < cuts->n; i++)
        if (strlen(cuts->cut[i]) == length && strncmp(cuts->cut[i], name, length) == 0)
            return;
    snprintf(cuts->cut[cuts->n++], sizeof cuts->cut[0], "%.*s", (int)length, name);
}

static void find_cuts(Cuts *cuts, const NnArrays *file)
{
    add_cut(cuts, "", 0);
    for (int i = 0; i < file->n; i++) {
        const char *name = file->at[i].array.name;
        size_t used = 0;
        for (size_t word; (word = outer_word(name + used)) > 0;) {
            used += word;
            add_cut(cuts, name, used);
        }
    }
}

static void add_place(NnPlace place[NN_PLACES], int *n, const NnDialect *dialect, const char *cut, const char *at)
{
    if (*n == NN_PLACES)
        return;
    place[*n] = (NnPlace){ .dialect = dialect, .at = at };
    snprintf(place[*n].cut, sizeof place[*n].cut, "%s", cut);
    ++*n;
}

static void add_dialects(NnPlace place[NN_PLACES], int *n, const NnArrays *file, const char *cut, const char *at)
{
    const View v = { file, cut, at };
    for (const NnDialect *const *d = nn_dialects; *d; d++)
        if ((!at[0] || (*d)->is_backbone) && has_signs(&v, *d))
            add_place(place, n, *d, cut, at);
}

int nn_places(const NnArrays *file, NnPlace place[NN_PLACES])
{
    Cuts cuts = { .n = 0 };
    int n = 0;
    find_cuts(&cuts, file);
    for (int i = 0; i < cuts.n; i++)
        add_place(place, &n, NULL, cuts.cut[i], "");
    for (int i = 0; i < cuts.n; i++) {
        add_dialects(place, &n, file, cuts.cut[i], "");
        add_dialects(place, &n, file, cuts.cut[i], "backbone.");
    }
    return n;
}

/* ---- the names of a model ---------------------------------------------------------------------------------------- */

int nn_place_of_model(const NnModel *model, NnPlace *out)
{
    static const char *const at[] = { "", "backbone." };
    NnArrays names;
    int error = nn_arrays_new(&names);
    *out = (NnPlace){ .at = "" };
    for (int i = 0; error == DF_OK && i < nn_model_count(model); i++) {
        const NnNamed named = { .array = { .name = nn_model_at(model, i)->name } };
        error = nn_arrays_add(&names, &named);
    }
    for (int k = 0; error == DF_OK && k < 2; k++)
        for (const NnDialect *const *d = nn_dialects; *d; d++)
            if ((*d)->is_of_models && has_signs(&(View){ &names, "", at[k] }, *d))
                *out = (NnPlace){ .dialect = *d, .at = at[k] };
    nn_arrays_free(&names);
    return error;
}
