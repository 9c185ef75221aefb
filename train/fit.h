/* SPDX-License-Identifier: Apache-2.0
 *
 * train/fit.h -- a folder of labelled pictures as changes to a config, so that nobody has to edit one: where the files
 * are, which classes there are, and how many every head tells apart. Included by train/train.h.
 */
#ifndef DF_TRAIN_FIT_H
#define DF_TRAIN_FIT_H

#include "datasets/datasets.h"

DF_BEGIN_DECLS

typedef struct {
    DfFolder *folder;
    DfArena *arena;
    int n;
    const char **set;       /* [n]: "model.bbox_head.num_classes=3", for df_config_read()                 */
    int n_classes, n_heads; /* n_heads: how many dicts of heads got the number of classes                 */
} DfFit;

/* `root` is the config as it stands. What the folder lacks is written into `work_dir`, which
 * has to be there. DF_EVALUE: the folder holds nothing to learn from, or something else than
 * the network learns. df_fit_done() in every case. */
DF_API int df_fit(DfFit *out, const char *folder, const DfNode *root, const char *work_dir);
DF_API void df_fit_done(DfFit *); /* {0} is fine */

DF_END_DECLS

#endif
