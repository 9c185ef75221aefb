/* SPDX-License-Identifier: Apache-2.0
 *
 * tensor/random.c -- the random numbers of a step, as a function of the seed, the step, the sample and the place in
 * the network. So drawing numbers in one place changes nothing elsewhere, and a batch that is split draws the same
 * numbers as the whole one.
 */
#include "tensor/op.h"
#include "tensor/parts.h"

/* The finalizer of MurmurHash3 (Appleby, 2011): every bit of the result depends on every bit of x. */
static uint64_t mix(uint64_t x)
{
    x = (x ^ (x >> 33)) * 0xff51afd7ed558ccdu;
    x = (x ^ (x >> 33)) * 0xc4ceb9fe1a85ec53u;
    return x ^ (x >> 33);
}

static uint64_t join(uint64_t a, uint64_t b)
{
    return mix(a * 0x9e3779b97f4a7c15u + b + 1);
}

uint64_t df_place_below(uint64_t place, const char *name, int index)
{
    return join(join(place, df_hash(name)), (uint64_t)(int64_t)index);
}

void df_ctx_seed(DfCtx *c, uint64_t seed, uint64_t step, int first_sample)
{
    struct DfCtxParts *p = c->parts;
    p->seed = join(mix(seed), step);
    p->first_sample = first_sample;
    df_visits_forget(p);
}

/* ---- how often a place was asked: a hash table with open addressing --------------------------------------------- */

void df_visits_forget(struct DfCtxParts *p)
{
    for (size_t i = 0; i < p->visits_capacity; i++)
        p->visits[i].n = 0;
    p->n_visits = 0;
}

static Visits *slot_of(const struct DfCtxParts *p, uint64_t key)
{
    size_t i = key & (p->visits_capacity - 1);
    while (p->visits[i].n && p->visits[i].key != key)
        i = (i + 1) & (p->visits_capacity - 1);
    return &p->visits[i];
}

static bool grow(struct DfCtxParts *p)
{
    const size_t old_capacity = p->visits_capacity;
    Visits *old = p->visits;
    const size_t capacity = old_capacity ? 2 * old_capacity : 64; /* a power of 2 */
    Visits *larger = df_calloc(capacity, sizeof *larger);
    if (!larger)
        return false;
    p->visits = larger;
    p->visits_capacity = capacity;
    for (size_t i = 0; i < old_capacity; i++)
        if (old[i].n)
            *slot_of(p, old[i].key) = old[i];
    df_free(old);
    return true;
}

/* How often `key` was visited before; 0 with a failure when memory ran out. */
static uint64_t visit(DfCtx *c, uint64_t key)
{
    struct DfCtxParts *p = c->parts;
    if (2 * p->n_visits >= p->visits_capacity && !grow(p)) {
        df_ctx_fail(c, DF_ENOMEM, "out of memory for random numbers");
        return 0;
    }
    Visits *slot = slot_of(p, key);
    p->n_visits += slot->n == 0;
    slot->key = key;
    return slot->n++;
}

/* ---- streams ---------------------------------------------------------------------------------------------------- */

static uint64_t next_stream(DfCtx *c, int sample)
{
    const struct DfCtxParts *p = c->parts;
    const uint64_t place = p->depth ? p->scopes[p->depth - 1].place : 0;
    const uint64_t key = join(place, (uint64_t)((int64_t)p->first_sample + sample));
    return join(key, visit(c, key));
}

/* A part of the network that runs again reads what it drew the first time. */
DfRandom df_ctx_random(DfCtx *c, int sample)
{
    struct DfCtxParts *p = c->parts;
    if (p->replays && p->drawn < p->n_journal)
        return df_random(p->seed, p->journal[p->drawn++]);
    const uint64_t stream = next_stream(c, sample);
    if (!df_grow((void **)&p->journal, &p->journal_capacity, p->n_journal, sizeof *p->journal))
        df_ctx_fail(c, DF_ENOMEM, "out of memory for random numbers");
    else
        p->journal[p->n_journal++] = stream;
    p->drawn = p->n_journal;
    return df_random(p->seed, stream);
}

DfKey df_ctx_key(DfCtx *c, int sample)
{
    DfRandom random = df_ctx_random(c, sample);
    const uint64_t bits = df_random_bits(&random);
    return (DfKey){ (uint32_t)bits, (uint32_t)(bits >> 32) };
}

DfDropout df_ctx_dropout(DfCtx *c, float p, int samples)
{
    DfKey *keys = c->training && p > 0 ? df_note_space(c, (size_t)samples * sizeof *keys) : NULL;
    for (int i = 0; keys && i < samples; i++)
        keys[i] = df_ctx_key(c, i);
    return (DfDropout){ keys, df_key_threshold(p), p < 1 ? 1 / (1 - p) : 0 };
}
