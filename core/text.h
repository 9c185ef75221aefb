/* SPDX-License-Identifier: Apache-2.0
 *
 * core/text.h -- small helpers for names and messages.
 */
#ifndef DF_CORE_TEXT_H
#define DF_CORE_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "core/api.h"

DF_BEGIN_DECLS

DF_API bool df_starts_with(const char *text, const char *prefix);
DF_API bool df_ends_with(const char *text, const char *suffix);

/* The value of a digit of a base up to 16, letters in either case; 16 for any other character. */
DF_API int df_digit_value(char);

/* The candidate (of n, NULL entries skipped) nearest to `name`, or NULL if none is near enough to be meant. */
DF_API const char *df_nearest_name(const char *name, const char *const *candidates, size_t n);

DF_END_DECLS

#endif
