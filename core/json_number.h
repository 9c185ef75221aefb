/* SPDX-License-Identifier: Apache-2.0
 *
 * core/json_number.h -- private to core/: one JSON number, correctly rounded.
 */
#ifndef DF_CORE_JSON_NUMBER_H
#define DF_CORE_JSON_NUMBER_H

#include <stdbool.h>

#include "core/json.h"

/* How many bytes may be looked at from any byte of a number on: so many must be readable behind the last one of a text. */
enum { DF_JSON_NUMBER_REACH = 8 };

/* Fast ways for what lists are full of: numbers of at most seven characters and no exponent, followed by a comma or a bracket. They return
 * what follows the number at p, or NULL if it is of another kind, or none. */
const unsigned char *df_json_short_number(const unsigned char *p, double *value);
const unsigned char *df_json_skip_short_number(const unsigned char *p);

/* Reads the number at *p, which must be followed by some byte that belongs to no number, and moves *p to where reading stopped:
 * behind it, or at the byte that makes it malformed (false). Fills number, integer and is_integer; NULL only passes over it. */
bool df_json_number(const unsigned char **p, DfJsonValue *value);

#endif
