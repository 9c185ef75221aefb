/* SPDX-License-Identifier: Apache-2.0
 *
 * inference/calibration.c -- observes the inputs of weights, and chooses their ranges for 8 bits. A wide range has
 * coarse steps, a narrow one clips numbers: by default the range with the least sum of both squared errors is chosen
 * (Sung et al., "Resiliency of Deep Neural Networks under Quantization", 2015; Nagel et al., arXiv 2106.08295, section
 * 3.1).
 */
#include "inference/calibration.h"

#include <math.h>
#include <string.h>

enum { HALF = DF_CALIBRATION_BINS / 2, MOST_COUNTED = 1 << 20 };

/* ---- counting ---------------------------------------------------------------------------------------------------- */

/* Two bins become one, from the middle on: k is in bin floor(k / 2) then. */
static void widen(CalibratedInput *in)
{
    uint32_t wide[DF_CALIBRATION_BINS] = { 0 };
    for (int k = -HALF; k < HALF; k++)
        wide[HALF + (k - (k < 0 ? 1 : 0)) / 2] += in->count[HALF + k];
    memcpy(in->count, wide, sizeof wide);
    in->width *= 2;
}

/* A power of two for which `most` lies inside. */
static float first_width(float most)
{
    int exponent;
    frexpf(most / HALF, &exponent); /* most / HALF < 2^exponent */
    return ldexpf(1, exponent);
}

static void make_room(CalibratedInput *in)
{
    const float most = fmaxf(in->high, -in->low);
    if (in->width == 0 && most / HALF >= 1e-30f)
        in->width = first_width(most);
    while (in->width > 0 && most >= in->width * HALF)
        widen(in);
}

static void take_ends(CalibratedInput *in, const float *x, size_t n)
{
    float low = in->low;
    float high = in->high;
    float all = 0; /* NaN as soon as a number is none */
    for (size_t i = 0; i < n; i++) {
        low = x[i] < low ? x[i] : low;
        high = x[i] > high ? x[i] : high;
        all += x[i] * 0;
    }
    in->bad |= all != 0;
    in->low = low;
    in->high = high;
}

/* Of very large inputs evenly spread numbers are counted; the ends are those of all. */
void df_calibration_count(CalibratedInput *in, const float *x, size_t n)
{
    in->heard = true;
    take_ends(in, x, n);
    if (in->bad)
        return;
    make_room(in);
    if (in->width == 0)
        return;
    const size_t step = n / MOST_COUNTED + 1;
    for (size_t i = 0; i < n; i += step) {
        const int k = (int)floorf(x[i] / in->width);
        in->count[HALF + df_clamp_int(k, -HALF, HALF - 1)]++;
    }
}

/* ---- listening --------------------------------------------------------------------------------------------------- */

static void hear(void *user, const DfTensor *weight, const DfTensor *input)
{
    const Calibration *c = user;
    for (int i = 0; i < c->n; i++)
        if (c->input[i]->param->tensor == weight)
            df_calibration_count(c->input[i], input->data, df_size(input));
}

void df_calibration_listen(Calibration *c, DfCtx *ctx, bool on)
{
    df_listen_weights(ctx, on ? hear : NULL, c);
}

int df_calibration_new(Calibration *c, NnModel *model)
{
    const int n = nn_model_count(model);
    *c = (Calibration){ .input = df_calloc((size_t)n + 1, sizeof *c->input) };
    if (!c->input)
        return df_fail_memory("a calibration");
    for (int i = 0; i < n; i++) {
        NnParam *param = nn_model_at(model, i);
        if (!nn_param_fits_int8(param))
            continue;
        if (!(c->input[c->n] = df_calloc(1, sizeof *c->input[c->n])))
            return df_fail_memory("a calibration");
        c->input[c->n++]->param = param;
    }
    return DF_OK;
}

void df_calibration_done(Calibration *c)
{
    for (int i = 0; i < c->n; i++)
        df_free(c->input[i]);
    df_free(c->input);
    *c = (Calibration){ 0 };
}

/* ---- choosing ---------------------------------------------------------------------------------------------------- */

static double middle_of(const CalibratedInput *in, int bin)
{
    return ((double)(bin - HALF) + 0.5) * (double)in->width;
}

/* The squared error of all numbers: a step's is spread evenly, what lies outside is cut off. */
static double error_of(const CalibratedInput *in, double low, double high)
{
    const double step = (high - low) / 255;
    const double inside = step * step / 12;
    double sum = 0;
    for (int bin = 0; bin < DF_CALIBRATION_BINS; bin++) {
        if (!in->count[bin])
            continue;
        const double x = middle_of(in, bin);
        const double off = x - fmin(fmax(x, low), high);
        sum += in->count[bin] * (off == 0 ? inside : off * off);
    }
    return sum;
}

/* Each end alone is moved towards zero as long as it helps, in steps of 2 %. */
static void least_error(const CalibratedInput *in, float *low, float *high)
{
    enum { STEPS = 45 };
    double best = error_of(in, (double)*low, (double)*high);
    for (int end = 0; end < 2; end++) {
        float *moved = end ? low : high;
        const float whole = *moved;
        for (int i = 1; whole != 0 && i <= STEPS; i++) {
            const float before = *moved;
            *moved = whole * (1 - 0.02f * (float)i);
            const double error = error_of(in, (double)*low, (double)*high);
            if (error < best)
                best = error;
            else
                *moved = before;
        }
    }
}

/* The end behind which a share of 1e-4 of the numbers lies; `step` is the way from the outermost bin inwards. */
static float rare_end(const CalibratedInput *in, int first, int step, float end)
{
    double all = 0, outside = 0;
    for (int bin = 0; bin < DF_CALIBRATION_BINS; bin++)
        all += in->count[bin];
    for (int bin = first; bin >= 0 && bin < DF_CALIBRATION_BINS; bin += step) {
        outside += in->count[bin];
        const float edge = (float)middle_of(in, bin) - (float)step * in->width / 2;
        if (outside > 1e-4 * all)
            return step > 0 ? fminf(fmaxf(edge, end), 0) : fmaxf(fminf(edge, end), 0);
    }
    return end;
}

void df_calibration_range(const CalibratedInput *in, DfRangeMethod method, float *low, float *high)
{
    *low = in->low;
    *high = in->high;
    if (in->width > 0 && method == DF_RANGE_MSE)
        least_error(in, low, high);
    if (in->width > 0 && method == DF_RANGE_PERCENTILE) {
        *low = rare_end(in, 0, 1, in->low);
        *high = rare_end(in, DF_CALIBRATION_BINS - 1, -1, in->high);
    }
    if (!((*high - *low) / 255 >= 1e-30f)) { /* nothing but zeros */
        *low = 0;
        *high = 1;
    }
}
