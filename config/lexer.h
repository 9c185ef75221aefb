/* SPDX-License-Identifier: Apache-2.0
 *
 * config/lexer.h -- private to config/: the tokens of a Python config file.
 */
#ifndef DF_CONFIG_LEXER_H
#define DF_CONFIG_LEXER_H

#include "config/tree.h"

typedef enum {
    TOKEN_END,      /* of the file                                                      */
    TOKEN_NEWLINE,  /* end of a statement; never inside brackets                        */
    TOKEN_INDENT,   /* white space in front of a statement: a block, so not a config    */
    TOKEN_NAME,
    TOKEN_NUMBER,
    TOKEN_TEXT,     /* with its prefix and quotes                                       */
    TOKEN_BASE,     /* {{ _base_.key }}                                                 */
    TOKEN_SIGN,     /* ( ) [ ] { } , : ; = . + - * / % and the doubled ** and //, ...   */
    TOKEN_ERROR     /* df_error() says what                                             */
} TokenKind;

/* A token points into the file: `length` bytes at `start`. */
typedef struct {
    TokenKind kind;
    const char *start;
    size_t length;
    int line;
} Token;

typedef struct {
    const char *at, *end, *file;
    int line, depth;   /* of open brackets */
    bool fresh;        /* at the start of a logical line                           */
    size_t *work;      /* bytes looked at so far: bounds what loops can cost       */
} Lexer;

/* `work` outlives the lexer and its copies. */
Lexer df_lexer(const char *text, size_t size, const char *file, int line, size_t *work);
Token df_lexer_next(Lexer *);

/* From inside the head of a block (`def f(x):`) to the end of its last line, whatever stands there. False after
 * df_fail(): a text has no end. */
bool df_lexer_skip_block(Lexer *);

/* literal.c: the value of a number token; NULL after df_fail(). */
DfNode *df_token_number(DfConfig *, const Token *, const char *file);

/* literal.c: what is between the quotes of a text token, and whether backslashes stand for themselves there. */
void df_text_inside(const Token *, const char **from, const char **to, bool *raw);
bool df_text_has_fields(const Token *); /* f'..' */

/* literal.c: writes what stands between two places of a text to `into`, its escapes resolved. Room for as many bytes as
 * are read is enough. Gives the length, or SIZE_MAX after df_fail(). */
size_t df_text_between(char *into, const char *from, const char *to, bool raw, const char *file, int line);

#endif
