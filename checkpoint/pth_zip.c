/* SPDX-License-Identifier: Apache-2.0
 *
 * checkpoint/pth_zip.c -- reads the .pth of PyTorch 1.6 and later: a zip archive (PKWARE APPNOTE 6.3) whose
 * PREFIX/data.pkl holds a pickle and whose PREFIX/data/KEY hold the storages. torch.save stores entries uncompressed,
 * so they are used in place; an archive that another tool has repacked may be deflated, and those entries are inflated
 * into memory.
 */
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "checkpoint/forms.h"

enum {
    END_SIZE = 22,        /* end of central directory             */
    END64_SIZE = 56,      /* its zip64 form                       */
    LOCATOR_SIZE = 20,    /* which says where that one is         */
    CENTRAL_SIZE = 46,    /* an entry of the central directory    */
    LOCAL_SIZE = 30,      /* the header in front of an entry      */
    LONGEST_COMMENT = 65535,
    DEFLATE_MOST = 1032   /* bytes that one byte of deflate can give */
};

typedef struct {
    const char *name; /* in the file: not zero-terminated */
    size_t name_size;
    uint16_t method;
    uint32_t crc;
    uint64_t packed, size;
    const uint8_t *bytes; /* of the packed entry */
    uint8_t *inflated;    /* in the arena, once asked for */
} Entry;

typedef struct {
    DfCheckpoint *ck;
    Entry *entries; /* sorted by name */
    size_t n;
    const char *prefix; /* "archive/" */
    size_t prefix_size;
    uint64_t inflatable; /* bytes that may still be inflated */
} Zip;

static uint64_t little(const uint8_t *at, int n)
{
    uint64_t value = 0;
    while (n-- > 0)
        value = value << 8 | at[n];
    return value;
}

/* ---- the directory ----------------------------------------------------------------------------------------------- */

typedef struct {
    uint64_t offset, size, n;
} Directory;

static int truncated(void)
{
    return df_fail(DF_EFORMAT, "is a zip archive without its end: the file is truncated");
}

static int find_directory64(Directory *out, const DfCheckpoint *ck, size_t end)
{
    if (end < LOCATOR_SIZE || memcmp(ck->bytes + end - LOCATOR_SIZE, "PK\6\7", 4) != 0)
        return df_fail(DF_EFORMAT, "is a zip64 archive without its locator");
    const uint64_t at = little(ck->bytes + end - LOCATOR_SIZE + 8, 8);
    if (at > ck->size || ck->size - at < END64_SIZE || memcmp(ck->bytes + at, "PK\6\6", 4) != 0)
        return df_fail(DF_EFORMAT, "is a zip64 archive whose directory is not where it says");
    const uint8_t *b = ck->bytes + at;
    *out = (Directory){ .n = little(b + 32, 8), .size = little(b + 40, 8), .offset = little(b + 48, 8) };
    return DF_OK;
}

/* The end record is the last 22 bytes, or stands before a comment. */
static int find_directory(Directory *out, const DfCheckpoint *ck)
{
    if (ck->size < END_SIZE)
        return truncated();
    size_t end = ck->size - END_SIZE;
    const size_t first = end > LONGEST_COMMENT ? end - LONGEST_COMMENT : 0;
    while (memcmp(ck->bytes + end, "PK\5\6", 4) != 0)
        if (end-- == first)
            return truncated();
    const uint8_t *b = ck->bytes + end;
    *out = (Directory){ .n = little(b + 10, 2), .size = little(b + 12, 4), .offset = little(b + 16, 4) };
    if (out->n == UINT16_MAX || out->size == UINT32_MAX || out->offset == UINT32_MAX) {
        const int error = find_directory64(out, ck, end);
        if (error < 0)
            return error;
    }
    if (out->offset > ck->size || out->size > ck->size - out->offset || out->n > out->size / CENTRAL_SIZE)
        return df_fail(DF_EFORMAT, "is a zip archive whose directory does not fit into the file");
    return DF_OK;
}

/* Fields that did not fit into 32 bits stand in the extra block of type 1, in the order size, packed, offset. */
static int read_extra64(const uint8_t *extra, size_t size, uint64_t *fields[3])
{
    while (size >= 4) {
        const size_t block = (size_t)little(extra + 2, 2);
        if (block > size - 4)
            break;
        if (little(extra, 2) == 1) {
            const uint8_t *at = extra + 4, *end = at + block;
            for (int i = 0; i < 3; i++) {
                if (*fields[i] != UINT32_MAX)
                    continue;
                if (end - at < 8)
                    return df_fail(DF_EFORMAT, "is a zip archive with a broken zip64 block");
                *fields[i] = little(at, 8);
                at += 8;
            }
            return DF_OK;
        }
        extra += 4 + block;
        size -= 4 + block;
    }
    return DF_OK;
}

/* The bytes of an entry begin after its local header, whose name and extra block have lengths of their own. */
static int locate_bytes(Entry *entry, const DfCheckpoint *ck, uint64_t offset)
{
    const int length = (int)(entry->name_size > 200 ? 200 : entry->name_size);
    if (offset > ck->size || ck->size - offset < LOCAL_SIZE || memcmp(ck->bytes + offset, "PK\3\4", 4) != 0)
        return df_fail(DF_EFORMAT, "its entry '%.*s' is not where the archive says", length, entry->name);
    const uint8_t *b = ck->bytes + offset;
    const uint64_t start = offset + LOCAL_SIZE + little(b + 26, 2) + little(b + 28, 2);
    if (start > ck->size || entry->packed > ck->size - start)
        return df_fail(DF_EFORMAT, "its entry '%.*s' reaches beyond the end of the file", length, entry->name);
    entry->bytes = ck->bytes + start;
    return DF_OK;
}

static int read_entry(Entry *entry, const DfCheckpoint *ck, const uint8_t **at, const uint8_t *end)
{
    const uint8_t *b = *at;
    if (end - b < CENTRAL_SIZE || memcmp(b, "PK\1\2", 4) != 0)
        return df_fail(DF_EFORMAT, "is a zip archive with a broken directory");
    const size_t name = (size_t)little(b + 28, 2);
    const size_t extra = (size_t)little(b + 30, 2);
    const size_t comment = (size_t)little(b + 32, 2);
    if ((size_t)(end - b) - CENTRAL_SIZE < name + extra + comment)
        return df_fail(DF_EFORMAT, "is a zip archive with a broken directory");
    *entry = (Entry){ .name = (const char *)b + CENTRAL_SIZE, .name_size = name, .method = (uint16_t)little(b + 10, 2),
                      .crc = (uint32_t)little(b + 16, 4), .packed = little(b + 20, 4), .size = little(b + 24, 4) };
    uint64_t offset = little(b + 42, 4);
    *at = b + CENTRAL_SIZE + name + extra + comment;
    const int error =
        read_extra64(b + CENTRAL_SIZE + name, extra, (uint64_t *[3]){ &entry->size, &entry->packed, &offset });
    if (error < 0)
        return error;
    if (little(b + 8, 2) & 1)
        return df_fail(DF_EFORMAT, "is an encrypted zip archive");
    return locate_bytes(entry, ck, offset);
}

static int compare_names(const char *a, size_t a_size, const char *b, size_t b_size)
{
    const int order = memcmp(a, b, a_size < b_size ? a_size : b_size);
    return order ? order : (a_size > b_size) - (a_size < b_size);
}

static int compare_entries(const void *a, const void *b)
{
    const Entry *x = a, *y = b;
    return compare_names(x->name, x->name_size, y->name, y->name_size);
}

static int read_directory(Zip *zip)
{
    DfCheckpoint *ck = zip->ck;
    Directory directory = { 0 };
    int error = find_directory(&directory, ck);
    if (error < 0)
        return error;
    zip->n = (size_t)directory.n;
    zip->entries = df_arena_alloc(ck->arena, zip->n + 1, sizeof *zip->entries);
    if (!zip->entries)
        return df_fail_memory("the entries of a zip archive");
    const uint8_t *at = ck->bytes + directory.offset;
    const uint8_t *end = at + directory.size;
    for (size_t i = 0; i < zip->n && error == DF_OK; i++)
        error = read_entry(&zip->entries[i], ck, &at, end);
    if (error < 0)
        return error;
    qsort(zip->entries, zip->n, sizeof *zip->entries, compare_entries);
    for (size_t i = 1; i < zip->n; i++)
        if (compare_entries(&zip->entries[i - 1], &zip->entries[i]) == 0)
            return df_fail(DF_EFORMAT, "is a zip archive with two entries of one name");
    return DF_OK;
}

/* ---- entries ----------------------------------------------------------------------------------------------------- */

/* The entry PREFIX + folder + name, or NULL. */
static Entry *find_entry(Zip *zip, const char *folder, const char *name, size_t name_size)
{
    const size_t folder_size = strlen(folder);
    const size_t start = zip->prefix_size + folder_size;
    size_t low = 0, high = zip->n;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        Entry *entry = &zip->entries[middle];
        const char *e = entry->name;
        const size_t size = entry->name_size, p = zip->prefix_size;
        int order = compare_names(zip->prefix, p, e, size < p ? size : p);
        if (order == 0)
            order = compare_names(folder, folder_size, e + p, size - p < folder_size ? size - p : folder_size);
        if (order == 0)
            order = compare_names(name, name_size, e + start, size - start);
        if (order == 0)
            return entry;
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

static int inflate_all(uint8_t *to, const Entry *entry)
{
    z_stream z = { .next_in = (Bytef *)(uintptr_t)entry->bytes, .next_out = to };
    uint64_t in = entry->packed, out = entry->size;
    if (inflateInit2(&z, -MAX_WBITS) != Z_OK)
        return df_fail_memory("the inflater");
    int status = Z_OK;
    while (status == Z_OK && (z.avail_out > 0 || out > 0 || z.avail_in > 0 || in > 0)) { /* zlib counts in 32 bits */
        if (z.avail_in == 0) {
            z.avail_in = in > 1u << 30 ? 1u << 30 : (uInt)in;
            in -= z.avail_in;
        }
        if (z.avail_out == 0) {
            z.avail_out = out > 1u << 30 ? 1u << 30 : (uInt)out;
            out -= z.avail_out;
        }
        status = inflate(&z, Z_NO_FLUSH);
    }
    const bool whole = status == Z_STREAM_END && out == 0 && z.avail_out == 0;
    inflateEnd(&z);
    return whole ? DF_OK : df_fail(DF_EFORMAT, "has a deflated entry that does not inflate to its size");
}

/* The bytes of an entry: in the file, or inflated into the arena the first time. */
static int entry_bytes(Zip *zip, Entry *entry, const uint8_t **bytes)
{
    *bytes = entry->bytes;
    if (entry->method == 0)
        return entry->packed == entry->size ? DF_OK : df_fail(DF_EFORMAT, "has a stored entry of two different sizes");
    if (entry->method != Z_DEFLATED)
        return df_fail(DF_EFORMAT, "has an entry compressed by method %d, want stored or deflated", entry->method);
    if (!entry->inflated) {
        if (entry->size > zip->inflatable || entry->size / DEFLATE_MOST > entry->packed)
            return df_fail(DF_EFORMAT, "has deflated entries larger than deflate can make them");
        zip->inflatable -= entry->size;
        uint8_t *to = df_arena_alloc(zip->ck->arena, (size_t)entry->size, 1);
        if (!to)
            return df_fail_memory("a deflated entry");
        const int error = inflate_all(to, entry);
        if (error < 0)
            return error;
        entry->inflated = to;
        zip->ck->inflated += entry->size;
    }
    *bytes = entry->inflated;
    return DF_OK;
}

static uint32_t checksum(const uint8_t *bytes, uint64_t size)
{
    return (uint32_t)crc32_z(crc32_z(0, NULL, 0), bytes, (size_t)size);
}

static int verify(const DfCheckpoint *ck)
{
    Zip *zip = ck->detail;
    for (size_t i = 0; i < zip->n; i++) {
        const uint8_t *bytes;
        const int error = entry_bytes(zip, &zip->entries[i], &bytes);
        if (error < 0)
            return error;
        if (checksum(bytes, zip->entries[i].size) != zip->entries[i].crc)
            return df_fail(DF_EFORMAT, "its entry '%.*s' does not match its checksum: the file is corrupt",
                           (int)(zip->entries[i].name_size & 0xff), zip->entries[i].name);
    }
    return DF_OK;
}

static int locate(void *context, const DfPyStorage *storage, const uint8_t **data)
{
    Zip *zip = context;
    const int length = (int)(storage->key.size & 0xff);
    Entry *entry = find_entry(zip, "data/", storage->key.bytes, storage->key.size);
    if (!entry)
        return df_fail(DF_EFORMAT, "wants storage '%.*s', which the archive does not have", length, storage->key.bytes);
    if (entry->size < (uint64_t)storage->numel * storage->type.size)
        return df_fail(DF_EFORMAT, "wants a storage of %lld elements, and storage '%.*s' has %llu bytes",
                       (long long)storage->numel, length, storage->key.bytes, (unsigned long long)entry->size);
    return entry_bytes(zip, entry, data);
}

/* ---- the archive ------------------------------------------------------------------------------------------------- */

/* Where data.pkl stands tells the prefix. */
static int find_pickle(Zip *zip, Entry **out)
{
    for (size_t i = 0; i < zip->n; i++) {
        Entry *entry = &zip->entries[i];
        const size_t n = entry->name_size;
        if (n < 8 || memcmp(entry->name + n - 8, "data.pkl", 8) != 0 || (n > 8 && entry->name[n - 9] != '/'))
            continue;
        zip->prefix = entry->name;
        zip->prefix_size = n - 8;
        *out = entry;
        return DF_OK;
    }
    return df_fail(DF_EFORMAT, "is a zip archive without data.pkl: want a PyTorch checkpoint");
}

/* PyTorch 2.1 and later say in which order the bytes of a number stand; before, it was the order of the machine. */
static int check_byte_order(Zip *zip)
{
    Entry *entry = find_entry(zip, "", "byteorder", 9);
    const uint8_t *bytes;
    if (!entry)
        return DF_OK;
    const int error = entry_bytes(zip, entry, &bytes);
    if (error < 0)
        return error;
    if (entry->size != 6 || memcmp(bytes, "little", 6) != 0)
        return df_fail(DF_EFORMAT, "was written on a big-endian machine, want little-endian numbers");
    return DF_OK;
}

int df_pth_zip_open(DfCheckpoint *ck, const char *wrapper)
{
    ck->form = "pth (zip)";
    Zip *zip = ck->detail = df_arena_alloc(ck->arena, 1, sizeof *zip);
    if (!zip)
        return df_fail_memory("a zip archive");
    zip->ck = ck;
    zip->inflatable = (uint64_t)DEFLATE_MOST * ck->size;
    Entry *entry = NULL;
    const uint8_t *bytes;
    int error;
    if ((error = read_directory(zip)) < 0 || (error = find_pickle(zip, &entry)) < 0 ||
        (error = check_byte_order(zip)) < 0 || (error = entry_bytes(zip, entry, &bytes)) < 0)
        return error;
    if (checksum(bytes, entry->size) != entry->crc)
        return df_fail(DF_EFORMAT, "its data.pkl does not match its checksum: the file is corrupt");
    DfPickle pickle;
    if ((error = df_unpickle(&pickle, ck->arena, bytes, (size_t)entry->size)) < 0)
        return error;
    ck->verify = verify;
    return df_state_dict(ck, &pickle, wrapper, locate, zip);
}
