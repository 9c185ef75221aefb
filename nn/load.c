/* SPDX-License-Identifier: Apache-2.0
 *
 * nn/load.c -- loads a checkpoint into a model, and reports what happened to every key of the file and every parameter
 * of the model: matches names (dialects/, dialect.c), resizes tables of another size as the official loaders do
 * (resize.c), and reorders dimensions (layout.c).
 */
#include <stdio.h>
#include <string.h>

#include "nn/dialect.h"
#include "nn/origin.h"
#include "nn/quantised.h"
#include "nn/report.h"
#include "nn/resize.h"

typedef struct {
    NnModel *model;
    DfCheckpoint *file;
    const NnLoad *load;  /* may be NULL                                       */
    NnReport *report;
    NnIndex index;
    NnReading reading;
    NnQuantisedList quantised; /* weights of 8 bits                           */
    bool *seen;          /* parameters that the file has                      */
    float *staging;      /* buffer for numbers in official order              */
    size_t room;         /* size of `staging`, in floats                      */
} Loader;

static int make_staging(Loader *l, size_t floats)
{
    if (floats <= l->room)
        return DF_OK;
    df_free(l->staging);
    l->room = 0;
    l->staging = df_malloc(floats * sizeof *l->staging);
    if (!l->staging)
        return df_fail_memory("an array of a checkpoint");
    l->room = floats;
    return DF_OK;
}

/* ---- shapes ------------------------------------------------------------------------------------------------------ */

static bool same_shape(const DfArray *array, DfShape shape)
{
    bool same = array->ndim == shape.n;
    for (int i = 0; same && i < shape.n; i++)
        same = array->shape[i] == shape.d[i];
    return same;
}

/* "[2, 3]" */
static void print_shape(char *out, size_t size, int n, const int64_t *d)
{
    size_t used = (size_t)snprintf(out, size, "[");
    for (int i = 0; i < n && used < size; i++)
        used += (size_t)snprintf(out + used, size - used, i ? ", %lld" : "%lld", (long long)d[i]);
    if (used < size)
        snprintf(out + used, size - used, "]");
}

/* Whether all dimensions except the first agree: if so, both first dimensions. */
static NnRows rows_of(const NnParam *param, const DfArray *array)
{
    bool same = array->ndim == param->shape.n && array->ndim > 0;
    for (int i = 1; same && i < param->shape.n; i++)
        same = array->shape[i] == param->shape.d[i];
    return same ? (NnRows){ array->shape[0], param->shape.d[0] } : (NnRows){ 0, 0 };
}

static int note_wrong_shape(Loader *l, const NnParam *param, const DfArray *array)
{
    int64_t wanted[DF_DIMS];
    char met[96], want[96], text[224];
    for (int i = 0; i < param->shape.n; i++)
        wanted[i] = param->shape.d[i];
    print_shape(met, sizeof met, array->ndim, array->shape);
    print_shape(want, sizeof want, param->shape.n, wanted);
    snprintf(text, sizeof text, " %s, want %s", met, want);
    NnReport *report = l->report;
    const size_t n = (size_t)report->of[NN_WRONG_SHAPE].n;
    if (!df_grow((void **)&report->rows, &report->rows_capacity, n, sizeof *report->rows))
        return df_fail_memory("the report of a checkpoint");
    report->rows[n] = rows_of(param, array);
    return nn_report_add(l->report, NN_WRONG_SHAPE, param->name, text);
}

/* ---- one array --------------------------------------------------------------------------------------------------- */

/* Rejects NaN and infinity: one such weight makes all results NaN, which would look like "no detections". */
static int check_numbers(const float *x, size_t n, const char *name)
{
    size_t bad = 0;
    for (size_t i = 0; i < n; i++)
        bad += (df_float_bits(x[i]) & 0x7f800000) == 0x7f800000; /* the exponent of NaN and of infinity */
    if (bad == 0)
        return DF_OK;
    return df_fail(DF_EVALUE, "%s: %zu of %zu values are NaN or infinite: want numbers", name, bad, n);
}

/* The numbers of an array in official order: in place, or converted to float32 in `staging`, which gets room for `more`
 * floats after them. */
static int official_numbers(Loader *l, const DfArray *array, size_t more, const float **out)
{
    const size_t n = (size_t)df_array_count(array);
    const float *there = more ? NULL : nn_array_floats(array);
    const int error = there ? DF_OK : make_staging(l, n + more);
    if (error < 0)
        return error;
    if (!there)
        df_array_f32(array, l->staging);
    *out = there ? there : l->staging;
    return DF_OK;
}

/* Whether the numbers are in the mapped file; of a joined array, whether its parts are. */
static bool is_mapped(const Loader *l, const NnNamed *named)
{
    if (!named->part)
        return df_checkpoint_maps(l->file, &named->array);
    bool mapped = true;
    for (int i = 0; i < named->parts; i++)
        mapped = mapped && named->part[i].data && df_checkpoint_maps(l->file, &named->part[i]);
    return mapped;
}

static int share_numbers(Loader *l, NnParam *param, const NnNamed *named)
{
    if (named->part)
        return nn_origin_read(l->model, param, l->file, named->part, named->parts, NULL);
    return nn_origin_read(l->model, param, l->file, &named->array, 1, NULL);
}

/* Copies the scales of a weight, which must outlive the file. */
static int keep_quantised(Loader *l, NnParam *param, const NnQuantised *found)
{
    DfQuantization *q = df_arena_alloc(l->model->arena, 1, sizeof *q);
    float *scale = df_arena_alloc(l->model->arena, (size_t)found->rows, sizeof *scale);
    if (!q || !scale)
        return df_fail_memory("the scales of a weight");
    memcpy(scale, found->scale, (size_t)found->rows * sizeof *scale);
    q->scale = scale;
    nn_quantisation_set(q, found->low, found->high);
    param->tensor->quantization = q;
    return DF_OK;
}

/* Loads a weight of 8 bits; products with it are computed in 8 bits where possible. */
static int take_quantised(Loader *l, NnParam *param, const DfArray *array, const NnQuantised *found)
{
    const size_t n = df_count(param->shape);
    int error = make_staging(l, n);
    if (error < 0)
        return error;
    df_array_f32(array, l->staging);
    error = nn_quantised_scale(found, l->staging, n);
    if (error == DF_OK)
        error = check_numbers(l->staging, n, param->name);
    if (error == DF_OK && nn_param_fits_int8(param))
        error = keep_quantised(l, param, found);
    if (error < 0)
        return error;
    if (nn_is_lean(l->model, param) && param->tensor->quantization && df_checkpoint_maps(l->file, array))
        return nn_origin_read(l->model, param, l->file, array, 1, param->tensor->quantization->scale);
    error = nn_origin_make_room(param);
    if (error == DF_OK)
        nn_param_from_official(param, l->staging, param->tensor->data);
    df_checkpoint_release(l->file, array);
    return error;
}

/* Loads the numbers of this array: into memory, or, in a lean model, only as a reference to the file. */
static int take_numbers(Loader *l, NnParam *param, const NnNamed *named)
{
    const NnQuantised *quantised = nn_quantised_of(&l->quantised, &named->array);
    const float *official;
    if (quantised)
        return take_quantised(l, param, &named->array, quantised);
    int error = official_numbers(l, &named->array, 0, &official);
    if (error == DF_OK)
        error = check_numbers(official, df_count(param->shape), param->name);
    if (error == DF_OK && nn_is_lean(l->model, param) && is_mapped(l, named)) {
        error = share_numbers(l, param, named);
    } else if (error == DF_OK) {
        error = nn_origin_make_room(param);
        if (error == DF_OK)
            nn_param_from_official(param, official, param->tensor->data);
    }
    df_checkpoint_release(l->file, &named->array);
    return error;
}

/* The same for a table of another size, which is resized. */
static int take_resized(Loader *l, NnParam *param, const DfArray *array)
{
    const float *official;
    const size_t met = (size_t)df_array_count(array);
    int error = official_numbers(l, array, df_count(param->shape), &official);
    if (error == DF_OK)
        error = check_numbers(official, met, param->name);
    if (error == DF_OK)
        error = nn_origin_make_room(param);
    if (error < 0)
        return error;
    nn_resize(param, array, official, l->staging + met);
    nn_param_from_official(param, l->staging + met, param->tensor->data);
    return DF_OK;
}

static int load_one(Loader *l, NnParam *param, const NnNamed *named)
{
    const DfArray *array = &named->array;
    const bool same = same_shape(array, param->shape);
    if (!same && (nn_quantised_of(&l->quantised, array) || !nn_can_resize(param, array)))
        return note_wrong_shape(l, param, array);
    const int error = same ? take_numbers(l, param, named) : take_resized(l, param, array);
    if (error < 0)
        return error;
    df_packed_drop(param->tensor);
    return nn_report_add(l->report, same ? NN_LOADED : NN_RESIZED, param->name, "");
}

static bool matches_one_of(const char *const *patterns, const char *name)
{
    for (; patterns && *patterns; patterns++)
        if (nn_name_matches(*patterns, name))
            return true;
    return false;
}

static bool is_shared(const NnModel *model, const char *name)
{
    const NnShared *shared;
    for (int i = nn_model_shared(model, &shared) - 1; i >= 0; i--)
        if (strcmp(shared[i].name, name) == 0)
            return true;
    return false;
}

/* Keys that are known although they are not parameters: computed arrays, patterns of the caller, second names of
 * weights. */
static bool is_ignorable(const Loader *l, const char *name)
{
    static const char *const always[] = { "*num_batches_tracked", "*relative_position_index", "*attn_mask",
                                          "*local_constraint_map", "optimizer.*", NULL };
    /* the last pattern: the state of a training run */
    if (matches_one_of(always, name) || is_shared(l->model, name))
        return true;
    return l->load && matches_one_of(l->load->ignorable, name);
}

/* ---- a part of a file, a part of a model ------------------------------------------------------------------------- */

/* The rest of a name after `part` and a dot, or the name itself if `part` is NULL or ""; NULL: it is not below
 * `part`. */
static const char *behind(const char *part, const char *name)
{
    size_t n = part ? strlen(part) : 0;
    n -= n > 0 && part[n - 1] == '.';
    if (n == 0)
        return name;
    return strncmp(name, part, n) == 0 && name[n] == '.' ? name + n + 1 : NULL;
}

static bool is_of_module(const Loader *l, const NnParam *param)
{
    return behind(l->load ? l->load->module : NULL, param->name) != NULL;
}

/* Keeps only the keys below the prefix, under the names that they have in the model. A file for a backbone may also
 * have the names of a whole network, or of another library; a file for another module has the module's own names. */
static int choose_keys(const Loader *l, NnArrays *arrays)
{
    const char *prefix = l->load ? l->load->prefix : NULL;
    const char *module = l->load && l->load->module ? l->load->module : "";
    int n = 0;
    if (!prefix && (!*module || strcmp(module, "backbone") == 0))
        return DF_OK;
    for (int i = 0; i < arrays->n; i++) {
        NnNamed named = arrays->at[i];
        const char *rest = behind(prefix, named.key);
        if (!rest)
            continue;
        named.array.name = df_arena_text(arrays->arena, "%s%s%s", module, *module ? "." : "", rest);
        if (!named.array.name)
            return df_fail_memory("the names of a checkpoint");
        arrays->at[n++] = named;
    }
    const char *first = arrays->n ? arrays->at[0].key : "none";
    arrays->n = n;
    return n ? DF_OK : df_fail(DF_EVALUE, "no key is below '%s', the first is %s", prefix ? prefix : "", first);
}

static int check_module(const Loader *l)
{
    for (int i = 0; i < nn_model_count(l->model); i++)
        if (is_of_module(l, nn_model_at(l->model, i)))
            return DF_OK;
    return df_fail(DF_EVALUE, "the network has no parameter below '%s'", l->load->module);
}

/* ---- the whole file ---------------------------------------------------------------------------------------------- */

static int take_array(Loader *l, const NnNamed *named)
{
    char name[NN_NAME + 16];
    if (named->needless)
        return nn_report_add(l->report, NN_IGNORED, named->key, "");
    snprintf(name, sizeof name, "%s%s", l->reading.add, named->array.name);
    int i = nn_index_find(&l->index, name);
    if (i < 0)
        i = nn_index_find_older(&l->index, name);
    if (i < 0)
        return nn_report_add(l->report, is_ignorable(l, name) ? NN_IGNORED : NN_UNEXPECTED, named->key, "");
    if (!is_of_module(l, nn_model_at(l->model, i)))
        return nn_report_add(l->report, NN_IGNORED, named->key, "");
    l->seen[i] = true;
    return load_one(l, nn_model_at(l->model, i), named);
}

static int note_absent(Loader *l)
{
    int error = DF_OK;
    for (int i = 0; error == DF_OK && i < nn_model_count(l->model); i++) {
        const NnParam *param = nn_model_at(l->model, i);
        if (!l->seen[i] && is_of_module(l, param))
            error = nn_report_add(l->report, param->optional ? NN_KEPT : NN_MISSING, param->name, "");
    }
    return error;
}

/* Fails if parameters are missing or wrong-shaped, with one sentence that names the first of them. */
static int judge(const Loader *l)
{
    static const char doubt[] = "is this a checkpoint of another model?";
    const NnNames *missing = &l->report->of[NN_MISSING];
    const NnNames *wrong = &l->report->of[NN_WRONG_SHAPE];
    const int total = nn_model_count(l->model);
    if (wrong->n && !(l->load && l->load->allow_wrong_shape)) {
        char absent[64] = "";
        if (missing->n)
            snprintf(absent, sizeof absent, " and %d are missing", missing->n);
        return df_fail(DF_ESHAPE, "%d of %d parameters have another shape%s, the first is %s: %s",
                       wrong->n, total, absent, wrong->name[0], doubt);
    }
    if (missing->n && !(l->load && l->load->allow_missing))
        return df_fail(DF_EFORMAT, "%d of %d parameters are not in it, the first is %s: %s",
                       missing->n, total, missing->name[0], doubt);
    return DF_OK;
}

static int load_arrays(Loader *l, const NnArrays *ours)
{
    int error = DF_OK;
    for (int i = 0; error == DF_OK && i < ours->n; i++)
        if ((error = df_check_patience()) == DF_OK)
            error = take_array(l, &ours->at[i]);
    if (error == DF_OK)
        error = note_absent(l);
    if (error == DF_OK)
        error = judge(l);
    return error;
}

/* Loads into a model whose own names are those of a dialect. */
static int load_back(Loader *l, const NnArrays *ours)
{
    NnArrays own = { 0 };
    int error = nn_translate(&l->reading.own, true, ours, &own);
    if (error == DF_OK)
        error = load_arrays(l, &own);
    nn_arrays_free(&own);
    return error;
}

/* Two networks in a file that fit equally well: which one is read? */
static void warn_of_others(const NnReading *r)
{
    char read[112] = "without a prefix";
    if (r->place.cut[0])
        snprintf(read, sizeof read, "below '%s'", r->place.cut);
    if (r->passed[0])
        df_log(DF_LOG_WARNING, "warning: two networks in the checkpoint fit: the one %s is read. For the one below '%s' "
               "read OUT of: deformer convert CHECKPOINT OUT --strip %s", read, r->passed, r->passed);
}

static int load_all(Loader *l)
{
    NnArrays theirs;
    NnArrays ours = { 0 };
    int error = nn_arrays_open_file(&theirs, l->file);
    if (error == DF_OK)
        error = check_module(l);
    if (error == DF_OK)
        error = choose_keys(l, &theirs);
    if (error == DF_OK)
        error = nn_quantised_take(&l->quantised, &theirs);
    if (error == DF_OK)
        error = nn_reading_choose(&l->index, &theirs, &l->reading);
    if (error == DF_OK && (l->reading.place.dialect || l->reading.own.dialect))
        error = nn_quantised_expand(&l->quantised, &theirs);
    if (error == DF_OK)
        error = nn_translate(&l->reading.place, false, &theirs, &ours);
    if (error == DF_OK) {
        l->report->dialect = l->reading.place.dialect;
        warn_of_others(&l->reading);
        error = l->reading.own.dialect ? load_back(l, &ours) : load_arrays(l, &ours);
    }
    nn_quantised_free(&l->quantised);
    nn_arrays_free(&ours);
    nn_arrays_free(&theirs);
    return error;
}

int nn_model_load(NnModel *model, DfCheckpoint *file, const NnLoad *load, NnReport *report)
{
    *report = (NnReport){ 0 };
    for (int i = 0; i < nn_model_count(model); i++)
        nn_model_at(model, i)->tensor->quantization = NULL;
    Loader l = { .model = model, .file = file, .load = load, .report = report };
    int error = nn_index_new(&l.index, model);
    if (error < 0)
        return error;
    l.seen = df_calloc((size_t)nn_model_count(model) + 1, sizeof *l.seen);
    error = l.seen ? load_all(&l) : df_fail_memory("the report of a checkpoint");
    const int changed = df_checkpoint_check(file); /* a changed file is the better explanation of an error */
    error = changed < 0 && error != DF_ENOMEM ? changed : error;
    nn_index_free(&l.index);
    df_free(l.seen);
    df_free(l.staging);
    return error;
}
