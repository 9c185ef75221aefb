/* SPDX-License-Identifier: Apache-2.0
 *
 * config/arith.h -- private to config/: the operators of config files.
 */
#ifndef DF_CONFIG_ARITH_H
#define DF_CONFIG_ARITH_H

#include "config/tree.h"

/* a OP b for OP of + - * / // % **, as Python computes it; the result has the place of `a`. Both are used up. */
DfNode *df_arith(DfConfig *, const char *op, DfNode *a, DfNode *b);

/* -a; `a` is used up. */
DfNode *df_arith_negative(DfNode *a);

#endif
