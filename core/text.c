/* SPDX-License-Identifier: Apache-2.0
 *
 * core/text.c -- prefixes, digits, and the nearest name for "did you mean".
 */
#include "core/text.h"

#include <ctype.h>
#include <string.h>

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
