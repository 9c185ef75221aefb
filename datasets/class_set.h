/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/class_set.h -- private to datasets/: a DfClassification while it is filled, from folders (classification.c)
 * or from a list (class_list.c).
 */
#ifndef DF_DATASETS_CLASS_SET_H
#define DF_DATASETS_CLASS_SET_H

#include "datasets/classification.h"
#include "datasets/scan.h"

/* The label of the name that is `length` bytes long; -1: there is none. */
int df_class_find(const DfClasses *, const char *name, size_t length);

/* The pictures below the folder of the set, sorted by their bytes. */
int df_class_scan(DfScan *out, const DfClassification *);
/* The folders that pictures are in, once each, sorted; n = 0: no picture is in a folder. */
int df_class_folders(DfClasses *out, const DfScan *, DfArena *);

/* Room for n pictures; one of them, by its name below the folder of the set. */
int df_class_room(DfClassification *, int n);
int df_class_add(DfClassification *, const char *name, size_t length, int label);

/* The list of pictures that lie in a folder without folders of classes; *out = NULL: there is none. DF_ENOMEM */
int df_class_list_beside(const char **out, const char *folder, const DfScan *, DfArena *);
/* The pictures of a list. Without classes the set gets those of the folders, of ImageNet, or numbers. */
int df_class_list_read(DfClassification *, const char *ann_file);

#endif
