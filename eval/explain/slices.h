/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/explain/slices.h -- scores of a part of the data: of small objects, of crowded ones, of images taken at night.
 * Included by eval/explain/explain.h.
 *
 * A slice of objects (area, aspect, crowding) is scored as pycocotools scores an area range: objects outside of it are
 * neither found nor missed, and a detection that finds nothing counts in the slice that its own box belongs to. A
 * slice of images contains only these images. Intervals are a bootstrap over images (eval/compare/compare.h).
 *
 * The AP of few images is higher than that of many, because their classes have fewer objects to be missed. So a slice
 * of images is compared with as many images drawn at random, and is only called better or worse than chance if it lies
 * outside their range of scores.
 */
#ifndef DF_EVAL_EXPLAIN_SLICES_H
#define DF_EVAL_EXPLAIN_SLICES_H

#include "core/core.h"
#include "eval/compare/compare.h"

DF_BEGIN_DECLS

typedef struct {
    const char *const *keys; /* of the image records; "camera.id" is a key inside of an object */
    size_t n_keys;
    size_t replicates;       /* 0: no intervals */
    uint64_t seed;
    double confidence;       /* 0..1            */
} DfSlicing;
DF_API DfSlicing df_slicing(void); /* no keys, 200 replicates, seed 0, confidence 0.95 */

typedef struct {
    const char *key, *name;  /* "area", "small"                                             */
    const char *detail;      /* "below 32² pixels", or ""                                   */
    size_t images, objects;  /* that are in it                                              */
    DfCompared ap, ap50, ar; /* ar: of 100 detections; differences are from everything      */
    double chance;           /* AP of as many images drawn at random: the median, and the   */
    double chance_low, chance_high; /* interval; of slices of objects, or of all images: NAN */
} DfSlice;

struct DfExplain;
/* Every object and image in its slices. `gt`: the annotation file once more, for keys; without keys it may be NULL. */
DF_API int df_explain_slice(struct DfExplain *, const DfSlicing *, DfJson *gt, DfPool *);
/* the first one is everything; 0 before df_explain_slice() */
DF_API size_t df_explain_slices(const struct DfExplain *);
DF_API DfSlice df_explain_slice_at(const struct DfExplain *, size_t);

DF_END_DECLS

#endif
