/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/registry.h -- the tables of all datasets and transforms (list.def), which `deformer list` prints. They
 * begin as DfPlugin (core/plugin.h).
 */
#ifndef DF_DATASETS_REGISTRY_H
#define DF_DATASETS_REGISTRY_H

#include "core/core.h"

DF_BEGIN_DECLS

struct DfNode;
struct DfWork; /* datasets/pipeline/transform.h */
struct DfReading;

typedef struct {
    const char *name, *help; /* "CocoDataset"                    */
    const DfOpt *opts;       /* of its dict in a config, beside `type` */
} DfDatasetType;
DF_API extern const DfDatasetType *const df_dataset_types[]; /* ends with NULL */

typedef struct {
    const char *name, *help;
    const DfOpt *opts; /* NULL: known by name only               */
    size_t size;       /* of the struct that `opts` fill         */
    bool training;     /* refused in a test pipeline             */

    /* Checks and reads what df_bind() cannot; or NULL. */
    int (*init)(void *self, const struct DfNode *dict, struct DfReading *reading);

    /* Does it to the picture and to what is known of it; NULL: nothing to do. */
    int (*apply)(const void *self, struct DfWork *work);
} DfTransform;
DF_API extern const DfTransform *const df_transforms[]; /* ends with NULL */

DF_END_DECLS

#endif
