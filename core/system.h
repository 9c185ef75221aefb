/* SPDX-License-Identifier: Apache-2.0
 *
 * core/system.h -- calls of the operating system that POSIX does not have, or that systems implement differently. They
 * are all in core/, so that the rest compiles wherever there are C11 and POSIX.
 */
#ifndef DF_CORE_SYSTEM_H
#define DF_CORE_SYSTEM_H

#include <stddef.h>

#include "core/api.h"

DF_BEGIN_DECLS

DF_API double df_memory_there(void);     /* bytes that this process may have: the machine's, or less in a container */
DF_API size_t df_memory_most(void);      /* bytes of memory that it had at most so far; 0: not known                */

/* The folder of the running program; NULL: not known, or out of memory. df_free() it. */
DF_API char *df_program_folder(void);
/* The same file without links and dots, from the root on; NULL with a sentence if there is none. df_free() it. */
DF_API char *df_path_absolute(const char *path);

/* Keeps other processes that ask for the same lock away until df_unlock() or the end of this one. `path` is a folder,
 * or a file, which is made. *lock is for df_unlock() alone; -1 is none. DF_EVALUE: another process has it. A file
 * system may know no locks; then this one is given to everybody. */
DF_API int df_lock(int *lock, const char *path);
DF_API void df_unlock(int *lock);

DF_END_DECLS

#endif
