/* SPDX-License-Identifier: Apache-2.0
 *
 * core/error.c -- the error sentence, one for each thread.
 */
#include "core/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/plain.h"
#include "core/text.h"

enum { SENTENCE = 1024 };

static _Thread_local char sentence[SENTENCE];

int df_fail(int code, const char *format, ...)
{
    char next[SENTENCE]; /* the arguments may point into the present sentence */
    va_list args;
    va_start(args, format);
    df_vsnprintf(next, sizeof next, format, args);
    va_end(args);
    df_shown(sentence, sizeof sentence, next);
    return code;
}

int df_fail_at(const char *file, int line, int code, const char *format, ...)
{
    char next[SENTENCE];
    va_list args;
    va_start(args, format);
    df_vsnprintf(next, sizeof next, format, args);
    va_end(args);
    return line ? df_fail(code, "%s:%d: %s", file, line, next) : df_fail(code, "%s: %s", file, next);
}

int df_fail_errno(const char *format, ...)
{
    const int saved = errno;
    char next[SENTENCE];
    va_list args;
    va_start(args, format);
    df_vsnprintf(next, sizeof next, format, args);
    va_end(args);
    return df_fail(saved == ENOMEM ? DF_ENOMEM : DF_EIO, "%s: %s", next, strerror(saved));
}

int df_fail_memory(const char *what)
{
    return df_fail(DF_ENOMEM, "out of memory for %s", what);
}

int df_fail_in(int code, const char *format, ...)
{
    char context[SENTENCE];
    va_list args;
    va_start(args, format);
    df_vsnprintf(context, sizeof context, format, args);
    va_end(args);
    return df_fail(code, "%s%s", context, sentence);
}

const char *df_error(void)
{
    return sentence;
}
