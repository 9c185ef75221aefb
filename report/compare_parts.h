/* SPDX-License-Identifier: Apache-2.0
 *
 * report/compare_parts.h -- private: sections of the page that shows results side by side.
 */
#ifndef DF_REPORT_COMPARE_PARTS_H
#define DF_REPORT_COMPARE_PARTS_H

#include "report/compare_page.h"
#include "report/explain_parts.h"

/* What changed from the first result to this one, image by image. */
int df_report_changes(ReportPage *, const DfComparePage *, size_t result);
int df_report_image_changes(ReportPage *, const DfComparePage *, size_t result);

#endif
