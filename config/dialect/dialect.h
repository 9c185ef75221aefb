/* SPDX-License-Identifier: Apache-2.0
 *
 * config/dialect/dialect.h -- private to config/: translates the dialects of config files into the one form that all
 * other code reads: the keys of mmdetection 2.x and mmsegmentation 0.x.
 *
 * df_config_read() and df_config_parse() pass a whole tree to df_dialect_translate(), after its bases are merged and
 * the user's settings applied. A dialect is one file and one line in list.def.
 */
#ifndef DF_CONFIG_DIALECT_H
#define DF_CONFIG_DIALECT_H

#include "config/tree.h"

typedef struct {
    const char *name;                    /* in words, for people: "mmdetection 3.x"                                  */
    bool (*tells)(const DfNode *root);   /* the tree is written in it                                                */
    int (*translate)(DfConfig *);        /* tree->root becomes what an author would have written in our own form;
                                            afterwards tells() is false. DF_EVALUE with a sentence otherwise         */
} DfDialect;

/* Each dialect that tells itself translates the tree, in the order of list.def.
 * A tree of our own form stays as it is. */
int df_dialect_translate(DfConfig *);

/* Whether a dialect tells itself. */
bool df_dialect_is_foreign(const DfNode *root);

#endif
