/* SPDX-License-Identifier: Apache-2.0
 *
 * boxes/annotation.h -- the annotations of one picture: its objects, and possibly a class for every pixel or for the
 * whole. Datasets provide them in pixels of the picture, transforms convert them to the network's input, heads learn
 * from them.
 *
 *     DfAnnotations a;
 *     df_annotations_init(&a, n, true);
 *     a.boxes[4 * i] = x1; ...  a.labels[i] = label; ...
 *     df_annotations_done(&a);
 */
#ifndef DF_BOXES_ANNOTATION_H
#define DF_BOXES_ANNOTATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "boxes/masks/object_mask.h"
#include "core/core.h"

DF_BEGIN_DECLS

/* ---- annotations ----------------------------------------------------------------------------------------------- */

typedef enum {
    DF_BOXES_PIXELS,  /* x1 y1 x2 y2                                                            */
    DF_BOXES_RELATIVE /* cx cy w h, as shares of the picture's width and height: what the official DETR trains with */
} DfBoxUnit;

/* A class for every pixel, row by row. */
typedef struct {
    int height, width;  /* 0: there is no map              */
    uint8_t *narrow;    /* up to 256 classes, or NULL      */
    uint16_t *wide;     /* if there are more, or NULL      */
} DfLabelMap;

/* An array that is NULL is not known; of crowd and ignore it says that none is. With an arena everything belongs
 * to it. Without one ({0} to begin with) everything is borrowed from whoever filled it in. */
typedef struct {
    size_t n;              /* objects                                                       */
    DfBoxUnit unit;        /* of boxes                                                      */
    float *boxes;          /* [n][4]                                                        */
    int *labels;           /* [n]: classes from 0 on; -1: none of those that are learnt     */
    int64_t *ids;          /* [n]: of the annotations, in their file                        */
    double *areas;         /* [n]: square pixels, of the mask where there is one            */
    bool *crowd;           /* [n]: many objects in one; nothing has to be found there       */
    bool *ignore;          /* [n]: neither found nor missed                                 */
    DfObjectMask *masks;   /* [n]                                                           */
    DfLabelMap map;
    bool has_class;        /* of the whole picture                                          */
    int image_class;
    int second_class;      /* of a picture that is a mixture of two (mixup, CutMix)         */
    float second_share;    /* how much of it is the second, in [0, 1]; 0: it is no mixture  */
    DfArena *arena;
} DfAnnotations;

/* All arrays of n objects, filled with zeros; masks if they are wanted. Leaves {0} on failure. */
DF_API int df_annotations_init(DfAnnotations *out, size_t n, bool masks);
DF_API void df_annotations_done(DfAnnotations *); /* frees what belongs to it, and leaves {0} */

/* A copy of everything, which belongs to `out`. Arrays of objects that `a` does not have are zeros in it, masks
 * excepted: they stay away. Leaves {0} on failure. */
DF_API int df_annotations_copy(DfAnnotations *out, const DfAnnotations *a);

/* Objects i with keep[i] stay, in their order. In place: the arrays must be its own. */
DF_API void df_annotations_keep(DfAnnotations *, const bool *keep);

/* The objects of `more` behind those of `a`, whose arrays are made anew and belong to it. Masks stay only if both have
 * them. */
DF_API int df_annotations_append(DfAnnotations *a, const DfAnnotations *more);

/* Box i as cx cy w h relative to a picture of height x width, which is what set heads compare. Pixels become
 * centre and size first and are divided then, in float32, as in the official DETR; a box that is relative already
 * is copied. */
DF_API void df_annotations_relative(const DfAnnotations *, size_t i, int height, int width, float box[4]);

DF_END_DECLS

#endif
