/* SPDX-License-Identifier: Apache-2.0
 *
 * checkpoint/pth_write.c -- writes the .pth format of torch.save since PyTorch 1.6, for torch.load to read: a zip
 * archive of stored entries whose bytes are aligned to 64, with the pickle of {"meta": {..}, "state_dict":
 * OrderedDict(..)}.
 */
#include <stdio.h>
#include <string.h>
#include <zlib.h>

#include "checkpoint/array_parts.h"
#include "checkpoint/bytes.h"
#include "checkpoint/forms.h"

enum {
    ALIGN = 64,
    LOCAL_SIZE = 30,
    VERSION = 20,   /* of the zip format: what stored entries need */
    VERSION64 = 45, /* what zip64 needs                            */
    UTF8 = 1 << 11  /* flag: names are UTF-8                       */
};
static const uint32_t beyond = UINT32_MAX; /* stands where a field is in the zip64 block */

/* ---- the zip archive --------------------------------------------------------------------------------------------- */

typedef struct {
    DfWriter *writer;
    uint64_t at; /* bytes written so far */
    DfBytes directory;
    uint64_t n;
} Zip;

static void emit(Zip *zip, const void *bytes, size_t size)
{
    df_write(zip->writer, bytes, size);
    zip->at += size;
}

static void put_name(DfBytes *out, const char *name)
{
    df_bytes_text(out, "archive/");
    df_bytes_text(out, name);
}

/* What the local header and the directory have in common: version needed to checksum and sizes, name length. */
static void put_common(DfBytes *out, const char *name, uint32_t crc, uint64_t size, bool large)
{
    df_bytes_little(out, large ? VERSION64 : VERSION, 2);
    df_bytes_little(out, UTF8, 2);
    df_bytes_little(out, 0, 2); /* stored                                           */
    df_bytes_little(out, 0, 2); /* midnight of 1980-01-01: equal content, equal file */
    df_bytes_little(out, 0x21, 2);
    df_bytes_little(out, crc, 4);
    df_bytes_little(out, size < beyond ? size : beyond, 4);
    df_bytes_little(out, size < beyond ? size : beyond, 4);
    df_bytes_little(out, strlen("archive/") + strlen(name), 2);
}

static void put_directory_entry(DfBytes *out, const char *name, uint32_t crc, uint64_t size, uint64_t offset)
{
    const bool large_size = size >= beyond;
    const bool large_offset = offset >= beyond;
    const int block = (large_size ? 16 : 0) + (large_offset ? 8 : 0);
    df_bytes_put(out, "PK\1\2", 4);
    df_bytes_little(out, VERSION64, 2);
    put_common(out, name, crc, size, large_size || large_offset);
    df_bytes_little(out, block ? (uint64_t)block + 4 : 0, 2);
    df_bytes_little(out, 0, 2); /* comment            */
    df_bytes_little(out, 0, 2); /* disk               */
    df_bytes_little(out, 0, 2); /* internal attributes */
    df_bytes_little(out, 0, 4); /* external attributes */
    df_bytes_little(out, large_offset ? beyond : offset, 4);
    put_name(out, name);
    if (block) {
        df_bytes_little(out, 1, 2);
        df_bytes_little(out, (uint64_t)block, 2);
    }
    if (large_size) {
        df_bytes_little(out, size, 8);
        df_bytes_little(out, size, 8);
    }
    if (large_offset)
        df_bytes_little(out, offset, 8);
}

/* The local header, its extra field grown so that the bytes behind it are aligned, and the entry for the directory. */
static int begin_entry(Zip *zip, const char *name, uint32_t crc, uint64_t size)
{
    const bool large = size >= beyond;
    const uint64_t block = large ? 20 : 0;
    const uint64_t unpadded = zip->at + LOCAL_SIZE + strlen("archive/") + strlen(name) + block + 4;
    const uint64_t padding = (ALIGN - unpadded % ALIGN) % ALIGN;
    DfBytes out = { 0 };
    df_bytes_put(&out, "PK\3\4", 4);
    put_common(&out, name, crc, size, large);
    df_bytes_little(&out, block + 4 + padding, 2);
    put_name(&out, name);
    if (large) {
        df_bytes_little(&out, 1, 2);
        df_bytes_little(&out, 16, 2);
        df_bytes_little(&out, size, 8);
        df_bytes_little(&out, size, 8);
    }
    df_bytes_put(&out, "FB", 2); /* PyTorch's own padding block */
    df_bytes_little(&out, padding, 2);
    for (uint64_t i = 0; i < padding; i++)
        df_bytes_put(&out, "Z", 1);
    put_directory_entry(&zip->directory, name, crc, size, zip->at);
    zip->n++;
    const bool failed = out.failed || zip->directory.failed;
    if (!failed)
        emit(zip, out.at, out.n);
    df_free(out.at);
    return failed ? df_fail_memory("a checkpoint to write") : DF_OK;
}

static int write_entry(Zip *zip, const char *name, const void *bytes, size_t size)
{
    const uint32_t crc = (uint32_t)crc32_z(crc32_z(0, NULL, 0), bytes, size);
    const int error = begin_entry(zip, name, crc, size);
    if (error == DF_OK)
        emit(zip, bytes, size);
    return error;
}

static int finish(Zip *zip)
{
    const uint64_t start = zip->at;
    const uint64_t size = zip->directory.n;
    const uint64_t end64 = start + size;
    const bool large = start >= beyond || size >= beyond || zip->n >= UINT16_MAX;
    DfBytes *out = &zip->directory;
    if (large) {
        df_bytes_put(out, "PK\6\6", 4);
        df_bytes_little(out, 44, 8); /* bytes of this record that follow */
        df_bytes_little(out, VERSION64, 2);
        df_bytes_little(out, VERSION64, 2);
        df_bytes_little(out, 0, 8); /* disks */
        df_bytes_little(out, zip->n, 8);
        df_bytes_little(out, zip->n, 8);
        df_bytes_little(out, size, 8);
        df_bytes_little(out, start, 8);
        df_bytes_put(out, "PK\6\7", 4);
        df_bytes_little(out, 0, 4);
        df_bytes_little(out, end64, 8);
        df_bytes_little(out, 1, 4);
    }
    df_bytes_put(out, "PK\5\6", 4);
    df_bytes_little(out, 0, 4);
    df_bytes_little(out, large ? UINT16_MAX : zip->n, 2);
    df_bytes_little(out, large ? UINT16_MAX : zip->n, 2);
    df_bytes_little(out, large ? beyond : size, 4);
    df_bytes_little(out, large ? beyond : start, 4);
    df_bytes_little(out, 0, 2);
    if (out->failed)
        return df_fail_memory("a checkpoint to write");
    emit(zip, out->at, out->n);
    return DF_OK;
}

/* ---- the pickle -------------------------------------------------------------------------------------------------- */

/* The storage class of each type that torch has one for. */
static const char *const storages[DF_DTYPES] = {
    [DF_F32] = "FloatStorage", [DF_F16] = "HalfStorage", [DF_BF16] = "BFloat16Storage", [DF_F64] = "DoubleStorage",
    [DF_I64] = "LongStorage",  [DF_I32] = "IntStorage",  [DF_I16] = "ShortStorage",     [DF_I8] = "CharStorage",
    [DF_U8] = "ByteStorage",   [DF_BOOL] = "BoolStorage",
};

static void put_text(DfBytes *out, const char *text)
{
    df_bytes_put(out, "X", 1); /* BINUNICODE */
    df_bytes_little(out, strlen(text), 4);
    df_bytes_text(out, text);
}

static void put_integer(DfBytes *out, int64_t value)
{
    const bool small = value <= INT32_MAX;
    df_bytes_put(out, small ? "J" : "\x8a\x08", small ? 1 : 2); /* BININT or LONG1 of 8 bytes; never negative here */
    df_bytes_little(out, (uint64_t)value, small ? 4 : 8);
}

static void put_tuple(DfBytes *out, const int64_t *values, int n)
{
    df_bytes_put(out, "(", 1);
    for (int i = 0; i < n; i++)
        put_integer(out, values[i]);
    df_bytes_put(out, "t", 1);
}

/* torch._utils._rebuild_tensor_v2(storage, 0, shape, stride, False, OrderedDict()) */
static void put_tensor(DfBytes *out, const DfArray *array, size_t key)
{
    const DfArray packed = df_array(NULL, array->dtype, array->ndim, array->shape, NULL);
    char number[32];
    snprintf(number, sizeof number, "%zu", key);
    df_bytes_text(out, "ctorch._utils\n_rebuild_tensor_v2\n((");
    put_text(out, "storage");
    df_bytes_text(out, "ctorch\n");
    df_bytes_text(out, storages[array->dtype]);
    df_bytes_text(out, "\n");
    put_text(out, number);
    put_text(out, "cpu");
    put_integer(out, df_array_count(array));
    df_bytes_text(out, "tQ"); /* TUPLE, BINPERSID */
    put_integer(out, 0);
    put_tuple(out, array->shape, array->ndim);
    put_tuple(out, packed.stride, array->ndim);
    df_bytes_text(out, "\x89" "ccollections\nOrderedDict\n)RtR"); /* NEWFALSE, an empty OrderedDict, TUPLE, REDUCE */
}

/* Names, one a line, as a list. */
static void put_lines(DfBytes *out, const char *text)
{
    df_bytes_text(out, "]("); /* EMPTY_LIST, MARK */
    while (*text) {
        const size_t length = strcspn(text, "\n");
        df_bytes_put(out, "X", 1);
        df_bytes_little(out, length, 4);
        df_bytes_put(out, text, length);
        text += length + (text[length] == '\n');
    }
    df_bytes_text(out, "e"); /* APPENDS */
}

static void put_metadata(DfBytes *out, const char *key, const char *value)
{
    put_text(out, key);
    if (strcmp(key, DF_CHECKPOINT_CLASSES) == 0)
        put_lines(out, value);
    else
        put_text(out, value);
}

static void put_pickle(DfBytes *out, const DfArray *arrays, size_t n, const char *const *metadata, size_t n_metadata)
{
    df_bytes_text(out, "\x80\x02}("); /* PROTO 2, EMPTY_DICT, MARK */
    put_text(out, "meta");
    df_bytes_text(out, "}(");
    for (size_t i = 0; i < n_metadata; i++)
        put_metadata(out, metadata[2 * i], metadata[2 * i + 1]);
    df_bytes_text(out, "u"); /* SETITEMS */
    put_text(out, "state_dict");
    df_bytes_text(out, "ccollections\nOrderedDict\n)R(");
    for (size_t i = 0; i < n; i++) {
        put_text(out, arrays[i].name);
        put_tensor(out, &arrays[i], i);
    }
    df_bytes_text(out, "uu."); /* STOP */
}

/* ---- the whole --------------------------------------------------------------------------------------------------- */

static void add_checksum(void *context, const void *bytes, size_t size)
{
    uint32_t *crc = context;
    *crc = (uint32_t)crc32_z(*crc, bytes, size);
}

static void emit_piece(void *context, const void *bytes, size_t size)
{
    emit(context, bytes, size);
}

/* The checksum stands in front of the bytes: an array is walked through twice. */
static int write_storage(Zip *zip, const DfArray *array, size_t key)
{
    char name[32];
    snprintf(name, sizeof name, "data/%zu", key);
    uint32_t crc = (uint32_t)crc32_z(0, NULL, 0);
    df_array_stream(array, add_checksum, &crc);
    const int error = begin_entry(zip, name, crc, (uint64_t)df_array_count(array) * df_dtype_size(array->dtype));
    if (error == DF_OK)
        df_array_stream(array, emit_piece, zip);
    return error;
}

static int write_all(Zip *zip, const DfBytes *pickle, const DfArray *arrays, size_t n)
{
    if (pickle->failed)
        return df_fail_memory("a checkpoint to write");
    int error;
    if ((error = write_entry(zip, "data.pkl", pickle->at, pickle->n)) < 0 ||
        (error = write_entry(zip, "byteorder", "little", 6)) < 0)
        return error;
    for (size_t i = 0; i < n; i++)
        if ((error = write_storage(zip, &arrays[i], i)) < 0)
            return error;
    if ((error = write_entry(zip, "version", "3\n", 2)) < 0)
        return error;
    return finish(zip);
}

int df_pth_write(DfWriter *writer, const DfArray *arrays, size_t n, const char *const *metadata, size_t n_metadata)
{
    for (size_t i = 0; i < n; i++)
        if (!storages[arrays[i].dtype])
            return df_fail(DF_EVALUE, "array '%s' is of type %s, which a .pth does not have", arrays[i].name,
                           df_dtype_name(arrays[i].dtype));
    Zip zip = { .writer = writer };
    DfBytes pickle = { 0 };
    put_pickle(&pickle, arrays, n, metadata, n_metadata);
    const int error = write_all(&zip, &pickle, arrays, n);
    df_free(zip.directory.at);
    df_free(pickle.at);
    return error;
}
