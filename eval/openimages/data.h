/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/openimages/data.h -- private to eval/: the tables as they are read.
 */
#ifndef DF_EVAL_OPENIMAGES_DATA_H
#define DF_EVAL_OPENIMAGES_DATA_H

#include "annotations/annotations.h"
#include "eval/openimages/openimages.h"

#define OI_NONE UINT32_MAX

/* A mask that is not empty. */
typedef struct {
    DfMask mask;
    uint32_t area, box[4]; /* x y w h, in pixels */
} OiMask;

typedef struct {
    double box[4]; /* xmin ymin xmax ymax                        */
    uint32_t image, class, mask; /* mask: OI_NONE without a one  */
    bool group;
} OiObject;

typedef struct {
    double box[4], score;
    uint32_t image, class, mask;
} OiFound;

/* Growing lists. Pairs are of two numbers, the first in the upper half, sorted and each once when they are used. */
typedef struct {
    uint64_t *at;
    size_t n, capacity;
} OiPairs;
typedef struct {
    OiObject *at;
    size_t n, capacity;
} OiObjects;

struct DfOpenImages {
    bool with_masks;
    bool closed;           /* all classes are known: another one is an error */
    bool listed;           /* and they are in the order of a list            */
    DfIds images, classes;
    const char **called;   /* of each class, or NULL                         */
    size_t called_capacity;
    DfArena *names;
    OiPairs above, below;  /* a class and one above it; a class and one below */
    bool has_tree;
    OiObjects boxes, segments;
    OiPairs labels;        /* an image and a class of which something is known */
    size_t n_labels;
    OiFound *found;
    size_t n_found, found_capacity, unseen;
    OiMask *masks;
    size_t n_masks, masks_capacity;
    uint32_t (*size)[2];   /* of the masks of each image, height and width; 0: none so far */
    size_t size_capacity;
};

static inline uint64_t oi_pair(uint32_t first, uint32_t second)
{
    return (uint64_t)first << 32 | second;
}

#endif
