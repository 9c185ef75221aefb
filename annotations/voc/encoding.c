/* SPDX-License-Identifier: Apache-2.0
 *
 * annotations/voc/encoding.c -- detects the encoding of an XML file (XML 1.0, appendix F), and converts it to UTF-8.
 */
#include "annotations/voc/encoding.h"

#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "core/core.h"

enum { ENCODING = 40 /* bytes of an encoding's name that are kept */ };

static size_t line_at(const char *text, size_t at)
{
    size_t line = 1;
    for (size_t i = 0; i < at; i++)
        line += text[i] == '\n';
    return line;
}

/* ---- UTF-16 ----------------------------------------------------------------------------------------------------- */

static bool is_utf16(const unsigned char *p, size_t size, bool *little)
{
    if (size < 2)
        return false;
    *little = (p[0] == 0xff && p[1] == 0xfe) || (p[0] == '<' && p[1] == 0);
    return *little || (p[0] == 0xfe && p[1] == 0xff) || (p[0] == 0 && p[1] == '<');
}

static uint32_t unit_at(const unsigned char *p, bool little)
{
    return little ? p[0] | (uint32_t)p[1] << 8 : p[1] | (uint32_t)p[0] << 8;
}

static bool is_first_half(uint32_t unit)
{
    return unit >= 0xd800 && unit < 0xdc00;
}

static bool is_second_half(uint32_t unit)
{
    return unit >= 0xdc00 && unit < 0xe000;
}

/* A character of one unit or of two halves; *i moves behind it. UINT32_MAX: half of one. */
static uint32_t next_utf16(const unsigned char *p, size_t size, size_t *i, bool little)
{
    const uint32_t unit = unit_at(p + *i, little);
    *i += 2;
    if (is_second_half(unit))
        return UINT32_MAX;
    if (!is_first_half(unit))
        return unit;
    const uint32_t second = *i < size ? unit_at(p + *i, little) : 0;
    *i += 2;
    return is_second_half(second) ? 0x10000 + ((unit & 0x3ff) << 10 | (second & 0x3ff)) : UINT32_MAX;
}

static int from_utf16(VocText *out, const char *text, size_t size, bool little, const char *name)
{
    const unsigned char *p = (const unsigned char *)text;
    if (size % 2)
        return df_fail(DF_EFORMAT, "%s: UTF-16 of an odd number of bytes", name);
    unsigned char *to = df_malloc(size / 2 * 3 + 1);
    out->own = (char *)to;
    if (!to)
        return df_fail_memory("a text in UTF-16");
    size_t i = unit_at(p, little) == 0xfeff ? 2 : 0;
    while (i < size) {
        const uint32_t code = next_utf16(p, size, &i, little);
        if (code == UINT32_MAX)
            return df_fail(DF_EFORMAT, "%s: line %zu: half a character of UTF-16", name,
                           line_at(out->own, (size_t)(to - (unsigned char *)out->own)));
        to = df_utf8_put(to, code);
    }
    out->at = out->own;
    out->size = (size_t)(to - (unsigned char *)out->own);
    return DF_OK;
}

static size_t ascii_span(const char *text, size_t size)
{
    size_t n = 0;
    while (n < size && (unsigned char)text[n] < 0x80)
        n++;
    return n;
}

/* ---- one byte after the other ----------------------------------------------------------------------------------- */

/* Of ISO-8859-1, whose bytes are the first 256 codes. */
static int from_latin1(VocText *out, const char *text, size_t size)
{
    unsigned char *to = df_malloc(2 * size + 1);
    out->own = (char *)to;
    if (!to)
        return df_fail_memory("a text in ISO-8859-1");
    for (size_t i = 0; i < size; i++)
        to = df_utf8_put(to, (unsigned char)text[i]);
    out->at = out->own;
    out->size = (size_t)(to - (unsigned char *)out->own);
    return DF_OK;
}

/* The name between quotes behind "encoding" in <?xml ..?>; "" if there is none. */
static void find_encoding(char name[ENCODING], const char *text, size_t size)
{
    char head[160];
    const size_t n = size < sizeof head - 1 ? size : sizeof head - 1;
    memcpy(head, text, n);
    head[n] = 0;
    name[0] = 0;
    char *end = df_starts_with(head, "<?xml") ? strstr(head, "?>") : NULL;
    if (!end)
        return;
    *end = 0;
    const char *at = strstr(head, "encoding");
    const char *quote = at ? strpbrk(at, "\"'") : NULL;
    const char *close = quote ? strchr(quote + 1, *quote) : NULL;
    if (close)
        df_snprintf(name, ENCODING, "%.*s", (int)(close - quote - 1), quote + 1);
}

static bool is_one_of(const char *name, const char *const *names)
{
    while (*names && strcasecmp(name, *names) != 0)
        names++;
    return *names;
}

static int refuse(const char *text, size_t at, const char *encoding, const char *name)
{
    const unsigned byte = (unsigned char)text[at];
    const size_t line = line_at(text, at);
    if (!encoding[0])
        return df_fail(DF_EFORMAT,
                       "%s: line %zu: the byte 0x%02x is not UTF-8, and no first line <?xml version=\"1.0\" "
                       "encoding=\"..\"?> says what it is", name, line, byte);
    return df_fail(DF_EFORMAT, "%s: line %zu: the byte 0x%02x in the encoding %s: want UTF-8, UTF-16 or ISO-8859-1",
                   name, line, byte, encoding);
}

int df_voc_decode(VocText *out, const char *text, size_t size, const char *name)
{
    static const char *const latin1[] = { "ISO-8859-1", "ISO8859-1", "latin1", "latin-1", NULL };
    static const char *const utf8[] = { "", "UTF-8", "UTF8", NULL };
    char encoding[ENCODING];
    bool little;
    *out = (VocText){ .at = text, .size = size };
    if (is_utf16((const unsigned char *)text, size, &little))
        return from_utf16(out, text, size, little, name);
    if (size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
        out->at += 3, out->size -= 3;
    find_encoding(encoding, out->at, out->size);
    if (is_one_of(encoding, latin1))
        return from_latin1(out, out->at, out->size);
    const bool any = is_one_of(encoding, utf8);
    const size_t good = any ? df_utf8_span(text, size) : ascii_span(text, size);
    return good == size ? DF_OK : refuse(text, good, encoding, name);
}
