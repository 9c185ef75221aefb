/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/synth/looks.c -- the surfaces of objects: patterns, colours and curvature.
 *
 * At least half of the time colours are chosen from one palette for all classes, so that they do not reveal a class;
 * patterns and shape do.
 */
#include "datasets/synth/world.h"

static const SynthColour *paint(const SynthThing *t, int i)
{
    return &t->paint[i];
}

/* 1 on a line of half the width, fading out over `soft`. */
static float line(float off, float half, float soft)
{
    return 1.0f - synth_step(half, half + soft, fabsf(off));
}

/* Distance from the segment that leads from 0, 0 in the direction of c, s. */
static float ray(float u, float v, float c, float s, float length)
{
    const float along = synth_clamp(u * c + v * s, 0.0f, length);
    return synth_length(u - along * c, v - along * s);
}

static SynthLook round_look(SynthColour colour, float u, float v, float gloss)
{
    return (SynthLook){ colour, { 0.95f * u, 0.95f * v }, gloss };
}

/* ---- balls ------------------------------------------------------------------------------------------------------- */

static SynthColour panels(const SynthThing *t, float u, float v)
{
    const int sector = synth_floor(6.0f * synth_angle(u - 0.25f, v + 0.3f));
    if (synth_length(u - 0.25f, v + 0.3f) < 0.14f)
        return *paint(t, 2);
    return *paint(t, sector & 1);
}

/* A football: a dark patch in the middle, five at the rim, seams between. */
static SynthColour patches(const SynthThing *t, float u, float v)
{
    const float r = synth_length(u, v);
    const float part = synth_fraction(5.0f * synth_angle(u, v)) - 0.5f;
    const float patch = 1.0f - synth_step(0.31f, 0.35f, r * (1.0f - 0.7f * part * part));
    const float rim = synth_step(0.74f, 0.78f, r + 0.35f * part * part);
    const float seam = r > 0.3f ? line(part * r, 0.02f, 0.03f) : 0.0f;
    const float dark = synth_clamp(patch + (fabsf(part) < 0.36f ? rim : 0.0f) + 0.6f * seam, 0.0f, 1.0f);
    return synth_blend(*paint(t, 0), *paint(t, 1), dark);
}

/* A basketball's four lines. */
static SynthColour seams(const SynthThing *t, float u, float v)
{
    const float arc = synth_length(fabsf(u) - 1.15f, v) - 0.78f;
    float dark = line(u, 0.025f, 0.04f) + line(v, 0.025f, 0.04f) + line(arc, 0.025f, 0.04f);
    dark = synth_clamp(dark, 0.0f, 1.0f);
    const float dots = synth_noise(18.0f * u, 18.0f * v, t->seed);
    return synth_times(synth_blend(*paint(t, 0), *paint(t, 1), dark), 0.9f + 0.2f * dots);
}

static SynthLook ball(const SynthThing *t, float u, float v)
{
    static SynthColour (*const marks[3])(const SynthThing *, float, float) = { panels, patches, seams };
    return round_look(marks[t->style](t, u, v), u, v, t->style == 2 ? 0.1f : 0.45f);
}

/* ---- food -------------------------------------------------------------------------------------------------------- */

static SynthLook apple(const SynthThing *t, float u, float v)
{
    const float speck = synth_step(0.72f, 0.8f, synth_noise(9.0f * u, 9.0f * v, t->seed));
    const float blush = synth_noise(1.3f * u + 3.0f, 1.3f * v, t->seed + 1);
    SynthColour skin = synth_blend(*paint(t, 0), *paint(t, 1), 0.8f * synth_step(0.3f, 0.8f, blush));
    skin = synth_blend(skin, synth_rgb(240, 225, 170), 0.35f * speck);
    skin = synth_times(skin, 1.0f - 0.35f * (1.0f - synth_step(0.0f, 0.4f, synth_length(u, 1.8f * (v + 0.5f)))));
    if (v < -0.42f && fabsf(u) < 0.08f)
        return (SynthLook){ synth_rgb(84, 60, 40), { 0.0f, 0.0f }, 0.0f };
    if (v < -0.5f && u > 0.05f)
        return (SynthLook){ synth_rgb(90, 140, 60), { 0.0f, 0.0f }, 0.1f };
    return (SynthLook){ skin, { 0.95f * u, 0.95f * (v - 0.12f) }, 0.6f };
}

static SynthLook banana(const SynthThing *t, float u, float v)
{
    const float r = synth_length(u, v + 0.42f);
    const float across = (r - 0.78f) / 0.3f;
    const float speck = synth_step(0.74f, 0.8f, synth_noise(8.0f * u, 8.0f * v, t->seed));
    const float ridge = line(across - 0.15f, 0.06f, 0.12f);
    const float end = synth_step(0.8f, 0.88f, fabsf(u));
    SynthColour skin = synth_blend(*paint(t, 0), *paint(t, 1), 0.4f * synth_step(0.4f, 0.95f, fabsf(u)));
    skin = synth_blend(skin, synth_rgb(95, 65, 30), 0.6f * speck * t->phase + 0.25f * ridge);
    skin = synth_blend(skin, synth_rgb(70, 52, 30), 0.9f * end);
    return (SynthLook){ skin, { 0.5f * across * u, 0.85f * across }, 0.25f };
}

/* Slices of something lie on it, in the cells of a grid that is shaken. */
static float toppings(const SynthThing *t, float u, float v, float cells)
{
    const float a = cells * u + 20.0f;
    const float b = cells * v + 20.0f;
    const int i = synth_floor(a);
    const int j = synth_floor(b);
    const float x = a - (float)i - 0.5f - 0.3f * (synth_cell(i, j, t->seed) - 0.5f);
    const float y = b - (float)j - 0.5f - 0.3f * (synth_cell(i, j, t->seed + 1) - 0.5f);
    const float there = synth_cell(i, j, t->seed + 2) < 0.75f ? 1.0f : 0.0f;
    return there * (1.0f - synth_step(0.3f, 0.36f, synth_length(x, y)));
}

static SynthLook pizza(const SynthThing *t, float u, float v)
{
    const float r = synth_length(u, v);
    const float cheese = synth_noise(5.0f * u, 5.0f * v, t->seed + 5);
    SynthColour colour = synth_blend(*paint(t, 0), synth_rgb(200, 90, 50), 0.6f * synth_step(0.4f, 0.9f, cheese));
    if (r < 0.8f)
        colour = synth_blend(colour, *paint(t, 1), toppings(t, u, v, 2.6f));
    const float herb = synth_step(0.8f, 0.84f, synth_noise(11.0f * u, 11.0f * v, t->seed + 6));
    colour = synth_blend(colour, *paint(t, 2), 0.8f * herb);
    const float crust = synth_step(0.82f, 0.86f, r + 0.05f * cheese);
    colour = synth_blend(colour, synth_times(synth_rgb(205, 150, 90), 0.8f + 0.4f * cheese), crust);
    const float bend = crust * (r - 0.9f) * 6.0f;
    return (SynthLook){ colour, { bend * u, bend * v }, 0.1f };
}

static SynthLook donut(const SynthThing *t, float u, float v)
{
    const float r = synth_length(u, v);
    const float hole = 0.26f + 0.12f * t->phase;
    const float middle = 0.5f * (0.98f + hole);
    const float across = (r - middle) / (0.98f - middle);
    const float drip = 0.68f + 0.16f * synth_noise(6.0f * u + 9.0f, 6.0f * v, t->seed);
    const float icing = 1.0f - synth_step(drip, drip + 0.06f, fabsf(across));
    SynthColour colour = synth_blend(synth_rgb(196, 142, 84), *paint(t, 0), icing);
    const float a = 7.0f * u + 30.0f;
    const float b = 7.0f * v + 30.0f;
    const int i = synth_floor(a);
    const int j = synth_floor(b);
    float c, s;
    synth_direction(synth_cell(i, j, t->seed + 3), &c, &s);
    const float x = a - (float)i - 0.5f;
    const float y = b - (float)j - 0.5f;
    const float grain = line(c * x + s * y, 0.28f, 0.06f) * line(c * y - s * x, 0.1f, 0.06f);
    const bool has = t->style < 2 && synth_cell(i, j, t->seed + 4) < 0.7f;
    if (has && icing > 0.5f)
        colour = synth_blend(colour, *paint(t, 1 + (int)(synth_hash((uint32_t)i, (uint32_t)j, t->seed) & 1)), grain);
    if (t->style == 2)
        colour = synth_blend(colour, *paint(t, 1), icing * line(synth_fraction(3.5f * (u + v)) - 0.5f, 0.1f, 0.1f));
    const float bend = r > 0.01f ? 0.9f * across / r : 0.0f;
    return (SynthLook){ colour, { bend * u, bend * v }, 0.4f * icing };
}

/* ---- ware -------------------------------------------------------------------------------------------------------- */

static SynthLook bottle(const SynthThing *t, float u, float v)
{
    const float shoulder = -0.3f + 0.25f * t->phase;
    const float half = synth_mix(0.12f, 0.33f, synth_step(shoulder - 0.22f, shoulder + 0.08f, v));
    SynthColour colour = *paint(t, 0);
    const float glass = synth_step(0.55f, 1.0f, fabsf(u) / half);
    colour = synth_times(colour, 1.0f - 0.35f * glass);
    const float label = line(v - 0.42f, 0.27f, 0.02f);
    SynthColour paper = *paint(t, 1);
    if (t->style == 0)
        paper = synth_blend(paper, *paint(t, 2), line(synth_fraction(5.0f * v) - 0.5f, 0.15f, 0.1f));
    else if (t->style == 1)
        paper = synth_blend(paper, *paint(t, 2), line(synth_length(u, v - 0.42f), 0.14f, 0.03f));
    colour = synth_blend(colour, paper, label);
    if (v < -0.8f)
        colour = *paint(t, 2);
    return (SynthLook){ colour, { 0.9f * synth_clamp(u / half, -1.0f, 1.0f), 0.0f }, 0.5f };
}

static float cup_mark(const SynthThing *t, float u, float v)
{
    const float a = synth_fraction(3.0f * u) - 0.5f;
    const float b = synth_fraction(3.0f * v) - 0.5f;
    switch (t->style) {
    case 0: return line(v - 0.1f, 0.14f, 0.03f);
    case 1: return line(synth_length(a, b), 0.22f, 0.08f);
    default: return line(synth_fraction(3.5f * u) - 0.5f, 0.18f, 0.08f);
    }
}

static SynthLook cup(const SynthThing *t, float u, float v)
{
    const float x = u + 0.22f;
    SynthColour colour = *paint(t, 0);
    if (u > 0.4f)
        return (SynthLook){ colour, { 0.3f, 0.4f * v }, 0.3f };
    const float mouth = synth_length(x / 0.56f, (v + 0.6f) / 0.12f);
    colour = synth_blend(colour, *paint(t, 1), v > -0.4f ? cup_mark(t, u, v) : 0.0f);
    if (mouth < 1.0f)
        return (SynthLook){ synth_blend(synth_rgb(60, 38, 24), *paint(t, 0), synth_step(0.7f, 1.0f, mouth) * 0.8f),
                            { 0.0f, 0.0f }, 0.1f };
    return (SynthLook){ colour, { 1.4f * x, 0.0f }, 0.4f };
}

static SynthLook clock_face(const SynthThing *t, float u, float v)
{
    const float y = t->style == 2 ? v - 0.08f : v;
    const float r = synth_length(u, y) / (t->style == 0 ? 0.98f : 0.82f);
    const float part = synth_fraction(12.0f * synth_angle(u, y) + 0.5f) - 0.5f;
    float c, s, c2, s2;
    synth_direction(t->phase, &c, &s);
    synth_direction(12.0f * t->phase, &c2, &s2);
    const float tick = part * r < 0.2f && r > 0.68f && r < 0.82f ? line(part * r, 0.09f, 0.06f) : 0.0f;
    const float hands = line(ray(u, y, c, s, 0.38f), 0.05f, 0.03f) + line(ray(u, y, c2, s2, 0.58f), 0.03f, 0.03f);
    const SynthColour face = synth_blend(synth_rgb(238, 234, 222), *paint(t, 1), 0.18f);
    const SynthColour ink = synth_rgb(38, 36, 40);
    SynthColour colour = synth_blend(face, ink, synth_clamp(tick + hands, 0.0f, 1.0f));
    const float rim = synth_step(0.85f, 0.88f, r);
    colour = synth_blend(colour, *paint(t, 0), rim);
    const float bend = rim * (r - 0.92f) * 6.0f;
    return (SynthLook){ colour, { synth_clamp(bend * u, -0.7f, 0.7f), synth_clamp(bend * v, -0.7f, 0.7f) }, 0.2f };
}

/* ---- cloth ------------------------------------------------------------------------------------------------------- */

static SynthLook kite(const SynthThing *t, float u, float v)
{
    const float below = v + 0.42f;
    if (v > 0.3f && fabsf(u) < 0.3f && fabsf(u) * 0.72f > 0.5f * (0.3f - below))
        return (SynthLook){ *paint(t, synth_floor(8.0f * v) & 1), { 0.0f, 0.0f }, 0.0f };
    const bool left = u < 0.0f;
    const bool upper = below < 0.0f;
    SynthColour colour = *paint(t, t->style == 0 ? left != upper : upper);
    if (t->style == 2)
        colour = *paint(t, synth_floor(4.0f * (below + fabsf(u)) + 40.0f) % 3);
    const float spar = synth_clamp(line(u, 0.012f, 0.02f) + line(below, 0.012f, 0.02f), 0.0f, 1.0f);
    colour = synth_blend(colour, synth_rgb(60, 45, 35), 0.8f * spar);
    return (SynthLook){ colour, { left ? -0.35f : 0.35f, upper ? -0.25f : 0.1f }, 0.05f };
}

static SynthLook umbrella(const SynthThing *t, float u, float v)
{
    if (v > 0.1f || (fabsf(u) < 0.05f && v < -0.8f))
        return (SynthLook){ synth_rgb(90, 62, 42), { 8.0f * u, 0.0f }, 0.2f };
    /* Ribs run from the top to the rim: fields of one height are as wide. */
    const float wide = sqrtf(synth_clamp(0.92f - 1.3f * (v - 0.05f) * (v - 0.05f), 0.05f, 1.0f));
    const float field = 2.0f * u / wide;
    const int sector = synth_floor(field + 2.0f);
    SynthColour colour = *paint(t, t->style == 1 ? 0 : sector & 1);
    if (t->style == 2)
        colour = synth_blend(colour, *paint(t, 2), line(synth_fraction(4.0f * v) - 0.5f, 0.14f, 0.06f));
    const float rib =
        line(synth_fraction(field) > 0.5f ? synth_fraction(field) - 1.0f : synth_fraction(field), 0.03f, 0.06f);
    colour = synth_times(colour, 1.0f - 0.3f * rib);
    return (SynthLook){ colour, { 0.7f * u, 0.7f * (v - 0.1f) }, 0.1f };
}

/* ---- clutter: plain, striped, or dotted like the others ---------------------------------------------------------- */

static SynthLook clutter(const SynthThing *t, float u, float v)
{
    const float a = synth_fraction(3.0f * u) - 0.5f;
    const float b = synth_fraction(3.0f * v) - 0.5f;
    const float rough = synth_noise(6.0f * u, 6.0f * v, t->seed);
    float mark = 0.0f;
    if (t->style == 1)
        mark = line(b, 0.2f, 0.06f);
    else if (t->style == 2)
        mark = line(synth_length(a, b), 0.2f, 0.06f);
    const SynthColour colour = synth_times(synth_blend(*paint(t, 0), *paint(t, 1), mark), 0.85f + 0.3f * rough);
    const float bend = t->kind == PEBBLE ? 0.9f : 0.15f;
    return (SynthLook){ colour, { bend * u, bend * v }, 0.05f };
}

SynthLook df_synth_look(const SynthThing *t, float u, float v)
{
    static SynthLook (*const looks[])(const SynthThing *, float, float) = {
        [BALL] = ball, [KITE] = kite, [BOTTLE] = bottle, [CUP] = cup, [BANANA] = banana, [APPLE] = apple,
        [PIZZA] = pizza, [DONUT] = donut, [CLOCK] = clock_face, [UMBRELLA] = umbrella,
    };
    return t->kind < PEBBLE ? looks[t->kind](t, u, v) : clutter(t, u, v);
}

/* ---- paints ------------------------------------------------------------------------------------------------------ */

SynthColour df_synth_any_colour(DfRandom *random)
{
    static const int box[][3] = {
        { 200, 50, 45 }, { 225, 120, 40 }, { 235, 200, 60 }, { 110, 165, 60 }, { 45, 125, 80 },  { 50, 150, 170 },
        { 50, 95, 175 }, { 95, 65, 150 },  { 190, 75, 130 }, { 230, 225, 215 }, { 60, 58, 62 },  { 150, 105, 70 },
        { 225, 165, 160 }, { 150, 185, 215 },
    };
    const int *rgb = box[synth_choice(random, (int)(sizeof box / sizeof *box))];
    SynthColour colour = synth_rgb(rgb[0], rgb[1], rgb[2]);
    for (int i = 0; i < 3; i++)
        colour.c[i] = synth_clamp(colour.c[i] + synth_between(random, -0.08f, 0.08f), 0.03f, 0.97f);
    return colour;
}

/* Food looks like food more often than not. */
static void usual_paint(DfRandom *random, SynthThing *t)
{
    static const int apples[3][3] = { { 190, 40, 40 }, { 130, 170, 60 }, { 225, 190, 70 } };
    static const int bananas[3][3] = { { 235, 205, 70 }, { 215, 205, 100 }, { 150, 175, 70 } };
    const int(*rgb)[3] = t->kind == APPLE ? apples : bananas;
    for (int i = 0; i < 2; i++) {
        const int *c = rgb[synth_choice(random, 3)];
        t->paint[i] = synth_rgb(c[0], c[1], c[2]);
    }
}

static float apart(SynthColour a, SynthColour b)
{
    return fabsf(a.c[0] - b.c[0]) + fabsf(a.c[1] - b.c[1]) + fabsf(a.c[2] - b.c[2]);
}

void df_synth_dress(DfRandom *random, SynthThing *t)
{
    t->style = synth_choice(random, 3);
    t->phase = (float)df_uniform(random);
    t->seed = (uint32_t)df_random_bits(random);
    for (int i = 0; i < 3; i++)
        for (int tries = 0; tries < 4; tries++) {
            t->paint[i] = df_synth_any_colour(random);
            if (i == 0 || apart(t->paint[i], t->paint[i - 1]) > 0.6f)
                break;
        }
    if ((t->kind == APPLE || t->kind == BANANA) && synth_chance(random, 0.6f))
        usual_paint(random, t);
    if (t->kind == BALL && t->style == 1 && synth_chance(random, 0.6f))
        t->paint[0] = synth_rgb(235, 235, 230);
    if (t->kind == PIZZA && synth_chance(random, 0.7f))
        t->paint[0] = synth_rgb(232, 196, 110);
    if (t->kind == PEBBLE && synth_chance(random, 0.7f))
        t->paint[0] = synth_times(synth_rgb(200, 192, 182), synth_between(random, 0.5f, 1.0f));
}
