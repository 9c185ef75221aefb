/* SPDX-License-Identifier: Apache-2.0
 *
 * config/python_atom.c -- values without expressions: texts, names, values of the bases. (Numbers: literal.c.)
 */
#include "config/base_value.h"
#include "config/python_parser.h"

#include <string.h>

/* One text. */
static DfNode *text(Parser *p, const Token *token)
{
    if (df_text_has_fields(token))
        return df_python_formatted(p, token);
    const char *from, *to;
    bool raw;
    df_text_inside(token, &from, &to, &raw);
    char *bytes = df_tree_bytes(p->tree, (size_t)(to - from));
    DfNode *node = bytes ? df_tree_new(p->tree, DF_NODE_TEXT, p->lexer.file, token->line) : NULL;
    const size_t n = node ? df_text_between(bytes, from, to, raw, p->lexer.file, token->line) : SIZE_MAX;
    if (n == SIZE_MAX)
        return NULL;
    bytes[n] = '\0';
    node->text = bytes;
    return node;
}

/* The texts of a list as one. */
static DfNode *joined(Parser *p, const DfNode *list)
{
    size_t length = 0;
    for (const DfNode *part = list->first; part; part = part->next)
        length += strlen(part->text);
    char *bytes = df_tree_bytes(p->tree, length);
    DfNode *node = bytes ? df_tree_new(p->tree, DF_NODE_TEXT, list->file, list->line) : NULL;
    if (!node)
        return NULL;
    char *out = bytes;
    for (const DfNode *part = list->first; part; part = part->next) {
        memcpy(out, part->text, strlen(part->text));
        out += strlen(part->text);
    }
    *out = '\0';
    node->text = bytes;
    return node;
}

DfNode *df_python_text(Parser *p)
{
    const Token next = next_token(p);
    DfNode *first = text(p, &p->token);
    advance(p);
    if (!first || next.kind != TOKEN_TEXT)
        return first;
    DfNode *list = new_list(p, first->line, false);
    if (list)
        df_tree_append(list, first);
    for (; list && p->token.kind == TOKEN_TEXT; advance(p)) {
        DfNode *part = text(p, &p->token);
        if (!part)
            return NULL;
        df_tree_append(list, part);
    }
    return list ? joined(p, list) : NULL;
}

/* The value of the loop variable `name`, the innermost first; NULL if there is none of that name. */
static const DfNode *loop_variable(const Parser *p, const Token *name)
{
    for (const Scope *scope = p->scope; scope; scope = scope->outer)
        if (scope->name.length == name->length && memcmp(scope->name.start, name->start, name->length) == 0)
            return scope->value;
    return NULL;
}

static DfNode *no_value(const Parser *p, const char *name)
{
    const char *near = p->names ? df_tree_nearest(p->names, name) : NULL;
    if (near)
        df_fail_at(p->lexer.file, p->token.line, DF_EVALUE, "the name '%s' is not defined; did you mean '%s'?",
                   name, near);
    else
        df_fail_at(p->lexer.file, p->token.line, DF_EVALUE, "the name '%s' is not defined", name);
    return NULL;
}

/* What an imported name stands for, or NULL: a name that the file has assigned is not one. */
static const DfNode *import_of(const Parser *p, const char *name)
{
    const bool assigned = !p->names || df_node_get(p->names, name);
    return assigned || !p->tree->imports ? NULL : df_node_get(p->tree->imports, name);
}

bool df_python_is_imported(const Parser *p)
{
    char name[MAX_NAME + 1];
    if (p->token.kind != TOKEN_NAME || p->token.length > MAX_NAME)
        return false;
    memcpy(name, p->token.start, p->token.length);
    name[p->token.length] = '\0';
    return import_of(p, name) != NULL;
}

DfNode *df_python_name(Parser *p)
{
    const char *file = p->lexer.file;
    const int line = p->token.line;
    if (at_name(p, "True") || at_name(p, "False"))
        return df_tree_bool(p->tree, *p->token.start == 'T', file, line);
    if (at_name(p, "None"))
        return df_tree_new(p->tree, DF_NODE_NONE, file, line);
    const DfNode *value = loop_variable(p, &p->token);
    if (value)
        return df_tree_copy(p->tree, value);
    char name[MAX_NAME + 1];
    if (!name_text(p, &p->token, name))
        return NULL;
    value = p->names ? df_node_get(p->names, name) : NULL;
    if (!value)
        value = import_of(p, name);
    return value ? df_tree_copy(p->tree, value) : no_value(p, name);
}

DfNode *df_python_base_value(const Parser *p)
{
    const Token *t = &p->token;
    const char *key = NULL;
    size_t length = 0;
    if (!p->names)
        return fail_at(p, t->line, "met '{{ _base_.key }}', want a value: there are no bases here");
    df_base_value_length(t->start, t->start + t->length, &key, &length);
    return df_base_value_new(p->tree, key, length, p->lexer.file, t->line);
}
