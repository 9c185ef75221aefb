/* SPDX-License-Identifier: Apache-2.0
 *
 * core/json_source.c -- detects the encoding of a JSON source from its first bytes: skips a byte order mark, unpacks
 * gzip (RFC 1952) into memory, and rejects other encodings than UTF-8 by name.
 */
#include "core/json_reader.h"

#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "core/memory.h"
#include "core/pool.h"

enum { INPUT = 64 * 1024, HEAD = 8 };
static const uint64_t most_unpacked = (uint64_t)8 << 30;

/* ---- gzip ------------------------------------------------------------------------------------------------------ */

typedef struct {
    const DfJson *from;
    uint64_t at;          /* of the next bytes of the source */
    z_stream z;
    unsigned char in[INPUT];
    char *text;
    size_t n, capacity;
} Unpacking;

static int fail_gzip(const Unpacking *u, const char *what)
{
    return df_fail(DF_EFORMAT, "%s: gzip: %s", u->from->name, what);
}

/* More bytes of the source, if all before are used up; *none at its end. */
static int refill(Unpacking *u, bool *none)
{
    *none = false;
    if (u->z.avail_in > 0)
        return DF_OK;
    const ptrdiff_t got = df_json_read_at(u->from, u->in, INPUT, u->at);
    if (got < 0)
        return df_fail_errno("%s", u->from->name);
    *none = got == 0;
    u->at += (uint64_t)got;
    u->z.next_in = u->in;
    u->z.avail_in = (uInt)got;
    return DF_OK;
}

/* What the bytes at hand unpack to, or as much of it as there is room for, appended to the text; *status is zlib's. */
static int unpack_some(Unpacking *u, int *status)
{
    if (u->n >= most_unpacked)
        return fail_gzip(u, "more than 8 GiB when unpacked, the most that is read");
    const int error = df_check_patience();
    if (error < 0)
        return error;
    if (!df_grow((void **)&u->text, &u->capacity, u->n + INPUT, 1))
        return df_fail(DF_ENOMEM, "%s: out of memory for unpacking", u->from->name);
    const size_t room = u->capacity - u->n;
    const uInt most = room < (1u << 30) ? (uInt)room : 1u << 30;
    u->z.next_out = (unsigned char *)u->text + u->n;
    u->z.avail_out = most;
    *status = inflate(&u->z, Z_NO_FLUSH);
    u->n += most - u->z.avail_out;
    return DF_OK;
}

/* One member after the other; zeros behind the last one are padding. */
static int unpack(Unpacking *u)
{
    bool none = false;
    bool inside = true;
    int error = DF_OK;
    int status = Z_OK;
    while (error == DF_OK && (error = refill(u, &none)) == DF_OK && !none) {
        if (!inside && *u->z.next_in == 0) {
            u->z.next_in++;
            u->z.avail_in--;
            continue;
        }
        if (!inside && inflateReset(&u->z) != Z_OK)
            return df_fail_memory("the inflater");
        inside = true;
        do
            error = unpack_some(u, &status);
        while (error == DF_OK && status == Z_OK && u->z.avail_out == 0);
        if (error == DF_OK && status != Z_OK && status != Z_STREAM_END && status != Z_BUF_ERROR)
            error = fail_gzip(u, u->z.msg ? u->z.msg : "the data are damaged");
        inside = status != Z_STREAM_END;
    }
    return error == DF_OK && inside ? fail_gzip(u, "the file ends early") : error;
}

/* The reader goes on with the unpacked text, in memory. */
static int take_gzip(DfJson *j)
{
    Unpacking *const u = df_calloc(1, sizeof *u);
    if (!u)
        return df_fail_memory("the inflater");
    u->from = j;
    int error = inflateInit2(&u->z, 16 + MAX_WBITS) == Z_OK ? DF_OK : df_fail_memory("the inflater");
    if (error == DF_OK) {
        error = unpack(u);
        inflateEnd(&u->z);
    }
    if (error == DF_OK) {
        df_json_close_source(j);
        j->text = j->owned_text = u->text;
        j->limit = u->n;
    } else {
        df_free(u->text);
    }
    df_free(u);
    return error;
}

/* ---- what it is ------------------------------------------------------------------------------------------------ */

typedef struct {
    const char *bytes;
    size_t n;
    const char *name, *advice;
} Kind;

static bool is_kind(const Kind *kind, const char *head, size_t n)
{
    return n >= kind->n && memcmp(head, kind->bytes, kind->n) == 0;
}

/* UTF-32 before UTF-16, whose mark it begins with. JSON begins with a character of ASCII, so a zero beside it tells
 * UTF-16 without a mark. */
static int refuse_others(const DfJson *j, const char *head, size_t n)
{
    static const char to_utf8[] = "UTF-8: iconv -t UTF-8 converts it, or encoding=\"utf-8\" where Python writes it";
    static const char unpacked[] = "text or gzip: unpack it first";
    static const Kind kinds[] = {
        { "\xff\xfe\0\0", 4, "UTF-32 text", to_utf8 },     { "\0\0\xfe\xff", 4, "UTF-32 text", to_utf8 },
        { "\xff\xfe", 2, "UTF-16 text", to_utf8 },         { "\xfe\xff", 2, "UTF-16 text", to_utf8 },
        { "[\0", 2, "UTF-16 text", to_utf8 },              { "{\0", 2, "UTF-16 text", to_utf8 },
        { "\0[", 2, "UTF-16 text", to_utf8 },              { "\0{", 2, "UTF-16 text", to_utf8 },
        { "\x1f\x8b", 2, "gzip within gzip", unpacked },   { "PK\3\4", 4, "a zip archive", unpacked },
        { "\xfd\x37zXZ", 5, "xz data", unpacked },         { "\x28\xb5\x2f\xfd", 4, "zstd data", unpacked },
        { "BZh", 3, "bzip2 data", unpacked },              { "\x80", 1, "a pickle of Python", "JSON" },
    };
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (is_kind(&kinds[i], head, n))
            return df_fail(DF_EFORMAT, "%s: is %s, want %s", j->name, kinds[i].name, kinds[i].advice);
    return DF_OK;
}

int df_json_look_at_source(DfJson *j)
{
    static const Kind gzip = { "\x1f\x8b", 2, NULL, NULL };
    static const Kind mark = { "\xef\xbb\xbf", 3, NULL, NULL };
    char head[HEAD];
    ptrdiff_t n = df_json_read_at(j, head, HEAD, 0);
    int error = n < 0 ? df_fail_errno("%s", j->name) : DF_OK;
    if (error == DF_OK && is_kind(&gzip, head, (size_t)n)) {
        error = take_gzip(j);
        n = error == DF_OK ? df_json_read_at(j, head, HEAD, 0) : 0;
    }
    if (error == DF_OK)
        error = refuse_others(j, head, (size_t)n);
    if (error == DF_OK && is_kind(&mark, head, (size_t)n))
        j->position = j->before = mark.n;
    return error;
}
