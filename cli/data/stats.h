/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/data/stats.h -- private: the counts of deformer data stats (stats.c), and printing them (stats_text.c).
 */
#ifndef DF_CLI_DATA_STATS_H
#define DF_CLI_DATA_STATS_H

#include "cli/data/data.h"

enum { SMALL, MEDIUM, LARGE, SIZES }; /* COCO's, by area */

/* Numbers, sorted once all are counted. */
typedef struct {
    double *at;
    size_t n;
} Numbers;

typedef struct {
    size_t objects, pictures, crowds, size[SIZES];
    double area;              /* the sum */
} OfClass;

typedef struct {
    const DfLabelled *set;
    OfClass *class;           /* [classes]                                                     */
    OfClass all;
    size_t empty, polygons, runs, keypoints, ignored;
    size_t without_size;      /* boxes without width or height                                 */
    size_t beyond;            /* boxes that reach beyond their picture                         */
    size_t twins;             /* objects that have the class and the box of one before         */
    size_t crowded;           /* objects whose box has an IoU of 0.5 with another one's        */
    size_t same_names;        /* pictures with the name of one before                          */
    size_t same_files;        /* pictures whose file has the bytes of one before               */
    size_t missing;           /* pictures whose file is not there                              */
    bool looked;              /* for files                                                     */
    Numbers area, width, height, aspect, per_picture, picture_width, picture_height;
} Stats;

/* As a table on standard output; as JSON, where --json says. `path`: of the dataset. */
void cli_stats_print(const Stats *, const char *path);
int cli_stats_write(const Stats *, const char *path);

#endif
