/* SPDX-License-Identifier: Apache-2.0
 *
 * config/python_value.c -- the expressions of a Python config file, by recursive descent straight to values. Grammar: python.c.
 */
#include "config/arith.h"
#include "config/python_parser.h"

#include <stdio.h>
#include <string.h>

/* ---- items ------------------------------------------------------------------------------------------------------- */

/* Neighbouring texts are one. */
DfNode *df_python_text(Parser *p)
{
    const Token first = p->token;
    Lexer ahead = p->lexer;
    size_t length = 0;
    Token token = first;
    for (; token.kind == TOKEN_TEXT; token = df_lexer_next(&ahead))
        length += token.length;
    char *bytes = df_tree_bytes(p->tree, length), *out = bytes;
    DfNode *node = bytes ? df_tree_new(p->tree, DF_NODE_TEXT, p->lexer.file, first.line) : NULL;
    if (!node)
        return NULL;
    for (; p->token.kind == TOKEN_TEXT; advance(p)) {
        const size_t put = df_token_text(out, &p->token, p->lexer.file);
        if (put == SIZE_MAX)
            return NULL;
        out += put;
    }
    *out = '\0';
    node->text = bytes;
    return node;
}

static DfNode *constant(Parser *p)
{
    const char *file = p->lexer.file;
    const int line = p->token.line;
    if (at_name(p, "True") || at_name(p, "False"))
        return df_tree_bool(p->tree, *p->token.start == 'T', file, line);
    if (at_name(p, "None"))
        return df_tree_new(p->tree, DF_NODE_NONE, file, line);
    for (const Scope *scope = p->scope; scope; scope = scope->outer)
        if (scope->name.length == p->token.length && memcmp(scope->name.start, p->token.start, p->token.length) == 0)
            return df_tree_copy(p->tree, scope->value);
    char name[MAX_NAME + 1];
    if (!name_text(p, &p->token, name))
        return NULL;
    const DfNode *value = p->names ? df_node_get(p->names, name) : NULL;
    if (value)
        return df_tree_copy(p->tree, value);
    const char *near = p->names ? df_tree_nearest(p->names, name) : NULL;
    df_fail(DF_EVALUE, "%s:%d: the name '%s' has no value%s%s%s", file, line, name, near ? "; did you mean '" : "", near ? near : "",
            near ? "'?" : "");
    return NULL;
}

/* {{ _base_.key }}: the value is put in when the bases are read. */
static DfNode *base_value(const Parser *p)
{
    const Token *t = &p->token;
    const char *key = NULL;
    size_t length = 0;
    if (!p->names)
        return fail_at(p, t->line, "met '{{ _base_.key }}', want a value: there are no bases here");
    df_base_value_length(t->start, t->start + t->length, &key, &length);
    return df_base_value_new(p->tree, key, length, p->lexer.file, t->line);
}

/* Is the first expression inside a bracket followed by `for`? */
static bool comprehension_ahead(const Parser *p)
{
    Lexer lexer = p->lexer;
    int open = 0;
    for (Token t = p->token; t.kind != TOKEN_END && t.kind != TOKEN_ERROR; t = df_lexer_next(&lexer)) {
        if (open == 0 && t.kind == TOKEN_NAME && spells(&t, "for"))
            return true;
        if (t.kind != TOKEN_SIGN)
            continue;
        if (open == 0 && strchr(",)]}", *t.start))
            return false;
        open += strchr("([{", *t.start) ? 1 : strchr(")]}", *t.start) ? -1 : 0;
    }
    return false;
}

static void skip_to_for(Parser *p)
{
    for (int open = 0; !(open == 0 && at_name(p, "for")) && p->token.kind != TOKEN_ERROR; advance(p))
        if (p->token.kind == TOKEN_SIGN)
            open += strchr("([{", *p->token.start) ? 1 : strchr(")]}", *p->token.start) ? -1 : 0;
}

/* [element for NAME in list]: the list first, then the element again and again from its place in the file. */
static DfNode *comprehension(Parser *p, int line)
{
    const Parser element = *p;
    skip_to_for(p);
    advance(p);
    Scope scope = { p->token, NULL, p->scope };
    if (p->token.kind != TOKEN_NAME)
        return unexpected(p, "the name of a loop variable");
    advance(p);
    if (!at_name(p, "in"))
        return unexpected(p, "'in' and a list");
    advance(p);
    const DfNode *over = df_python_expression(p);
    if (!over)
        return NULL;
    if (over->kind != DF_NODE_LIST)
        return fail_at(p, over->line, "a comprehension wants a list or a range to run over");
    if (!at_sign(p, "]"))
        return unexpected(p, "']': comprehensions have one 'for' and no 'if' here");
    const Parser after = *p;
    DfNode *list = new_list(p, line, false);
    for (const DfNode *item = list ? over->first : NULL; item; item = item->next) {
        *p = element;
        scope.value = item;
        p->scope = &scope;
        DfNode *value = df_python_expression(p);
        if (!value)
            return NULL;
        df_tree_append(list, value);
    }
    *p = after;
    return list && expect(p, "]") ? list : NULL;
}

/* (..) and [..]; the bracket is read already. (x) is x, (x,) a tuple. */
static DfNode *bracket(Parser *p, const char *close, int line)
{
    const bool round = *close == ')';
    if (comprehension_ahead(p))
        return round ? fail_at(p, line, "a generator in round brackets, want [.. for .. in ..]") : comprehension(p, line);
    DfNode *list = new_list(p, line, round);
    bool comma = false;
    while (list && !at_sign(p, close)) {
        DfNode *value = df_python_expression(p);
        if (!value)
            return NULL;
        df_tree_append(list, value);
        comma = accept(p, ",");
        if (!comma && !at_sign(p, close))
            return unexpected(p, round ? "',' or ')'" : "',' or ']'");
    }
    if (!list || !expect(p, close))
        return NULL;
    if (!round || list->n != 1 || comma)
        return list;
    DfNode *only = list->first;
    df_tree_remove(only);
    return only;
}

/* Keys are texts; a number is taken by its digits, as JSON does. */
static bool set_pair(Parser *p, DfNode *dict)
{
    const DfNode *key = df_python_expression(p);
    if (!key)
        return false;
    char digits[32];
    if (key->kind == DF_NODE_INT)
        snprintf(digits, sizeof digits, "%lld", (long long)key->integer);
    else if (key->kind != DF_NODE_TEXT) {
        df_fail(DF_EVALUE, "%s:%d: %s as a key, want a text", p->lexer.file, key->line, df_node_kind_name(key));
        return false;
    }
    if (!at_sign(p, ":")) {
        unexpected(p, "':' and the value of the key");
        return false;
    }
    advance(p);
    DfNode *value = df_python_expression(p);
    return value && df_tree_set(p->tree, dict, key->kind == DF_NODE_INT ? digits : key->text, value) == DF_OK;
}

static DfNode *dict_display(Parser *p, int line)
{
    DfNode *dict = df_tree_new(p->tree, DF_NODE_DICT, p->lexer.file, line);
    while (dict && !at_sign(p, "}")) {
        const int at = p->token.line;
        if (accept(p, "**")) {
            DfNode *from = df_python_expression(p);
            if (!from || !df_python_pour(p, dict, from, false, at))
                return NULL;
        } else if (!set_pair(p, dict)) {
            return NULL;
        }
        if (!accept(p, ",") && !at_sign(p, "}"))
            return unexpected(p, "',' or '}'");
    }
    return dict && expect(p, "}") ? dict : NULL;
}

/* ---- expressions ------------------------------------------------------------------------------------------------- */

static DfNode *item(Parser *p)
{
    const Token token = p->token;
    DfNode *value = NULL;
    if (token.kind == TOKEN_TEXT)
        return df_python_text(p);
    if (token.kind == TOKEN_NUMBER)
        value = df_token_number(p->tree, &token, p->lexer.file);
    else if (token.kind == TOKEN_BASE)
        value = base_value(p);
    else if (token.kind == TOKEN_NAME) {
        const Token next = peek(p);
        if (next.kind == TOKEN_SIGN && spells(&next, "("))
            return df_python_call(p);
        value = constant(p);
    } else if (accept(p, "(")) {
        return bracket(p, ")", token.line);
    } else if (accept(p, "[")) {
        return bracket(p, "]", token.line);
    } else if (accept(p, "{")) {
        return dict_display(p, token.line);
    } else {
        return unexpected(p, "a value");
    }
    advance(p);
    return value;
}

/* value[key] and list[number]. */
static DfNode *subscript(Parser *p, DfNode *value)
{
    const int line = p->token.line;
    const DfNode *index = df_python_expression(p);
    if (!index || !expect(p, "]"))
        return NULL;
    DfNode *found = NULL;
    if (value->kind == DF_NODE_DICT && index->kind == DF_NODE_TEXT)
        found = df_tree_get(value, index->text);
    else if (value->kind == DF_NODE_LIST && index->kind == DF_NODE_INT)
        found = df_tree_item(value, index->integer);
    else
        return fail_at(p, line, "want dict['key'] or list[number]");
    if (!found)
        return fail_at(p, line, value->kind == DF_NODE_DICT ? "the dict has no such key" : "the list has no such item");
    df_tree_remove(found);
    return found;
}

static DfNode *primary(Parser *p)
{
    DfNode *value = item(p);
    while (value && accept(p, "["))
        value = subscript(p, value);
    if (value && at_sign(p, "."))
        return unexpected(p, "no attribute: config files read values by ['key']");
    if (value && at_sign(p, "("))
        return unexpected(p, "no call: config files are data");
    return value;
}

static DfNode *factor(Parser *p)
{
    if (p->depth >= MAX_DEPTH)
        return fail_at(p, p->token.line, "the value is nested too deep");
    p->depth++;
    DfNode *value = NULL;
    if (accept(p, "-")) {
        value = factor(p);
        value = value ? df_arith_negative(value) : NULL;
    } else if (accept(p, "+")) {
        value = factor(p);
    } else {
        value = primary(p);
        if (value && accept(p, "**")) {
            DfNode *exponent = factor(p);
            value = exponent ? df_arith(p->tree, "**", value, exponent) : NULL;
        }
    }
    p->depth--;
    return value;
}

/* The operator of `ops` at the parser, read; or NULL. */
static const char *operator_of(Parser *p, const char *const *ops)
{
    for (; *ops; ops++)
        if (accept(p, *ops))
            return *ops;
    return NULL;
}

/* Operands with operators of one rank between them, from the left. */
static DfNode *chain(Parser *p, const char *const *ops, DfNode *(*operand)(Parser *))
{
    DfNode *value = operand(p);
    for (const char *op; value && (op = operator_of(p, ops));) {
        DfNode *right = operand(p);
        value = right ? df_arith(p->tree, op, value, right) : NULL;
    }
    return value;
}

static DfNode *product(Parser *p)
{
    static const char *const ops[] = { "*", "/", "//", "%", NULL };
    return chain(p, ops, factor);
}

DfNode *df_python_expression(Parser *p)
{
    static const char *const ops[] = { "+", "-", NULL };
    return chain(p, ops, product);
}

DfNode *df_python_values(Parser *p)
{
    const int line = p->token.line;
    DfNode *value = df_python_expression(p);
    if (!value || !at_sign(p, ","))
        return value;
    DfNode *tuple = new_list(p, line, true);
    while (tuple && value) {
        df_tree_append(tuple, value);
        if (!accept(p, ",") || p->token.kind == TOKEN_NEWLINE || p->token.kind == TOKEN_END)
            return tuple;
        value = df_python_expression(p);
    }
    return NULL;
}
