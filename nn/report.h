/* SPDX-License-Identifier: Apache-2.0
 *
 * nn/report.h -- private: records what happened to a key.
 */
#ifndef DF_NN_REPORT_H
#define DF_NN_REPORT_H

#include "nn/nn.h"

/* Adds `name`, followed by `more`, to the names with this fate. DF_OK or DF_ENOMEM. */
int nn_report_add(NnReport *, NnFate, const char *name, const char *more);

#endif
