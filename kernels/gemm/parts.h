/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/gemm/parts.h -- private: what products and the convolutions made of them share.
 */
#ifndef DF_KERNELS_GEMM_PARTS_H
#define DF_KERNELS_GEMM_PARTS_H

#include "kernels/cut.h"
#include "kernels/gemm/gemm.h"

/* Sums of products with packed weights are made in blocks of k. A block begins at zero and is added to those before it,
 * so whoever cuts a sum at the same places has the same bits. */
enum { DF_K_BLOCK = 256, DF_BF16_K_BLOCK = 512 }; /* the longest: 16 KiB of a panel */

static inline size_t df_k_blocks(size_t k, bool bf16)
{
    const size_t blocks = df_ceil_div(k, bf16 ? DF_BF16_K_BLOCK : DF_K_BLOCK);
    return blocks ? blocks : 1;
}

/* Where a block begins: in bfloat16 at an even number. */
static inline size_t df_k_cut(size_t k, bool bf16, size_t blocks, size_t block)
{
    return bf16 ? df_smaller(2 * df_cut(df_ceil_div(k, 2), blocks, block), k) : df_cut(k, blocks, block);
}

/* Nothing follows the sum but the residual: then it may as well come first, and the result itself may be the
 * residual. */
static inline bool df_epilogue_is_sum(const DfEpilogue *e)
{
    return e->act == DF_ACT_NONE && !e->scale;
}

/* The residual is a summand like any other: the first block of k may begin with it. */
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
    size_t matrices;  /* one a group, or one a product of Winograd's           */
    size_t k, n;      /* of each                                               */
    size_t stride;    /* floats of one matrix                                  */
    float *data;      /* or twice as many bfloat16                             */
    size_t capacity;  /* floats of its memory                                  */
    const float *itself; /* DF_PACK_ITSELF: where the weight lies              */
    DfPackedPart part; /* of the weight                                        */
    float *fold;      /* factors of the rows, as they were at packing; or NULL */
    struct DfInt8 *int8; /* of 8 bits: in place of data; else NULL             */
    bool stale;       /* the weight has other numbers now                      */
    DfPacked *next;   /* the same weight, packed for another use               */
};

/* df_gemm_rows() on a rung with DfGemmKernels.product. */
void df_gemm_rows_whole(const DfGemmKernels *, size_t m, const float *a, size_t lda, DfPanels b, size_t n0, size_t n1,
                        float *y, size_t ldy, const DfEpilogue *e);

DfPanels df_packed_panels(const DfPacked *, size_t matrix);
/* Rows k0..k0+k-1 of columns n0..n0+n-1; n0 is a multiple of DF_PANEL. */
static inline DfPanels df_panels_part(DfPanels b, size_t k0, size_t k, size_t n0, size_t n)
{
    return (DfPanels){ b.data + n0 / DF_PANEL * b.panel + k0 * DF_PANEL, k, n, b.panel, b.turned };
}
size_t df_packed_matrices(const DfPacked *);

/* An empty packed weight of `matrices` matrices of k x n, and a way to fill it: rows k0..k0+rows-1 of a matrix from
 * w[row * row_step + column * column_step]. */
DfPacked *df_packed_new(DfPackKind, size_t matrices, size_t k, size_t n);
/* The same in the memory of `old` if it is large enough, which is freed else; NULL: in new memory. */
DfPacked *df_packed_into(DfPacked *old, DfPackKind, size_t matrices, size_t k, size_t n);
void df_packed_fill(DfPacked *, size_t matrix, size_t k0, size_t rows, const float *w, size_t row_step,
                    size_t column_step);

/* The same in bfloat16, along k in twos; behind an odd k stands a row of zeros. */
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

/* y = epilogue(a b) of one thread, in bfloat16, for m rows and columns n0..n1-1, n0 a multiple of tile_n.
 * Rows of an odd length have a zero behind them. */
typedef struct {
    size_t m;
    const float *a; /* m K, rows `lda` apart, which are rounded block by block; or, where it is not NULL, ... */
    const uint16_t *rounded; /* ... this; or what ... */
    size_t lda;
    /* ... writes as k0..k1-1 of all rows */
    void (*gather)(const void *from, size_t k0, size_t k1, uint16_t *to, size_t ld);
    const void *from;
    DfBf16Panels b;
    size_t n0, n1;
    float *y;
    size_t ldy;
    const DfEpilogue *e;
    const uint16_t *then; /* as in DfRowsProduct */
    size_t ahead; /* a hint: what the thread adds after this stands so many floats behind the residual; 0: none */
} DfBf16Product;
/* `scratch` of df_bf16_scratch(m, K) bytes, unless the rows are `rounded`. */
void df_bf16_product(const DfBf16Kernels *, const DfBf16Product *, uint16_t *scratch);
size_t df_bf16_scratch(size_t m, size_t k);
/* The same to a map of either kind, where the first row begins at number `at`; p->y is not read. Scratch of
 * df_bf16_scratch_to(m, K, n1 - n0, y) bytes. */
void df_bf16_product_to(const DfBf16Kernels *, const DfBf16Product *, DfMap y, size_t at, uint16_t *scratch);
size_t df_bf16_scratch_to(size_t m, size_t k, size_t n, DfMap y);
static inline DfMap df_map_of(const float *x) /* to be read */
{
    return (DfMap){ (void *)(uintptr_t)x, false };
}
/* What begins `numbers` further. */
static inline DfMap df_map_at(DfMap map, size_t numbers)
{
    const size_t number = map.bf16 ? sizeof(uint16_t) : sizeof(float);
    return (DfMap){ (char *)map.data + numbers * number, map.bf16 };
}
/* df_packed_rows() of maps, by all columns of a weight of one group, and `ahead` as in DfBf16Product. Scratch of
 * df_packed_map_scratch() bytes. */
void df_packed_map_rows(const DfKernels *, size_t m, DfMap a, size_t lda, const DfPacked *w, DfMap y, size_t ldy,
                        const DfEpilogue *, size_t ahead, void *scratch);
size_t df_packed_map_scratch(const DfPacked *w, size_t m, size_t lda, DfMap y);
/* df_gemm_packed_maps() with a weight of bfloat16. */
int df_bf16_gemm(DfPool *, const DfKernels *, size_t M, DfMap a, size_t lda, const DfPacked *w, DfMap y, size_t ldy,
                 DfEpilogue);
/* Rows of n floats rounded, with a zero behind an odd n. Rows as far apart as df_bf16_row(n) share few cache sets. */
void df_bf16_round_rows(const DfBf16Kernels *, uint16_t *to, size_t ld, const float *a, size_t lda, size_t rows, size_t n);
size_t df_bf16_row(size_t n);

/* A first-level cache keeps 8 or 12 lines of all that lie a multiple of 4 KiB apart. Rows that are DF_FAR_APART floats
 * long or longer would share these few; they are copied block by block, to rows with a pad between them. */
enum { DF_FAR_APART = 1024, DF_ROW_PAD = 16 };

/* The product of one thread, df_gemm_rows, in full. */
typedef struct {
    size_t m;
    const float *a; /* m K, rows `lda` apart, or ...                                                       */
    size_t lda;
    void (*gather)(const void *from, size_t k0, size_t k1, float *to, size_t ld); /* ... what writes columns k0..k1-1 */
    const void *from;                                                             /* of all rows              */
    DfPanels b;
    size_t n0, n1;
    float *y;
    size_t ldy;
    const DfEpilogue *e;
    const float *then; /* a hint: panels as far apart as those of b that the thread reads after this; or NULL */
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

/* df_gemm on the calling thread alone, with `scratch` of df_product_scratch() bytes (more do for larger ones),
 * aligned to 64. */
void df_product_alone(const DfKernels *, const DfProduct *, float *scratch);
size_t df_product_scratch(const DfProduct *);

/* The epilogue seen from row `row`, column `column` of a result with rows of `ld`. */
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
