/* SPDX-License-Identifier: Apache-2.0
 *
 * core/prefetch.h -- prefetches memory that will be read soon. Loops that jump around in large arrays wait for memory
 * longer than they compute.
 */
#ifndef DF_CORE_PREFETCH_H
#define DF_CORE_PREFETCH_H

static inline void df_prefetch(const void *at)
{
#if defined(__GNUC__)
    __builtin_prefetch(at);
    __asm__ volatile("" : : "r"(at)); /* else GCC takes a function that only does this for one that does nothing */
#else
    (void)at;
#endif
}

#endif
