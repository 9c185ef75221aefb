/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/semantic/miou.c -- counting pairs of values, and the scores of semantic segmentation that follow from the
 * counts.
 *
 * With n[l][p] the pixels of label l that are predicted as p, class k has
 *     intersect = n[k][k],   pred_area = sum over l of n[l][k],   label_area = sum over p of n[k][p]
 *     IoU       = intersect / (pred_area + label_area - intersect)
 *     Acc       = Recall = intersect / label_area,   Precision = intersect / pred_area
 *     Dice      = 2 intersect / (pred_area + label_area)
 *     F         = (1 + beta^2) Precision Recall / (beta^2 Precision + Recall)
 * mIoU and the other means are over the classes whose score is not 0 / 0; aAcc is the sum of all intersect over the
 * sum of all label_area.
 */
#include "eval/semantic/miou.h"

#include <math.h>
#include <string.h>

#include "eval/pairwise.h"

enum { VALUES = 256, PAIRS = VALUES * VALUES };

struct DfMiou {
    double boundary_ratio;
    uint64_t pairs[PAIRS];       /* [label][prediction]                                                       */
    uint64_t (*boundary)[PAIRS]; /* NULL, or [3]: pixels on the label's boundary, on the prediction's, on both */
    uint8_t *flags;              /* two maps of the largest image so far                                      */
    size_t flags_capacity;
};

int df_miou_new(DfMiou **out, double boundary_ratio)
{
    *out = NULL;
    if (!(boundary_ratio >= 0 && boundary_ratio <= 1))
        return df_fail(DF_EVALUE, "boundary ratio %g: want 0 to 1", boundary_ratio);
    DfMiou *acc = df_calloc(1, sizeof *acc);
    if (acc && boundary_ratio > 0)
        acc->boundary = df_calloc(3, sizeof *acc->boundary);
    if (!acc || (boundary_ratio > 0 && !acc->boundary)) {
        df_free(acc);
        return df_fail_memory("counters of pixels");
    }
    acc->boundary_ratio = boundary_ratio;
    *out = acc;
    return DF_OK;
}

void df_miou_free(DfMiou *acc)
{
    if (!acc)
        return;
    df_free(acc->boundary);
    df_free(acc->flags);
    df_free(acc);
}

/* ---- counting -------------------------------------------------------------------------------------------------- */

static uint64_t eight(const uint8_t *bytes)
{
    uint64_t word;
    memcpy(&word, bytes, sizeof word);
    return word;
}

/* Label maps are mostly flat. So eight pixels are looked at together: if they are the same pair as the eight
 * before, they only add to `waiting`, which is added to the counter when another pair comes. */
void df_miou_add(DfMiou *acc, const uint8_t *pred, const uint8_t *label, size_t n)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    uint64_t *const pairs = acc->pairs;
    uint64_t flat_pred = 0; /* the pair that waits, eight times over */
    uint64_t flat_label = 0;
    size_t waiting = 0;
    size_t i = 0;
    for (; i + 8 <= n; i += 8) {
        const uint64_t p = eight(pred + i);
        const uint64_t l = eight(label + i);
        if (p == flat_pred && l == flat_label) {
            waiting += 8;
            continue;
        }
        if (p == pred[i] * ones && l == label[i] * ones) {
            pairs[(flat_label & 255) << 8 | (flat_pred & 255)] += waiting;
            flat_pred = p;
            flat_label = l;
            waiting = 8;
            continue;
        }
        for (size_t j = i; j < i + 8; j++)
            pairs[label[j] << 8 | pred[j]]++;
    }
    pairs[(flat_label & 255) << 8 | (flat_pred & 255)] += waiting;
    for (; i < n; i++)
        pairs[label[i] << 8 | pred[i]]++;
}

static void add_flagged(uint64_t *pairs, const uint8_t *flags, const uint8_t *pred, const uint8_t *label, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (flags[i])
            pairs[label[i] << 8 | pred[i]]++;
}

int df_miou_add_image(DfMiou *acc, const uint8_t *pred, const uint8_t *label, size_t height, size_t width)
{
    const size_t n = height * width;
    df_miou_add(acc, pred, label, n);
    if (!acc->boundary || n == 0)
        return DF_OK;
    if (!df_grow((void **)&acc->flags, &acc->flags_capacity, n, 2))
        return df_fail_memory("boundaries");
    uint8_t *const of_label = acc->flags;
    uint8_t *const of_pred = acc->flags + n;
    const size_t d = df_boundary_distance(height, width, acc->boundary_ratio);
    int error = df_boundary_of(of_label, label, height, width, d);
    if (error == DF_OK)
        error = df_boundary_of(of_pred, pred, height, width, d);
    if (error < 0)
        return error;
    add_flagged(acc->boundary[0], of_label, pred, label, n);
    add_flagged(acc->boundary[1], of_pred, pred, label, n);
    for (size_t i = 0; i < n; i++)
        of_label[i] &= of_pred[i];
    add_flagged(acc->boundary[2], of_label, pred, label, n);
    return DF_OK;
}

void df_miou_clear(DfMiou *acc)
{
    memset(acc->pairs, 0, sizeof acc->pairs);
    if (acc->boundary)
        memset(acc->boundary, 0, 3 * sizeof *acc->boundary);
}

void df_miou_merge(DfMiou *into, const DfMiou *from)
{
    for (size_t i = 0; i < PAIRS; i++)
        into->pairs[i] += from->pairs[i];
    for (size_t k = 0; into->boundary && from->boundary && k < 3; k++)
        for (size_t i = 0; i < PAIRS; i++)
            into->boundary[k][i] += from->boundary[k][i];
}

/* Counts are far below 2^53, so that doubles hold them. */
static int sum_pairs(DfRanks *ranks, uint64_t *pairs)
{
    double *sums = df_malloc(PAIRS * sizeof *sums);
    if (!sums)
        return df_fail_memory("the counts of all processes");
    for (size_t i = 0; i < PAIRS; i++)
        sums[i] = (double)pairs[i];
    const int error = df_ranks_sum(ranks, sums, PAIRS);
    for (size_t i = 0; i < PAIRS; i++)
        pairs[i] = (uint64_t)sums[i];
    df_free(sums);
    return error;
}

int df_miou_gather(DfMiou *acc, DfRanks *ranks)
{
    int error = sum_pairs(ranks, acc->pairs);
    for (size_t k = 0; error == DF_OK && acc->boundary && k < 3; k++)
        error = sum_pairs(ranks, acc->boundary[k]);
    return error;
}

/* ---- what values mean ------------------------------------------------------------------------------------------ */

DfMiouParams df_miou_params(void)
{
    return (DfMiouParams){ .classes = 150, .ignore_index = 255, .reduce_zero_label = true, .beta = 1 };
}

static int check(const DfMiouParams *p)
{
    if (p->classes < 1 || p->classes > DF_MIOU_CLASSES)
        return df_fail(DF_EVALUE, "%d classes: want 1 to %d", p->classes, DF_MIOU_CLASSES);
    if (p->ignore_index < -1 || p->ignore_index > 255)
        return df_fail(DF_EVALUE, "ignore_index %d: want 0 to 255, or -1 for none", p->ignore_index);
    if (!(p->beta > 0))
        return df_fail(DF_EVALUE, "beta %g of the F-score: want more than 0", p->beta);
    return DF_OK;
}

/* The label that a stored value stands for, 0..255. mmseg subtracts 1 in 8 bits: label[label == 0] = 255; label -= 1;
 * label[label == 254] = 255. */
static int label_of(const DfMiouParams *p, int stored)
{
    if (!p->reduce_zero_label)
        return stored;
    if (stored == 0 || stored == 255)
        return 255;
    return stored - 1;
}

/* The bin of a value in a histogram of the classes; -1 if it is in none. numpy.histogram(bins = n, range = (0, n))
 * closes its last bin, so that the value n counts as class n - 1; torch.histc(bins = n, min = 0, max = n - 1)
 * leaves it out. */
static int bin_of(const DfMiouParams *p, int value)
{
    if (value < p->classes)
        return value;
    if (value == p->classes && !p->open_last_bin)
        return value - 1;
    return -1;
}

bool df_miou_outside(const DfMiouParams *p, const uint8_t *label, size_t n)
{
    bool outside[VALUES];
    for (int v = 0; v < VALUES; v++)
        outside[v] = label_of(p, v) != p->ignore_index && label_of(p, v) >= p->classes;
    bool met = false;
    size_t i = 0;
    for (uint64_t before = 0; i + 8 <= n && !met; i += 8) {
        if (i > 0 && eight(label + i) == before)
            continue;
        before = eight(label + i);
        for (size_t j = i; j < i + 8; j++)
            met |= outside[label[j]];
    }
    for (; i < n; i++)
        met |= outside[label[i]];
    return met;
}

/* ---- areas ----------------------------------------------------------------------------------------------------- */

/* Pixels of each class. */
typedef struct {
    uint64_t intersect[DF_MIOU_CLASSES];
    uint64_t pred[DF_MIOU_CLASSES];
    uint64_t label[DF_MIOU_CLASSES];
} Areas;

/* The three histograms of mmseg, each from counts of its own. For mIoU all three come from the counts of all
 * pixels; for Boundary IoU from those of the pixels on both boundaries, on the prediction's and on the label's. */
static void gather(Areas *a, const DfMiouParams *p, const uint64_t *of_both, const uint64_t *of_pred,
                   const uint64_t *of_label)
{
    *a = (Areas){ { 0 }, { 0 }, { 0 } };
    for (int stored = 0; stored < VALUES; stored++) {
        const int label = label_of(p, stored);
        const int bin = bin_of(p, label);
        if (label == p->ignore_index)
            continue;
        for (int pred = 0; pred < VALUES; pred++) {
            const int pred_bin = bin_of(p, pred);
            const size_t at = (size_t)(stored << 8 | pred);
            if (bin >= 0)
                a->label[bin] += of_label[at];
            if (pred_bin >= 0)
                a->pred[pred_bin] += of_pred[at];
            if (bin >= 0 && label == pred)
                a->intersect[bin] += of_both[at];
        }
    }
}

static void count_outside(DfMiouResult *r, const DfMiou *acc, const DfMiouParams *p)
{
    for (int stored = 0; stored < VALUES; stored++) {
        const int label = label_of(p, stored);
        for (int pred = 0; pred < VALUES; pred++) {
            const uint64_t n = acc->pairs[stored << 8 | pred];
            r->pixels += n;
            if (label == p->ignore_index) {
                r->ignored += n;
                continue;
            }
            if (label >= p->classes)
                r->label_outside += n;
            if (pred >= p->classes)
                r->pred_outside += n;
        }
    }
}

/* ---- scores ---------------------------------------------------------------------------------------------------- */

static double ratio(const DfMiouParams *p, double above, double below)
{
    const double x = above / below;
    if (!isnan(x))
        return x;
    /* Not x: the NaN of 0 / 0 is negative on x86, and printf() shows it. */
    return p->nan_to_num ? p->nan_value : (double)NAN;
}

static double fscore(const DfMiouParams *p, double precision, double recall)
{
    const double square = p->beta * p->beta;
    return ratio(p, (1 + square) * (precision * recall), square * precision + recall);
}

static void score_class(DfMiouResult *r, const DfMiouParams *p, const Areas *a, int k)
{
    const double both = (double)a->intersect[k];
    const double pred = (double)a->pred[k];
    const double label = (double)a->label[k];
    r->intersect[k] = a->intersect[k];
    r->pred_area[k] = a->pred[k];
    r->label_area[k] = a->label[k];
    r->iou[k] = ratio(p, both, pred + label - both);
    r->acc[k] = ratio(p, both, label);
    r->dice[k] = ratio(p, 2 * both, pred + label);
    r->precision[k] = ratio(p, both, pred);
    r->recall[k] = r->acc[k];
    r->fscore[k] = fscore(p, both / pred, both / label);
}

static double sum(const uint64_t *x, int n)
{
    uint64_t total = 0;
    for (int i = 0; i < n; i++)
        total += x[i];
    return (double)total;
}

/* |Gd and Pd| / |Gd or Pd| of each class, where Gd and Pd are the pixels of the class that lie on a boundary of
 * the label map and of the prediction. */
static void score_boundaries(DfMiouResult *r, const DfMiou *acc, const DfMiouParams *p)
{
    Areas areas;
    if (acc->boundary)
        gather(&areas, p, acc->boundary[2], acc->boundary[1], acc->boundary[0]);
    for (int k = 0; k < p->classes; k++) {
        r->boundary_iou[k] = (double)NAN;
        if (!acc->boundary)
            continue;
        const double both = (double)areas.intersect[k];
        r->boundary_iou[k] = ratio(p, both, (double)areas.pred[k] + (double)areas.label[k] - both);
    }
    r->mean_boundary_iou = df_nan_mean(r->boundary_iou, (size_t)p->classes);
}

int df_miou_result(DfMiouResult *r, const DfMiou *acc, const DfMiouParams *p)
{
    const int error = check(p);
    const size_t n = (size_t)p->classes;
    Areas areas;
    if (error < 0)
        return error;
    *r = (DfMiouResult){ .classes = p->classes, .has_boundary = acc->boundary != NULL };
    count_outside(r, acc, p);
    gather(&areas, p, acc->pairs, acc->pairs, acc->pairs);
    for (int k = 0; k < p->classes; k++)
        score_class(r, p, &areas, k);
    r->all_acc = sum(areas.intersect, p->classes) / sum(areas.label, p->classes);
    r->mean_iou = df_nan_mean(r->iou, n);
    r->mean_acc = df_nan_mean(r->acc, n);
    r->mean_dice = df_nan_mean(r->dice, n);
    r->mean_fscore = df_nan_mean(r->fscore, n);
    r->mean_precision = df_nan_mean(r->precision, n);
    r->mean_recall = df_nan_mean(r->recall, n);
    score_boundaries(r, acc, p);
    return DF_OK;
}

int df_miou_confusion(uint64_t **out, const DfMiou *acc, const DfMiouParams *p)
{
    *out = NULL;
    const int error = check(p);
    if (error < 0)
        return error;
    const size_t n = (size_t)p->classes;
    uint64_t *confusion = df_calloc(n * n, sizeof *confusion);
    if (!confusion)
        return df_fail_memory("the confusion matrix");
    for (int stored = 0; stored < VALUES; stored++) {
        const int label = label_of(p, stored);
        for (int pred = 0; label != p->ignore_index && label < p->classes && pred < p->classes; pred++)
            confusion[(size_t)label * n + (size_t)pred] += acc->pairs[stored << 8 | pred];
    }
    *out = confusion;
    return DF_OK;
}
