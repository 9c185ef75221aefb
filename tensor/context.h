/* SPDX-License-Identifier: Apache-2.0
 *
 * tensor/context.h -- the two structs that all code uses, DfTensor and DfCtx, and their functions except ops. Included
 * by tensor/tensor.h: include that.
 */
#ifndef DF_TENSOR_CONTEXT_H
#define DF_TENSOR_CONTEXT_H

#include "core/core.h"
#include "kernels/kernels.h"
#include "tensor/shape.h"

DF_BEGIN_DECLS

enum { DF_SOURCES = 12 }; /* most arguments of an op */

typedef struct DfTensor DfTensor;
typedef struct DfCtx DfCtx;
typedef struct DfBuffer DfBuffer; /* reference-counted memory of a step */
typedef struct DfOrigin DfOrigin;

/* ---- tensors ---------------------------------------------------------------------------------------------------- */

/* An op on the tape. backward() adds to df_grad(c, y->src[i]) for every source that wants a gradient; it reads y->grad
 * and what the forward pass stored in y->saved. */
typedef struct {
    const char *name;
    void (*backward)(DfCtx *c, DfTensor *y);
} DfOp;

struct DfTensor {
    float *data;        /* NULL in a dry context, and for tensors without elements */
    bool bf16;          /* the data are bfloat16, which only convolutions and df_max_pool2d() read */
    DfShape shape;
    float *grad;        /* same shape; NULL until something flows back             */
    bool wants_grad;    /* a parameter that is trained, or computed from one       */
    bool reached;       /* its gradient was written; the code that clears the gradient clears this */
    bool keeps_packed;  /* trained weight: was used several times in the last step */
    int uses;           /* trained weight: uses in this step                       */

    const DfOp *op;     /* the op that made it, if recorded                        */
    DfTensor *src[DF_SOURCES];
    int n_src;
    void *saved;        /* what the op keeps for backward, from df_save()          */
    DfTensor *previous; /* on the tape                                             */
    int replay;         /* the tape: 0, or that of a recomputed part               */

    DfBuffer *buffer, *grad_buffer; /* NULL if the tensor does not own its memory: parameters */
    const DfTensor *first_user; /* parameter, during backward: its first use on the tape, reached last */
    const char *made_at; /* the path of the module, while the context checks       */
    DfQuantization *quantization;   /* of an int8 weight (used when no tape is kept); else NULL                  */
    struct DfPacked *packed;        /* of a weight: copies in the order in which kernels read them, made on first use */
    const DfOrigin *origin;         /* of a weight: the source of its numbers while `data` is NULL */
    float *held;                    /* the memory of `data` from df_hold(): the owner of the weight frees it */
};

static inline int df_dim(const DfTensor *x, int i) /* the size of dimension i; i < 0 counts from the end */
{
    return x->shape.d[i < 0 ? x->shape.n + i : i];
}
static inline size_t df_size(const DfTensor *x)    /* number of elements */
{
    return df_count(x->shape);
}

static inline size_t df_floats(const DfTensor *x)  /* its memory, in floats */
{
    return x->bf16 ? (df_size(x) + 1) / 2 : df_size(x);
}

/* Frees the packed copies of a weight: when its numbers have changed, and before its own memory is freed. */
DF_API void df_packed_drop(DfTensor *weight);
/* The same after a training step. A weight that was used several times in this step will probably be used as often in
 * the next one; it keeps packed copies from now on, in the same memory. Other weights are packed for each use. */
DF_API void df_packed_outdated(DfTensor *weight);

/* ---- weights that are not kept in memory ------------------------------------------------------------------------- */

/* A weight that is only read packed needs its numbers only while a packed copy is made. So it may have no data, but an
 * origin that provides the numbers for each use. If an op reads the weight unpacked, or a context records, the weight
 * gets its data permanently. */
typedef struct {
    const float *at;    /* df_size(w) numbers, in our order                      */
    float *own;         /* memory to free; NULL: the numbers are in the origin's memory */
    const DfOrigin *from; /* their origin; NULL: they are the weight's own data  */
} DfNumbers;
struct DfOrigin {
    int (*open)(const DfOrigin *, const DfTensor *w, DfNumbers *out);    /* out->own by df_malloc(), or NULL         */
    int (*close)(const DfOrigin *, const DfTensor *w, DfNumbers *); /* frees; an error: the numbers may be wrong */
};
/* The numbers of any weight for one use, between open and close. Both may fail; do not use the numbers after a failure.
 * Several threads may call these at once. */
DF_API int df_numbers_open(DfTensor *w, DfNumbers *out);
DF_API int df_numbers_close(DfTensor *w, DfNumbers *);
/* Loads w->data, which stays until the owner of the weight removes it. */
DF_API int df_hold(DfTensor *w);

/* ---- the context ------------------------------------------------------------------------------------------------ */

/* Replaces n sums of this process by the sums over all processes. All processes must call it for the same sums in the
 * same order. DF_OK, or an error with its sentence. */
typedef int DfReduce(void *user, double *sums, size_t n);
/* Called during backward when the gradient of a parameter is complete. */
typedef void DfArrived(void *user, DfTensor *parameter);

struct DfCtx {
    DfPool *pool;           /* borrowed; NULL: one thread                                            */
    const DfKernels *k;     /* the kernels to use (of one rung)                                      */
    DfPrecision precision;  /* of products: df_ctx_set_precision()                                   */
    bool recording;         /* keep a tape, and with it all memory of the step                       */
    bool training;          /* dropout works, batch norm uses the batch                              */
    bool dry;               /* shapes, multiply-adds and memory only: no data is computed or read    */
    int err;                /* DF_OK, or the first failure                                           */
    DfTensor nil;           /* what ops return after a failure: all its sizes are 0                  */
    size_t live, peak;      /* bytes of activations: now, and the maximum                            */
    DfReduce *reduce;       /* sums over the processes that train together; NULL: one process        */
    void *reduce_user;
    bool frugal;            /* backward frees what it no longer needs: after it, only scalars and    */
                            /* tensors that are not on the tape can be read                          */
    DfArrived *arrived;     /* NULL: not needed                                                      */
    void *arrived_user;
    struct DfCtxParts *parts; /* private                                                             */
};

/* A context with its own step memory. `pool` is borrowed and may be NULL. DF_OK or DF_ENOMEM. */
DF_API int df_ctx_new(DfCtx **out, DfPool *pool);
DF_API void df_ctx_free(DfCtx *); /* NULL is fine */
/* Drops all tensors of the step, the tape and the error. The memory is kept for the next step. */
DF_API void df_reset(DfCtx *);

/* Sets the precision of products with weights and of attention; the default is DF_PRECISION_F32. Weights are packed
 * once for each precision in use. DF_EVALUE: this rung does not support the precision. Only float32 has a backward
 * pass: with another precision, an op in a context that records poisons the context. */
DF_API int df_ctx_set_precision(DfCtx *, DfPrecision);

/* Poisons the context with a sentence, which is prefixed with the path of the current module. The first error is kept.
 */
DF_API void df_ctx_fail(DfCtx *, int code, const char *format, ...) DF_PRINTF(3, 4);
/* DF_OK, or the code of the first failure with its sentence restored to df_error(). */
DF_API int df_ctx_error(DfCtx *);

/* ---- the step --------------------------------------------------------------------------------------------------- */

/* Sets the random numbers to those of step `step` of a run with this seed. Sample 0 of the batch is sample
 * `first_sample` of the whole step. A new context has seed, step and first sample 0. */
DF_API void df_ctx_seed(DfCtx *, uint64_t seed, uint64_t step, int first_sample);
/* A random stream for a sample of the batch. It depends on the seed, the step, the sample, the path of scopes, and how
 * often it was asked for on this path since df_reset() or df_ctx_seed(); not on threads, other modules, or the other
 * samples of the batch. */
DF_API DfRandom df_ctx_random(DfCtx *, int sample);
/* Updates the running statistics of batch norms with the batches since df_reset(), in order. Call once after each pass.
 * True if there were any. */
DF_API bool df_apply_statistics(DfCtx *);
/* Lets df_apply_statistics() also add `by` (as many numbers; copied at once) to a tensor that counts in training. */
DF_API void df_count_up(DfCtx *, DfTensor *counter, const float *by);
/* The sum of x over all processes that train together, for the average factor of a loss. All processes must call it,
 * in the same order. */
DF_API double df_ctx_sum(DfCtx *, double x);

/* Checks every result, and in backward every gradient, for NaN and infinity. The first one poisons the context with
 * DF_EVALUE; the sentence names module and op. This is slow: use it for a second pass after a loss that is not finite.
 */
DF_API void df_ctx_check(DfCtx *, bool on);
/* A cheap check for any pass: NaN usually spreads over the whole map, so only the middle cell of each item of x is
 * checked (for a map N H W C the pixel at H/2, W/2). NaN or infinity there poisons the context with DF_EVALUE; the
 * sentence names `what`, with its index unless that is negative. Does nothing in a context that is dry, trains or
 * records; there the losses are checked. */
DF_API void df_want_numbers(DfCtx *, const DfTensor *x, const char *what, int index);

/* ---- scopes ----------------------------------------------------------------------------------------------------- */

/* A scope is a call of a module. It gives the module a name in messages and profiles (NULL: no name), and limits
 * memory: leave frees all tensors that were made since enter, except those to keep, unless the context records. No data
 * moves.
 *     DfMark m = df_enter(c, "blocks", i);                  index -1: none
 *     ...
 *     return df_leave(c, m, x); */
typedef struct {
    size_t tensors;
    int depth, row;
    double start;
} DfMark;
DF_API DfMark df_enter(DfCtx *, const char *name, int index);
DF_API DfTensor *df_leave(DfCtx *, DfMark, DfTensor *keep);
/* The same, keeping a second tensor (or NULL). */
DF_API DfTensor *df_leave_with(DfCtx *, DfMark, DfTensor *keep, DfTensor *also);
DF_API void df_leave_all(DfCtx *, DfMark, DfTensor *const *keep, int n);

/* Frees one tensor before its scope is left. Does nothing when the context records, because backward needs all
 * tensors. */
DF_API void df_release(DfCtx *, DfTensor *x);
/* The step of a loop over blocks: y becomes the new *x, and the old one is released unless it is y itself.
 *     for (int i = 0; i < n; i++)
 *         df_next(c, &x, block(c, &blocks[i], x));
 * The first x must not belong to the caller: otherwise run the first block before the loop. */
DF_API void df_next(DfCtx *, DfTensor **x, DfTensor *y);

/* ---- activation checkpointing ----------------------------------------------------------------------------------- */

/* A part of a network as a function of one tensor. */
typedef DfTensor *DfPart(DfCtx *, const void *self, DfTensor *x);
/* Computes part(c, self, x), but keeps only x for backward, which runs the part again, to the same bits. `self`, of
 * `size` bytes, is copied. If x wants no gradient, or the context does not record, this is a plain call. If a weight is
 * used in several such parts, c->arrived is called too early for it. */
DF_API DfTensor *df_checkpoint(DfCtx *, DfPart *part, const void *self, size_t size, DfTensor *x);

/* With `forget`, scopes free memory even though the context records: for parts of a network without gradients. The
 * bits of a pass are the same. */
DF_API void df_forget(DfCtx *, bool forget);

/* ---- profiles --------------------------------------------------------------------------------------------------- */

/* Multiply-adds (a multiplication and an addition count as one), by kinds that other counters include or not. */
typedef enum {
    DF_MACS_LAYER,     /* layers with weights: all counters include them                                         */
    DF_MACS_ATTENTION, /* products between activations: some counters leave them out                             */
    DF_MACS_PADDING,   /* work of the official code on padded tokens, which is skipped here                      */
    DF_MACS_SPARED,    /* part of LAYER that is not computed: Winograd's method needs fewer multiplications      */
    DF_MAC_KINDS
} DfMacs;

/* A profile of one scope: a module by its path, summed over all visits. */
typedef struct {
    const char *path;           /* "backbone.layers.0.blocks.1.attn"                                   */
    double macs[DF_MAC_KINDS];  /* inner scopes included                                               */
    double seconds;             /* likewise                                                            */
    size_t activations;         /* float32 elements that ops in it produced, inner scopes included     */
    double bytes;               /* read and written by ops: arguments, weights, results, each once     */
    long visits;
    int depth, parent;          /* parent: index of the scope around it, -1 for none                   */
} DfProfileRow;

/* Switch on before the pass, read after it. Rows are in order of first visit; row 0 is the whole pass. */
DF_API void df_profile(DfCtx *, bool on);
DF_API void df_profile_pause(DfCtx *, bool pause); /* for passes that should not count */
DF_API int df_profile_rows(const DfCtx *, const DfProfileRow **rows);
DF_API void df_macs(DfCtx *, DfMacs kind, double n); /* called by ops: their cost */
/* df_output() counts that an op reads its arguments and writes its result. These add further reads, and subtract
 * arguments that the op does not read; in floats. */
DF_API void df_reads(DfCtx *, size_t floats);
DF_API void df_leaves_unread(DfCtx *, size_t floats);

/* ---- making tensors --------------------------------------------------------------------------------------------- */

DF_API DfTensor *df_new(DfCtx *, DfShape);                     /* undefined content */
DF_API DfTensor *df_zeros(DfCtx *, DfShape);
DF_API DfTensor *df_from(DfCtx *, DfShape, const float *data); /* a copy            */
DF_API DfTensor *df_borrow(DfCtx *, DfShape, float *data);     /* the caller's memory, which must outlive the step */

/* For ops: makes the result of `op` from n sources (entries may be NULL: an absent bias). If a source wants a gradient
 * and the context records, the result goes on the tape. Returns &c->nil if the context is poisoned or memory ran out;
 * the op then returns at once:
 *     DfTensor *y = df_output(c, &op, x->shape, 1, &x);
 *     if (df_skip(c, y)) return y;                                       poisoned, dry or empty: nothing to compute */
DF_API DfTensor *df_output(DfCtx *, const DfOp *, DfShape, int n_src, DfTensor *const *src);
/* For ops that read their weights only packed: these weights need no data (DfOrigin), whereas df_output() loads it. */
DF_API DfTensor *df_output_packing(DfCtx *, const DfOp *, DfShape, int n_src, DfTensor *const *src);
/* The same, but the result may reuse the memory of x, if x shares it with no other tensor and nothing is recorded.
 * Only the op itself may read x from here on. Accepts bfloat16 sources like df_output_bf16(); the result is float32. */
DF_API DfTensor *df_output_over(DfCtx *, const DfOp *, DfTensor *x, int n_src, DfTensor *const *src);
/* The same for an op that can read bfloat16 tensors and, if the context does not record, make one. */
DF_API DfTensor *df_output_bf16(DfCtx *, bool bf16, const DfOp *, DfShape, int n_src, DfTensor *const *src);
/* The same, sharing the memory of src[0], for reshape and similar ops. Do not write to the result. */
DF_API DfTensor *df_view(DfCtx *, const DfOp *, DfShape, DfTensor *src, size_t offset);
DF_API bool df_skip(const DfCtx *, const DfTensor *y);
DF_API bool df_taped(const DfTensor *y);                  /* y is on the tape: the op must save what backward needs */
DF_API void *df_save(DfCtx *, DfTensor *y, size_t size);  /* zeroed memory for the whole step; NULL: poisoned    */
DF_API float *df_workspace(DfCtx *, size_t floats);       /* undefined, until the scope is left; NULL: poisoned  */
/* n_src, src of these tensors */
#define DF_SOURCES_OF(...) \
    (int)(sizeof((DfTensor *[]){ __VA_ARGS__ }) / sizeof(DfTensor *)), (DfTensor *[]){ __VA_ARGS__ }

/* ---- the tape --------------------------------------------------------------------------------------------------- */

DF_API float *df_grad(DfCtx *, DfTensor *x); /* where to add dL/dx; NULL if x wants none (or is NULL) */
/* Walks the tape from y back to the parameters. `seed` is dL/dy (size of y), NULL for 1 everywhere. May be called
 * for several outputs of one step by seeding them first: df_seed() only adds to y's gradient, df_backward(c, NULL,
 * NULL) then walks. */
DF_API void df_seed(DfCtx *, DfTensor *y, const float *seed);
DF_API void df_backward(DfCtx *, DfTensor *y, const float *seed);

DF_END_DECLS

#endif
