/* SPDX-License-Identifier: Apache-2.0
 *
 * core/utf8.h -- validates and writes one character of UTF-8 (RFC 3629).
 */
#ifndef DF_CORE_UTF8_H
#define DF_CORE_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* The length in bytes, 1 to 4, of the character at p; 0 if the bytes from p to end do not begin with one. The
 * first byte says how many follow. After four first bytes the second has a narrower range, which excludes longer
 * forms of short characters (E0, F0), halves of surrogate pairs (ED) and codes beyond Unicode (F4). */
static inline size_t df_utf8_length(const unsigned char *p, const unsigned char *end)
{
    const unsigned first = *p;
    if (first < 0x80)
        return 1;
    if (first < 0xc2 || first > 0xf4)
        return 0;
    size_t n = 4;
    if (first < 0xe0)
        n = 2;
    else if (first < 0xf0)
        n = 3;
    if ((size_t)(end - p) < n)
        return 0;
    for (size_t i = 1; i < n; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    const unsigned second = p[1];
    if ((first == 0xe0 && second < 0xa0) || (first == 0xed && second > 0x9f))
        return 0;
    if ((first == 0xf0 && second < 0x90) || (first == 0xf4 && second > 0x8f))
        return 0;
    return n;
}

/* How many bytes from the beginning on are whole characters of UTF-8: all of them, or up to the first that is none. */
static inline size_t df_utf8_span(const char *text, size_t size)
{
    const unsigned char *const begin = (const unsigned char *)text;
    const unsigned char *const end = begin + size;
    const unsigned char *p = begin;
    for (size_t n; p < end && (n = df_utf8_length(p, end)) > 0; p += n)
        ;
    return (size_t)(p - begin);
}

/* Writes the character with this code, at most 0x10ffff, and gives the place behind it: 7 bits in one byte; or 11,
 * 16 or 21 bits, of which the following bytes hold six each and the first one the rest. */
static inline unsigned char *df_utf8_put(unsigned char *to, uint32_t code)
{
    static const unsigned char lead[] = { 0, 0xc0, 0xe0, 0xf0 };
    int more = 0; /* bytes behind the first */
    if (code >= 0x10000)
        more = 3;
    else if (code >= 0x800)
        more = 2;
    else if (code >= 0x80)
        more = 1;
    *to++ = (unsigned char)(lead[more] | code >> (6 * more));
    for (int i = more - 1; i >= 0; i--)
        *to++ = (unsigned char)(0x80 | (code >> (6 * i) & 0x3f));
    return to;
}

#endif
