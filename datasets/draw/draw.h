/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/draw/draw.h -- draws the results of a network on a picture: boxes with class and score, the class of every
 * pixel or of the whole picture, or the points that attention has read.
 */
#ifndef DF_DATASETS_DRAW_DRAW_H
#define DF_DATASETS_DRAW_DRAW_H

#include "datasets/classes.h"
#include "datasets/image/image.h"

DF_BEGIN_DECLS

typedef struct {
    float box[4];         /* x1 y1 x2 y2, pixels of the picture; may reach beyond it                        */
    int label;            /* chooses the colour                                                             */
    float score;          /* 0..1; below 0: it has none, and is not written                                 */
    const uint32_t *runs; /* NULL, or its mask in the picture's size: the runs of a DfMask, which go down   */
    size_t n_runs;        /* the columns, the first one outside                                             */
} DfDrawnBox;

/* Draws n boxes and their masks on a BGR picture, the weakest score first so that the strongest lies on top. Lines
 * and letters grow with the picture; a picture whose longer side is under 320 pixels is enlarged by a whole number
 * first, so that names can be read. No label covers another or leaves the picture; a weaker one for which there is no
 * room is left out. `classes` names the labels 0..n_classes-1; another label is written as its
 * number. */
DF_API int df_draw_boxes(DfImage *image, const DfDrawnBox *boxes, int n, const char *const *classes, int n_classes);

/* Lays the class of every pixel over a BGR picture in its colour, and puts a legend under it: `image` grows
 * downwards. labels[height][width]; opacity 0..1. A label without a name is written as its number. */
DF_API int df_draw_classes(DfImage *image, const uint16_t *labels, const DfClasses *classes, float opacity);

typedef struct {
    const char *name;
    float score; /* 0..1 */
} DfNamed;

/* Writes n classes of the whole picture under it, in this order: `image` grows downwards. A picture whose longer side
 * is under 320 pixels is enlarged by a whole number first. */
DF_API int df_draw_names(DfImage *image, const DfNamed *named, int n);

typedef struct {
    float x, y;   /* pixels, from the corner of the picture's first one; may lie outside */
    float weight; /* >= 0; its share of the largest chooses size and colour              */
} DfDrawnPoint;

typedef struct {
    const DfDrawnPoint *points;
    size_t n;
    float from[2];         /* the place whose attention this is, drawn as a cross */
    const DfDrawnBox *box; /* the detection that came of it, or NULL              */
    const char *title;
} DfDrawnPoints;

/* A figure in the manner of papers: the BGR picture darkened (and enlarged by a whole number, if it is small), a
 * disc for every point, the heaviest on top, and under it a scale and the title. `classes` as above. */
DF_API int df_draw_points(DfImage *out, const DfImage *picture, const DfDrawnPoints *, const char *const *classes,
                          int n_classes);

DF_END_DECLS

#endif
