/* SPDX-License-Identifier: Apache-2.0
 *
 * nn/dialects/pattern.c -- patterns of parameter names, such as `layers.{2s+1}.attn.{q|k|v}.*`: matches a name, and
 * spells the name on the other side.
 */
#include "nn/dialects/dialects.h"

#include <stdio.h>
#include <string.h>

/* ---- the contents of braces -------------------------------------------------------------------------------------- */

/* {2s+1}: the number is factor * s + more. */
typedef struct {
    char letter;
    int factor, more;
} Term;

static int read_digits(const char **at)
{
    int value = 0;
    while (**at >= '0' && **at <= '9')
        value = 10 * value + *(*at)++ - '0';
    return value;
}

static Term read_term(const char *at)
{
    Term term = { .factor = 1 };
    if (*at >= '0' && *at <= '9')
        term.factor = read_digits(&at);
    term.letter = *at++;
    if (*at == '+' || *at == '-') {
        const int sign = *at++ == '+' ? 1 : -1;
        term.more = sign * read_digits(&at);
    }
    return term;
}

static bool is_words(const char *brace, const char *end)
{
    return memchr(brace, '|', (size_t)(end - brace)) != NULL;
}

/* The length of the word after `at`, which points at { or |. */
static size_t word_length(const char *at)
{
    return strcspn(at + 1, "|}");
}

static bool is_absent(const char *at)
{
    return word_length(at) == 1 && at[1] == '0';
}

/* ---- a name against a pattern ------------------------------------------------------------------------------------ */

static bool fits(const char *pattern, const char *name, NnCapture *c);

/* Matches a number: at most six digits, without leading zeros. */
static bool fits_number(const char *brace, const char *end, const char *name, NnCapture *c)
{
    enum { MOST_DIGITS = 6 };
    const size_t digits = strspn(name, "0123456789");
    if (digits == 0 || digits > MOST_DIGITS || (digits > 1 && name[0] == '0'))
        return false;
    const Term term = read_term(brace + 1);
    const char *behind = name;
    const int value = read_digits(&behind) - term.more;
    int *number = &c->number[term.letter - 'a'];
    const int before = *number;
    if (value < 0 || value % term.factor != 0 || (before >= 0 && before != value / term.factor))
        return false;
    *number = value / term.factor;
    if (fits(end + 1, behind, c))
        return true;
    *number = before;
    return false;
}

static bool fits_word(const char *brace, const char *end, const char *name, NnCapture *c)
{
    int word = 0;
    for (const char *at = brace; *at != '}'; at += word_length(at) + 1, word++) {
        const size_t length = word_length(at);
        if (is_absent(at) || strncmp(at + 1, name, length) != 0 || !fits(end + 1, name + length, c))
            continue;
        c->part = word;
        return true;
    }
    return false;
}

static bool fits_rest(const char *pattern, const char *name, NnCapture *c)
{
    const size_t most = strlen(name);
    for (size_t length = pattern[1] ? 0 : most; length <= most; length++)
        if (fits(pattern + 1, name + length, c)) {
            c->rest = name;
            c->length = length;
            return true;
        }
    return false;
}

static bool fits(const char *pattern, const char *name, NnCapture *c)
{
    while (*pattern && *pattern != '{' && *pattern != '*' && *pattern == *name) {
        pattern++;
        name++;
    }
    if (*pattern == '*')
        return fits_rest(pattern, name, c);
    if (*pattern != '{')
        return *pattern == 0 && *name == 0;
    const char *end = strchr(pattern, '}');
    return is_words(pattern, end) ? fits_word(pattern, end, name, c) : fits_number(pattern, end, name, c);
}

bool nn_pattern_fits(const char *pattern, const char *name, NnCapture *c)
{
    *c = (NnCapture){ .parts = nn_pattern_parts(pattern) };
    for (int i = 0; i < 26; i++)
        c->number[i] = -1;
    return fits(pattern, name, c);
}

/* ---- a pattern into a name --------------------------------------------------------------------------------------- */

/* The word with index `part`, as a pointer to the { or | before it; NULL if there are fewer words. */
static const char *find_word(const char *brace, int part)
{
    const char *at = brace;
    for (int i = 0; i < part && *at != '}'; i++)
        at += word_length(at) + 1;
    return *at == '}' ? NULL : at;
}

/* Writes the text for a brace; returns its length, or -1 if it does not fit. */
static int put_brace(const char *brace, const char *end, const NnCapture *c, int part, char *out, size_t room)
{
    if (is_words(brace, end)) {
        const char *word = find_word(brace, part);
        if (part < 0 || !word || is_absent(word))
            return -1;
        return snprintf(out, room, "%.*s", (int)word_length(word), word + 1);
    }
    const Term term = read_term(brace + 1);
    const int number = c->number[term.letter - 'a'];
    const int value = term.factor * number + term.more;
    return number < 0 || value < 0 ? -1 : snprintf(out, room, "%d", value);
}

bool nn_pattern_spell(const char *pattern, const NnCapture *c, int part, char name[NN_NAME])
{
    size_t used = 0;
    for (; *pattern; pattern++) {
        const size_t room = NN_NAME - used;
        int put = 1;
        if (*pattern == '{') {
            const char *end = strchr(pattern, '}');
            put = put_brace(pattern, end, c, part, name + used, room);
            pattern = end;
        } else if (*pattern == '*') {
            put = snprintf(name + used, room, "%.*s", (int)c->length, c->rest ? c->rest : "");
        } else {
            name[used] = *pattern;
        }
        if (put < 0 || (size_t)put >= room)
            return false;
        used += (size_t)put;
    }
    name[used] = 0;
    return true;
}

/* ---- questions --------------------------------------------------------------------------------------------------- */

static const char *find_words(const char *pattern)
{
    const char *brace = strchr(pattern, '{');
    while (brace && !is_words(brace, strchr(brace, '}')))
        brace = strchr(brace + 1, '{');
    return brace;
}

int nn_pattern_parts(const char *pattern)
{
    const char *brace = find_words(pattern);
    int parts = 0;
    for (const char *at = brace; at && *at != '}'; at += word_length(at) + 1)
        parts++;
    return parts;
}

bool nn_pattern_has_part(const char *pattern, int part)
{
    const char *brace = find_words(pattern);
    const char *word = brace ? find_word(brace, part) : NULL;
    return word && !is_absent(word);
}

bool nn_pattern_number(const char *pattern, const char *name, char *letter, int *number)
{
    NnCapture c;
    if (!nn_pattern_fits(pattern, name, &c))
        return false;
    for (int i = 0; i < 26; i++)
        if (c.number[i] >= 0) {
            *letter = (char)('a' + i);
            *number = c.number[i];
            return true;
        }
    return false;
}
