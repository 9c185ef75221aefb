/* SPDX-License-Identifier: Apache-2.0
 *
 * annotations/yolo/yolo.h -- the text files of YOLO: one for each picture with a line for each object, and data.yaml
 * with the names of the classes. Included by annotations/annotations.h.
 *
 *     0 0.481 0.634 0.690 0.713                class, then centre and size of the box
 *     2 0.1 0.1 0.9 0.1 0.5 0.8                class, then the points of a polygon: three or more
 *
 *     0 0.5 0.5 0.2 0.2 0.4 0.4 2 ...         class, box and keypoints, where data.yaml has kpt_shape
 *
 * All in shares of the picture's width and height. Oriented boxes are polygons of four points.
 */
#ifndef DF_ANNOTATIONS_YOLO_YOLO_H
#define DF_ANNOTATIONS_YOLO_YOLO_H

#include "core/core.h"

DF_BEGIN_DECLS

typedef struct {
    int label;          /* from 0 on                                                             */
    double box[4];      /* centre x, y, width, height; of a polygon the box around it            */
    size_t n;           /* points of the polygon; 0: there is only a box                         */
    const double *xy;   /* [n][2]; valid during the call                                         */
    const double *keypoints; /* [keypoints][dims] of the sink, or NULL; valid during the call    */
} DfYoloObject;

typedef struct {
    void *arg;
    int (*object)(void *arg, const DfYoloObject *); /* in the order of the file; a failure ends the reading */
    /* data.yaml's kpt_shape: that many follow each box, of x and y, or x, y and visible; 0: none */
    int keypoints, dims;
} DfYoloSink;

/* `classes`: how many there are; 0: any. DF_EFORMAT, with `name` and the line, for a line that is not like the above;
 * DF_EVALUE for a label beyond the classes, and for numbers far outside of 0..1, which are no shares. Empty lines
 * are passed over. */
DF_API int df_yolo_read_labels(const char *text, size_t size, const char *name, int classes, const DfYoloSink *);

/* What data.yaml says. Texts live in the arena. */
typedef struct {
    int n;              /* classes                                                                 */
    const char **name;  /* [n]                                                                     */
    const char *path, *train, *val; /* folders or lists of pictures; NULL where it does not tell   */
    int keypoints, dims; /* kpt_shape; 0: there are none                                          */
} DfYoloData;

/* Reads `names` as a list ([a, b], or lines of "- a") or by number ("0: a"), `nc`, `path`, `train`, `val` and
 * `kpt_shape`; other keys are passed over. Names that are missing, or not as many as nc, are DF_EFORMAT. */
DF_API int df_yolo_read_data(DfYoloData *out, const char *text, size_t size, const char *name, DfArena *);

/* ---- written ----------------------------------------------------------------------------------------------------- */

/* A line of such a file. Numbers have up to twelve decimals: less than a
 * millionth of a pixel of the largest picture. */
DF_API void df_yolo_put_object(DfTextbuf *, const DfYoloObject *, int keypoints, int dims);
/* data.yaml; folders that are NULL are left out. Names that YAML would take for something else stand in quotes. */
DF_API void df_yolo_put_data(DfTextbuf *, const DfYoloData *, const char *test);

DF_END_DECLS

#endif
