/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/synth/camera.c -- camera effects of a synthetic picture: blur, motion, tint and noise.
 */
#include "datasets/synth/world.h"

/* The mean of 2 reach + 1 colours that are `step` apart; at the rim, of those that are there. */
static void smear(SynthColour *to, const SynthColour *from, int n, int step, int reach)
{
    for (int i = 0; i < n; i++) {
        SynthColour sum = { { 0.0f, 0.0f, 0.0f } };
        const int first = i - reach < 0 ? 0 : i - reach;
        const int last = i + reach >= n ? n - 1 : i + reach;
        for (int k = first; k <= last; k++)
            for (int c = 0; c < 3; c++)
                sum.c[c] += from[(ptrdiff_t)k * step].c[c];
        to[(ptrdiff_t)i * step] = synth_times(sum, 1.0f / (float)(last - first + 1));
    }
}

static void blur(SynthColour *colours, SynthColour *room, const SynthScene *scene)
{
    const int height = scene->height;
    const int width = scene->width;
    const int aside = scene->blur + scene->motion;
    for (int y = 0; y < height; y++)
        smear(room + (ptrdiff_t)y * width, colours + (ptrdiff_t)y * width, width, 1, aside);
    for (int x = 0; x < width; x++)
        smear(colours + x, room + x, height, width, scene->blur);
}

static uint8_t byte(float v)
{
    return (uint8_t)(synth_clamp(255.0f * v, 0.0f, 255.0f) + 0.5f);
}

void df_synth_photograph(DfImage *picture, SynthColour *colours, SynthColour *room, const SynthScene *scene)
{
    const size_t n = (size_t)scene->height * (size_t)scene->width;
    if (scene->blur + scene->motion > 0)
        blur(colours, room, scene);
    for (size_t i = 0; i < n; i++) {
        uint32_t h = synth_hash((uint32_t)i, 1u, scene->seed);
        for (int c = 0; c < 3; c++) {
            const float grain = (float)(h & 31u) + (float)(h >> 5 & 31u) - 31.0f; /* -31 to 31, like a tent */
            h >>= 10;
            const float seen = colours[i].c[c] * scene->exposure * scene->tint[c];
            picture->pixels[3 * i + (size_t)c] = byte(seen + scene->grain * grain * (1.0f / 16.0f));
        }
    }
}
