/* SPDX-License-Identifier: Apache-2.0
 *
 * core/pages.h -- private to core/memory.c: large blocks, placed side by side in huge pages.
 *
 * A page of 4 KiB can be anywhere in physical memory, and a second-level cache selects sets by physical address: the
 * contents of many small pages may crowd into few sets, differently in every process. In a page of 2 MiB neighbours
 * stay neighbours. Such a page also costs one page fault instead of 512.
 */
#ifndef DF_CORE_PAGES_H
#define DF_CORE_PAGES_H

#include <stddef.h>

/* A block of `size` bytes, aligned to 64; NULL when memory ran out. Given back by df_pages_put(). For any thread. */
void *df_pages_get(size_t size);
void df_pages_put(void *block);

#endif
