/* SPDX-License-Identifier: Apache-2.0
 *
 * train/fit.h -- a folder of labelled pictures as changes to a config, so that nobody has to edit one: where the files
 * are, which classes there are, and how many every head tells apart. Part of the door train/train.h.
 */
#ifndef DF_TRAIN_FIT_H
#define DF_TRAIN_FIT_H

#include "config/config.h"

DF_BEGIN_DECLS

typedef struct {
    int n;
    const char **set;       /* [n]: "model.bbox_head.num_classes=3", for df_config_read() */
    const char *truth[2];   /* annotation files in COCO's form, of training and validation, to be checked; or NULL */
    const char *images[2];  /* and the folders of their pictures                                          */
    int n_classes, n_heads; /* n_heads: how many dicts of heads got the number of classes                 */
    const char *warning;    /* a sentence, or NULL                                                        */
} DfFit;

/* `root` is the config as it stands. Everything in *out is the arena's. DF_EVALUE: the folder holds nothing to learn
 * from, or something else than the network learns. */
DF_API int df_fit(DfFit *out, const char *folder, const DfNode *root, DfArena *arena);

/* `deformer metric check` on what the folder holds: what it would warn of is logged, and the first error is DF_EVALUE
 * with its sentence. The sizes of all pictures are compared with their files. */
DF_API int df_fit_check(const DfFit *);

DF_END_DECLS

#endif
