/* SPDX-License-Identifier: Apache-2.0
 *
 * core/log.h -- messages of the library. It never prints; the program sets a sink that receives the messages.
 */
#ifndef DF_CORE_LOG_H
#define DF_CORE_LOG_H

#include <stdbool.h>
#include <stddef.h>

#include "core/api.h"
#include "core/error.h"

DF_BEGIN_DECLS

typedef enum { DF_LOG_INFO, DF_LOG_WARNING } DfLogLevel;

/* Receives one line without the newline; unprintable characters are escaped (core/text.h). NULL (the default) drops all
 * messages. */
typedef void DfLogSink(void *user, DfLogLevel level, const char *line);
DF_API void df_log_to(DfLogSink *sink, void *user);
DF_API void df_log(DfLogLevel level, const char *format, ...) DF_PRINTF(2, 3);

DF_END_DECLS

#endif
