/* SPDX-License-Identifier: Apache-2.0
 *
 * config/python_change.c -- statements that change an existing value:
 *     change  = place ( "=" values | "." ( "update" | "merge" ) "(" dict arguments ")"
 *                     | "." ( "append" | "extend" | "pop" ) "(" expression ")" )
 *     place   = ( NAME | "_base_" ) { "." NAME | "[" expression "]" }
 * `_base_` is the merged tree of the bases, before this file is merged over it.
 */
#include "config/python_parser.h"

/* Where a value is to stand: under a key of a dict, or at a number of a list. */
typedef struct {
    DfNode *holder;
    char key[MAX_NAME + 1];
    int64_t index;
} Place;

static bool no_place(const Parser *p, const char *what)
{
    return fail_at(p, p->token.line, what) != NULL;
}

static DfNode *value_at(const Place *place)
{
    if (place->holder->kind == DF_NODE_LIST)
        return df_tree_item(place->holder, place->index);
    return df_tree_get(place->holder, place->key);
}

static bool descend(Parser *p, Place *place)
{
    DfNode *value = value_at(place);
    if (!value || (value->kind != DF_NODE_DICT && value->kind != DF_NODE_LIST))
        return no_place(p, "there is no dict or list here that could be changed");
    place->holder = value;
    return true;
}

/* "." NAME, the dot read already. */
static bool step_name(Parser *p, Place *place)
{
    if (p->token.kind != TOKEN_NAME)
        return unexpected(p, "a name") != NULL;
    if (place->holder->kind != DF_NODE_DICT)
        return no_place(p, "want a dict to the left of the dot");
    const Token name = p->token;
    advance(p);
    return name_text(p, &name, place->key);
}

/* "[" expression "]", the bracket read already. */
static bool step_index(Parser *p, Place *place)
{
    const DfNode *index = df_python_values(p);
    if (!index || !expect(p, "]"))
        return false;
    if (place->holder->kind == DF_NODE_LIST && index->kind == DF_NODE_INT) {
        place->index = index->integer;
        return value_at(place) || no_place(p, "the list has no such item");
    }
    if (place->holder->kind != DF_NODE_DICT || index->kind != DF_NODE_TEXT)
        return no_place(p, "want dict['key'] or list[number]");
    if (strlen(index->text) > MAX_NAME)
        return no_place(p, "a name is too long");
    memcpy(place->key, index->text, strlen(index->text) + 1);
    return true;
}

static bool assign(Parser *p, Place *place)
{
    DfNode *value = df_python_values(p);
    if (!value)
        return false;
    if (place->holder->kind == DF_NODE_DICT)
        return df_tree_set(p->tree, place->holder, place->key, value) == DF_OK;
    df_tree_replace(value_at(place), value);
    return true;
}

/* ---- methods ----------------------------------------------------------------------------------------------------- */

static bool deletes(DfNode *dict)
{
    DfNode *found = df_tree_get(dict, "_delete_");
    if (found)
        df_tree_remove(found);
    return found != NULL;
}

/* What came from a base is mmengine's ConfigDict, in which update() goes down; a dict of this file is Python's own. */
static bool update(Parser *p, DfNode *dict, DfNode *with, bool deep)
{
    for (DfNode *value = with->first, *next; value; value = next) {
        next = value->next;
        const char *key = value->key;
        DfNode *old = df_tree_get(dict, key);
        const bool both = old && old->kind == DF_NODE_DICT && value->kind == DF_NODE_DICT && !deletes(value);
        df_tree_remove(value);
        if (both && deep ? !update(p, old, value, deep) : df_tree_set(p->tree, dict, key, value) < 0)
            return false;
    }
    return true;
}

static bool extend(Parser *p, DfNode *list, bool one)
{
    DfNode *value = df_python_values(p);
    if (!value || !expect(p, ")"))
        return false;
    if (list->kind != DF_NODE_LIST || (!one && value->kind != DF_NODE_LIST))
        return no_place(p, "want a list");
    if (one) {
        df_tree_append(list, value);
        return true;
    }
    for (DfNode *item = value->first, *next; item; item = next) {
        next = item->next;
        df_tree_remove(item);
        df_tree_append(list, item);
    }
    return true;
}

static bool pop(Parser *p, DfNode *from)
{
    const DfNode *which = df_python_values(p);
    DfNode *found = NULL;
    if (!which || !expect(p, ")"))
        return false;
    if (which->kind == DF_NODE_TEXT || which->kind == DF_NODE_LIST) /* a key, or a key and what to give without it */
        found = df_tree_get(from, df_node_text(which->kind == DF_NODE_LIST ? which->first : which, ""));
    else if (which->kind == DF_NODE_INT && from->kind == DF_NODE_LIST)
        found = df_tree_item(from, which->integer);
    if (!found && which->kind != DF_NODE_LIST)
        return no_place(p, "pop(..): there is no such key or item");
    if (found)
        df_tree_remove(found);
    return true;
}

/* METHOD "(" ..: the name is the present token, `value` what it changes. */
static bool method(Parser *p, DfNode *value)
{
    const Token name = p->token;
    const bool merges = spells(&name, "merge");
    const bool appends = spells(&name, "append");
    const bool extends = spells(&name, "extend");
    const bool pops = spells(&name, "pop");
    if (!merges && !appends && !extends && !pops && !spells(&name, "update"))
        return unexpected(p, "update(..), merge(..), append(..), extend(..) or pop(..)") != NULL;
    advance(p); /* over the name */
    advance(p); /* over '('      */
    if (pops)
        return pop(p, value);
    if (appends || extends)
        return extend(p, value, appends);
    if (value->kind != DF_NODE_DICT)
        return no_place(p, "want a dict to the left of the dot");
    DfNode *with = df_python_dict(p, name.line);
    return with && update(p, value, with, merges || value->file != p->lexer.file);
}

static bool calls(const Parser *p)
{
    const Token next = next_token(p);
    return p->token.kind == TOKEN_NAME && next.kind == TOKEN_SIGN && spells(&next, "(");
}

/* The first name of the place, and in `_base_` the one behind it. */
static bool begin(Parser *p, Place *place)
{
    *place = (Place){ .holder = p->names };
    if (at_bases(p)) {
        place->holder = df_python_bases_of(p);
        advance(p);
        if (!place->holder)
            return false;
        if (accept(p, "."))
            return step_name(p, place);
        return expect(p, "[") && step_index(p, place);
    }
    const Token name = p->token;
    advance(p);
    return name.kind == TOKEN_NAME && name_text(p, &name, place->key);
}

/* "del" place, the word read already. */
bool df_python_delete(Parser *p)
{
    Place place;
    if (!begin(p, &place))
        return false;
    while (at_sign(p, ".") || at_sign(p, "[")) {
        const bool dot = accept(p, ".");
        if ((!dot && !accept(p, "[")) || !descend(p, &place) || !(dot ? step_name(p, &place) : step_index(p, &place)))
            return false;
    }
    DfNode *value = value_at(&place);
    if (!value && place.holder == p->names) {
        df_fail_at(p->lexer.file, p->token.line, DF_EVALUE, "del: the name '%s' is not defined", place.key);
        return false;
    }
    if (!value)
        return no_place(p, "del: there is no such key or item");
    df_tree_remove(value);
    return true;
}

bool df_python_change(Parser *p)
{
    Place place;
    if (!begin(p, &place))
        return false;
    while (!accept(p, "=")) {
        const bool dot = accept(p, ".");
        if (!dot && !accept(p, "["))
            return unexpected(p, "'='") != NULL;
        if (!descend(p, &place))
            return false;
        if (dot && calls(p))
            return method(p, place.holder);
        if (!(dot ? step_name(p, &place) : step_index(p, &place)))
            return false;
    }
    return assign(p, &place);
}
