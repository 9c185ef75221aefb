/* SPDX-License-Identifier: Apache-2.0
 *
 * heads/set/detr_segments.c -- results from the masks of DETR's queries, as transformers computes them: masks of
 * detections, a class for every pixel, and segments that do not overlap (Carion et al., ECCV 2020, section 4.4;
 * Kirillov et al., "Panoptic Segmentation", CVPR 2019).
 */
#include "heads/set/detr_masks.h"

#include <math.h>
#include <string.h>

static float sigmoid(float x)
{
    return 1 / (1 + expf(-x));
}

/* ---- resizing ---------------------------------------------------------------------------------------------------- */

/* Where output i of n reads among m, bilinearly without aligned corners, as PyTorch computes it in float32. */
typedef struct {
    int low, high;
    float weight; /* of high */
} Tap;

static Tap tap_of(int i, int n, int m)
{
    const float at = fmaxf(((float)i + 0.5f) * ((float)m / (float)n) - 0.5f, 0);
    const int low = (int)at < m - 1 ? (int)at : m - 1;
    return (Tap){ low, low + (low < m - 1), at - (float)low };
}

/* One row of `out`: the map resized. columns[width] */
static void resize_row(float *out, const float *map, int w, Tap y, const Tap *columns, int width)
{
    const float *top = map + (size_t)y.low * (size_t)w;
    const float *bottom = map + (size_t)y.high * (size_t)w;
    for (int x = 0; x < width; x++) {
        const Tap c = columns[x];
        const float a = (1 - c.weight) * top[c.low] + c.weight * top[c.high];
        const float b = (1 - c.weight) * bottom[c.low] + c.weight * bottom[c.high];
        out[x] = (1 - y.weight) * a + y.weight * b;
    }
}

/* Maps of n queries or classes to height x width: a resized row of each at a time. */
typedef struct {
    const float *maps; /* n h w                   */
    int n, h, w, height, width;
    Tap *columns;      /* [width]                 */
    float *rows;       /* [n width]: of one row y */
} Resizing;

static int resizing_new(Resizing *r, const float *maps, int n, int h, int w, const DfImageMeta *meta)
{
    *r = (Resizing){ .maps = maps, .n = n, .h = h, .w = w, .height = meta->ori_h, .width = meta->ori_w };
    r->columns = df_malloc((size_t)r->width * sizeof *r->columns);
    r->rows = df_malloc((size_t)r->width * ((size_t)n + 1) * sizeof *r->rows);
    if (!r->columns || !r->rows)
        return df_fail_memory("masks");
    for (int x = 0; x < r->width; x++)
        r->columns[x] = tap_of(x, r->width, w);
    return DF_OK;
}

static void resizing_free(Resizing *r)
{
    df_free(r->columns);
    df_free(r->rows);
}

static void resize_rows(Resizing *r, int y)
{
    const Tap tap = tap_of(y, r->height, r->h);
    for (int i = 0; i < r->n; i++)
        resize_row(r->rows + (size_t)i * (size_t)r->width, r->maps + (size_t)i * (size_t)r->h * (size_t)r->w, r->w, tap,
                   r->columns, r->width);
}

/* ---- masks of detections ----------------------------------------------------------------------------------------- */

static int one_mask(Resizing *r, uint8_t *pixels, DfMask *out)
{
    for (int y = 0; y < r->height; y++) {
        resize_rows(r, y);
        for (int x = 0; x < r->width; x++)
            pixels[(size_t)y * (size_t)r->width + (size_t)x] = r->rows[x] > 0; /* sigmoid over one half */
    }
    return df_mask_encode(out, pixels, (uint32_t)r->height, (uint32_t)r->width);
}

int df_detr_detection_masks(const DfTensor *logits, int n, const DfImageMeta *meta, DfDetections *found)
{
    const int h = df_dim(logits, 2), w = df_dim(logits, 3);
    const size_t each = (size_t)h * (size_t)w;
    const float *of_image = logits->data + (size_t)n * (size_t)df_dim(logits, 1) * each;
    uint8_t *pixels = df_malloc((size_t)meta->ori_h * (size_t)meta->ori_w + 1);
    found->masks = df_calloc(found->n + 1, sizeof *found->masks);
    int error = pixels && found->masks ? DF_OK : df_fail_memory("masks");
    for (size_t i = 0; error == DF_OK && i < found->n; i++) {
        Resizing r;
        error = resizing_new(&r, of_image + found->v[i].index * each, 1, h, w, meta);
        if (error == DF_OK)
            error = one_mask(&r, pixels, &found->masks[i]);
        resizing_free(&r);
    }
    df_free(pixels);
    return error;
}

/* ---- scores of queries ------------------------------------------------------------------------------------------- */

/* The softmax of one query; gives its likeliest class, the last one for "nothing". */
static int softmax(float *out, const float *logits, int classes)
{
    int best = 0;
    float sum = 0;
    for (int i = 1; i < classes; i++)
        if (logits[i] > logits[best])
            best = i;
    for (int i = 0; i < classes; i++)
        sum += out[i] = expf(logits[i] - logits[best]);
    for (int i = 0; i < classes; i++)
        out[i] /= sum;
    return best;
}

/* ---- a class for every pixel ------------------------------------------------------------------------------------- */

/* sum over queries of softmax(class) sigmoid(mask): classes h w */
static void mix(float *out, const DfTensor *logits, const DfTensor *masks, float *scores)
{
    const int Q = df_dim(logits, 1), columns = df_dim(logits, 2);
    const size_t pixels = (size_t)df_dim(masks, 2) * (size_t)df_dim(masks, 3);
    memset(out, 0, (size_t)(columns - 1) * pixels * sizeof *out);
    for (int q = 0; q < Q; q++) {
        softmax(scores, logits->data + (size_t)q * (size_t)columns, columns);
        for (size_t p = 0; p < pixels; p++) {
            const float inside = sigmoid(masks->data[(size_t)q * pixels + p]);
            for (int k = 0; k + 1 < columns; k++)
                out[(size_t)k * pixels + p] += scores[k] * inside;
        }
    }
}

static void best_classes(Resizing *r, uint16_t *labels)
{
    const size_t width = (size_t)r->width;
    for (int y = 0; y < r->height; y++) {
        resize_rows(r, y);
        for (int x = 0; x < r->width; x++) {
            const float *at = r->rows + x;
            size_t best = 0;
            for (size_t k = 1; k < (size_t)r->n; k++)
                if (at[k * width] > at[best * width])
                    best = k;
            labels[(size_t)y * width + (size_t)x] = (uint16_t)best;
        }
    }
}

int df_detr_semantic(const DfTensor *logits, const DfTensor *masks, const DfImageMeta *meta, uint16_t *labels)
{
    const int columns = df_dim(logits, 2), h = df_dim(masks, 2), w = df_dim(masks, 3);
    Resizing r = { 0 };
    float *classes = df_malloc((size_t)columns * (size_t)h * (size_t)w * sizeof *classes);
    float *scores = df_malloc((size_t)columns * sizeof *scores);
    int error = classes && scores ? resizing_new(&r, classes, columns - 1, h, w, meta) : df_fail_memory("masks");
    if (error == DF_OK) {
        mix(classes, logits, masks, scores);
        best_classes(&r, labels);
    }
    resizing_free(&r);
    df_free(classes);
    df_free(scores);
    return error;
}

/* ---- segments ---------------------------------------------------------------------------------------------------- */

/* The queries that count: their class, their score, and their mask as shares. */
typedef struct {
    int n;
    int *label, *id;
    float *score;
    float *shares;          /* n h w                                             */
    int64_t *own, *sure;    /* pixels that are theirs; where they are sure of it */
} Kept;

static int kept_new(Kept *k, int Q, size_t pixels)
{
    const size_t n = (size_t)Q;
    *k = (Kept){ .label = df_malloc(n * sizeof *k->label), .id = df_calloc(n, sizeof *k->id),
                 .score = df_malloc(n * sizeof *k->score), .shares = df_malloc(n * pixels * sizeof *k->shares),
                 .own = df_calloc(n, sizeof *k->own), .sure = df_calloc(n, sizeof *k->sure) };
    return k->label && k->id && k->score && k->shares && k->own && k->sure ? DF_OK : df_fail_memory("masks");
}

static void kept_free(Kept *k)
{
    df_free(k->label);
    df_free(k->id);
    df_free(k->score);
    df_free(k->shares);
    df_free(k->own);
    df_free(k->sure);
}

static void keep_queries(Kept *k, const DfTensor *logits, const DfTensor *masks, double threshold, float *scores)
{
    const int Q = df_dim(logits, 1), columns = df_dim(logits, 2);
    const size_t pixels = (size_t)df_dim(masks, 2) * (size_t)df_dim(masks, 3);
    for (int q = 0; q < Q; q++) {
        const int label = softmax(scores, logits->data + (size_t)q * (size_t)columns, columns);
        if (label == columns - 1 || !((double)scores[label] > threshold))
            continue;
        for (size_t p = 0; p < pixels; p++)
            k->shares[(size_t)k->n * pixels + p] = sigmoid(masks->data[(size_t)q * pixels + p]);
        k->label[k->n] = label;
        k->score[k->n++] = scores[label];
    }
}

/* Every pixel goes to the query of the largest share times score. */
static void share_out(Kept *k, Resizing *r, double mask_threshold, int32_t *owner)
{
    const size_t width = (size_t)r->width;
    for (int y = 0; y < r->height; y++) {
        resize_rows(r, y);
        for (size_t x = 0; x < width; x++) {
            int best = 0;
            for (int i = 0; i < k->n; i++) {
                float *at = &r->rows[(size_t)i * width + x];
                *at *= k->score[i];
                k->sure[i] += (double)*at >= mask_threshold;
                if (*at > r->rows[(size_t)best * width + x])
                    best = i;
            }
            k->own[best]++;
            owner[(size_t)y * width + x] = best;
        }
    }
}

static bool is_fused(const DfSegmenting *how, int label)
{
    for (int i = 0; i < how->n_fused; i++)
        if (how->fused[i] == label)
            return true;
    return false;
}

/* The segment that query i belongs to, if one of its class took a number before and they are one. */
static int earlier(const Kept *k, const DfSegmenting *how, int i)
{
    for (int j = 0; is_fused(how, k->label[i]) && j < i; j++)
        if (k->label[j] == k->label[i] && k->id[j])
            return k->id[j];
    return 0;
}

static void number_segments(Kept *k, const DfSegmenting *how)
{
    int last = 0;
    for (int i = 0; i < k->n; i++) {
        const bool there = k->own[i] > 0 && k->sure[i] > 0;
        if (!there || !((double)((float)k->own[i] / (float)k->sure[i]) > how->overlap))
            continue;
        const int joined = earlier(k, how, i);
        last = joined ? joined : last + 1;
        k->id[i] = last;
    }
}

static int segments_of(Kept *k, const DfImageMeta *meta, int h, int w, const DfSegmenting *how, int32_t *segment)
{
    const size_t pixels = (size_t)meta->ori_h * (size_t)meta->ori_w;
    Resizing r = { 0 };
    if (k->n == 0) {
        memset(segment, 0xff, pixels * sizeof *segment); /* -1 */
        return DF_OK;
    }
    const int error = resizing_new(&r, k->shares, k->n, h, w, meta);
    if (error == DF_OK) {
        share_out(k, &r, how->mask_threshold, segment);
        number_segments(k, how);
        for (size_t p = 0; p < pixels; p++)
            segment[p] = k->id[segment[p]];
    }
    resizing_free(&r);
    return error;
}

int df_detr_segments(const DfTensor *logits, const DfTensor *masks, const DfImageMeta *meta, const DfSegmenting *how,
                     int32_t *segment)
{
    const int h = df_dim(masks, 2), w = df_dim(masks, 3);
    Kept k;
    float *scores = df_malloc((size_t)df_dim(logits, 2) * sizeof *scores);
    int error = kept_new(&k, df_dim(logits, 1), (size_t)h * (size_t)w);
    if (!scores)
        error = df_fail_memory("masks");
    if (error == DF_OK) {
        keep_queries(&k, logits, masks, how->threshold, scores);
        error = segments_of(&k, meta, h, w, how, segment);
    }
    kept_free(&k);
    df_free(scores);
    return error;
}
