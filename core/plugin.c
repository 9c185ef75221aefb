/* SPDX-License-Identifier: Apache-2.0
 *
 * core/plugin.c -- finds a record of a registry by its index or its name.
 */
#include "core/plugin.h"

#include <string.h>

#include "core/error.h"
#include "core/text.h"

enum { MOST = 128 };

bool df_plugin_at(const void *table, int i, DfPlugin *out)
{
    const void *const *records = table;
    if (records[i])
        memcpy(out, records[i], sizeof *out);
    return records[i] != NULL;
}

const void *df_plugin_find(const char *kind, const char *name, const void *table)
{
    const void *const *records = table;
    const char *names[MOST];
    size_t n = 0;
    for (DfPlugin p; n < MOST && df_plugin_at(table, (int)n, &p); n++) {
        names[n] = p.name;
        if (strcmp(p.name, name) == 0)
            return records[n];
    }
    const char *nearest = df_nearest_name(name, names, n);
    if (nearest)
        df_fail(DF_EVALUE, "no %s '%s'; did you mean '%s'?", kind, name, nearest);
    else
        df_fail(DF_EVALUE, "no %s '%s'; `deformer list` shows what there is", kind, name);
    return NULL;
}
