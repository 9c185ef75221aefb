/* SPDX-License-Identifier: Apache-2.0
 *
 * train/fit.h -- fits a config to a folder of labelled pictures without editing it: the paths, the classes, and the
 * number of classes of every head. Included by train/train.h.
 */
#ifndef DF_TRAIN_FIT_H
#define DF_TRAIN_FIT_H

#include "datasets/datasets.h"

DF_BEGIN_DECLS

typedef struct {
    DfFolder *folder;
    DfArena *arena;
    int n;
    const char **set;       /* [n]: changes such as "model.bbox_head.num_classes=3", for df_config_read() */
    int n_classes, n_heads; /* n_heads: number of head dicts whose num_classes was set                    */
} DfFit;

/* `root` is the unchanged config. Files that the folder lacks (lists, annotations) are written into `work_dir`, which
 * must exist. DF_EVALUE: the folder has no training data, or data of another task than the network's. Call
 * df_fit_done() in every case. */
DF_API int df_fit(DfFit *out, const char *folder, const DfNode *root, const char *work_dir);
DF_API void df_fit_done(DfFit *); /* {0} is fine */

DF_END_DECLS

#endif
