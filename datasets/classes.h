/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/classes.h -- names of classes, and colours of the classes of a segmentation.
 */
#ifndef DF_DATASETS_CLASSES_H
#define DF_DATASETS_CLASSES_H

#include <stdint.h>

#include "core/core.h"

DF_BEGIN_DECLS

/* Classes by name and colour. */
typedef struct {
    int n;
    const char *const *name;    /* n      */
    const uint8_t (*colour)[3]; /* n, RGB */
} DfClasses;

/* Names in the order of the labels, without colours, from a file: one a line (Caffe's synset_words.txt has a synset in
 * front of each, which is left out), or .json: a list of names, {"0": NAME, ...}, Keras' {"0": [SYNSET, NAME], ...}, or
 * the id2label of a config.json of transformers. They live in `arena`. DF_EVALUE: no name, or one is missing. */
DF_API int df_class_names_read(DfClasses *out, const char *path, DfArena *arena);

DF_END_DECLS

#endif
