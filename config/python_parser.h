/* SPDX-License-Identifier: Apache-2.0
 *
 * config/python_parser.h -- private to config/: what the files of the Python config reader share. From the top down:
 * python.c reads statements, python_import.c and python_change.c some of them, python_value.c expressions and
 * python_loop.c comprehensions; python_function.c computes range(..), sum(..) and other functions, python_atom.c makes
 * texts and looks up names. Tokens come from lexer.c. python.c has the grammar.
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
    DfNode *names; /* what the file has assigned so far; NULL where names have no value (--set) */
    Lexer lexer;
    Token token;   /* the present one: next to be read     */
    const Scope *scope;
    int depth;     /* of operands inside operands          */
} Parser;

/* ---- tokens ---------------------------------------------------------------------------------------------------- */

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
        df_fail_at(file, t->line, DF_EFORMAT, "an indented statement: config files are data, without blocks");
    else if (t->kind == TOKEN_END || t->kind == TOKEN_NEWLINE)
        df_fail_at(file, t->line, DF_EFORMAT, "the %s ends here, want %s",
                   p->lexer.at < p->lexer.end ? "line" : "text", want);
    else
        df_fail_at(file, t->line, DF_EFORMAT, "met '%.*s', want %s", t->length < 40 ? (int)t->length : 40, t->start,
                   want);
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
    df_fail_at(p->lexer.file, line, DF_EFORMAT, "%s", what);
    return NULL;
}

/* The token behind the present one, which stays. */
static inline Token next_token(const Parser *p)
{
    Lexer ahead = p->lexer;
    return df_lexer_next(&ahead);
}

/* `_base_` with '.' or '[' behind it: the bases themselves, and not their names. */
static inline bool at_bases(const Parser *p)
{
    if (!p->names || !at_name(p, "_base_"))
        return false;
    const Token next = next_token(p);
    return next.kind == TOKEN_SIGN && (spells(&next, ".") || spells(&next, "["));
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

/* ---- values; NULL after df_fail() ------------------------------------------------------------------------------ */

static inline DfNode *new_list(Parser *p, int line, bool tuple)
{
    DfNode *list = df_tree_new(p->tree, DF_NODE_LIST, p->lexer.file, line);
    if (list)
        list->is_tuple = tuple;
    return list;
}

/* python_value.c */
DfNode *df_python_values(Parser *);     /* an expression; several with commas between them are a tuple */
DfNode *df_python_expression(Parser *);
bool df_python_pair(Parser *, DfNode *dict); /* key ":" value into the dict                            */

/* python_loop.c: is what stands in this bracket a comprehension? It as a list or a dict, with the closing bracket. */
bool df_python_loop_ahead(const Parser *);
DfNode *df_python_loop(Parser *, DfNodeKind, const char *close, int line);

/* python_atom.c: at the present token. */
DfNode *df_python_text(Parser *);             /* neighbouring texts, which are one; reads them                       */
DfNode *df_python_name(Parser *);             /* True, False, None, a loop variable or a name the file has assigned  */
bool df_python_is_imported(const Parser *);   /* whether it is a name that stands for a class or module              */
DfNode *df_python_base_value(const Parser *); /* {{ _base_.key }}, filled in later when the bases are read           */

/* python_format.c: an f-string; a value as str() writes it. */
DfNode *df_python_formatted(Parser *, const Token *);
DfNode *df_python_str(Parser *, const DfNode *value, int line);

/* python_import.c: what the bases that the file has named so far are together, which may be changed. */
DfNode *df_python_bases_of(Parser *);

/* python_import.c: at `import` or `from`; at `with` or `if`, *met says whether it was a block of bases. False after
 * df_fail(). */
bool df_python_import(Parser *);
bool df_python_bases(Parser *, bool *met);

/* python_change.c: at a name that '.' or '[' follows; at a name behind `del`. */
bool df_python_change(Parser *);
bool df_python_delete(Parser *);

/* python_value.c: what stands between the brackets of dict(..), the first of them read already; reads the last. */
DfNode *df_python_dict(Parser *, int line);

/* python_function.c: the value of NAME(args). `args` is a list that stands nowhere else and may be taken apart. */
DfNode *df_python_function(Parser *, const Token *name, DfNode *args);

#endif
