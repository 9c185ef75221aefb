/* SPDX-License-Identifier: Apache-2.0
 *
 * config/python_call.c -- the functions that Python config files may call.
 */
#include "config/arith.h"
#include "config/python_parser.h"

#include <math.h>
#include <string.h>

/* ---- dict -------------------------------------------------------------------------------------------------------- */

/* Everything of `from` into `dict`; `once`: a key may not be there already, as in dict(a=1, **from). */
bool df_python_pour(Parser *p, DfNode *dict, DfNode *from, bool once, int line)
{
    if (from->kind != DF_NODE_DICT) {
        df_fail(DF_EVALUE, "%s:%d: met %s, want a dict to take the keys from", p->lexer.file, line, df_node_kind_name(from));
        return false;
    }
    for (DfNode *child = from->first, *next; child; child = next) {
        const char *key = child->key;
        next = child->next;
        if (once && df_tree_get(dict, key)) {
            df_fail(DF_EVALUE, "%s:%d: dict() is given the key '%s' twice", p->lexer.file, line, key);
            return false;
        }
        df_tree_remove(child);
        if (df_tree_set(p->tree, dict, key, child) < 0)
            return false;
    }
    return true;
}

/* One argument of dict(..): key=value or **dict. */
static bool dict_argument(Parser *p, DfNode *dict)
{
    const int line = p->token.line;
    if (accept(p, "**")) {
        DfNode *from = df_python_expression(p);
        return from && df_python_pour(p, dict, from, true, line);
    }
    char key[MAX_NAME + 1];
    const Token next = peek(p);
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
        df_fail(DF_EVALUE, "%s:%d: dict() is given the key '%s' twice", p->lexer.file, line, key);
        return false;
    }
    return value && df_tree_set(p->tree, dict, key, value) == DF_OK;
}

/* The dict that may stand first, without a name: dict(other, a=1). */
static DfNode *dict_to_extend(Parser *p)
{
    const Token next = peek(p);
    if (at_sign(p, ")") || at_sign(p, "**") || (next.kind == TOKEN_SIGN && spells(&next, "=")))
        return df_tree_new(p->tree, DF_NODE_DICT, p->lexer.file, p->token.line);
    DfNode *first = df_python_expression(p);
    if (first && first->kind != DF_NODE_DICT)
        return fail_at(p, first->line, "dict() wants key=value, **name or a dict");
    if (first && !accept(p, ",") && !at_sign(p, ")"))
        return unexpected(p, "',' or ')'");
    return first;
}

static DfNode *dict_call(Parser *p, int line)
{
    DfNode *dict = dict_to_extend(p), *named = df_tree_new(p->tree, DF_NODE_DICT, p->lexer.file, line);
    if (!dict || !named)
        return NULL;
    dict->line = line;
    while (!at_sign(p, ")")) {
        if (!dict_argument(p, named))
            return NULL;
        if (!accept(p, ",") && !at_sign(p, ")"))
            return unexpected(p, "',' or ')'");
    }
    return expect(p, ")") && df_python_pour(p, dict, named, false, line) ? dict : NULL;
}

/* ---- the others -------------------------------------------------------------------------------------------------- */

static DfNode *as_list(Parser *p, DfNode *args, int line, bool tuple)
{
    if (args->n == 0)
        return new_list(p, line, tuple);
    DfNode *list = args->first;
    if (args->n > 1 || list->kind != DF_NODE_LIST)
        return fail_at(p, line, "list() and tuple() want one list");
    df_tree_remove(list);
    list->is_tuple = tuple;
    return list;
}

static DfNode *range(Parser *p, DfNode *args, int line)
{
    for (const DfNode *arg = args->first; arg; arg = arg->next)
        if (arg->kind != DF_NODE_INT || arg->integer > INT32_MAX || arg->integer < -INT32_MAX)
            return fail_at(p, line, "range() wants integers of moderate size");
    if (args->n < 1 || args->n > 3)
        return fail_at(p, line, "range() wants one to three integers");
    const int64_t first = args->n > 1 ? args->first->integer : 0;
    const int64_t stop = args->n > 1 ? args->first->next->integer : args->first->integer;
    const int64_t step = args->n > 2 ? args->last->integer : 1;
    if (step == 0)
        return fail_at(p, line, "range() with a step of zero");
    DfNode *list = new_list(p, line, false);
    for (int64_t i = first; list && (step > 0 ? i < stop : i > stop); i += step) {
        DfNode *item = df_tree_int(p->tree, i, p->lexer.file, line);
        if (!item)
            return NULL;
        df_tree_append(list, item);
    }
    return list;
}

static DfNode *len(Parser *p, DfNode *args, int line)
{
    const DfNode *of = args->n == 1 ? args->first : NULL;
    if (!of || (of->kind != DF_NODE_LIST && of->kind != DF_NODE_DICT))
        return fail_at(p, line, "len() wants one list or dict");
    return df_tree_int(p->tree, of->n, p->lexer.file, line);
}

/* The sum of a list, from the left. */
static DfNode *sum(Parser *p, DfNode *args, int line)
{
    const DfNode *of = args->n == 1 ? args->first : NULL;
    if (!of || of->kind != DF_NODE_LIST)
        return fail_at(p, line, "sum() wants one list");
    DfNode *total = df_tree_int(p->tree, 0, p->lexer.file, line);
    for (DfNode *item = of->first; item && total; item = item->next) {
        if (item->kind != DF_NODE_INT && item->kind != DF_NODE_FLOAT)
            return fail_at(p, line, "sum() wants a list of numbers");
        total = df_arith(p->tree, "+", total, item);
    }
    return total;
}

/* float(number), and the two values that Python has no other way to write. */
static DfNode *to_float(Parser *p, DfNode *args, int line)
{
    const DfNode *of = args->n == 1 ? args->first : NULL;
    const char *word = df_node_text(of, "");
    if (strcmp(word, "inf") == 0 || strcmp(word, "-inf") == 0)
        return df_tree_float(p->tree, *word == '-' ? -INFINITY : INFINITY, p->lexer.file, line);
    if (strcmp(word, "nan") == 0)
        return df_tree_float(p->tree, NAN, p->lexer.file, line);
    if (!of || (of->kind != DF_NODE_INT && of->kind != DF_NODE_FLOAT))
        return fail_at(p, line, "float() wants a number, 'inf' or 'nan'");
    return df_tree_float(p->tree, of->number, p->lexer.file, line);
}

static DfNode *to_list(Parser *p, DfNode *args, int line)
{
    return as_list(p, args, line, false);
}

static DfNode *to_tuple(Parser *p, DfNode *args, int line)
{
    return as_list(p, args, line, true);
}

static const struct {
    const char *name;
    DfNode *(*call)(Parser *, DfNode *args, int line); /* args: a list of its own, which may be taken apart */
} functions[] = { { "list", to_list }, { "tuple", to_tuple }, { "range", range }, { "len", len }, { "sum", sum }, { "float", to_float } };

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

DfNode *df_python_call(Parser *p)
{
    const Token name = p->token;
    advance(p);
    advance(p);
    if (spells(&name, "dict"))
        return dict_call(p, name.line);
    DfNode *args = arguments(p, name.line);
    for (size_t i = 0; args && i < sizeof functions / sizeof *functions; i++)
        if (spells(&name, functions[i].name))
            return functions[i].call(p, args, name.line);
    if (args)
        df_fail(DF_EFORMAT, "%s:%d: %.*s(..) is not called: config files are data, only dict, list, tuple, range, len, sum and float are known",
                p->lexer.file, name.line, name.length < 40 ? (int)name.length : 40, name.start);
    return NULL;
}
