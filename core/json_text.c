/* SPDX-License-Identifier: Apache-2.0
 *
 * core/json_text.c -- texts in JSON: finds their end eight bytes at a time, validates them and unescapes them in
 * place.
 */
#include "core/json_reader.h"

#include <string.h>

#include "core/bits.h"
#include "core/text.h"
#include "core/utf8.h"

/* Plain bytes stand for themselves in a text: all but control characters, '"', '\\' and the bytes of characters
 * outside ASCII.
 *
 * Eight bytes at once, after Mycroft's test for a zero byte: x - 1 borrows into the top bit of a byte that is 0,
 * so (byte ^ '"') - 1 has its top bit set for a quote, byte - 0x20 for a control character, and the byte itself
 * outside ASCII. A borrow may also set a bit in a byte above one that is not plain, never below it. So no bit is
 * set if all eight are plain, and else the lowest bit is in the first one that is not, on machines that put the
 * first byte lowest. Reads at most DF_JSON_SLACK bytes behind the window. */
static inline uint64_t not_plain(const unsigned char *p)
{
    const uint64_t ones = UINT64_MAX / 255; /* 0x0101..01 */
    const uint64_t tops = ones << 7;        /* 0x8080..80 */
    uint64_t x;
    memcpy(&x, p, sizeof x);
    const uint64_t quote = x ^ ones * '"';
    const uint64_t slash = x ^ ones * '\\';
    return (x | (x - ones * 0x20) | (quote - ones) | (slash - ones)) & tops;
}

/* The first byte from p on that is not plain; there is one, the zero behind the window. */
static inline const unsigned char *pass_plain(const unsigned char *p)
{
    uint64_t met;
    while (!(met = not_plain(p)))
        p += sizeof met;
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    return p + df_bits_below(met) / 8;
#else
    while (*p >= 0x20 && *p < 0x80 && *p != '"' && *p != '\\')
        p++;
    return p;
#endif
}

/* Four hexadecimal digits, or -1. */
static int32_t hex4(const unsigned char *p)
{
    int32_t c = 0;
    for (int i = 0; i < 4; i++) {
        const int digit = df_digit_value((char)p[i]);
        if (digit == 16)
            return -1;
        c = c * 16 + digit;
    }
    return c;
}

/* The escape at `from` (a backslash) goes to *to; returns the byte behind it, or NULL. Half a surrogate pair
 * becomes U+FFFD, or the byte of a name that is not UTF-8, which Python's "surrogateescape" (PEP 383) and
 * df_textbuf_json() write as U+DC80 to U+DCFF. */
static const unsigned char *unescape(const unsigned char *from, unsigned char **to)
{
    static const char letters[] = "\"\\/bfnrt";
    static const char meanings[] = "\"\\/\b\f\n\r\t";
    const char *letter = from[1] ? strchr(letters, from[1]) : NULL;
    if (letter) {
        *(*to)++ = (unsigned char)meanings[letter - letters];
        return from + 2;
    }
    int32_t c = from[1] == 'u' ? hex4(from + 2) : -1;
    if (c < 0)
        return NULL;
    from += 6;
    /* UTF-16 (RFC 8259, section 7): the first half of a pair holds the upper ten bits above 0x10000, the second
     * half the lower ten. */
    if (c >= 0xd800 && c < 0xdc00 && from[0] == '\\' && from[1] == 'u') {
        const int32_t low = hex4(from + 2);
        if (low >= 0xdc00 && low < 0xe000) {
            c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
            from += 6;
        }
    }
    const bool half = c >= 0xd800 && c < 0xe000;
    if (c >= 0xdc80 && c < 0xdd00)
        *(*to)++ = (unsigned char)(c - 0xdc00);
    else
        *to = df_utf8_put(*to, half ? 0xfffd : (uint32_t)c);
    return from;
}

/* Brings the whole text at j->at (its opening quote) into the window; returns its closing quote, or NULL. `bare`:
 * nothing in it has to be checked or resolved. */
static unsigned char *text_end(DfJson *j, bool *bare)
{
    *bare = true;
    size_t i = 1;
    for (;;) {
        const unsigned char *const p = pass_plain(j->at + i);
        i = (size_t)(p - j->at);
        if (*p == '"')
            return j->at + i;
        if (*p >= 0x80 || *p == '\\')
            *bare = false;
        if (p == j->end) {
            if (!df_json_more(j)) {
                df_json_stop(j, "%s", "the file ends inside a string");
                return NULL;
            }
        } else if (*p < 0x20) {
            df_json_stop(j, "%s", "a control character inside a string, want it escaped");
            return NULL;
        } else if (*p == '\\' && p + 1 == j->end) {
            if (!df_json_more(j)) {
                df_json_stop(j, "%s", "the file ends inside a string");
                return NULL;
            }
        } else {
            i += *p == '\\' ? 2 : 1;
        }
    }
}

/* Resolves escapes in place and checks the UTF-8; returns the new end, or NULL. */
static unsigned char *resolve(DfJson *j, unsigned char *begin, const unsigned char *end)
{
    unsigned char *to = begin;
    for (const unsigned char *from = begin; from < end;) {
        if (*from == '\\') {
            from = unescape(from, &to);
            if (!from) {
                df_json_stop(j, "%s", "a string holds a backslash that begins no JSON escape");
                return NULL;
            }
        } else if (*from < 0x80) {
            *to++ = *from++;
        } else {
            const size_t n = df_utf8_length(from, end);
            if (n == 0) {
                df_json_stop(j, "%s", "a string is not valid UTF-8");
                return NULL;
            }
            memmove(to, from, n);
            to += n;
            from += n;
        }
    }
    return to;
}

bool df_json_text(DfJson *j, DfJsonValue *value)
{
    bool bare;
    unsigned char *end = text_end(j, &bare);
    if (!end)
        return false;
    unsigned char *begin = j->at + 1;
    unsigned char *after = end + 1;
    if (!bare)
        end = resolve(j, begin, end);
    if (!end)
        return false;
    *end = 0; /* at the latest on the closing quote */
    value->text = (const char *)begin;
    value->length = (size_t)(end - begin);
    j->at = after;
    return true;
}
