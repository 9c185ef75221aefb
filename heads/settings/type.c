/* SPDX-License-Identifier: Apache-2.0
 *
 * heads/settings/type.c -- checks the type of dicts for which only one type is built in.
 */
#include <string.h>

#include "heads/settings/settings.h"

bool df_head_type(NnScope s, const DfNode *dict, const char *wanted)
{
    const char *type = df_node_text(df_node_get(dict, "type"), "none");
    if (strcmp(type, wanted) == 0)
        return true;
    nn_fail(s, DF_EVALUE, "has type '%s': only %s is built in", type, wanted);
    return false;
}
