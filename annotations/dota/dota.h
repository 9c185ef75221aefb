/* SPDX-License-Identifier: Apache-2.0
 *
 * annotations/dota/dota.h -- the text file that DOTA has for each picture (Xia et al., CVPR
 * 2018): a line for each object with four corners, in either sense, its class, and 1 if it is
 * difficult. Included by annotations/annotations.h.
 *
 *     imagesource:GoogleEarth
 *     gsd:0.146
 *     2753 2408 2861 2385 2888 2468 2805 2502 plane 0
 */
#ifndef DF_ANNOTATIONS_DOTA_DOTA_H
#define DF_ANNOTATIONS_DOTA_DOTA_H

#include "annotations/words.h"

DF_BEGIN_DECLS

typedef struct {
    char name[DF_WORD];  /* of its class, never ""                   */
    double corner[8];    /* x y of each, in pixels; finite           */
    bool difficult;      /* false where the line does not tell       */
} DfDotaObject;

/* Objects come in the order of the file. A function that fails ends the reading. */
typedef struct {
    void *arg;
    int (*object)(void *arg, const DfDotaObject *);
} DfDotaSink;

/* Lines that begin with KEY: are passed over. DF_EFORMAT, with `name` and the line, for others that are no object. */
DF_API int df_dota_read_labels(const char *text, size_t size, const char *name, const DfDotaSink *);

DF_END_DECLS

#endif
