/* SPDX-License-Identifier: Apache-2.0
 *
 * config/lexer.c -- splits a Python config file into tokens.
 *
 * Python Language Reference, chapter 2, without what configs do not need: bytes, imaginary numbers, indentation.
 */
#include "config/lexer.h"
#include "config/base_value.h"

#include <limits.h>
#include <string.h>

enum { MOST_WORK = 256 << 20 };

Lexer df_lexer(const char *text, size_t size, const char *file, int line, size_t *work)
{
    if (size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
        text += 3;
        size -= 3;
    }
    return (Lexer){ .at = text, .end = text + size, .file = file, .line = line, .fresh = true, .work = work };
}

static Token fail(const Lexer *l, const char *what)
{
    df_fail_at(l->file, l->line, DF_EFORMAT, "%s", what);
    return (Token){ TOKEN_ERROR, l->at, 0, l->line };
}

static bool letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool digit(char c)
{
    return c >= '0' && c <= '9';
}

static char peek(const Lexer *l, size_t ahead)
{
    return (size_t)(l->end - l->at) > ahead ? l->at[ahead] : '\0';
}

/* Length of the line break at the lexer: \n, \r\n or \r; 0 if there is none. */
static size_t line_break(const Lexer *l)
{
    if (peek(l, 0) == '\r')
        return peek(l, 1) == '\n' ? 2 : 1;
    return peek(l, 0) == '\n';
}

static void skip_line_break(Lexer *l)
{
    l->at += line_break(l);
    if (l->line < INT_MAX)
        l->line++;
}

/* Passes over blanks, comments, continued lines, and line breaks that end no statement: those inside brackets and
 * those of empty lines. */
static void skip_space(Lexer *l)
{
    while (l->at < l->end) {
        const char c = *l->at;
        if (c == '#') {
            while (l->at < l->end && !line_break(l))
                l->at++;
        } else if (c == ' ' || c == '\t' || c == '\f') {
            l->at++;
        } else if (line_break(l) && (l->depth > 0 || l->fresh)) {
            skip_line_break(l);
        } else if (c == '\\' && (peek(l, 1) == '\n' || peek(l, 1) == '\r')) {
            l->at++;
            skip_line_break(l);
        } else {
            return;
        }
    }
}

/* The length of the letters before the quote of a text, as r in r'..'; SIZE_MAX if no text begins here. */
static size_t text_prefix(const Lexer *l)
{
    size_t n = 0;
    while (n < 3 && letter(peek(l, n)))
        n++;
    return peek(l, n) == '\'' || peek(l, n) == '"' ? n : SIZE_MAX;
}

/* r, u, f, and r with f, in any case; none. */
static bool known_prefix(const char *at, size_t n)
{
    const char first = n > 0 ? (char)(at[0] | 0x20) : 'r';
    const char second = n > 1 ? (char)(at[1] | 0x20) : '\0';
    return n < 2 ? strchr("ruf", first) != NULL
                 : n == 2 && ((first == 'r' && second == 'f') || (first == 'f' && second == 'r'));
}

/* A text from its prefix to its closing quote, unescaped later by df_text_between(). Three quotes let it go over
 * several lines. */
static Token text(Lexer *l, size_t prefix)
{
    Token token = { TOKEN_TEXT, l->at, 0, l->line };
    if (!known_prefix(l->at, prefix))
        return fail(l, "want a string 'like this': bytes are not supported");
    l->at += prefix;
    const char quote = *l->at;
    const bool triple = peek(l, 1) == quote && peek(l, 2) == quote;
    for (l->at += triple ? 3 : 1; l->at < l->end;) {
        if (*l->at == quote && (!triple || (peek(l, 1) == quote && peek(l, 2) == quote))) {
            l->at += triple ? 3 : 1;
            token.length = (size_t)(l->at - token.start);
            return token;
        }
        if (*l->at == '\0')
            return fail(l, "a zero byte inside a string");
        if (*l->at == '\\' && l->at + 1 < l->end)
            l->at++;
        else if (!triple && line_break(l))
            return fail(l, "the line ends inside a string, want a closing quote");
        if (line_break(l))
            skip_line_break(l);
        else
            l->at++;
    }
    l->line = token.line;
    return fail(l, "the file ends inside the text that begins here");
}

/* Digits, letters, points, and the sign of an exponent. df_token_number() checks what they are. */
static Token number(Lexer *l)
{
    Token token = { TOKEN_NUMBER, l->at, 0, l->line };
    const bool hex = peek(l, 0) == '0' && (peek(l, 1) == 'x' || peek(l, 1) == 'X');
    while (digit(peek(l, 0)) || letter(peek(l, 0)) || peek(l, 0) == '.') {
        const bool exponent = !hex && (*l->at == 'e' || *l->at == 'E');
        l->at++;
        if (exponent && (peek(l, 0) == '+' || peek(l, 0) == '-'))
            l->at++;
    }
    token.length = (size_t)(l->at - token.start);
    return token;
}

static Token name(Lexer *l)
{
    Token token = { TOKEN_NAME, l->at, 0, l->line };
    while (letter(peek(l, 0)) || digit(peek(l, 0)))
        l->at++;
    token.length = (size_t)(l->at - token.start);
    return token;
}

/* {{ _base_.key }}, `length` bytes long. */
static Token base_value(Lexer *l, size_t length)
{
    const Token token = { TOKEN_BASE, l->at, length, l->line };
    for (const char *end = l->at + length; l->at < end;)
        if (line_break(l))
            skip_line_break(l);
        else
            l->at++;
    return token;
}

/* Signs of one to three characters; the longest that fits counts. Which of them mean something is up to the parser. */
static Token sign(Lexer *l)
{
    static const char *const signs[] = {
        "**=", "//=", "**", "//", "==", "!=", "<=", ">=", "+=", "-=", "*=", "/=", "%=", "->", ":=",
    };
    Token token = { TOKEN_SIGN, l->at, 1, l->line };
    const char c = *l->at;
    if ((unsigned char)c >= 0x80)
        return fail(l, "a letter outside ASCII: want it in quotes");
    if (!strchr("()[]{},:;=.+-*/%<>!@&|^~", c) || c == '\0')
        return fail(l, "a character that a config file cannot contain");
    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++) {
        const size_t n = strlen(signs[i]);
        if (c == signs[i][0] && (size_t)(l->end - l->at) >= n && memcmp(l->at, signs[i], n) == 0) {
            token.length = n;
            break;
        }
    }
    if (strchr("([{", c))
        l->depth++;
    else if (strchr(")]}", c) && l->depth > 0)
        l->depth--;
    l->at += token.length;
    return token;
}

/* The next token. Inside brackets line breaks are blanks, so only a logical line, as Python calls it, ends in a
 * TOKEN_NEWLINE. */
static Token scan(Lexer *l)
{
    const char *const line_start = l->at;
    const bool fresh = l->fresh;
    skip_space(l);
    if (l->at == l->end)
        return (Token){ fresh ? TOKEN_END : TOKEN_NEWLINE, l->at, 0, l->line };
    if (fresh && l->depth == 0 && l->at > line_start && (l->at[-1] == ' ' || l->at[-1] == '\t'))
        return (Token){ TOKEN_INDENT, l->at, 0, l->line };
    if (line_break(l)) {
        const Token token = { TOKEN_NEWLINE, l->at, line_break(l), l->line };
        skip_line_break(l);
        return token;
    }
    const char *key;
    size_t key_length;
    const size_t base = df_base_value_length(l->at, l->end, &key, &key_length);
    if (base)
        return base_value(l, base);
    const size_t prefix = text_prefix(l);
    if (prefix != SIZE_MAX)
        return text(l, prefix);
    if (digit(*l->at) || (*l->at == '.' && digit(peek(l, 1))))
        return number(l);
    return letter(*l->at) ? name(l) : sign(l);
}

Token df_lexer_next(Lexer *l)
{
    const char *const start = l->at;
    const Token token = scan(l);
    l->fresh = token.kind == TOKEN_NEWLINE;
    *l->work += (size_t)(l->at - start) + 1;
    return *l->work > MOST_WORK ? fail(l, "evaluating the config takes too long: its loops are too large") : token;
}

/* ---- what is not read -------------------------------------------------------------------------------------------- */

/* Passes over one thing of a line: a text, whose brackets and line breaks are no others', a comment or a character. */
static bool skip_thing(Lexer *l)
{
    const char c = *l->at;
    if (c == '\'' || c == '"')
        return text(l, 0).kind != TOKEN_ERROR;
    if (c == '#') {
        while (l->at < l->end && !line_break(l))
            l->at++;
        return true;
    }
    if (c == '(' || c == '[' || c == '{')
        l->depth++;
    else if ((c == ')' || c == ']' || c == '}') && l->depth > 0)
        l->depth--;
    if (c == '\\' && l->at + 1 < l->end)
        l->at++;
    if (line_break(l))
        skip_line_break(l);
    else
        l->at++;
    return true;
}

/* To the break that ends a logical line. */
static bool skip_line(Lexer *l)
{
    while (l->at < l->end && (l->depth > 0 || !line_break(l)))
        if (!skip_thing(l))
            return false;
    return true;
}

static bool begins_in_block(const Lexer *l)
{
    return line_break(l) || peek(l, 0) == ' ' || peek(l, 0) == '\t' || peek(l, 0) == '#';
}

bool df_lexer_skip_block(Lexer *l)
{
    const char *const from = l->at;
    bool well = skip_line(l);
    for (Lexer next = *l; well && next.at < next.end; next = *l) {
        skip_line_break(&next);
        if (next.at < next.end && !begins_in_block(&next))
            break;
        *l = next;
        well = skip_line(l);
    }
    *l->work += (size_t)(l->at - from);
    return well;
}
