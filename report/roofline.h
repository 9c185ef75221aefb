/* SPDX-License-Identifier: Apache-2.0
 *
 * report/roofline.h -- the page of a network under the roofline of a machine: what its modules do for each byte that
 * they move, and how fast, below what arithmetic and memory allow. Included by report/report.h.
 */
#ifndef DF_REPORT_ROOFLINE_H
#define DF_REPORT_ROOFLINE_H

#include "core/core.h"

DF_BEGIN_DECLS

typedef struct {
    const char *name;
    double seconds, flop, bytes; /* of a pass */
} DfRoofModule;

typedef struct {
    const char *title, *about;   /* about: a line of text under it    */
    double peak, bandwidth;      /* FLOP/s, bytes/s; both above 0     */
    const DfRoofModule *module;  /* [n], the last one the whole       */
    size_t n;
} DfRoofline;
DF_API int df_report_roofline(const DfRoofline *, char **out); /* df_free it */

DF_END_DECLS

#endif
