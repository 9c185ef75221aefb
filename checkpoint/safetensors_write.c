/* SPDX-License-Identifier: Apache-2.0
 *
 * checkpoint/safetensors_write.c -- writes the .safetensors form as its own library does: arrays of wide elements
 * first, then by name, and the header padded with spaces, so that every element is aligned in a mapped file.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "checkpoint/array_parts.h"
#include "checkpoint/bytes.h"
#include "checkpoint/forms.h"

enum { ALIGN = 8 };

static uint64_t bytes_of(const DfArray *array)
{
    return (uint64_t)df_array_count(array) * df_dtype_size(array->dtype);
}

static int compare_arrays(const void *a, const void *b)
{
    const DfArray *const x = *(const DfArray *const *)a, *const y = *(const DfArray *const *)b;
    const size_t p = df_dtype_size(x->dtype);
    const size_t q = df_dtype_size(y->dtype);
    return p != q ? (p < q ? 1 : -1) : strcmp(x->name, y->name);
}

static void put_number(DfBytes *out, uint64_t value)
{
    char digits[32];
    snprintf(digits, sizeof digits, "%" PRIu64, value);
    df_bytes_text(out, digits);
}

/* A JSON text. Bytes from 0x80 on are UTF-8 and stay as they are. */
static void put_text(DfBytes *out, const char *text)
{
    df_bytes_text(out, "\"");
    for (const char *c = text; *c; c++) {
        char escape[8] = { '\\', *c };
        if ((unsigned char)*c < 0x20)
            snprintf(escape, sizeof escape, "\\u%04x", (unsigned)*c);
        if ((unsigned char)*c < 0x20 || *c == '"' || *c == '\\')
            df_bytes_text(out, escape);
        else
            df_bytes_put(out, c, 1);
    }
    df_bytes_text(out, "\"");
}

static void put_metadata(DfBytes *out, const char *const *metadata, size_t n)
{
    df_bytes_text(out, "\"__metadata__\":{");
    for (size_t i = 0; i < n; i++) {
        df_bytes_text(out, i ? "," : "");
        put_text(out, metadata[2 * i]);
        df_bytes_text(out, ":");
        put_text(out, metadata[2 * i + 1]);
    }
    df_bytes_text(out, "}");
}

static void put_array(DfBytes *out, const DfArray *array, uint64_t start)
{
    put_text(out, array->name);
    df_bytes_text(out, ":{\"dtype\":\"");
    df_bytes_text(out, df_dtype_name(array->dtype));
    df_bytes_text(out, "\",\"shape\":[");
    for (int i = 0; i < array->ndim; i++) {
        df_bytes_text(out, i ? "," : "");
        put_number(out, (uint64_t)array->shape[i]);
    }
    df_bytes_text(out, "],\"data_offsets\":[");
    put_number(out, start);
    df_bytes_text(out, ",");
    put_number(out, start + bytes_of(array));
    df_bytes_text(out, "]}");
}

static void put_header(DfBytes *out, const DfArray *const *order, size_t n, const char *const *metadata,
                       size_t n_metadata)
{
    uint64_t start = 0;
    df_bytes_text(out, "{");
    if (n_metadata)
        put_metadata(out, metadata, n_metadata);
    for (size_t i = 0; i < n; i++) {
        df_bytes_text(out, i || n_metadata ? "," : "");
        put_array(out, order[i], start);
        start += bytes_of(order[i]);
    }
    df_bytes_text(out, "}");
    while (out->n % ALIGN && !out->failed)
        df_bytes_text(out, " ");
}

static void write_piece(void *context, const void *bytes, size_t size)
{
    df_write(context, bytes, size);
}

int df_safetensors_write(DfWriter *writer, const DfArray *arrays, size_t n, const char *const *metadata,
                         size_t n_metadata)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(arrays[i].name, "__metadata__") == 0)
            return df_fail(DF_EVALUE, "an array is named '__metadata__', which .safetensors keeps for itself");
    const DfArray **order = df_calloc(n + 1, sizeof *order);
    DfBytes header = { 0 }, length = { 0 };
    if (!order)
        return df_fail_memory("a checkpoint to write");
    for (size_t i = 0; i < n; i++)
        order[i] = &arrays[i];
    qsort((void *)order, n, sizeof *order, compare_arrays);
    put_header(&header, order, n, metadata, n_metadata);
    df_bytes_little(&length, header.n, 8);
    const bool failed = header.failed || length.failed;
    if (!failed) {
        df_write(writer, length.at, length.n);
        df_write(writer, header.at, header.n);
        for (size_t i = 0; i < n; i++)
            df_array_stream(order[i], write_piece, writer);
    }
    df_free(length.at);
    df_free(header.at);
    df_free((void *)order);
    return failed ? df_fail_memory("a checkpoint to write") : DF_OK;
}
