/* SPDX-License-Identifier: Apache-2.0
 *
 * report/matrix.h -- private: which class is taken for which, as a matrix and in words.
 */
#ifndef DF_REPORT_MATRIX_H
#define DF_REPORT_MATRIX_H

#include "core/core.h"

/* counts[row][column]: the row is what is there, the column what was said. */
typedef struct {
    size_t n;
    const char *const *names;
    const uint64_t *counts; /* [n][n], or [n + 1][n + 1] */
    bool nothing;           /* then the last row is nothing, the last column not found */
} ReportMatrix;
void df_report_matrix(DfTextbuf *, const ReportMatrix *);

#endif
