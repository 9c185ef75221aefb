/* SPDX-License-Identifier: Apache-2.0
 *
 * core/input.h -- private to core/: opening file descriptors for reading.
 */
#ifndef DF_CORE_INPUT_H
#define DF_CORE_INPUT_H

#include <stddef.h>
#include <stdint.h>

#include "core/file.h"

/* A descriptor of a regular file or a pipe; a directory, a device or a socket is DF_EIO. -1 on failure. */
int df_input_open(int *fd, const char *path);

/* Reads to the end, at most min(limit, DF_PIPE_MOST) bytes, into a block of its own (df_free it), a zero behind it. A
 * pipe that stays silent for half a minute is DF_EIO. `path` is for messages. */
int df_input_take(int fd, const char *path, size_t limit, uint8_t **data, size_t *size);

#endif
