/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/synth/cloth.c -- the textures of the backgrounds: their colour at a point.
 */
#include "datasets/synth/world.h"

static SynthColour sky(const SynthCloth *g, float x, float y)
{
    const float up = synth_clamp(y / (18.0f * g->scale), 0.0f, 1.0f);
    const float a = x / (3.0f * g->scale);
    const float b = y / (1.5f * g->scale);
    const float cloud = 0.6f * synth_noise(a, b, g->seed) + 0.3f * synth_noise(2.1f * a, 2.1f * b, g->seed + 1) +
                        0.1f * synth_noise(4.3f * a, 4.3f * b, g->seed + 2);
    const SynthColour white = synth_rgb(246, 246, 248);
    const SynthColour clear = synth_blend(g->main, g->second, up);
    return synth_blend(clear, white, 0.85f * synth_step(0.45f + 0.1f * (float)g->style, 0.8f, cloud));
}

/* Blades: noise that is stretched upwards, over patches. */
static SynthColour grass(const SynthCloth *g, float x, float y)
{
    const float lean = 0.3f * y + 3.0f * synth_noise(x / 9.0f, y / 9.0f, g->seed);
    const float blade = synth_noise((x + lean) / 1.6f, y / 5.5f, g->seed + 1);
    const float patch = synth_noise(x / (4.0f * g->scale), y / (2.5f * g->scale), g->seed + 2);
    const SynthColour colour = synth_blend(g->main, g->second, 0.65f * patch + 0.35f * blade);
    return synth_times(colour, 0.72f + 0.5f * blade);
}

static SynthColour sand(const SynthCloth *g, float x, float y)
{
    const float dune = synth_noise(x / (3.0f * g->scale), y / (2.0f * g->scale), g->seed);
    const float ripple = synth_wave((0.25f * x + y) / (0.5f * g->scale) + 1.6f * dune);
    const float grain = synth_cell(synth_floor(x), synth_floor(y), g->seed + 1);
    return synth_times(synth_blend(g->main, g->second, dune), 0.93f + 0.05f * ripple + 0.12f * (grain - 0.5f));
}

static SynthColour water(const SynthCloth *g, float x, float y)
{
    const float slow = synth_noise(x / (2.5f * g->scale), y / g->scale, g->seed);
    const float fast = synth_noise(x / (0.8f * g->scale), y / (0.28f * g->scale), g->seed + 1);
    const float crest = synth_step(0.70f, 0.88f, 0.45f * slow + 0.55f * fast);
    const SynthColour colour = synth_blend(g->main, g->second, 0.6f * slow + 0.4f * fast);
    return synth_blend(colour, synth_rgb(235, 243, 245), 0.75f * crest);
}

static SynthColour tiles(const SynthCloth *g, float x, float y)
{
    const float a = (g->c * x + g->s * y) / g->scale;
    float b = (g->c * y - g->s * x) / g->scale;
    const int column = synth_floor(a);
    if (g->style == 1)
        b += 0.5f * (float)(column & 1);
    const int row = synth_floor(b);
    const float u = fabsf(a - (float)column - 0.5f);
    const float v = fabsf(b - (float)row - 0.5f);
    const float grout = synth_step(0.44f, 0.48f, u > v ? u : v);
    const float marble = synth_noise(a * 3.0f, b * 3.0f, g->seed + 7);
    const bool dark = g->style == 2 ? (column + row) & 1 : synth_cell(column, row, g->seed) > 0.75f;
    const SynthColour tile = synth_times(dark ? g->second : g->main,
                                         0.86f + 0.12f * synth_cell(column, row, g->seed + 1) + 0.12f * marble);
    return synth_blend(tile, synth_rgb(120, 116, 110), 0.7f * grout);
}

static SynthColour wood(const SynthCloth *g, float x, float y)
{
    const float along = g->c * x + g->s * y;
    const float across = (g->c * y - g->s * x) / g->scale;
    const int plank = synth_floor(across);
    const float shift = 9.0f * g->scale * synth_cell(plank, 0, g->seed);
    const int piece = synth_floor((along + shift) / (7.0f * g->scale));
    const float bend = synth_noise(along / (2.0f * g->scale), across * 1.5f, g->seed + 1);
    const float rings = synth_wave(across * 3.0f + 2.5f * bend + 5.0f * synth_cell(plank, piece, g->seed + 2));
    const float fibre = synth_noise(along / 9.0f, across * g->scale / 1.3f, g->seed + 3);
    const float edge = fabsf(across - (float)plank - 0.5f);
    const float end = fabsf(synth_fraction((along + shift) / (7.0f * g->scale)) - 0.5f);
    const float gap = synth_step(0.46f, 0.5f, edge) + synth_step(0.494f, 0.5f, end);
    const float tone = 0.35f + 0.2f * rings + 0.3f * synth_cell(plank, piece, g->seed + 4);
    const SynthColour board = synth_blend(g->main, g->second, synth_clamp(tone, 0.0f, 1.0f));
    return synth_times(board, (0.88f + 0.2f * fibre) * (1.0f - 0.5f * synth_clamp(gap, 0.0f, 1.0f)));
}

/* Plaster, or paper with stripes or dots. */
static SynthColour wall(const SynthCloth *g, float x, float y)
{
    const float rough = 0.5f * synth_noise(x / 3.0f, y / 3.0f, g->seed) +
                        0.5f * synth_noise(x / (3.0f * g->scale), y / (3.0f * g->scale), g->seed + 1);
    const float a = synth_fraction(x / g->scale) - 0.5f;
    const float b = synth_fraction(y / g->scale + 0.5f * (float)(synth_floor(x / g->scale) & 1)) - 0.5f;
    float mark = 0.0f;
    if (g->style == 1)
        mark = synth_step(0.2f, 0.26f, fabsf(a));
    else if (g->style == 2)
        mark = 1.0f - synth_step(0.2f, 0.27f, synth_length(a, b));
    return synth_times(synth_blend(g->main, g->second, 0.5f * mark), 0.9f + 0.16f * rough);
}

SynthColour df_synth_cloth_at(const SynthCloth *g, float x, float y, float far)
{
    static SynthColour (*const looks[GROUNDS])(const SynthCloth *, float, float) = {
        [SKY] = sky, [GRASS] = grass, [SAND] = sand, [WATER] = water, [TILES] = tiles, [WOOD] = wood, [WALL] = wall,
    };
    const SynthColour colour = looks[g->kind](g, x, y);
    return far > 0.0f ? synth_blend(colour, synth_blend(g->main, g->second, 0.5f), far) : colour;
}

typedef struct {
    int rgb[2][3];
} Pair;

static const Pair usual[GROUNDS][3] = {
    [SKY] = { { { { 70, 130, 200 }, { 190, 215, 235 } } }, { { { 120, 150, 185 }, { 225, 215, 200 } } },
              { { { 105, 115, 150 }, { 240, 190, 150 } } } },
    [GRASS] = { { { { 62, 110, 40 }, { 120, 150, 60 } } }, { { { 85, 120, 55 }, { 165, 160, 90 } } },
                { { { 40, 85, 48 }, { 90, 130, 70 } } } },
    [SAND] = { { { { 205, 180, 135 }, { 225, 205, 165 } } }, { { { 170, 140, 105 }, { 200, 175, 140 } } },
               { { { 150, 145, 138 }, { 185, 180, 172 } } } },
    [WATER] = { { { { 25, 85, 120 }, { 80, 150, 175 } } }, { { { 20, 95, 95 }, { 95, 170, 155 } } },
                { { { 60, 80, 100 }, { 130, 150, 165 } } } },
    [TILES] = { { { { 205, 200, 190 }, { 120, 135, 150 } } }, { { { 175, 110, 80 }, { 130, 75, 55 } } },
                { { { 190, 205, 205 }, { 60, 95, 110 } } } },
    [WOOD] = { { { { 165, 115, 70 }, { 110, 70, 40 } } }, { { { 200, 165, 120 }, { 155, 115, 75 } } },
               { { { 120, 105, 95 }, { 85, 72, 64 } } } },
    [WALL] = { { { { 215, 205, 185 }, { 180, 160, 130 } } }, { { { 160, 180, 190 }, { 110, 135, 155 } } },
               { { { 200, 170, 165 }, { 150, 110, 115 } } } },
};

SynthCloth df_synth_cloth(DfRandom *random, SynthGround kind, float side)
{
    static const float sizes[GROUNDS] = { [SKY] = 0.10f,   [GRASS] = 0.08f, [SAND] = 0.07f, [WATER] = 0.08f,
                                          [TILES] = 0.14f, [WOOD] = 0.10f,  [WALL] = 0.10f };
    const Pair *pair = &usual[kind][synth_choice(random, 3)];
    SynthCloth g = { .kind = kind, .style = synth_choice(random, 3), .seed = (uint32_t)df_random_bits(random) };
    for (int i = 0; i < 3; i++) {
        g.main.c[2 - i] = (float)pair->rgb[0][i] / 255.0f + synth_between(random, -0.045f, 0.045f);
        g.second.c[2 - i] = (float)pair->rgb[1][i] / 255.0f + synth_between(random, -0.045f, 0.045f);
    }
    g.scale = side * sizes[kind] * synth_between(random, 0.7f, 1.5f);
    synth_direction((float)synth_choice(random, 4) * 0.25f + synth_between(random, -0.03f, 0.03f), &g.c, &g.s);
    return g;
}
