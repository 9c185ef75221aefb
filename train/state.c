/* SPDX-License-Identifier: Apache-2.0
 *
 * train/state.c -- saves the state of a training run as a checkpoint, and restores it.
 */
#include "train/state.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char RUN_KEY[] = "deformer_run";  /* in the metadata: the version of what follows */
static const char VERSION[] = "1";

/* ---- which arrays there are -------------------------------------------------------------------------------------- */

/* One array of the file, and where its numbers stand in memory. */
typedef struct {
    char key[512];
    const NnParam *param;   /* whose shape and layout it has; NULL: a list */
    float *floats;
    double *list;
    int n;
} Entry;

typedef struct {
    Entry *v;
    size_t n, capacity;
} Entries;

static int add(Entries *e, Entry entry)
{
    if (!df_grow((void **)&e->v, &e->capacity, e->n, sizeof *e->v))
        return df_fail_memory("the state of a run");
    e->v[e->n++] = entry;
    return DF_OK;
}

static int add_floats(Entries *e, const char *key, const NnParam *param, float *floats)
{
    Entry entry = { .param = param, .floats = floats };
    snprintf(entry.key, sizeof entry.key, "%s", key);
    return add(e, entry);
}

/* A parameter under its official key and, where there is an average of it, itself beside that. */
static int add_parameter(Entries *e, const DfState *s, int i)
{
    char key[512];
    const NnParam *param = nn_model_at(s->model, i);
    float *average = s->average ? s->average[i] : NULL;
    if (!average)
        return add_floats(e, param->name, param, param->tensor->data);
    snprintf(key, sizeof key, "optimizer.weight.%s", param->name);
    const int error = add_floats(e, param->name, param, average);
    return error < 0 ? error : add_floats(e, key, param, param->tensor->data);
}

static int add_array(Entries *e, const DfState *s, const DfStateArray *array)
{
    int error = DF_OK;
    if (!array->of) {
        Entry entry = { .list = array->list, .n = array->n };
        snprintf(entry.key, sizeof entry.key, "optimizer.%s", array->name);
        return add(e, entry);
    }
    for (int i = 0; error == DF_OK && i < nn_model_count(s->model); i++) {
        char key[512];
        const NnParam *param = nn_model_at(s->model, i);
        snprintf(key, sizeof key, "optimizer.%s.%s", array->name, param->name);
        if (array->of[i])
            error = add_floats(e, key, param, array->of[i]);
    }
    return error;
}

static int list_entries(Entries *out, const DfState *s)
{
    int error = DF_OK;
    for (int i = 0; error == DF_OK && i < nn_model_count(s->model); i++)
        error = add_parameter(out, s, i);
    for (int i = 0; error == DF_OK && i < s->n; i++)
        error = add_array(out, s, &s->arrays[i]);
    return error;
}

/* ---- metadata ---------------------------------------------------------------------------------------------------- */

enum { FACTS = 10 };
typedef struct {
    char value[FACTS][64];
    const char *pairs[2 * FACTS];
} Facts;

static void describe(Facts *f, const DfRunState *at)
{
    static const char *const keys[FACTS] = { RUN_KEY, "step", "epoch", "position", "seed",
                                             "settings", "scored", "best_step", "best", "metric" };
    snprintf(f->value[0], sizeof f->value[0], "%s", VERSION);
    snprintf(f->value[1], sizeof f->value[1], "%" PRId64, at->step);
    snprintf(f->value[2], sizeof f->value[2], "%" PRId64, at->epoch);
    snprintf(f->value[3], sizeof f->value[3], "%" PRId64, at->position);
    snprintf(f->value[4], sizeof f->value[4], "%" PRIu64, at->seed);
    snprintf(f->value[5], sizeof f->value[5], "%016" PRIx64, at->settings);
    snprintf(f->value[6], sizeof f->value[6], "%" PRId64, at->scored);
    snprintf(f->value[7], sizeof f->value[7], "%" PRId64, at->best_step);
    df_snprintf(f->value[8], sizeof f->value[8], "%.17g", at->best);
    snprintf(f->value[9], sizeof f->value[9], "%s", at->metric);
    for (int i = 0; i < FACTS; i++) {
        f->pairs[2 * i] = keys[i];
        f->pairs[2 * i + 1] = f->value[i];
    }
}

/* The value of a key, all of it digits of `base`, at most `most`. */
static int read_fact(uint64_t *out, const DfCheckpoint *file, const char *key, int base, uint64_t most)
{
    const char *text = df_checkpoint_metadata(file, key);
    char *end = NULL;
    errno = 0;
    if (text && df_digit_value(text[0]) < base)
        *out = strtoull(text, &end, base);
    if (!end || *end || errno || *out > most)
        return df_fail(DF_EFORMAT, "its metadata has %s = '%.40s': want a number", key, text ? text : "");
    return DF_OK;
}

static int read_count(int64_t *out, const DfCheckpoint *file, const char *key)
{
    uint64_t value = 0;
    const int error = read_fact(&value, file, key, 10, INT64_MAX);
    *out = (int64_t)value;
    return error;
}

/* The iteration at which something was; "-1": it never was. */
static int read_moment(int64_t *out, const DfCheckpoint *file, const char *key)
{
    const char *text = df_checkpoint_metadata(file, key);
    *out = -1;
    return text && strcmp(text, "-1") == 0 ? DF_OK : read_count(out, file, key);
}

static int read_best(DfRunState *out, const DfCheckpoint *file)
{
    const char *best = df_checkpoint_metadata(file, "best");
    const char *metric = df_checkpoint_metadata(file, "metric");
    char *end = NULL;
    out->best = best ? df_strtod(best, &end) : 0;
    if (!end || end == best || *end)
        return df_fail(DF_EFORMAT, "its metadata has best = '%.40s': want a number", best ? best : "");
    snprintf(out->metric, sizeof out->metric, "%s", metric ? metric : "");
    return read_moment(&out->best_step, file, "best_step");
}

static int check_version(const DfCheckpoint *file)
{
    const char *version = df_checkpoint_metadata(file, RUN_KEY);
    if (!version)
        return df_fail(DF_EVALUE, "no state of a training run: it has weights alone, which --init takes");
    if (strcmp(version, VERSION) != 0)
        return df_fail(DF_EVALUE, "the state of a run of another version ('%.20s'; want %s)", version, VERSION);
    return DF_OK;
}

int df_run_state_read(DfRunState *out, const DfCheckpoint *file)
{
    *out = (DfRunState){ .best_step = -1, .scored = -1 };
    int error = check_version(file);
    if (error == DF_OK)
        error = read_count(&out->step, file, "step");
    if (error == DF_OK)
        error = read_count(&out->epoch, file, "epoch");
    if (error == DF_OK)
        error = read_count(&out->position, file, "position");
    if (error == DF_OK)
        error = read_fact(&out->seed, file, "seed", 10, UINT64_MAX);
    if (error == DF_OK)
        error = read_fact(&out->settings, file, "settings", 16, UINT64_MAX);
    if (error == DF_OK)
        error = read_moment(&out->scored, file, "scored");
    if (error == DF_OK)
        error = read_best(out, file);
    return error;
}

/* ---- writing ----------------------------------------------------------------------------------------------------- */

static DfArray array_of(const Entry *entry)
{
    if (entry->param)
        return nn_param_array(entry->param, entry->key, entry->floats);
    return df_array(entry->key, DF_F64, 1, &(int64_t){ entry->n }, entry->list);
}

/* Second names of weights stand in files too (nn_share()). */
static int write_entries(const Entries *e, const DfState *s, const char *path)
{
    const NnShared *shared;
    const int n_shared = nn_model_shared(s->model, &shared);
    DfArray *arrays = df_calloc(e->n + (size_t)n_shared + 1, sizeof *arrays);
    Facts facts;
    if (!arrays)
        return df_fail_memory("the state of a run");
    for (size_t i = 0; i < e->n; i++)
        arrays[i] = array_of(&e->v[i]);
    for (int i = 0; i < n_shared; i++) {
        const NnParam *param = nn_model_at(s->model, shared[i].param);
        const float *average = s->average ? s->average[shared[i].param] : NULL;
        arrays[e->n + (size_t)i] = nn_param_array(param, shared[i].name, average ? average : param->tensor->data);
    }
    describe(&facts, &s->at);
    const int error = df_checkpoint_write(path, arrays, (int)e->n + n_shared, facts.pairs, FACTS);
    df_free(arrays);
    return error;
}

int df_state_write(const DfState *s, const char *path)
{
    Entries entries = { 0 };
    int error = list_entries(&entries, s);
    if (error == DF_OK)
        error = write_entries(&entries, s, path);
    df_free(entries.v);
    return error;
}

/* ---- reading ----------------------------------------------------------------------------------------------------- */

static bool same_shape(const DfArray *array, const Entry *entry)
{
    const DfArray want = array_of(entry);
    bool same = array->dtype == want.dtype && array->ndim == want.ndim;
    for (int d = 0; same && d < want.ndim; d++)
        same = array->shape[d] == want.shape[d];
    return same;
}

/* Every array of the state must be in the file, and nothing else of a run may be: a run with other moments is of
 * another optimizer. */
static int check_entries(const Entries *e, const DfState *s, const DfCheckpoint *file)
{
    const NnShared *shared;
    int known = nn_model_shared(s->model, &shared);
    for (size_t i = 0; i < e->n; i++) {
        const DfArray *array = df_checkpoint_find(file, e->v[i].key);
        if (!array)
            return df_fail(DF_ESHAPE, "the state of another network or optimizer: it has no %s", e->v[i].key);
        if (!same_shape(array, &e->v[i]))
            return df_fail(DF_ESHAPE, "the state of another network: its %s has another shape", e->v[i].key);
        known++;
    }
    if (known != df_checkpoint_count(file))
        return df_fail(DF_ESHAPE, "the state of another network or optimizer: it has %d arrays, want %d",
                       df_checkpoint_count(file), known);
    return DF_OK;
}

static void take(const Entry *entry, const DfArray *array, float *staging)
{
    if (!entry->param) {
        df_array_f64(array, entry->list);
        return;
    }
    df_array_f32(array, staging);
    nn_param_from_official(entry->param, staging, entry->floats);
    df_packed_drop(entry->param->tensor);
}

static int take_entries(const Entries *e, const DfCheckpoint *file)
{
    size_t most = 1;
    for (size_t i = 0; i < e->n; i++) {
        const size_t n = e->v[i].param ? df_count(e->v[i].param->shape) : 0;
        most = n > most ? n : most;
    }
    float *staging = df_malloc(most * sizeof *staging);
    if (!staging)
        return df_fail_memory("the state of a run");
    for (size_t i = 0; i < e->n; i++)
        take(&e->v[i], df_checkpoint_find(file, e->v[i].key), staging);
    df_free(staging);
    return DF_OK;
}

int df_state_read_file(DfState *s, const DfCheckpoint *file)
{
    Entries entries = { 0 };
    DfRunState at;
    int error = df_run_state_read(&at, file);
    if (error == DF_OK)
        error = list_entries(&entries, s);
    if (error == DF_OK)
        error = check_entries(&entries, s, file);
    if (error == DF_OK)
        error = take_entries(&entries, file);
    if (error == DF_OK)
        s->at = at;
    df_free(entries.v);
    return error;
}

int df_state_read(DfState *s, const char *path)
{
    DfCheckpoint *file = NULL;
    int error = df_checkpoint_open(&file, path, NULL);
    if (error < 0)
        return error;
    error = df_state_read_file(s, file);
    df_checkpoint_close(file);
    return error < 0 ? df_fail_in(error, "%s: ", path) : DF_OK;
}
