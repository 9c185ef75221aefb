/* SPDX-License-Identifier: Apache-2.0
 *
 * config/config.h -- the door to config/: mmdet 2.x / mmseg 0.x config files as one tree.
 *
 * Reads `.json` and the official `.py` files (a restricted syntax; nothing is executed), follows `_base_`, merges the way
 * mmcv.Config does (`_delete_`), applies overrides, and fills option structs from dicts.
 */
#ifndef DF_CONFIG_CONFIG_H
#define DF_CONFIG_CONFIG_H

#include "core/core.h"

typedef enum {
    DF_NODE_NONE, DF_NODE_BOOL, DF_NODE_INT, DF_NODE_FLOAT, DF_NODE_TEXT, DF_NODE_LIST, DF_NODE_DICT,
    DF_NODE_BASE_VALUE /* {{ _base_.key }} with the key as text; stands in no tree that was read to its end */
} DfNodeKind;

/* One value of a config tree. Tuples are lists with `is_tuple` set. Nodes live as long as their DfConfig. */
typedef struct DfNode DfNode;
struct DfNode {
    DfNodeKind kind;
    bool boolean, is_tuple;
    int64_t integer;
    double number;          /* of an int too */
    const char *text;
    const char *key;        /* under which it stands in its dict, or NULL */
    const char *file;       /* where it was written, for messages          */
    int line;
    DfNode *first, *next;   /* children in order; the next sibling         */
    DfNode *last, *parent;  /* the last child; the list or dict it is in   */
    int n;                  /* number of children                          */
};

typedef struct DfConfig DfConfig;

/* Reads a file and its bases; `overrides` are n texts "a.b.c=value" (value in Python syntax, else a plain string; list items
 * by number: data.test.pipeline.1.flip=True). Free with df_config_free(). */
int df_config_read(DfConfig **out, const char *path, const char *const *overrides, int n);
/* The same from bytes in memory, for tests and fuzzing: python or JSON; `_base_` is refused. */
int df_config_parse(DfConfig **out, const char *text, size_t size, const char *name, bool python);
void df_config_free(DfConfig *);
const DfNode *df_config_root(const DfConfig *); /* a dict */

/* The value at a path of keys and list numbers: "model.backbone.depths.2"; NULL when absent (node may be NULL). */
const DfNode *df_node_at(const DfNode *node, const char *path);
const DfNode *df_node_get(const DfNode *dict, const char *key);       /* one key, dots not special */
const char *df_node_text(const DfNode *node, const char *fallback);   /* the text, or fallback if absent or not a text */
int64_t df_node_int(const DfNode *node, int64_t fallback);
double df_node_number(const DfNode *node, double fallback);
bool df_node_bool(const DfNode *node, bool fallback);
/* "FILE:LINE: key 'neck.num_outs': " in front of a sentence of your own; returns `code`. */
int df_node_fail(const DfNode *node, int code, const char *format, ...) DF_PRINTF(3, 4);

/* Fills `out` from a dict by an option table (core/options.h): defaults first, then the dict's keys, except `type`. Unknown
 * keys, wrong types and values out of range are errors that name the key, its file and the nearest known key. Lists and
 * texts are put into `arena`. `what` names the thing in messages: "SwinTransformer". A NULL dict gives the defaults. */
int df_bind(const DfNode *dict, const DfOpt *opts, void *out, DfArena *arena, const char *what);

/* Writes the tree as JSON (config.json of a run) or as Python (what mmcv's pretty_text does). */
int df_config_write(const DfNode *node, const char *path, bool python);

#endif
