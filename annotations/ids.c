/* SPDX-License-Identifier: Apache-2.0
 *
 * annotations/ids.c -- a hash table from ids to indices.
 */
#include "annotations/ids.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

/* Of this process: a file cannot be made whose ids all fall into one place. Nothing depends on where an id falls. */
static uint64_t salt(void)
{
    static atomic_uint_fast64_t bits;
    uint_fast64_t met = atomic_load_explicit(&bits, memory_order_relaxed);
    const uint_fast64_t drawn = met ? met : (uint_fast64_t)df_unforeseen_bits() | 1;
    if (met || atomic_compare_exchange_strong(&bits, &met, drawn))
        return drawn;
    return met;
}

static inline uint64_t hash(DfId id, uint64_t salt)
{
    uint64_t h = id.text ? df_hash_add_text(salt, id.text) : (uint64_t)id.number ^ salt;
    h = (h ^ h >> 32) * (0x9e3779b97f4a7c15u ^ salt << 1);
    h = (h ^ h >> 29) * 0xbf58476d1ce4e5b9u;
    return h ^ h >> 32;
}

/* The kinds of ids, ascending. */
typedef enum { BIG_NEGATIVE, INTEGER, BIG_POSITIVE, TEXT } Kind;

static Kind kind_of(DfId id)
{
    if (!id.text)
        return INTEGER;
    if (id.number != DF_BIG_ID)
        return TEXT;
    return id.text[0] == '-' ? BIG_NEGATIVE : BIG_POSITIVE;
}

/* By the number that the digits are: the longer one is larger. */
static int compare_digits(const char *a, const char *b)
{
    const size_t n = strlen(a);
    const size_t m = strlen(b);
    return n == m ? strcmp(a, b) : (n > m) - (n < m);
}

int df_id_compare(DfId a, DfId b)
{
    const Kind kind = kind_of(a);
    const Kind other = kind_of(b);
    if (kind != other)
        return kind > other ? 1 : -1;
    switch (kind) {
    case TEXT: return strcmp(a.text, b.text);
    case BIG_POSITIVE: return compare_digits(a.text, b.text);
    case BIG_NEGATIVE: return compare_digits(b.text, a.text);
    default: return (a.number > b.number) - (a.number < b.number);
    }
}

static size_t slot_of(const DfIds *t, DfId id)
{
    size_t at = (size_t)hash(id, t->salt) & (t->n_slots - 1);
    if (!id.text) {
        while (t->slots[at] != DF_NO_ID && (t->ids[t->slots[at]].number != id.number || t->ids[t->slots[at]].text))
            at = (at + 1) & (t->n_slots - 1);
        return at;
    }
    while (t->slots[at] != DF_NO_ID && df_id_compare(t->ids[t->slots[at]], id) != 0)
        at = (at + 1) & (t->n_slots - 1);
    return at;
}

uint32_t df_ids_find(const DfIds *t, DfId id)
{
    return t->n_slots ? t->slots[slot_of(t, id)] : DF_NO_ID;
}

bool df_ids_reserve(DfIds *t, size_t n)
{
    size_t wanted = t->n_slots ? t->n_slots : 64;
    while (n > wanted / 2)
        wanted *= 2;
    t->salt = salt();
    if (n >= DF_NO_ID || !df_grow((void **)&t->ids, &t->capacity, n - 1, sizeof *t->ids))
        return false;
    if (wanted == t->n_slots)
        return true;
    uint32_t *slots = df_malloc(wanted * sizeof *slots);
    if (!slots)
        return false;
    memset(slots, 0xff, wanted * sizeof *slots);
    df_free(t->slots);
    t->slots = slots;
    t->n_slots = wanted;
    for (size_t i = 0; i < t->n; i++)
        slots[slot_of(t, t->ids[i])] = (uint32_t)i;
    return true;
}

int df_ids_add(DfIds *t, DfId id, uint32_t *place)
{
    if (t->n >= DF_NO_ID - 1)
        return df_fail(DF_EVALUE, "more than %u ids", (unsigned)DF_NO_ID - 1);
    if (!df_ids_reserve(t, t->n + 1))
        return df_fail_memory("ids");
    const size_t slot = slot_of(t, id);
    *place = t->slots[slot];
    if (*place != DF_NO_ID)
        return DF_OK;
    if (id.text) {
        if (!t->texts && !(t->texts = df_arena_new()))
            return df_fail_memory("ids");
        id.text = df_arena_copy(t->texts, id.text, strlen(id.text));
        if (!id.text)
            return df_fail_memory("ids");
    }
    t->slots[slot] = *place = (uint32_t)t->n;
    t->ids[t->n++] = id;
    return DF_OK;
}

void df_ids_done(DfIds *t)
{
    df_free(t->ids);
    df_free(t->slots);
    df_arena_free(t->texts);
    *t = (DfIds){ 0 };
}

const char *df_id_text(DfId id)
{
    static _Thread_local char texts[4][80];
    static _Thread_local unsigned next;
    char *text = texts[next++ % 4];
    if (df_id_is_text(id))
        snprintf(text, sizeof texts[0], "'%.60s'", id.text);
    else if (id.text)
        snprintf(text, sizeof texts[0], "%.60s", id.text);
    else
        snprintf(text, sizeof texts[0], "%" PRId64, id.number);
    return text;
}
