/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/gemm/gemm.h -- matrix products. Included by kernels/kernels.h: include that.
 *
 * The forward pass multiplies by weights that do not change, so they are packed once, into panels of DF_PANEL columns
 * in the order in which a kernel reads them (Goto and van de Geijn, ACM TOMS 2008). The epilogue of a product -- bias,
 * activation, scale, residual -- is applied while the result is still in registers. Products of two changing matrices,
 * in backward passes, pack both as they go.
 *
 * Drivers return DF_OK or DF_ENOMEM. All matrices are row-major; `ld..` (leading dimension) is the distance between
 * rows, in floats.
 */
#ifndef DF_KERNELS_GEMM_GEMM_H
#define DF_KERNELS_GEMM_GEMM_H

#include "core/core.h"
#include "kernels/leaves.h"
#include "kernels/precision.h"

DF_BEGIN_DECLS

/* A matrix of k rows and n columns, stored as panels of DF_PANEL columns: panel j holds rows 0..k-1, DF_PANEL floats
 * each, one after the other. So a tile reads contiguous memory. The last panel is padded with zeros. `data` is aligned
 * to 64 bytes. */
typedef struct {
    const float *data;
    size_t k, n;
    size_t panel; /* floats from a panel to the next: k DF_PANEL, or more if these are some rows of a matrix */
    bool turned; /* `data` is not panels but the transposed matrix, n rows of k, for DfGemmKernels.product */
} DfPanels;

/* A map or matrix of float32; or of bfloat16, which only products with weights of bfloat16 read and write. */
typedef struct {
    void *data;
    bool bf16;
} DfMap;

/* ---- packed weights --------------------------------------------------------------------------------------------- */

typedef enum {
    DF_PACK_GEMM,             /* a linear layer, or a convolution by patches; groups one after the other */
    DF_PACK_ITSELF,           /* the same, not copied, for rungs that have DfGemmKernels.product         */
    DF_PACK_WINOGRAD,         /* a 3x3 convolution transformed by Winograd's F(4x4, 3x3)                 */
    DF_PACK_WINOGRAD_STRIDED, /* one with a stride of 2                                                  */
    DF_PACK_WINOGRAD_TURNED   /* one with a stride of 1, rotated for the backward pass                   */
} DfPackKind;
typedef struct DfPacked DfPacked;

/* Packs a weight of O rows and K columns (a convolution: O kh kw I/groups) for the float32 product x w'. The caller
 * frees *out by df_packed_free(). On entry *out is NULL, or a packed weight that is no longer used: its memory is
 * reused if it is large enough, and freed if not. DF_OK or DF_ENOMEM. */
DF_API int df_pack(DfPacked **out, DfPool *, const float *w, size_t O, size_t K, size_t groups);
/* The same for products in bf16, in half the memory. */
DF_API int df_pack_bf16(DfPacked **out, DfPool *, const float *w, size_t O, size_t K, size_t groups);
/* The same without a copy, for rungs that have DfGemmKernels.product. The weight must outlive *out; after
 * df_packed_keep(), *out owns the weight's memory, which must come from df_malloc(), and frees it. */
DF_API int df_pack_itself(DfPacked **out, const float *w, size_t O, size_t K, size_t groups);
DF_API void df_packed_keep(DfPacked *, float *w);
DF_API void df_packed_free(DfPacked *); /* frees the whole list; NULL is allowed */
DF_API DfPackKind df_packed_kind(const DfPacked *);
DF_API DfPrecision df_packed_precision(const DfPacked *);
DF_API size_t df_packed_bytes(const DfPacked *); /* the memory that it uses */
/* Records that the rows of the weight were multiplied by `fold` (n factors) before packing: a batch norm folded into
 * it. */
DF_API int df_packed_folded(DfPacked *, const float *fold, size_t n);
/* Which part of a weight is packed. */
typedef struct {
    size_t first, n;      /* rows                                                                             */
    size_t input, inputs; /* of a convolution: its input channels from `input` on; inputs 0: all of them      */
    bool taps;            /* rows are kh kw O of `inputs` each, tap by tap, instead of O rows of kh kw inputs */
} DfPackedPart;
DF_API void df_packed_of_part(DfPacked *, DfPackedPart);
/* A weight may be packed for several uses: its copies are a linked list. df_packed_link() returns the new list.
 * df_packed_find() returns the copy of this kind, precision and part with these factors (one for each row; NULL: none),
 * or NULL if there is none. */
DF_API DfPacked *df_packed_link(DfPacked *one, DfPacked *list);
DF_API const DfPacked *df_packed_find(const DfPacked *list, DfPackKind, DfPrecision, DfPackedPart, const float *fold);
/* Call this after the weight has changed: its copies become stale and are no longer found, but their memory can be
 * reused. Those with factors are freed. Returns the new list. */
DF_API DfPacked *df_packed_age(DfPacked *list);
/* Takes a stale copy of this kind out of the list, for the caller to pack into or to free; NULL if there is none. */
DF_API DfPacked *df_packed_take_stale(DfPacked **list, DfPackKind);

/* Products in 8-bit integers. A weight becomes scale q with q in -127..127 and a scale for each row, its input
 * step (u - zero) with u in 0..255, which reaches from range[0] to range[1]. */
typedef struct {
    const float *scale; /* of each row; 0: the row is zero           */
    float range[2];     /* of the input: range[0] <= 0 <= range[1], not equal */
    float step;
    int zero;           /* 0..255                                    */
} DfQuantization;
DF_API int8_t df_int8_of(float x, float scale); /* x / scale, rounded to nearest, ties to even, within -127..127 */
enum { DF_INT8_MOST_TERMS = 32768 }; /* longer sums could overflow 32 bits */
/* df_pack() of such a weight: K is at most DF_INT8_MOST_TERMS. `fold` (O factors, or NULL) as in df_packed_folded(). */
DF_API int df_pack_int8(DfPacked **out, DfPool *, const float *w, size_t O, size_t K, size_t groups,
                        const DfQuantization *, const float *fold);

/* ---- products --------------------------------------------------------------------------------------------------- */

/* y = epilogue(a w'): a is M K, w O K (one group), y M O. y must not overlap a, and may be the residual only where
 * DfEpilogue allows it. */
DF_API int df_gemm_packed(DfPool *, const DfKernels *, size_t M, const float *a, size_t lda, const DfPacked *w,
                          float *y, size_t ldy, DfEpilogue);
/* The same of maps, without a residual where y is bfloat16; lda and ldy count numbers. */
DF_API int df_gemm_packed_maps(DfPool *, const DfKernels *, size_t M, DfMap a, size_t lda, const DfPacked *w, DfMap y,
                               size_t ldy, DfEpilogue);
/* y = epilogue(act(x w1' + b1) w2') with contiguous rows. Only a few rows of the hidden layer exist at a time. */
DF_API int df_mlp_packed(DfPool *, const DfKernels *, size_t M, const float *x, const DfPacked *w1, const float *b1,
                         DfAct, const DfPacked *w2, float *y, DfEpilogue);
/* A product whose rows are some pixels of a map N H W K: every step_x-th pixel of every step_y-th row, N out_H out_W in
 * all. It is a 1x1 convolution with a stride. */
typedef struct {
    DfMap x;
    size_t H, W, out_H, out_W, step_y, step_x;
    const DfPacked *w;  /* K O; NULL: there is no such product */
    const float *bias;  /* O, or NULL                          */
} DfPixelProduct;
/* Two products, one of the other's result, which is stored, too:
 *     h = first(x w1')     y = second(h w2')
 * Rows of h are multiplied while they are in the cache. All rows are contiguous. h may be its own residual where
 * DfEpilogue allows it; a y in bfloat16 has no residual. */
typedef struct {
    size_t M;
    DfMap x;            /* M I                                      */
    const DfPacked *w1; /* I H, one group                           */
    DfEpilogue first;
    float *h;           /* M H; NULL: it is not stored              */
    const DfPacked *w2; /* H O                                      */
    DfEpilogue second;
    DfMap y;            /* M O                                      */
    DfPixelProduct residual; /* of `first`, which has no other: M H, of which a few rows exist at a time. Where h is a
                              * result, and df_pair_is_long(M) */
} DfPair;
DF_API int df_pair_packed(DfPool *, const DfKernels *, const DfPair *);
/* Whether M rows are enough to compute both products together instead of one after the other. */
DF_API bool df_pair_is_long(size_t M);
/* c = alpha op(a) op(b) + beta c: a is M K, or K M if transpose_a; b is K N, or N K if transpose_b. c is M N and
 * overlaps neither. If beta is 0, c is not read. */
DF_API int df_gemm(DfPool *, const DfKernels *, bool transpose_a, bool transpose_b, size_t M, size_t N, size_t K,
                   float alpha, const float *a, size_t lda, const float *b, size_t ldb, float beta, float *c,
                   size_t ldc);

/* ---- on one thread, for drivers that are made of products ------------------------------------------------------- */

/* A product on the calling thread with matrix `matrix` of a packed weight, in the weight's precision: y = epilogue(a
 * w') for columns n0..n1-1 (n0 a multiple of df_packed_width()) and m rows; y, residual, bias and scale point to column
 * 0. `scratch` has df_packed_scratch(w, m, lda) bytes, aligned to 64; in float32 it may be NULL, which is slower for
 * long rows. */
DF_API void df_packed_rows(const DfKernels *, size_t m, const float *a, size_t lda, const DfPacked *w, size_t matrix,
                           size_t n0, size_t n1, float *y, size_t ldy, const DfEpilogue *, void *scratch);
DF_API size_t df_packed_scratch(const DfPacked *w, size_t m, size_t lda);
DF_API size_t df_packed_width(const DfKernels *, const DfPacked *w); /* columns of a tile */

/* The same in float32: n0 is a multiple of tile_n; `scratch` has df_gemm_scratch(m, lda) bytes or is NULL. */
DF_API void df_gemm_rows(const DfGemmKernels *, size_t m, const float *a, size_t lda, DfPanels b, size_t n0, size_t n1,
                         float *y, size_t ldy, const DfEpilogue *, float *scratch);
DF_API size_t df_gemm_scratch(size_t m, size_t lda);

DF_END_DECLS

#endif
