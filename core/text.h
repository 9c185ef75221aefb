/* SPDX-License-Identifier: Apache-2.0
 *
 * core/text.h -- small functions for names and messages.
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

/* ---- texts from elsewhere ---------------------------------------------------------------------------------------- */

/* A name of a file, a class or a run may hold anything, and is printed through these alone: control characters and
 * marks that change the direction or the line become visible ("\x1b", "\n", "\u009b", "\u202e"), and so do bytes
 * that are not UTF-8 ("\xff"). What is shown stays the same when it is shown again. */
enum { DF_SHOWN_PIECE = 8 };
/* The next character of *at as it is shown, into `to`, and behind it; its length in bytes, 0 at the end. */
DF_API size_t df_shown_next(char to[DF_SHOWN_PIECE], const char **at);
DF_API size_t df_shown_length(const char *text);
/* As much as there is room for, whole characters; returns `to`. */
DF_API char *df_shown(char *to, size_t room, const char *text);

/* Is the text of a file in UTF-8, as what is written of it will be? DF_EFORMAT with `name` and the line, for a zero
 * byte and for the first byte that is none. */
DF_API int df_text_check(const char *text, size_t size, const char *name);

/* The candidate (of n, NULL entries skipped) nearest to `name`, or NULL if none is near enough to be meant. */
DF_API const char *df_nearest_name(const char *name, const char *const *candidates, size_t n);

DF_END_DECLS

#endif
