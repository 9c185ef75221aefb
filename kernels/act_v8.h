/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/act_v8.h -- private to the *_v8.c files: the activations of eight floats at a time.
 */
#ifndef DF_KERNELS_ACT_V8_H
#define DF_KERNELS_ACT_V8_H

#include "kernels/act_c.h"
#include "kernels/vector.h"

#define WIDE 8
#include "kernels/act_wide.h"
#undef WIDE

#endif
