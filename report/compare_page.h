/* SPDX-License-Identifier: Apache-2.0
 *
 * report/compare_page.h -- the page that shows results side by side: scores with intervals, classes, and what changed
 * image by image. Included by report/report.h.
 */
#ifndef DF_REPORT_COMPARE_PAGE_H
#define DF_REPORT_COMPARE_PAGE_H

#include "eval/eval.h"

DF_BEGIN_DECLS

/* All of the same results in the same order; the first one is what the others are held against. */
typedef struct {
    const char *title;
    const struct DfCompare *compare;
    size_t n;                                   /* results                                                    */
    struct DfExplain *const *explained;         /* [n], of the same ground truth; NULL: these are no detections */
    const struct DfImageScores *const *images;  /* [n], of DF_IMAGES_MIOU; NULL: these are none                 */
} DfComparePage;
DF_API int df_report_compare(const DfComparePage *, char **out); /* df_free it */

DF_END_DECLS

#endif
