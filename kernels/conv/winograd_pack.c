/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/conv/winograd_pack.c -- the filters of F(4x4, 3x3), transformed and packed: 36 matrices, in the order in
 * which products read them. A task fills one panel of each.
 */
#include "kernels/conv/parts.h"

/* U = G g G' of every 3x3 filter g, by Winograd's points, rounded once. Row p of G is (1, p, p^2) over the product
 * of p's distances from the other points, which B' leaves out. */
static void winograd_filter_row(double out[6], const double g[3])
{
    const double a = (double)DF_WINOGRAD_A, b = (double)DF_WINOGRAD_B;
    const double at_a = 2 * a * a * (a * a - b * b);
    const double at_b = 2 * b * b * (b * b - a * a);
    out[0] = g[0] / (a * a * b * b);
    out[1] = (g[0] + a * g[1] + a * a * g[2]) / at_a;
    out[2] = (g[0] - a * g[1] + a * a * g[2]) / at_a;
    out[3] = (g[0] + b * g[1] + b * b * g[2]) / at_b;
    out[4] = (g[0] - b * g[1] + b * b * g[2]) / at_b;
    out[5] = g[2];
}

static void winograd_filter(float *u, size_t stride, const float *g, size_t step)
{
    double columns[3][6], rows[6];
    for (size_t x = 0; x < 3; x++) {
        const double column[3] = { (double)g[x * step], (double)g[(3 + x) * step], (double)g[(6 + x) * step] };
        winograd_filter_row(columns[x], column);
    }
    for (size_t y = 0; y < 6; y++) {
        winograd_filter_row(rows, (double[3]){ columns[0][y], columns[1][y], columns[2][y] });
        for (size_t x = 0; x < 6; x++)
            u[(y * 6 + x) * stride] = (float)rows[x];
    }
}

typedef struct {
    DfPacked *p;
    const float *w;
} Pack;

static void pack_winograd_panel(void *arg, size_t task, void *scratch)
{
    const Pack *a = arg;
    const DfPacked *p = a->p;
    const size_t j = task * DF_PANEL;
    const size_t I = p->k;
    static const float zeros[9];
    (void)scratch;
    for (size_t l = 0; l < DF_PANEL; l++)
        for (size_t i = 0; i < I; i++) {
            float *u = p->data + j * I + i * DF_PANEL + l;
            if (j + l < p->n)
                winograd_filter(u, p->stride, a->w + (j + l) * 9 * I + i, I);
            else
                winograd_filter(u, p->stride, zeros, 1);
        }
}

int df_winograd_fill(DfPacked *p, DfPool *pool, const float *w)
{
    Pack a = { p, w };
    return df_parallel(pool, df_ceil_div(p->n, DF_PANEL), 0, pack_winograd_panel, &a);
}

int df_pack_winograd(DfPacked **out, DfPool *pool, const float *w, size_t O, size_t I)
{
    *out = df_packed_new(DF_PACK_WINOGRAD, 36, I, O);
    return *out ? df_winograd_fill(*out, pool, w) : df_fail_memory("packed weights");
}
