/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/msan/sees.c -- must be stopped: a block of df_malloc() is read before it is written.
 */
#include <stdio.h>

#include "core/memory.h"

int main(void)
{
    int *block = df_malloc(64);
    if (block && block[3] == 7)
        puts("seven");
    df_free(block);
    return 0;
}
