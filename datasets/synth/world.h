/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/synth/world.h -- private to datasets/synth/: the parts of a scene.
 */
#ifndef DF_DATASETS_SYNTH_WORLD_H
#define DF_DATASETS_SYNTH_WORLD_H

#include "datasets/image/image.h"
#include "datasets/synth/numbers.h"
#include "datasets/synth/synth.h"

/* B G R, 0 to 1. */
typedef struct {
    float c[3];
} SynthColour;

static inline SynthColour synth_blend(SynthColour a, SynthColour b, float t)
{
    for (int i = 0; i < 3; i++)
        a.c[i] = synth_mix(a.c[i], b.c[i], t);
    return a;
}

static inline SynthColour synth_times(SynthColour a, float by)
{
    return (SynthColour){ { a.c[0] * by, a.c[1] * by, a.c[2] * by } };
}

static inline SynthColour synth_rgb(int r, int g, int b)
{
    return (SynthColour){ { (float)b / 255.0f, (float)g / 255.0f, (float)r / 255.0f } };
}

/* ---- grounds ----------------------------------------------------------------------------------------------------- */

typedef enum { SKY, GRASS, SAND, WATER, TILES, WOOD, WALL, GROUNDS } SynthGround;

typedef struct {
    SynthGround kind;
    SynthColour main, second;
    float scale;       /* pixels of a tile, a plank, a blade, at the front */
    float c, s;        /* how it is turned                                 */
    uint32_t seed;
    int style;
} SynthCloth;

SynthCloth df_synth_cloth(DfRandom *, SynthGround, float side);
/* Its colour at x, y of the ground, in pixels at the front; far: 0 at the front, 1 at the horizon, where it is dim. */
SynthColour df_synth_cloth_at(const SynthCloth *, float x, float y, float far);

/* ---- things ------------------------------------------------------------------------------------------------------ */

/* The ten classes, in the order of COCO's ids; then clutter, which is no object. */
typedef enum {
    BALL, KITE, BOTTLE, CUP, BANANA, APPLE, PIZZA, DONUT, CLOCK, UMBRELLA,
    PEBBLE, BOARD, WEDGE, HOOP, DISC, CROSS, KINDS
} SynthKind;

typedef struct {
    SynthKind kind;
    int group;               /* 1 to 255: what is annotated as one; a crowd shares a number */
    bool crowd;
    float x, y, size;        /* centre, and half of its longer side, in pixels              */
    float c, s, squash;      /* how it is turned; how much narrower it is                   */
    SynthColour paint[3];
    int style;
    float phase;             /* 0 to 1, for what varies within a style                      */
    uint32_t seed;
} SynthThing;

/* Of a point in units of `size`: how far inside the border it lies; beyond 1 all things end. */
float df_synth_inside(const SynthThing *, float u, float v);
/* What is seen there: colour, and which way the surface bends, within the unit circle. */
typedef struct {
    SynthColour colour;
    float bend[2];
    float gloss;
} SynthLook;
SynthLook df_synth_look(const SynthThing *, float u, float v);
/* The point of a picture in the thing's own units. */
static inline void synth_own(const SynthThing *t, float x, float y, float *u, float *v)
{
    const float dx = (x - t->x) / t->size;
    const float dy = (y - t->y) / t->size;
    *u = (t->c * dx + t->s * dy) / t->squash;
    *v = t->c * dy - t->s * dx;
}
/* paint[] and style of a thing whose kind and seed are set. */
void df_synth_dress(DfRandom *, SynthThing *);
SynthColour df_synth_any_colour(DfRandom *);

/* ---- scenes ------------------------------------------------------------------------------------------------------ */

enum { SYNTH_ITEMS = 160 };
typedef struct {
    int height, width;
    float light[2];              /* towards the light, shorter than 1     */
    float horizon;               /* row; below 0: seen from above         */
    bool outdoors;
    SynthCloth back, front;
    uint32_t seed;
    int n;
    SynthThing things[SYNTH_ITEMS]; /* the nearest first */
    float exposure, tint[3], grain;
    int blur, motion;            /* pixels to each side */
} SynthScene;
/* What a picture is made of, as far as it can be told without drawing. */
void df_synth_scene(SynthScene *, DfRandom *, const DfSynth *);

/* ---- drawn ------------------------------------------------------------------------------------------------------- */

typedef struct {
    DfImage picture, classes;    /* BGR; one channel                       */
    uint8_t *group;              /* whose pixel it is; 0: nobody's         */
    SynthThing of[256];          /* the thing of each group                */
    int pixels[256];             /* of each group                          */
} SynthDrawn;
int df_synth_draw(SynthDrawn *, SynthScene *);
void df_synth_drawn_free(SynthDrawn *);
/* camera.c: colours[height][width] through a camera into bytes. `room` is as large. */
void df_synth_photograph(DfImage *, SynthColour *colours, SynthColour *room, const SynthScene *);

/* ---- labelled ---------------------------------------------------------------------------------------------------- */

int df_synth_category(SynthKind); /* its id in COCO's files */
/* The objects of a picture as COCO annotations, each after ",\n" but the first of the file. */
int df_synth_annotate(DfTextbuf *, const SynthDrawn *, int number);

#endif
