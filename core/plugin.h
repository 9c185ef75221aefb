/* SPDX-License-Identifier: Apache-2.0
 *
 * core/plugin.h -- what all registries share: a NULL-terminated table of pointers to records that begin with their name.
 */
#ifndef DF_CORE_PLUGIN_H
#define DF_CORE_PLUGIN_H

/* The record of `table` called `name`, or NULL with the sentence "no KIND 'NAME'; did you mean 'NEAREST'?" in df_error(). Every
 * record's first member is `const char *name`. */
const void *df_plugin_find(const char *kind, const char *name, const void *table);

#endif
