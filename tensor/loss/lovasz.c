/* SPDX-License-Identifier: Apache-2.0
 *
 * tensor/loss/lovasz.c -- Lovasz loss, a differentiable extension of 1 - IoU of a class: Berman et al., CVPR 2018.
 * With the errors m sorted in descending order, loss = sum m_i g_i, where g_i is the increase of 1 - IoU if pixel i is
 * wrong as well (algorithm 1).
 */
#include <string.h>

#include "tensor/op.h"

/* A task is one class of one group of pixels: of a picture, or of the batch. */
typedef struct {
    const float *x;      /* P C of each group                                         */
    const int *label;    /* P                                                         */
    DfLovasz how;
    size_t groups, P, C;
    double *loss;        /* groups C                                                  */
    float *share;        /* groups C: weight of the class in the mean; 0: not in it   */
    float *slope;        /* like x                                                    */
    int *error;          /* groups C: of the sorting, which needs memory              */
} Job;

/* How wrong a pixel is about the class, and which way its score moves that. Hinge: 1 - x for a pixel of the object, 1 +
 * x for another one, at least 0. */
static double error_of(const Job *j, double x, bool inside, double *slope)
{
    *slope = inside ? -1 : 1;
    if (!j->how.hinge)
        return inside ? 1 - x : x;
    const double error = 1 + *slope * x;
    if (!(error <= 0))
        return error;
    *slope = 0;
    return 0;
}

static bool counts(const Job *j, size_t group, size_t pixel)
{
    return j->label[group * j->P + pixel] != j->how.ignore_index;
}

static bool inside(const Job *j, size_t group, size_t pixel, size_t class)
{
    const int of_hinge = 1;
    return j->label[group * j->P + pixel] == (j->how.hinge ? of_hinge : (int)class);
}

/* The pixels that count, the worst first. */
static int sort_pixels(const Job *j, size_t group, size_t class, uint64_t *key, uint32_t *order, size_t *count)
{
    size_t n = 0;
    for (size_t p = 0; p < j->P; p++) {
        if (!counts(j, group, p))
            continue;
        double slope;
        const double x = (double)j->x[(group * j->P + p) * j->C + class];
        key[p] = df_sort_key(-error_of(j, x, inside(j, group, p, class), &slope));
        order[n++] = (uint32_t)p;
    }
    *count = n;
    return df_sort(order, n, key);
}

/* The sum of algorithm 1; the slopes are those of the class by its own scores. */
static double of_class(const Job *j, size_t group, size_t class, const uint32_t *order, size_t n)
{
    double all = 0, found = 0, wrong = 0, before = 0, loss = 0;
    for (size_t i = 0; i < n; i++)
        all += inside(j, group, order[i], class);
    for (size_t i = 0; i < n; i++) {
        const size_t at = (group * j->P + order[i]) * j->C + class;
        const bool is = inside(j, group, order[i], class);
        double slope;
        const double error = error_of(j, (double)j->x[at], is, &slope);
        found += is;
        wrong += !is;
        const double jaccard = 1 - (all - found) / (all + wrong);
        loss += error * (jaccard - before);
        j->slope[at] = (float)(slope * (jaccard - before));
        before = jaccard;
    }
    return loss;
}

static void run_class(void *arg, size_t task, void *scratch)
{
    Job *j = arg;
    uint64_t *key = scratch;
    uint32_t *order = (uint32_t *)(key + j->P);
    const size_t group = task / j->C;
    const size_t class = task % j->C;
    size_t n;
    if (!(j->share[task] > 0))
        return;
    j->error[task] = sort_pixels(j, group, class, key, order, &n);
    if (j->error[task] == DF_OK)
        j->loss[task] = of_class(j, group, class, order, n);
}

/* ---- which classes are in the mean ------------------------------------------------------------------------------ */

static bool is_present(const Job *j, size_t group, size_t class)
{
    for (size_t p = 0; p < j->P; p++)
        if (counts(j, group, p) && inside(j, group, p, class))
            return true;
    return false;
}

static bool is_chosen(const Job *j, size_t group, size_t class)
{
    if (j->how.hinge)
        return true;
    if (!j->how.classes)
        return !j->how.present || is_present(j, group, class);
    for (int i = 0; i < j->how.n_classes; i++)
        if ((size_t)j->how.classes[i] == class)
            return true;
    return false;
}

static void share_out(const Job *j, size_t group)
{
    float *share = j->share + group * j->C;
    double chosen = 0;
    for (size_t k = 0; k < j->C; k++) {
        share[k] = is_chosen(j, group, k) ? 1 : 0;
        chosen += (double)share[k];
    }
    for (size_t k = 0; chosen > 0 && k < j->C; k++) {
        const double weight = j->how.class_weight ? (double)j->how.class_weight[k] : 1;
        share[k] = (float)(weight * (double)share[k] / chosen);
    }
}

/* ---- the op ----------------------------------------------------------------------------------------------------- */

typedef struct {
    const float *slope, *share;
    size_t P, C;
} Saved;

static void backward(DfCtx *c, DfTensor *y)
{
    const Saved *s = y->saved;
    float *gx = df_grad(c, y->src[0]);
    for (size_t i = 0; gx && i < df_size(y->src[0]); i++) {
        const size_t group = i / (s->P * s->C);
        gx[i] += y->grad[group] * s->share[group * s->C + i % s->C] * s->slope[i];
    }
}

static const DfOp op = { "lovasz_loss", backward };

static void compute(DfCtx *c, Job *j, float *y)
{
    for (size_t g = 0; g < j->groups; g++)
        share_out(j, g);
    df_run(c, j->groups * j->C, j->P * (sizeof(uint64_t) + sizeof(uint32_t)), run_class, j);
    for (size_t g = 0; g < j->groups; g++) {
        double sum = 0;
        for (size_t k = g * j->C; k < (g + 1) * j->C; k++) {
            sum += (double)j->share[k] * j->loss[k];
            df_check(c, j->error[k]);
        }
        y[g] = (float)sum;
    }
}

/* slope, share and the notes of the way back; the losses of classes end with the call. */
static bool prepare(DfCtx *c, Job *j, DfTensor *y, size_t size)
{
    const size_t n = j->groups * j->C;
    j->slope = df_workspace(c, size);
    j->share = df_workspace(c, n);
    j->loss = (double *)(void *)df_workspace(c, 2 * n);
    j->error = (int *)(void *)df_workspace(c, n);
    if (c->err)
        return false;
    memset(j->slope, 0, size * sizeof *j->slope);
    memset(j->loss, 0, n * sizeof *j->loss);
    memset(j->error, 0, n * sizeof *j->error);
    const Saved saved = { j->slope, j->share, j->P, j->C };
    df_note(c, y, &saved, sizeof saved);
    return !c->err;
}

DfTensor *df_lovasz_loss(DfCtx *c, DfTensor *x, const int *label, DfLovasz how)
{
    if (c->err)
        return &c->nil;
    if (x->shape.n < 2 || (how.hinge && df_dim(x, -1) != 1))
        return df_refuse(c, "lovasz_loss: (%s): want N .. C, of a hinge C = 1", DF_TEXT(x));
    const int groups = how.per_image ? df_dim(x, 0) : 1;
    DfTensor *y = df_output(c, &op, DF_SHAPE(groups), 1, &x);
    if (df_skip(c, y))
        return y;
    Job job = { .x = x->data, .label = label, .how = how, .groups = (size_t)groups, .C = (size_t)df_dim(x, -1) };
    job.P = df_size(x) / job.C / job.groups;
    if (prepare(c, &job, y, df_size(x)))
        compute(c, &job, y->data);
    return y;
}
