/* SPDX-License-Identifier: Apache-2.0
 *
 * config/dialect/dialect.h -- translates the dialects of config files into the one form that everything behind it
 * reads: the keys of mmdetection 2.x and mmsegmentation 0.x. Private to config/.
 *
 * df_config_read() and df_config_parse() hand a whole tree to df_dialect_translate(), once its bases are merged and the
 * settings of the user are in it. A dialect is one file and one line in list.def.
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
