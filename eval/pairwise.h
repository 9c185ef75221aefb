/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/pairwise.h -- private to eval/: sums in numpy's order, so that means agree with numpy's to the last bit.
 */
#ifndef DF_EVAL_PAIRWISE_H
#define DF_EVAL_PAIRWISE_H

#include <stddef.h>

double df_pairwise_sum(const double *x, size_t n); /* numpy.sum of a contiguous float64 array    */
double df_nan_mean(const double *x, size_t n);     /* numpy.nanmean; NAN if every one of n is so; n <= 256 */

#endif
