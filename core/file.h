/* SPDX-License-Identifier: Apache-2.0
 *
 * core/file.h -- files in (mapped or whole) and out (under a temporary name, renamed when complete).
 */
#ifndef DF_CORE_FILE_H
#define DF_CORE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/error.h"

/* A whole file, read-only, mapped where the system can. `data` may be NULL when `size` is 0. */
typedef struct {
    const uint8_t *data;
    size_t size;
    bool mapped;
} DfFile;
int df_file_open(DfFile *out, const char *path);
void df_file_close(DfFile *);

/* A small file as a zero-terminated text of its own (df_free it); files over `limit` bytes are refused. */
int df_file_text(char **out, size_t *size, const char *path, size_t limit);

bool df_file_exists(const char *path);
bool df_is_directory(const char *path);
bool df_is_file(const char *path); /* a regular file */
int df_make_directory(const char *path); /* parents too; fine if it is there already */

/* "FOLDER/NAME", or NAME below an empty folder; df_free() it. NULL: no memory, without a sentence. */
char *df_path_join(const char *folder, const char *name);
/* A new folder in TMPDIR, or in the system's folder for temporary files; df_free() it. NULL after df_fail(). */
char *df_temporary_folder(void);
/* Removes the named files (up to NULL), then the folder if it is empty. */
void df_remove_folder(const char *folder, const char *const *files);

/* Writes go to "PATH.tmp-PID" and become PATH in df_writer_commit(), after a flush to the disk: a reader sees the
 * old file or the whole new one, and a full disk is an error, never a short file. Errors stick: the writes after
 * one do nothing, and commit reports it. df_writer_drop() forgets the file; it is what commit does on failure. A
 * device or a pipe is written as it is. */
typedef struct DfWriter DfWriter;
int df_writer_open(DfWriter **out, const char *path);
void df_write(DfWriter *, const void *bytes, size_t size);
void df_writef(DfWriter *, const char *format, ...) DF_PRINTF(2, 3);
int df_writer_commit(DfWriter *); /* frees the writer in every case */
void df_writer_drop(DfWriter *);  /* NULL is fine */

/* The whole of a small file at once. */
int df_file_write_text(const char *path, const char *text);

/* For a signal handler, before the process ends: removes what is half-written under its temporary name. */
void df_writers_abandon(void);

#endif
