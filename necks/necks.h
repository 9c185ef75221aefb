/* SPDX-License-Identifier: Apache-2.0
 *
 * necks/necks.h -- the public header of necks/: networks between backbone and head, from feature maps to feature maps.
 */
#ifndef DF_NECKS_NECKS_H
#define DF_NECKS_NECKS_H

#include "nn/nn.h"

DF_BEGIN_DECLS

typedef struct {
    const char *name, *help;
    const DfOpt *opts;
    size_t size;
    void (*init)(NnScope, void *self);
    void (*forward)(DfCtx *, const void *self, const DfMaps *in, DfMaps *out);
} DfNeck;

DF_API extern const DfNeck *const df_necks[]; /* NULL-terminated */
DF_API const DfNeck *df_neck_find(const char *type); /* NULL if there is none; df_fail() names the nearest */

DF_END_DECLS

#endif
