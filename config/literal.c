/* SPDX-License-Identifier: Apache-2.0
 *
 * config/literal.c -- the values of Python's number and text tokens.
 */
#include "config/lexer.h"

#include <stdlib.h>
#include <string.h>

enum { LONGEST_NUMBER = 400 };

/* ---- numbers --------------------------------------------------------------------------------------------------- */

static DfNode *bad_number(const Token *token, const char *file, const char *why)
{
    const int shown = token->length < 40 ? (int)token->length : 40;
    df_fail_at(file, token->line, DF_EFORMAT, "'%.*s' %s", shown, token->start, why);
    return NULL;
}

/* The digits without the underscores that may stand between two of them. */
static bool plain_digits(char *out, const Token *token)
{
    size_t n = 0;
    for (size_t i = 0; i < token->length; i++) {
        const char c = token->start[i];
        if (c != '_')
            out[n++] = c;
        else if (i == 0 || i + 1 == token->length || token->start[i - 1] == '_' || token->start[i - 1] == '.')
            return false;
    }
    out[n] = '\0';
    return true;
}

static int base_of(const char *digits)
{
    if (digits[0] != '0')
        return 10;
    switch (digits[1]) {
    case 'x': case 'X': return 16;
    case 'o': case 'O': return 8;
    case 'b': case 'B': return 2;
    default: return 10;
    }
}

/* Horner's rule. Python refuses leading zeros in decimals, except in 0, 00, ... */
static DfNode *integer(DfConfig *tree, const Token *token, const char *file, const char *digits)
{
    const int base = base_of(digits);
    const char *p = base == 10 ? digits : digits + 2;
    int64_t value = 0;
    if (!*p || (base == 10 && p[0] == '0' && p[strspn(p, "0")] != '\0'))
        return bad_number(token, file, "is not a number in Python");
    for (; *p; p++) {
        const int d = df_digit_value(*p);
        if (d >= base)
            return bad_number(token, file, "is not a number in Python");
        if (value > (INT64_MAX - d) / base)
            return bad_number(token, file, "does not fit into 64 bits");
        value = value * base + d;
    }
    return df_tree_int(tree, value, file, token->line);
}

/* The shape of a decimal float: digits, at most one point, at most one exponent. */
static bool is_float(const char *p)
{
    const size_t whole = strspn(p, "0123456789");
    p += whole;
    size_t fraction = 0;
    if (*p == '.') {
        fraction = strspn(++p, "0123456789");
        p += fraction;
    }
    if (*p == 'e' || *p == 'E') {
        p += p[1] == '+' || p[1] == '-' ? 2 : 1;
        if (!*p)
            return false;
        p += strspn(p, "0123456789");
    }
    return whole + fraction > 0 && !*p;
}

DfNode *df_token_number(DfConfig *tree, const Token *token, const char *file)
{
    char digits[LONGEST_NUMBER + 1];
    if (token->length > LONGEST_NUMBER)
        return bad_number(token, file, "is a number of too many digits");
    if (!plain_digits(digits, token))
        return bad_number(token, file, "is not a number in Python");
    if (base_of(digits) != 10 || !digits[strspn(digits, "0123456789")])
        return integer(tree, token, file, digits);
    if (!is_float(digits))
        return bad_number(token, file, "is not a number in Python");
    return df_tree_float(tree, df_strtod(digits, NULL), file, token->line);
}

/* ---- texts ----------------------------------------------------------------------------------------------------- */

/* The character whose code stands at *p in up to `most` digits. Octal escapes may be shorter, hexadecimal ones may
 * not. False if the code is 0, half a surrogate pair, or beyond Unicode. */
static bool read_code(const char **p, const char *end, int base, int most, uint32_t *code)
{
    int n = 0;
    *code = 0;
    for (; n < most && *p < end && df_digit_value(**p) < base; n++)
        *code = *code * (uint32_t)base + (uint32_t)df_digit_value(*(*p)++);
    const bool character = *code > 0 && *code <= 0x10ffff && (*code < 0xd800 || *code > 0xdfff);
    return character && (base == 8 || n == most);
}

static int hex_digits(char escape)
{
    switch (escape) {
    case 'x': return 2;
    case 'u': return 4;
    default: return 8; /* U */
    }
}

/* One escape, *p behind its backslash; NULL if it is no character. What it stands for is never longer than what is
 * written. Unknown escapes stay as they are, as in Python. */
static char *escape(char *out, const char **p, const char *end)
{
    static const char names[] = "abfnrtv\\'\"";
    static const char codes[] = "\a\b\f\n\r\t\v\\'\"";
    const char c = *(*p)++;
    const char *known = c ? strchr(names, c) : NULL;
    uint32_t code;
    if (known) {
        *out++ = codes[known - names];
    } else if (c == 'x' || c == 'u' || c == 'U') {
        if (!read_code(p, end, 16, hex_digits(c), &code))
            return NULL;
        out = (char *)df_utf8_put((unsigned char *)out, code);
    } else if (c >= '0' && c <= '7') {
        (*p)--;
        if (!read_code(p, end, 8, 3, &code))
            return NULL;
        out = (char *)df_utf8_put((unsigned char *)out, code);
    } else if (c == '\r' || c == '\n') {
        *p += c == '\r' && *p < end && **p == '\n';
    } else {
        *out++ = '\\';
        *out++ = c;
    }
    return out;
}

/* A letter of the prefix of a text, in either case. */
static bool prefixed(const Token *token, char letter)
{
    for (const char *p = token->start; *p != '\'' && *p != '"'; p++)
        if ((*p | 0x20) == letter)
            return true;
    return false;
}

bool df_text_has_fields(const Token *token)
{
    return prefixed(token, 'f');
}

void df_text_inside(const Token *token, const char **from, const char **to, bool *raw)
{
    const char *p = token->start;
    const char *end = p + token->length;
    *raw = prefixed(token, 'r');
    while (*p != '\'' && *p != '"')
        p++;
    const size_t quotes = end - p >= 6 && p[1] == *p && p[2] == *p ? 3 : 1;
    *from = p + quotes;
    *to = end - quotes;
}

size_t df_text_between(char *into, const char *p, const char *end, bool raw, const char *file, int line)
{
    char *out = into;
    while (p < end) {
        if (*p == '\r') { /* line breaks of a text are \n, whatever the file has */
            p += p + 1 < end && p[1] == '\n' ? 2 : 1;
            *out++ = '\n';
        } else if (*p != '\\' || raw) {
            *out++ = *p++;
        } else {
            p++;
            out = escape(out, &p, end);
            if (!out) {
                df_fail_at(file, line, DF_EFORMAT, "a string contains an invalid escape");
                return SIZE_MAX;
            }
        }
    }
    return (size_t)(out - into);
}
