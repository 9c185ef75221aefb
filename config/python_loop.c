/* SPDX-License-Identifier: Apache-2.0
 *
 * config/python_loop.c -- comprehensions: [x for x in list], {f'{k}.weight': v for k, v in pairs}, with any number of
 * loops.
 */
#include "config/python_parser.h"

#include <string.h>

/* How a sign changes the number of open brackets. */
static int bracket_step(const Token *sign)
{
    if (strchr("([{", *sign->start))
        return 1;
    return strchr(")]}", *sign->start) ? -1 : 0;
}

/* Is there a `for` before this bracket closes or a comma comes? A comprehension is known only by that: its first
 * expression cannot be computed before the loop variables have values. */
bool df_python_loop_ahead(const Parser *p)
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
        open += bracket_step(&t);
        if (open > MAX_DEPTH) /* too deep, which is said when it is read: not looked at once per level */
            return false;
    }
    return false;
}

/* Passes over whole values, to the word `for` or, with NULL, to the bracket that closes this one. */
static void skip_to(Parser *p, const char *word)
{
    for (int open = 0; p->token.kind != TOKEN_ERROR && p->token.kind != TOKEN_END; advance(p)) {
        if (word && open == 0 && at_name(p, word))
            return;
        if (p->token.kind != TOKEN_SIGN)
            continue;
        open += bracket_step(&p->token);
        if (open < 0)
            return;
    }
}

enum { MOST_TARGETS = 8 };

/* A comprehension that is being computed. There is no syntax tree that could be evaluated again: for each item that
 * a `for` runs over, the parser goes back to the place in the file and reads it once more, with the loop variables
 * in scope. */
typedef struct {
    Parser element;   /* at the expression, or at the key of a pair       */
    DfNode *made;     /* a list or a dict                                 */
    int depth;        /* of loops                                         */
} Loops;

/* NAME { "," NAME }, perhaps in brackets: the scopes of one `for`. */
static bool loop_targets(Parser *p, Scope scopes[MOST_TARGETS], int *n)
{
    const bool bracket = accept(p, "(");
    for (*n = 0; *n < MOST_TARGETS;) {
        if (p->token.kind != TOKEN_NAME || at_name(p, "in")) {
            unexpected(p, "the name of a loop variable");
            return false;
        }
        scopes[*n] = (Scope){ p->token, NULL, *n ? &scopes[*n - 1] : p->scope };
        ++*n;
        advance(p);
        if (!accept(p, ","))
            break;
    }
    return !bracket || expect(p, ")");
}

/* The item to the one variable, or its parts to several. */
static bool bind_targets(Parser *p, Scope *scopes, int n, const DfNode *value)
{
    if (n == 1) {
        scopes[0].value = value;
        return true;
    }
    if (value->kind != DF_NODE_LIST || value->n != n) {
        df_fail_at(p->lexer.file, scopes[0].name.line, DF_EVALUE,
                   "%d loop variables, want lists of %d values to run over", n, n);
        return false;
    }
    const DfNode *part = value->first;
    for (int i = 0; i < n; i++, part = part->next)
        scopes[i].value = part;
    return true;
}

/* The expression, or the pair, once. */
static bool element(const Loops *loops, const Scope *scope)
{
    Parser p = loops->element;
    p.scope = scope;
    if (loops->made->kind == DF_NODE_DICT)
        return df_python_pair(&p, loops->made);
    DfNode *value = df_python_expression(&p);
    if (value)
        df_tree_append(loops->made, value);
    return value != NULL;
}

/* What a loop runs over: a list, or the keys of a dict as a list. */
static const DfNode *loop_values(Parser *p)
{
    DfNode *over = df_python_expression(p);
    if (!over || over->kind == DF_NODE_LIST)
        return over;
    if (over->kind != DF_NODE_DICT)
        return fail_at(p, over->line, "a comprehension wants a list, a dict or a range to run over");
    DfNode *keys = new_list(p, over->line, false);
    for (const DfNode *child = over->first; keys && child; child = child->next) {
        DfNode *key = df_tree_text(p->tree, child->key, strlen(child->key), p->lexer.file, child->line);
        if (!key)
            return NULL;
        df_tree_append(keys, key);
    }
    return keys;
}

/* "for" targets "in" expression [ loops ], with the parser at its `for`. */
static bool loop(Loops *loops, Parser *p)
{
    Scope scopes[MOST_TARGETS];
    int n;
    advance(p);
    if (!loop_targets(p, scopes, &n))
        return false;
    if (!at_name(p, "in")) {
        unexpected(p, "'in' and a list");
        return false;
    }
    advance(p);
    const DfNode *over = loop_values(p);
    if (!over)
        return false;
    const bool inner = at_name(p, "for");
    if (!inner && !(p->token.kind == TOKEN_SIGN && strchr("]})", *p->token.start))) {
        unexpected(p, "the closing bracket: comprehensions have no 'if' here");
        return false;
    }
    if (inner && ++loops->depth > MOST_TARGETS)
        return fail_at(p, p->token.line, "too many loops in one comprehension") != NULL;
    for (const DfNode *item = over->first; item; item = item->next) {
        Parser again = *p;
        again.scope = &scopes[n - 1];
        if (!bind_targets(p, scopes, n, item) || !(inner ? loop(loops, &again) : element(loops, again.scope)))
            return false;
    }
    loops->depth -= inner;
    return true;
}

/* ( expression | pair ) "for" targets "in" expression { "for" .. } and the bracket, whose other one is read already. */
DfNode *df_python_loop(Parser *p, DfNodeKind kind, const char *close, int line)
{
    DfNode *made = df_tree_new(p->tree, kind, p->lexer.file, line);
    Loops loops = { .element = *p, .made = made };
    skip_to(p, "for");
    Parser first = *p;
    if (!made || !loop(&loops, &first))
        return NULL;
    skip_to(p, NULL);
    return expect(p, close) ? made : NULL;
}
