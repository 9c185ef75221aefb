/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/draw/colour.c -- colours of labels and of weights.
 */
#include "datasets/draw/colour.h"

#include <math.h>

/* One channel of a colour in HSV (Smith, 1978): a hue is a ramp up, a plateau, a ramp down and a valley around the
 * circle. */
static uint8_t channel(double hue, double saturation, double value)
{
    const double k = fmod(hue * 6.0, 6.0);
    const double dip = fmax(0.0, fmin(fmin(k, 4.0 - k), 1.0));
    return (uint8_t)lrint(255.0 * value * (1.0 - saturation * dip));
}

void df_label_colour(int label, uint8_t bgr[3])
{
    const unsigned i = (unsigned)label;
    const double hue = fmod((double)i * 0.6180339887 + 0.02, 1.0); /* the golden section keeps neighbours far apart */
    const double saturation = i / 3 % 2 ? 0.62 : 0.88;
    const double value = i / 2 % 2 ? 0.86 : 1.0;
    bgr[2] = channel(hue + 5.0 / 6.0, saturation, value);
    bgr[1] = channel(hue + 3.0 / 6.0, saturation, value);
    bgr[0] = channel(hue + 1.0 / 6.0, saturation, value);
}

/* Five colours of matplotlib's viridis, without its darkest part. Viridis is even in lightness, and stays in order
 * for the colour-blind. */
void df_weight_colour(float share, uint8_t bgr[3])
{
    static const uint8_t stops[][3] = {
        { 135,  67,  64 },
        { 142, 120,  41 },
        { 132, 167,  34 },
        {  81, 209, 121 },
        {  36, 231, 253 },
    };
    enum { LAST = sizeof stops / sizeof *stops - 1 };
    const float at = fminf(fmaxf(share, 0.0f), 1.0f) * LAST;
    const int i = at < LAST ? (int)at : LAST - 1;
    for (int c = 0; c < 3; c++)
        bgr[c] = (uint8_t)lrintf((float)stops[i][c] + (at - (float)i) * (float)(stops[i + 1][c] - stops[i][c]));
}
