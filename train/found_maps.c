/* SPDX-License-Identifier: Apache-2.0
 *
 * train/found_maps.c -- folders of label maps beside folders of pictures, and a folder of pictures for every class.
 */
#include "train/found.h"

int df_find_label_maps(DfFound *out, const char *folder, DfArena *arena)
{
    (void)out;
    (void)arena;
    return df_fail(DF_EVALUE, "%s: label maps are not looked for yet: say where they are in the config", folder);
}

int df_find_folders(DfFound *out, const char *folder, DfArena *arena)
{
    (void)out;
    (void)arena;
    return df_fail(DF_EVALUE, "%s: folders of classes are not looked for yet: say where they are in the config", folder);
}
