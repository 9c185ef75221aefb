/* SPDX-License-Identifier: Apache-2.0
 *
 * tensor/parts.h -- private: the parts of a context, and functions that its files share.
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
    uint64_t place;             /* a hash of the whole path                        */
} Scope;

/* How often random numbers were asked for at a place, by a sample. */
typedef struct {
    uint64_t key, n;            /* n = 0: the slot is free                         */
} Visits;

/* What a batch norm saw; its running statistics are to move towards it. Without
 * running_var: what is added to a count. */
typedef struct Seen {
    struct Seen *next;
    DfTensor *running_mean, *running_var;
    float momentum;
    const float *mean;
    const double *var;          /* unbiased                                        */
} Seen;

struct DfCtxParts {
    DfStorage *storage;
    DfArena *step;              /* tensor headers and notes of ops                 */
    DfTensor **tensors;         /* alive, in the order they were made              */
    size_t n_live, capacity;
    DfTensor **leaves;          /* not ours, but their gradients are               */
    size_t n_leaves, leaves_capacity;
    DfTensor *tape;             /* the last tensor on it                           */
    DfPacked *spare;            /* memory for a weight that is packed for one use  */

    Scope scopes[SCOPES];
    int depth;

    uint64_t seed;              /* of the step                                     */
    int first_sample;
    Visits *visits;             /* by hash                                         */
    size_t n_visits, visits_capacity;
    uint64_t *journal;          /* the streams of this step, as they were asked for */
    size_t drawn, n_journal, journal_capacity;

    bool forgets;               /* records, and forgets all but results: checkpoint.c */
    int replays;                /* parts within parts that run for the second time */

    Seen *seen, **seen_end;     /* by batch norms in this step, in order           */

    char sentence[800];         /* of the first failure                            */

    bool checks;                /* results and gradients: check.c                  */
    DfTensor *unchecked;        /* the last result, which is being computed        */
    const char *maker;          /* the op's name                                   */

    DfListener *listener;
    void *listener_user;
    bool listens_to_scopes, muted;
    DfPointListener *point_listener;
    void *point_listener_user;
    DfWeightListener *weight_listener;
    void *weight_listener_user;

    bool profiling;
    int row;                    /* the present one, -1 while nothing is counted    */
    DfProfileRow *rows;
    size_t n_rows, rows_capacity;
    DfArena *profile_names;
};

/* failure.c: "backbone.layers.0.blocks.1" */
void df_path_of_scope(const struct DfCtxParts *, char *out, size_t size);

/* random.c */
/* the hash of a path from that of the path around */
uint64_t df_place_below(uint64_t place, const char *name, int index);
void df_visits_forget(struct DfCtxParts *);

/* check.c: the last result, which is complete by now; one that is about to be computed; what an op gave its sources */
void df_check_made(DfCtx *);
void df_check_later(DfCtx *, const DfOp *, DfTensor *y);
void df_check_gradients(DfCtx *, const DfTensor *y);

/* make.c: y is a result of `op`, if the context records and a source wants a gradient */
void df_put_on_tape(DfCtx *, const DfOp *, DfTensor *y, int n_src, DfTensor *const *src);

/* tape.c: from the last tensor on the tape back to the first */
void df_walk(DfCtx *);

/* scope.c: leaves, and releases what was made since, although the context records */
void df_forget_from(DfCtx *, DfMark);

/* make.c: zeroed, for the whole step; NULL: poisoned */
void *df_note_space(DfCtx *, size_t size);

/* step.c */
DfBuffer *df_buffer_get(DfCtx *, size_t floats);  /* counted as alive; NULL when memory ran out                    */
void df_grad_release(DfCtx *, DfTensor *);        /* unless its memory is somebody else's                          */
void df_buffers_release(DfCtx *, DfTensor *);     /* of its data, its gradient and its packed copies; data is NULL */

/* profile.c */
double df_profile_enter(DfCtx *);                 /* the scope that was just opened; returns the time              */
void df_profile_leave(DfCtx *, DfMark);
void df_profile_count(DfCtx *, const DfTensor *y, int n_src, DfTensor *const *src); /* an op made y of these */

#endif
