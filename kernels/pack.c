/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/pack.c -- weights in the order in which the inner product reads them: panels of 16 columns, row after row.
 */
#include <string.h>

#include "kernels/gemm_leaves.h"

struct DfPacked {
    DfPackKind kind;
    size_t matrices, k, n;
    size_t stride;  /* floats of one matrix */
    float *data;
    float *fold;    /* factors of the rows, as they were at packing; or NULL */
    DfPacked *next;
};

DfPacked *df_packed_new(DfPackKind kind, size_t matrices, size_t k, size_t n)
{
    DfPacked *p = df_calloc(1, sizeof *p);
    if (!p)
        return NULL;
    const size_t stride = df_ceil_div(n, DF_PANEL) * DF_PANEL * k;
    *p = (DfPacked){ .kind = kind, .matrices = matrices, .k = k, .n = n, .stride = stride };
    p->data = df_malloc(matrices * stride * sizeof *p->data);
    if (p->data)
        return p;
    df_free(p);
    return NULL;
}

void df_packed_free(DfPacked *p)
{
    while (p) {
        DfPacked *next = p->next;
        df_free(p->data);
        df_free(p->fold);
        df_free(p);
        p = next;
    }
}

DfPacked *df_packed_link(DfPacked *one, DfPacked *list)
{
    one->next = list;
    return one;
}

static bool same_fold(const float *a, const float *b, size_t n)
{
    return a && b ? memcmp(a, b, n * sizeof *a) == 0 : a == b;
}

const DfPacked *df_packed_find(const DfPacked *list, DfPackKind kind, const float *fold, size_t n)
{
    while (list && !(list->kind == kind && same_fold(list->fold, fold, n)))
        list = list->next;
    return list;
}

int df_packed_folded(DfPacked *p, const float *fold, size_t n)
{
    p->fold = df_malloc(n * sizeof *fold);
    if (!p->fold)
        return df_fail_memory("packed weights");
    memcpy(p->fold, fold, n * sizeof *fold);
    return DF_OK;
}

DfPackKind df_packed_kind(const DfPacked *p)
{
    return p->kind;
}

size_t df_packed_bytes(const DfPacked *p)
{
    return sizeof *p + p->matrices * p->stride * sizeof *p->data;
}

size_t df_packed_matrices(const DfPacked *p)
{
    return p->matrices;
}

DfPanels df_packed_panels(const DfPacked *p, size_t matrix)
{
    return (DfPanels){ p->data + matrix * p->stride, p->k, p->n };
}

static void fill_panel(const DfPacked *p, float *panel, size_t j, size_t rows, const float *w, size_t row_step, size_t column_step)
{
    const size_t columns = p->n - j < DF_PANEL ? p->n - j : DF_PANEL;
    for (size_t i = 0; i < rows; i++, panel += DF_PANEL) {
        const float *from = w + i * row_step + j * column_step;
        for (size_t l = 0; l < columns; l++)
            panel[l] = from[l * column_step];
        for (size_t l = columns; l < DF_PANEL; l++)
            panel[l] = 0;
    }
}

void df_packed_fill(DfPacked *p, size_t matrix, size_t k0, size_t rows, const float *w, size_t row_step, size_t column_step)
{
    for (size_t j = 0; j < p->n; j += DF_PANEL)
        fill_panel(p, p->data + matrix * p->stride + j * p->k + k0 * DF_PANEL, j, rows, w, row_step, column_step);
}

/* ---- in parallel: a task fills one panel of one matrix ---- */

typedef struct {
    DfPacked *p;
    const float *w;
    size_t panels;
} Pack;

static void pack_panel(void *arg, size_t task, void *scratch)
{
    const Pack *a = arg;
    const DfPacked *p = a->p;
    const size_t matrix = task / a->panels, j = task % a->panels * DF_PANEL;
    (void)scratch;
    fill_panel(p, p->data + matrix * p->stride + j * p->k, j, p->k, a->w + matrix * p->n * p->k, 1, p->k);
}

int df_pack(DfPacked **out, DfPool *pool, const float *w, size_t O, size_t K, size_t groups)
{
    *out = df_packed_new(DF_PACK_GEMM, groups, K, O / groups);
    if (!*out)
        return df_fail_memory("packed weights");
    Pack a = { *out, w, df_ceil_div((*out)->n, DF_PANEL) };
    return df_parallel(pool, a.panels * groups, 0, pack_panel, &a);
}

/* U = G g G' of every 3x3 filter g, by Winograd's points, rounded once. Row p of G is (1, p, p^2) over the product of p's
 * distances from the other points, which B' leaves out. */
static void winograd_filter_row(double out[6], const double g[3])
{
    const double a = (double)DF_WINOGRAD_A, b = (double)DF_WINOGRAD_B;
    const double at_a = 2 * a * a * (a * a - b * b), at_b = 2 * b * b * (b * b - a * a);
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
    for (size_t x = 0; x < 3; x++)
        winograd_filter_row(columns[x], (double[3]){ (double)g[x * step], (double)g[(3 + x) * step], (double)g[(6 + x) * step] });
    for (size_t y = 0; y < 6; y++) {
        winograd_filter_row(rows, (double[3]){ columns[0][y], columns[1][y], columns[2][y] });
        for (size_t x = 0; x < 6; x++)
            u[(y * 6 + x) * stride] = (float)rows[x];
    }
}

static void pack_winograd_panel(void *arg, size_t task, void *scratch)
{
    const Pack *a = arg;
    const DfPacked *p = a->p;
    const size_t j = task * DF_PANEL, I = p->k;
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

int df_pack_winograd(DfPacked **out, DfPool *pool, const float *w, size_t O, size_t I)
{
    *out = df_packed_new(DF_PACK_WINOGRAD, 36, I, O);
    if (!*out)
        return df_fail_memory("packed weights");
    Pack a = { *out, w, 0 };
    return df_parallel(pool, df_ceil_div(O, DF_PANEL), 0, pack_winograd_panel, &a);
}
