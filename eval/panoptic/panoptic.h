/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/panoptic/panoptic.h -- panoptic quality (Kirillov et al., Panoptic Segmentation,
 * CVPR 2019) as COCO's panopticapi computes it:
 *
 *     PQ = sum of IoU over matches / (TP + FP / 2 + FN / 2),   SQ = that sum / TP,   RQ = TP / (TP + FP / 2 + FN / 2)
 *
 * of each class, and the means over the classes that have anything. A map holds one value for each pixel, R + 256 G +
 * 65536 B, and 0 is no segment; the JSON beside it says what each value is.
 *
 *     DfPanoptic *p; DfPanopticRoom *room; DfPanopticResult *result;
 *     df_panoptic_open(&p, "panoptic_val2017.json");
 *     df_panoptic_add(p, "results.json");                 any number of files
 *     df_panoptic_check(p);                               has every picture a prediction?
 *     for each i < df_panoptic_images(p): df_panoptic_count(p, room, i, truth, found, height * width);
 *     df_panoptic_result(&result, p);                     result->all.pq
 */
#ifndef DF_EVAL_PANOPTIC_PANOPTIC_H
#define DF_EVAL_PANOPTIC_PANOPTIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "annotations/annotations.h"
#include "core/core.h"

DF_BEGIN_DECLS

/* The ground truth {"annotations": [{"image_id", "file_name", "segments_info": [{"id", "category_id", "iscrowd",
 * "area"}]}], "categories": [{"id", "name", "isthing"}]}. Its areas are those that count. */
typedef struct DfPanoptic DfPanoptic;
DF_API int df_panoptic_open(DfPanoptic **out, const char *path);
DF_API int df_panoptic_read(DfPanoptic **out, DfJson *); /* from a reader at the start of its text; borrowed */
DF_API void df_panoptic_free(DfPanoptic *);              /* NULL is fine */

/* Adds a file of results, {"annotations": [{"image_id", "file_name", "segments_info": [{"id", "category_id"}]}]}. Of
 * pictures that the ground truth does not have nothing is kept. A picture that an earlier file has too counts once, as
 * the first file has it; of a picture that stands twice in one file the last record holds. */
DF_API int df_panoptic_add(DfPanoptic *, const char *path);
DF_API int df_panoptic_add_json(DfPanoptic *, DfJson *);
DF_API size_t df_panoptic_repeated(const DfPanoptic *); /* records that an earlier file had made needless */

/* DF_EVALUE with the first picture that has no prediction. */
DF_API int df_panoptic_check(const DfPanoptic *);

/* Annotations of the ground truth, in the order of its file, and the names of their maps. */
DF_API size_t df_panoptic_images(const DfPanoptic *);
typedef struct {
    const char *truth, *found; /* file names, borrowed                         */
    size_t file;               /* which df_panoptic_add() brought it, from 0   */
} DfPanopticMaps;
DF_API DfPanopticMaps df_panoptic_maps(const DfPanoptic *, size_t i);

/* What counting takes again for the next picture; one for each thread. */
typedef struct DfPanopticRoom DfPanopticRoom;
DF_API int df_panoptic_room_new(DfPanopticRoom **);
DF_API void df_panoptic_room_free(DfPanopticRoom *);

/* Counts picture i, given both maps as R G B of 8 bits. Several threads may count several pictures. Errors are those of
 * panopticapi: a value of the prediction that its JSON does not list, the reverse, a class that is not known. */
DF_API int df_panoptic_count(DfPanoptic *, DfPanopticRoom *, size_t i, const uint8_t *truth, const uint8_t *found,
                             size_t pixels);

typedef struct {
    double pq, sq, rq; /* fractions of 1; NAN where n = 0                  */
    size_t n;          /* classes that have a segment, found or to be found */
} DfPanopticMean;

typedef struct {
    DfId id;
    const char *name;  /* "" if the file gives none                        */
    bool thing;
    double iou;        /* the sum over all matches                         */
    size_t tp, fp, fn;
    double pq, sq, rq; /* 0 where tp + fp + fn = 0                         */
} DfPanopticClass;

typedef struct {
    size_t images, n_classes;
    size_t unknown;            /* segments of the ground truth of no listed class; they do not count          */
    size_t repeated;           /* df_panoptic_repeated()                                                       */
    DfPanopticClass *classes;          /* in the order of the file; names are borrowed from the DfPanoptic            */
    DfPanopticMean all, things, stuff;
} DfPanopticResult;

/* The same bits in whatever order the pictures were counted: sums run in the order of the file. */
DF_API int df_panoptic_result(DfPanopticResult **out, const DfPanoptic *);
DF_API void df_panoptic_result_free(DfPanopticResult *); /* NULL is fine */

/* The table of panopticapi, that of classes, and all of it as JSON; df_free the text. docs/metrics.md has the keys. */
DF_API int df_panoptic_table(const DfPanopticResult *, char **out);
DF_API int df_panoptic_class_table(const DfPanopticResult *, char **out);
DF_API int df_panoptic_json(const DfPanopticResult *, char **out);

DF_END_DECLS

#endif
