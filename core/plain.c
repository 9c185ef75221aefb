/* SPDX-License-Identifier: Apache-2.0
 *
 * core/plain.c -- the C library's number functions in the locale "C", which is set for the calling thread during one
 * call.
 */
#define _GNU_SOURCE /* locale_t */
#include "core/plain.h"

#include <locale.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

static locale_t plain;

static void make_plain(void)
{
    plain = newlocale(LC_ALL_MASK, "C", (locale_t)0); /* built into the C library; without it nothing is changed */
}

/* The locale to go back to. */
static locale_t enter(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, make_plain);
    return uselocale(plain);
}

int df_vsnprintf(char *out, size_t size, const char *format, va_list args)
{
    const locale_t kept = enter();
    const int n = vsnprintf(out, size, format, args);
    uselocale(kept);
    return n;
}

int df_snprintf(char *out, size_t size, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    const int n = df_vsnprintf(out, size, format, args);
    va_end(args);
    return n;
}

double df_strtod(const char *text, char **end)
{
    const locale_t kept = enter();
    const double number = strtod(text, end);
    uselocale(kept);
    return number;
}

int df_sscanf(const char *text, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    const locale_t kept = enter();
    const int n = vsscanf(text, format, args);
    uselocale(kept);
    va_end(args);
    return n;
}
