/* SPDX-License-Identifier: Apache-2.0
 *
 * core/plugin.h -- the common part of all registries: a NULL-terminated table of pointers to records that begin with
 * the same members.
 */
#ifndef DF_CORE_PLUGIN_H
#define DF_CORE_PLUGIN_H

#include <stdbool.h>

#include "core/api.h"
#include "core/options.h"

DF_BEGIN_DECLS

/* The first members of every record, under these names and in this order. */
typedef struct {
    const char *name, *help; /* the `type` of a config; one line: what it is, and the paper */
    const DfOpt *opts;       /* the keys of its dict; or NULL                                */
} DfPlugin;
/* The first members of record i of a table; false after the last record. */
DF_API bool df_plugin_at(const void *table, int i, DfPlugin *out);
/* The record called `name`, or NULL with the sentence "no KIND 'NAME'; did you mean 'NEAREST'?" in df_error(). */
DF_API const void *df_plugin_find(const char *kind, const char *name, const void *table);

DF_END_DECLS

#endif
