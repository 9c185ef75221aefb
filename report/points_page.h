/* SPDX-License-Identifier: Apache-2.0
 *
 * report/points_page.h -- the page in which a pointer over a picture shows which points this place reads. It has a
 * script of its own and loads nothing; numbers are whole, so that a page stays small. Included by
 * report/report.h: include that.
 */
#ifndef DF_REPORT_POINTS_PAGE_H
#define DF_REPORT_POINTS_PAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/core.h"

DF_BEGIN_DECLS

/* What the page has of one attention layer: n of its queries; of each head of a query `kept` points, those of the
 * first level first, or the heaviest if the head has more. */
typedef struct {
    const char *name;
    bool answers;                /* detections come from its queries                    */
    int queries;                 /* of the layer                                        */
    int heads, levels, points;   /* points of a head and level                          */
    int n, kept;
    int *id;                     /* n: which queries                                    */
    uint16_t *at;                /* n 2: where they stand, as df_page_place()           */
    uint16_t *read;              /* n heads kept 3: x, y, as df_page_place(), and weight */
} DfPointsLayerPage;

typedef struct {
    const char *name;            /* of its class                                        */
    float score, box[4];         /* pixels of the picture                               */
    int query;                   /* that it came from, in layers with answers           */
} DfPointsDetection;

typedef struct {
    const char *title;
    const char *picture;         /* a data: URI                                         */
    int width, height;           /* of the original picture                             */
    const DfPointsLayerPage *layers;
    int n_layers;
    const DfPointsDetection *detections;
    int n_detections;
} DfPointsPage;

/* A coordinate in a picture of `size` pixels, from half a picture before it (0) to half a picture behind it (65535):
 * within size / 65535 of x. Beyond that it is the nearest of both; NaN is 0. */
DF_API uint16_t df_page_place(float x, int size);
/* A weight from 0 to 1 as 0 to 65535, NaN as 0. */
DF_API uint16_t df_page_weight(float weight);

DF_API int df_report_points(const DfPointsPage *, char **out); /* df_free it */

DF_END_DECLS

#endif
