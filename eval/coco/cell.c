/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/coco/cell.c -- the matching of one image and class alone, for callers that want to see which object was found.
 */
#include <math.h>

#include "eval/matcher.h"

/* Objects as the caller describes them; none lies outside of the only range. */
static void describe(Matcher *m, const uint8_t *ignored, const uint8_t *crowd)
{
    for (size_t g = 0; g < m->n; g++) {
        df_matcher_object(m, g, 0, false, false);
        m->crowd[g] = crowd[g];
        m->ignored[g] = ignored[g];
    }
}

int df_coco_match_cell(const DfCocoCell *cell, uint32_t *found)
{
    const DfAreaRange everything = { "", -INFINITY, INFINITY };
    const DfCocoParams p = { .n_ious = cell->n_ious, .ious = cell->ious, .n_areas = 1, .areas = &everything };
    const size_t n = cell->n_objects;
    void *memory = df_malloc(df_matcher_bytes(&p, n));
    uint8_t *outcome = df_malloc(p.n_ious);
    uint32_t *row = df_malloc(p.n_ious * sizeof *row);
    int error = memory && outcome && row ? DF_OK : df_fail_memory("matching");
    if (error == DF_OK) {
        Matcher m = df_matcher_begin(&p, n, memory);
        m.found = row;
        describe(&m, cell->ignored, cell->crowd);
        for (size_t d = 0; d < cell->n_detections; d++) {
            for (size_t g = 0; g < n; g++)
                m.overlap[g] = cell->overlaps[d * n + g];
            df_matcher_detection(&m, 0, outcome);
            for (size_t t = 0; t < p.n_ious; t++)
                found[t * cell->n_detections + d] = row[t];
        }
    }
    df_free(memory);
    df_free(outcome);
    df_free(row);
    return error;
}
