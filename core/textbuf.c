/* SPDX-License-Identifier: Apache-2.0
 *
 * core/textbuf.c -- a text buffer that grows.
 */
#define _GNU_SOURCE
#include "core/textbuf.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/memory.h"
#include "core/plain.h"
#include "core/text.h"
#include "core/utf8.h"

/* Room for n more characters and the final zero, or NULL. */
static char *room(DfTextbuf *t, size_t n)
{
    t->failed = t->failed || !df_grow((void **)&t->at, &t->capacity, t->n + n, 1);
    return t->failed ? NULL : t->at + t->n;
}

static void append(DfTextbuf *t, const char *bytes, size_t n)
{
    char *to = room(t, n);
    if (!to)
        return;
    memcpy(to, bytes, n);
    to[n] = 0;
    t->n += n;
}

void df_textbuf_add(DfTextbuf *t, const char *format, ...)
{
    char small[512];
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    const int length = df_vsnprintf(small, sizeof small, format, args);
    va_end(args);
    if (length >= 0 && (size_t)length < sizeof small) {
        append(t, small, (size_t)length);
    } else if (length >= 0) {
        char *to = room(t, (size_t)length);
        if (to) {
            df_vsnprintf(to, (size_t)length + 1, format, again);
            t->n += (size_t)length;
        }
    }
    va_end(again);
}

void df_textbuf_shown(DfTextbuf *t, const char *s, int width)
{
    char piece[DF_SHOWN_PIECE];
    int length = 0;
    for (size_t n; (n = df_shown_next(piece, &s)) > 0; length += (int)n)
        append(t, piece, n);
    if (length < width)
        df_textbuf_add(t, "%*s", width - length, "");
}

/* One character of JSON; returns how long it was. C1 controls are escaped for terminals; a byte that is no UTF-8, which
 * JSON cannot hold, is written as Python writes names of files ("surrogateescape"), and the JSON reader reads it so. */
static size_t json_character(DfTextbuf *t, const char *s)
{
    const unsigned char *p = (const unsigned char *)s;
    const size_t n = df_utf8_length(p, p + strnlen(s, 4));
    if (*p < 0x20 || *p == 0x7f)
        df_textbuf_add(t, "\\u%04x", *p);
    else if (*p == '"' || *p == '\\')
        df_textbuf_add(t, "\\%c", *p);
    else if (n == 2 && *p == 0xc2 && p[1] < 0xa0)
        df_textbuf_add(t, "\\u%04x", p[1]);
    else if (n)
        append(t, s, n);
    else
        df_textbuf_add(t, "\\udc%02x", *p);
    return n ? n : 1;
}

void df_textbuf_json(DfTextbuf *t, const char *s)
{
    append(t, "\"", 1);
    while (*s)
        s += json_character(t, s);
    append(t, "\"", 1);
}

void df_textbuf_number(DfTextbuf *t, double x)
{
    if (isfinite(x))
        df_textbuf_add(t, "%.17g", x);
    else
        append(t, "null", 4);
}

/* x is k / 10^decimals for whole numbers that a double holds: division is rounded correctly, so those are its
 * digits. */
static bool short_decimal(DfTextbuf *t, double x)
{
    static const double power[] = { 1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6 };
    const double size = fabs(x);
    for (int d = 0; size < 1e9 && d < 7; d++) {
        const double k = rint(size * power[d]);
        if (k / power[d] != size)
            continue;
        const long long whole = (long long)(k / power[d]);
        const long long part = (long long)(k - (double)whole * power[d]);
        df_textbuf_add(t, "%s%lld", signbit(x) && k > 0 ? "-" : "", whole);
        if (d > 0)
            df_textbuf_add(t, ".%0*lld", d, part);
        return true;
    }
    return false;
}

void df_textbuf_shortest(DfTextbuf *t, double x)
{
    char digits[32] = "";
    if (isnan(x)) {
        df_textbuf_add(t, "NaN");
    } else if (isinf(x)) {
        df_textbuf_add(t, x > 0 ? "Infinity" : "-Infinity");
    } else if (!short_decimal(t, x)) {
        for (int n = 15; n <= 17 && (n == 15 || df_strtod(digits, NULL) != x); n++)
            df_snprintf(digits, sizeof digits, "%.*g", n, x);
        df_textbuf_add(t, "%s", digits);
    }
}

/* How HTML spells a character that means something there; NULL: the character stays. */
static const char *html_name(char c)
{
    switch (c) {
    case '&': return "&amp;";
    case '<': return "&lt;";
    case '>': return "&gt;";
    case '"': return "&quot;";
    case '\'': return "&#39;";
    default: return NULL;
    }
}

void df_textbuf_html(DfTextbuf *t, const char *s)
{
    char piece[DF_SHOWN_PIECE];
    for (size_t n; (n = df_shown_next(piece, &s)) > 0;) {
        const char *name = n == 1 ? html_name(piece[0]) : NULL;
        append(t, name ? name : piece, name ? strlen(name) : n);
    }
}

/* Three bytes are four digits of six bits. */
void df_textbuf_base64(DfTextbuf *t, const void *bytes, size_t n)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const unsigned char *p = bytes;
    for (size_t i = 0; i < n; i += 3) {
        const unsigned first = p[i];
        const unsigned second = i + 1 < n ? p[i + 1] : 0;
        const unsigned third = i + 2 < n ? p[i + 2] : 0;
        const char four[4] = {
            digits[first >> 2],
            digits[(first & 3) << 4 | second >> 4],
            i + 1 < n ? digits[(second & 15) << 2 | third >> 6] : '=',
            i + 2 < n ? digits[third & 63] : '=',
        };
        append(t, four, 4);
    }
}

int df_textbuf_take(DfTextbuf *t, char **out)
{
    append(t, "", 0);
    *out = t->failed ? NULL : t->at;
    if (t->failed)
        df_free(t->at);
    const int error = t->failed ? df_fail_memory("a string") : DF_OK;
    *t = (DfTextbuf){ 0 };
    return error;
}
