/* SPDX-License-Identifier: Apache-2.0
 *
 * tensor/context.h -- the two structs that carry everything, and what can be done with them besides ops. Included
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

/* An op as the tape sees it. backward() adds to df_grad(c, y->src[i]) for every source that wants a gradient,
 * reading y->grad and whatever the forward pass left in y->saved. */
typedef struct {
    const char *name;
    void (*backward)(DfCtx *c, DfTensor *y);
} DfOp;

struct DfTensor {
    float *data;        /* NULL in a dry context, and for tensors without elements */
    bool bf16;          /* numbers of bfloat16, which convolutions and df_max_pool2d() take, no other op */
    DfShape shape;
    float *grad;        /* same shape; NULL until something flows back             */
    bool wants_grad;    /* a parameter that is trained, or computed from one       */
    bool reached;       /* something flowed back to it; cleared by whoever clears the gradient */
    bool keeps_packed;  /* of a weight that is trained: it was used several times in the last step */
    int uses;           /* in this one                                             */

    const DfOp *op;     /* who made it, when recorded                              */
    DfTensor *src[DF_SOURCES];
    int n_src;
    void *saved;        /* the op's own notes, from df_save()                      */
    DfTensor *previous; /* on the tape                                             */
    int replay;         /* on which: 0, or that of a part that runs again          */

    DfBuffer *buffer, *grad_buffer; /* NULL if the memory is somebody else's: parameters */
    const DfTensor *first_user; /* of a parameter, during backward: what was made of it first is walked last */
    const char *made_at; /* the path of the module, while the context checks       */
    DfQuantization *quantization;   /* of a weight that is multiplied in 8 bits where no tape is kept; else NULL  */
    struct DfPacked *packed;        /* of a weight: copies in the order in which kernels read them, made on first use */
    const DfOrigin *origin;         /* of a weight: where its numbers come from while `data` is NULL */
    float *held;                    /* what df_hold() made `data`: the owner of the weight frees it  */
};

static inline int df_dim(const DfTensor *x, int i) /* the size of dimension i; i < 0 counts from the end */
{
    return x->shape.d[i < 0 ? x->shape.n + i : i];
}
static inline size_t df_size(const DfTensor *x)    /* number of elements */
{
    return df_count(x->shape);
}

static inline size_t df_floats(const DfTensor *x)  /* so much memory its numbers take */
{
    return x->bf16 ? (df_size(x) + 1) / 2 : df_size(x);
}

/* Frees the packed copies of a weight: when its numbers have changed, and before its own memory is freed. */
DF_API void df_packed_drop(DfTensor *weight);
/* The same after a step of training. A weight that was used several times in this step is expected to be so in the next
 * one, and keeps copies from now on, whose memory is used again; others are packed for each use. */
DF_API void df_packed_outdated(DfTensor *weight);

/* ---- weights without memory of their own ------------------------------------------------------------------------- */

/* A weight that is only read packed needs its own numbers when a packed copy is made, and no more: it may have no
 * data, and an origin, which gives the numbers for each use. Any op but those that pack gives such a weight its data
 * for good, and so does a context that records. */
typedef struct {
    const float *at;    /* df_size(w) numbers, in our order                      */
    float *own;         /* where they were put; NULL: they stand there by themselves */
    const DfOrigin *from; /* whose they are; NULL: the weight's                  */
} DfNumbers;
struct DfOrigin {
    int (*open)(const DfOrigin *, const DfTensor *w, DfNumbers *out);    /* out->own by df_malloc(), or NULL         */
    int (*close)(const DfOrigin *, const DfTensor *w, DfNumbers *); /* frees; an error: they were wrong, or may be */
};
/* The numbers of any weight for one use, between open and close; each may fail, and after a failure the numbers are not
 * to be used. Several threads may do so at once. */
DF_API int df_numbers_open(DfTensor *w, DfNumbers *out);
DF_API int df_numbers_close(DfTensor *w, DfNumbers *);
/* Afterwards w->data is there, until the owner of the weight takes it away again. */
DF_API int df_hold(DfTensor *w);

/* ---- the context ------------------------------------------------------------------------------------------------ */

/* Replaces n sums of this process by those over all of them, each of which calls it for the same sums in the same
 * order. DF_OK, or an error with its sentence. */
typedef int DfReduce(void *user, double *sums, size_t n);
/* All of a parameter's gradient has come, while backward goes on. */
typedef void DfArrived(void *user, DfTensor *parameter);

struct DfCtx {
    DfPool *pool;           /* borrowed; NULL: one thread                                            */
    const DfKernels *k;     /* which rung of kernels to use                                          */
    DfPrecision precision;  /* of products: df_ctx_set_precision()                                   */
    bool recording;         /* keep a tape, and all memory of the step with it                       */
    bool training;          /* dropout works, batch norm uses the batch                              */
    bool dry;               /* shapes, multiply-adds and memory only: no data is computed or read    */
    int err;                /* DF_OK, or the first failure                                           */
    DfTensor nil;           /* what ops return after a failure: all its sizes are 0                  */
    size_t live, peak;      /* bytes of activations now and at most                                  */
    DfReduce *reduce;       /* adds up over the processes that train together; NULL: there is one    */
    void *reduce_user;
    bool frugal;            /* backward frees what it needs no more: behind it only scalars can be read, */
                            /* and what is not on the tape                                           */
    DfArrived *arrived;     /* NULL: nobody asks                                                     */
    void *arrived_user;
    struct DfCtxParts *parts; /* private                                                             */
};

/* A context with its own step memory. `pool` is borrowed and may be NULL. DF_OK or DF_ENOMEM. */
DF_API int df_ctx_new(DfCtx **out, DfPool *pool);
DF_API void df_ctx_free(DfCtx *); /* NULL is fine */
/* Forgets all tensors of the step, the tape and the error. Memory is kept for the next step. */
DF_API void df_reset(DfCtx *);

/* In what products with weights, and those of attention, are computed from now on; DF_PRECISION_F32 at first. Weights
 * are packed once for each precision that they are used in. DF_EVALUE: this rung has no products of that precision. What is not float32 has
 * no way back: an op that a context should record then poisons it. */
DF_API int df_ctx_set_precision(DfCtx *, DfPrecision);

/* Poisons the context with a sentence, put behind the path of the module that runs; the first one stays. */
DF_API void df_ctx_fail(DfCtx *, int code, const char *format, ...) DF_PRINTF(3, 4);
/* DF_OK, or the code of the first failure with its sentence restored to df_error(). */
DF_API int df_ctx_error(DfCtx *);

/* ---- the step --------------------------------------------------------------------------------------------------- */

/* The random numbers that follow are those of this step of a run, whose seed it is; sample 0 of the batch is number
 * `first_sample` of all that belong to the step. A new context has seed, step and first sample 0. */
DF_API void df_ctx_seed(DfCtx *, uint64_t seed, uint64_t step, int first_sample);
/* The stream of a sample of the batch at the place where the pass is now: another one for each step, path of scopes,
 * and time that it is asked for there since df_reset() or df_ctx_seed(). Nothing else matters: neither threads, nor
 * what else ran, nor the other samples of the batch. */
DF_API DfRandom df_ctx_random(DfCtx *, int sample);
/* Moves the running statistics of batch norms by what they saw since df_reset(), in order; once a pass, after it. True
 * if there were some. */
DF_API bool df_apply_statistics(DfCtx *);
/* The same moment adds `by`, as many numbers, to a tensor that counts what training met; copied at once. */
DF_API void df_count_up(DfCtx *, DfTensor *counter, const float *by);
/* x over all processes that train together: an average of a loss counts what all of them have. All ask, in the same
 * order. */
DF_API double df_ctx_sum(DfCtx *, double x);

/* Looks through every result for a number that is NaN or infinite, and in backward through every gradient. The first
 * one poisons the context with DF_EVALUE, and the sentence names module and op. It takes time: for a second pass,
 * when the first one gave a loss that is no number. */
DF_API void df_ctx_check(DfCtx *, bool on);
/* The same of a few numbers, for any pass: what a layer cannot compute spreads over all of a map, so that its middle
 * tells. Looks at the cell in the middle of each item of x (items .. channels: of a map N H W C the pixel at H/2, W/2).
 * A number there that is NaN or infinite poisons the context with DF_EVALUE; the sentence says `what`, with its index
 * unless that is negative. Nothing is looked at in a context that is dry, trains or records: losses tell there. */
DF_API void df_want_numbers(DfCtx *, const DfTensor *x, const char *what, int index);

/* ---- scopes ----------------------------------------------------------------------------------------------------- */

/* A scope is a module call: it names what runs, for messages and profiles (a NULL name: it has none), and bounds
 * memory. Between enter and leave ops allocate; leave frees all of it but what is kept, unless the context records.
 * No data moves.
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
/* The same with another tensor that is kept, or NULL. */
DF_API DfTensor *df_leave_with(DfCtx *, DfMark, DfTensor *keep, DfTensor *also);
DF_API void df_leave_all(DfCtx *, DfMark, DfTensor *const *keep, int n);

/* Frees one tensor before its scope is left. Nothing happens when the context records: the way back needs all
 * tensors. */
DF_API void df_release(DfCtx *, DfTensor *x);
/* The step of a loop over blocks: y becomes the new *x, and the old one is released unless it is y itself.
 *     for (int i = 0; i < n; i++)
 *         df_next(c, &x, block(c, &blocks[i], x));
 * The first x must be the loop's own: where it belongs to a caller, run the first block before the loop. */
DF_API void df_next(DfCtx *, DfTensor **x, DfTensor *y);

/* ---- memory for time -------------------------------------------------------------------------------------------- */

/* A part of a network as a function of one tensor. */
typedef DfTensor *DfPart(DfCtx *, const void *self, DfTensor *x);
/* part(c, self, x), of which backward remembers x alone: it runs the part once more, to the same bits. `self`, of
 * `size` bytes, is copied. Where x wants no gradient, or the context does not record, it is a plain call. A weight that
 * is used in several such parts is not for c->arrived, which would hear of it too early. */
DF_API DfTensor *df_checkpoint(DfCtx *, DfPart *part, const void *self, size_t size, DfTensor *x);

/* Whether a context that records forgets all that scopes do not keep, as if it did not: for parts that have no way
 * back, since nothing in them wants a gradient. A pass gives the same bits either way. */
DF_API void df_forget(DfCtx *, bool forget);

/* ---- profiles --------------------------------------------------------------------------------------------------- */

/* Multiply-adds, one for a multiply and an add, by what the field's counters see of them. */
typedef enum {
    DF_MACS_LAYER,     /* layers with weights: every counter has them                                            */
    DF_MACS_ATTENTION, /* products between activations: some counters leave them out                             */
    DF_MACS_PADDING,   /* what the official code computes on padded tokens and we do not                         */
    DF_MACS_SPARED,    /* of the layers' what is not done: Winograd's method needs fewer than direct arithmetic  */
    DF_MAC_KINDS
} DfMacs;

/* What a profile keeps of one scope: a module by its path, times over all visits. */
typedef struct {
    const char *path;           /* "backbone.layers.0.blocks.1.attn"                                   */
    double macs[DF_MAC_KINDS];  /* inner scopes included                                               */
    double seconds;             /* likewise                                                            */
    size_t activations;         /* float32 elements that ops in it produced, inner scopes included     */
    double bytes;               /* that ops read and wrote: arguments, weights, results, each once     */
    long visits;
    int depth, parent;          /* parent: index of the scope around it, -1 for none                   */
} DfProfileRow;

/* Switch on before the pass, read after it. Rows are in order of first visit; row 0 is the whole pass. */
DF_API void df_profile(DfCtx *, bool on);
DF_API void df_profile_pause(DfCtx *, bool pause); /* passes that are not to be counted */
DF_API int df_profile_rows(const DfCtx *, const DfProfileRow **rows);
DF_API void df_macs(DfCtx *, DfMacs kind, double n); /* ops say what they cost */
/* An op reads its arguments and writes its result: df_output() counts these. What else it reads, in floats, and what of
 * its arguments it does not. */
DF_API void df_reads(DfCtx *, size_t floats);
DF_API void df_leaves_unread(DfCtx *, size_t floats);

/* ---- making tensors --------------------------------------------------------------------------------------------- */

DF_API DfTensor *df_new(DfCtx *, DfShape);                     /* undefined content */
DF_API DfTensor *df_zeros(DfCtx *, DfShape);
DF_API DfTensor *df_from(DfCtx *, DfShape, const float *data); /* a copy            */
DF_API DfTensor *df_borrow(DfCtx *, DfShape, float *data);     /* the caller's memory, which must outlive the step */

/* For ops. A tensor made by `op` from n sources (entries may be NULL: an absent bias): if one of them wants a
 * gradient and the context records, it goes on the tape. &c->nil if the context is poisoned or memory ran out, then
 * the op returns at once:
 *     DfTensor *y = df_output(c, &op, x->shape, 1, &x);
 *     if (df_skip(c, y)) return y;                                       poisoned, dry or empty: nothing to compute */
DF_API DfTensor *df_output(DfCtx *, const DfOp *, DfShape, int n_src, DfTensor *const *src);
/* For ops that read their weights packed, which need no data of their own then
 * (DfOrigin); df_output() gives it them. */
DF_API DfTensor *df_output_packing(DfCtx *, const DfOp *, DfShape, int n_src, DfTensor *const *src);
/* The same in the memory of x, which nobody reads from here on but the op itself; if x has memory that nobody shares, and
 * nothing is recorded. As df_output_bf16(), of float32. */
DF_API DfTensor *df_output_over(DfCtx *, const DfOp *, DfTensor *x, int n_src, DfTensor *const *src);
/* The same for an op that reads tensors of bfloat16 and may make one, where the context does not record. */
DF_API DfTensor *df_output_bf16(DfCtx *, bool bf16, const DfOp *, DfShape, int n_src, DfTensor *const *src);
/* The same sharing the memory of src[0]: reshape and its kin. Never written through afterwards. */
DF_API DfTensor *df_view(DfCtx *, const DfOp *, DfShape, DfTensor *src, size_t offset);
DF_API bool df_skip(const DfCtx *, const DfTensor *y);
DF_API bool df_taped(const DfTensor *y);                  /* y is on the tape: the op must save what backward needs */
DF_API void *df_save(DfCtx *, DfTensor *y, size_t size);  /* zeroed notes, for the whole step; NULL: poisoned    */
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
