/* SPDX-License-Identifier: Apache-2.0
 *
 * core/log.h -- messages and progress on their way out of the library, which itself never prints: the program sets a
 * sink.
 */
#ifndef DF_CORE_LOG_H
#define DF_CORE_LOG_H

#include <stdbool.h>
#include <stddef.h>

#include "core/api.h"
#include "core/error.h"

DF_BEGIN_DECLS

typedef enum { DF_LOG_INFO, DF_LOG_WARNING } DfLogLevel;

/* Receives one finished line without the newline, all of it visible (core/text.h). NULL (the default) drops
 * everything. */
typedef void DfLogSink(void *user, DfLogLevel level, const char *line);
DF_API void df_log_to(DfLogSink *sink, void *user);
DF_API void df_log(DfLogLevel level, const char *format, ...) DF_PRINTF(2, 3);

DF_END_DECLS

#endif
