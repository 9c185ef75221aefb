/* SPDX-License-Identifier: Apache-2.0
 *
 * core/sanitizer.h -- private: whether AddressSanitizer is active, and telling it about blocks that we cut from larger
 * ones; it only knows those of malloc().
 */
#ifndef DF_CORE_SANITIZER_H
#define DF_CORE_SANITIZER_H

#if defined(__SANITIZE_ADDRESS__)
#define DF_WATCHED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define DF_WATCHED 1
#endif
#endif
#ifndef DF_WATCHED
#define DF_WATCHED 0
#endif

#include <stddef.h>
#if DF_WATCHED
#include <sanitizer/asan_interface.h>
#endif

/* Nobody is to touch these bytes from now on; or they may be touched again. */
static inline void df_fence(const void *at, size_t n)
{
#if DF_WATCHED
    __asan_poison_memory_region(at, n);
#else
    (void)at, (void)n;
#endif
}

static inline void df_unfence(const void *at, size_t n)
{
#if DF_WATCHED
    __asan_unpoison_memory_region(at, n);
#else
    (void)at, (void)n;
#endif
}

#endif
