/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/compare/images.c -- compares semantic segmentations or classifications. The score of a set of images is
 * computed from the weighted sum of the counts of each image and class.
 */
#include <stdio.h>
#include <string.h>

#include "eval/compare/data.h"
#include "eval/compare/image_scores_data.h"

enum { METRICS = 3 };
static const DfCompareMetric miou_metrics[METRICS] = {
    { "mIoU", "miou" },
    { "mAcc", "macc" },
    { "aAcc", "aacc" },
};
static const DfCompareMetric topk_metrics[METRICS] = {
    { "top-1", "top1"           },
    { "top-5", "top5"           },
    { "mean",  "mean_class_acc" },
};

/* [classes][SCORE_PARTS] */
static double sum_of(const uint64_t *sums, size_t classes, size_t part)
{
    uint64_t sum = 0;
    for (size_t k = 0; k < classes; k++)
        sum += sums[k * SCORE_PARTS + part];
    return (double)sum;
}

/* Over the classes that count; -1 if none does. */
static double mean_of(const double *row, size_t classes)
{
    double sum = 0;
    int n = 0;
    for (size_t k = 0; k < classes; k++)
        if (row[k] > -1) {
            sum += row[k];
            n++;
        }
    return n ? sum / n : -1;
}

static double share(double part, double all)
{
    return all > 0 ? part / all : -1;
}

static void add_images(const DfImageScores *s, const uint16_t *weight, uint64_t *sums)
{
    for (size_t i = 0; i < s->n_images; i++) {
        const uint64_t w = weight ? weight[i] : 1;
        const ImageScore *of = s->scores + s->images[i].start;
        for (size_t j = 0; w > 0 && j < s->images[i].n; j++)
            for (size_t part = 0; part < SCORE_PARTS; part++)
                sums[of[j].class * SCORE_PARTS + part] += w * of[j].part[part];
    }
}

static void score(const void *result, const uint16_t *weight, void *room, double *row)
{
    const DfImageScores *s = *(const DfImageScores *const *)result;
    const size_t n = (size_t)s->classes;
    const bool miou = s->kind == DF_IMAGES_MIOU;
    uint64_t *const sums = room;
    double *const shares = (double *)(sums + n * SCORE_PARTS); /* [n]: accuracy of each class */
    double *const classes = row + METRICS;                     /* [n]: its score              */
    memset(sums, 0, n * SCORE_PARTS * sizeof *sums);
    add_images(s, weight, sums);
    for (size_t k = 0; k < n; k++) {
        const uint64_t *sum = sums + k * SCORE_PARTS;
        const double hit = (double)sum[SCORE_HIT];
        const double all = (double)sum[SCORE_ALL];
        shares[k] = share(hit, all);
        classes[k] = miou ? share(hit, (double)sum[SCORE_OTHER] + all - hit) : shares[k];
    }
    const double all = sum_of(sums, n, SCORE_ALL);
    const double right = share(sum_of(sums, n, SCORE_HIT), all);
    if (miou) {
        row[0] = mean_of(classes, n);
        row[1] = mean_of(shares, n);
        row[2] = right;
    } else {
        row[0] = right;
        row[1] = share(sum_of(sums, n, SCORE_OTHER), all);
        row[2] = mean_of(shares, n);
    }
}

/* All are about the same images and classes as the first. */
static int check_alike(const DfImageScores *const *results, const char *const *names, size_t n)
{
    const DfImageScores *first = results[0];
    for (size_t r = 1; r < n; r++) {
        const DfImageScores *s = results[r];
        if (s->kind != first->kind || s->classes != first->classes)
            return df_fail(DF_EVALUE, "%s and %s are of different metrics or numbers of classes", names[0], names[r]);
        if (s->n_images != first->n_images)
            return df_fail(DF_EVALUE, "%s has %zu images and %s %zu: want the same ones", names[0], first->n_images,
                           names[r],
                           s->n_images);
        for (size_t i = 0; i < s->n_images; i++)
            if (strcmp(s->images[i].name, first->images[i].name) != 0)
                return df_fail(DF_EVALUE, "%s is about the image %s, where %s has %s: want the same ones", names[0],
                               first->images[i].name, names[r], s->images[i].name);
    }
    return DF_OK;
}

static int take_classes(DfCompare *c, const DfImageScores *s)
{
    int error = df_compare_name_classes(c, (size_t)s->classes);
    c->n_images = s->n_images;
    for (int k = 0; error == DF_OK && k < s->classes; k++) {
        char id[16];
        snprintf(id, sizeof id, "%d", k);
        error = df_compare_name_class(c, (size_t)k, id, s->class_names ? s->class_names[k] : id, false);
    }
    return error;
}

int df_compare_images(DfCompare **out, const DfImageScores *const *results, const char *const *names, size_t n,
                      const DfCompareParams *p, DfPool *pool)
{
    static const CompareKind kinds[] = {
        [DF_IMAGES_MIOU] = { miou_metrics, METRICS, "iou" },
        [DF_IMAGES_TOPK] = { topk_metrics, METRICS, "top1" },
    };
    int error = df_compare_begin(out, &kinds[n ? results[0]->kind : 0], names, n, p);
    if (error < 0)
        return error;
    DfCompare *c = *out;
    const size_t room = (size_t)results[0]->classes * (SCORE_PARTS * sizeof(uint64_t) + sizeof(double));
    c->type = results[0]->kind == DF_IMAGES_MIOU ? "miou" : "topk";
    error = check_alike(results, names, n);
    if (error == DF_OK)
        error = take_classes(c, results[0]);
    if (error == DF_OK)
        error = df_compare_run(c, results, sizeof *results, score, room, pool);
    if (error < 0) {
        df_compare_free(c);
        *out = NULL;
    }
    return error;
}
