/* SPDX-License-Identifier: Apache-2.0
 *
 * config/python.c -- the data language inside Python config files:
 *
 *     file        = { statement NEWLINE }
 *     statement   = targets "=" { targets "=" } values | "del" place { "," place } | TEXT
 *                 | import | from | bases                         see python_import.c
 *                 | change                                        see python_change.c
 *                 | ( "def" | "if" "__name__" ) ...               passed over with its block
 *     targets     = NAME { "," NAME }
 *     values      = expression { "," expression }                 a tuple if there is a comma
 *     expression  = product { ( "+" | "-" ) product }
 *     product     = factor { ( "*" | "/" | "//" | "%" ) factor }
 *     factor      = ( "+" | "-" ) factor | primary [ "**" factor ]
 *     primary     = item { "[" expression "]" | "." NAME } | "_base_" "." NAME { "." NAME }
 *     item        = NUMBER | TEXT { TEXT } | NAME | "True" | "False" | "None" | "{{ _base_." NAME { "." NAME } " }}"
 *                 | "(" [ values ] ")" | "[" [ values ] "]" | "[" expression loop { loop } "]"
 *                 | "{" [ pair { "," pair } ] "}" | "{" pair loop { loop } "}"
 *                 | "dict(" [ expression "," ] [ argument { "," argument } ] ")"
 *                 | ( "list" | "tuple" | "range" | "enumerate" | "zip" | "len" | "sum" | "float" | "int" | "str" )
 *                   "(" [ expression { "," expression } ] ")"
 *     loop        = "for" targets "in" expression
 *     pair        = expression ":" expression | "**" expression
 *     argument    = NAME "=" expression | "**" expression
 *
 * [ x ] is x or nothing, { x } any number of x. A comma may also follow the last part of a list. Nothing is executed:
 * whatever else a file holds is an error that names its line. A name that is read gives a copy, so a tree stays a
 * tree. This file reads statements; python_value.c what follows the '='.
 */
#include "config/python_parser.h"
#include "config/readers.h"

#include <string.h>

enum { MAX_TARGETS = 32 };

/* Names on the left of one or more '='; the names of one '=' have the same group. */
typedef struct {
    Token name[MAX_TARGETS];
    int group[MAX_TARGETS];
    int n, groups;
} Targets;

/* targets "=", if that stands here. A list of names may also be the beginning of values, which only shows when no
 * "=" follows: so a copy of the parser reads ahead, and takes the parser's place if it was right. */
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

/* a = b, c = value: the whole value to a, its two parts to b and c. */
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
            df_fail_at(p->lexer.file, t->name[i].line, DF_EVALUE, "%d names on the left, want a list of %d values",
                       end - i, end - i);
            return false;
        }
        const DfNode *part = value->first;
        for (int k = i; k < end; k++, part = part->next)
            if (!assign_one(p, &t->name[k], part))
                return false;
    }
    return true;
}

/* "del" place { "," place } */
static bool delete_places(Parser *p)
{
    do {
        advance(p); /* over `del` or ',' */
        if (p->token.kind != TOKEN_NAME) {
            unexpected(p, "a name");
            return false;
        }
        if (!df_python_delete(p))
            return false;
    } while (at_sign(p, ","));
    return true;
}

/* Says why there is no statement here; false. */
static bool refuse(const Parser *p)
{
    static const char *const words[] = {
        "import", "from", "if", "for", "while", "def", "class", "with", "try", "assert", "lambda", "return", "raise",
        "global", "async", "exec", "print",
    };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (at_name(p, words[i])) {
            df_fail_at(p->lexer.file, p->token.line, DF_EFORMAT,
                       "'%s' is not supported: config files are data and are not executed", words[i]);
            return false;
        }
    unexpected(p, "NAME = VALUE");
    return false;
}

/* A block that names bases; other blocks are refused. */
static bool bases(Parser *p)
{
    bool met;
    const bool read = df_python_bases(p, &met);
    return met ? read : refuse(p);
}

/* A function, and what a file does as a program, are passed over: nothing is executed, so neither has a result. Whoever
 * calls the function is refused. */
static bool is_program(const Parser *p, const Token *next)
{
    return at_name(p, "def") || (at_name(p, "if") && next->kind == TOKEN_NAME && spells(next, "__name__"));
}

static bool skip_program(Parser *p)
{
    if (!df_lexer_skip_block(&p->lexer))
        return false;
    advance(p);
    return true;
}

/* statement = targets "=" { targets "=" } values | "del" place { "," place } | imports | bases | change | TEXT |
 * program */
static bool statement(Parser *p)
{
    Targets targets = { .n = 0 };
    while (read_targets(p, &targets))
        ;
    if (targets.n > 0) {
        const DfNode *value = df_python_values(p);
        return value && assign(p, &targets, value);
    }
    const Token next = next_token(p);
    if (at_name(p, "del") && next.kind == TOKEN_NAME)
        return delete_places(p);
    if (at_name(p, "import") || at_name(p, "from"))
        return df_python_import(p);
    if (is_program(p, &next))
        return skip_program(p);
    if (at_name(p, "with") || at_name(p, "if"))
        return bases(p);
    if (p->token.kind == TOKEN_NAME && next.kind == TOKEN_SIGN && (spells(&next, ".") || spells(&next, "[")))
        return df_python_change(p);
    return p->token.kind == TOKEN_TEXT ? df_python_text(p) != NULL : refuse(p); /* a text alone is a remark */
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

static Parser parser_of(DfConfig *tree, DfNode *names, Lexer lexer)
{
    Parser p = { .tree = tree, .names = names, .lexer = lexer };
    p.token = df_lexer_next(&p.lexer);
    return p;
}

int df_read_python(DfConfig *tree, DfNode *root, const char *bytes, size_t size, const char *file)
{
    size_t work = 0;
    Parser parser = parser_of(tree, root, df_lexer(bytes, size, file, 1, &work));
    Parser *p = &parser;
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
    Parser parser = parser_of(tree, NULL, df_lexer(bytes, size, file, line, &work));
    Parser *p = &parser;
    DfNode *value = df_python_values(p);
    if (value && p->token.kind == TOKEN_NEWLINE)
        advance(p);
    if (value && p->token.kind != TOKEN_END)
        return unexpected(p, "the end of the value");
    return value;
}
