/* SPDX-License-Identifier: Apache-2.0
 *
 * config/python.c -- the data language inside Python config files, by recursive descent straight to values:
 *
 *     file        { statement NEWLINE }
 *     statement   NAME {, NAME} = values | del NAME {, NAME} | TEXT
 *     values      expression {, expression}                                   a tuple if there is a comma
 *     expression  sums, products, powers and signs of items; item { [expression] }
 *     item        NUMBER | TEXT.. | NAME | True | False | None | (values) | [values] | [expression for NAME in expression]
 *               | {expression: expression, **expression} | dict(..) | list(..) | tuple(..) | range(..) | len(..)
 *               | sum(..) | float(..)
 *
 * Nothing is executed: whatever else a file holds is an error that names its line. A name that is read gives a copy, so a tree
 * stays a tree.
 */
#include "config/arith.h"
#include "config/lexer.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MAX_NAME = 200, MAX_TARGETS = 32 };

/* A loop variable of a comprehension. */
typedef struct Scope {
    Token name;
    const DfNode *value;
    const struct Scope *outer;
} Scope;

typedef struct {
    DfConfig *tree;
    DfNode *names; /* what the file has assigned so far; NULL: there are no names */
    Lexer lexer;
    Token token;   /* the one to be read next */
    const Scope *scope;
    int depth;
} Parser;

static DfNode *expression(Parser *);
static DfNode *values(Parser *);

/* ---- tokens ------------------------------------------------------------------------------------------------------ */

static void advance(Parser *p)
{
    if (p->token.kind != TOKEN_ERROR)
        p->token = df_lexer_next(&p->lexer);
}

static bool spells(const Token *token, const char *text)
{
    return token->length == strlen(text) && memcmp(token->start, text, token->length) == 0;
}

static bool at_sign(const Parser *p, const char *sign)
{
    return p->token.kind == TOKEN_SIGN && spells(&p->token, sign);
}

static bool at_name(const Parser *p, const char *name)
{
    return p->token.kind == TOKEN_NAME && spells(&p->token, name);
}

static bool accept(Parser *p, const char *sign)
{
    if (!at_sign(p, sign))
        return false;
    advance(p);
    return true;
}

/* "FILE:LINE: met 'x', want ...". */
static DfNode *unexpected(const Parser *p, const char *want)
{
    const Token *t = &p->token;
    const char *file = p->lexer.file;
    if (t->kind == TOKEN_ERROR)
        return NULL;
    if (t->kind == TOKEN_INDENT)
        df_fail(DF_EFORMAT, "%s:%d: an indented statement: config files are data, without blocks", file, t->line);
    else if (t->kind == TOKEN_END || t->kind == TOKEN_NEWLINE)
        df_fail(DF_EFORMAT, "%s:%d: the %s ends here, want %s", file, t->line, p->lexer.at < p->lexer.end ? "line" : "text", want);
    else
        df_fail(DF_EFORMAT, "%s:%d: met '%.*s', want %s", file, t->line, t->length < 40 ? (int)t->length : 40, t->start, want);
    return NULL;
}

static bool expect(Parser *p, const char *sign)
{
    char want[8] = { '\'', sign[0], '\'', '\0' };
    if (accept(p, sign))
        return true;
    unexpected(p, want);
    return false;
}

static DfNode *fail_at(const Parser *p, int line, const char *what)
{
    df_fail(DF_EFORMAT, "%s:%d: %s", p->lexer.file, line, what);
    return NULL;
}

/* The next token behind the present one, which stays. */
static Token peek(const Parser *p)
{
    Lexer ahead = p->lexer;
    return df_lexer_next(&ahead);
}

/* A name as a zero-terminated text. */
static bool name_text(const Parser *p, const Token *token, char text[MAX_NAME + 1])
{
    if (token->length > MAX_NAME) {
        fail_at(p, token->line, "a name is too long");
        return false;
    }
    memcpy(text, token->start, token->length);
    text[token->length] = '\0';
    return true;
}

static DfNode *new_list(Parser *p, int line, bool tuple)
{
    DfNode *list = df_tree_new(p->tree, DF_NODE_LIST, p->lexer.file, line);
    if (list)
        list->is_tuple = tuple;
    return list;
}

/* ---- items ------------------------------------------------------------------------------------------------------- */

/* Neighbouring texts are one. */
static DfNode *text(Parser *p)
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
    const DfNode *over = expression(p);
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
        DfNode *value = expression(p);
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
        DfNode *value = expression(p);
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

/* ---- dicts ------------------------------------------------------------------------------------------------------- */

/* Everything of `from` into `dict`; `once`: a key may not be there already, as in dict(a=1, **from). */
static bool pour(Parser *p, DfNode *dict, DfNode *from, bool once, int line)
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
        DfNode *from = expression(p);
        return from && pour(p, dict, from, true, line);
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
    DfNode *value = expression(p);
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
    DfNode *first = expression(p);
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
    return expect(p, ")") && pour(p, dict, named, false, line) ? dict : NULL;
}

/* Keys are texts; a number is taken by its digits, as JSON does. */
static bool set_pair(Parser *p, DfNode *dict)
{
    const DfNode *key = expression(p);
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
    DfNode *value = expression(p);
    return value && df_tree_set(p->tree, dict, key->kind == DF_NODE_INT ? digits : key->text, value) == DF_OK;
}

static DfNode *dict_display(Parser *p, int line)
{
    DfNode *dict = df_tree_new(p->tree, DF_NODE_DICT, p->lexer.file, line);
    while (dict && !at_sign(p, "}")) {
        const int at = p->token.line;
        if (accept(p, "**")) {
            DfNode *from = expression(p);
            if (!from || !pour(p, dict, from, false, at))
                return NULL;
        } else if (!set_pair(p, dict)) {
            return NULL;
        }
        if (!accept(p, ",") && !at_sign(p, "}"))
            return unexpected(p, "',' or '}'");
    }
    return dict && expect(p, "}") ? dict : NULL;
}

/* ---- calls ------------------------------------------------------------------------------------------------------- */

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

static DfNode *range(Parser *p, const DfNode *args, int line)
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

static DfNode *len(Parser *p, const DfNode *args, int line)
{
    const DfNode *of = args->n == 1 ? args->first : NULL;
    if (!of || (of->kind != DF_NODE_LIST && of->kind != DF_NODE_DICT))
        return fail_at(p, line, "len() wants one list or dict");
    return df_tree_int(p->tree, of->n, p->lexer.file, line);
}

/* The sum of a list, from the left. */
static DfNode *sum(Parser *p, const DfNode *args, int line)
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
static DfNode *to_float(Parser *p, const DfNode *args, int line)
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

/* NAME(..): the name is the present token. */
static DfNode *call(Parser *p)
{
    const Token name = p->token;
    advance(p);
    advance(p);
    if (spells(&name, "dict"))
        return dict_call(p, name.line);
    DfNode *args = new_list(p, name.line, true);
    while (args && !at_sign(p, ")")) {
        DfNode *value = expression(p);
        if (!value)
            return NULL;
        df_tree_append(args, value);
        if (!accept(p, ",") && !at_sign(p, ")"))
            return unexpected(p, "',' or ')'");
    }
    if (!args || !expect(p, ")"))
        return NULL;
    if (spells(&name, "list") || spells(&name, "tuple"))
        return as_list(p, args, name.line, *name.start == 't');
    if (spells(&name, "range"))
        return range(p, args, name.line);
    if (spells(&name, "len"))
        return len(p, args, name.line);
    if (spells(&name, "sum"))
        return sum(p, args, name.line);
    if (spells(&name, "float"))
        return to_float(p, args, name.line);
    df_fail(DF_EFORMAT, "%s:%d: %.*s(..) is not called: config files are data, only dict, list, tuple, range, len, sum and float are known",
            p->lexer.file, name.line, name.length < 40 ? (int)name.length : 40, name.start);
    return NULL;
}

/* ---- expressions ------------------------------------------------------------------------------------------------- */

static DfNode *item(Parser *p)
{
    const Token token = p->token;
    DfNode *value = NULL;
    if (token.kind == TOKEN_TEXT)
        return text(p);
    if (token.kind == TOKEN_NUMBER)
        value = df_token_number(p->tree, &token, p->lexer.file);
    else if (token.kind == TOKEN_NAME) {
        const Token next = peek(p);
        if (next.kind == TOKEN_SIGN && spells(&next, "("))
            return call(p);
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
    const DfNode *index = expression(p);
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

static DfNode *product(Parser *p)
{
    static const char *const ops[] = { "*", "/", "//", "%", NULL };
    DfNode *value = factor(p);
    for (const char *op; value && (op = operator_of(p, ops));) {
        DfNode *right = factor(p);
        value = right ? df_arith(p->tree, op, value, right) : NULL;
    }
    return value;
}

static DfNode *expression(Parser *p)
{
    static const char *const ops[] = { "+", "-", NULL };
    DfNode *value = product(p);
    for (const char *op; value && (op = operator_of(p, ops));) {
        DfNode *right = product(p);
        value = right ? df_arith(p->tree, op, value, right) : NULL;
    }
    return value;
}

static DfNode *values(Parser *p)
{
    const int line = p->token.line;
    DfNode *value = expression(p);
    if (!value || !at_sign(p, ","))
        return value;
    DfNode *tuple = new_list(p, line, true);
    while (tuple && value) {
        df_tree_append(tuple, value);
        if (!accept(p, ",") || p->token.kind == TOKEN_NEWLINE || p->token.kind == TOKEN_END)
            return tuple;
        value = expression(p);
    }
    return NULL;
}

/* ---- statements -------------------------------------------------------------------------------------------------- */

/* Names on the left of one or more '='; the names of one '=' have the same group. */
typedef struct {
    Token name[MAX_TARGETS];
    int group[MAX_TARGETS];
    int n, groups;
} Targets;

/* Reads NAME {, NAME} = if it stands there. */
static bool read_targets(Parser *p, Targets *t)
{
    Parser ahead = *p;
    int n = t->n;
    while (ahead.token.kind == TOKEN_NAME && n < MAX_TARGETS) {
        t->name[n] = ahead.token;
        t->group[n++] = t->groups;
        advance(&ahead);
        if (accept(&ahead, "=")) {
            *p = ahead;
            t->n = n;
            t->groups++;
            return true;
        }
        if (!accept(&ahead, ","))
            return false;
    }
    return false;
}

static bool assign_one(Parser *p, const Token *name, const DfNode *value)
{
    char key[MAX_NAME + 1];
    if (!name_text(p, name, key))
        return false;
    DfNode *copy = df_tree_copy(p->tree, value);
    return copy && df_tree_set(p->tree, p->names, key, copy) == DF_OK;
}

static bool assign(Parser *p, const Targets *t, const DfNode *value)
{
    for (int i = 0, end; i < t->n; i = end) {
        for (end = i; end < t->n && t->group[end] == t->group[i]; end++)
            ;
        if (end - i == 1) {
            if (!assign_one(p, &t->name[i], value))
                return false;
            continue;
        }
        if (value->kind != DF_NODE_LIST || value->n != end - i) {
            df_fail(DF_EVALUE, "%s:%d: %d names on the left, want a list of %d values", p->lexer.file, t->name[i].line, end - i, end - i);
            return false;
        }
        const DfNode *part = value->first;
        for (int k = i; k < end; k++, part = part->next)
            if (!assign_one(p, &t->name[k], part))
                return false;
    }
    return true;
}

static bool delete_names(Parser *p)
{
    do {
        advance(p); /* over `del` or ',' */
        char key[MAX_NAME + 1];
        if (p->token.kind != TOKEN_NAME) {
            unexpected(p, "a name");
            return false;
        }
        if (!name_text(p, &p->token, key))
            return false;
        DfNode *found = df_tree_get(p->names, key);
        if (!found) {
            df_fail(DF_EVALUE, "%s:%d: del: the name '%s' has no value", p->lexer.file, p->token.line, key);
            return false;
        }
        df_tree_remove(found);
        advance(p);
    } while (at_sign(p, ","));
    return true;
}

static bool refuse(const Parser *p)
{
    static const char *const words[] = { "import", "from", "if", "for", "while", "def", "class", "with", "try", "assert", "lambda",
                                         "return", "raise", "global", "async", "exec", "print" };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (at_name(p, words[i])) {
            df_fail(DF_EFORMAT, "%s:%d: '%s' is not read here: config files are data, nothing is executed", p->lexer.file,
                    p->token.line, words[i]);
            return false;
        }
    unexpected(p, "NAME = VALUE");
    return false;
}

static bool statement(Parser *p)
{
    Targets targets = { .n = 0 };
    while (read_targets(p, &targets))
        ;
    if (targets.n > 0) {
        const DfNode *value = values(p);
        return value && assign(p, &targets, value);
    }
    const Token next = peek(p);
    if (at_name(p, "del") && next.kind == TOKEN_NAME)
        return delete_names(p);
    return p->token.kind == TOKEN_TEXT ? text(p) != NULL : refuse(p); /* a text alone is a remark */
}

/* mmcv leaves out names that begin with two underscores. */
static void drop_private_names(DfNode *root)
{
    for (DfNode *child = root->first, *next; child; child = next) {
        next = child->next;
        if (df_starts_with(child->key, "__"))
            df_tree_remove(child);
    }
}

int df_read_python(DfConfig *tree, DfNode *root, const char *bytes, size_t size, const char *file)
{
    size_t work = 0;
    Parser parser = { .tree = tree, .names = root, .lexer = df_lexer(bytes, size, file, 1, &work) }, *p = &parser;
    p->token = df_lexer_next(&p->lexer);
    while (p->token.kind != TOKEN_END) {
        if (p->token.kind == TOKEN_NEWLINE) {
            advance(p);
            continue;
        }
        if (!statement(p))
            return tree->error ? tree->error : DF_EFORMAT;
        if (p->token.kind != TOKEN_NEWLINE && !accept(p, ";")) {
            unexpected(p, "the end of the line");
            return DF_EFORMAT;
        }
    }
    drop_private_names(root);
    return DF_OK;
}

DfNode *df_read_value(DfConfig *tree, const char *bytes, size_t size, const char *file, int line)
{
    size_t work = 0;
    Parser parser = { .tree = tree, .lexer = df_lexer(bytes, size, file, line, &work) }, *p = &parser;
    p->token = df_lexer_next(&p->lexer);
    DfNode *value = values(p);
    if (value && p->token.kind == TOKEN_NEWLINE)
        advance(p);
    if (value && p->token.kind != TOKEN_END)
        return unexpected(p, "the end of the value");
    return value;
}
