/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/cityscapes/data.h -- private to eval/cityscapes/: the data that is kept of each picture.
 */
#ifndef DF_EVAL_CITYSCAPES_DATA_H
#define DF_EVAL_CITYSCAPES_DATA_H

#include <stdbool.h>

#include "eval/cityscapes/instances.h"

enum { VALUES = 1 << 16, LABELS = 34, GROUPS = 1000 /* values below are groups */, LEAST_PIXELS = 100 };

/* An object or a group of the ground truth. */
typedef struct {
    uint32_t value;
    uint32_t pixels;
    int class;
} Truth;

typedef struct {
    double score;
    uint32_t pixels, on_void;
    int class;
    size_t first, n; /* of its overlaps */
} Found;

typedef struct {
    size_t truth;   /* its place in `truths`   */
    size_t found;   /* its place in `founds`   */
    uint32_t pixels; /* of both                */
} Overlap;

struct DfCityscapes {
    Truth *truths;
    Found *founds;
    Overlap *overlaps; /* of a prediction one after the other, those of one object by prediction */
    size_t n_truths, truths_capacity, n_founds, founds_capacity, n_overlaps, overlaps_capacity;
    size_t picture;    /* its first object     */
    const uint16_t *ids;
    size_t pixels;
    uint32_t *count;   /* [VALUES] pixels of each value, all 0 between calls */
};

bool df_cityscapes_is_void(uint32_t value);
bool df_cityscapes_is_object(const Truth *); /* one that is to be found */

#endif
