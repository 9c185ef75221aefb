/* SPDX-License-Identifier: Apache-2.0
 *
 * tensor/check.c -- searches for NaN and infinity. After a failed step the pass is repeated, and every result and
 * every gradient is checked as soon as it is computed, to name the module. In ordinary passes only the middle of a few
 * maps is checked.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/core.h"
#include "tensor/op.h"
#include "tensor/parts.h"

void df_ctx_check(DfCtx *c, bool on)
{
    c->parts->checks = on;
    c->parts->unchecked = NULL;
}

/* The first of n that is infinite or no number; n if there is none. */
static size_t first_bad(const float *x, size_t n)
{
    size_t i = 0;
    while (i < n && isfinite(x[i]))
        i++;
    return i;
}

static const char *name_of(float bad)
{
    return isnan(bad) ? "NaN" : "infinite";
}

/* Poisons the context with a sentence that begins where x was made, not where the pass is now. */
static void complain(DfCtx *c, const DfTensor *x, const char *sentence)
{
    struct DfCtxParts *p = c->parts;
    if (c->err)
        return;
    const char *path = x->made_at ? x->made_at : "";
    snprintf(p->sentence, sizeof p->sentence, "%s%s%s", path, path[0] ? ": " : "", sentence);
    c->err = DF_EVALUE;
}

/* ---- in a second pass -------------------------------------------------------------------------------------------- */

void df_check_made(DfCtx *c)
{
    const DfTensor *x = c->parts->unchecked;
    c->parts->unchecked = NULL;
    if (!x || !x->data || x->bf16 || c->err) /* what is wrong in bfloat16 is so in what reads it */
        return;
    const size_t n = df_size(x);
    const size_t bad = first_bad(x->data, n);
    char sentence[256];
    if (bad == n)
        return;
    snprintf(sentence, sizeof sentence, "%s gives a result (%s) whose number %zu is %s", c->parts->maker, DF_TEXT(x),
             bad, name_of(x->data[bad]));
    complain(c, x, sentence);
}

void df_check_later(DfCtx *c, const DfOp *op, DfTensor *y)
{
    struct DfCtxParts *p = c->parts;
    char path[256];
    df_check_made(c);
    df_path_of_scope(p, path, sizeof path);
    y->made_at = df_arena_copy(p->step, path, strlen(path)); /* NULL: the sentence is shorter */
    p->maker = op->name;
    p->unchecked = y;
}

void df_check_gradients(DfCtx *c, const DfTensor *y)
{
    char sentence[256];
    for (int i = 0; i < y->n_src && !c->err; i++) {
        const DfTensor *x = y->src[i];
        if (!x || !x->grad)
            continue;
        const size_t bad = first_bad(x->grad, df_size(x));
        if (bad == df_size(x))
            continue;
        snprintf(sentence, sizeof sentence, "%s gives its argument %d (%s) a gradient whose number %zu is %s",
                 y->op->name, i + 1, DF_TEXT(x), bad, name_of(x->grad[bad]));
        complain(c, y, sentence);
    }
}

/* ---- in any pass ------------------------------------------------------------------------------------------------- */

/* Which cell of an item is the middle: half of every dimension between the first and the last. */
static size_t middle_cell(const DfTensor *x)
{
    size_t cell = 0;
    for (int i = 1; i < x->shape.n - 1; i++)
        cell = cell * (size_t)df_dim(x, i) + (size_t)df_dim(x, i) / 2;
    return cell;
}

/* How many of n are infinite or no numbers: without a way out of the loop, which is then done on vectors. */
static size_t count_bad(const float *x, size_t n)
{
    size_t bad = 0;
    for (size_t i = 0; i < n; i++)
        bad += (df_float_bits(x[i]) & 0x7f800000) == 0x7f800000; /* the exponent of NaN and of infinity */
    return bad;
}

void df_want_numbers(DfCtx *c, const DfTensor *x, const char *what, int index)
{
    if (c->err || c->dry || c->training || c->recording || x->bf16 || x->shape.n < 2 || df_size(x) == 0)
        return;
    const size_t items = (size_t)df_dim(x, 0), channels = (size_t)df_dim(x, -1);
    const float *middle = x->data + middle_cell(x) * channels;
    size_t bad = 0;
    for (size_t i = 0; i < items; i++)
        bad += count_bad(middle + i * (df_size(x) / items), channels);
    char number[16] = "";
    if (index >= 0)
        snprintf(number, sizeof number, " %d", index);
    if (bad)
        df_ctx_fail(c, DF_EVALUE, "numbers that are NaN or infinite in %s%s: want weights that were trained with this "
                    "config", what, number);
}
