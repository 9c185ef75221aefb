/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/masks/runs.h -- private to eval/: runs in rooms that are used again and again, for evaluations with many masks.
 */
#ifndef DF_EVAL_MASKS_RUNS_H
#define DF_EVAL_MASKS_RUNS_H

#include "eval/masks/mask.h"

/* A list that grows. */
typedef struct {
    uint32_t *at;
    size_t n, capacity;
} Runs;

/* An edge on a grid five times as fine as pixels, its longer axis ascending. */
typedef struct {
    int32_t x0, y0, x1, y1;
    uint32_t first, last; /* pixel columns that it crosses           */
    bool flat;            /* wider than high, or as wide             */
    double slope, steps;  /* steps: of the longer axis for one of the other, about */
} PolygonEdge;

/* What it takes to turn polygons into runs. {0} to begin with. */
typedef struct {
    Runs vertices;      /* x, y in fifths of a pixel, as int32 bits */
    PolygonEdge *edges;
    size_t n_edges, capacity;
    Runs columns, rows; /* rows of the crossings, by column */
    Runs one, both;     /* of a part, and of the parts so far */
} PolygonRoom;
void df_polygon_room_done(PolygonRoom *);

bool df_runs_grow(Runs *, size_t n); /* makes room for n in all */

int df_runs_from_text(Runs *, const char *text, size_t length);
int df_runs_merge(Runs *out, const Runs *a, const Runs *b, bool intersect);
size_t df_runs_text_length(size_t n); /* most bytes that df_runs_to_text writes */
size_t df_runs_to_text(const uint32_t *runs, size_t n, char *text);

/* What matching wants to know of a mask. */
typedef struct {
    uint32_t box[4]; /* x y w h, modulo 2^32 */
    uint32_t area;
    bool plain;      /* no empty run but the first, and the runs fill the mask exactly */
} RunsFacts;
RunsFacts df_runs_facts(const uint32_t *runs, size_t n, uint32_t height, uint32_t width);

int df_runs_from_polygon(Runs *, RunsFacts *, PolygonRoom *, const double *xy, size_t n_points, uint32_t height, uint32_t width);

/* Pixels of union and intersection, counted as pycocotools counts: it stops where both lists have an empty run at once. */
void df_runs_count(const uint32_t *a, size_t n_a, const uint32_t *b, size_t n_b, uint32_t *both, uint32_t *either);

#endif
