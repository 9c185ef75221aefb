/* SPDX-License-Identifier: Apache-2.0
 *
 * config/yaml_tree.c -- reads a YAML config file into a tree: the part of YAML that detectron2's files use.
 *     block  = mapping | sequence | scalar               the first line tells which; its contents are indented further
 *     mapping  = { key ":" value }                       all keys in one column
 *     sequence = { "-" value }                           all dashes in one column, which may be that of the key above
 *     flow   = "[" .. "]" | "{" .. "}"                   may span several lines
 *     value  = [ "&" name ] [ "!" tag ] ( scalar | flow | block ), or "*" name: a copy of the value with this anchor
 * A text that is a Python value becomes that value, as in yacs: (640, 672) is a tuple, 1e-4 a number. Not supported:
 * block texts (| and >), texts over several lines, merge keys, several documents.
 */
#include <string.h>

#include "config/lexer.h"
#include "config/readers.h"
#include "config/yaml.h"

static DfNode *value_in(Yaml *, int parent, bool in_mapping);
static DfNode *block(Yaml *);
static DfNode *flow(Yaml *);

/* ---- brackets ---------------------------------------------------------------------------------------------------- */

static const char *key_text(Yaml *y, bool in_flow);

/* One item; of a dict a key, a colon and a value. */
static bool flow_item(Yaml *y, DfNode *into)
{
    const char *key = into->kind == DF_NODE_DICT ? key_text(y, true) : NULL;
    if (into->kind == DF_NODE_DICT) {
        if (!key)
            return false;
        df_yaml_skip_lines(y);
    }
    DfNode *item = flow(y);
    if (!item)
        return false;
    if (key)
        return df_tree_set(y->tree, into, key, item) == DF_OK;
    df_tree_append(into, item);
    return true;
}

static DfNode *brackets(Yaml *y)
{
    const char close = *y->at == '[' ? ']' : '}';
    DfNode *into = df_tree_new(y->tree, close == ']' ? DF_NODE_LIST : DF_NODE_DICT, y->file, y->line);
    y->at++;
    df_yaml_skip_lines(y);
    while (into && y->at < y->end && *y->at != close) {
        if (!flow_item(y, into))
            return NULL;
        df_yaml_skip_lines(y);
        if (y->at < y->end && *y->at == ',')
            y->at++;
        else if (y->at < y->end && *y->at != close)
            return df_yaml_refuse(y, "a comma or the closing bracket");
        df_yaml_skip_lines(y);
    }
    if (into && y->at == y->end)
        return df_yaml_refuse(y, "the closing bracket of a list or dict");
    y->at += into != NULL;
    return into;
}

static DfNode *flow(Yaml *y)
{
    DfNode *value;
    if (++y->depth > MAX_DEPTH)
        return df_yaml_refuse(y, "fewer brackets in brackets");
    if (y->at < y->end && (*y->at == '[' || *y->at == '{'))
        value = brackets(y);
    else if (y->at < y->end && (*y->at == '"' || *y->at == '\''))
        value = df_yaml_quoted(y);
    else if (y->at < y->end && (*y->at == '&' || *y->at == '*' || *y->at == '!'))
        value = df_yaml_refuse(y, "no anchor or tag within brackets");
    else
        value = df_yaml_plain(y, true);
    y->depth--;
    return value;
}

/* ---- keys -------------------------------------------------------------------------------------------------------- */

/* A key with its colon; NULL after df_fail(). */
static const char *key_text(Yaml *y, bool in_flow)
{
    size_t length;
    const char *text = y->at;
    if (y->at < y->end && (*y->at == '"' || *y->at == '\'')) {
        text = df_yaml_unquote(y, &length);
    } else {
        y->at = df_yaml_plain_end(y, in_flow);
        length = (size_t)(y->at - text);
        char *copy = df_tree_bytes(y->tree, length);
        if (copy) {
            memcpy(copy, text, length);
            copy[length] = '\0';
        }
        text = copy;
    }
    if (!text)
        return NULL;
    df_yaml_skip_spaces(y);
    if (y->at == y->end || *y->at != ':' || !length) {
        df_yaml_refuse(y, "a key and a colon");
        return NULL;
    }
    y->at++;
    return text;
}

/* Whether a key and its colon begin here. */
static bool at_key(const Yaml *y)
{
    Yaml ahead = *y;
    if (*y->at == '"' || *y->at == '\'') {
        const char *close = df_yaml_closing_quote(y);
        ahead.at = close ? close + 1 : y->end;
    } else {
        ahead.at = df_yaml_plain_end(y, false);
    }
    df_yaml_skip_spaces(&ahead);
    return ahead.at < y->end && *ahead.at == ':' && df_yaml_at_space(y, ahead.at + 1);
}

/* ---- blocks ------------------------------------------------------------------------------------------------------ */

static DfNode *mapping(Yaml *y)
{
    const int mine = df_yaml_column(y);
    DfNode *dict = df_tree_new(y->tree, DF_NODE_DICT, y->file, y->line);
    while (dict && df_yaml_column(y) == mine) {
        if (!at_key(y))
            return df_yaml_refuse(y, "a key and a colon");
        const char *key = key_text(y, false);
        DfNode *value = key ? value_in(y, mine, true) : NULL;
        if (!value || df_tree_set(y->tree, dict, key, value) < 0)
            return NULL;
    }
    return df_yaml_column(y) > mine ? df_yaml_refuse(y, "the column of the keys above") : dict;
}

static DfNode *sequence(Yaml *y)
{
    const int mine = df_yaml_column(y);
    DfNode *list = df_tree_new(y->tree, DF_NODE_LIST, y->file, y->line);
    while (list && df_yaml_column(y) == mine && df_yaml_at_dash(y)) {
        y->at++;
        DfNode *item = value_in(y, mine, false);
        if (!item)
            return NULL;
        df_tree_append(list, item);
    }
    return df_yaml_column(y) > mine ? df_yaml_refuse(y, "the column of the dashes above") : list;
}

/* A text, number or bracket that is all of its line. */
static DfNode *line_value(Yaml *y)
{
    DfNode *value;
    if (*y->at == '|' || *y->at == '>')
        return df_yaml_refuse(y, "a text in one line");
    if (*y->at == '[' || *y->at == '{' || *y->at == '"' || *y->at == '\'')
        value = flow(y);
    else
        value = df_yaml_plain(y, false);
    return value && df_yaml_finish_line(y) ? value : NULL;
}

static DfNode *block(Yaml *y)
{
    DfNode *value;
    if (++y->depth > MAX_DEPTH)
        return df_yaml_refuse(y, "fewer blocks in blocks");
    if (memchr(y->start, '\t', (size_t)(y->at - y->start)))
        return df_yaml_refuse(y, "spaces in front of a line, not tabs");
    if (df_yaml_at_dash(y))
        value = sequence(y);
    else if (*y->at != '[' && *y->at != '{' && at_key(y))
        value = mapping(y);
    else
        value = line_value(y);
    y->depth--;
    return value;
}

/* ---- anchors and tags -------------------------------------------------------------------------------------------- */

enum { NO_TAG, TUPLE, EVALUATED, IGNORED };

/* A word behind & * or !, as long as the tree lives. */
static const char *word(Yaml *y)
{
    const char *from = y->at;
    while (!df_yaml_at_space(y, y->at))
        y->at++;
    return df_arena_text(y->tree->arena, "%.*s", (int)(y->at - from), from);
}

static int read_tag(Yaml *y)
{
    static const char *const ignored[] = { "!!str", "!!int", "!!float", "!!bool", "!!seq", "!!map", "!!null",
    "!!python/unicode",
                                           "!!python/str", NULL };
    const char *from = y->at;
    const char *tag = word(y);
    df_yaml_skip_spaces(y);
    if (tag && strcmp(tag, "!!python/tuple") == 0)
        return TUPLE;
    if (tag && strcmp(tag, "!!python/object/apply:eval") == 0)
        return EVALUATED;
    if (tag && df_yaml_is_one_of(tag, strlen(tag), ignored))
        return IGNORED;
    y->at = from;
    if (tag)
        df_yaml_refuse(y, "no tag, or !!python/tuple");
    return -1;
}

/* ["[[x, 2 * x] for x in [32, 64]]"]: the one text is read as a value of Python; nothing is executed. */
static DfNode *evaluated(Yaml *y, const DfNode *list)
{
    const DfNode *only = list->kind == DF_NODE_LIST && list->n == 1 ? list->first : NULL;
    if (only && only->kind == DF_NODE_TEXT)
        return df_read_value(y->tree, only->text, strlen(only->text), only->file, only->line);
    if (only)
        return df_tree_copy(y->tree, only);
    df_fail_at(list->file, list->line, DF_EFORMAT, "want one text behind !!python/object/apply:eval");
    return NULL;
}

static DfNode *tagged(Yaml *y, int tag, DfNode *value)
{
    value->is_tuple = value->is_tuple || (tag == TUPLE && value->kind == DF_NODE_LIST);
    return tag == EVALUATED ? evaluated(y, value) : value;
}

static DfNode *alias(Yaml *y)
{
    y->at++;
    const char *name = word(y);
    const DfNode *named = name ? df_node_get(y->anchors, name) : NULL;
    if (name && !named) {
        df_fail_at(y->file, y->line, DF_EFORMAT, "no anchor &%.40s stands above", name);
        return NULL;
    }
    DfNode *copy = named ? df_tree_copy(y->tree, named) : NULL;
    return copy && df_yaml_finish_line(y) ? copy : NULL;
}

/* ---- values ------------------------------------------------------------------------------------------------------ */

/* What stands below: further right than its key or dash, or, a sequence, below a key. */
static DfNode *value_below(Yaml *y, int parent, bool in_mapping)
{
    df_yaml_skip_lines(y);
    const bool inside = df_yaml_column(y) > parent || (in_mapping && df_yaml_column(y) == parent && df_yaml_at_dash(y));
    return inside ? block(y) : df_tree_new(y->tree, DF_NODE_NONE, y->file, y->line);
}

static DfNode *value_here(Yaml *y, int parent, bool in_mapping)
{
    df_yaml_skip_comment(y);
    if (df_yaml_at_end_of_line(y))
        return value_below(y, parent, in_mapping);
    return in_mapping ? line_value(y) : block(y);
}

/* The value of a key or dash in column `parent`, up to the next thing behind it. */
static DfNode *value_in(Yaml *y, int parent, bool in_mapping)
{
    const char *anchor = NULL;
    int tag = NO_TAG;
    df_yaml_skip_spaces(y);
    if (y->at < y->end && *y->at == '*')
        return alias(y);
    while (y->at < y->end && (*y->at == '&' || *y->at == '!')) {
        if (*y->at == '!') {
            tag = read_tag(y);
        } else {
            y->at++;
            anchor = word(y);
        }
        if (tag < 0 || (!anchor && tag == NO_TAG))
            return NULL;
        df_yaml_skip_spaces(y);
    }
    DfNode *value = value_here(y, parent, in_mapping);
    if (value)
        value = tagged(y, tag, value);
    DfNode *copy = value && anchor ? df_tree_copy(y->tree, value) : NULL;
    if (value && anchor && (!copy || df_tree_set(y->tree, y->anchors, anchor, copy) < 0))
        return NULL;
    return value;
}

/* ---- the file ---------------------------------------------------------------------------------------------------- */

static int read_whole(Yaml *y, DfNode *root)
{
    df_yaml_skip_lines(y);
    if (y->end - y->at >= 3 && memcmp(y->at, "---", 3) == 0 && df_yaml_at_space(y, y->at + 3)) {
        y->at += 3;
        df_yaml_skip_lines(y);
    }
    if (y->at == y->end)
        return DF_OK;
    DfNode *value = block(y);
    if (value && y->at < y->end)
        value = df_yaml_refuse(y, "one document, with all keys in one column");
    if (value && value->kind != DF_NODE_DICT)
        return df_fail(DF_EFORMAT, "%s: want keys and values as the whole config", y->file);
    for (DfNode *child = value ? value->first : NULL, *next; child; child = next) {
        next = child->next;
        if (df_tree_set(y->tree, root, child->key, child) < 0)
            return DF_EVALUE;
    }
    return value ? DF_OK : DF_EFORMAT;
}

int df_read_yaml(DfConfig *tree, DfNode *root, const char *text, size_t size, const char *file)
{
    Yaml y = { .tree = tree, .file = file, .at = text, .end = text + size, .start = text, .line = 1 };
    y.anchors = df_tree_new(tree, DF_NODE_DICT, file, 1);
    int error = y.anchors ? DF_OK : DF_EVALUE;
    if (error == DF_OK && memchr(text, 0, size))
        error = df_fail(DF_EFORMAT, "%s: contains a zero byte", file);
    if (error == DF_OK)
        error = read_whole(&y, root);
    return tree->error ? tree->error : error;
}
