/* SPDX-License-Identifier: Apache-2.0
 *
 * core/log.c -- the log, one sink for the whole process.
 */
#include "core/log.h"

#include <stdarg.h>
#include <stdio.h>

#include "core/plain.h"
#include "core/text.h"

static DfLogSink *sink;
static void *sink_user;

void df_log_to(DfLogSink *to, void *user)
{
    sink = to;
    sink_user = user;
}

void df_log(DfLogLevel level, const char *format, ...)
{
    if (!sink)
        return;
    char line[1024];
    char shown[1024];
    va_list args;
    va_start(args, format);
    df_vsnprintf(line, sizeof line, format, args);
    va_end(args);
    sink(sink_user, level, df_shown(shown, sizeof shown, line));
}
