/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/gemm/pack.c -- packs weights in the order in which tiles read them: panels of 16 columns, row after row; and
 * keeps the list of a weight's packed copies.
 */
#include <string.h>

#include "kernels/gemm/bf16.h"
#include "kernels/gemm/int8.h"

/* A packed weight with memory for `size` floats: `old` if its memory is large enough, else a new one. */
static DfPacked *memory_of(DfPacked *old, size_t size)
{
    if (old && old->capacity >= size)
        return old;
    df_packed_free(old);
    DfPacked *p = df_calloc(1, sizeof *p);
    if (!p)
        return NULL;
    p->capacity = size;
    p->data = df_malloc_filled(size * sizeof *p->data);
    if (p->data)
        return p;
    df_free(p);
    return NULL;
}

/* `rows`: rows of DF_PANEL floats in a panel; k of them, or half as many for pairs of bfloat16. */
static DfPacked *packed_into(DfPacked *old, DfPackKind kind, DfPrecision precision, size_t matrices, size_t rows,
                             size_t k, size_t n)
{
    const size_t stride = df_ceil_div(n, DF_PANEL) * DF_PANEL * rows;
    DfPacked *p = memory_of(old, matrices * stride);
    if (!p)
        return NULL;
    df_free(p->fold);
    df_int8_free(p->int8);
    *p = (DfPacked){ .kind = kind, .precision = precision, .matrices = matrices, .k = k, .n = n, .stride = stride,
                     .data = p->data, .capacity = p->capacity };
    return p;
}

DfPacked *df_packed_into(DfPacked *old, DfPackKind kind, size_t matrices, size_t k, size_t n)
{
    return packed_into(old, kind, DF_PRECISION_F32, matrices, k, k, n);
}

DfPacked *df_packed_into_bf16(DfPacked *old, DfPackKind kind, size_t matrices, size_t k, size_t n)
{
    return packed_into(old, kind, DF_PRECISION_BF16, matrices, df_ceil_div(k, 2), k, n);
}

DfPacked *df_packed_new(DfPackKind kind, size_t matrices, size_t k, size_t n)
{
    return df_packed_into(NULL, kind, matrices, k, n);
}

void df_packed_free(DfPacked *p)
{
    while (p) {
        DfPacked *next = p->next;
        df_free(p->data);
        df_free(p->fold);
        df_int8_free(p->int8);
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

static bool same_part(DfPackedPart a, DfPackedPart b)
{
    return a.first == b.first && a.n == b.n && a.input == b.input && a.inputs == b.inputs && a.taps == b.taps;
}

const DfPacked *df_packed_find(const DfPacked *list, DfPackKind kind, DfPrecision precision, DfPackedPart part,
                               const float *fold)
{
    while (list && !(list->kind == kind && list->precision == precision && !list->stale &&
                     same_part(list->part, part) && same_fold(list->fold, fold, part.n)))
        list = list->next;
    return list;
}

DfPacked *df_packed_age(DfPacked *list)
{
    DfPacked *kept = NULL;
    while (list) {
        DfPacked *next = list->next;
        list->stale = true;
        list->next = NULL;
        if (list->fold)
            df_packed_free(list);
        else
            kept = df_packed_link(list, kept);
        list = next;
    }
    return kept;
}

DfPacked *df_packed_take_stale(DfPacked **list, DfPackKind kind)
{
    while (*list && !((*list)->stale && (*list)->kind == kind))
        list = &(*list)->next;
    DfPacked *taken = *list;
    if (taken) {
        *list = taken->next;
        taken->next = NULL;
    }
    return taken;
}

void df_packed_of_part(DfPacked *p, DfPackedPart part)
{
    p->part = part;
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

DfPrecision df_packed_precision(const DfPacked *p)
{
    return p->precision;
}

size_t df_packed_bytes(const DfPacked *p)
{
    return sizeof *p + p->capacity * sizeof *p->data + (p->int8 ? df_int8_bytes(p->int8) : 0);
}

size_t df_packed_matrices(const DfPacked *p)
{
    return p->matrices;
}

DfPanels df_packed_panels(const DfPacked *p, size_t matrix)
{
    if (p->itself)
        return (DfPanels){ p->itself + matrix * p->stride, p->k, p->n, p->k * DF_PANEL, .turned = true };
    return (DfPanels){ p->data + matrix * p->stride, p->k, p->n, p->k * DF_PANEL, .turned = false };
}

DfBf16Panels df_packed_bf16_panels(const DfPacked *p, size_t matrix)
{
    const size_t panel = (p->k + p->k % 2) * DF_PANEL;
    return (DfBf16Panels){ (const uint16_t *)(p->data + matrix * p->stride), p->k, p->n, panel };
}

/* Fills `rows` rows of the panel that begins at column j, from w[row * row_step + column * column_step]. */
static void fill_panel(const DfPacked *p, float *panel, size_t j, size_t rows, const float *w, size_t row_step,
                       size_t column_step)
{
    const size_t columns = df_smaller(p->n - j, DF_PANEL);
    for (size_t i = 0; i < rows; i++, panel += DF_PANEL) {
        const float *from = w + i * row_step + j * column_step;
        for (size_t l = 0; l < columns; l++)
            panel[l] = from[l * column_step];
        for (size_t l = columns; l < DF_PANEL; l++)
            panel[l] = 0;
    }
}

void df_packed_fill(DfPacked *p, size_t matrix, size_t k0, size_t rows, const float *w, size_t row_step,
                    size_t column_step)
{
    for (size_t j = 0; j < p->n; j += DF_PANEL)
        fill_panel(p, p->data + matrix * p->stride + j * p->k + k0 * DF_PANEL, j, rows, w, row_step, column_step);
}

/* ---- in parallel: a task fills one panel of one matrix ---------------------------------------------------------- */

typedef struct {
    DfPacked *p;
    const float *w;
    size_t panels;
} Pack;

static void pack_panel(void *arg, size_t task, void *scratch)
{
    const Pack *a = arg;
    const DfPacked *p = a->p;
    const size_t matrix = task / a->panels;
    const size_t j = task % a->panels * DF_PANEL;
    (void)scratch;
    fill_panel(p, p->data + matrix * p->stride + j * p->k, j, p->k, a->w + matrix * p->n * p->k, 1, p->k);
}

/* The same in bfloat16: rows in pairs, with the two numbers of a column side by side. */
static void pack_panel_bf16(void *arg, size_t task, void *scratch)
{
    const Pack *a = arg;
    const DfPacked *p = a->p;
    const size_t matrix = task / a->panels;
    const size_t j = task % a->panels * DF_PANEL;
    const size_t columns = df_smaller(p->n - j, DF_PANEL);
    const size_t k = p->k + p->k % 2;
    DfBf16 *panel = (DfBf16 *)(p->data + matrix * p->stride) + j * k;
    (void)scratch;
    memset(panel, 0, k * DF_PANEL * sizeof *panel);
    for (size_t l = 0; l < columns; l++) {
        const float *column = a->w + (matrix * p->n + j + l) * p->k;
        for (size_t i = 0; i < p->k; i++)
            panel[i / 2 * 2 * DF_PANEL + 2 * l + i % 2] = df_bf16(column[i]);
    }
}

static int fill(DfPacked *p, DfPool *pool, const float *w)
{
    Pack a = { p, w, df_ceil_div(p->n, DF_PANEL) };
    DfTask *const task = p->precision == DF_PRECISION_BF16 ? pack_panel_bf16 : pack_panel;
    return df_parallel(pool, a.panels * p->matrices, 0, task, &a);
}

int df_pack(DfPacked **out, DfPool *pool, const float *w, size_t O, size_t K, size_t groups)
{
    *out = df_packed_into(*out, DF_PACK_GEMM, groups, K, O / groups);
    return *out ? fill(*out, pool, w) : df_fail_memory("packed weights");
}

int df_pack_bf16(DfPacked **out, DfPool *pool, const float *w, size_t O, size_t K, size_t groups)
{
    *out = df_packed_into_bf16(*out, DF_PACK_GEMM, groups, K, O / groups);
    return *out ? fill(*out, pool, w) : df_fail_memory("packed weights");
}

/* ---- no copy ---------------------------------------------------------------------------------------------------- */

int df_pack_itself(DfPacked **out, const float *w, size_t O, size_t K, size_t groups)
{
    df_packed_free(*out);
    *out = df_calloc(1, sizeof **out);
    if (!*out)
        return df_fail_memory("packed weights");
    **out = (DfPacked){ .kind = DF_PACK_ITSELF, .matrices = groups, .k = K, .n = O / groups, .stride = O / groups * K,
                        .itself = w };
    return DF_OK;
}

void df_packed_keep(DfPacked *p, float *w)
{
    p->data = w;
    p->capacity = p->matrices * p->stride;
}
