/* SPDX-License-Identifier: Apache-2.0
 *
 * config/dialect/rewrite.h -- private: the steps of a translation, which remove, rename and set keys of a tree. After
 * a failure further steps do nothing; the first error is kept.
 */
#ifndef DF_CONFIG_REWRITE_H
#define DF_CONFIG_REWRITE_H

#include "config/tree.h"

typedef struct {
    DfConfig *tree;
    int error; /* the first one */
} DfRewrite;

/* The value of a key, out of its dict: NULL if it is not there. */
DfNode *df_rewrite_take(DfNode *dict, const char *key);
void df_rewrite_drop(DfNode *dict, const char *key);

/* `value` (or NULL: nothing is done) under a key; df_rewrite_add() lets a key that is there stand. */
void df_rewrite_set(DfRewrite *, DfNode *dict, const char *key, DfNode *value);
void df_rewrite_add(DfRewrite *, DfNode *dict, const char *key, DfNode *value);

/* A key under another name; a key of that name that is there goes. */
void df_rewrite_rename(DfRewrite *, DfNode *dict, const char *old, const char *new);
/* The same into another dict. */
void df_rewrite_move(DfRewrite *, DfNode *from, const char *old, DfNode *to, const char *new);

/* The dict of a key, made if there is none or something else. */
DfNode *df_rewrite_dict(DfRewrite *, DfNode *parent, const char *key);

/* A new value in Python's syntax, made at the place of `at` (for messages): NULL after a failure. */
DfNode *df_rewrite_value(DfRewrite *, const DfNode *at, const char *text);

DfNode *df_rewrite_text(DfRewrite *, const DfNode *at, const char *text); /* a text as it is */

/* The type of a dict, "" if it says none. */
const char *df_rewrite_type(const DfNode *dict);
bool df_rewrite_is(const DfNode *dict, const char *type);

#endif
