/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/gemm/int8_pack.c -- packs weights of 8 bits in the order in which tiles read them, and quantises inputs.
 */
#include <math.h>
#include <string.h>

#include "kernels/gemm/int8.h"

void df_int8_free(struct DfInt8 *p)
{
    if (!p)
        return;
    df_free(p->data);
    df_free(p->scale);
    df_free(p->start);
    df_free(p);
}

size_t df_int8_bytes(const struct DfInt8 *p)
{
    const size_t columns = p->matrices * p->columns + DF_PANEL;
    return sizeof *p + p->matrices * p->columns * p->k + columns * (sizeof *p->scale + sizeof *p->start);
}

DfInt8Panels df_int8_panels(const struct DfInt8 *p, size_t matrix)
{
    const size_t at = matrix * p->columns;
    return (DfInt8Panels){ p->data + at * p->k, p->k, p->n, { p->scale + at, p->start + at } };
}

/* Allocates a packed weight. A tile of two panels reads beyond a single one, so scale and start have one panel more. */
static struct DfInt8 *new_int8(size_t matrices, size_t K, size_t n)
{
    struct DfInt8 *p = df_calloc(1, sizeof *p);
    if (!p)
        return NULL;
    p->matrices = matrices;
    p->k = df_ceil_div(K, DF_INT8_STEP) * DF_INT8_STEP;
    p->n = n;
    p->columns = df_ceil_div(n, DF_PANEL) * DF_PANEL;
    const size_t columns = matrices * p->columns + DF_PANEL;
    p->data = df_calloc(matrices * p->columns * p->k + 1, sizeof *p->data);
    p->scale = df_calloc(columns, sizeof *p->scale);
    p->start = df_calloc(columns, sizeof *p->start);
    if (p->data && p->scale && p->start)
        return p;
    df_int8_free(p);
    return NULL;
}

/* ---- filling it -------------------------------------------------------------------------------------------------- */

typedef struct {
    struct DfInt8 *p;
    const DfQuantization *how;
    const float *w, *fold;
    size_t K;
} Fill;

int8_t df_int8_of(float x, float scale)
{
    const float q = scale > 0 ? rintf(x / scale) : 0;
    return (int8_t)(q < -127 ? -127 : q > 127 ? 127 : q);
}

/* One row of the weight is one column of the panels. */
static void fill_column(const Fill *f, size_t row)
{
    struct DfInt8 *p = f->p;
    const size_t column = row / p->n * p->columns + row % p->n;
    int8_t *panel = p->data + column / DF_PANEL * DF_PANEL * p->k + column % DF_PANEL * DF_INT8_STEP;
    const float *w = f->w + row * f->K;
    const float scale = f->how->scale[row];
    int32_t sum = 0;
    for (size_t i = 0; i < f->K; i++) {
        const int8_t q = df_int8_of(w[i], scale);
        panel[i / DF_INT8_STEP * DF_INT8_STEP * DF_PANEL + i % DF_INT8_STEP] = q;
        sum += q;
    }
    p->start[column] = -f->how->zero * sum;
    p->scale[column] = f->how->step * scale * (f->fold ? f->fold[row] : 1.0f);
}

static void fill_panel(void *arg, size_t task, void *scratch)
{
    const Fill *f = arg;
    const size_t panels = f->p->columns / DF_PANEL;
    const size_t first = task % panels * DF_PANEL;
    (void)scratch;
    for (size_t j = first; j < df_smaller(first + DF_PANEL, f->p->n); j++)
        fill_column(f, task / panels * f->p->n + j);
}

int df_pack_int8(DfPacked **out, DfPool *pool, const float *w, size_t O, size_t K, size_t groups,
                 const DfQuantization *how, const float *fold)
{
    DfPacked *packed = df_packed_into(*out, DF_PACK_GEMM, 0, K, O / groups);
    *out = packed;
    if (!packed || !(packed->int8 = new_int8(groups, K, O / groups)))
        return df_fail_memory("packed weights");
    packed->precision = DF_PRECISION_INT8;
    packed->int8->factor = 1 / how->step;
    packed->int8->zero = how->zero;
    Fill fill = { packed->int8, how, w, fold, K };
    return df_parallel(pool, groups * packed->int8->columns / DF_PANEL, 0, fill_panel, &fill);
}

/* ---- inputs ------------------------------------------------------------------------------------------------------ */

void df_int8_quantise(const DfInt8Kernels *k, const struct DfInt8 *p, const float *x, size_t lda, size_t rows, size_t n,
                      uint8_t *u)
{
    const size_t row = df_int8_row(n);
    const size_t whole = df_ceil_div(n, DF_INT8_STEP) * DF_INT8_STEP;
    for (size_t i = 0; i < rows; i++, u += row) {
        k->quantise(u, x + i * lda, n, p->factor, p->zero);
        memset(u + n, 0, whole - n);
    }
}
