/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/conv/winograd_bf16.c -- the parts of Winograd's method that differ in bfloat16: patches are transformed in
 * float32, some channels at a time, and rounded; the products are those of bfloat16.
 */
#include <stdalign.h>

#include "kernels/conv/winograd.h"
#include "kernels/gemm/bf16.h"

enum { ROUNDED = DF_WINOGRAD_MOST_PRODUCTS * 32 }; /* numbers of a patch that are rounded at a time */

/* Sets at[] to channels i..i+n-1 of each pixel of a patch: in the map if it is float32, else widened into `wide`. */
static void channels_of(const DfWinograd *a, const void *const d[], size_t i, size_t n, float *wide, const float *at[])
{
    const size_t channels = a->plan.way->channels;
    for (size_t p = 0; p < a->plan.way->products; p++) {
        at[p] = a->x.bf16 ? wide + p * channels : (const float *)d[p] + i;
        if (a->x.bf16)
            a->k->bf16.widen(wide + p * channels, (const DfBf16 *)d[p] + i, n);
    }
}

void df_winograd_transform_bf16(const DfWinograd *a, const DfWinogradPart *part, DfBf16 *v, const void *const d[])
{
    alignas(64) float wide[ROUNDED];
    alignas(64) float pixels[ROUNDED];
    const float *at[DF_WINOGRAD_MOST_PRODUCTS];
    const size_t products = a->plan.way->products;
    const size_t channels = a->plan.way->channels;
    for (size_t i = 0; i < part->v_I; i += channels) {
        const size_t n = df_smaller(part->v_I - i, channels);
        channels_of(a, d, part->v_i + i, n, pixels, at);
        a->leaves->input(wide, channels, at, n);
        for (size_t p = 0; p < products; p++)
            a->k->bf16.round(v + p * a->v_matrix + i, wide + p * channels, n);
    }
    for (size_t p = 0; part->v_I % 2 && p < products; p++)
        v[p * a->v_matrix + part->v_I] = 0;
}

void df_winograd_multiply_bf16(const DfWinograd *a, const DfWinogradPart *part, size_t p, const DfBf16 *v, float *m,
                               const DfEpilogue *e, const DfWinogradPart *next, size_t next_p)
{
    const DfBf16Panels u = df_packed_bf16_panels(a->w, p);
    const DfBf16Panels after = df_packed_bf16_panels(a->w, next_p);
    const DfBf16Product product = {
        .m = part->tiles, .rounded = v + (part->i - part->v_i), .lda = a->v_row,
        .b = df_bf16_panels_part(u, part->i, part->I, part->o, part->O), .n1 = part->O, .y = m, .ldy = a->m_row, .e = e,
        .then = next->O ? df_bf16_panels_part(after, next->i, next->I, next->o, next->O).data : NULL,
    };
    df_bf16_product(&a->k->bf16, &product, NULL);
}
