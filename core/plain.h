/* SPDX-License-Identifier: Apache-2.0
 *
 * core/plain.h -- reads and prints numbers with a decimal point in every locale. The C functions of the same names
 * follow the locale that the program has set by setlocale(), which may use a comma: "0,5".
 */
#ifndef DF_CORE_PLAIN_H
#define DF_CORE_PLAIN_H

#include <stdarg.h>
#include <stddef.h>

#include "core/api.h"
#include "core/error.h"

DF_BEGIN_DECLS

DF_API int df_snprintf(char *out, size_t size, const char *format, ...) DF_PRINTF(3, 4);
DF_API int df_vsnprintf(char *out, size_t size, const char *format, va_list) DF_PRINTF(3, 0);
DF_API double df_strtod(const char *text, char **end);

#if defined(__GNUC__)
__attribute__((format(scanf, 2, 3)))
#endif
DF_API int df_sscanf(const char *text, const char *format, ...);

DF_END_DECLS

#endif
