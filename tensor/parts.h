/* SPDX-License-Identifier: Apache-2.0
 *
 * tensor/parts.h -- private: what a context is made of.
 */
#ifndef DF_TENSOR_PARTS_H
#define DF_TENSOR_PARTS_H

#include "tensor/storage.h"
#include "tensor/tensor.h"

enum { SCOPES = 32 };

typedef struct {
    const char *name;
    int index;
} Scope;

struct DfCtxParts {
    DfStorage *storage;
    DfArena *step;              /* tensor headers and notes of ops                 */
    DfTensor **tensors;         /* alive, in the order they were made              */
    size_t n_live, capacity;
    DfTensor **leaves;          /* not ours, but their gradients are               */
    size_t n_leaves, leaves_capacity;
    DfTensor *tape;             /* the last tensor on it                           */

    Scope scopes[SCOPES];
    int depth;
    char sentence[800];

    DfListener *listener;
    void *listener_user;
    bool listens_to_scopes, muted;
    DfPointListener *point_listener;
    void *point_listener_user;

    bool profiling;
    int row;                    /* the present one                                 */
    DfProfileRow *rows;
    size_t n_rows, rows_capacity;
    DfArena *profile_names;
};

void df_path_of_scope(const struct DfCtxParts *, char *out, size_t size);

#endif
