/* SPDX-License-Identifier: Apache-2.0
 *
 * train/found.c -- what a folder of labelled pictures holds: the form that the network learns from is looked for.
 */
#include "train/found.h"

int df_find_data(DfFound *out, const char *folder, DfFoundKind kind, DfArena *arena)
{
    *out = (DfFound){ 0 };
    if (!df_is_directory(folder))
        return df_fail(DF_EIO, "%s: want a folder of labelled pictures", folder);
    switch (kind) {
    case DF_FOUND_OBJECTS: return df_find_objects(out, folder, arena);
    case DF_FOUND_LABEL_MAPS: return df_find_label_maps(out, folder, arena);
    case DF_FOUND_FOLDERS: return df_find_folders(out, folder, arena);
    }
    return DF_OK;
}
