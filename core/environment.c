/* SPDX-License-Identifier: Apache-2.0
 *
 * core/environment.c -- reads numbers from environment variables.
 */
#include "core/environment.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

static int read_count(int *out, const char *name, int most, bool list)
{
    const char *text = getenv(name);
    char *end;
    *out = 0;
    if (!text || !*text)
        return DF_OK;
    errno = 0;
    const long value = strtol(text, &end, 10);
    while (*end == ' ')
        end++;
    if (end == text || (*end && !(list && *end == ',')) || errno || value < 1 || value > most)
        return df_fail(DF_EVALUE, "the environment has %s=%.80s: want a whole number from 1 to %d", name, text, most);
    *out = (int)value;
    return DF_OK;
}

int df_environment_count(int *out, const char *name, int most)
{
    return read_count(out, name, most, false);
}

int df_environment_first_count(int *out, const char *name, int most)
{
    return read_count(out, name, most, true);
}
