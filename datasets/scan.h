/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/scan.h -- private to datasets/: the files of a folder.
 */
#ifndef DF_DATASETS_SCAN_H
#define DF_DATASETS_SCAN_H

#include "core/core.h"

/* Files below `folder`, in its folders too, whose names end in `suffix`: paths relative to it, sorted by their
 * bytes, without the suffix. Hidden ones are left out. Names and list live in `arena`. */
typedef struct {
    int n;
    const char **name;
} DfScan;
int df_scan(DfScan *out, const char *folder, const char *suffix, DfArena *arena);

/* Drops what is not called like a picture (df_image_is_named()). */
void df_scan_keep_pictures(DfScan *);

#endif
