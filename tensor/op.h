/* SPDX-License-Identifier: Apache-2.0
 *
 * tensor/op.h -- private: helpers that ops share. An op checks its shapes and fails with a sentence, divides its work
 * into blocks that depend on the sizes alone, and adds partial results in the order of the blocks. So a result has the
 * same bits for any number of threads.
 */
#ifndef DF_TENSOR_OP_H
#define DF_TENSOR_OP_H

#include "tensor/tensor.h"

/* ---- complaints ------------------------------------------------------------------------------------------------- */

typedef struct {
    char text[96];
} DfShapeText;
DfShapeText df_shape_text(DfShape);             /* "2 7 24"; "scalar"                  */
DfShapeText df_tensor_text(const DfTensor *);   /* of its shape; "none" if it is NULL  */
#define DF_TEXT(tensor) (df_tensor_text(tensor).text)

/* Poisons the context with DF_ESHAPE and returns &c->nil:  return df_refuse(c, "gelu: ..."); */
DfTensor *df_refuse(DfCtx *, const char *format, ...) DF_PRINTF(2, 3);
/* Poisons the context if a kernel returned an error, with the sentence that it left. */
void df_check(DfCtx *, int error);

/* ---- gradients -------------------------------------------------------------------------------------------------- */

/* As df_grad(), but where nothing has been added yet, *fresh is true and the numbers are undefined: all are to be
 * written. */
float *df_grad_new(DfCtx *, DfTensor *x, bool *fresh);
/* Adds g, of x's size, to the gradient of x if it wants one. */
void df_grad_add(DfCtx *, DfTensor *x, const float *g);
/* Makes y's gradient that of x, where x, of the same size, has none yet. The last thing that the backward of y does:
 * its own gradient is gone. False where it cannot be done. */
bool df_grad_hand_over(DfCtx *, DfTensor *x, DfTensor *y);

/* ---- arguments -------------------------------------------------------------------------------------------------- */

int df_axis(const DfTensor *x, int dim);        /* 0..n-1 for dim in -n..n-1, else -1  */

static inline bool df_is_row(const DfTensor *x, int n) /* of n elements, or absent */
{
    return !x || (x->shape.n == 1 && x->shape.d[0] == n);
}
static inline const float *df_data_of(const DfTensor *x)
{
    return x ? x->data : NULL;
}
static inline float df_at_or(const DfTensor *x, size_t i, float absent) /* element i */
{
    return x ? x->data[i] : absent;
}

/* If y is on the tape, it keeps a copy of `size` bytes for the way back, as y->saved. */
void df_note(DfCtx *, DfTensor *y, const void *note, size_t size);

/* A key from df_ctx_random(c, sample). */
DfKey df_ctx_key(DfCtx *, int sample);
/* In training with p > 0 a key for each of n samples, which last for the whole step; else nothing is dropped. */
DfDropout df_ctx_dropout(DfCtx *, float p, int samples);

/* ---- work ------------------------------------------------------------------------------------------------------- */

enum {
    DF_BLOCK = 16384,  /* floats that one task takes of an elementwise op: 64 KiB */
    DF_CHANNELS = 64   /* that one task takes of a map to which it adds           */
};

/* df_parallel() on the context's pool; poisons the context when there is no memory for the scratch. */
void df_run(DfCtx *, size_t tasks, size_t scratch, DfTask *run, void *arg);

/* Runs over items 0..n-1 in blocks of `block`. */
typedef void DfRange(void *arg, const DfPointwiseKernels *k, size_t from, size_t count);
void df_ranges(DfCtx *, size_t n, size_t block, DfRange *run, void *arg);

static inline size_t df_blocks(size_t n, size_t block)
{
    return (n + block - 1) / block;
}
static inline size_t df_at_least_1(size_t n) /* rows of a block: df_at_least_1(DF_BLOCK / length of a row) */
{
    return n ? n : 1;
}

/* Pixels of a result that lie side by side read some of the same pixels of the map, so on the way back two tasks must
 * not take two pixels. They take some channels each, of one plane (a sample, or a group of its channels), and walk over
 * all its pixels: there are planes * df_blocks(C, DF_CHANNELS) such tasks. */
typedef struct {
    size_t plane, first, n; /* channels first .. first + n - 1 */
} DfChannels;
static inline DfChannels df_channels(size_t task, size_t C)
{
    const size_t blocks = df_blocks(C, DF_CHANNELS);
    const size_t first = task % blocks * DF_CHANNELS;
    const size_t left = C - first;
    return (DfChannels){ task / blocks, first, left < DF_CHANNELS ? left : DF_CHANNELS };
}

/* `rows` rows of n floats, ld apart: copied, or added (y += x). */
void df_copy_rows(DfCtx *, float *y, size_t ldy, const float *x, size_t ldx, size_t rows, size_t n);
void df_add_rows(DfCtx *, float *y, size_t ldy, const float *x, size_t ldx, size_t rows, size_t n);

#endif
