/* SPDX-License-Identifier: Apache-2.0
 *
 * config/bind.c -- fills a struct from a dict by an option table: checks keys, types and ranges, and sets defaults.
 */
#include "config/readers.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* What is being filled. A default is read by the same code as a key of the file, from the text in its row. */
typedef struct {
    DfConfig *tree; /* over the caller's arena */
    const char *what;
    char *out;
} Bind;

static bool none_allowed(const DfOpt *opt)
{
    return opt->fallback && strcmp(opt->fallback, "None") == 0;
}

static int wrong_type(const Bind *b, const DfOpt *opt, const DfNode *value, const char *want)
{
    return df_node_fail(value, DF_EVALUE, "%s has '%s' as %s, want %s", b->what, opt->name, df_node_kind_name(value),
                        want);
}

/* ---- numbers --------------------------------------------------------------------------------------------------- */

static int in_range(const Bind *b, const DfOpt *opt, const DfNode *value)
{
    if (value->number >= opt->min && value->number <= opt->max)
        return DF_OK;
    return df_node_fail(value, DF_EVALUE, "%s has %s = %.15g, want %.15g to %.15g", b->what, opt->name, value->number,
                        opt->min, opt->max);
}

/* An integer, or a float that is one. */
static int get_int(const Bind *b, const DfOpt *opt, const DfNode *value, int *out)
{
    const bool whole = value->kind == DF_NODE_FLOAT && floor(value->number) == value->number;
    if (value->kind != DF_NODE_INT && !whole)
        return wrong_type(b, opt, value, "an integer");
    const int error = in_range(b, opt, value);
    if (error < 0)
        return error;
    if (value->number < INT_MIN || value->number > INT_MAX)
        return df_node_fail(value, DF_EVALUE, "%s has %s = %.15g, want an integer of 32 bits", b->what, opt->name,
                            value->number);
    *out = (int)value->number;
    return DF_OK;
}

static int get_float(const Bind *b, const DfOpt *opt, const DfNode *value, double *out)
{
    if (value->kind != DF_NODE_INT && value->kind != DF_NODE_FLOAT)
        return wrong_type(b, opt, value, "a number");
    *out = value->number;
    return in_range(b, opt, value);
}

static int get_bool(const Bind *b, const DfOpt *opt, const DfNode *value, bool *out)
{
    const bool bit = value->kind == DF_NODE_INT && (value->integer == 0 || value->integer == 1);
    if (value->kind != DF_NODE_BOOL && !bit)
        return wrong_type(b, opt, value, "True or False");
    *out = bit ? value->integer == 1 : value->boolean;
    return DF_OK;
}

/* ---- texts and choices ----------------------------------------------------------------------------------------- */

static int get_text(const Bind *b, const DfOpt *opt, const DfNode *value, const char **out)
{
    if (value->kind != DF_NODE_TEXT)
        return wrong_type(b, opt, value, "a string");
    *out = df_arena_copy(b->tree->arena, value->text, strlen(value->text));
    return *out ? DF_OK : df_fail_memory("the options");
}

/* The place of a word among "a|b|c", or -1. */
static int find_choice(const char *choices, const char *word)
{
    const size_t length = strlen(word);
    for (int i = 0;; i++) {
        const size_t n = strcspn(choices, "|");
        if (n == length && memcmp(choices, word, n) == 0)
            return i;
        if (!choices[n])
            return -1;
        choices += n + 1;
    }
}

static int get_choice(const Bind *b, const DfOpt *opt, const DfNode *value, int *out)
{
    char digits[32];
    const char *word = value->text;
    if (value->kind == DF_NODE_INT) {
        snprintf(digits, sizeof digits, "%lld", (long long)value->integer);
        word = digits;
    } else if (value->kind == DF_NODE_NONE) {
        word = "None";
    } else if (value->kind == DF_NODE_BOOL) {
        word = value->boolean ? "True" : "False";
    } else if (value->kind != DF_NODE_TEXT) {
        return wrong_type(b, opt, value, opt->choices);
    }
    *out = find_choice(opt->choices, word);
    if (*out < 0)
        return df_node_fail(value, DF_EVALUE, "%s has %s = '%s', want %s%s", b->what, opt->name, word,
                            strchr(opt->choices, '|') ? "one of " : "", opt->choices);
    return DF_OK;
}

/* ---- lists ----------------------------------------------------------------------------------------------------- */

static size_t item_size(DfKind kind)
{
    switch (kind) {
    case DF_KIND_INTS: return sizeof(int);
    case DF_KIND_FLOATS: return sizeof(double);
    default: return sizeof(bool);
    }
}

static int get_item(const Bind *b, const DfOpt *opt, const DfNode *value, void *items, int i)
{
    switch (opt->kind) {
    case DF_KIND_INTS: return get_int(b, opt, value, (int *)items + i);
    case DF_KIND_FLOATS: return get_float(b, opt, value, (double *)items + i);
    default: return get_bool(b, opt, value, (bool *)items + i);
    }
}

/* The three list structs, filled alike. */
static void set_list(const DfOpt *opt, void *out, int n, const void *items)
{
    switch (opt->kind) {
    case DF_KIND_INTS: *(DfInts *)out = (DfInts){ n, items }; break;
    case DF_KIND_FLOATS: *(DfFloats *)out = (DfFloats){ n, items }; break;
    default: *(DfBools *)out = (DfBools){ n, items }; break;
    }
}

static int get_list(const Bind *b, const DfOpt *opt, const DfNode *value, void *out)
{
    const bool many = value->kind == DF_NODE_LIST;
    const int n = many ? value->n : 1;
    void *items = df_arena_alloc(b->tree->arena, (size_t)n, item_size(opt->kind));
    if (!items)
        return df_fail_memory("the options");
    const DfNode *item = many ? value->first : value;
    for (int i = 0; i < n; i++, item = item->next) {
        const int error = get_item(b, opt, item, items, i);
        if (error < 0)
            return error;
    }
    set_list(opt, out, n, items);
    return DF_OK;
}

/* ---- one option, all options ----------------------------------------------------------------------------------- */

/* None as a value: 0 for an integer, NaN for a number, NULL for a text or subtree, no items for a list. Other kinds
 * have no None. */
static int get_none(const Bind *b, const DfOpt *opt, const DfNode *value, void *out)
{
    const bool subtree = opt->kind == DF_KIND_DICT || opt->kind == DF_KIND_NODE;
    if (!subtree && !none_allowed(opt))
        return wrong_type(b, opt, value, opt->kind == DF_KIND_TEXT ? "a string" : "a value");
    switch (opt->kind) {
    case DF_KIND_INT: *(int *)out = 0; return DF_OK;
    case DF_KIND_FLOAT: *(double *)out = NAN; return DF_OK;
    case DF_KIND_TEXT: *(const char **)out = NULL; return DF_OK;
    case DF_KIND_DICT:
    case DF_KIND_NODE: *(const DfNode **)out = NULL; return DF_OK;
    case DF_KIND_INTS:
    case DF_KIND_FLOATS:
    case DF_KIND_BOOLS: set_list(opt, out, 0, NULL); return DF_OK;
    default: return wrong_type(b, opt, value, "a value");
    }
}

static int get(const Bind *b, const DfOpt *opt, const DfNode *value)
{
    void *out = b->out + opt->offset;
    if (value->kind == DF_NODE_NONE && opt->kind != DF_KIND_ENUM && opt->kind != DF_KIND_UNUSED)
        return get_none(b, opt, value, out);
    switch (opt->kind) {
    case DF_KIND_INT: return get_int(b, opt, value, out);
    case DF_KIND_FLOAT: return get_float(b, opt, value, out);
    case DF_KIND_BOOL: return get_bool(b, opt, value, out);
    case DF_KIND_TEXT: return get_text(b, opt, value, out);
    case DF_KIND_ENUM: return get_choice(b, opt, value, out);
    case DF_KIND_INTS:
    case DF_KIND_FLOATS:
    case DF_KIND_BOOLS: return get_list(b, opt, value, out);
    case DF_KIND_DICT:
        if (value->kind != DF_NODE_DICT)
            return wrong_type(b, opt, value, "a dict");
        *(const DfNode **)out = value;
        return DF_OK;
    case DF_KIND_NODE: *(const DfNode **)out = value; return DF_OK;
    default: return DF_OK;
    }
}

/* The default of an option, from the text of its row: the word itself for a choice, else a value in config syntax. */
static int get_fallback(const Bind *b, const DfOpt *opt)
{
    DfNode *value = NULL;
    if (opt->kind == DF_KIND_UNUSED)
        return DF_OK;
    if (opt->kind == DF_KIND_ENUM)
        value = df_tree_text(b->tree, opt->fallback, strlen(opt->fallback), "default", 1);
    else
        value = df_read_value(b->tree, opt->fallback, strlen(opt->fallback), "default", 1);
    if (!value)
        return b->tree->error ? b->tree->error : df_fail_in(DF_EVALUE, "%s: default of '%s': ", b->what, opt->name);
    return get(b, opt, value);
}

static int unknown_key(const DfNode *value, const DfOpt *opts, const char *what)
{
    const char *names[256];
    const char *key = value->key;
    size_t n = 0;
    for (const DfOpt *opt = opts; opt->kind != DF_KIND_END && n < sizeof names / sizeof *names; opt++)
        names[n++] = opt->name;
    const char *near = df_nearest_name(key, names, n);
    if (near)
        return df_node_fail(value, DF_EVALUE, "%s has no option '%s'; did you mean '%s'?", what, key, near);
    return df_node_fail(value, DF_EVALUE, "%s has no option '%s'", what, key);
}

static const DfOpt *find_option(const DfOpt *opts, const char *key)
{
    while (opts->kind != DF_KIND_END && strcmp(opts->name, key) != 0)
        opts++;
    return opts->kind == DF_KIND_END ? NULL : opts;
}

static int check_keys(const DfNode *dict, const DfOpt *opts, const char *what)
{
    for (const DfNode *value = dict->first; value; value = value->next) {
        if (!find_option(opts, value->key) && strcmp(value->key, "type") != 0)
            return unknown_key(value, opts, what);
    }
    return DF_OK;
}

static int check_dict(const DfNode *dict, const char *what)
{
    if (dict && dict->kind != DF_NODE_DICT)
        return df_node_fail(dict, DF_EVALUE, "%s for %s, want a dict", df_node_kind_name(dict), what);
    return DF_OK;
}

static int get_all(const DfNode *dict, const DfOpt *opts, void *out, DfArena *arena, const char *what)
{
    DfConfig tree = { .arena = arena };
    const Bind b = { &tree, what, out };
    int error = DF_OK;
    for (const DfOpt *opt = opts; opt->kind != DF_KIND_END && error == DF_OK; opt++) {
        const DfNode *value = df_node_get(dict, opt->name);
        if (value)
            error = get(&b, opt, value);
        else if (opt->fallback)
            error = get_fallback(&b, opt);
        else
            error = df_node_fail(dict, DF_EVALUE, "%s requires the key '%s'", what, opt->name);
    }
    return error;
}

int df_bind(const DfNode *dict, const DfOpt *opts, void *out, DfArena *arena, const char *what)
{
    int error = check_dict(dict, what);
    if (error == DF_OK && dict)
        error = check_keys(dict, opts, what);
    return error == DF_OK ? get_all(dict, opts, out, arena, what) : error;
}

int df_bind_known(const DfNode *dict, const DfOpt *opts, void *out, DfArena *arena, const char *what)
{
    const int error = check_dict(dict, what);
    return error == DF_OK ? get_all(dict, opts, out, arena, what) : error;
}

/* ---- one type, two tables -------------------------------------------------------------------------------------- */

static bool is_another_kind(const DfOpt *opt, const DfNode *value)
{
    switch (opt->kind) {
    case DF_KIND_INT:
    case DF_KIND_FLOAT:
    case DF_KIND_BOOL:
        return value->kind == DF_NODE_LIST;
    case DF_KIND_INTS:
    case DF_KIND_FLOATS: /* a bare number stands for a list of one */
        return value->kind == DF_NODE_INT && opt->fallback && strchr(opt->fallback, ',');
    default:
        return false;
    }
}

int df_bind_misfits(const DfNode *dict, const DfOpt *opts)
{
    int misfits = 0;
    for (const DfNode *value = dict ? dict->first : NULL; value; value = value->next) {
        const DfOpt *opt = find_option(opts, value->key);
        if (strcmp(value->key, "type") != 0)
            misfits += !opt || is_another_kind(opt, value);
    }
    return misfits;
}
