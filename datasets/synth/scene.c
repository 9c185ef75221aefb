/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/synth/scene.c -- places the objects of a scene. A scene has a horizon, and objects further up are further
 * away and smaller; or it is seen from above, and sizes do not depend on position.
 */
#include "datasets/synth/world.h"

enum { LEAST_HEIGHT = 208, MOST_HEIGHT = 304, LEAST_WIDTH = 256, MOST_WIDTH = 384 };

static int pick_size(DfRandom *random, int least, int most)
{
    return least + synth_choice(random, most - least + 1);
}

static void choose_size(SynthScene *scene, DfRandom *random, const DfSynth *o)
{
    if (o->least[0] > 0) {
        scene->height = pick_size(random, o->least[0], o->most[0]);
        scene->width = pick_size(random, o->least[1], o->most[1]);
    } else {
        scene->height = pick_size(random, LEAST_HEIGHT, MOST_HEIGHT);
        scene->width = pick_size(random, LEAST_WIDTH, MOST_WIDTH);
    }
}

static void choose_place(SynthScene *scene, DfRandom *random, float side)
{
    static const SynthGround outside[] = { GRASS, SAND, WATER, GRASS };
    static const SynthGround inside[] = { WOOD, TILES, WOOD, SAND };
    static const SynthGround above[] = { GRASS, SAND, TILES, WOOD, WATER, TILES, WOOD };
    const int place = synth_choice(random, 3);
    scene->horizon = (float)scene->height * synth_between(random, 0.15f, 0.5f);
    scene->outdoors = place == 0;
    SynthGround back = SKY;
    SynthGround front = outside[synth_choice(random, 4)];
    if (place == 1) {
        back = synth_chance(random, 0.75f) ? WALL : TILES;
        front = inside[synth_choice(random, back == WALL ? 4 : 1)];
    } else if (place == 2) {
        scene->horizon = -1.0f;
        front = above[synth_choice(random, 7)];
    }
    scene->back = df_synth_cloth(random, back, side);
    scene->front = df_synth_cloth(random, front, side);
}

static void choose_light(SynthScene *scene, DfRandom *random)
{
    float c, s;
    synth_direction(synth_between(random, 0.55f, 0.95f), &c, &s); /* from above, left or right */
    const float low = synth_between(random, 0.45f, 0.9f);
    scene->light[0] = low * c;
    scene->light[1] = low * s;
    scene->exposure =
        synth_chance(random, 0.15f) ? synth_between(random, 0.45f, 0.7f) : synth_between(random, 0.85f, 1.2f);
    for (int i = 0; i < 3; i++)
        scene->tint[i] = synth_between(random, 0.94f, 1.06f);
    scene->grain = synth_between(random, 0.005f, 0.035f);
    scene->blur = synth_chance(random, 0.2f) ? 1 : 0;
    scene->motion = synth_chance(random, 0.1f) ? 1 + synth_choice(random, 3) : 0;
}

/* ---- things ------------------------------------------------------------------------------------------------------ */

/* Half its longer side: small ones are more frequent than large ones. */
static float any_size(DfRandom *random, float side)
{
    const float t = (float)df_uniform(random);
    return side * (0.028f + 0.36f * t * t * t + 0.06f * t);
}

static void turn(SynthThing *t, DfRandom *random, bool upright)
{
    float turns = upright ? synth_between(random, -0.04f, 0.04f) : (float)df_uniform(random);
    synth_direction(turns, &t->c, &t->s);
    t->squash = synth_between(random, 0.78f, 1.0f);
}

static bool stands(SynthKind kind)
{
    return kind == BOTTLE || kind == CUP || kind == CLOCK || kind == APPLE || kind == UMBRELLA;
}

static void put(SynthScene *scene, SynthThing *t, DfRandom *random, float side)
{
    const float height = (float)scene->height;
    t->x = synth_between(random, 0.0f, (float)scene->width);
    t->y = synth_between(random, 0.0f, height);
    t->size = any_size(random, side);
    if (scene->horizon > 0.0f && synth_chance(random, 0.85f)) { /* stands on the ground */
        const float near = (float)df_uniform(random);
        t->y = synth_mix(scene->horizon, height, near);
        t->size = side * (0.03f + 0.2f * near) * synth_between(random, 0.5f, 1.5f);
        t->y -= 0.5f * t->size;
    }
    if (t->size < 5.5f)
        t->size = 5.5f;
    turn(t, random, scene->horizon > 0.0f && stands(t->kind) && synth_chance(random, 0.8f));
}

/* Beside or before another one, which it covers in part. */
static void put_near(SynthThing *t, const SynthThing *other, DfRandom *random)
{
    float c, s;
    synth_direction((float)df_uniform(random), &c, &s);
    t->size = other->size * synth_between(random, 0.6f, 1.3f);
    const float off = synth_between(random, 0.4f, 0.9f) * (t->size + other->size);
    t->x = other->x + c * off;
    t->y = other->y + 0.6f * s * off;
}

static SynthThing *add(SynthScene *scene, DfRandom *random, SynthKind kind, int group)
{
    SynthThing *t = &scene->things[scene->n++];
    *t = (SynthThing){ .kind = kind, .group = group };
    df_synth_dress(random, t);
    return t;
}

/* Many of one kind in a heap. */
static void heap(SynthScene *scene, DfRandom *random, int group, float side)
{
    const SynthKind kind = (SynthKind)synth_choice(random, DF_SYNTH_THINGS);
    const int n = 12 + synth_choice(random, 20);
    const float size = side * synth_between(random, 0.03f, 0.055f);
    const float x = synth_between(random, 0.1f, 0.9f) * (float)scene->width;
    const float y = synth_between(random, 0.35f, 0.9f) * (float)scene->height;
    for (int i = 0; i < n && scene->n < SYNTH_ITEMS; i++) {
        SynthThing *t = add(scene, random, kind, group);
        float c, s;
        synth_direction((float)df_uniform(random), &c, &s);
        const float off = size * 0.95f * sqrtf((float)n * (float)df_uniform(random));
        t->crowd = true;
        t->x = x + 1.3f * off * c;
        t->y = y + 0.7f * off * s;
        t->size = size * synth_between(random, 0.8f, 1.2f);
        t->size = t->size < 5.0f ? 5.0f : t->size;
        turn(t, random, false);
    }
}

static float nearness(const SynthThing *t)
{
    return t->y + t->size;
}

/* The nearest first; equal ones stay in order. */
static void sort_things(SynthScene *scene)
{
    for (int i = 1; i < scene->n; i++) {
        const SynthThing t = scene->things[i];
        int k = i;
        for (; k > 0 && nearness(&scene->things[k - 1]) < nearness(&t); k--)
            scene->things[k] = scene->things[k - 1];
        scene->things[k] = t;
    }
}

void df_synth_scene(SynthScene *scene, DfRandom *random, const DfSynth *o)
{
    *scene = (SynthScene){ .n = 0 };
    choose_size(scene, random, o);
    const float side = (float)(scene->height < scene->width ? scene->height : scene->width);
    choose_place(scene, random, side);
    choose_light(scene, random);
    scene->seed = (uint32_t)df_random_bits(random);
    int group = 1;
    if (synth_chance(random, 0.15f))
        heap(scene, random, group++, side);
    const int things = 4 + synth_choice(random, 11);
    for (int i = 0; i < things; i++) {
        SynthThing *t = add(scene, random, (SynthKind)synth_choice(random, DF_SYNTH_THINGS), group++);
        put(scene, t, random, side);
        if (i > 0 && synth_chance(random, 0.4f))
            put_near(t, t - 1, random);
    }
    const int clutter = 1 + synth_choice(random, 6);
    for (int i = 0; i < clutter; i++) {
        SynthThing *t = add(scene, random, (SynthKind)(PEBBLE + synth_choice(random, KINDS - PEBBLE)), group++);
        put(scene, t, random, side);
    }
    sort_things(scene);
}
