/* SPDX-License-Identifier: Apache-2.0
 *
 * annotations/openimages/openimages.h -- the files of Open Images (Kuznetsova et al., IJCV 2020)
 * and of its challenges: tables of boxes, image labels, masks and predictions, and the tree of
 * classes. Included by annotations/annotations.h.
 *
 *     ImageID,LabelName,Confidence,XMin,XMax,YMin,YMax,IsGroupOf                            boxes
 *     ImageID,Source,LabelName,Confidence                                                   labels: 1 there, 0 not
 *     ImageID,LabelName,ImageWidth,ImageHeight,XMin,XMax,YMin,YMax,IsGroupOf,Mask           segments
 *     ImageID,LabelName,Score,XMin,XMax,YMin,YMax                                           predictions of boxes
 *     ImageID,LabelName,ImageWidth,ImageHeight,Score,Mask                                   predictions of masks
 */
#ifndef DF_ANNOTATIONS_OPENIMAGES_OPENIMAGES_H
#define DF_ANNOTATIONS_OPENIMAGES_OPENIMAGES_H

#include "annotations/csv/csv.h"
#include "annotations/ids.h"
#include "boxes/boxes.h"

DF_BEGIN_DECLS

/* Groups of columns. ImageID and LabelName are in every table. */
enum {
    DF_OPENIMAGES_BOX = 1,        /* XMin XMax YMin YMax, shares of the image's width and height */
    DF_OPENIMAGES_GROUP = 2,      /* IsGroupOf                                                   */
    DF_OPENIMAGES_SCORE = 4,      /* Score                                                       */
    DF_OPENIMAGES_CONFIDENCE = 8, /* Confidence                                                  */
    DF_OPENIMAGES_MASK = 16       /* ImageWidth ImageHeight Mask                                 */
};

typedef struct {
    char image[DF_CSV_TEXT], label[DF_CSV_TEXT]; /* never ""                                     */
    double box[4];                               /* xmin ymin xmax ymax; finite                  */
    bool group;
    double score, confidence;                    /* finite                                       */
    DfMask mask;                                 /* belongs to the reader; without runs: none, or an empty one */
    size_t line;
} DfOpenImagesRow;

typedef struct {
    void *arg;
    int (*row)(void *arg, const DfOpenImagesRow *);
} DfOpenImagesSink;

/* Rows in their order; other columns are passed over. DF_EFORMAT, with `name` and the line, where a column of the
 * wanted groups is missing, or a value is not what it should be. */
DF_API int df_openimages_read(const char *text, size_t size, const char *name, unsigned wanted,
                              const DfOpenImagesSink *);

/* A mask as the tables have it: COCO's compressed runs, deflated by zlib, in base64. The runs have no empty one but the
 * first and fill the mask. DF_EFORMAT if it is none. df_mask_done() it. */
DF_API int df_openimages_mask(DfMask *out, const char *text, size_t length, uint32_t height, uint32_t width);

/* The tree of classes, {"LabelName": "/m/root", "Subcategory": [{"LabelName": .., "Subcategory": [..]}, ..]}. Told are
 * pairs of a class and a class above it, without the root, as often as the tree has them; and each class with NULL.
 * Names are valid during the call. `name` is for messages. */
typedef struct {
    void *arg;
    int (*above)(void *arg, const char *label, const char *ancestor);
} DfOpenImagesTreeSink;
DF_API int df_openimages_read_tree(const char *text, size_t size, const char *name, const DfOpenImagesTreeSink *);

/* A list of classes, with what people call each, or NULL: {"/m/01g317": 1, ..}; the challenge's label map, item { name:
 * "/m/01g317" id: 1 display_name: "Person" } ..; or lines of a name, or of a name, a comma and what it is called, under
 * column names or not. DF_EFORMAT if it has none. `name` is for messages. */
typedef struct {
    void *arg;
    int (*listed)(void *arg, const char *name, const char *called);
} DfOpenImagesClassSink;
DF_API int df_openimages_read_class_list(const char *text, size_t size, const char *name,
                                         const DfOpenImagesClassSink *);

DF_END_DECLS

#endif
