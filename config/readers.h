/* SPDX-License-Identifier: Apache-2.0
 *
 * config/readers.h -- private to config/: the readers of the three file formats, each of which makes a tree.
 */
#ifndef DF_CONFIG_READERS_H
#define DF_CONFIG_READERS_H

#include "config/tree.h"

/* The bytes of one file into `root`, an empty dict. `file` must live as long as the tree. */
int df_read_python(DfConfig *, DfNode *root, const char *text, size_t size, const char *file); /* python.c    */
int df_read_json(DfConfig *, DfNode *root, const char *text, size_t size, const char *file);   /* json_tree.c */
int df_read_yaml(DfConfig *, DfNode *root, const char *text, size_t size, const char *file);   /* yaml_tree.c */

/* read.c: reads the bases of the file that is being read into tree->bases, if they are not there yet. `names`: its
 * _base_. */
int df_read_bases(DfConfig *, const DfNode *names);

/* read.c: the config that `file`, at `line`, names as a module: "a.b" is a/b.py in its folder (`up` 1), the one above
 * (2), ..; or with `up` 0 in one of the folders above. Its names as a dict. */
int df_read_module(DfConfig *, DfNode **root, const char *file, int line, int up, const char *module);

/* One value in Python syntax, which may be a tuple without brackets. Names have no values here. NULL after
 * df_fail(). */
DfNode *df_read_value(DfConfig *, const char *text, size_t size, const char *file, int line);

/* bind.c: df_bind() that passes over keys which the table does not know. */
int df_bind_known(const DfNode *dict, const DfOpt *opts, void *out, DfArena *arena, const char *what);

#endif
