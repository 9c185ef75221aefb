/* SPDX-License-Identifier: Apache-2.0
 *
 * nn/quantised.c -- weights of 8 bits: how a checkpoint stores them, and how a model's weights are quantised.
 */
#include "nn/quantised.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "nn/model.h"

/* ---- of a model -------------------------------------------------------------------------------------------------- */

/* Zero becomes exactly an integer, because padding and the results of ReLU must stay zero. */
void nn_quantisation_set(DfQuantization *q, float low, float high)
{
    q->range[0] = low;
    q->range[1] = high;
    q->step = (high - low) / 255;
    q->zero = (int)rintf(-low / q->step);
}

bool nn_param_fits_int8(const NnParam *param)
{
    const DfShape ours = param->tensor->shape;
    const bool rows_first = param->layout == NN_AS_IS || param->layout == NN_POINTWISE || param->layout == NN_CONV;
    const size_t count = df_count(ours);
    return !param->buffer && rows_first && ours.n >= 2 && count > 0 &&
           count / (size_t)ours.d[0] <= DF_INT8_MOST_TERMS;
}

static float largest(const float *x, size_t n)
{
    float most = 0;
    for (size_t i = 0; i < n; i++)
        most = fmaxf(most, fabsf(x[i]));
    return most;
}

/* The scale of a row; 0 if its numbers are so small that the scale would underflow. */
static float scale_of(const float *row, size_t n)
{
    const float scale = largest(row, n) / 127;
    return scale >= FLT_MIN ? scale : 0;
}

/* Quantises a weight: computes the scale of each row, and rounds the weight to the values that 8 bits can represent. */
int nn_param_quantise(NnModel *model, NnParam *param, float low, float high)
{
    DfTensor *w = param->tensor;
    const size_t rows = (size_t)df_dim(w, 0);
    const size_t columns = df_size(w) / rows;
    DfNumbers numbers;
    float *scale = df_arena_alloc(model->arena, rows, sizeof *scale);
    DfQuantization *q = df_arena_alloc(model->arena, 1, sizeof *q);
    if (!scale || !q)
        return df_fail_memory("the scales of a weight");
    int error = df_numbers_open(w, &numbers);
    if (error < 0)
        return error;
    for (size_t i = 0; i < rows; i++)
        scale[i] = scale_of(numbers.at + i * columns, columns);
    error = df_numbers_close(w, &numbers);
    q->scale = scale;
    nn_quantisation_set(q, low, high);
    w->quantization = error < 0 ? NULL : q;
    return error;
}

int nn_model_quantised(const NnModel *model)
{
    int n = 0;
    for (size_t i = 0; i < model->n; i++)
        n += model->params[i]->tensor->quantization != NULL;
    return n;
}

/* ---- in a file: finding the companions of a weight --------------------------------------------------------------- */

typedef struct {
    const NnArrays *file;
    const NnNamed **by_name; /* sorted */
} Names;

static int compare_names(const void *a, const void *b)
{
    const NnNamed *const *x = a;
    const NnNamed *const *y = b;
    return strcmp((*x)->array.name, (*y)->array.name);
}

static int sort_names(Names *names, const NnArrays *file)
{
    *names = (Names){ file, df_calloc((size_t)file->n + 1, sizeof *names->by_name) };
    if (!names->by_name)
        return df_fail_memory("the names of a checkpoint");
    for (int i = 0; i < file->n; i++)
        names->by_name[i] = &file->at[i];
    qsort(names->by_name, (size_t)file->n, sizeof *names->by_name, compare_names);
    return DF_OK;
}

static const DfArray *find(const Names *names, const char *name)
{
    NnNamed wanted = { .array = { .name = name } };
    const NnNamed *key = &wanted;
    const NnNamed **found =
        bsearch(&key, names->by_name, (size_t)names->file->n, sizeof *names->by_name, compare_names);
    return found ? &(*found)->array : NULL;
}

/* The weight NAME of 8 bits whose companion NAME.ending is `name`; NULL if there is no such weight. */
static const DfArray *owner(const Names *names, const char *name, const char *ending)
{
    char base[NN_NAME];
    const size_t length = strlen(name);
    const size_t cut = strlen(ending);
    if (length <= cut || length - cut >= sizeof base || strcmp(name + length - cut, ending) != 0)
        return NULL;
    memcpy(base, name, length - cut);
    base[length - cut] = 0;
    const DfArray *found = find(names, base);
    return found && found->dtype == DF_I8 ? found : NULL;
}

static bool is_companion(const Names *names, const char *name)
{
    return owner(names, name, NN_SCALE) || owner(names, name, NN_RANGE);
}

/* ---- in a file: reading them ------------------------------------------------------------------------------------- */

/* Reads the n floats of the array NAME.ending. */
static int read_companion(const Names *names, const DfArray *weight, const char *ending, int64_t n, DfArena *arena,
                          float **out)
{
    const char *name = df_arena_text(arena, "%s%s", weight->name, ending);
    if (!name || !(*out = df_arena_alloc(arena, (size_t)n, sizeof **out)))
        return df_fail_memory("the scales of a weight");
    const DfArray *array = find(names, name);
    if (!array)
        return df_fail(DF_EFORMAT, "%s is of 8 bits, and %s is missing: want a file of deformer quantize", weight->name,
                       name);
    if (!df_dtype_is_float(array->dtype) || array->ndim != 1 || array->shape[0] != n)
        return df_fail(DF_EFORMAT, "%s has another form: want %lld floats", name, (long long)n);
    df_array_f32(array, *out);
    return DF_OK;
}

static int check_scales(const NnQuantised *q)
{
    for (int64_t i = 0; i < q->rows; i++)
        if (!(q->scale[i] >= 0) || !isfinite(q->scale[i]))
            return df_fail(DF_EVALUE, "%s" NN_SCALE " has %g for row %lld: want a number of 0 or more", q->name,
                           (double)q->scale[i], (long long)i);
    return DF_OK;
}

static int check_range(const NnQuantised *q)
{
    const float width = q->high - q->low;
    if (q->low <= 0 && q->high >= 0 && isfinite(width) && width / 255 >= FLT_MIN)
        return DF_OK;
    return df_fail(DF_EVALUE, "%s" NN_RANGE " is %g to %g: want two numbers with 0 between them", q->name,
                   (double)q->low, (double)q->high);
}

static int take_weight(NnQuantisedList *list, const Names *names, const DfArray *weight)
{
    NnQuantised q = { .name = weight->name, .data = weight->data, .rows = weight->shape[0] };
    float *scale = NULL;
    float *range = NULL;
    int error = read_companion(names, weight, NN_SCALE, q.rows, list->arena, &scale);
    if (error == DF_OK)
        error = read_companion(names, weight, NN_RANGE, 2, list->arena, &range);
    if (error < 0)
        return error;
    q.scale = scale;
    q.low = range[0];
    q.high = range[1];
    error = check_scales(&q);
    if (error == DF_OK)
        error = check_range(&q);
    if (error == DF_OK && !df_grow((void **)&list->at, &list->capacity, (size_t)list->n, sizeof *list->at))
        error = df_fail_memory("the scales of a weight");
    if (error == DF_OK)
        list->at[list->n++] = q;
    return error;
}

static int by_place(const void *a, const void *b)
{
    const uintptr_t x = (uintptr_t)((const NnQuantised *)a)->data;
    const uintptr_t y = (uintptr_t)((const NnQuantised *)b)->data;
    return (x > y) - (x < y);
}

/* Removes scales and ranges from `file`; the other arrays keep their order. */
static void remove_companions(const Names *names, NnArrays *file, bool *goes)
{
    int kept = 0;
    for (int i = 0; i < file->n; i++)
        goes[i] = is_companion(names, file->at[i].array.name);
    for (int i = 0; i < file->n; i++)
        if (!goes[i])
            file->at[kept++] = file->at[i];
    file->n = kept;
}

static int take_all(NnQuantisedList *list, NnArrays *file, const Names *names)
{
    int error = DF_OK;
    for (int i = 0; error == DF_OK && i < file->n; i++) {
        const DfArray *array = &file->at[i].array;
        if (array->dtype == DF_I8 && array->ndim >= 2 && df_array_count(array) > 0)
            error = take_weight(list, names, array);
    }
    bool *goes = df_calloc((size_t)file->n + 1, sizeof *goes);
    if (error == DF_OK && !goes)
        error = df_fail_memory("the names of a checkpoint");
    if (error == DF_OK && list->n) {
        remove_companions(names, file, goes);
        qsort(list->at, (size_t)list->n, sizeof *list->at, by_place);
    }
    df_free(goes);
    return error;
}

int nn_quantised_take(NnQuantisedList *list, NnArrays *file)
{
    Names names;
    *list = (NnQuantisedList){ .arena = file->arena };
    int error = sort_names(&names, file);
    if (error == DF_OK)
        error = take_all(list, file, &names);
    df_free(names.by_name);
    return error;
}

void nn_quantised_free(NnQuantisedList *list)
{
    df_free(list->at);
    *list = (NnQuantisedList){ 0 };
}

const NnQuantised *nn_quantised_of(const NnQuantisedList *list, const DfArray *array)
{
    const NnQuantised key = { .data = array->data };
    if (array->dtype != DF_I8 || !list->n)
        return NULL;
    return bsearch(&key, list->at, (size_t)list->n, sizeof *list->at, by_place);
}

int nn_quantised_scale(const NnQuantised *q, float *x, size_t n)
{
    const size_t columns = n / (size_t)q->rows;
    for (size_t i = 0; i < n; i++) {
        if (x[i] < -127)
            return df_fail(DF_EVALUE, "%s has %g in row %zu: want whole numbers of -127 to 127", q->name, (double)x[i],
                           i / columns);
        x[i] *= q->scale[i / columns];
    }
    return DF_OK;
}

static int expand(const NnQuantised *q, DfArray *array, DfArena *arena)
{
    const size_t n = (size_t)df_array_count(array);
    float *x = df_arena_alloc(arena, n, sizeof *x);
    if (!x)
        return df_fail_memory("a weight of 8 bits");
    df_array_f32(array, x);
    *array = df_array(array->name, DF_F32, array->ndim, array->shape, x);
    return nn_quantised_scale(q, x, n);
}

int nn_quantised_expand(const NnQuantisedList *list, NnArrays *file)
{
    int error = DF_OK;
    for (int i = 0; error == DF_OK && i < file->n; i++) {
        const NnQuantised *q = nn_quantised_of(list, &file->at[i].array);
        if (q)
            error = expand(q, &file->at[i].array, file->arena);
    }
    return error;
}
