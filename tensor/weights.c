/* SPDX-License-Identifier: Apache-2.0
 *
 * tensor/weights.c -- packed copies of weights, made at first use and kept in a list that belongs to the weight.
 */
#include "tensor/weights.h"

#include <pthread.h>

#include "tensor/parts.h"

/* Guards the lists of packed copies, and is never held while packing. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void keep(DfTensor *w, DfPacked *packed)
{
    pthread_mutex_lock(&lock);
    w->packed = df_packed_link(packed, w->packed);
    pthread_mutex_unlock(&lock);
}

/* What is to be packed: O rows of K, in groups, of which part of the weight. */
typedef struct {
    DfPackKind kind;
    DfPrecision precision;
    size_t O, K, groups;
    DfPackedPart part;
} Wanted;

static const DfPacked *find(const DfTensor *w, const float *fold, const Wanted *p)
{
    pthread_mutex_lock(&lock);
    const DfPacked *found = df_packed_find(w->packed, p->kind, p->precision, p->part, fold);
    pthread_mutex_unlock(&lock);
    return found;
}

static int pack(DfPacked **out, DfPool *pool, const float *w, const Wanted *p)
{
    switch (p->kind) {
    case DF_PACK_WINOGRAD:
    case DF_PACK_WINOGRAD_STRIDED:
        return df_pack_winograd(out, pool, p->kind, p->precision, w, p->O, p->K / 9);
    case DF_PACK_WINOGRAD_TURNED:
        return df_pack_winograd_turned(out, pool, w, p->O, p->K / 9);
    case DF_PACK_ITSELF:
        return df_pack_itself(out, w, p->O, p->K, p->groups);
    case DF_PACK_GEMM:
        break;
    }
    if (p->precision == DF_PRECISION_BF16)
        return df_pack_bf16(out, pool, w, p->O, p->K, p->groups);
    return df_pack(out, pool, w, p->O, p->K, p->groups);
}

/* Some inputs of a convolution's weight (O taps I), side by side, each row times its factor in `fold`, or NULL. */
static void gather(float *to, const DfTensor *w, const float *numbers, const float *fold, const Wanted *p)
{
    const size_t O = p->part.n;
    const size_t I = (size_t)df_dim(w, 3);
    const size_t inputs = p->part.inputs;
    const size_t taps = df_size(w) / (O * I);
    for (size_t o = 0; o < O; o++)
        for (size_t t = 0; t < taps; t++) {
            const float *from = numbers + (o * taps + t) * I + p->part.input;
            float *row = to + (p->part.taps ? t * O + o : o * taps + t) * inputs;
            for (size_t i = 0; i < inputs; i++)
                row[i] = fold ? from[i] * fold[o] : from[i];
        }
}

static void scale(float *to, const float *numbers, const float *fold, const Wanted *p)
{
    for (size_t i = 0; i < p->O * p->K; i++)
        to[i] = numbers[i] * fold[i / p->K];
}

/* Scaled or gathered numbers are packed. They are scaled where they are, if that is memory of this use, and not what is
 * packed. */
static int pack_changed(DfPacked **out, DfPool *pool, const DfTensor *w, const DfNumbers *numbers, const float *fold,
                        const Wanted *p)
{
    const bool gathers = p->part.inputs > 0;
    float *const own = p->kind == DF_PACK_ITSELF || gathers ? NULL : numbers->own;
    float *changed = own ? own : df_malloc(p->O * p->K * sizeof *changed);
    if (!changed)
        return df_fail_memory("packed weights");
    if (gathers)
        gather(changed, w, numbers->at, fold, p);
    else
        scale(changed, numbers->at, fold, p);
    int error = pack(out, pool, changed, p);
    if (!error && p->kind == DF_PACK_ITSELF) {
        df_packed_keep(*out, changed);
        changed = NULL;
    }
    if (!error && fold)
        error = df_packed_folded(*out, fold, p->part.n);
    if (!own)
        df_free(changed);
    return error;
}

/* Factors go into the scales. */
static int pack_int8(DfPacked **out, DfPool *pool, const DfTensor *w, const float *x, const float *fold,
                     const Wanted *p)
{
    DfQuantization rows = *w->quantization;
    rows.scale += p->part.first;
    const int error = df_pack_int8(out, pool, x, p->O, p->K, p->groups, &rows, fold);
    return !error && fold ? df_packed_folded(*out, fold, p->O) : error;
}

/* The memory of a copy that the weight outgrew: NULL if there is none. */
static DfPacked *take_stale(DfTensor *w, DfPackKind kind)
{
    pthread_mutex_lock(&lock);
    DfPacked *packed = df_packed_take_stale(&w->packed, kind);
    pthread_mutex_unlock(&lock);
    return packed;
}

/* `memory`: a packed weight that nobody reads any more, which is used if it is large enough, and freed else; or
 * NULL. */
static DfPacked *pack_anew(DfCtx *c, DfPacked *memory, DfTensor *w, const float *fold, const Wanted *p)
{
    DfPacked *packed = memory;
    DfNumbers numbers;
    int error = p->kind == DF_PACK_ITSELF && !fold && !p->part.inputs ? df_hold(w) : DF_OK; /* it will be read where it is */
    if (!error)
        error = df_numbers_open(w, &numbers);
    if (!error) {
        if (p->precision == DF_PRECISION_INT8)
            error = pack_int8(&packed, c->pool, w, numbers.at + p->part.first * p->K, fold, p);
        else if (fold || p->part.inputs)
            error = pack_changed(&packed, c->pool, w, &numbers, fold, p);
        else
            error = pack(&packed, c->pool, numbers.at + p->part.first * p->K, p);
        const int changed = df_numbers_close(w, &numbers);
        error = error ? error : changed;
    }
    if (!error) {
        df_packed_of_part(packed, p->part);
        return packed;
    }
    df_packed_free(packed);
    df_check(c, error);
    return NULL;
}

static DfPackedWeight pack_for_one_use(DfCtx *c, DfTensor *w, const float *fold, const Wanted *p)
{
    DfPacked *memory = c->parts->spare;
    c->parts->spare = NULL;
    DfPacked *packed = pack_anew(c, memory, w, fold, p);
    return (DfPackedWeight){ packed, packed };
}

/* Of two contexts that meet a weight at once, one packs it and the other waits. Nothing that runs on a pool asks for a
 * weight, so whoever packs on a pool is not waited for there. */
static const DfPacked *pack_to_keep(DfCtx *c, DfTensor *w, const float *fold, const Wanted *p)
{
    static pthread_mutex_t packing = PTHREAD_MUTEX_INITIALIZER;
    pthread_mutex_lock(&packing);
    const DfPacked *found = find(w, fold, p);
    if (!found) {
        DfPacked *packed = pack_anew(c, take_stale(w, p->kind), w, fold, p);
        if (packed)
            keep(w, packed);
        found = packed;
    }
    pthread_mutex_unlock(&packing);
    return found;
}

bool df_weight_is_int8(const DfCtx *c, const DfTensor *w)
{
    return w->quantization && !(c->recording && w->wants_grad);
}

static DfPrecision precision_of(const DfCtx *c, const DfTensor *w, DfPackKind kind)
{
    if (c->recording && w->wants_grad)
        return DF_PRECISION_F32;
    return w->quantization && kind == DF_PACK_GEMM ? DF_PRECISION_INT8 : c->precision;
}

static DfPackedWeight packed(DfCtx *c, DfTensor *w, const DfTensor *fold, Wanted wanted)
{
    const bool changes = c->recording && w->wants_grad;
    const float *factors = df_data_of(fold);
    const size_t numbers = wanted.O * wanted.K;
    wanted.precision = precision_of(c, w, wanted.kind);
    if (wanted.kind == DF_PACK_GEMM && wanted.precision == DF_PRECISION_F32 && c->k->gemm.product)
        wanted.kind = DF_PACK_ITSELF;
    if (wanted.precision == DF_PRECISION_BF16)
        df_leaves_unread(c, numbers / 2); /* for the profile: these are half as wide */
    if (wanted.precision == DF_PRECISION_INT8)
        df_leaves_unread(c, numbers - numbers / 4);
    if (changes && wanted.kind != DF_PACK_WINOGRAD_TURNED)
        w->uses++;
    if (changes && !w->keeps_packed)
        return pack_for_one_use(c, w, factors, &wanted);
    const DfPacked *found = find(w, factors, &wanted);
    return (DfPackedWeight){ found ? found : pack_to_keep(c, w, factors, &wanted), NULL };
}

DfPackedWeight df_weight(DfCtx *c, DfTensor *w, const DfTensor *fold, DfPackKind kind, size_t O, size_t K,
                         size_t groups)
{
    return packed(c, w, fold, (Wanted){ .kind = kind, .O = O, .K = K, .groups = groups, .part = { .n = O } });
}

DfPackedWeight df_weight_rows(DfCtx *c, DfTensor *w, DfPackedPart rows, size_t K)
{
    return packed(c, w, NULL, (Wanted){ .kind = DF_PACK_GEMM, .O = rows.n, .K = K, .groups = 1, .part = rows });
}

DfPackedWeight df_weight_inputs(DfCtx *c, DfTensor *w, const DfTensor *fold, DfPackKind kind, DfPackedPart part)
{
    const size_t O = (size_t)df_dim(w, 0);
    const size_t taps = (size_t)df_dim(w, 1) * (size_t)df_dim(w, 2);
    part.n = O;
    return packed(c, w, fold, (Wanted){ .kind = kind, .O = part.taps ? taps * O : O, .groups = 1, .part = part,
                                        .K = part.taps ? part.inputs : taps * part.inputs });
}

void df_weight_done(DfCtx *c, DfPackedWeight w)
{
    if (!w.own)
        return;
    df_packed_free(c->parts->spare);
    c->parts->spare = w.own;
}
