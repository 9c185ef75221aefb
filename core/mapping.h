/* SPDX-License-Identifier: Apache-2.0
 *
 * core/mapping.h -- private to core/: files that are mapped and read directly from the page cache.
 */
#ifndef DF_CORE_MAPPING_H
#define DF_CORE_MAPPING_H

#include <stdbool.h>
#include <sys/stat.h>

#include "core/file.h"

/* Maps all of a regular file, which `info` describes, and keeps the descriptor. False, and nothing is changed: the
 * system refuses, or too many files are mapped already. */
bool df_map(DfFile *out, int fd, const struct stat *info);
void df_unmap(DfFile *);

#endif
