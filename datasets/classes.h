/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/classes.h -- the classes of a segmentation.
 */
#ifndef DF_DATASETS_CLASSES_H
#define DF_DATASETS_CLASSES_H

#include <stdint.h>

/* Classes by name and colour. */
typedef struct {
    int n;
    const char *const *name;    /* n      */
    const uint8_t (*colour)[3]; /* n, RGB */
} DfClasses;

#endif
