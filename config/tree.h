/* SPDX-License-Identifier: Apache-2.0
 *
 * config/tree.h -- private to config/: how it builds its trees of nodes (config/node.h).
 *
 * A tree consists of nodes in one arena. The resources that an untrusted file can use are bounded here: nodes, bytes
 * of text, keys of a dict, depth. Functions that create something return NULL after df_fail().
 */
#ifndef DF_CONFIG_TREE_H
#define DF_CONFIG_TREE_H

#include "config/config.h"

enum {
    MAX_FILE = 16 << 20,   /* bytes of one file                                            */
    MAX_NODES = 1000000,   /* ever made for one config, copies included                    */
    MAX_TEXT = 64 << 20,   /* bytes of all texts ever made                                 */
    MAX_KEYS = 1000,       /* of one dict: a look-up walks through them                    */
    MAX_DEPTH = 64,        /* of brackets in a file, and of a value that is copied         */
    MAX_FILES = 500,       /* read for one config                                          */
    MAX_CHAIN = 32         /* of bases of bases                                            */
};

struct DfConfig {
    DfArena *arena;
    DfNode *root;
    size_t nodes, bytes;
    int files;
    DfNode *imports;   /* a dict: names that stand for classes and modules, or NULL */
    const void *chain; /* of the files that are being read (read.c)                 */
    DfNode *bases;     /* of the innermost of them, merged; NULL until they are read */
    bool passes_over_labels; /* id2label and label2id of JSON are left out: they may be longer than a dict here */
    int error; /* DF_ENOMEM if memory ran out on the way: makers return only NULL */
};

/* A new node that stands nowhere yet. `file` must live as long as the tree. */
DfNode *df_tree_new(DfConfig *, DfNodeKind, const char *file, int line);
DfNode *df_tree_int(DfConfig *, int64_t, const char *file, int line);
DfNode *df_tree_float(DfConfig *, double, const char *file, int line);
DfNode *df_tree_bool(DfConfig *, bool, const char *file, int line);
DfNode *df_tree_text(DfConfig *, const char *text, size_t length, const char *file, int line);

/* Room for `length` bytes and a zero, counted. */
char *df_tree_bytes(DfConfig *, size_t length);

/* A whole new value, which stands nowhere yet; it keeps file and line of the original. */
DfNode *df_tree_copy(DfConfig *, const DfNode *);

/* Puts a node that stands nowhere at the end of a list, or under a key: in place of the node there, else at the end. */
void df_tree_append(DfNode *list, DfNode *child);
int df_tree_set(DfConfig *, DfNode *dict, const char *key, DfNode *value);
void df_tree_replace(DfNode *old, DfNode *value); /* takes the place and the key of `old` */
void df_tree_remove(DfNode *child);               /* out of its list or dict              */

DfNode *df_tree_get(DfNode *dict, const char *key);
DfNode *df_tree_item(DfNode *list, int64_t index); /* NULL outside; negative counts from the end */

/* The nearest key of a dict, or NULL: for "did you mean". */
const char *df_tree_nearest(const DfNode *dict, const char *key);

/* Behind the white space at p, line breaks too. */
static inline const char *df_skip_white(const char *p, const char *end)
{
    while (p < end && (*p == ' ' || (*p >= '\t' && *p <= '\r')))
        p++;
    return p;
}

#endif
