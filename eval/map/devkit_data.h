/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/map/devkit_data.h -- private to eval/: labels and results in memory.
 */
#ifndef DF_EVAL_MAP_DEVKIT_DATA_H
#define DF_EVAL_MAP_DEVKIT_DATA_H

#include "annotations/annotations.h"
#include "eval/map/devkit.h"

typedef struct {
    double box[8];        /* VOC: the first four, corners; DOTA: four corners */
    uint32_t picture, class;
    bool difficult;
} DevkitObject;

typedef struct {
    double box[8], score;
    uint32_t picture, class;
} DevkitFound;

struct DfDevkit {
    DfDevkitForm form;
    DfIds pictures, classes;
    DevkitObject *objects;
    size_t n_objects, objects_capacity;
    DevkitFound *found;
    size_t n_found, found_capacity;
};

#endif
