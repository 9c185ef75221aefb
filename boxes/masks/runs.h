/* SPDX-License-Identifier: Apache-2.0
 *
 * boxes/masks/runs.h -- lists of run lengths in memory that is reused, for evaluations with many masks.
 */
#ifndef DF_BOXES_MASKS_RUNS_H
#define DF_BOXES_MASKS_RUNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/core.h"

DF_BEGIN_DECLS

/* A list that grows. */
typedef struct {
    uint32_t *at;
    size_t n, capacity;
} DfRunList;

/* An edge on a grid five times as fine as pixels, its longer axis ascending. */
typedef struct {
    int32_t x0, y0, x1, y1;
    uint32_t first, last; /* pixel columns that it crosses           */
    bool flat;            /* wider than high, or as wide             */
    double slope, steps;  /* steps: of the longer axis for one of the other, about */
} DfPolygonEdge;

/* What it takes to turn polygons into runs. {0} to begin with. */
typedef struct {
    DfRunList vertices;      /* x, y in fifths of a pixel, as int32 bits */
    DfPolygonEdge *edges;
    size_t n_edges, capacity;
    DfRunList columns, rows; /* rows of the crossings, by column */
    DfRunList one, both;     /* of a part, and of the parts so far */
} DfPolygonRoom;
DF_API void df_polygon_room_done(DfPolygonRoom *);

DF_API bool df_runs_grow(DfRunList *, size_t n); /* makes room for n in all */

DF_API int df_runs_from_text(DfRunList *, const char *text, size_t length);
DF_API int df_runs_merge(DfRunList *out, const DfRunList *a, const DfRunList *b, bool intersect);
DF_API size_t df_runs_text_length(size_t n); /* most bytes that df_runs_to_text writes */
DF_API size_t df_runs_to_text(const uint32_t *runs, size_t n, char *text);

/* What matching wants to know of a mask. */
typedef struct {
    uint32_t box[4]; /* x y w h, modulo 2^32 */
    uint32_t area;
    bool plain;      /* no empty run but the first, and the runs fill the mask exactly */
} DfRunFacts;
DF_API DfRunFacts df_runs_facts(const uint32_t *runs, size_t n, uint32_t height, uint32_t width);

DF_API int df_runs_from_polygon(DfRunList *, DfRunFacts *, DfPolygonRoom *, const double *xy, size_t n_points,
                                uint32_t height, uint32_t width);

/* How the pixels of one picture become those of another: each of its columns is one of the first picture's, its rows
 * are cut out of that column and stretched. */
typedef struct {
    uint32_t height, width;
    const uint32_t *column; /* [width]: which one; UINT32_MAX: an empty one                                   */
    const uint32_t *row;    /* [height of the first + 1], ascending: its rows a to b - 1 are row[a] to row[b] - 1 */
    bool upside_down;       /* and then the lowest is the highest                                             */
} DfRemap;
/* The list as df_mask_encode() makes it. Runs beyond height * width are left out. */
DF_API int df_runs_remap(DfRunList *out, const uint32_t *runs, size_t n, uint32_t height, uint32_t width,
                         const DfRemap *);

/* Pixels of union and intersection, counted as pycocotools counts: it stops where both lists have an empty run at
 * once. */
DF_API void df_runs_count(const uint32_t *a, size_t n_a, const uint32_t *b, size_t n_b, uint32_t *both,
                          uint32_t *either);

DF_END_DECLS

#endif
