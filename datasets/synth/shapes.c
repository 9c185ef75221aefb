/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/synth/shapes.c -- the outlines of objects as signed distance functions: how far inside the border a point
 * is, in units of half the longer side. u points right, v down.
 */
#include "datasets/synth/world.h"

static float least(float a, float b)
{
    return a < b ? a : b;
}

static float most(float a, float b)
{
    return a > b ? a : b;
}

static float disc(float u, float v, float x, float y, float r)
{
    return r - synth_length(u - x, v - y);
}

static float box(float u, float v, float x, float y, float half_w, float half_h)
{
    return least(half_w - fabsf(u - x), half_h - fabsf(v - y));
}

/* ---- the ten ----------------------------------------------------------------------------------------------------- */

/* A diamond, and a tail that waves. */
static float kite(const SynthThing *t, float u, float v)
{
    const float below = v + 0.42f; /* from the cross of the spars */
    const float slope = below < 0.0f ? 0.52f / 0.56f : 0.52f / 0.72f;
    const float diamond = (0.52f - fabsf(u) - fabsf(below) * slope) / (slope < 0.8f ? 1.23f : 1.36f);
    const float tail = 0.035f - 0.7f * fabsf(u - 0.13f * synth_wave(1.1f * v + t->phase) * synth_step(0.25f, 0.6f, v));
    return most(diamond, least(least(tail, 0.98f - v), v - 0.2f));
}

static float bottle(const SynthThing *t, float u, float v)
{
    const float shoulder = -0.3f + 0.25f * t->phase;
    const float half = synth_mix(0.12f, 0.33f, synth_step(shoulder - 0.22f, shoulder + 0.08f, v));
    const float cap = box(u, v, 0.0f, -0.89f, 0.155f, 0.09f);
    return most(least(half - fabsf(u), 0.98f - fabsf(v)), cap);
}

static float cup(const SynthThing *t, float u, float v)
{
    const float half = 0.6f - (t->style & 1 ? 0.12f : 0.0f) * (v + 0.7f);
    const float body = least(half - fabsf(u + 0.22f), 0.72f - fabsf(v));
    const float r = synth_length(u - 0.45f, v * 0.95f);
    const float handle = least(0.5f - r, r - 0.31f);
    return most(body, u > 0.2f ? handle : -1.0f);
}

static float banana(const SynthThing *t, float u, float v)
{
    const float bend = 0.5f + 0.2f * t->phase;
    const float outer = disc(u, v, 0.0f, -0.42f, 1.0f);
    const float inner = synth_length(u, v + 0.42f + bend) - 1.06f;
    return least(least(outer, inner), 0.93f - fabsf(u));
}

static float apple(float u, float v)
{
    const float halves = most(disc(u, v, -0.3f, 0.08f, 0.6f), disc(u, v, 0.3f, 0.08f, 0.6f));
    const float low = disc(u, v * 0.95f, 0.0f, 0.24f, 0.66f);
    const float stem = least(0.045f - fabsf(u - 0.12f * (v + 0.4f) * (v + 0.4f)), least(v + 0.95f, -0.2f - v));
    const float leaf = least(disc(u, v, 0.2f, -1.0f, 0.35f), disc(u, v, 0.42f, -0.55f, 0.35f));
    return most(most(halves, low), most(stem, leaf));
}

/* Whole, or without a slice. */
static float pizza(const SynthThing *t, float u, float v)
{
    const float r = synth_length(u, v);
    const float round = 0.98f - r;
    if (t->style == 0)
        return round;
    const float gap = 0.07f + 0.12f * t->phase;
    const float turns = synth_angle(u, v);
    const float off = turns < 0.5f ? turns - gap : 1.0f - turns - gap;
    return least(round, off * 6.2831853f * (r < 0.4f ? r : 0.4f + 0.6f * (r - 0.4f)));
}

static float donut(const SynthThing *t, float u, float v)
{
    const float r = synth_length(u, v);
    return least(0.98f - r, r - 0.26f - 0.12f * t->phase);
}

/* Some have the two bells of an alarm clock and its feet. */
static float clock_face(const SynthThing *t, float u, float v)
{
    if (t->style == 0)
        return 0.98f - synth_length(u, v);
    if (t->style == 1)
        return box(u, v, 0.0f, 0.0f, 0.86f, 0.86f);
    const float side = fabsf(u);
    const float bells = disc(side, v, 0.5f, -0.68f, 0.26f);
    const float feet = box(side, v, 0.5f, 0.78f, 0.1f, 0.18f);
    return most(disc(u, v, 0.0f, 0.08f, 0.82f), most(bells, feet));
}

static float umbrella(float u, float v)
{
    const float dome = 0.96f - synth_length(u, 1.15f * (v - 0.05f));
    const float scallop = synth_fraction((u + 0.96f) / 0.48f) - 0.5f;
    const float rim = 0.1f - 0.5f * (0.25f - scallop * scallop) - v;
    const float stick = least(0.04f - fabsf(u), least(v + 0.95f, 0.8f - v));
    const float r = synth_length(u - 0.13f, v - 0.8f);
    const float hook = v > 0.78f ? 0.04f - fabsf(r - 0.13f) : -1.0f;
    return most(least(dome, rim), most(stick, hook));
}

/* ---- clutter ----------------------------------------------------------------------------------------------------- */

static float pebble(const SynthThing *t, float u, float v)
{
    const float lump = synth_noise(1.4f * u + 7.0f, 1.4f * v + 7.0f, t->seed);
    return 0.98f - 0.4f * lump - synth_length(u, 1.25f * v);
}

static float wedge(const SynthThing *t, float u, float v)
{
    const float wide = 0.5f + 0.4f * t->phase;
    const float side = (wide * (v + 0.9f) * 0.55f - fabsf(u)) * 0.87f;
    return least(side, 0.8f - v);
}

static float hoop(const SynthThing *t, float u, float v)
{
    const float r = synth_length(u, v);
    return least(0.98f - r, r - 0.82f + 0.16f * t->phase);
}

static float cross(const SynthThing *t, float u, float v)
{
    const float thick = 0.14f + 0.14f * t->phase;
    return most(box(u, v, 0.0f, 0.0f, thick, 0.95f), box(u, v, 0.0f, 0.0f, 0.95f, thick));
}

float df_synth_inside(const SynthThing *t, float u, float v)
{
    switch (t->kind) {
    case KITE: return kite(t, u, v);
    case BOTTLE: return bottle(t, u, v);
    case CUP: return cup(t, u, v);
    case BANANA: return banana(t, u, v);
    case APPLE: return apple(u, v);
    case PIZZA: return pizza(t, u, v);
    case DONUT: return donut(t, u, v);
    case CLOCK: return clock_face(t, u, v);
    case UMBRELLA: return umbrella(u, v);
    case PEBBLE: return pebble(t, u, v);
    case BOARD: return box(u, v, 0.0f, 0.0f, 0.18f + 0.4f * t->phase, 0.95f);
    case WEDGE: return wedge(t, u, v);
    case HOOP: return hoop(t, u, v);
    case CROSS: return cross(t, u, v);
    default: return 0.98f - synth_length(u, v);
    }
}
