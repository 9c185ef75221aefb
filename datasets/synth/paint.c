/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/synth/paint.c -- renders a scene from front to back: every pixel records how much of it is covered and how
 * much light the objects before it absorb, so nothing is painted twice. A pixel belongs to the first object that
 * covers half of it: the labels are those of what is visible.
 */
#include "datasets/synth/world.h"

#include <string.h>

enum { CLUTTER = GROUNDS };

typedef struct {
    SynthScene *scene;
    SynthDrawn *out;
    SynthColour *colour;        /* [height][width] */
    float *covered, *light;
} Canvas;

typedef struct {
    int x1, y1, x2, y2;         /* x2 and y2 are outside */
} Reach;

static int within(float v, int most)
{
    const int i = synth_floor(v);
    return i < 0 ? 0 : i > most ? most : i;
}

/* All that is less than 1.05 times its size away, moved by dx, dy. */
static Reach reach(const SynthScene *scene, const SynthThing *t, float dx, float dy)
{
    const float far = 1.05f * 1.42f * t->size + 1.0f;
    return (Reach){ within(t->x + dx - far, scene->width), within(t->y + dy - far, scene->height),
                    within(t->x + dx + far + 1.0f, scene->width), within(t->y + dy + far + 1.0f, scene->height) };
}

static float cover(const SynthThing *t, float x, float y)
{
    float u, v;
    synth_own(t, x, y, &u, &v);
    if (fabsf(u) > 1.05f || fabsf(v) > 1.05f)
        return 0.0f;
    return synth_clamp(df_synth_inside(t, u, v) * t->size * t->squash + 0.5f, 0.0f, 1.0f);
}

/* How many of its pixels are still free, and how many it has in and beside the picture. */
static void look_for_room(const Canvas *p, const SynthThing *t, int *free, int *all)
{
    const int far = (int)(1.5f * t->size) + 2;
    const int width = p->scene->width;
    const int step = t->size > 24.0f ? 2 : 1;
    *free = *all = 0;
    for (int y = (int)t->y - far; y < (int)t->y + far; y += step)
        for (int x = (int)t->x - far; x < (int)t->x + far; x += step) {
            if (cover(t, (float)x + 0.5f, (float)y + 0.5f) < 0.5f)
                continue;
            ++*all;
            if (x >= 0 && y >= 0 && x < width && y < p->scene->height)
                *free += p->covered[(size_t)y * (size_t)width + (size_t)x] < 0.5f;
        }
    *free *= step * step;
    *all *= step * step;
}

/* A surface that faces the light is brighter; the bend is turned as the thing is. */
static SynthColour lit(const Canvas *p, const SynthThing *t, SynthLook look)
{
    const float *light = p->scene->light;
    const float x = t->c * look.bend[0] - t->s * look.bend[1];
    const float y = t->s * look.bend[0] + t->c * look.bend[1];
    const float flat = x * x + y * y;
    const float z = sqrtf(flat < 1.0f ? 1.0f - flat : 0.0f);
    const float up = sqrtf(1.0f - light[0] * light[0] - light[1] * light[1]);
    const float facing = synth_clamp(x * light[0] + y * light[1] + z * up, -0.2f, 1.0f);
    float shine = synth_clamp(0.75f * (x * light[0] + y * light[1]) + z * (0.25f + 0.75f * up), 0.0f, 1.0f);
    shine *= shine;
    shine *= shine;
    shine *= shine;
    const SynthColour colour = synth_times(look.colour, 0.45f + 0.75f * facing);
    return synth_blend(colour, synth_rgb(255, 252, 245), look.gloss * shine * shine);
}

static void paint_thing(Canvas *p, const SynthThing *t)
{
    const Reach r = reach(p->scene, t, 0.0f, 0.0f);
    for (int y = r.y1; y < r.y2; y++)
        for (int x = r.x1; x < r.x2; x++) {
            const size_t at = (size_t)y * (size_t)p->scene->width + (size_t)x;
            if (p->covered[at] > 0.999f)
                continue;
            const float part = cover(t, (float)x + 0.5f, (float)y + 0.5f);
            if (part <= 0.0f)
                continue;
            float u, v;
            synth_own(t, (float)x + 0.5f, (float)y + 0.5f, &u, &v);
            const float share = part * (1.0f - p->covered[at]);
            const SynthColour colour = synth_times(lit(p, t, df_synth_look(t, u, v)), p->light[at]);
            for (int i = 0; i < 3; i++)
                p->colour[at].c[i] += share * colour.c[i];
            p->covered[at] += share;
            if (part >= 0.5f && !p->out->group[at])
                p->out->group[at] = (uint8_t)t->group;
        }
}

/* Soft at the rim, and on the side away from the light. */
static void cast_shadow(Canvas *p, const SynthThing *t)
{
    const float dx = -0.3f * t->size * p->scene->light[0];
    const float dy = -0.3f * t->size * p->scene->light[1];
    const Reach r = reach(p->scene, t, dx, dy);
    for (int y = r.y1; y < r.y2; y++)
        for (int x = r.x1; x < r.x2; x++) {
            const size_t at = (size_t)y * (size_t)p->scene->width + (size_t)x;
            float u, v;
            if (p->covered[at] > 0.999f)
                continue;
            synth_own(t, (float)x + 0.5f - dx, (float)y + 0.5f - dy, &u, &v);
            if (fabsf(u) < 1.2f && fabsf(v) < 1.2f)
                p->light[at] *= 1.0f - 0.5f * synth_step(-0.1f, 0.14f, df_synth_inside(t, u, v));
        }
}

/* ---- the ground -------------------------------------------------------------------------------------------------- */

static SynthColour ground_at(const SynthScene *scene, int x, int y, bool front)
{
    const float fx = (float)x - 0.5f * (float)scene->width;
    if (!front)
        return df_synth_cloth_at(&scene->back, fx, scene->horizon - (float)y, 0.0f);
    if (scene->horizon <= 0.0f)
        return df_synth_cloth_at(&scene->front, fx, (float)y, 0.0f);
    const float below = ((float)y + 1.5f - scene->horizon) / ((float)scene->height - scene->horizon);
    const float deep = 1.0f / (0.18f + 0.82f * synth_clamp(below, 0.0f, 1.0f));
    return df_synth_cloth_at(&scene->front, fx * deep, (float)scene->height * 0.9f * deep,
                          synth_clamp(0.28f * (deep - 2.2f), 0.0f, 0.9f));
}

static void paint_ground(Canvas *p)
{
    const SynthScene *scene = p->scene;
    for (int x = 0; x < scene->width; x++) {
        /* Meadows are no lines: their horizon is a little uneven. */
        const bool uneven = scene->outdoors && scene->front.kind != WATER;
        const float hill =
            uneven ? 0.08f * (float)scene->height * (synth_noise((float)x / 60.0f, 0.0f, scene->seed) - 0.5f) : 0.0f;
        const int edge = scene->horizon > 0.0f ? synth_floor(scene->horizon + hill) : 0;
        for (int y = 0; y < scene->height; y++) {
            const size_t at = (size_t)y * (size_t)scene->width + (size_t)x;
            const bool front = y >= edge;
            const SynthGround kind = front ? scene->front.kind : scene->back.kind;
            p->out->classes.pixels[at] = (uint8_t)kind;
            const float share = 1.0f - p->covered[at];
            if (share < 0.001f)
                continue;
            SynthColour colour = ground_at(scene, x, y, front);
            if (kind != SKY)
                colour = synth_times(colour, p->light[at]);
            for (int i = 0; i < 3; i++)
                p->colour[at].c[i] += share * colour.c[i];
        }
    }
}

/* ---- the whole --------------------------------------------------------------------------------------------------- */

/* What is hardly seen is left out: nobody could name it. */
static void paint_things(Canvas *p)
{
    for (int i = 0; i < p->scene->n; i++) {
        const SynthThing *t = &p->scene->things[i];
        int free, all;
        look_for_room(p, t, &free, &all);
        if (free < 24 || 10 * free < 4 * all)
            continue;
        p->out->of[t->group] = *t;
        paint_thing(p, t);
        cast_shadow(p, t);
    }
}

static void name_pixels(SynthDrawn *out)
{
    const size_t n = df_image_bytes(&out->classes);
    for (size_t i = 0; i < n; i++) {
        const int group = out->group[i];
        const SynthKind kind = out->of[group].kind;
        out->pixels[group]++;
        if (group)
            out->classes.pixels[i] = (uint8_t)(kind < PEBBLE ? CLUTTER + 1 + (int)kind : CLUTTER);
    }
}

static int make_room(Canvas *p, SynthColour **room)
{
    const size_t n = (size_t)p->scene->height * (size_t)p->scene->width;
    p->colour = df_calloc(n, sizeof *p->colour);
    p->covered = df_calloc(n, sizeof *p->covered);
    p->light = df_malloc(n * sizeof *p->light);
    p->out->group = df_calloc(n, 1);
    *room = df_malloc(n * sizeof **room);
    if (!p->colour || !p->covered || !p->light || !p->out->group || !*room)
        return df_fail_memory("a picture");
    for (size_t i = 0; i < n; i++)
        p->light[i] = 1.0f;
    const int error = df_image_new(&p->out->picture, p->scene->height, p->scene->width, 3);
    return error == DF_OK ? df_image_new(&p->out->classes, p->scene->height, p->scene->width, 1) : error;
}

int df_synth_draw(SynthDrawn *out, SynthScene *scene)
{
    Canvas p = { .scene = scene, .out = out };
    SynthColour *room;
    memset(out, 0, sizeof *out);
    const int error = make_room(&p, &room);
    if (error == DF_OK) {
        paint_things(&p);
        paint_ground(&p);
        name_pixels(out);
        df_synth_photograph(&out->picture, p.colour, room, scene);
    }
    df_free(p.colour);
    df_free(p.covered);
    df_free(p.light);
    df_free(room);
    return error;
}

void df_synth_drawn_free(SynthDrawn *out)
{
    df_image_free(&out->picture);
    df_image_free(&out->classes);
    df_free(out->group);
    out->group = NULL;
}
