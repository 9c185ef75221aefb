/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/gemm/parts.h -- private to kernels/: the parts of matrix products that convolutions and attention use, too:
 * packed weights, products on one thread, and helpers of epilogues.
 */
#ifndef DF_KERNELS_GEMM_PARTS_H
#define DF_KERNELS_GEMM_PARTS_H

#include "kernels/cut.h"
#include "kernels/gemm/gemm.h"

/* Sums of products with packed weights are computed in blocks of k. The sum of a block starts at zero and is added to
 * the sums before it, so all code that divides k at the same places computes the same bits. */
enum { DF_K_BLOCK = 256, DF_BF16_K_BLOCK = 512 }; /* the longest blocks: 16 KiB of a panel */

static inline size_t df_k_blocks(size_t k, bool bf16)
{
    const size_t blocks = df_ceil_div(k, bf16 ? DF_BF16_K_BLOCK : DF_K_BLOCK);
    return blocks ? blocks : 1;
}

/* The start of a block: in bfloat16 an even number. */
static inline size_t df_k_cut(size_t k, bool bf16, size_t blocks, size_t block)
{
    return bf16 ? df_smaller(2 * df_cut(df_ceil_div(k, 2), blocks, block), k) : df_cut(k, blocks, block);
}

/* Whether the epilogue has only a bias and a residual: then the residual may be added first, and may be the result
 * itself. */
static inline bool df_epilogue_is_sum(const DfEpilogue *e)
{
    return e->act == DF_ACT_NONE && !e->scale;
}

/* Whether the first block of k may start from the residual. */
static inline bool df_epilogue_begins_with_residual(const DfEpilogue *e)
{
    return e->residual && (e->inside || df_epilogue_is_sum(e));
}

/* The C reference of the epilogue, on n results side by side at offset `at` of the result, from column `column` on. */
void df_epilogue_c(float *y, size_t n, const DfEpilogue *, size_t at, size_t column);

/* A packed weight: its matrices one after the other, each as DfPanels or DfBf16Panels. */
struct DfPacked {
    DfPackKind kind;
    DfPrecision precision;
    size_t matrices;  /* one for each group, or each product of Winograd's     */
    size_t k, n;      /* of each                                               */
    size_t stride;    /* floats of one matrix                                  */
    float *data;      /* or twice as many bfloat16                             */
    size_t capacity;  /* floats that its memory can hold                       */
    const float *itself; /* DF_PACK_ITSELF: the weight                         */
    DfPackedPart part; /* which part of the weight this is                     */
    float *fold;      /* factors of the rows, as they were at packing; or NULL */
    struct DfInt8 *int8; /* a weight of 8 bits, instead of data; else NULL     */
    bool stale;       /* the weight has changed since                          */
    DfPacked *next;   /* the same weight, packed for another use               */
};

/* df_gemm_rows() for rungs with DfGemmKernels.product. */
void df_gemm_rows_whole(const DfGemmKernels *, size_t m, const float *a, size_t lda, DfPanels b, size_t n0, size_t n1,
                        float *y, size_t ldy, const DfEpilogue *e);

DfPanels df_packed_panels(const DfPacked *, size_t matrix);
/* The submatrix of rows k0..k0+k-1 and columns n0..n0+n-1; n0 is a multiple of DF_PANEL. */
static inline DfPanels df_panels_part(DfPanels b, size_t k0, size_t k, size_t n0, size_t n)
{
    return (DfPanels){ b.data + n0 / DF_PANEL * b.panel + k0 * DF_PANEL, k, n, b.panel, b.turned };
}
size_t df_packed_matrices(const DfPacked *);

/* An empty packed weight of `matrices` matrices of k x n; NULL if out of memory. */
DfPacked *df_packed_new(DfPackKind, size_t matrices, size_t k, size_t n);
/* The same in the memory of `old` if that is large enough; else `old`, which may be NULL, is freed. */
DfPacked *df_packed_into(DfPacked *old, DfPackKind, size_t matrices, size_t k, size_t n);
/* Fills rows k0..k0+rows-1 of a matrix from w[row * row_step + column * column_step]. */
void df_packed_fill(DfPacked *, size_t matrix, size_t k0, size_t rows, const float *w, size_t row_step,
                    size_t column_step);

/* The same in bfloat16: rows along k in pairs; after an odd k comes a row of zeros. */
typedef struct {
    const uint16_t *data;
    size_t k, n;
    size_t panel; /* numbers from a panel to the next */
} DfBf16Panels;
DfPacked *df_packed_into_bf16(DfPacked *old, DfPackKind kind, size_t matrices, size_t k, size_t n);
DfBf16Panels df_packed_bf16_panels(const DfPacked *, size_t matrix);
/* As df_panels_part(); k0 is even. */
static inline DfBf16Panels df_bf16_panels_part(DfBf16Panels b, size_t k0, size_t k, size_t n0, size_t n)
{
    return (DfBf16Panels){ b.data + n0 / DF_PANEL * b.panel + k0 * DF_PANEL, k, n, b.panel };
}

/* y = epilogue(a b) on the calling thread, in bfloat16, for m rows and columns n0..n1-1, n0 a multiple of tile_n.
 * Rows of odd length are followed by a zero. The rows come from one of three: `a`, `rounded` or `gather`. */
typedef struct {
    size_t m;
    const float *a;          /* m K, rows `lda` apart; rounded block by block */
    const uint16_t *rounded; /* if not NULL: rows that are bfloat16 already   */
    size_t lda;
    /* if not NULL: writes numbers k0..k1-1 of all rows */
    void (*gather)(const void *from, size_t k0, size_t k1, uint16_t *to, size_t ld);
    const void *from;
    DfBf16Panels b;
    size_t n0, n1;
    float *y;
    size_t ldy;
    const DfEpilogue *e;
    const uint16_t *then; /* as in DfRowsProduct */
    size_t ahead; /* a hint: the next product's residual is this many floats after this one; 0: no hint */
} DfBf16Product;
/* `scratch` of df_bf16_scratch(m, K) bytes, unless the rows are `rounded`. */
void df_bf16_product(const DfBf16Kernels *, const DfBf16Product *, uint16_t *scratch);
size_t df_bf16_scratch(size_t m, size_t k);
/* The same, with the result in a map of float32 or bfloat16, from its number `at` on; p->y is not used. Scratch of
 * df_bf16_scratch_to(m, K, n1 - n0, y) bytes. */
void df_bf16_product_to(const DfBf16Kernels *, const DfBf16Product *, DfMap y, size_t at, uint16_t *scratch);
size_t df_bf16_scratch_to(size_t m, size_t k, size_t n, DfMap y);
static inline DfMap df_map_of(const float *x) /* for reading only */
{
    return (DfMap){ (void *)(uintptr_t)x, false };
}
/* The map from its number `numbers` on. */
static inline DfMap df_map_at(DfMap map, size_t numbers)
{
    const size_t number = map.bf16 ? sizeof(uint16_t) : sizeof(float);
    return (DfMap){ (char *)map.data + numbers * number, map.bf16 };
}
/* df_packed_rows() for maps and all columns of a weight with one group; `ahead` as in DfBf16Product. Scratch of
 * df_packed_map_scratch() bytes. */
void df_packed_map_rows(const DfKernels *, size_t m, DfMap a, size_t lda, const DfPacked *w, DfMap y, size_t ldy,
                        const DfEpilogue *, size_t ahead, void *scratch);
size_t df_packed_map_scratch(const DfPacked *w, size_t m, size_t lda, DfMap y);
/* df_gemm_packed_maps() for a weight of bfloat16. */
int df_bf16_gemm(DfPool *, const DfKernels *, size_t M, DfMap a, size_t lda, const DfPacked *w, DfMap y, size_t ldy,
                 DfEpilogue);
/* Rounds rows of n floats, with a zero after an odd n. Rows that are df_bf16_row(n) apart do not collide in the
 * cache. */
void df_bf16_round_rows(const DfBf16Kernels *, uint16_t *to, size_t ld, const float *a, size_t lda, size_t rows,
                        size_t n);
size_t df_bf16_row(size_t n);

/* Of the lines whose addresses differ by multiples of 4 KiB, a first-level cache holds only 8 or 12. Rows that are
 * DF_FAR_APART floats or more apart would compete for these; they are copied block by block, to rows with a pad between
 * them. */
enum { DF_FAR_APART = 1024, DF_ROW_PAD = 16 };

/* df_gemm_rows() with all options. The rows come from `a`, or from `gather` if that is not NULL. */
typedef struct {
    size_t m;
    const float *a; /* m K, rows `lda` apart */
    size_t lda;
    void (*gather)(const void *from, size_t k0, size_t k1, float *to, size_t ld); /* writes columns k0..k1-1 of all */
    const void *from;                                                             /* rows, from `from`              */
    DfPanels b;
    size_t n0, n1;
    float *y;
    size_t ldy;
    const DfEpilogue *e;
    const float *then; /* a hint: panels, spaced like those of b, that the thread reads next; or NULL */
} DfRowsProduct;
/* `scratch` of df_rows_product_scratch(m) bytes for what is gathered. */
void df_rows_product(const DfGemmKernels *, const DfRowsProduct *, float *scratch);
size_t df_rows_product_scratch(size_t m);

/* The arguments of df_gemm: c = alpha op(a) op(b) + beta c. */
struct DfProduct {
    bool transpose_a, transpose_b;
    size_t M, N, K;
    float alpha, beta;
    const float *a;  /* M K, or K M if transposed */
    size_t lda;
    const float *b;  /* K N, or N K               */
    size_t ldb;
    float *c;        /* M N                       */
    size_t ldc;
};

/* df_gemm() on the calling thread alone, with `scratch` of df_product_scratch() bytes, aligned to 64. */
void df_product_alone(const DfKernels *, const DfProduct *, float *scratch);
size_t df_product_scratch(const DfProduct *);

/* The epilogue of the part of the result that begins at row `row` and column `column`; rows are `ld` apart. */
static inline DfEpilogue df_epilogue_at(const DfEpilogue *e, size_t row, size_t ld, size_t column)
{
    DfEpilogue moved = *e;
    if (e->bias)
        moved.bias += column;
    if (e->scale)
        moved.scale += column;
    if (e->residual)
        moved.residual += row * ld + column;
    return moved;
}

#endif
