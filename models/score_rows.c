/* SPDX-License-Identifier: Apache-2.0
 *
 * models/score_rows.c -- two bilinear steps and an argmax, a row at a time.
 */
#include "models/score_rows.h"

#include <math.h>
#include <string.h>

enum { STRIP = 8 }; /* rows of a task */

/* Where output `i` of `to` reads in an input of `from`, as PyTorch's bilinear interpolation has it. */
typedef struct {
    int first, second;
    float weight; /* of the second */
} Tap;

static Tap tap(int i, int to, int from, bool align_corners)
{
    float at;
    if (align_corners)
        at = to > 1 ? (float)(from - 1) / (float)(to - 1) * (float)i : 0;
    else
        at = fmaxf((float)from / (float)to * ((float)i + 0.5f) - 0.5f, 0);
    const int first = (int)at < from - 1 ? (int)at : from - 1;
    return (Tap){ first, first + (first < from - 1), at - (float)first };
}

static void mix(float *out, const float *a, const float *b, float weight, size_t n)
{
    for (size_t i = 0; i < n; i++)
        out[i] = a[i] + weight * (b[i] - a[i]);
}

/* A row of `to` pixels from a row of `from` pixels of C classes; added to `out`. */
static void widen(float *out, int to, const float *row, int from, size_t C, bool align_corners)
{
    for (int x = 0; x < to; x++) {
        const Tap t = tap(x, to, from, align_corners);
        const float *a = row + (size_t)t.first * C, *b = row + (size_t)t.second * C;
        float *o = out + (size_t)x * C;
        for (size_t i = 0; i < C; i++)
            o[i] += a[i] + t.weight * (b[i] - a[i]);
    }
}

/* Scratch of a task: rows of the widest view, and of the result. */
typedef struct {
    float *narrow, *row[2], *blend, *result, *sum;
    int at[2];      /* which row of the view row[i] holds; -1: none */
    int *counts;
} Scratch;

static size_t widest(const ScoreSet *set)
{
    size_t most = 1;
    for (int i = 0; i < set->n; i++)
        most = (size_t)set->views[i].width > most ? (size_t)set->views[i].width : most;
    return most;
}

static size_t scratch_size(const ScoreSet *set)
{
    const size_t row = widest(set) * (size_t)set->classes, result = (size_t)set->width * (size_t)set->classes;
    return (4 * row + 2 * result + widest(set)) * sizeof(float);
}

static Scratch lay_out(const ScoreSet *set, void *memory)
{
    const size_t row = widest(set) * (size_t)set->classes, result = (size_t)set->width * (size_t)set->classes;
    float *f = memory;
    return (Scratch){ f, { f + row, f + 2 * row }, f + 3 * row, f + 4 * row, f + 4 * row + result, { -1, -1 }, (int *)(void *)(f + 4 * row + 2 * result) };
}

/* Row y of a view at the size of the network's input. */
static void view_row(const ScoreSet *set, const ScoreView *view, int y, float *out, Scratch *s)
{
    const size_t C = (size_t)set->classes;
    memset(out, 0, (size_t)view->width * C * sizeof *out);
    memset(s->counts, 0, (size_t)view->width * sizeof *s->counts);
    for (int i = 0; i < view->n; i++) {
        const ScoreWindow *w = &view->windows[i];
        if (y < w->y || y >= w->y + w->h)
            continue;
        const Tap t = tap(y - w->y, w->h, w->map_h, set->align_corners);
        const size_t pitch = (size_t)w->map_w * C;
        mix(s->narrow, w->scores + (size_t)t.first * pitch, w->scores + (size_t)t.second * pitch, t.weight, pitch);
        widen(out + (size_t)w->x * C, w->w, s->narrow, w->map_w, C, set->align_corners);
        for (int x = w->x; x < w->x + w->w; x++)
            s->counts[x]++;
    }
    for (int x = 0; x < view->width; x++)
        for (size_t i = 0; s->counts[x] > 1 && i < C; i++)
            out[(size_t)x * C + i] /= (float)s->counts[x];
}

/* A row that is asked for again is not made again. */
static const float *cached_row(const ScoreSet *set, const ScoreView *view, int y, int other, Scratch *s)
{
    for (int i = 0; i < 2; i++)
        if (s->at[i] == y)
            return s->row[i];
    const int slot = s->at[0] == other ? 1 : 0;
    view_row(set, view, y, s->row[slot], s);
    s->at[slot] = y;
    return s->row[slot];
}

/* Row y of the original, before the view is mirrored back. */
static void original_row(const ScoreSet *set, const ScoreView *view, int y, Scratch *s)
{
    const size_t C = (size_t)set->classes, pitch = (size_t)view->width * C;
    const Tap t = tap(view->flip_y ? set->height - 1 - y : y, set->height, view->height, set->align_corners);
    const float *first = cached_row(set, view, t.first, t.second, s), *second = cached_row(set, view, t.second, t.first, s);
    mix(s->blend, first, second, t.weight, pitch);
    memset(s->result, 0, (size_t)set->width * C * sizeof *s->result);
    widen(s->result, set->width, s->blend, view->width, C, set->align_corners);
}

static void softmax(float *x, size_t n)
{
    float most = x[0], sum = 0;
    for (size_t i = 1; i < n; i++)
        most = x[i] > most ? x[i] : most;
    for (size_t i = 0; i < n; i++)
        sum += x[i] = expf(x[i] - most);
    for (size_t i = 0; i < n; i++)
        x[i] /= sum;
}

static uint16_t best(const float *x, size_t n)
{
    size_t at = 0;
    for (size_t i = 1; i < n; i++)
        at = x[i] > x[at] ? i : at;
    return (uint16_t)at;
}

typedef struct {
    const ScoreSet *set;
    uint16_t *labels;
    float *scores, *prob;
} Job;

/* The mean of the views' softmaxes, in s->sum. */
static void add_view(const ScoreSet *set, const ScoreView *view, Scratch *s)
{
    const size_t C = (size_t)set->classes;
    for (int x = 0; x < set->width; x++) {
        float *from = s->result + (size_t)(view->flip_x ? set->width - 1 - x : x) * C, *to = s->sum + (size_t)x * C;
        softmax(from, C);
        for (size_t i = 0; i < C; i++)
            to[i] += from[i] / (float)set->n;
    }
}

static void strip(void *arg, size_t task, void *memory)
{
    const Job *job = arg;
    const ScoreSet *set = job->set;
    const size_t C = (size_t)set->classes, row = (size_t)set->width * C;
    const int from = (int)task * STRIP, to = from + STRIP < set->height ? from + STRIP : set->height;
    const bool only_labels = set->n == 1 && !job->prob && !set->views[0].flip_x;
    Scratch s = lay_out(set, memory);
    for (int y = from; y < to; y++) {
        memset(s.sum, 0, row * sizeof *s.sum);
        for (int i = 0; i < set->n; i++) {
            if (set->n > 1)
                s.at[0] = s.at[1] = -1;
            original_row(set, &set->views[i], y, &s);
            if (i == 0 && job->scores)
                memcpy(job->scores + (size_t)y * row, s.result, row * sizeof *s.result);
            if (!only_labels)
                add_view(set, &set->views[i], &s);
        }
        const float *scores = only_labels ? s.result : s.sum; /* a softmax does not change which is largest */
        if (job->prob)
            memcpy(job->prob + (size_t)y * row, s.sum, row * sizeof *s.sum);
        for (int x = 0; x < set->width; x++)
            job->labels[(size_t)y * (size_t)set->width + (size_t)x] = best(scores + (size_t)x * C, C);
    }
}

int df_score_labels(DfPool *pool, const ScoreSet *set, uint16_t *labels, float *scores, float *prob)
{
    Job job = { set, labels, scores, prob };
    return df_parallel(pool, ((size_t)set->height + STRIP - 1) / STRIP, scratch_size(set), strip, &job);
}

int df_score_view(const ScoreSet *set, const ScoreView *view, float *out)
{
    void *memory = df_malloc(scratch_size(set));
    if (!memory)
        return df_fail_memory("scores");
    Scratch s = lay_out(set, memory);
    for (int y = 0; y < view->height; y++)
        view_row(set, view, y, out + (size_t)y * (size_t)view->width * (size_t)set->classes, &s);
    df_free(memory);
    return DF_OK;
}
