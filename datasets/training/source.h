/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/training/source.h -- private to datasets/training/: one dataset of a training set, before repeating.
 */
#ifndef DF_DATASETS_TRAINING_SOURCE_H
#define DF_DATASETS_TRAINING_SOURCE_H

#include "datasets/dataset_config.h"
#include "datasets/training/training_set.h"

typedef struct DfSource DfSource;

/* How a type of dataset is read. One record per file source_*.c. */
typedef struct {
    DfLearning learning;
    int (*open)(DfSource *, const char *data_dir, int part); /* sets set, n, classes */
    void (*close)(DfSource *);
    const char *(*path)(const DfSource *, int i);
    void (*size)(const DfSource *, int i, int *height, int *width); /* 0 where it is not known; or NULL */
    int (*annotations)(const DfSource *, int i, int height, int width, DfAnnotations *out);
    /* Tells the classes in picture i, repeated as it comes, for ClassBalancedDataset; or NULL. */
    void (*classes_in)(const DfSource *, int i, void (*tell)(void *, int), void *);
} DfSourceKind;

struct DfSource {
    const DfSourceKind *kind;
    DfArena *arena;              /* of the training set                                  */
    const DfNode *dict;
    const DfNode *pipeline;
    const DfNode *loading;       /* the pipeline's LoadAnnotations, or NULL              */
    bool masks;                  /* are asked for                                        */
    void *set;                   /* DfCocoDataset, ...                                   */
    int n;                       /* pictures that are learnt from                        */
    int *kept;                   /* [n]: their numbers in `set`; NULL: all               */
    bool counts_learnt;          /* ClassBalancedDataset counts what is learnt from      */
    bool reduce;                 /* label maps: reduce_zero_label is to be done here     */
    bool loading_reduces;        /* the pipeline does it                                 */
    DfClasses classes;
};

extern const DfSourceKind df_source_coco, df_source_label_maps, df_source_folders;

static inline int df_source_at(const DfSource *source, int i)
{
    return source->kept ? source->kept[i] : i;
}

#endif
