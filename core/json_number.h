/* SPDX-License-Identifier: Apache-2.0
 *
 * core/json_number.h -- private to core/: one JSON number, correctly rounded.
 */
#ifndef DF_CORE_JSON_NUMBER_H
#define DF_CORE_JSON_NUMBER_H

#include <stdbool.h>

#include "core/json.h"

/* Reads the number at *p, which must be followed by some byte that belongs to no number, and moves *p to where reading stopped:
 * behind it, or at the byte that makes it malformed (false). Fills number, integer and is_integer; NULL only passes over it. */
bool df_json_number(const unsigned char **p, DfJsonValue *value);

#endif
