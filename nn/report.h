/* SPDX-License-Identifier: Apache-2.0
 *
 * nn/report.h -- private: writing down what became of a key.
 */
#ifndef DF_NN_REPORT_H
#define DF_NN_REPORT_H

#include "nn/nn.h"

/* Adds `name`, with `more` behind it, to the names of that fate. DF_OK or DF_ENOMEM. */
int nn_report_add(NnReport *, NnFate, const char *name, const char *more);

#endif
