/* SPDX-License-Identifier: Apache-2.0
 *
 * config/tree.h -- how config/ builds its trees; private to this folder.
 *
 * A tree is made of nodes in one arena. What a stranger's file may ask for is bounded here, once: nodes, bytes of text, keys of
 * a dict, depth. Functions that make something return NULL after df_fail().
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

const char *df_node_kind_name(const DfNode *); /* "an integer", "a list", ... for messages */

/* The nearest key of a dict, or NULL: for "did you mean". */
const char *df_tree_nearest(const DfNode *dict, const char *key);

/* Readers: the bytes of one file into `root`, an empty dict. */
int df_read_python(DfConfig *, DfNode *root, const char *text, size_t size, const char *file);
int df_read_json(DfConfig *, DfNode *root, const char *text, size_t size, const char *file);

/* One value in Python syntax, which may be a tuple without brackets; names are unknown. NULL after df_fail(). */
DfNode *df_read_value(DfConfig *, const char *text, size_t size, const char *file, int line);

/* Behind the white space at p, line breaks too. */
static inline const char *df_skip_white(const char *p, const char *end)
{
    while (p < end && (*p == ' ' || (*p >= '\t' && *p <= '\r')))
        p++;
    return p;
}

/* base_value.c: mmcv's {{ _base_.model.neck }}, which stands for a value of the bases.
 * The length of one at p, and in *key what stands behind "_base_."; 0 if none stands there. */
size_t df_base_value_length(const char *p, const char *end, const char **key, size_t *key_length);
DfNode *df_base_value_new(DfConfig *, const char *key, size_t length, const char *file, int line);
/* The text of a JSON file with quotes around them, so that JSON can read them; "in quotes" already is an error. Free *out,
 * which is NULL if there are none. */
int df_base_values_quoted(char **out, size_t *out_size, const char *text, size_t size, const char *file);
/* Puts copies of what `bases` has in their places below `node`; NULL: the file has no bases. */
int df_base_values_fill(DfConfig *, DfNode *node, DfNode *bases);

/* `over` into `base`, both of one tree, with mmcv's rules: dicts meet key by key, anything else replaces; `_delete_=True` in a
 * dict drops what the base had. With `lists`, a dict with keys 0, 1, ... also reaches into a list. `over` is used up. */
int df_merge(DfConfig *, DfNode *base, DfNode *over, bool lists);

/* One override "a.b.c=value"; `number` stands as its line in messages: "--set:2: ...". */
int df_override(DfConfig *, DfNode *root, const char *override, int number);

#endif
