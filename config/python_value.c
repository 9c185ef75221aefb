/* SPDX-License-Identifier: Apache-2.0
 *
 * config/python_value.c -- the expressions of a Python config file, evaluated by recursive descent: one function for
 * each rule of the grammar in python.c. Each parses its rule and returns the value, or NULL after df_fail().
 */
#include "config/arith.h"
#include "config/python_parser.h"

#include <stdio.h>
#include <string.h>

/* ---- lists ----------------------------------------------------------------------------------------------------- */

/* "(" [ values ] ")" and "[" [ values ] "]", the bracket read already. (x) is x, (x,) a tuple. */
static DfNode *bracket(Parser *p, const char *close, int line)
{
    const bool round = *close == ')';
    if (df_python_loop_ahead(p))
        return round ? fail_at(p, line, "a generator in parentheses, want [.. for .. in ..]")
                     : df_python_loop(p, DF_NODE_LIST, close, line);
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

/* ---- dicts and calls ------------------------------------------------------------------------------------------- */

/* Moves everything of `from` into `dict`. `once`: it is an error if a key is there already, as in dict(a=1, **from). */
static bool pour(Parser *p, DfNode *dict, DfNode *from, bool once, int line)
{
    if (from->kind != DF_NODE_DICT) {
        df_fail_at(p->lexer.file, line, DF_EVALUE, "met %s, want a dict to take the keys from",
                   df_node_kind_name(from));
        return false;
    }
    for (DfNode *child = from->first, *next; child; child = next) {
        const char *key = child->key;
        next = child->next;
        if (once && df_tree_get(dict, key)) {
            df_fail_at(p->lexer.file, line, DF_EVALUE, "dict() is given the key '%s' twice", key);
            return false;
        }
        df_tree_remove(child);
        if (df_tree_set(p->tree, dict, key, child) < 0)
            return false;
    }
    return true;
}

/* pair = expression ":" expression. Keys are texts; a number becomes the text of its digits, as in JSON. */
bool df_python_pair(Parser *p, DfNode *dict)
{
    const DfNode *key = df_python_expression(p);
    if (!key)
        return false;
    char digits[32];
    if (key->kind == DF_NODE_INT)
        snprintf(digits, sizeof digits, "%lld", (long long)key->integer);
    else if (key->kind != DF_NODE_TEXT) {
        df_fail_at(p->lexer.file, key->line, DF_EVALUE, "%s as a key, want a string", df_node_kind_name(key));
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

/* "{" [ pair { "," pair } ] "}", the bracket read already. */
static DfNode *dict_display(Parser *p, int line)
{
    if (df_python_loop_ahead(p))
        return df_python_loop(p, DF_NODE_DICT, "}", line);
    DfNode *dict = df_tree_new(p->tree, DF_NODE_DICT, p->lexer.file, line);
    while (dict && !at_sign(p, "}")) {
        const int at = p->token.line;
        if (accept(p, "**")) {
            DfNode *from = df_python_expression(p);
            if (!from || !pour(p, dict, from, false, at))
                return NULL;
        } else if (!df_python_pair(p, dict)) {
            return NULL;
        }
        if (!accept(p, ",") && !at_sign(p, "}"))
            return unexpected(p, "',' or '}'");
    }
    return dict && expect(p, "}") ? dict : NULL;
}

/* argument = NAME "=" expression | "**" expression */
static bool dict_argument(Parser *p, DfNode *dict)
{
    const int line = p->token.line;
    if (accept(p, "**")) {
        DfNode *from = df_python_expression(p);
        return from && pour(p, dict, from, true, line);
    }
    char key[MAX_NAME + 1];
    const Token next = next_token(p);
    if (p->token.kind != TOKEN_NAME || next.kind != TOKEN_SIGN || !spells(&next, "=")) {
        unexpected(p, "key=value or **name");
        return false;
    }
    if (!name_text(p, &p->token, key))
        return false;
    advance(p);
    advance(p);
    DfNode *value = df_python_expression(p);
    if (value && df_tree_get(dict, key)) {
        df_fail_at(p->lexer.file, line, DF_EVALUE, "dict() is given the key '%s' twice", key);
        return false;
    }
    return value && df_tree_set(p->tree, dict, key, value) == DF_OK;
}

/* The dict that may stand first, without a name: dict(other, a=1). */
static DfNode *dict_to_extend(Parser *p)
{
    const Token next = next_token(p);
    if (at_sign(p, ")") || at_sign(p, "**") || (next.kind == TOKEN_SIGN && spells(&next, "=")))
        return df_tree_new(p->tree, DF_NODE_DICT, p->lexer.file, p->token.line);
    DfNode *first = df_python_expression(p);
    if (first && first->kind != DF_NODE_DICT)
        return fail_at(p, first->line, "dict() wants key=value, **name or a dict");
    if (first && !accept(p, ",") && !at_sign(p, ")"))
        return unexpected(p, "',' or ')'");
    return first;
}

/* "dict(" [ expression "," ] [ argument { "," argument } ] ")", read up to the bracket. */
DfNode *df_python_dict(Parser *p, int line)
{
    DfNode *dict = dict_to_extend(p);
    DfNode *named = df_tree_new(p->tree, DF_NODE_DICT, p->lexer.file, line); /* apart: no key twice */
    if (!dict || !named)
        return NULL;
    dict->line = line;
    while (!at_sign(p, ")")) {
        if (!dict_argument(p, named))
            return NULL;
        if (!accept(p, ",") && !at_sign(p, ")"))
            return unexpected(p, "',' or ')'");
    }
    return expect(p, ")") && pour(p, dict, named, false, line) ? dict : NULL;
}

/* [ expression { "," expression } ] ")" */
static DfNode *arguments(Parser *p, int line)
{
    DfNode *args = new_list(p, line, true);
    while (args && !at_sign(p, ")")) {
        DfNode *value = df_python_expression(p);
        if (!value)
            return NULL;
        df_tree_append(args, value);
        if (!accept(p, ",") && !at_sign(p, ")"))
            return unexpected(p, "',' or ')'");
    }
    return args && expect(p, ")") ? args : NULL;
}

/* NAME(..): the name is the present token. */
static DfNode *call(Parser *p)
{
    const Token name = p->token;
    advance(p); /* over NAME */
    advance(p); /* over '('  */
    if (spells(&name, "dict"))
        return df_python_dict(p, name.line);
    DfNode *args = arguments(p, name.line);
    return args ? df_python_function(p, &name, args) : NULL;
}

/* ---- expressions ----------------------------------------------------------------------------------------------- */

/* item: what begins with a text, a number, a name or a bracket. */
static DfNode *item(Parser *p)
{
    const Token token = p->token;
    DfNode *value = NULL;
    if (token.kind == TOKEN_TEXT)
        return df_python_text(p);
    if (token.kind == TOKEN_NUMBER)
        value = df_token_number(p->tree, &token, p->lexer.file);
    else if (token.kind == TOKEN_BASE)
        value = df_python_base_value(p);
    else if (token.kind == TOKEN_NAME) {
        const Token next = next_token(p);
        if (next.kind == TOKEN_SIGN && spells(&next, "("))
            return call(p);
        value = df_python_name(p);
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

/* Where a slice begins or ends: `none` for no number, negative numbers from the end. */
static int64_t bound(const DfNode *at, int64_t none, int64_t n)
{
    int64_t i = at ? at->integer : none;
    if (i < 0)
        i += n;
    if (i < 0)
        return 0;
    return i > n ? n : i;
}

/* [from] ":" [to] "]": the items of a list from one number to before another. */
static DfNode *slice(Parser *p, DfNode *value, const DfNode *from)
{
    const int line = p->token.line;
    advance(p);
    const DfNode *to = at_sign(p, "]") ? NULL : df_python_expression(p);
    if ((!to && !at_sign(p, "]")) || !expect(p, "]"))
        return NULL;
    const bool text = value->kind == DF_NODE_TEXT;
    const bool numbers = (!from || from->kind == DF_NODE_INT) && (!to || to->kind == DF_NODE_INT);
    if (!numbers || (!text && value->kind != DF_NODE_LIST))
        return fail_at(p, line, "want list[number:number]");
    const int64_t n = text ? (int64_t)strlen(value->text) : value->n;
    const int64_t first = bound(from, 0, n);
    const int64_t end = bound(to, n, n);
    if (text)
        return df_tree_text(p->tree, value->text + first, end > first ? (size_t)(end - first) : 0, p->lexer.file, line);
    DfNode *part = new_list(p, line, value->is_tuple);
    DfNode *item = part ? value->first : NULL;
    for (int64_t i = 0; item; i++) {
        DfNode *next = item->next;
        df_tree_remove(item);
        if (i >= first && i < end)
            df_tree_append(part, item);
        item = next;
    }
    return part;
}

/* value "[" expression "]", the bracket read already: value['key'] of a dict, value[number] of a list. The value
 * is a copy that nobody else has, so what is found is taken out of it. */
static DfNode *subscript(Parser *p, DfNode *value)
{
    const int line = p->token.line;
    const DfNode *from = at_sign(p, ":") ? NULL : df_python_expression(p);
    if (at_sign(p, ":"))
        return slice(p, value, from);
    const DfNode *index = from;
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

/* value "." NAME, the dot read already: an item of a dict, or what a module has, which stands for its name. */
static DfNode *attribute(Parser *p, DfNode *value, bool imported)
{
    char key[MAX_NAME + 1];
    const Token name = p->token;
    if (name.kind != TOKEN_NAME)
        return unexpected(p, "a name");
    if (!name_text(p, &name, key))
        return NULL;
    if (!imported && value->kind != DF_NODE_DICT)
        return unexpected(p, "no attribute: values other than dicts have none here");
    advance(p);
    if (imported)
        return df_tree_text(p->tree, name.start, name.length, p->lexer.file, name.line);
    DfNode *found = df_tree_get(value, key);
    if (!found)
        return fail_at(p, name.line, "the dict has no such key");
    df_tree_remove(found);
    return found;
}

/* _base_, with the '.' or '[' behind it: what the bases are together. */
static DfNode *bases(Parser *p)
{
    DfNode *all = df_python_bases_of(p);
    DfNode *copy = all ? df_tree_copy(p->tree, all) : NULL;
    advance(p);
    return copy;
}

/* primary = item { "[" expression "]" | "." NAME } */
static DfNode *primary(Parser *p)
{
    const bool imported = df_python_is_imported(p);
    DfNode *value = at_bases(p) ? bases(p) : item(p);
    for (;;) {
        if (value && accept(p, "["))
            value = subscript(p, value);
        else if (value && accept(p, "."))
            value = attribute(p, value, imported);
        else
            break;
    }
    if (value && at_sign(p, "("))
        return unexpected(p, "no call: config files are data");
    return value;
}

/* factor = ( "+" | "-" ) factor | primary [ "**" factor ]. So ** binds more tightly than a sign on its left, and
 * less than one on its right: -2 ** -1 is -(2 ** (-1)). All recursion of the grammar goes through here, so the
 * depth is bounded here. */
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

/* product = factor { ( "*" | "/" | "//" | "%" ) factor } */
static DfNode *product(Parser *p)
{
    static const char *const ops[] = { "*", "/", "//", "%", NULL };
    return chain(p, ops, factor);
}

/* expression = product { ( "+" | "-" ) product } */
DfNode *df_python_expression(Parser *p)
{
    static const char *const ops[] = { "+", "-", NULL };
    return chain(p, ops, product);
}

/* values = expression { "," expression } [ "," ] */
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
