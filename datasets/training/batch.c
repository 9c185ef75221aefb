/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/training/batch.c -- joins several samples to a batch.
 */
#include "datasets/training/batch.h"

#include <string.h>

int df_batch_new(DfBatch *out, int n)
{
    const size_t count = (size_t)n + 1;
    *out = (DfBatch){ .n = n };
    out->metas = df_calloc(count, sizeof *out->metas);
    out->objects = df_calloc(count, sizeof *out->objects);
    out->sample = df_calloc(count, sizeof *out->sample);
    out->path = df_calloc(count, sizeof *out->path);
    if (out->metas && out->objects && out->sample && out->path)
        return DF_OK;
    df_batch_free(out);
    return df_fail_memory("a batch");
}

void df_batch_free(DfBatch *batch)
{
    for (int i = 0; batch->objects && i < batch->n; i++)
        df_annotations_done(&batch->objects[i]);
    df_free(batch->pixels);
    df_free(batch->metas);
    df_free(batch->objects);
    df_free(batch->sample);
    df_free(batch->path);
    *batch = (DfBatch){ 0 };
}

size_t df_batch_bytes(const DfBatch *batch)
{
    const size_t area = (size_t)batch->height * (size_t)batch->width;
    size_t bytes = batch->pixels ? (size_t)batch->n * area * 3 * sizeof *batch->pixels : 0;
    for (int i = 0; batch->objects && i < batch->n; i++) {
        const DfLabelMap *map = &batch->objects[i].map;
        bytes += (size_t)map->height * (size_t)map->width * (map->wide ? sizeof *map->wide : sizeof *map->narrow);
    }
    return bytes;
}

/* ---- pixels ----------------------------------------------------------------------------------------------------- */

/* Each row of the sample, then zeros to the end of the batch's row; then rows of zeros. */
static void place(float *to, int height, int width, const DfTrainingSample *sample)
{
    const size_t row = (size_t)width * 3;
    const size_t own = (size_t)sample->meta.pad_w * 3;
    for (int y = 0; y < sample->meta.pad_h; y++, to += row) {
        memcpy(to, sample->pixels + (size_t)y * own, own * sizeof *to);
        memset(to + own, 0, (row - own) * sizeof *to);
    }
    memset(to, 0, (size_t)(height - sample->meta.pad_h) * row * sizeof *to);
}

static int place_all(DfBatch *batch, DfTrainingSample *samples, int n)
{
    const size_t size = (size_t)batch->height * (size_t)batch->width * 3;
    if (n == 1) { /* it is the batch */
        batch->pixels = samples->pixels;
        samples->pixels = NULL;
        return DF_OK;
    }
    batch->pixels = df_malloc_filled((size_t)n * size * sizeof *batch->pixels);
    if (!batch->pixels)
        return df_fail_memory("the pixels of a batch");
    for (int i = 0; i < n; i++) {
        place(batch->pixels + (size_t)i * size, batch->height, batch->width, &samples[i]);
        df_free(samples[i].pixels);
        samples[i].pixels = NULL;
    }
    return DF_OK;
}

/* ---- label maps ------------------------------------------------------------------------------------------------- */

static void fill_cells(void *to, size_t at, size_t n, size_t cell, int value)
{
    const uint16_t wide = (uint16_t)value;
    if (cell == 1)
        memset((uint8_t *)to + at, value, n);
    for (size_t k = 0; cell == 2 && k < n; k++)
        ((uint16_t *)to)[at + k] = wide;
}

static void copy_map(void *to, int height, int width, const DfLabelMap *map, size_t cell, int fill)
{
    const size_t w = (size_t)width;
    const size_t own = (size_t)map->width;
    const char *from = map->narrow ? (const char *)map->narrow : (const char *)map->wide;
    for (int y = 0; y < height; y++) {
        const size_t at = (size_t)y * w;
        const size_t filled = y < map->height ? own : 0;
        if (filled)
            memcpy((char *)to + at * cell, from + (size_t)y * own * cell, own * cell);
        fill_cells(to, at + filled, w - filled, cell, fill);
    }
}

static int pad_map(DfAnnotations *a, int height, int width, int fill)
{
    DfLabelMap *map = &a->map;
    if (map->height == 0 || (map->height == height && map->width == width))
        return DF_OK;
    if (map->height > height || map->width > width)
        return df_fail(DF_EVALUE, "a label map of %d x %d for pixels of %d x %d: want it to fit", map->width,
                       map->height, width, height);
    const size_t cell = map->wide ? sizeof *map->wide : sizeof *map->narrow;
    void *to = df_arena_alloc(a->arena, (size_t)height * (size_t)width, cell);
    if (!to)
        return df_fail_memory("a label map");
    copy_map(to, height, width, map, cell, fill);
    *map = (DfLabelMap){ .height = height, .width = width };
    if (cell == 1)
        map->narrow = to;
    else
        map->wide = to;
    return DF_OK;
}

/* ---- all of it -------------------------------------------------------------------------------------------------- */

int df_batch_collate(DfBatch *batch, DfTrainingSample *samples, int n, int map_fill)
{
    int error = DF_OK;
    for (int i = 0; i < n; i++) {
        const DfImageMeta *meta = &samples[i].meta;
        batch->height = meta->pad_h > batch->height ? meta->pad_h : batch->height;
        batch->width = meta->pad_w > batch->width ? meta->pad_w : batch->width;
    }
    for (int i = 0; i < n; i++) {
        batch->metas[i] = samples[i].meta;
        batch->objects[i] = samples[i].annotations;
        samples[i].annotations = (DfAnnotations){ 0 };
        if (error == DF_OK)
            error = pad_map(&batch->objects[i], batch->height, batch->width, map_fill);
    }
    if (error == DF_OK)
        error = place_all(batch, samples, n);
    for (int i = 0; i < n; i++)
        df_training_sample_free(&samples[i]);
    return error;
}
