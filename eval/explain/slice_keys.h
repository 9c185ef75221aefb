/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/explain/slice_keys.h -- private to eval/: the values of some keys in the image records of an annotation file.
 */
#ifndef DF_EVAL_EXPLAIN_SLICE_KEYS_H
#define DF_EVAL_EXPLAIN_SLICE_KEYS_H

#include "eval/coco/view.h"

/* One value of one image; a list has several. */
typedef struct {
    uint32_t key, image;
    bool is_number;
    double number;
    const char *text; /* as it is shown */
} KeyValue;

typedef struct {
    DfArena *arena;
    KeyValue *at;
    size_t n, capacity;
} KeyValues;

/* Of all images of the view. An unknown key is DF_EVALUE, with a sentence that lists those that there are. */
int df_key_values(KeyValues *, const CocoView *, const char *const *keys, size_t n_keys, DfJson *);
void df_key_values_done(KeyValues *);

#endif
