/* SPDX-License-Identifier: Apache-2.0
 *
 * config/python_function.c -- the functions that Python config files may call, on computed values. (dict(..) has its
 * own grammar: python_value.c.)
 */
#include "config/arith.h"
#include "config/python_parser.h"

#include <math.h>
#include <string.h>

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
            return fail_at(p, line, "range() wants smaller integers");
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

/* int(x) of a number: what is behind the point goes. */
static DfNode *to_int(Parser *p, DfNode *args, int line)
{
    const DfNode *of = args->n == 1 ? args->first : NULL;
    const bool number = of && (of->kind == DF_NODE_INT || of->kind == DF_NODE_FLOAT);
    if (!number || !(of->number > -9e15 && of->number < 9e15))
        return fail_at(p, line, "int() wants a number");
    return df_tree_int(p->tree, of->kind == DF_NODE_INT ? of->integer : (int64_t)of->number, p->lexer.file, line);
}

/* A list of (first, second). */
static bool append_pair(Parser *p, DfNode *list, DfNode *first, DfNode *second)
{
    DfNode *pair = first && second ? new_list(p, list->line, true) : NULL;
    if (!pair)
        return false;
    df_tree_append(pair, first);
    df_tree_append(pair, second);
    df_tree_append(list, pair);
    return true;
}

/* enumerate(list, start): pairs of a number and an item. */
static DfNode *enumerate(Parser *p, DfNode *args, int line)
{
    const DfNode *of = args->first, *start = args->n > 1 ? args->last : NULL;
    if (args->n < 1 || args->n > 2 || of->kind != DF_NODE_LIST || (start && start->kind != DF_NODE_INT))
        return fail_at(p, line, "enumerate() wants a list, and perhaps the number to begin with");
    int64_t number = start ? start->integer : 0;
    DfNode *list = new_list(p, line, false);
    for (DfNode *item = of->first, *next; list && item; item = next) {
        next = item->next;
        df_tree_remove(item);
        if (!append_pair(p, list, df_tree_int(p->tree, number++, p->lexer.file, line), item))
            return NULL;
    }
    return list;
}

/* zip(a, b, ..): tuples of one item of each, as many as the shortest has. */
static DfNode *zip(Parser *p, DfNode *args, int line)
{
    DfNode *list = new_list(p, line, false);
    for (const DfNode *of = args->first; of; of = of->next)
        if (of->kind != DF_NODE_LIST)
            return fail_at(p, line, "zip() wants lists");
    for (bool more = args->n > 0; list && more;) {
        for (const DfNode *of = args->first; of; of = of->next)
            more = more && of->first;
        DfNode *tuple = more ? new_list(p, line, true) : NULL;
        for (DfNode *of = args->first; tuple && of; of = of->next) {
            DfNode *item = of->first;
            df_tree_remove(item);
            df_tree_append(tuple, item);
        }
        if (tuple)
            df_tree_append(list, tuple);
        else if (more)
            return NULL;
    }
    return list;
}

static DfNode *to_str(Parser *p, DfNode *args, int line)
{
    return args->n == 1 ? df_python_str(p, args->first, line) : fail_at(p, line, "str() wants one value");
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
    DfNode *(*call)(Parser *, DfNode *args, int line);
} functions[] = {
    { "list",      to_list   },
    { "tuple",     to_tuple  },
    { "range",     range     },
    { "enumerate", enumerate },
    { "zip",       zip       },
    { "len",       len       },
    { "sum",       sum       },
    { "float",     to_float  },
    { "int",       to_int    },
    { "str",       to_str    },
};

DfNode *df_python_function(Parser *p, const Token *name, DfNode *args)
{
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++)
        if (spells(name, functions[i].name))
            return functions[i].call(p, args, name->line);
    df_fail_at(p->lexer.file, name->line, DF_EFORMAT,
               "%.*s(..) is not supported, only dict, list, tuple, range, enumerate, zip, "
               "len, sum, float, int and str: config files are not executed",
               name->length < 40 ? (int)name->length : 40, name->start);
    return NULL;
}
