/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/synth/synth.h -- a synthetic dataset to learn from: shaded, textured objects that occlude one another, on
 * backgrounds of several kinds, with boxes, masks and a class for every pixel. It needs no download.
 */
#ifndef DF_DATASETS_SYNTH_SYNTH_H
#define DF_DATASETS_SYNTH_SYNTH_H

#include <stdbool.h>
#include <stdint.h>

#include "core/core.h"

DF_BEGIN_DECLS

enum {
    DF_SYNTH_THINGS = 10,      /* classes of objects                                               */
    DF_SYNTH_CLASSES = 18,     /* of pixels: seven grounds, clutter, and the things after them     */
    DF_SYNTH_MOST = 100000,    /* pictures                                                         */
    DF_SYNTH_LEAST_SIDE = 64,  /* of a picture, in pixels                                          */
    DF_SYNTH_MOST_SIDE = 2048
};
DF_API extern const char *const df_synth_classes[DF_SYNTH_CLASSES];

/* All zero: 0 pictures of the usual sizes. */
typedef struct {
    int train, val;            /* pictures of each part; together 1 to DF_SYNTH_MOST               */
    uint64_t seed;
    int least[2], most[2];     /* height, width; 0: the usual range, 208 x 256 to 304 x 384        */
    bool coco;                 /* list all 80 categories of COCO, of which the ten things are some */
} DfSynth;

/* Writes
 *     FOLDER/annotations/instances_train2017.json, instances_val2017.json    boxes, polygons, runs, crowds
 *     FOLDER/annotations/train2017/000000000001.png, ...                     the class of every pixel
 *     FOLDER/train2017/000000000001.jpg, ...; FOLDER/val2017/...
 *     FOLDER/classes.txt                                                     what the numbers of those maps mean
 * A part without pictures is left out. Equal seeds give equal files, for any number of threads; the n-th picture of a
 * part does not depend on how many there are. DF_EVALUE for numbers out of range; files that cannot be written. */
DF_API int df_synth_write(const char *folder, const DfSynth *, DfPool *);

DF_END_DECLS

#endif
