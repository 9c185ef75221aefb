/* SPDX-License-Identifier: Apache-2.0
 *
 * core/plugin.c -- a record by its name.
 */
#include "core/plugin.h"

#include <string.h>

#include "core/error.h"
#include "core/text.h"

enum { MOST = 128 };

const void *df_plugin_find(const char *kind, const char *name, const void *table)
{
    const void *const *records = table;
    const char *names[MOST];
    size_t n = 0;
    for (; records[n] && n < MOST; n++) {
        memcpy(&names[n], records[n], sizeof names[n]); /* the first member */
        if (strcmp(names[n], name) == 0)
            return records[n];
    }
    const char *nearest = df_nearest_name(name, names, n);
    if (nearest)
        df_fail(DF_EVALUE, "no %s '%s'; did you mean '%s'?", kind, name, nearest);
    else
        df_fail(DF_EVALUE, "no %s '%s'; `deformer list` shows what there is", kind, name);
    return NULL;
}
