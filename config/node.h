/* SPDX-License-Identifier: Apache-2.0
 *
 * config/node.h -- the nodes of a config tree, and how to read them. Building trees is private: config/tree.h.
 */
#ifndef DF_CONFIG_NODE_H
#define DF_CONFIG_NODE_H

#include "core/core.h"

DF_BEGIN_DECLS

typedef enum {
    DF_NODE_NONE,
    DF_NODE_BOOL,
    DF_NODE_INT,
    DF_NODE_FLOAT,
    DF_NODE_TEXT,
    DF_NODE_LIST,
    DF_NODE_DICT,
    DF_NODE_BASE_VALUE /* {{ _base_.key }}, the key as text; replaced by its value before a tree is handed out */
} DfNodeKind;

/* One value of a config tree. Tuples are lists with `is_tuple` set. Nodes live as long as their DfConfig. */
typedef struct DfNode DfNode;
struct DfNode {
    DfNodeKind kind;
    bool boolean, is_tuple;
    int64_t integer;
    double number;          /* of an integer too                              */
    const char *text;
    const char *key;        /* its name in the dict that holds it, or NULL    */
    const char *file;       /* where it was written, for messages             */
    int line;
    DfNode *first, *last;   /* children in order                              */
    DfNode *next;           /* the next child of the same parent              */
    DfNode *parent;         /* the list or dict that holds it                 */
    int n;                  /* number of children                             */
};

/* The value at a path of keys and list numbers: "model.backbone.depths.2"; NULL when absent (node may be NULL). */
DF_API const DfNode *df_node_at(const DfNode *node, const char *path);
/* The value of one key, in which dots are not special; NULL when absent or if `dict` is no dict. */
DF_API const DfNode *df_node_get(const DfNode *dict, const char *key);

/* The value of a node, or `fallback` if the node is NULL or of another kind. An integer is a number too. */
DF_API const char *df_node_text(const DfNode *node, const char *fallback);
DF_API int64_t df_node_int(const DfNode *node, int64_t fallback);
DF_API double df_node_number(const DfNode *node, double fallback);
DF_API bool df_node_bool(const DfNode *node, bool fallback);

/* The kind in words, for messages: "an integer", "a list", ... */
DF_API const char *df_node_kind_name(const DfNode *);

/* df_fail() with "FILE:LINE: key 'neck.num_outs': " in front of the sentence; returns `code`. */
DF_API int df_node_fail(const DfNode *node, int code, const char *format, ...) DF_PRINTF(3, 4);

DF_END_DECLS

#endif
