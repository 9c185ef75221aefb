/* SPDX-License-Identifier: Apache-2.0
 *
 * checkpoint/safetensors.c -- reads the .safetensors form: eight bytes with the length of a JSON header, the header
 * {"NAME": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, .., "__metadata__": {"KEY": "TEXT", ..}}, and
 * the arrays, row-major, end to end without gaps.
 */
#include <stdlib.h>
#include <string.h>

#include "checkpoint/forms.h"

enum { LENGTH_SIZE = 8, LARGEST_HEADER = 100000000 }; /* as the format's own reader has it */

typedef struct {
    DfCheckpoint *ck;
    DfJson *json;
    const uint8_t *data; /* behind the header */
    uint64_t data_size;
    bool is_no_json;     /* the reader of JSON has said what is wrong */
} Header;

/* ---- the header -------------------------------------------------------------------------------------------------- */

static DfJsonEvent next(Header *h, DfJsonValue *value)
{
    const DfJsonEvent event = df_json_next(h->json, value);
    h->is_no_json = event == DF_JSON_ERROR;
    return event;
}

/* The next event must be `wanted`. An error of the JSON itself keeps its own sentence. */
static int expect(Header *h, DfJsonEvent wanted, DfJsonValue *value, const char *what)
{
    const DfJsonEvent event = next(h, value);
    if (event == DF_JSON_ERROR)
        return DF_EFORMAT;
    return event == wanted ? DF_OK : df_fail(DF_EFORMAT, "has a header of another form: want %s", what);
}

/* An array of integers >= 0, at most `most` of them. */
static int read_integers(Header *h, int64_t *out, int *n, int most, const char *what)
{
    DfJsonValue value;
    int error = expect(h, DF_JSON_ARRAY, &value, what);
    *n = 0;
    while (error == DF_OK) {
        const DfJsonEvent event = next(h, &value);
        if (event == DF_JSON_CLOSE)
            break;
        if (event == DF_JSON_ERROR)
            return DF_EFORMAT;
        if (event != DF_JSON_NUMBER || !value.is_integer || value.integer < 0)
            return df_fail(DF_EFORMAT, "has a header of another form: want %s", what);
        if (*n == most)
            return df_fail(DF_EFORMAT, "has more than %d numbers where there should be %s", most, what);
        out[(*n)++] = value.integer;
    }
    return error;
}

static int read_dtype(Header *h, DfDtype *out)
{
    DfJsonValue value;
    const int error = expect(h, DF_JSON_TEXT, &value, "a dtype");
    if (error < 0)
        return error;
    if (!df_dtype_find(out, value.text))
        return df_fail(DF_EFORMAT, "is of dtype %.32s, want F64, F32, F16, BF16, an integer type or BOOL", value.text);
    return DF_OK;
}

typedef struct {
    DfArray array;
    int64_t offsets[2];
    bool has_dtype, has_shape, has_offsets;
} Row;

static int read_row_key(Header *h, Row *row, const char *key)
{
    int n = 0, error;
    if (strcmp(key, "dtype") == 0) {
        row->has_dtype = true;
        return read_dtype(h, &row->array.dtype);
    }
    if (strcmp(key, "shape") == 0) {
        row->has_shape = true;
        return read_integers(h, row->array.shape, &row->array.ndim, DF_ARRAY_DIMS, "a shape");
    }
    if (strcmp(key, "data_offsets") == 0) {
        error = read_integers(h, row->offsets, &n, 2, "two data_offsets");
        row->has_offsets = n == 2;
        return error;
    }
    return df_fail(DF_EFORMAT, "has the unknown key '%.64s'", key);
}

/* Shape times dtype must be the bytes that the offsets span. */
static int check_row(Header *h, Row *row)
{
    DfArray *a = &row->array;
    if (!row->has_dtype || !row->has_shape || !row->has_offsets)
        return df_fail(DF_EFORMAT, "lacks its dtype, shape or data_offsets");
    if (row->offsets[0] > row->offsets[1] || (uint64_t)row->offsets[1] > h->data_size)
        return df_fail(DF_EFORMAT, "stands at bytes %lld to %lld of %llu", (long long)row->offsets[0],
                       (long long)row->offsets[1], (unsigned long long)h->data_size);
    const int64_t size = (int64_t)df_dtype_size(a->dtype);
    const int64_t bytes = row->offsets[1] - row->offsets[0];
    int64_t stride = 1;
    for (int i = a->ndim; i-- > 0;) {
        a->stride[i] = stride;
        if (a->shape[i] > 0 && stride > INT64_MAX / 16 / a->shape[i])
            return df_fail(DF_EFORMAT, "has an impossibly large shape");
        stride *= a->shape[i] > 0 ? a->shape[i] : 1;
    }
    if (df_array_count(a) * size != bytes)
        return df_fail(DF_EFORMAT, "has %lld elements of %lld bytes in a space of %lld bytes",
                       (long long)df_array_count(a), (long long)size, (long long)bytes);
    a->data = h->data + row->offsets[0];
    return DF_OK;
}

static int read_array(Header *h, const char *name)
{
    Row row = { .array = { .name = name } };
    DfJsonValue value;
    int error = expect(h, DF_JSON_OBJECT, &value, "an object for each array");
    while (error == DF_OK) {
        const DfJsonEvent event = next(h, &value);
        if (event == DF_JSON_CLOSE)
            break;
        error = event == DF_JSON_KEY ? read_row_key(h, &row, value.text) : DF_EFORMAT;
    }
    if (error == DF_OK)
        error = check_row(h, &row);
    if (error < 0)
        return h->is_no_json ? error : df_fail_in(error, "'%.200s' ", name);
    return df_checkpoint_add(h->ck, &row.array);
}

/* One a line. */
static int read_classes(DfCheckpoint *ck, const char *text)
{
    size_t lines = 1;
    for (const char *at = text; *at; at++)
        lines += *at == '\n';
    ck->n_classes = 0;
    ck->classes = df_arena_alloc(ck->arena, lines, sizeof *ck->classes);
    while (ck->classes && *text) {
        const size_t length = strcspn(text, "\n");
        const char *name = df_arena_copy(ck->arena, text, length);
        if (!name)
            return df_fail_memory("the classes of a checkpoint");
        ck->classes[ck->n_classes++] = name;
        text += length + (text[length] == '\n');
    }
    return ck->classes ? DF_OK : df_fail_memory("the classes of a checkpoint");
}

static int read_metadata(Header *h)
{
    DfJsonValue value;
    int error = expect(h, DF_JSON_OBJECT, &value, "an object of texts as __metadata__");
    while (error == DF_OK) {
        const DfJsonEvent event = next(h, &value);
        if (event == DF_JSON_CLOSE)
            break;
        if (event != DF_JSON_KEY)
            return DF_EFORMAT;
        const char *key = df_arena_copy(h->ck->arena, value.text, value.length);
        const char *text = NULL;
        if ((error = expect(h, DF_JSON_TEXT, &value, "texts in __metadata__")) < 0)
            return error;
        if (!key || !(text = df_arena_copy(h->ck->arena, value.text, value.length)))
            return df_fail_memory("the metadata of a checkpoint");
        error = df_checkpoint_add_metadata(h->ck, key, text);
        if (error == DF_OK && strcmp(key, DF_CHECKPOINT_CLASSES) == 0)
            error = read_classes(h->ck, text);
    }
    return error;
}

static int read_header(Header *h)
{
    DfJsonValue value;
    int error = expect(h, DF_JSON_OBJECT, &value, "an object");
    while (error == DF_OK) {
        const DfJsonEvent event = next(h, &value);
        if (event == DF_JSON_CLOSE)
            break;
        if (event != DF_JSON_KEY)
            return DF_EFORMAT;
        if (strcmp(value.text, "__metadata__") == 0) {
            error = read_metadata(h);
            continue;
        }
        if (strlen(value.text) != value.length)
            return df_fail(DF_EFORMAT, "has a name with a zero byte in its header");
        const char *name = df_arena_copy(h->ck->arena, value.text, value.length);
        error = name ? read_array(h, name) : df_fail_memory("the names of a checkpoint");
    }
    return error < 0 ? error : expect(h, DF_JSON_END, &value, "nothing after the object");
}

/* ---- the whole --------------------------------------------------------------------------------------------------- */

static int compare_places(const void *a, const void *b)
{
    const DfArray *const x = *(const DfArray *const *)a, *const y = *(const DfArray *const *)b;
    const uintptr_t p = (uintptr_t)x->data, q = (uintptr_t)y->data;
    if (p != q)
        return p > q ? 1 : -1;
    const bool m = df_array_count(x) > 0, n = df_array_count(y) > 0; /* the empty ones first */
    return (m > n) - (m < n);
}

/* The arrays fill the bytes behind the header: no overlap, no gap, nothing left over. */
static int check_places(const Header *h)
{
    const DfCheckpoint *ck = h->ck;
    const DfArray **order = df_calloc(ck->n + 1, sizeof *order);
    if (!order)
        return df_fail_memory("the arrays of a checkpoint");
    for (size_t i = 0; i < ck->n; i++)
        order[i] = &ck->arrays[i];
    qsort(order, ck->n, sizeof *order, compare_places);
    const uint8_t *at = h->data;
    int error = DF_OK;
    for (size_t i = 0; i < ck->n && error == DF_OK; i++) {
        if (order[i]->data != at)
            error = df_fail(DF_EFORMAT, "'%.200s' overlaps another array or leaves a gap before it", order[i]->name);
        at += (size_t)df_array_count(order[i]) * df_dtype_size(order[i]->dtype);
    }
    df_free((void *)order);
    if (error == DF_OK && at != h->data + h->data_size)
        error =
            df_fail(DF_EFORMAT, "has %llu bytes after its arrays", (unsigned long long)(h->data + h->data_size - at));
    return error;
}

/* Two arrays of one name: other readers may take either, so neither is to be trusted. */
static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int check_names(const DfCheckpoint *ck)
{
    const char **names = df_calloc(ck->n + 1, sizeof *names);
    if (!names)
        return df_fail_memory("the names of a checkpoint");
    for (size_t i = 0; i < ck->n; i++)
        names[i] = ck->arrays[i].name;
    qsort(names, ck->n, sizeof *names, compare_texts);
    int error = DF_OK;
    for (size_t i = 1; i < ck->n && error == DF_OK; i++)
        if (strcmp(names[i - 1], names[i]) == 0)
            error = df_fail(DF_EFORMAT, "has two arrays named '%.200s'", names[i]);
    df_free((void *)names);
    return error;
}

static int list_metadata_keys(DfCheckpoint *ck)
{
    ck->keys = df_arena_alloc(ck->arena, ck->n_metadata + 1, sizeof *ck->keys);
    if (!ck->keys)
        return df_fail_memory("the metadata of a checkpoint");
    for (ck->n_keys = 0; ck->n_keys < ck->n_metadata; ck->n_keys++)
        ck->keys[ck->n_keys] = ck->metadata[2 * ck->n_keys];
    return DF_OK;
}

int df_safetensors_open(DfCheckpoint *ck)
{
    ck->form = "safetensors";
    uint64_t size = 0;
    for (int i = LENGTH_SIZE; i-- > 0;)
        size = size << 8 | ck->bytes[i];
    if (size > LARGEST_HEADER || size > ck->size - LENGTH_SIZE)
        return df_fail(DF_EFORMAT,
                       "has a header of %llu bytes in a file of %zu: it is truncated, or not a .safetensors file",
                       (unsigned long long)size, ck->size);
    Header h = { .ck = ck, .data = ck->bytes + LENGTH_SIZE + size, .data_size = ck->size - LENGTH_SIZE - size };
    int error = df_json_open_text(&h.json, (const char *)ck->bytes + LENGTH_SIZE, (size_t)size, "its header");
    if (error < 0)
        return error;
    error = read_header(&h);
    df_json_close(h.json);
    if (error < 0 || (error = check_names(ck)) < 0 || (error = check_places(&h)) < 0)
        return error;
    return list_metadata_keys(ck);
}
