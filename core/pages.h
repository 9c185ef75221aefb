/* SPDX-License-Identifier: Apache-2.0
 *
 * core/pages.h -- private to core/memory.c: large blocks, side by side in huge pages.
 *
 * A page of 4 KiB lies anywhere in memory, and a second-level cache finds its lines by their place there: what many
 * small pages hold may crowd into few of its sets, differently in every process. In a page of 2 MiB, neighbours are
 * neighbours. Such a page also costs one page fault in place of 512.
 */
#ifndef DF_CORE_PAGES_H
#define DF_CORE_PAGES_H

#include <stddef.h>

/* A block of `size` bytes, aligned to 64; NULL when memory ran out. Given back by df_pages_put(). For any thread. */
void *df_pages_get(size_t size);
void df_pages_put(void *block);

#endif
