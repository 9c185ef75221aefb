/* SPDX-License-Identifier: Apache-2.0
 *
 * tensor/profile.c -- profiles scopes: time, multiply-adds, activations, bytes. Each path has a row. The rows form a
 * tree, and every count is added to the current row and to all rows above it.
 */
#include <string.h>
#include <time.h>

#include "tensor/parts.h"

static double now(void) /* seconds */
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* ---- scopes ----------------------------------------------------------------------------------------------------- */

static int find_row(const struct DfCtxParts *p, const char *path)
{
    for (size_t i = (size_t)p->row + 1; i < p->n_rows; i++) /* a row stands behind the one around it */
        if (p->rows[i].parent == p->row && strcmp(p->rows[i].path, path) == 0)
            return (int)i;
    return -1;
}

static int add_row(struct DfCtxParts *p, const char *path) /* -1: out of memory */
{
    if (!df_grow((void **)&p->rows, &p->rows_capacity, p->n_rows, sizeof *p->rows))
        return -1;
    const char *kept = df_arena_copy(p->profile_names, path, strlen(path));
    if (!kept)
        return -1;
    p->rows[p->n_rows] = (DfProfileRow){ .path = kept, .depth = p->depth, .parent = p->row };
    return (int)p->n_rows++;
}

double df_profile_enter(DfCtx *c)
{
    struct DfCtxParts *p = c->parts;
    char path[256];
    df_path_of_scope(p, path, sizeof path);
    int row = find_row(p, path);
    if (row < 0)
        row = add_row(p, path);
    if (row < 0) {
        df_ctx_fail(c, DF_ENOMEM, "out of memory for the profile");
    } else {
        p->rows[row].visits++;
        p->row = row;
    }
    return now();
}

void df_profile_leave(DfCtx *c, DfMark mark)
{
    struct DfCtxParts *p = c->parts;
    p->rows[p->row].seconds += now() - mark.start;
    p->row = mark.row;
}

static void add_bytes(DfCtx *c, double n)
{
    struct DfCtxParts *p = c->parts;
    for (int row = p->row; p->rows && row >= 0; row = p->rows[row].parent)
        p->rows[row].bytes += n;
}

void df_reads(DfCtx *c, size_t floats)
{
    add_bytes(c, (double)floats * sizeof(float));
}

void df_leaves_unread(DfCtx *c, size_t floats)
{
    add_bytes(c, -(double)floats * sizeof(float));
}

void df_profile_count(DfCtx *c, const DfTensor *y, int n_src, DfTensor *const *src)
{
    struct DfCtxParts *p = c->parts;
    size_t moved = df_floats(y);
    for (int i = 0; i < n_src; i++)
        moved += src[i] ? df_floats(src[i]) : 0;
    for (int row = p->row; p->rows && row >= 0; row = p->rows[row].parent)
        p->rows[row].activations += df_floats(y);
    df_reads(c, moved);
}

void df_macs(DfCtx *c, DfMacs kind, double n)
{
    struct DfCtxParts *p = c->parts;
    for (int row = p->row; p->rows && row >= 0; row = p->rows[row].parent)
        p->rows[row].macs[kind] += n;
}

/* ---- on, off, read ---------------------------------------------------------------------------------------------- */

void df_profile(DfCtx *c, bool on)
{
    struct DfCtxParts *p = c->parts;
    p->profiling = false;
    df_arena_free(p->profile_names);
    df_free(p->rows);
    p->profile_names = NULL;
    p->rows = NULL;
    p->n_rows = p->rows_capacity = 0;
    p->row = -1;
    if (!on)
        return;
    p->profile_names = df_arena_new();
    if (!p->profile_names || !df_grow((void **)&p->rows, &p->rows_capacity, 0, sizeof *p->rows)) {
        df_ctx_fail(c, DF_ENOMEM, "out of memory for the profile");
        return;
    }
    p->rows[0] = (DfProfileRow){ .path = "", .parent = -1 };
    p->n_rows = 1;
    p->row = 0;
    p->profiling = true;
}

void df_profile_pause(DfCtx *c, bool pause)
{
    struct DfCtxParts *p = c->parts;
    p->profiling = !pause && p->rows;
    p->row = p->profiling ? 0 : -1;
}

int df_profile_rows(const DfCtx *c, const DfProfileRow **rows)
{
    struct DfCtxParts *p = c->parts;
    if (p->n_rows) { /* the whole pass took as long as its outermost scopes */
        p->rows[0].seconds = 0;
        for (size_t i = 1; i < p->n_rows; i++)
            if (p->rows[i].parent == 0)
                p->rows[0].seconds += p->rows[i].seconds;
    }
    *rows = p->rows;
    return (int)p->n_rows;
}

