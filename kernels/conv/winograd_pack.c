/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/conv/winograd_pack.c -- transforms and packs filters for Winograd's method: U = G g G' of every 3x3 filter
 * g, as 36 matrices (81 for a stride of 2) in the order in which matrix products read them. A task fills one panel of
 * each.
 *
 * A panel holds the filters of DF_PANEL outputs side by side, input after input. The backward pass convolves with the
 * filters rotated by 180 degrees and with inputs and outputs exchanged; its weight, O 3 3 I, already has them side by
 * side.
 */
#include <string.h>

#include "kernels/conv/parts.h"
#include "kernels/gemm/bf16.h"
#include "kernels/kernels.h"

enum { TAPS = 9, INPUTS = 16 /* input channels that are transposed at a time */ };

typedef struct {
    DfPacked *p;
    const float *w;
    const DfKernels *k;
    const DfWinogradKernels *leaves;
} Pack;

static const float zeros[DF_PANEL];

/* Stores row i of a panel in bfloat16: the panel of matrix m that begins at column j. */
static void put_row(const DfPacked *p, size_t m, size_t j, size_t i, const float *row)
{
    DfBf16 *panel = (DfBf16 *)(p->data + m * p->stride) + j * (p->k + p->k % 2);
    for (size_t l = 0; l < DF_PANEL; l++)
        panel[(i / 2 * DF_PANEL + l) * 2 + i % 2] = df_bf16(row[l]);
}

/* Transformed in float32, then rounded; `wide` is matrices DF_PANEL. */
static void put_rounded(const Pack *a, size_t j, size_t i, const float *g, float *wide)
{
    a->leaves->filters(wide, DF_PANEL, g, INPUTS * DF_PANEL);
    for (size_t m = 0; m < a->p->matrices; m++)
        put_row(a->p, m, j, i, wide + m * DF_PANEL);
}

static void pack_panel(void *arg, size_t task, void *scratch)
{
    const Pack *a = arg;
    const DfPacked *p = a->p;
    const size_t I = p->k;
    const size_t j = task * DF_PANEL;
    const size_t n = df_smaller(p->n - j, DF_PANEL);
    float *const side_by_side = scratch; /* TAPS INPUTS DF_PANEL */
    float *const wide = side_by_side + TAPS * INPUTS * DF_PANEL;
    memset(side_by_side, 0, TAPS * INPUTS * DF_PANEL * sizeof *side_by_side);
    for (size_t i0 = 0; i0 < I; i0 += INPUTS) {
        const size_t inputs = df_smaller(I - i0, INPUTS);
        for (size_t t = 0; t < TAPS; t++)
            a->k->pointwise.transpose(side_by_side + t * INPUTS * DF_PANEL, DF_PANEL, a->w + (j * TAPS + t) * I + i0,
                                      TAPS * I, n, inputs);
        for (size_t i = 0; i < inputs; i++) {
            const float *const g = side_by_side + i * DF_PANEL;
            if (p->precision == DF_PRECISION_BF16)
                put_rounded(a, j, i0 + i, g, wide);
            else
                a->leaves->filters(p->data + j * I + (i0 + i) * DF_PANEL, p->stride, g, INPUTS * DF_PANEL);
        }
    }
    for (size_t m = 0; p->precision == DF_PRECISION_BF16 && I % 2 && m < p->matrices; m++)
        put_row(p, m, j, I, zeros);
}

static void pack_turned_panel(void *arg, size_t task, void *scratch)
{
    const Pack *a = arg;
    const DfPacked *p = a->p;
    const size_t j = task * DF_PANEL;
    const size_t n = df_smaller(p->n - j, DF_PANEL);
    float *const part = scratch; /* TAPS DF_PANEL: the last panel, filled up with zeros */
    memset(part, 0, TAPS * DF_PANEL * sizeof *part);
    for (size_t i = 0; i < p->k; i++) {
        const float *last = a->w + (i * TAPS + TAPS - 1) * p->n + j;
        ptrdiff_t tap = -(ptrdiff_t)p->n;
        if (n < DF_PANEL) {
            for (size_t t = 0; t < TAPS; t++)
                memcpy(part + t * DF_PANEL, last - t * p->n, n * sizeof *part);
            last = part;
            tap = DF_PANEL;
        }
        a->leaves->filters(p->data + j * p->k + i * DF_PANEL, p->stride, last, tap);
    }
}

static int fill(DfPacked *p, DfPool *pool, const float *w)
{
    const DfKernels *k = df_kernels();
    const bool strided = p->kind == DF_PACK_WINOGRAD_STRIDED;
    Pack a = { p, w, k, strided ? &k->conv.winograd_strided : &k->conv.winograd };
    DfTask *const task = p->kind == DF_PACK_WINOGRAD_TURNED ? pack_turned_panel : pack_panel;
    const size_t scratch = (TAPS * INPUTS + p->matrices) * DF_PANEL * sizeof(float);
    return df_parallel(pool, df_ceil_div(p->n, DF_PANEL), scratch, task, &a);
}

int df_pack_winograd(DfPacked **out, DfPool *pool, DfPackKind kind, DfPrecision precision, const float *w, size_t O,
                     size_t I)
{
    const size_t matrices = kind == DF_PACK_WINOGRAD_STRIDED ? 81 : 36;
    *out = precision == DF_PRECISION_BF16 ? df_packed_into_bf16(*out, kind, matrices, I, O)
                                          : df_packed_into(*out, kind, matrices, I, O);
    return *out ? fill(*out, pool, w) : df_fail_memory("packed weights");
}

int df_pack_winograd_turned(DfPacked **out, DfPool *pool, const float *w, size_t O, size_t I)
{
    *out = df_packed_into(*out, DF_PACK_WINOGRAD_TURNED, 36, O, I);
    return *out ? fill(*out, pool, w) : df_fail_memory("packed weights");
}
