/* SPDX-License-Identifier: Apache-2.0
 *
 * tensor/deform_positions.c -- sampling positions of deformable attention, and displacements between queries and
 * samples. Xia et al., "Vision Transformer with Deformable Attention", CVPR 2022, section 3.2; the two published
 * codes differ in their arithmetic (docs/design.md, "Two forms of DAT").
 */
#include <math.h>

#include "tensor/op.h"

/* ---- positions -------------------------------------------------------------------------------------------------- */

/* By how many cells of the grid the two codes divide. */
static float cells(int size, bool code_2022)
{
    return (float)(code_2022 ? size : size - 1);
}

static float reference(int i, int size, bool code_2022)
{
    return ((float)i + 0.5f) / cells(size, code_2022) * 2.0f - 1.0f;
}

static float position(float offset, int i, int size, DfPositions p)
{
    const float ref = reference(i, size, p.code_2022);
    if (p.code_2022 && p.factor < 0)
        return tanhf(offset + ref);
    if (p.factor < 0)
        return fminf(fmaxf(offset + ref, -1.0f), 1.0f);
    if (p.code_2022 && p.factor == 0)
        return offset + ref;
    return tanhf(offset) * (1.0f / cells(size, p.code_2022)) * p.factor + ref;
}

/* d position / d offset; a clamp passes the gradient inside and at its limits. */
static float slope(float offset, int i, int size, DfPositions p)
{
    const float ref = reference(i, size, p.code_2022);
    const float t = tanhf(offset);
    if (p.code_2022 && p.factor < 0) {
        const float u = tanhf(offset + ref);
        return 1 - u * u;
    }
    if (p.factor < 0)
        return offset + ref >= -1.0f && offset + ref <= 1.0f ? 1.0f : 0.0f;
    if (p.code_2022 && p.factor == 0)
        return 1;
    return (1 - t * t) / cells(size, p.code_2022) * p.factor;
}

/* Calls visit for every number: where it stands in B Hk Wk G 2, where in B G Hk Wk 2, and its grid index and size. */
typedef struct {
    const float *offset, *gpos;
    float *pos, *goffset;
    DfPositions p;
} Walk;

static void walk(const DfTensor *offset, Walk *w, void (*visit)(Walk *, size_t from, size_t to, int i, int size))
{
    const int B = df_dim(offset, 0);
    const int H = df_dim(offset, 1);
    const int W = df_dim(offset, 2);
    const int G = df_dim(offset, 3);
    size_t from = 0;
    for (int b = 0; b < B; b++)
        for (int i = 0; i < H; i++)
            for (int j = 0; j < W; j++)
                for (int g = 0; g < G; g++, from += 2) {
                    const size_t row = ((size_t)b * (size_t)G + (size_t)g) * (size_t)H + (size_t)i;
                    const size_t to = (row * (size_t)W + (size_t)j) * 2;
                    visit(w, from, to, i, H);
                    visit(w, from + 1, to + 1, j, W);
                }
}

static void visit_forward(Walk *w, size_t from, size_t to, int i, int size)
{
    w->pos[to] = position(w->offset[from], i, size, w->p);
}

static void visit_backward(Walk *w, size_t from, size_t to, int i, int size)
{
    w->goffset[from] += w->gpos[to] * slope(w->offset[from], i, size, w->p);
}

static void positions_backward(DfCtx *c, DfTensor *y)
{
    Walk w = { .offset = y->src[0]->data, .gpos = y->grad, .goffset = df_grad(c, y->src[0]),
               .p = *(const DfPositions *)y->saved };
    if (w.goffset)
        walk(y->src[0], &w, visit_backward);
}

static const DfOp positions_op = { "deform_positions", positions_backward };

DfTensor *df_deform_positions(DfCtx *c, DfTensor *offset, DfPositions p)
{
    if (c->err)
        return &c->nil;
    const int B = df_dim(offset, 0);
    const int H = df_dim(offset, 1);
    const int W = df_dim(offset, 2);
    const int G = df_dim(offset, 3);
    if (!p.code_2022 && p.factor >= 0 && (H == 1 || W == 1)) {
        df_ctx_fail(c, DF_ESHAPE, "a %dx%d grid of samples: the offset range 1 / (size - 1) wants at least 2x2", H, W);
        return &c->nil;
    }
    DfTensor *y = df_output(c, &positions_op, DF_SHAPE(B, G, H, W, 2), 1, &offset);
    if (df_skip(c, y))
        return y;
    df_note(c, y, &p, sizeof p);
    Walk w = { .offset = offset->data, .pos = y->data, .p = p };
    walk(offset, &w, visit_forward);
    return y;
}

/* ---- (y, x) <-> (x, y) ------------------------------------------------------------------------------------------ */

static void swap_backward(DfCtx *c, DfTensor *y)
{
    float *gx = df_grad(c, y->src[0]);
    const size_t n = df_size(y);
    for (size_t i = 0; gx && i < n; i++)
        gx[i] += y->grad[i ^ 1];
}

static const DfOp swap_op = { "swap_xy", swap_backward };

DfTensor *df_swap_xy(DfCtx *c, DfTensor *x)
{
    if (c->err)
        return &c->nil;
    DfTensor *y = df_output(c, &swap_op, x->shape, 1, &x);
    const size_t n = df_skip(c, y) ? 0 : df_size(y);
    for (size_t i = 0; i < n; i++)
        y->data[i] = x->data[i ^ 1];
    return y;
}

/* ---- log-spaced displacements ----------------------------------------------------------------------------------- */

typedef struct {
    int H, W;
} Grid;

static float query(int i, int size) /* corner-aligned, as the 2023 code has it */
{
    return (float)i / (float)(size - 1) * 2.0f - 1.0f;
}

/* 4 (query - position) along an axis, for query m of the grid. */
static float displacement(const Grid *grid, const float *pos, size_t m, size_t axis)
{
    const int i = axis == 0 ? (int)m / grid->W : (int)m % grid->W;
    return (query(i, axis == 0 ? grid->H : grid->W) - pos[axis]) * 4.0f;
}

static void log_backward(DfCtx *c, DfTensor *y)
{
    const DfTensor *pos = y->src[0];
    const Grid *grid = y->saved;
    float *gpos = df_grad(c, y->src[0]);
    const size_t M = (size_t)df_dim(y, 1);
    const size_t N = (size_t)df_dim(y, 2);
    const size_t BG = (size_t)df_dim(y, 0);
    for (size_t b = 0; gpos && b < BG; b++)
        for (size_t m = 0; m < M; m++)
            for (size_t n = 0; n < 2 * N; n++) {
                const float d = displacement(grid, pos->data + (b * N + n / 2) * 2, m, n % 2);
                const float g = y->grad[(b * M + m) * N * 2 + n];
                gpos[b * N * 2 + n] -= g * 4.0f / ((fabsf(d) + 1.0f) * 0.69314718f * 3.0f); /* log 2 */
            }
}

static const DfOp log_op = { "log_displacement", log_backward };

DfTensor *df_log_displacement(DfCtx *c, DfTensor *pos, int H, int W)
{
    if (c->err)
        return &c->nil;
    const int B = df_dim(pos, 0);
    const int G = df_dim(pos, 1);
    const int N = df_dim(pos, 2);
    DfTensor *y = df_output(c, &log_op, DF_SHAPE(B * G, H * W, N, 2), 1, &pos);
    if (df_skip(c, y))
        return y;
    const Grid grid = { H, W };
    df_note(c, y, &grid, sizeof grid);
    float *out = y->data;
    for (size_t b = 0; b < (size_t)B * (size_t)G; b++)
        for (size_t m = 0; m < (size_t)H * (size_t)W; m++)
            for (size_t n = 0; n < 2 * (size_t)N; n++) {
                const float d = displacement(&grid, pos->data + (b * (size_t)N + n / 2) * 2, m, n % 2);
                *out++ = copysignf(log2f(fabsf(d) + 1.0f) / 3.0f, d);
            }
    return y;
}
