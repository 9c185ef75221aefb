/* SPDX-License-Identifier: Apache-2.0
 *
 * core/json_text.c -- texts in JSON: found eight bytes at a time, checked and unescaped in place.
 */
#include "core/json_reader.h"

#include <string.h>

#include "core/bits.h"

/* Plain are the bytes that a text may hold as they are: neither control characters, '"', '\\' nor the start of a multi-byte character.
 * Eight at once (as Mycroft finds a zero byte): no bit is set if all are plain, and the lowest one is in the first that is not, where
 * bytes lie in ascending order. Looks at most DF_JSON_SLACK behind the window. */
static inline uint64_t not_plain(const unsigned char *p)
{
    const uint64_t ones = UINT64_MAX / 255, tops = ones << 7;
    uint64_t x;
    memcpy(&x, p, sizeof x);
    const uint64_t quote = x ^ ones * '"', slash = x ^ ones * '\\';
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

/* Length of the well-formed UTF-8 character at p (RFC 3629), or 0. Stops at the zero behind the window. */
static size_t utf8_length(const unsigned char *p)
{
    const unsigned a = p[0], b = a ? p[1] : 0;
    if (a < 0xc2 || a > 0xf4 || (b & 0xc0) != 0x80)
        return 0;
    if (a < 0xe0)
        return 2;
    if ((p[2] & 0xc0) != 0x80 || (a == 0xe0 && b < 0xa0) || (a == 0xed && b > 0x9f))
        return 0;
    if (a < 0xf0)
        return 3;
    return (p[3] & 0xc0) != 0x80 || (a == 0xf0 && b < 0x90) || (a == 0xf4 && b > 0x8f) ? 0 : 4;
}

static unsigned char *utf8_put(unsigned char *to, uint32_t c)
{
    if (c < 0x80) {
        *to++ = (unsigned char)c;
    } else if (c < 0x800) {
        *to++ = (unsigned char)(0xc0 | c >> 6);
        *to++ = (unsigned char)(0x80 | (c & 63));
    } else if (c < 0x10000) {
        *to++ = (unsigned char)(0xe0 | c >> 12);
        *to++ = (unsigned char)(0x80 | (c >> 6 & 63));
        *to++ = (unsigned char)(0x80 | (c & 63));
    } else {
        *to++ = (unsigned char)(0xf0 | c >> 18);
        *to++ = (unsigned char)(0x80 | (c >> 12 & 63));
        *to++ = (unsigned char)(0x80 | (c >> 6 & 63));
        *to++ = (unsigned char)(0x80 | (c & 63));
    }
    return to;
}

/* Four hexadecimal digits, or -1. */
static int32_t hex4(const unsigned char *p)
{
    int32_t c = 0;
    for (int i = 0; i < 4; i++) {
        const unsigned lower = p[i] | 0x20u;
        const int digit = p[i] >= '0' && p[i] <= '9' ? p[i] - '0' : lower >= 'a' && lower <= 'f' ? (int)lower - 'a' + 10 : -1;
        if (digit < 0)
            return -1;
        c = c * 16 + digit;
    }
    return c;
}

/* The escape at `from` (a backslash) goes to *to; returns the byte behind it, or NULL. Half a surrogate pair becomes U+FFFD. */
static const unsigned char *unescape(const unsigned char *from, unsigned char **to)
{
    static const char letters[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";
    const char *letter = from[1] ? strchr(letters, from[1]) : NULL;
    if (letter) {
        *(*to)++ = (unsigned char)meanings[letter - letters];
        return from + 2;
    }
    int32_t c = from[1] == 'u' ? hex4(from + 2) : -1;
    if (c < 0)
        return NULL;
    from += 6;
    if (c >= 0xd800 && c < 0xdc00 && from[0] == '\\' && from[1] == 'u') {
        const int32_t low = hex4(from + 2);
        if (low >= 0xdc00 && low < 0xe000) {
            c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
            from += 6;
        }
    }
    *to = utf8_put(*to, c >= 0xd800 && c < 0xe000 ? 0xfffd : (uint32_t)c);
    return from;
}

/* Brings the whole text at j->at (its opening quote) into the window; returns its closing quote, or NULL. `bare`: nothing in
 * it has to be checked or resolved. */
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
                df_json_stop(j, "%s", "the file ends inside a text");
                return NULL;
            }
        } else if (*p < 0x20) {
            df_json_stop(j, "%s", "a control character inside a text, want it escaped");
            return NULL;
        } else if (*p == '\\' && p + 1 == j->end) {
            if (!df_json_more(j)) {
                df_json_stop(j, "%s", "the file ends inside a text");
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
                df_json_stop(j, "%s", "a text holds a backslash that begins no JSON escape");
                return NULL;
            }
        } else if (*from < 0x80) {
            *to++ = *from++;
        } else {
            const size_t n = utf8_length(from);
            if (n == 0) {
                df_json_stop(j, "%s", "a text is not valid UTF-8");
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
    unsigned char *begin = j->at + 1, *after = end + 1;
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
