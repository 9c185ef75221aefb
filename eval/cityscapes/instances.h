/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/cityscapes/instances.h -- the AP of instances in Cityscapes (Cordts et al., CVPR 2016), as its own
 * scripts compute it (evalInstanceLevelSemanticLabeling.py), which mmdet calls. Another AP than COCO's:
 * curves have a point for each score, no point of 101 is taken; an IoU must be above its threshold;
 * predictions that lie on what is not scored are left out.
 *
 *     DfCityscapes *c; DfCityscapesResult result;
 *     df_cityscapes_new(&c);
 *     df_cityscapes_truth(c, ids, height * width);                    a picture: the values of its instanceIds.png
 *     df_cityscapes_found(c, mask, 26, 0.9);                         each of its predictions
 *     df_cityscapes_result(&result, c);                                result.ap
 */
#ifndef DF_EVAL_CITYSCAPES_INSTANCES_H
#define DF_EVAL_CITYSCAPES_INSTANCES_H

#include <stddef.h>
#include <stdint.h>

#include "core/core.h"

DF_BEGIN_DECLS

/* person, rider, car, truck, bus, train, motorcycle and bicycle; IoUs of 0.5, 0.55, .. 0.95. */
enum { DF_CITYSCAPES_CLASSES = 8, DF_CITYSCAPES_IOUS = 10 };

typedef struct DfCityscapes DfCityscapes;
DF_API int df_cityscapes_new(DfCityscapes **out);
DF_API void df_cityscapes_free(DfCityscapes *); /* NULL is fine */

/* Begins a picture. Values below 1000 are labels of Cityscapes, of which those of a class are a group; the others are
 * label * 1000 + number. `ids` is borrowed until the next picture. DF_EVALUE for a value of no label. */
DF_API int df_cityscapes_truth(DfCityscapes *, const uint16_t *ids, size_t pixels);

/* A prediction in this picture: all pixels that are not 0, the id of its label, its score. A mask without pixels is
 * left out, and so is a label that has no instances. DF_EVALUE for what is no label. */
DF_API int df_cityscapes_found(DfCityscapes *, const uint8_t *mask, int label, double score);

/* The pictures of `from` behind those of `into`; the AP does not depend on the order. */
DF_API int df_cityscapes_merge(DfCityscapes *into, const DfCityscapes *from);

typedef struct {
    double ap, ap50;                                             /* means over what is not NAN            */
    double class_ap[DF_CITYSCAPES_CLASSES], class_ap50[DF_CITYSCAPES_CLASSES]; /* NAN: no object of the class */
    double of[DF_CITYSCAPES_CLASSES][DF_CITYSCAPES_IOUS];
    size_t truths[DF_CITYSCAPES_CLASSES], found[DF_CITYSCAPES_CLASSES]; /* objects of 100 pixels or more; predictions */
} DfCityscapesResult;
DF_API int df_cityscapes_result(DfCityscapesResult *, const DfCityscapes *);
DF_API const char *df_cityscapes_class(int k);

/* The table of Cityscapes' script, and all of it as JSON; df_free the text. docs/metrics.md has the keys. */
DF_API int df_cityscapes_table(const DfCityscapesResult *, char **out);
DF_API int df_cityscapes_json(const DfCityscapesResult *, char **out);

DF_END_DECLS

#endif
