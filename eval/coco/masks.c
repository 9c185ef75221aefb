/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/coco/masks.c -- memory for masks, and preparing a segmentation that was just read for comparison.
 */
#include <string.h>

#include "eval/coco/data.h"

/* ---- bytes ----------------------------------------------------------------------------------------------------- */

enum {
    FIRST_CHUNK = 64 * 1024,
    LARGEST_CHUNK = 8 * 1024 * 1024,
    HEAD = 64 /* of a block, so that chunks are whole pages */
};

/* Chunks double until they are the largest. */
static size_t next_chunk(const CocoBytes *b)
{
    if (b->n == 0)
        return FIRST_CHUNK;
    return b->size + HEAD < LARGEST_CHUNK ? 2 * (b->size + HEAD) : LARGEST_CHUNK;
}

static bool add_chunk(CocoBytes *b, size_t n)
{
    const size_t room = next_chunk(b) - HEAD;
    const size_t size = n > room ? n : room;
    if (!df_grow((void **)&b->chunks, &b->capacity, b->n, sizeof *b->chunks))
        return false;
    b->chunks[b->n] = df_malloc_filled(size);
    if (!b->chunks[b->n])
        return false;
    b->n++;
    b->used = 0;
    b->size = size;
    return true;
}

void *df_coco_bytes_take(CocoBytes *b, size_t n)
{
    n = (n + 7) / 8 * 8;
    if ((b->n == 0 || n > b->size - b->used) && !add_chunk(b, n))
        return NULL;
    b->used += n;
    return b->chunks[b->n - 1] + b->used - n;
}

int df_coco_bytes_move(CocoBytes *to, CocoBytes *from)
{
    if (from->n == 0)
        return DF_OK;
    if (!df_grow((void **)&to->chunks, &to->capacity, to->n + from->n - 1, sizeof *to->chunks))
        return df_fail_memory("masks");
    memcpy(to->chunks + to->n, from->chunks, from->n * sizeof *from->chunks);
    to->n += from->n;
    to->used = from->used;
    to->size = from->size;
    df_free(from->chunks);
    *from = (CocoBytes){ 0 };
    return DF_OK;
}

void df_coco_bytes_done(CocoBytes *b)
{
    for (size_t i = 0; i < b->n; i++)
        df_free(b->chunks[i]);
    df_free(b->chunks);
    *b = (CocoBytes){ 0 };
}

/* ---- a segmentation -------------------------------------------------------------------------------------------- */

CocoMask df_coco_mask(const DfCocoSegmentation *s)
{
    CocoMask mask = { .form = s->form };
    if (s->form != DF_MASK_RUNS)
        return mask;
    const DfRunFacts facts = df_runs_facts(s->runs.at, s->runs.n, s->height, s->width);
    mask.height = s->height;
    mask.width = s->width;
    mask.area = facts.area;
    mask.plain = facts.plain;
    memcpy(mask.box, facts.box, sizeof mask.box);
    return mask;
}

int df_coco_fail_in(const DfCocoRecord *r, int error)
{
    if (error == DF_OK || error == DF_ENOMEM)
        return error;
    char sentence[256];
    strncpy(sentence, df_error(), sizeof sentence - 1);
    sentence[sizeof sentence - 1] = 0;
    return df_coco_record_fail(r, "segmentation: %s", sentence);
}
