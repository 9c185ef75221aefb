/* SPDX-License-Identifier: Apache-2.0
 *
 * heads/pixel/score_rows.c -- enlarges small score maps and takes the class of every pixel: two bilinear steps and an
 * argmax, one block of the result at a time. A row of the result is a blend of two rows of a view; a row of a view is
 * a blend of two rows of each window's map. Neighbouring rows of the result mostly blend the same two, which are kept.
 * Classes are contiguous, so every blend is one run of numbers.
 */
#include <math.h>
#include <string.h>

#include "heads/pixel.h"

enum { ROWS = 8, COLUMNS = 128 }; /* of a block */

/* ---- interpolation ----------------------------------------------------------------------------------------------- */

/* Where output `i` of `to` reads in an input of `from`, as PyTorch's bilinear interpolation has it: at i (from - 1) /
 * (to - 1) if the corners are aligned, else at (i + 1/2) from / to - 1/2, the middle of the pixel. */
typedef struct {
    int first, second;
    float weight; /* of the second */
} Tap;

static Tap tap(int i, int to, int from, bool align_corners)
{
    float at = 0;
    if (!align_corners)
        at = fmaxf((float)from / (float)to * ((float)i + 0.5f) - 0.5f, 0);
    else if (to > 1)
        at = (float)(from - 1) / (float)(to - 1) * (float)i;
    const int first = (int)at < from - 1 ? (int)at : from - 1;
    return (Tap){ first, first + (first < from - 1), at - (float)first };
}

/* Columns x .. x + n - 1 of a row. */
typedef struct {
    int x, n;
} Span;

/* What columns `out` of a row of `to` pixels need of one of `from`. */
static Span needed(Span out, int to, int from, bool align_corners)
{
    const int first = tap(out.x, to, from, align_corners).first;
    const int last = tap(out.x + out.n - 1, to, from, align_corners).second;
    return (Span){ first, last - first + 1 };
}

static Span common(Span a, Span b)
{
    const int a_end = a.x + a.n, b_end = b.x + b.n;
    const int x = a.x > b.x ? a.x : b.x;
    const int end = a_end < b_end ? a_end : b_end;
    return (Span){ x, end > x ? end - x : 0 };
}

/* ---- scratch ----------------------------------------------------------------------------------------------------- */

/* Of a block: rows of a view as wide as the block needs them, and sums of its pixels. */
typedef struct {
    const DfKernels *k;
    float *narrow; /* [columns of a window's map][classes]: a row of the map                  */
    float *row[2]; /* [columns][classes]: two rows of a view at the size of the network's input */
    int at[2];     /* which rows of the view these are; -1: none                              */
    int *counts;   /* [columns]: how many windows a pixel of such a row lies in               */
    float *blend;  /* [columns][classes]: the two rows mixed                                  */
    float *pixel;  /* [classes]                                                               */
    float *sum;    /* [ROWS][COLUMNS][classes]: probabilities of the block                    */
} Scratch;

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* The most columns of a view that a block needs: one for every step of a tap, and the ends. */
static size_t widest(const DfScoreSet *set)
{
    size_t most = 1;
    for (int i = 0; i < set->n; i++) {
        const size_t width = (size_t)set->views[i].width;
        const size_t part = width * COLUMNS / (size_t)set->width + 4;
        most = larger(most, part < width ? part : width);
    }
    return most;
}

/* The most columns of a window's map: maps are not always smaller than what they are enlarged to. */
static size_t widest_map(const DfScoreSet *set)
{
    size_t most = 1;
    for (int i = 0; i < set->n; i++)
        for (int k = 0; k < set->views[i].n; k++)
            most = larger(most, (size_t)set->views[i].windows[k].map_w);
    return most;
}

/* The next `n` floats of `*memory`. */
static float *cut(float **memory, size_t n)
{
    float *at = *memory;
    *memory += n;
    return at;
}

/* How many bytes a scratch has: rows of a view are `columns` wide at most. */
static size_t scratch_size(const DfScoreSet *set, size_t columns)
{
    const size_t C = (size_t)set->classes;
    const size_t floats = widest_map(set) * C + 3 * columns * C + C + (size_t)ROWS * COLUMNS * C;
    return (floats + columns) * sizeof(float);
}

static Scratch scratch_in(const DfScoreSet *set, const DfKernels *k, size_t columns, float *memory)
{
    const size_t C = (size_t)set->classes;
    Scratch s = { .k = k, .at = { -1, -1 } };
    s.narrow = cut(&memory, widest_map(set) * C);
    s.row[0] = cut(&memory, columns * C);
    s.row[1] = cut(&memory, columns * C);
    s.blend = cut(&memory, columns * C);
    s.pixel = cut(&memory, C);
    s.sum = cut(&memory, (size_t)ROWS * COLUMNS * C);
    s.counts = (int *)(void *)memory; /* as large as a float, and aligned like one */
    return s;
}

/* ---- rows of a view ---------------------------------------------------------------------------------------------- */

/* Adds columns `part` of the view, which lie in the window, to `out`, which begins at column x0. */
static void add_window(const DfScoreSet *set, const DfScoreWindow *w, int y, Span part, float *out, int x0,
                       const Scratch *s)
{
    const size_t C = (size_t)set->classes;
    const size_t pitch = (size_t)w->map_w * C;
    const Tap t = tap(y - w->y, w->h, w->map_h, set->align_corners);
    const Span map = needed((Span){ part.x - w->x, part.n }, w->w, w->map_w, set->align_corners);
    const float *from = w->scores + (size_t)map.x * C;
    s->k->pointwise.mix(s->narrow, from + (size_t)t.first * pitch, from + (size_t)t.second * pitch, t.weight,
                        (size_t)map.n * C);
    for (int x = part.x; x < part.x + part.n; x++) {
        const Tap h = tap(x - w->x, w->w, w->map_w, set->align_corners);
        const float *a = s->narrow + (size_t)(h.first - map.x) * C;
        const float *b = s->narrow + (size_t)(h.second - map.x) * C;
        float *o = out + (size_t)(x - x0) * C;
        if (s->counts[x - x0]++ == 0) {
            s->k->pointwise.mix(o, a, b, h.weight, C);
        } else {
            s->k->pointwise.mix(s->pixel, a, b, h.weight, C);
            s->k->pointwise.add(o, o, s->pixel, C);
        }
    }
}

/* Columns `span` of row y of a view, at the size of the network's input. */
static void view_row(const DfScoreSet *set, const DfScoreView *view, int y, Span span, float *out, const Scratch *s)
{
    const size_t C = (size_t)set->classes;
    memset(s->counts, 0, (size_t)span.n * sizeof *s->counts);
    for (int i = 0; i < view->n; i++) {
        const DfScoreWindow *w = &view->windows[i];
        const Span part = common(span, (Span){ w->x, w->w });
        if (y >= w->y && y < w->y + w->h && part.n)
            add_window(set, w, y, part, out, span.x, s);
    }
    for (int x = 0; x < span.n; x++)
        for (size_t i = 0; s->counts[x] > 1 && i < C; i++)
            out[(size_t)x * C + i] /= (float)s->counts[x];
}

/* A row that is asked for again is not made again. */
static const float *cached_row(const DfScoreSet *set, const DfScoreView *view, int y, int other, Span span, Scratch *s)
{
    for (int i = 0; i < 2; i++)
        if (s->at[i] == y)
            return s->row[i];
    const int slot = s->at[0] == other ? 1 : 0;
    view_row(set, view, y, span, s->row[slot], s);
    s->at[slot] = y;
    return s->row[slot];
}

/* ---- blocks of the result ---------------------------------------------------------------------------------------- */

typedef struct {
    const DfKernels *k;
    const DfScoreSet *set;
    uint16_t *labels;
    float *scores, *prob;
    size_t columns; /* of scratch rows        */
    int across;     /* blocks beside another  */
} Job;

static uint16_t best(const DfKernels *k, const float *x, size_t n)
{
    return (uint16_t)k->pointwise.mix_best(x, x, 0, n);
}

/* Row y (0.. of the block) of a view without mirroring: labels at once, where nothing else is asked for. */
static void label_row(const Job *job, Span block, Span span, int y, const Scratch *s)
{
    const DfScoreSet *set = job->set;
    const size_t C = (size_t)set->classes;
    for (int x = block.x; x < block.x + block.n; x++) {
        const Tap t = tap(x, set->width, set->views[0].width, set->align_corners);
        const float *a = s->blend + (size_t)(t.first - span.x) * C;
        const float *b = s->blend + (size_t)(t.second - span.x) * C;
        job->labels[(size_t)y * (size_t)set->width + (size_t)x] = (uint16_t)s->k->pointwise.mix_best(a, b, t.weight, C);
    }
}

/* Adds the softmax of a row of a view to the sums of the block. `block` is in the view's own, perhaps mirrored,
 * columns. */
static void add_row(const Job *job, const DfScoreView *view, Span block, Span span, int y, float *sum, const Scratch *s)
{
    const DfScoreSet *set = job->set;
    const DfPointwiseKernels *k = &s->k->pointwise;
    const size_t C = (size_t)set->classes;
    for (int i = 0; i < block.n; i++) {
        const int x = block.x + i;
        const Tap t = tap(x, set->width, view->width, set->align_corners);
        k->mix(s->pixel, s->blend + (size_t)(t.first - span.x) * C, s->blend + (size_t)(t.second - span.x) * C,
               t.weight, C);
        if (job->scores && view == set->views)
            memcpy(job->scores + ((size_t)y * (size_t)set->width + (size_t)x) * C, s->pixel, C * sizeof *s->pixel);
        k->softmax(s->pixel, s->pixel, 1, C);
        k->accumulate(sum + (size_t)(view->flip_x ? block.n - 1 - i : i) * C, s->pixel, 1.0f / (float)set->n, C);
    }
}

/* One view's part in the block; `labels_only` as in label_row(). */
static void add_view(const Job *job, const DfScoreView *view, int top, int rows, Span block, bool labels_only,
                     Scratch *s)
{
    const DfScoreSet *set = job->set;
    const size_t C = (size_t)set->classes;
    const Span own = { view->flip_x ? set->width - block.x - block.n : block.x, block.n };
    const Span span = needed(own, set->width, view->width, set->align_corners);
    s->at[0] = s->at[1] = -1;
    for (int i = 0; i < rows; i++) {
        const int y = top + i;
        const Tap t = tap(view->flip_y ? set->height - 1 - y : y, set->height, view->height, set->align_corners);
        const float *first = cached_row(set, view, t.first, t.second, span, s);
        const float *second = cached_row(set, view, t.second, t.first, span, s);
        s->k->pointwise.mix(s->blend, first, second, t.weight, (size_t)span.n * C);
        if (labels_only)
            label_row(job, own, span, y, s);
        else
            add_row(job, view, own, span, y, s->sum + (size_t)i * COLUMNS * C, s);
    }
}

static void finish(const Job *job, int top, int rows, Span block, const Scratch *s)
{
    const size_t C = (size_t)job->set->classes;
    for (int i = 0; i < rows; i++) {
        const size_t at = (size_t)(top + i) * (size_t)job->set->width + (size_t)block.x;
        const float *sum = s->sum + (size_t)i * COLUMNS * C;
        if (job->prob)
            memcpy(job->prob + at * C, sum, (size_t)block.n * C * sizeof *sum);
        for (int x = 0; x < block.n; x++)
            job->labels[at + (size_t)x] = best(s->k, sum + (size_t)x * C, C);
    }
}

/* A softmax does not change which score is largest: a single view needs none. */
static bool only_labels(const Job *job)
{
    return job->set->n == 1 && !job->prob && !job->scores && !job->set->views[0].flip_x;
}

static void work(void *arg, size_t task, void *memory)
{
    const Job *job = arg;
    const DfScoreSet *set = job->set;
    const int x = (int)task % job->across * COLUMNS;
    const int top = (int)task / job->across * ROWS;
    const Span block = common((Span){ x, COLUMNS }, (Span){ 0, set->width });
    const int rows = top + ROWS < set->height ? ROWS : set->height - top;
    const bool labels_only = only_labels(job);
    Scratch s = scratch_in(set, job->k, job->columns, memory);
    if (!labels_only)
        memset(s.sum, 0, (size_t)ROWS * COLUMNS * (size_t)set->classes * sizeof *s.sum);
    for (int i = 0; i < set->n; i++)
        add_view(job, &set->views[i], top, rows, block, labels_only, &s);
    if (!labels_only)
        finish(job, top, rows, block, &s);
}

int df_score_labels(DfPool *pool, const DfKernels *k, const DfScoreSet *set, uint16_t *labels, float *scores,
                    float *prob)
{
    const int across = (set->width + COLUMNS - 1) / COLUMNS;
    const int down = (set->height + ROWS - 1) / ROWS;
    Job job = { k, set, labels, scores, prob, widest(set), across };
    return df_parallel(pool, (size_t)across * (size_t)down, scratch_size(set, job.columns), work, &job);
}

int df_score_view(const DfKernels *k, const DfScoreSet *set, const DfScoreView *view, float *out)
{
    const DfScoreSet alone = { set->classes, view->height, view->width, set->align_corners, 1, view };
    const size_t width = (size_t)view->width;
    void *memory = df_malloc(scratch_size(&alone, width));
    if (!memory)
        return df_fail_memory("scores");
    const Scratch s = scratch_in(&alone, k, width, memory);
    for (int y = 0; y < view->height; y++)
        view_row(&alone, view, y, (Span){ 0, view->width }, out + (size_t)y * width * (size_t)set->classes, &s);
    df_free(memory);
    return DF_OK;
}
