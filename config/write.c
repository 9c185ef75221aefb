/* SPDX-License-Identifier: Apache-2.0
 *
 * config/write.c -- writes a tree as JSON, or as a Python file that reads back to it.
 */
#include "config/tree.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    DfWriter *to;
    bool python;
} Out;

static void value(const Out *, const DfNode *, int indent);

/* The shortest digits that read back to the same float, always with a point or an exponent, as repr() does. */
static void write_number(const Out *o, double x)
{
    char digits[40];
    if (isnan(x)) {
        df_writef(o->to, "%s", o->python ? "float('nan')" : "NaN");
        return;
    }
    if (isinf(x)) {
        const char *sign = x < 0 ? "-" : "";
        df_writef(o->to, o->python ? "float('%sinf')" : "%sInfinity", sign);
        return;
    }
    for (int precision = 15; precision <= 17; precision++) {
        df_snprintf(digits, sizeof digits, "%.*g", precision, x);
        const double back = df_strtod(digits, NULL);
        if (!(back < x || back > x))
            break;
    }
    df_writef(o->to, "%s%s", digits, strpbrk(digits, ".e") ? "" : ".0");
}

/* Between quotes; control characters escaped; the rest is UTF-8 and stays. */
static void text(const Out *o, const char *p)
{
    const char quote = o->python ? '\'' : '"';
    df_writef(o->to, "%c", quote);
    for (; *p; p++) {
        const unsigned char c = (unsigned char)*p;
        if (c == '\\' || *p == quote)
            df_writef(o->to, "\\%c", *p);
        else if (c == '\n')
            df_write(o->to, "\\n", 2);
        else if (c < 0x20 || c == 0x7f)
            df_writef(o->to, "\\u%04x", c);
        else
            df_write(o->to, p, 1);
    }
    df_writef(o->to, "%c", quote);
}

static void write_bool(const Out *o, bool set)
{
    if (o->python)
        df_writef(o->to, set ? "True" : "False");
    else
        df_writef(o->to, set ? "true" : "false");
}

static void new_line(const Out *o, int indent)
{
    df_writef(o->to, "\n%*s", indent, "");
}

static bool is_leaf(const DfNode *node)
{
    return node->kind != DF_NODE_LIST && node->kind != DF_NODE_DICT;
}

/* A list of up to 16 plain values, or of such lists down to `depth`, stays on one line. */
static bool fits_a_line(const DfNode *list, int depth)
{
    if (list->n > 16)
        return false;
    for (const DfNode *child = list->first; child; child = child->next) {
        if (is_leaf(child))
            continue;
        if (child->kind == DF_NODE_DICT || depth == 0 || !fits_a_line(child, depth - 1))
            return false;
    }
    return true;
}

static void list(const Out *o, const DfNode *node, int indent)
{
    const bool round = o->python && node->is_tuple;
    const bool flat = fits_a_line(node, 1);
    df_writef(o->to, "%c", round ? '(' : '[');
    for (const DfNode *child = node->first; child; child = child->next) {
        if (!flat)
            new_line(o, indent + 4);
        value(o, child, indent + 4);
        if (child->next || (round && node->n == 1))
            df_writef(o->to, flat && child->next ? ", " : ",");
    }
    if (!flat)
        new_line(o, indent);
    df_writef(o->to, "%c", round ? ')' : ']');
}

/* Names that may stand in front of '=': letters, digits, underscores, and no word of the language. */
static bool is_name(const char *key)
{
    static const char *const words[] = {
        "None",     "True",   "False",  "and",   "as",     "assert",  "async",    "await", "break",
        "class",    "continue", "def",  "del",   "elif",   "else",    "except",   "finally", "for",
        "from",     "global", "if",     "import", "in",    "is",      "lambda",   "nonlocal", "not",
        "or",       "pass",   "raise",  "return", "try",   "while",   "with",     "yield",
    };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcmp(key, words[i]) == 0)
            return false;
    const size_t n = strspn(key, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789");
    return *key && !key[n] && !(*key >= '0' && *key <= '9');
}

static bool all_names(const DfNode *dict)
{
    for (const DfNode *child = dict->first; child; child = child->next)
        if (!is_name(child->key))
            return false;
    return true;
}

static void dict(const Out *o, const DfNode *node, int indent)
{
    const bool call = o->python && all_names(node);
    df_writef(o->to, call ? "dict(" : "{");
    for (const DfNode *child = node->first; child; child = child->next) {
        new_line(o, indent + 4);
        if (call) {
            df_writef(o->to, "%s=", child->key);
        } else {
            text(o, child->key);
            df_writef(o->to, ": ");
        }
        value(o, child, indent + 4);
        if (child->next)
            df_writef(o->to, ",");
    }
    if (node->first && !call)
        new_line(o, indent);
    df_writef(o->to, call ? ")" : "}");
}

static void value(const Out *o, const DfNode *node, int indent)
{
    switch (node->kind) {
    case DF_NODE_NONE: df_writef(o->to, o->python ? "None" : "null"); break;
    case DF_NODE_BOOL: write_bool(o, node->boolean); break;
    case DF_NODE_INT: df_writef(o->to, "%" PRId64, node->integer); break;
    case DF_NODE_FLOAT: write_number(o, node->number); break;
    case DF_NODE_TEXT: text(o, node->text); break;
    case DF_NODE_LIST: list(o, node, indent); break;
    case DF_NODE_DICT: dict(o, node, indent); break;
    case DF_NODE_BASE_VALUE: break; /* in no tree that was read */
    }
}

/* The keys of the root are the assignments of the file. */
static int assignments(const Out *o, const DfNode *root)
{
    for (const DfNode *child = root->first; child; child = child->next) {
        if (!is_name(child->key))
            return df_fail(DF_EVALUE, "the key '%s' cannot be a name of a Python config file; .json can hold it",
                           child->key);
        df_writef(o->to, "%s = ", child->key);
        value(o, child, 0);
        df_writef(o->to, "\n");
    }
    return DF_OK;
}

int df_config_write(const DfNode *node, const char *path, bool python)
{
    Out o = { NULL, python };
    int error = df_writer_open(&o.to, path);
    if (error < 0)
        return error;
    if (python && node->kind == DF_NODE_DICT) {
        error = assignments(&o, node);
    } else {
        value(&o, node, 0);
        df_writef(o.to, "\n");
    }
    if (error < 0) {
        df_writer_drop(o.to);
        return error;
    }
    return df_writer_commit(o.to);
}
