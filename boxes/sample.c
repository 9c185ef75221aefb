/* SPDX-License-Identifier: Apache-2.0
 *
 * boxes/sample.c -- selects the boxes that a loss uses, of those that an assigner marked as objects or background:
 * mmdet's samplers. At random: Faster R-CNN (Ren et al., NIPS 2015). Those with the largest loss: Shrivastava et al.,
 * "Training region-based object detectors with online hard example mining", CVPR 2016. Balanced over overlaps and
 * objects: Pang et al., Libra R-CNN, CVPR 2019, section 3.1.
 *
 * All of them take boxes from a pool, some from each range of keys: a key is the largest overlap of a box with an
 * object, or the index of its object.
 */
#include <math.h>

#include "boxes/boxes.h"

/* Boxes that may be chosen. All arrays have room for n. */
typedef struct {
    size_t n, taken;
    int *box;       /* ascending                                     */
    float *key;     /* [n]                                           */
    bool *chosen;   /* [n]                                           */
    size_t *range;  /* scratch: positions in a range of keys         */
    DfRandom *random;
} Pool;

static size_t below(DfRandom *random, size_t n)
{
    const size_t i = (size_t)(df_uniform(random) * (double)n);
    return i < n ? i : n - 1;
}

/* Brings k of n positions, chosen at random, to the front (Fisher and Yates). */
static void shuffle(DfRandom *random, size_t *list, size_t n, size_t k)
{
    for (size_t i = 0; i < k; i++) {
        const size_t j = i + below(random, n - i);
        const size_t kept = list[i];
        list[i] = list[j];
        list[j] = kept;
    }
}

/* Those positions with a key in [lo, hi) that are chosen, or not. */
static size_t in_range(const Pool *p, float lo, float hi, bool chosen)
{
    size_t n = 0;
    for (size_t i = 0; i < p->n; i++)
        if (p->chosen[i] == chosen && p->key[i] >= lo && p->key[i] < hi)
            p->range[n++] = i;
    return n;
}

/* Takes k more boxes with keys in [lo, hi), at random, or all that there are. */
static void take(Pool *p, float lo, float hi, size_t k)
{
    const size_t n = in_range(p, lo, hi, false);
    const size_t wanted = k < n ? k : n;
    if (wanted < n)
        shuffle(p->random, p->range, n, wanted);
    for (size_t i = 0; i < wanted; i++)
        p->chosen[p->range[i]] = true;
    p->taken += wanted;
}

static void take_any(Pool *p, size_t k)
{
    take(p, -INFINITY, INFINITY, k);
}

/* Puts back all but k of those that were taken. */
static void keep(Pool *p, size_t k)
{
    const size_t n = in_range(p, -INFINITY, INFINITY, true);
    shuffle(p->random, p->range, n, n - k);
    for (size_t i = 0; i < n - k; i++)
        p->chosen[p->range[i]] = false;
    p->taken = k;
}

/* ---- how many of which ----------------------------------------------------------------------------------------- */

static int objects_in(const Pool *p, float *last)
{
    int n = 0;
    *last = -1;
    for (size_t i = 0; i < p->n; i++)
        *last = p->key[i] > *last ? p->key[i] : *last;
    for (float object = 0; object <= *last; object++)
        n += in_range(p, object, object + 1, false) > 0;
    return n;
}

/* Keys are objects: of each of n objects round(k / n) + 1 boxes, then as many as are missing or too many. */
static void take_of_all_objects(Pool *p, size_t k)
{
    float last;
    const int n = objects_in(p, &last);
    const size_t each = (size_t)nearbyint((double)k / n) + 1;
    for (float object = 0; object <= last; object++)
        take(p, object, object + 1, each);
    if (p->taken > k)
        keep(p, k);
    else
        take_any(p, k - p->taken);
}

/* Keys are overlaps; `most` is the largest of all boxes, also of those that are no background. Equally many from each
 * of num_bins ranges of overlaps from lo on. The last one ends before `most`, as in mmdet. */
static void take_of_all_overlaps(Pool *p, const DfBoxSampler *s, float lo, float most, size_t k)
{
    const size_t before = p->taken;
    const double start = s->floor_thr < 0 ? 0 : s->floor_thr;
    const double width = ((double)most - start) / s->num_bins;
    const size_t each = k / (size_t)s->num_bins;
    for (int i = 0; i < s->num_bins; i++) {
        const float from = (float)(start + i * width);
        take(p, from > lo ? from : lo, (float)(start + (i + 1) * width), each);
    }
    take(p, lo, INFINITY, k - (p->taken - before));
}

/* A part of the boxes comes from below floor_thr, where there is hardly any overlap; a floor_thr of 0 means exactly
 * none. What a range lacks is taken from elsewhere. */
static void take_balanced(Pool *p, const DfBoxSampler *s, float most, size_t k)
{
    const size_t wanted = (size_t)((double)k * (1 - s->floor_fraction));
    float lo = (float)s->floor_thr;
    if (!(s->floor_thr > 0))
        lo = nextafterf(lo, INFINITY);
    if (s->num_bins >= 2 && in_range(p, lo, INFINITY, false) > wanted)
        take_of_all_overlaps(p, s, lo, most, wanted);
    else
        take(p, lo, INFINITY, wanted);
    if (s->floor_thr >= 0)
        take(p, 0, lo, k - p->taken);
    take_any(p, k - p->taken);
}

/* Keys are losses. */
static int take_hard(Pool *p, size_t k)
{
    uint32_t *best = df_malloc(k * sizeof *best);
    const int error = best ? df_top_k(p->n, p->key, k, best) : df_fail_memory("hard examples");
    for (size_t i = 0; error == DF_OK && i < k; i++)
        p->chosen[best[i]] = true;
    if (error == DF_OK)
        p->taken += k;
    df_free(best);
    return error;
}

/* ---- positives and negatives ----------------------------------------------------------------------------------- */

typedef struct {
    size_t n;
    const int *object_of_box;
    const float *overlap, *loss;
} Boxes;

static const float *keys_of(DfSampleKind kind, const Boxes *b)
{
    return kind == DF_SAMPLE_HARD ? b->loss : b->overlap;
}

static int pool_new(Pool *p, size_t n, DfRandom *random)
{
    *p = (Pool){ .random = random };
    p->box = df_malloc(n * sizeof *p->box);
    p->key = df_malloc(n * sizeof *p->key);
    p->chosen = df_malloc(n * sizeof *p->chosen);
    p->range = df_malloc(n * sizeof *p->range);
    return p->box && p->key && p->chosen && p->range ? DF_OK : df_fail_memory("boxes to be sampled");
}

static void pool_done(Pool *p)
{
    df_free(p->box);
    df_free(p->key);
    df_free(p->chosen);
    df_free(p->range);
}

static void fill(Pool *p, const Boxes *b, bool positive, DfSampleKind kind)
{
    const float *const keys = keys_of(kind, b);
    p->n = p->taken = 0;
    for (size_t i = 0; i < b->n; i++) {
        const int object = b->object_of_box[i];
        if (positive ? object < 0 : object != DF_BACKGROUND)
            continue;
        p->box[p->n] = (int)i;
        p->key[p->n] = kind == DF_SAMPLE_INSTANCE_BALANCED ? (float)object : keys[i];
        p->chosen[p->n++] = false;
    }
}

static float largest(size_t n, const float *x)
{
    float most = 0;
    for (size_t i = 0; i < n; i++)
        most = x[i] > most ? x[i] : most;
    return most;
}

static int choose(Pool *p, const DfBoxSampler *s, DfSampleKind kind, const Boxes *b, size_t k)
{
    if (kind == DF_SAMPLE_ALL || p->n <= k)
        take_any(p, p->n);
    else if (kind == DF_SAMPLE_HARD)
        return take_hard(p, k);
    else if (kind == DF_SAMPLE_IOU_BALANCED)
        take_balanced(p, s, largest(b->n, b->overlap), k);
    else if (kind == DF_SAMPLE_INSTANCE_BALANCED)
        take_of_all_objects(p, k);
    else
        take_any(p, k);
    return DF_OK;
}

/* The chosen ones, ascending. */
static size_t list(const Pool *p, int *out)
{
    size_t n = 0;
    for (size_t i = 0; i < p->n; i++)
        if (p->chosen[i])
            out[n++] = p->box[i];
    return n;
}

static size_t negatives_wanted(const DfBoxSampler *s, size_t positives)
{
    const size_t num = s->num > 0 ? (size_t)s->num : 0;
    const size_t left = num > positives ? num - positives : 0;
    if (!(s->neg_pos_ub >= 0))
        return left;
    const double most = s->neg_pos_ub * (double)(positives ? positives : 1);
    return most < (double)left ? (size_t)most : left;
}

static int sample(Pool *p, const DfBoxSampler *s, const Boxes *b, DfBoxSample *out)
{
    fill(p, b, true, s->positives);
    int error = choose(p, s, s->positives, b, (size_t)(s->num * s->pos_fraction));
    if (error < 0)
        return error;
    out->n_positive = list(p, out->positive);
    out->negative = out->positive + out->n_positive;
    fill(p, b, false, s->negatives);
    error = choose(p, s, s->negatives, b, negatives_wanted(s, out->n_positive));
    if (error == DF_OK)
        out->n_negative = list(p, out->negative);
    return error;
}

int df_sample_boxes(const DfBoxSampler *s, size_t n, const int *object_of_box, const float *overlap, const float *loss,
                    DfRandom *random, DfBoxSample *out)
{
    const Boxes boxes = { n, object_of_box, overlap, loss };
    Pool pool;
    *out = (DfBoxSample){ .positive = df_malloc(n * sizeof *out->positive) };
    out->negative = out->positive;
    int error = pool_new(&pool, n, random);
    if (error == DF_OK && !out->positive)
        error = df_fail_memory("sampled boxes");
    if (error == DF_OK)
        error = sample(&pool, s, &boxes, out);
    pool_done(&pool);
    if (error < 0)
        df_box_sample_done(out);
    return error;
}

void df_box_sample_done(DfBoxSample *sample)
{
    df_free(sample->positive);
    *sample = (DfBoxSample){ 0 };
}
