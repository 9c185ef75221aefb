/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/average_precision.c -- the interpolation of AP. COCOeval.accumulate() of pycocotools, for one curve:
 *     rc = tp / npig
 *     pr = tp / (fp + tp + np.spacing(1))
 *     for i in range(nd - 1, 0, -1):
 *         if pr[i] > pr[i - 1]:
 *             pr[i - 1] = pr[i]                                # the envelope
 *     inds = np.searchsorted(rc, p.recThrs, side='left')       # the first index with rc >= threshold
 *     for ri, pi in enumerate(inds):
 *         q[ri] = pr[pi]                                       # 0 if there is no such index
 */
#include "eval/average_precision.h"

#include "eval/pairwise.h"

void df_precision_envelope(PrecisionCurve *c)
{
    for (size_t i = c->n; i-- > 1;)
        c->precision[i - 1] = c->precision[i] > c->precision[i - 1] ? c->precision[i] : c->precision[i - 1];
}

/* About recall * positives. That product rounds, so the division decides, as it does in numpy. */
size_t df_hits_needed(double recall, size_t positives)
{
    const double all = (double)(int64_t)positives;
    const double guess = recall * all;
    double count = 0;
    if (guess >= all)
        count = all;
    else if (guess > 0)
        count = (double)(int64_t)guess;
    while (count > 0 && (count - 1) / all >= recall)
        count--;
    while (count <= all && !(count / all >= recall))
        count++;
    return (size_t)(int64_t)count;
}

/* The first point, from `from` on, at which so many objects are found. Recall 0 is reached at the first. */
static size_t point_that_reaches(const PrecisionCurve *c, size_t needed, size_t from)
{
    if (!c->found)
        return needed > 0 ? needed - 1 : 0;
    while (from < c->n && c->found[from] < needed)
        from++;
    return from;
}

void df_precision_at(const PrecisionCurve *c, const size_t *needed, size_t n, double *out)
{
    size_t point = 0;
    for (size_t r = 0; r < n; r++) {
        point = point_that_reaches(c, needed[r], point);
        out[r] = point < c->n ? c->precision[point] : 0;
    }
}

double df_average_precision(const PrecisionCurve *c, const size_t *needed, size_t n)
{
    double sum = 0;
    size_t point = 0;
    for (size_t r = 0; r < n; r++) {
        point = point_that_reaches(c, needed[r], point);
        if (point >= c->n)
            break; /* nor is a larger recall reached */
        sum += c->precision[point];
    }
    return sum / (double)n;
}

/* voc_ap() of py-faster-rcnn: `for t in np.arange(0., 1.1, 0.1): ap = ap + np.max(prec[rec >= t]) / 11.` */
double df_eleven_points(const double *recall, const double *precision, size_t n)
{
    double ap = 0;
    for (int t = 0; t <= 10; t++) {
        double highest = 0;
        for (size_t i = n; i-- > 0 && recall[i] >= t * 0.1;)
            highest = precision[i] > highest ? precision[i] : highest;
        ap += highest / 11;
    }
    return ap;
}

/* The same with use_07_metric False: recall goes on to 1, where precision is 0. A last step of 0 moves numpy's sums. */
double df_area_below(const double *recall, const double *precision, size_t n, double *room)
{
    size_t steps = 0;
    double highest = 0;
    for (size_t i = n; i-- > 0;) {
        const double before = i ? recall[i - 1] : 0;
        highest = precision[i] > highest ? precision[i] : highest;
        if (recall[i] != before)
            room[steps++] = (recall[i] - before) * highest;
    }
    for (size_t i = 0; i < steps / 2; i++) { /* from the left */
        const double x = room[i];
        room[i] = room[steps - 1 - i];
        room[steps - 1 - i] = x;
    }
    if (n && recall[n - 1] != 1)
        room[steps++] = 0;
    return df_pairwise_sum(room, steps);
}
