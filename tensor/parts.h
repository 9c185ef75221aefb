/* SPDX-License-Identifier: Apache-2.0
 *
 * tensor/parts.h -- private: what a context is made of, and what its files share.
 */
#ifndef DF_TENSOR_PARTS_H
#define DF_TENSOR_PARTS_H

#include "tensor/context.h"
#include "tensor/listen.h"
#include "tensor/storage.h"

enum { SCOPES = 32 }; /* named scopes within one another; deeper ones only bound memory */

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
    char sentence[800];         /* of the first failure                            */

    DfListener *listener;
    void *listener_user;
    bool listens_to_scopes, muted;
    DfPointListener *point_listener;
    void *point_listener_user;

    bool profiling;
    int row;                    /* the present one, -1 while nothing is counted    */
    DfProfileRow *rows;
    size_t n_rows, rows_capacity;
    DfArena *profile_names;
};

/* failure.c: "backbone.layers.0.blocks.1" */
void df_path_of_scope(const struct DfCtxParts *, char *out, size_t size);

/* step.c */
DfBuffer *df_buffer_get(DfCtx *, size_t floats);  /* counted as alive; NULL when memory ran out                    */
void df_buffers_release(DfCtx *, DfTensor *);     /* of its data, its gradient and its packed copies; data is NULL */

/* profile.c */
double df_profile_enter(DfCtx *);                 /* the scope that was just opened; returns the time              */
void df_profile_leave(DfCtx *, DfMark);
void df_profile_count(DfCtx *, size_t activations);

#endif
