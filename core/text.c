/* SPDX-License-Identifier: Apache-2.0
 *
 * core/text.c -- prefixes and digits of texts, escaping unprintable characters, and the nearest name for "did you
 * mean".
 */
#define _GNU_SOURCE
#include "core/text.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "core/error.h"
#include "core/utf8.h"

enum { LONGEST = 64 }; /* longer names are compared by their first letters */

bool df_starts_with(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

bool df_ends_with(const char *text, const char *suffix)
{
    const size_t n = strlen(text);
    const size_t m = strlen(suffix);
    return n >= m && strcmp(text + n - m, suffix) == 0;
}

int df_digit_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return 16;
}

/* ---- texts from elsewhere ---------------------------------------------------------------------------------------- */

/* The code of a whole UTF-8 character of n bytes. */
static unsigned code_of(const unsigned char *p, size_t n)
{
    static const unsigned char of_first[] = { 0, 0x7f, 0x1f, 0x0f, 0x07 };
    unsigned code = p[0] & of_first[n];
    for (size_t i = 1; i < n; i++)
        code = code << 6 | (p[i] & 0x3fU);
    return code;
}

/* C1 controls, line and paragraph separators, and marks of direction, which can make a text read as another one. */
static bool is_hidden(unsigned code)
{
    return (code >= 0x80 && code < 0xa0) || code == 0x061c || code == 0x200e || code == 0x200f ||
           (code >= 0x2028 && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069) || code == 0xfeff;
}

static size_t show_control(char *to, unsigned char c)
{
    static const char letters[] = "abtnvfr"; /* 7 to 13 */
    if (c >= 7 && c <= 13)
        return (size_t)snprintf(to, DF_SHOWN_PIECE, "\\%c", letters[c - 7]);
    return (size_t)snprintf(to, DF_SHOWN_PIECE, "\\x%02x", c);
}

size_t df_shown_next(char to[DF_SHOWN_PIECE], const char **at)
{
    const unsigned char *p = (const unsigned char *)*at;
    if (!*p)
        return 0;
    const size_t n = df_utf8_length(p, p + strnlen(*at, 4));
    *at += n ? n : 1;
    if (!n || *p < 0x20 || *p == 0x7f)
        return show_control(to, *p);
    const unsigned code = code_of(p, n);
    if (is_hidden(code))
        return (size_t)snprintf(to, DF_SHOWN_PIECE, "\\u%04x", code);
    memcpy(to, p, n);
    to[n] = 0;
    return n;
}

size_t df_shown_length(const char *text)
{
    char piece[DF_SHOWN_PIECE];
    size_t length = 0;
    for (size_t n; (n = df_shown_next(piece, &text)) > 0;)
        length += n;
    return length;
}

char *df_shown(char *to, size_t room, const char *text)
{
    char piece[DF_SHOWN_PIECE];
    size_t length = 0;
    for (size_t n; (n = df_shown_next(piece, &text)) > 0 && length + n < room; length += n)
        memcpy(to + length, piece, n);
    to[length] = 0;
    return to;
}

int df_text_check(const char *text, size_t size, const char *name)
{
    const char *zero = size ? memchr(text, 0, size) : NULL;
    const size_t good = df_utf8_span(text, zero ? (size_t)(zero - text) : size);
    size_t line = 1;
    if (good == size)
        return DF_OK;
    for (size_t i = 0; i < good; i++)
        line += text[i] == '\n';
    if (!text[good])
        return df_fail(DF_EFORMAT, "%s: line %zu: a zero byte: want text", name, line);
    return df_fail(DF_EFORMAT, "%s: line %zu: the byte 0x%02x is not UTF-8 (iconv -t UTF-8 converts it)", name, line,
                   (unsigned)(unsigned char)text[good]);
}

/* ---- the nearest name -------------------------------------------------------------------------------------------- */

static int least(int a, int b)
{
    return a < b ? a : b;
}

static int letter(const char *text, int i)
{
    return tolower((unsigned char)text[i]);
}

/* The distance of Damerau and Levenshtein (optimal string alignment), row by row: entry [i][j] is the distance of
 * the first i letters of a from the first j of b. The last letters are replaced (or equal), one is deleted, one is
 * inserted, or two are swapped. */
static int edit_distance(const char *a, const char *b)
{
    const int n = least((int)strlen(a), LONGEST);
    const int m = least((int)strlen(b), LONGEST);
    int row[3][LONGEST + 1]; /* the row before the last, the last, the present */
    for (int j = 0; j <= m; j++)
        row[1][j] = j;
    for (int i = 1; i <= n; i++) {
        row[2][0] = i;
        for (int j = 1; j <= m; j++) {
            const int x = letter(a, i - 1);
            const int y = letter(b, j - 1);
            const int delete_or_insert = least(row[1][j], row[2][j - 1]) + 1;
            const int replace = row[1][j - 1] + (x != y);
            row[2][j] = least(delete_or_insert, replace);
            if (i > 1 && j > 1 && x == letter(b, j - 2) && y == letter(a, i - 2))
                row[2][j] = least(row[2][j], row[0][j - 2] + 1);
        }
        memcpy(row[0], row[1], sizeof row[0]);
        memcpy(row[1], row[2], sizeof row[1]);
    }
    return row[1][m];
}

const char *df_nearest_name(const char *name, const char *const *candidates, size_t n)
{
    const char *best = NULL;
    int least_distance = 2 + (int)strlen(name) / 3; /* so many mistakes and more are another name */
    for (size_t i = 0; i < n; i++) {
        if (!candidates[i])
            continue;
        const int distance = edit_distance(name, candidates[i]);
        if (distance < least_distance) {
            least_distance = distance;
            best = candidates[i];
        }
    }
    return best;
}
