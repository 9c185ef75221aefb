/* SPDX-License-Identifier: Apache-2.0
 *
 * config/python_parser.h -- the reader of Python config files, which its files share; private to this folder.
 * python.c reads statements, python_value.c expressions, python_call.c dict(..), range(..) and the other calls.
 */
#ifndef DF_CONFIG_PYTHON_PARSER_H
#define DF_CONFIG_PYTHON_PARSER_H

#include "config/lexer.h"

#include <string.h>

enum { MAX_NAME = 200 };

/* A loop variable of a comprehension. */
typedef struct Scope {
    Token name;
    const DfNode *value;
    const struct Scope *outer;
} Scope;

typedef struct {
    DfConfig *tree;
    DfNode *names; /* what the file has assigned so far; NULL: there are no names */
    Lexer lexer;
    Token token;   /* the one to be read next */
    const Scope *scope;
    int depth;
} Parser;

/* ---- tokens ------------------------------------------------------------------------------------------------------ */

static inline void advance(Parser *p)
{
    if (p->token.kind != TOKEN_ERROR)
        p->token = df_lexer_next(&p->lexer);
}

static inline bool spells(const Token *token, const char *text)
{
    return token->length == strlen(text) && memcmp(token->start, text, token->length) == 0;
}

static inline bool at_sign(const Parser *p, const char *sign)
{
    return p->token.kind == TOKEN_SIGN && spells(&p->token, sign);
}

static inline bool at_name(const Parser *p, const char *name)
{
    return p->token.kind == TOKEN_NAME && spells(&p->token, name);
}

/* Reads the sign if it stands there. */
static inline bool accept(Parser *p, const char *sign)
{
    if (!at_sign(p, sign))
        return false;
    advance(p);
    return true;
}

/* "FILE:LINE: met 'x', want ...". Returns NULL. */
static inline DfNode *unexpected(const Parser *p, const char *want)
{
    const Token *t = &p->token;
    const char *file = p->lexer.file;
    if (t->kind == TOKEN_ERROR)
        return NULL;
    if (t->kind == TOKEN_INDENT)
        df_fail(DF_EFORMAT, "%s:%d: an indented statement: config files are data, without blocks", file, t->line);
    else if (t->kind == TOKEN_END || t->kind == TOKEN_NEWLINE)
        df_fail(DF_EFORMAT, "%s:%d: the %s ends here, want %s", file, t->line, p->lexer.at < p->lexer.end ? "line" : "text", want);
    else
        df_fail(DF_EFORMAT, "%s:%d: met '%.*s', want %s", file, t->line, t->length < 40 ? (int)t->length : 40, t->start, want);
    return NULL;
}

/* Reads the sign, or fails. */
static inline bool expect(Parser *p, const char *sign)
{
    char want[8] = { '\'', sign[0], '\'', '\0' };
    if (accept(p, sign))
        return true;
    unexpected(p, want);
    return false;
}

/* Any other sentence. Returns NULL. */
static inline DfNode *fail_at(const Parser *p, int line, const char *what)
{
    df_fail(DF_EFORMAT, "%s:%d: %s", p->lexer.file, line, what);
    return NULL;
}

/* The next token behind the present one, which stays. */
static inline Token peek(const Parser *p)
{
    Lexer ahead = p->lexer;
    return df_lexer_next(&ahead);
}

/* A name as a zero-terminated text; false if it is too long. */
static inline bool name_text(const Parser *p, const Token *token, char text[MAX_NAME + 1])
{
    if (token->length > MAX_NAME) {
        fail_at(p, token->line, "a name is too long");
        return false;
    }
    memcpy(text, token->start, token->length);
    text[token->length] = '\0';
    return true;
}

/* ---- values; NULL after df_fail() -------------------------------------------------------------------------------- */

static inline DfNode *new_list(Parser *p, int line, bool tuple)
{
    DfNode *list = df_tree_new(p->tree, DF_NODE_LIST, p->lexer.file, line);
    if (list)
        list->is_tuple = tuple;
    return list;
}

DfNode *df_python_expression(Parser *);
DfNode *df_python_values(Parser *);     /* expressions with commas between them are a tuple    */
DfNode *df_python_text(Parser *);       /* the neighbouring texts at the parser, which are one */
DfNode *df_python_call(Parser *);       /* NAME(..): the name is the present token             */

/* Everything of `from` into `dict`; `once`: a key may not be there already, as in dict(a=1, **from). */
bool df_python_pour(Parser *, DfNode *dict, DfNode *from, bool once, int line);

#endif
