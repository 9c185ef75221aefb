/* SPDX-License-Identifier: Apache-2.0
 *
 * config/yaml_tree.c -- a YAML config file as a tree: the part of YAML that detectron2's files are written in.
 *
 *     block  = mapping | sequence | scalar               told apart by their first line; inside is further right
 *     mapping  = { key ":" value }                       all keys in one column
 *     sequence = { "-" value }                           all dashes in one column, also that of the key above
 *     flow   = "[" .. "]" | "{" .. "}"                   may go over several lines
 *     value  = [ "&" name ] [ "!" tag ] ( scalar | flow | block ), or "*" name: a copy of what has the anchor
 *
 * A text that is a value of Python is that value, as yacs has it: (640, 672) is a tuple, 1e-4 a number. Left out:
 * block texts (| and >), texts over several lines, merge keys, several documents.
 */
#include "config/lexer.h"
#include "config/readers.h"

#include <string.h>

typedef struct {
    DfConfig *tree;
    const char *file;
    const char *at, *end;
    const char *start;    /* of the line that `at` is in                    */
    int line, depth;
    DfNode *anchors;      /* a dict: what has a name                         */
} Yaml;

static DfNode *value_in(Yaml *, int parent, bool in_mapping);
static DfNode *block(Yaml *);
static DfNode *flow(Yaml *);

static DfNode *refuse(const Yaml *y, const char *want)
{
    const int shown = (int)strcspn(y->at, "\r\n");
    if (!*y->at)
        df_fail(DF_EFORMAT, "%s:%d: met the end of the file, want %s", y->file, y->line, want);
    else
        df_fail(DF_EFORMAT, "%s:%d: met '%.*s', want %s", y->file, y->line, shown < 40 ? shown : 40, y->at, want);
    return NULL;
}

/* ---- places ------------------------------------------------------------------------------------------------------ */

static bool at_end_of_line(const Yaml *y)
{
    return y->at == y->end || *y->at == '\n' || *y->at == '\r';
}

static void skip_spaces(Yaml *y)
{
    while (y->at < y->end && (*y->at == ' ' || *y->at == '\t'))
        y->at++;
}

/* A comment has a space before it, or begins the line. */
static void skip_comment(Yaml *y)
{
    const bool apart = y->at == y->start || y->at[-1] == ' ' || y->at[-1] == '\t';
    if (y->at < y->end && *y->at == '#' && apart)
        while (!at_end_of_line(y))
            y->at++;
}

static void next_line(Yaml *y)
{
    if (y->at < y->end && *y->at == '\r')
        y->at++;
    if (y->at < y->end && *y->at == '\n')
        y->at++;
    y->start = y->at;
    y->line++;
}

/* To the next thing that is no space, comment or line break. */
static void skip_lines(Yaml *y)
{
    for (;;) {
        skip_spaces(y);
        skip_comment(y);
        if (y->at == y->end || !at_end_of_line(y))
            return;
        next_line(y);
    }
}

/* Nothing else stands in the line; then to the next thing. */
static bool finish_line(Yaml *y)
{
    skip_spaces(y);
    skip_comment(y);
    if (!at_end_of_line(y))
        return refuse(y, "the end of the line");
    skip_lines(y);
    return true;
}

/* -1 behind the last line. */
static int column(const Yaml *y)
{
    return y->at == y->end ? -1 : (int)(y->at - y->start);
}

static bool at_space(const Yaml *y, const char *p)
{
    return p >= y->end || *p == ' ' || *p == '\t' || *p == '\n' || *p == '\r';
}

static bool at_dash(const Yaml *y)
{
    return y->at < y->end && *y->at == '-' && at_space(y, y->at + 1);
}

/* ---- scalars ----------------------------------------------------------------------------------------------------- */

/* The end of a text without quotes: a comment, the end of the line, or ": "; in brackets also what ends an item. */
static const char *plain_end(const Yaml *y, bool in_flow)
{
    const char *p = y->at;
    for (; p < y->end && *p != '\n' && *p != '\r'; p++) {
        const bool comment = *p == '#' && p > y->at && (p[-1] == ' ' || p[-1] == '\t');
        const bool colon = *p == ':' && at_space(y, p + 1);
        if (comment || colon || (in_flow && memchr(",[]{}", *p, 5)))
            break;
    }
    while (p > y->at && (p[-1] == ' ' || p[-1] == '\t'))
        p--;
    return p;
}

static bool is_one_of(const char *text, size_t length, const char *const *words)
{
    for (; *words; words++)
        if (strlen(*words) == length && memcmp(*words, text, length) == 0)
            return true;
    return false;
}

/* What is neither null nor a bool: a value of Python, or a text. */
static DfNode *python_or_text(Yaml *y, const char *text, size_t length, int line)
{
    DfNode *value = NULL;
    if (length && memchr("([{'\"+-.0123456789", *text, 18))
        value = df_read_value(y->tree, text, length, y->file, line);
    if (value || y->tree->error)
        return value;
    return df_tree_text(y->tree, text, length, y->file, line);
}

static DfNode *plain(Yaml *y, bool in_flow)
{
    static const char *const nulls[] = { "", "~", "null", "Null", "NULL", "None", NULL };
    static const char *const trues[] = { "true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON", NULL };
    static const char *const falses[] = { "false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF", NULL };
    const char *text = y->at;
    const char *end = plain_end(y, in_flow);
    const size_t length = (size_t)(end - text);
    y->at = end;
    if (is_one_of(text, length, nulls))
        return df_tree_new(y->tree, DF_NODE_NONE, y->file, y->line);
    if (is_one_of(text, length, trues) || is_one_of(text, length, falses))
        return df_tree_bool(y->tree, is_one_of(text, length, trues), y->file, y->line);
    return python_or_text(y, text, length, y->line);
}

/* The quote that ends the text which begins at `at`; NULL if its line has none. */
static const char *closing_quote(const Yaml *y)
{
    const char quote = *y->at;
    const char *p = y->at + 1;
    while (p < y->end && *p != '\n' && *p != '\r') {
        const bool doubled = quote == '\'' && p + 1 < y->end && p[0] == quote && p[1] == quote;
        const bool escaped = quote == '"' && *p == '\\' && p + 1 < y->end && p[1] != '\n' && p[1] != '\r';
        if (*p == quote && !doubled)
            return p;
        p += doubled || escaped ? 2 : 1;
    }
    return NULL;
}

/* '' within single quotes is one; the escapes of double ones are Python's. */
static size_t between_quotes(const Yaml *y, char *into, const char *close)
{
    size_t n = 0;
    if (*y->at == '"')
        return df_text_between(into, y->at + 1, close, false, y->file, y->line);
    for (const char *p = y->at + 1; p < close; p++) {
        into[n++] = *p;
        p += *p == '\'';
    }
    return n;
}

/* The text in quotes at `at`, and its length. NULL after df_fail(). */
static const char *unquote(Yaml *y, size_t *length)
{
    const char *close = closing_quote(y);
    if (!close) {
        refuse(y, "a quoted text that ends in its line");
        return NULL;
    }
    char *text = df_tree_bytes(y->tree, (size_t)(close - y->at));
    *length = text ? between_quotes(y, text, close) : SIZE_MAX;
    if (*length == SIZE_MAX)
        return NULL;
    text[*length] = '\0';
    y->at = close + 1;
    return text;
}

static DfNode *quoted(Yaml *y)
{
    size_t length;
    const int line = y->line;
    const char *text = unquote(y, &length);
    return text ? python_or_text(y, text, length, line) : NULL;
}

/* ---- brackets ---------------------------------------------------------------------------------------------------- */

static const char *key_text(Yaml *y, bool in_flow);

/* One item; of a dict a key, a colon and a value. */
static bool flow_item(Yaml *y, DfNode *into)
{
    const char *key = into->kind == DF_NODE_DICT ? key_text(y, true) : NULL;
    if (into->kind == DF_NODE_DICT) {
        if (!key)
            return false;
        skip_lines(y);
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
    skip_lines(y);
    while (into && y->at < y->end && *y->at != close) {
        if (!flow_item(y, into))
            return NULL;
        skip_lines(y);
        if (y->at < y->end && *y->at == ',')
            y->at++;
        else if (y->at < y->end && *y->at != close)
            return refuse(y, "a comma or the closing bracket");
        skip_lines(y);
    }
    if (into && y->at == y->end)
        return refuse(y, "the closing bracket of a list or dict");
    y->at += into != NULL;
    return into;
}

static DfNode *flow(Yaml *y)
{
    DfNode *value;
    if (++y->depth > MAX_DEPTH)
        return refuse(y, "fewer brackets in brackets");
    if (y->at < y->end && (*y->at == '[' || *y->at == '{'))
        value = brackets(y);
    else if (y->at < y->end && (*y->at == '"' || *y->at == '\''))
        value = quoted(y);
    else if (y->at < y->end && (*y->at == '&' || *y->at == '*' || *y->at == '!'))
        value = refuse(y, "no anchor or tag within brackets");
    else
        value = plain(y, true);
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
        text = unquote(y, &length);
    } else {
        y->at = plain_end(y, in_flow);
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
    skip_spaces(y);
    if (y->at == y->end || *y->at != ':' || !length) {
        refuse(y, "a key and a colon");
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
        const char *close = closing_quote(y);
        ahead.at = close ? close + 1 : y->end;
    } else {
        ahead.at = plain_end(y, false);
    }
    skip_spaces(&ahead);
    return ahead.at < y->end && *ahead.at == ':' && at_space(y, ahead.at + 1);
}

/* ---- blocks ------------------------------------------------------------------------------------------------------ */

static DfNode *mapping(Yaml *y)
{
    const int mine = column(y);
    DfNode *dict = df_tree_new(y->tree, DF_NODE_DICT, y->file, y->line);
    while (dict && column(y) == mine) {
        if (!at_key(y))
            return refuse(y, "a key and a colon");
        const char *key = key_text(y, false);
        DfNode *value = key ? value_in(y, mine, true) : NULL;
        if (!value || df_tree_set(y->tree, dict, key, value) < 0)
            return NULL;
    }
    return column(y) > mine ? refuse(y, "the column of the keys above") : dict;
}

static DfNode *sequence(Yaml *y)
{
    const int mine = column(y);
    DfNode *list = df_tree_new(y->tree, DF_NODE_LIST, y->file, y->line);
    while (list && column(y) == mine && at_dash(y)) {
        y->at++;
        DfNode *item = value_in(y, mine, false);
        if (!item)
            return NULL;
        df_tree_append(list, item);
    }
    return column(y) > mine ? refuse(y, "the column of the dashes above") : list;
}

/* A text, number or bracket that is all of its line. */
static DfNode *line_value(Yaml *y)
{
    DfNode *value;
    if (*y->at == '|' || *y->at == '>')
        return refuse(y, "a text in one line");
    if (*y->at == '[' || *y->at == '{' || *y->at == '"' || *y->at == '\'')
        value = flow(y);
    else
        value = plain(y, false);
    return value && finish_line(y) ? value : NULL;
}

static DfNode *block(Yaml *y)
{
    DfNode *value;
    if (++y->depth > MAX_DEPTH)
        return refuse(y, "fewer blocks in blocks");
    if (memchr(y->start, '\t', (size_t)(y->at - y->start)))
        return refuse(y, "spaces in front of a line, not tabs");
    if (at_dash(y))
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
    while (!at_space(y, y->at))
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
    skip_spaces(y);
    if (tag && strcmp(tag, "!!python/tuple") == 0)
        return TUPLE;
    if (tag && strcmp(tag, "!!python/object/apply:eval") == 0)
        return EVALUATED;
    if (tag && is_one_of(tag, strlen(tag), ignored))
        return IGNORED;
    y->at = from;
    if (tag)
        refuse(y, "no tag, or !!python/tuple");
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
    df_fail(DF_EFORMAT, "%s:%d: want one text behind !!python/object/apply:eval", list->file, list->line);
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
        df_fail(DF_EFORMAT, "%s:%d: no anchor &%.40s stands above", y->file, y->line, name);
        return NULL;
    }
    DfNode *copy = named ? df_tree_copy(y->tree, named) : NULL;
    return copy && finish_line(y) ? copy : NULL;
}

/* ---- values ------------------------------------------------------------------------------------------------------ */

/* What stands below: further right than its key or dash, or, a sequence, below a key. */
static DfNode *value_below(Yaml *y, int parent, bool in_mapping)
{
    skip_lines(y);
    const bool inside = column(y) > parent || (in_mapping && column(y) == parent && at_dash(y));
    return inside ? block(y) : df_tree_new(y->tree, DF_NODE_NONE, y->file, y->line);
}

static DfNode *value_here(Yaml *y, int parent, bool in_mapping)
{
    skip_comment(y);
    if (at_end_of_line(y))
        return value_below(y, parent, in_mapping);
    return in_mapping ? line_value(y) : block(y);
}

/* The value of a key or dash in column `parent`, up to the next thing behind it. */
static DfNode *value_in(Yaml *y, int parent, bool in_mapping)
{
    const char *anchor = NULL;
    int tag = NO_TAG;
    skip_spaces(y);
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
        skip_spaces(y);
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
    skip_lines(y);
    if (y->end - y->at >= 3 && memcmp(y->at, "---", 3) == 0 && at_space(y, y->at + 3)) {
        y->at += 3;
        skip_lines(y);
    }
    if (y->at == y->end)
        return DF_OK;
    DfNode *value = block(y);
    if (value && y->at < y->end)
        value = refuse(y, "one document, with all keys in one column");
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
