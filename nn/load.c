/* SPDX-License-Identifier: Apache-2.0
 *
 * nn/load.c -- a checkpoint into a model: every key is accounted for, tables of another size are resized as the official
 * loaders do.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "nn/nn.h"

/* ---- layouts ----------------------------------------------------------------------------------------------------- */

/* out[permuted] = in: the dimensions of `from` in the order given; missing ones have size 1. */
static void reorder(const float *in, DfShape from, const int order[4], float *out)
{
    size_t size[4], stride[4], of[4];
    for (int i = 0; i < 4; i++)
        of[i] = i < from.n ? (size_t)from.d[i] : 1;
    for (int i = 0; i < 4; i++) {
        size[i] = of[order[i]];
        stride[i] = 1;
        for (int j = order[i] + 1; j < 4; j++)
            stride[i] *= of[j];
    }
    for (size_t a = 0; a < size[0]; a++)
        for (size_t b = 0; b < size[1]; b++)
            for (size_t k = 0; k < size[2]; k++)
                for (size_t l = 0; l < size[3]; l++)
                    *out++ = in[a * stride[0] + b * stride[1] + k * stride[2] + l * stride[3]];
}

void nn_param_from_official(const NnParam *param, const float *official, float *ours)
{
    switch (param->layout) {
    case NN_AS_IS:
    case NN_POINTWISE:
        memcpy(ours, official, df_count(param->shape) * sizeof *ours);
        break;
    case NN_CONV:
    case NN_CONV_TRANSPOSE:
    case NN_MAP:
        reorder(official, param->shape, (int[4]){ 0, 2, 3, 1 }, ours);
        break;
    case NN_DEPTHWISE:
        reorder(official, param->shape, (int[4]){ 2, 3, 0, 1 }, ours);
        break;
    }
}

void nn_param_to_official(const NnParam *param, const float *ours, float *official)
{
    const DfShape shape = param->tensor->shape;
    switch (param->layout) {
    case NN_AS_IS:
    case NN_POINTWISE:
        memcpy(official, ours, df_count(param->shape) * sizeof *official);
        break;
    case NN_CONV:
    case NN_CONV_TRANSPOSE:
    case NN_MAP:
        reorder(ours, shape, (int[4]){ 0, 3, 1, 2 }, official);
        break;
    case NN_DEPTHWISE: /* kh kw C -> C 1 kh kw */
        reorder(ours, shape, (int[4]){ 2, 3, 0, 1 }, official);
        break;
    }
}

/* ---- tables of another size --------------------------------------------------------------------------------------- */

static float cubic(float x) /* Keys' kernel with a = -0.75 */
{
    const float a = -0.75f;
    x = fabsf(x);
    if (x <= 1)
        return ((a + 2) * x - (a + 3)) * x * x + 1;
    return x < 2 ? ((a * x - 5 * a) * x + 8 * a) * x - 4 * a : 0;
}

/* in[C][h][w] -> out[C][H][W], element (ch, y, x) of `in` at ch * step_c + (y * w + x) * step_p; the same for `out`. */
static void resize_planes(const float *in, int C, int h, int w, size_t step_c, size_t step_p, float *out, int H, int W, size_t out_c, size_t out_p)
{
    for (int y = 0; y < H; y++)
        for (int x = 0; x < W; x++) {
            const float sy = ((float)y + 0.5f) * ((float)h / (float)H) - 0.5f, sx = ((float)x + 0.5f) * ((float)w / (float)W) - 0.5f;
            const int y0 = (int)floorf(sy), x0 = (int)floorf(sx);
            for (int ch = 0; ch < C; ch++) {
                double sum = 0;
                for (int i = -1; i <= 2; i++)
                    for (int j = -1; j <= 2; j++) {
                        const int yy = y0 + i < 0 ? 0 : y0 + i >= h ? h - 1 : y0 + i, xx = x0 + j < 0 ? 0 : x0 + j >= w ? w - 1 : x0 + j;
                        sum += (double)(cubic(sy - (float)(y0 + i)) * cubic(sx - (float)(x0 + j)) *
                                        in[(size_t)ch * step_c + (size_t)(yy * w + xx) * step_p]);
                    }
                out[(size_t)ch * out_c + (size_t)(y * W + x) * out_p] = (float)sum;
            }
        }
}

static int square_root(int64_t n)
{
    const int root = (int)(sqrt((double)n) + 0.5);
    return (int64_t)root * root == n ? root : 0;
}

/* Whether `array` is such a table of another size; if so, and `out` is given, resizes it to the official shape of `param`. */
static bool resize(const NnParam *param, const DfArray *array, const float *in, float *out)
{
    const int64_t *from = array->shape;
    const int *to = param->shape.d;
    if (param->resize == NN_RESIZE_WINDOW_TABLE && array->ndim == 2 && from[1] == to[1]) { /* (2w-1)^2 heads */
        const int l = square_root(from[0]), L = square_root(to[0]), heads = to[1];
        if (out && l && L)
            resize_planes(in, heads, l, l, 1, (size_t)heads, out, L, L, 1, (size_t)heads);
        return l && L;
    }
    if (param->resize == NN_RESIZE_MAP_TABLE && array->ndim == 3 && from[0] == to[0]) { /* heads H W */
        const int h = (int)from[1], w = (int)from[2];
        if (out)
            resize_planes(in, to[0], h, w, (size_t)h * (size_t)w, 1, out, to[1], to[2], (size_t)to[1] * (size_t)to[2], 1);
        return h > 0 && w > 0;
    }
    if (param->resize == NN_RESIZE_POSITION && array->ndim == 3 && from[1] == (int64_t)to[2] * to[3] && from[2] == to[1]) {
        if (out) /* 1 HW C -> 1 C H W: no arithmetic */
            reorder(in, DF_SHAPE(1, to[2], to[3], to[1]), (int[4]){ 0, 3, 1, 2 }, out);
        return true;
    }
    return false;
}

/* ---- names ------------------------------------------------------------------------------------------------------- */

/* `*` stands for any run of letters. */
static bool matches(const char *pattern, const char *name)
{
    for (; *pattern; pattern++, name++) {
        if (*pattern == '*') {
            for (; *name; name++)
                if (matches(pattern + 1, name))
                    return true;
            return pattern[1] == 0;
        }
        if (*pattern != *name)
            return false;
    }
    return *name == 0;
}

static bool is_ignorable(const char *key, const NnLoad *load)
{
    static const char *const always[] = { "*num_batches_tracked", "*relative_position_index", "*attn_mask", NULL };
    for (int i = 0; always[i]; i++)
        if (matches(always[i], key))
            return true;
    for (int i = 0; load && load->ignorable && load->ignorable[i]; i++)
        if (matches(load->ignorable[i], key))
            return true;
    return false;
}

/* A backbone may come with the prefix it has in a detector, and a detector's backbone without. Which prefix to cut off the
 * checkpoint's keys, and which to add: the choice under which most keys are known. */
typedef struct {
    const char *cut, *add;
    int known;
} Dialect;

static void spell(const Dialect *dialect, const char *key, char *out, size_t size)
{
    if (df_starts_with(key, dialect->cut))
        key += strlen(dialect->cut);
    snprintf(out, size, "%s%s", dialect->add, key);
}

typedef struct {
    const NnModel *model;
    int n;
    int *bucket, *next; /* names by hash */
} Index;

static int index_new(Index *index, const NnModel *model)
{
    const int n = nn_model_count(model);
    *index = (Index){ model, n ? n : 1, df_malloc((size_t)(n ? n : 1) * sizeof(int)), df_malloc((size_t)(n ? n : 1) * sizeof(int)) };
    if (!index->bucket || !index->next) {
        df_free(index->bucket);
        df_free(index->next);
        return df_fail_memory("an index of parameters");
    }
    for (int i = 0; i < index->n; i++)
        index->bucket[i] = -1;
    for (int i = 0; i < n; i++) {
        int *bucket = &index->bucket[df_hash(nn_model_at(model, i)->name) % (uint64_t)index->n];
        index->next[i] = *bucket;
        *bucket = i;
    }
    return DF_OK;
}

static int index_find(const Index *index, const char *name)
{
    for (int i = index->bucket[df_hash(name) % (uint64_t)index->n]; i >= 0; i = index->next[i])
        if (strcmp(nn_model_at(index->model, i)->name, name) == 0)
            return i;
    return -1;
}

static Dialect choose_dialect(const Index *index, const DfCheckpoint *file)
{
    Dialect dialects[] = { { "", "", 0 }, { "backbone.", "", 0 }, { "", "backbone.", 0 }, { "module.", "", 0 }, { "module.backbone.", "", 0 }, { "model.", "", 0 } };
    int best = 0;
    for (int d = 0; d < (int)(sizeof dialects / sizeof *dialects); d++) {
        for (int i = 0; i < df_checkpoint_count(file); i++) {
            char name[512];
            spell(&dialects[d], df_checkpoint_at(file, i)->name, name, sizeof name);
            dialects[d].known += index_find(index, name) >= 0;
        }
        if (dialects[d].known > dialects[best].known)
            best = d;
    }
    return dialects[best];
}

/* ---- loading ----------------------------------------------------------------------------------------------------- */

typedef struct {
    NnModel *model;
    const NnLoad *load;
    NnReport *report;
    Index index;
    Dialect dialect;
    bool *seen;          /* parameters that the file has */
    float *staging;      /* one array in official order  */
    size_t room;
} Loader;

static int note(NnReport *report, NnFate fate, const char *name, const char *more)
{
    NnNames *names = &report->of[fate];
    const size_t length = strlen(name) + strlen(more) + 1;
    char *copy = df_malloc(length);
    if (!copy || !df_grow((void **)&names->name, &names->capacity, (size_t)names->n, sizeof *names->name)) {
        df_free(copy);
        return df_fail_memory("the report of a checkpoint");
    }
    snprintf(copy, length, "%s%s", name, more);
    names->name[names->n++] = copy;
    return DF_OK;
}

static bool same_shape(const DfArray *array, DfShape shape)
{
    bool same = array->ndim == shape.n;
    for (int i = 0; same && i < shape.n; i++)
        same = array->shape[i] == shape.d[i];
    return same;
}

static void print_shape(char *out, size_t size, int n, const int64_t *d)
{
    size_t used = (size_t)snprintf(out, size, "[");
    for (int i = 0; i < n && used < size; i++)
        used += (size_t)snprintf(out + used, size - used, i ? ", %lld" : "%lld", (long long)d[i]);
    if (used < size)
        snprintf(out + used, size - used, "]");
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
    return note(l->report, NN_WRONG_SHAPE, param->name, text);
}

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

static int load_one(Loader *l, NnParam *param, const DfArray *array)
{
    const bool same = same_shape(array, param->shape);
    const size_t n = (size_t)df_array_count(array), m = df_count(param->shape);
    if (!same && !resize(param, array, NULL, NULL))
        return note_wrong_shape(l, param, array);
    int error = make_staging(l, n + m);
    if (error < 0)
        return error;
    float *official = l->staging;
    df_array_f32(array, l->staging);
    if (!same) {
        official = l->staging + n;
        resize(param, array, l->staging, official);
    }
    nn_param_from_official(param, official, param->tensor->data);
    df_packed_free(param->tensor->packed);
    param->tensor->packed = NULL;
    return note(l->report, same ? NN_LOADED : NN_RESIZED, param->name, "");
}

static bool is_shared(const char *name, const NnModel *model)
{
    const NnShared *shared;
    for (int i = nn_model_shared(model, &shared) - 1; i >= 0; i--)
        if (strcmp(shared[i].name, name) == 0)
            return true;
    return false;
}

static int take_array(Loader *l, const DfArray *array)
{
    char name[512];
    spell(&l->dialect, array->name, name, sizeof name);
    const int i = index_find(&l->index, name);
    if (i < 0)
        return note(l->report, is_ignorable(name, l->load) || is_shared(name, l->model) ? NN_IGNORED : NN_UNEXPECTED, array->name, "");
    l->seen[i] = true;
    return load_one(l, nn_model_at(l->model, i), array);
}

static int note_absent(Loader *l)
{
    int error = DF_OK;
    for (int i = 0; error == DF_OK && i < nn_model_count(l->model); i++) {
        const NnParam *param = nn_model_at(l->model, i);
        if (!l->seen[i])
            error = note(l->report, param->optional ? NN_KEPT : NN_MISSING, param->name, "");
    }
    return error;
}

/* Missing and wrong-shaped parameters are one sentence that begins with the first of them. */
static int judge(const Loader *l)
{
    const NnNames *missing = &l->report->of[NN_MISSING], *wrong = &l->report->of[NN_WRONG_SHAPE];
    const int total = nn_model_count(l->model);
    if (wrong->n && !(l->load && l->load->allow_wrong_shape)) {
        char absent[64] = "";
        if (missing->n)
            snprintf(absent, sizeof absent, " and %d are missing", missing->n);
        return df_fail(DF_ESHAPE, "%d of %d parameters have another shape%s, the first is %s: is this a checkpoint of another model?", wrong->n,
                       total, absent, wrong->name[0]);
    }
    if (missing->n && !(l->load && l->load->allow_missing))
        return df_fail(DF_EFORMAT, "%d of %d parameters are not in it, the first is %s: is this a checkpoint of another model?", missing->n,
                       total, missing->name[0]);
    return DF_OK;
}

int nn_model_load(NnModel *model, const DfCheckpoint *file, const NnLoad *load, NnReport *report)
{
    *report = (NnReport){ 0 };
    Loader l = { .model = model, .load = load, .report = report };
    int error = index_new(&l.index, model);
    if (error < 0)
        return error;
    l.seen = df_calloc((size_t)nn_model_count(model) + 1, sizeof *l.seen);
    if (!l.seen)
        error = df_fail_memory("the report of a checkpoint");
    else
        l.dialect = choose_dialect(&l.index, file);
    for (int i = 0; error == DF_OK && i < df_checkpoint_count(file); i++)
        error = take_array(&l, df_checkpoint_at(file, i));
    if (error == DF_OK)
        error = note_absent(&l);
    if (error == DF_OK)
        error = judge(&l);
    df_free(l.index.bucket);
    df_free(l.index.next);
    df_free(l.seen);
    df_free(l.staging);
    return error;
}

void nn_report_free(NnReport *report)
{
    for (int fate = 0; fate < NN_FATES; fate++) {
        for (int i = 0; i < report->of[fate].n; i++)
            df_free(report->of[fate].name[i]);
        df_free(report->of[fate].name);
    }
    *report = (NnReport){ 0 };
}

char *nn_report_text(const NnReport *report)
{
    static const char *const titles[NN_FATES] = {
        "loaded", "resized", "known and not needed", "absent, kept as they start", "missing", "unexpected", "of another shape"
    };
    enum { SHOWN = 5, ROOM = 16384 };
    char *text = df_calloc(ROOM, 1);
    size_t used = 0;
    for (int fate = 0; text && fate < NN_FATES; fate++) {
        const NnNames *names = &report->of[fate];
        if (names->n == 0 && fate != NN_LOADED)
            continue;
        used += (size_t)snprintf(text + used, ROOM - used, "%s%d %s", used ? "; " : "", names->n, titles[fate]);
        for (int i = 0; fate >= NN_MISSING && i < names->n && i < SHOWN && used < ROOM - 512; i++)
            used += (size_t)snprintf(text + used, ROOM - used, "%s%.300s", i ? ", " : ": ", names->name[i]);
        if (fate >= NN_MISSING && names->n > SHOWN)
            used += (size_t)snprintf(text + used, ROOM - used, ", ...");
    }
    return text;
}

/* ---- saving ------------------------------------------------------------------------------------------------------ */

/* Contiguous, in its official shape. */
static DfArray array_of(const NnParam *param, float *data)
{
    DfArray array = { .name = param->name, .dtype = DF_F32, .ndim = param->shape.n, .data = data };
    int64_t stride = 1;
    for (int d = param->shape.n - 1; d >= 0; d--) {
        array.shape[d] = param->shape.d[d];
        array.stride[d] = stride;
        stride *= param->shape.d[d];
    }
    return array;
}

int nn_model_save(const NnModel *model, const char *path, const char *const *metadata, int n_metadata)
{
    const NnShared *shared;
    const int n = nn_model_count(model), n_shared = nn_model_shared(model, &shared);
    size_t floats = 0, at = 0;
    for (int i = 0; i < n; i++)
        floats += df_count(nn_model_at(model, i)->shape);
    DfArray *arrays = df_calloc((size_t)n + (size_t)n_shared + 1, sizeof *arrays);
    float *official = df_malloc(floats * sizeof *official);
    int error = arrays && official ? DF_OK : df_fail_memory("a checkpoint to write");
    for (int i = 0; error == DF_OK && i < n; i++) {
        const NnParam *param = nn_model_at(model, i);
        nn_param_to_official(param, param->tensor->data, official + at);
        arrays[i] = array_of(param, official + at);
        at += df_count(param->shape);
    }
    for (int i = 0; error == DF_OK && i < n_shared; i++) {
        arrays[n + i] = arrays[shared[i].param];
        arrays[n + i].name = shared[i].name;
    }
    if (error == DF_OK)
        error = df_checkpoint_write(path, arrays, n + n_shared, metadata, n_metadata);
    df_free(arrays);
    df_free(official);
    return error;
}
