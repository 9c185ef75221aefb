/* SPDX-License-Identifier: Apache-2.0
 *
 * config/python_import.c -- imports in Python configs. No code is executed: in the configs that mmengine calls pure
 * Python, a class stands for its name, and a base is another config:
 *     bases   = ( "with" "read_base" "(" ")" | "if" TEXT ) ":" { INDENT from NEWLINE }
 *     from    = "from" { "." } [ module ] "import" ( "*" | imported | "(" imported ")" )
 *     import  = "import" module [ "as" NAME ]
 *     module  = NAME { "." NAME }
 *     imported = NAME [ "as" NAME ] { "," NAME [ "as" NAME ] }
 */
#include "config/python_parser.h"
#include "config/readers.h"

enum { MAX_MODULE = 512 };

DfNode *df_python_bases_of(Parser *p)
{
    const DfNode *names = df_tree_get(p->names, "_base_");
    if (!names)
        return fail_at(p, p->token.line, "the name '_base_' is not defined: want _base_ = 'FILE' above");
    return df_read_bases(p->tree, names) < 0 ? NULL : p->tree->bases;
}

/* module; "" if none stands here. In `last` its last name. */
static bool read_module_name(Parser *p, char text[MAX_MODULE], Token *last)
{
    size_t n = 0;
    while (p->token.kind == TOKEN_NAME && !at_name(p, "import")) {
        *last = p->token;
        if (n + p->token.length + 2 > MAX_MODULE)
            return fail_at(p, p->token.line, "the name of a module is too long") != NULL;
        if (n)
            text[n++] = '.';
        memcpy(text + n, p->token.start, p->token.length);
        n += p->token.length;
        advance(p);
        if (!accept(p, "."))
            break;
    }
    text[n] = '\0';
    return true;
}

/* A name that stands for a class or a module: its value is what the class is called. */
static bool stands_for(Parser *p, const Token *name, const Token *value)
{
    char key[MAX_NAME + 1];
    DfConfig *tree = p->tree;
    if (!name_text(p, name, key))
        return false;
    if (!tree->imports)
        tree->imports = df_tree_new(tree, DF_NODE_DICT, p->lexer.file, name->line);
    DfNode *text = df_tree_text(tree, value->start, value->length, p->lexer.file, name->line);
    return tree->imports && text && df_tree_set(tree, tree->imports, key, text) == DF_OK;
}

/* A value of the base under a name of this file. */
static bool take_value(Parser *p, DfNode *base, const Token *name, const Token *as)
{
    char from[MAX_NAME + 1], to[MAX_NAME + 1];
    if (!name_text(p, name, from) || !name_text(p, as, to))
        return false;
    DfNode *value = df_tree_get(base, from);
    if (!value && p->tree->imports && df_tree_get(p->tree->imports, from))
        return true; /* a class that the base imports */
    if (!value) {
        df_fail_at(p->lexer.file, name->line, DF_EVALUE, "the base has no '%s'", from);
        return false;
    }
    DfNode *copy = df_tree_copy(p->tree, value);
    return copy && df_tree_set(p->tree, p->names, to, copy) == DF_OK;
}

static bool take_all(Parser *p, DfNode *base)
{
    for (DfNode *value = base->first, *next; value; value = next) {
        next = value->next;
        const char *key = value->key;
        df_tree_remove(value);
        if (df_tree_set(p->tree, p->names, key, value) < 0)
            return false;
    }
    return true;
}

/* imported: of a base, or (base NULL) of a library. */
static bool imported(Parser *p, DfNode *base)
{
    const bool bracket = accept(p, "(");
    do {
        if (bracket && at_sign(p, ")"))
            break; /* after a last comma */
        const Token name = p->token;
        Token as = name;
        if (name.kind != TOKEN_NAME)
            return unexpected(p, "a name to import") != NULL;
        advance(p);
        if (at_name(p, "as")) {
            advance(p);
            as = p->token;
            advance(p);
        }
        if (as.kind != TOKEN_NAME)
            return unexpected(p, "a name") != NULL;
        if (!(base ? take_value(p, base, &name, &as) : stands_for(p, &as, &name)))
            return false;
    } while (accept(p, ","));
    return !bracket || expect(p, ")");
}

static bool import_from(Parser *p, bool in_bases)
{
    char module[MAX_MODULE];
    Token last = p->token;
    const int line = p->token.line;
    int up = 0;
    advance(p); /* over `from` */
    while (accept(p, "."))
        up++;
    if (!read_module_name(p, module, &last))
        return false;
    if (!at_name(p, "import"))
        return unexpected(p, "'import'") != NULL;
    advance(p);
    if (!in_bases && !up)
        return imported(p, NULL);
    DfNode *base = NULL;
    if (df_read_module(p->tree, &base, p->lexer.file, line, up, module) < 0)
        return false;
    return accept(p, "*") ? take_all(p, base) : imported(p, base);
}

bool df_python_import(Parser *p)
{
    char module[MAX_MODULE];
    Token last = p->token;
    if (at_name(p, "from"))
        return import_from(p, false);
    advance(p); /* over `import` */
    const Token first = p->token;
    if (!read_module_name(p, module, &last))
        return false;
    if (!module[0])
        return unexpected(p, "a module") != NULL;
    if (!at_name(p, "as"))
        return stands_for(p, &first, &first);
    advance(p);
    const Token as = p->token;
    advance(p);
    return stands_for(p, &as, &last);
}

/* Reads the head of the block; false if it is another block, which nothing here understands. */
static bool head_of_bases(Parser *p)
{
    Parser ahead = *p;
    const bool with = at_name(p, "with");
    advance(&ahead);
    if (with && !(at_name(&ahead, "read_base") && (advance(&ahead), accept(&ahead, "(")) && accept(&ahead, ")")))
        return false;
    if (!with && ahead.token.kind != TOKEN_TEXT)
        return false;
    if (!with)
        advance(&ahead);
    if (!accept(&ahead, ":"))
        return false;
    *p = ahead;
    return true;
}

bool df_python_bases(Parser *p, bool *met)
{
    *met = head_of_bases(p);
    if (!*met)
        return true;
    if (at_name(p, "from")) /* all in one line */
        return import_from(p, true);
    for (;;) {
        Parser ahead = *p;
        while (ahead.token.kind == TOKEN_NEWLINE)
            advance(&ahead);
        if (ahead.token.kind != TOKEN_INDENT)
            return true;
        advance(&ahead);
        *p = ahead;
        if (!at_name(p, "from"))
            return unexpected(p, "'from .. import ..', as a base is named") != NULL;
        if (!import_from(p, true))
            return false;
        if (p->token.kind != TOKEN_NEWLINE && p->token.kind != TOKEN_END)
            return unexpected(p, "the end of the line") != NULL;
    }
}
