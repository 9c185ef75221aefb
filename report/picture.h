/* SPDX-License-Identifier: Apache-2.0
 *
 * report/picture.h -- private: a picture, or a part of one, with what was found in it drawn over it. Every case that
 * needs words gets a number in the picture and a line in a list below it, so that nothing is told by a pointer alone.
 */
#ifndef DF_REPORT_PICTURE_H
#define DF_REPORT_PICTURE_H

#include "boxes/boxes.h"
#include "core/core.h"

/* What lies under the shapes: a data: URI, kept under an id if that is not NULL; or, without a URI, the picture that
 * was kept under this id before; or, without both, an empty ground. */
typedef struct {
    const char *uri, *id;
} ReportGround;

typedef struct {
    DfTextbuf *text;
    double part[4];         /* x y width height of what is shown, in pixels of the picture */
    DfTextbuf marks, list;
    size_t numbered;
} ReportPicture;

/* How a shape is drawn, and what its line in the list is. */
typedef struct {
    const char *class;      /* "g" found, "m" missed, "b" wrong                   */
    const char *name, *what;
    bool numbered, at_right; /* the number stands at the upper right corner        */
} ReportShape;

/* Shows part[4] of a picture; the ground is that part. */
void df_picture_begin(ReportPicture *, DfTextbuf *, const double part[4], const ReportGround *);
/* The mask as its outline, or the box if it has none; takes the mask. NULL: a box. */
int df_picture_shape(ReportPicture *, const ReportShape *, const double box[4], DfMask *);
void df_picture_end(ReportPicture *);
/* The list of numbered cases as <ol>; nothing if there is none. Frees what the picture holds. */
void df_picture_list(ReportPicture *);

#endif
