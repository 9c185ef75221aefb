/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/compare/compare_data.h -- private to eval/: a comparison.
 */
#ifndef DF_EVAL_COMPARE_DATA_H
#define DF_EVAL_COMPARE_DATA_H

#include "eval/compare/compare.h"

struct DfCompare {
    DfArena *arena;
    size_t n, n_classes, n_images, replicates;
    uint64_t seed;
    double confidence;
    const char **names, **class_names, **class_ids;
    bool *class_is_text;
    DfCompared *numbers; /* [n][DF_COMPARE_METRICS + n_classes] */
};

#endif
