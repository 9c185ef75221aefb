/* SPDX-License-Identifier: Apache-2.0
 *
 * boxes/masks/remap.c -- run lengths of a picture that is mirrored, resized, cropped or padded, without decoding
 * pixels. Runs go down the columns, so each column of the result comes from one column of the source, and a run of
 * foreground stays one run.
 */
#include <string.h>

#include "boxes/masks/runs.h"

/* Stretches of foreground, and with which of them each column begins. */
typedef struct {
    uint32_t height, width;
    size_t n;
    uint32_t (*at)[2]; /* [n]: first pixel, and the one behind the last                       */
    size_t *first;     /* [width + 1]: the first stretch that reaches into the column, or beyond it */
} Stretches;

static void find_stretches(Stretches *s, const uint32_t *runs, size_t n)
{
    const uint64_t pixels = (uint64_t)s->height * s->width;
    uint64_t at = 0;
    for (size_t i = 0; i < n && at < pixels; i++) {
        uint64_t end = at + runs[i];
        end = end < pixels ? end : pixels;
        if (i % 2 && end > at) {
            s->at[s->n][0] = (uint32_t)at;
            s->at[s->n++][1] = (uint32_t)end;
        }
        at = end;
    }
}

static void index_columns(Stretches *s)
{
    size_t k = 0;
    for (size_t x = 0; x <= s->width; x++) {
        while (k < s->n && s->at[k][1] <= x * s->height)
            k++;
        s->first[x] = k;
    }
}

static int stretches_init(Stretches *s, const uint32_t *runs, size_t n, uint32_t height, uint32_t width)
{
    *s = (Stretches){ .height = height, .width = width };
    if ((uint64_t)height * width > UINT32_MAX)
        return df_fail(DF_EVALUE, "a mask of %u x %u: want less than 2^32 pixels", (unsigned)height, (unsigned)width);
    s->at = df_malloc((n / 2 + 1) * sizeof *s->at);
    s->first = df_malloc(((size_t)width + 1) * sizeof *s->first);
    if (!s->at || !s->first)
        return df_fail_memory("a mask");
    find_stretches(s, runs, n);
    index_columns(s);
    return DF_OK;
}

static void stretches_done(Stretches *s)
{
    df_free(s->at);
    df_free(s->first);
}

/* ---- writing ----------------------------------------------------------------------------------------------------- */

typedef struct {
    DfRunList *out;
    uint32_t before; /* the pixel behind the last run */
} Writer;

static bool push(Writer *w, uint32_t run)
{
    if (!df_runs_grow(w->out, w->out->n + 1))
        return false;
    w->out->at[w->out->n++] = run;
    w->before += run;
    return true;
}

static bool add(Writer *w, uint32_t start, uint32_t end)
{
    if (start == end)
        return true;
    if (w->out->n == 0 || start > w->before)
        return push(w, start - w->before) && push(w, end - start);
    w->out->at[w->out->n - 1] += end - start;
    w->before = end;
    return true;
}

/* The part of a stretch that is in column `source` becomes part of column x. */
static bool add_stretch(Writer *w, const Stretches *s, const DfRemap *map, const uint32_t stretch[2], uint32_t source,
                        uint32_t x)
{
    const uint32_t top = source * s->height;
    const uint32_t a = stretch[0] > top ? stretch[0] - top : 0;
    const uint32_t b = stretch[1] - top < s->height ? stretch[1] - top : s->height;
    const uint32_t start = x * map->height;
    if (map->upside_down)
        return add(w, start + map->height - map->row[b], start + map->height - map->row[a]);
    return add(w, start + map->row[a], start + map->row[b]);
}

static bool add_column(Writer *w, const Stretches *s, const DfRemap *map, uint32_t source, uint32_t x)
{
    const size_t first = s->first[source];
    size_t end = first;
    while (end < s->n && s->at[end][0] < (uint64_t)(source + 1) * s->height)
        end++;
    bool room = true;
    for (size_t k = first; room && k < end; k++) {
        const size_t next = map->upside_down ? first + end - 1 - k : k;
        room = add_stretch(w, s, map, s->at[next], source, x);
    }
    return room;
}

int df_runs_remap(DfRunList *out, const uint32_t *runs, size_t n, uint32_t height, uint32_t width, const DfRemap *map)
{
    Stretches s;
    Writer w = { .out = out };
    int error = stretches_init(&s, runs, n, height, width);
    if (error == DF_OK && (uint64_t)map->height * map->width > UINT32_MAX)
        error = df_fail(DF_EVALUE, "a mask of %u x %u: want less than 2^32 pixels", (unsigned)map->height,
                        (unsigned)map->width);
    out->n = 0;
    bool room = true;
    for (uint32_t x = 0; error == DF_OK && room && x < map->width; x++)
        if (map->column[x] != UINT32_MAX)
            room = add_column(&w, &s, map, map->column[x], x);
    const uint32_t pixels = map->height * map->width;
    if (error == DF_OK && room && (w.before < pixels || out->n == 0))
        room = push(&w, pixels - w.before);
    stretches_done(&s);
    return room ? error : df_fail_memory("a mask");
}
