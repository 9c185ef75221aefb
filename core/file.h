/* SPDX-License-Identifier: Apache-2.0
 *
 * core/file.h -- files in (mapped or whole) and out (under a temporary name, renamed when complete).
 */
#ifndef DF_CORE_FILE_H
#define DF_CORE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/api.h"
#include "core/error.h"

DF_BEGIN_DECLS

/* A whole file, read-only, mapped where the system can. `data` may be NULL when `size` is 0. */
typedef struct {
    const uint8_t *data;
    size_t size;
    bool mapped;
} DfFile;
DF_API int df_file_open(DfFile *out, const char *path);
DF_API void df_file_close(DfFile *);

/* A small file as a zero-terminated text of its own (df_free it); files over `limit` bytes are refused. */
DF_API int df_file_text(char **out, size_t *size, const char *path, size_t limit);

DF_API bool df_file_exists(const char *path);
DF_API bool df_is_directory(const char *path);
DF_API bool df_is_file(const char *path); /* a regular file */
DF_API int df_make_directory(const char *path); /* parents too; fine if it is there already */

/* "FOLDER/NAME", or NAME below an empty folder; df_free() it. NULL: no memory, without a sentence. */
DF_API char *df_path_join(const char *folder, const char *name);
/* A new folder in TMPDIR, or in the system's folder for temporary files; df_free() it. NULL after df_fail(). */
DF_API char *df_temporary_folder(void);
/* Removes the named files (up to NULL), then the folder if it is empty. */
DF_API void df_remove_folder(const char *folder, const char *const *files);

/* Writes go to "PATH.tmp-PID" and become PATH in df_writer_commit(), after a flush to the disk: a reader sees the
 * old file or the whole new one, and a full disk is an error, never a short file. Errors stick: the writes after
 * one do nothing, and commit reports it. df_writer_drop() forgets the file; it is what commit does on failure. A
 * device or a pipe is written as it is. */
typedef struct DfWriter DfWriter;
DF_API int df_writer_open(DfWriter **out, const char *path);
DF_API void df_write(DfWriter *, const void *bytes, size_t size);
DF_API void df_writef(DfWriter *, const char *format, ...) DF_PRINTF(2, 3);
DF_API int df_writer_commit(DfWriter *); /* frees the writer in every case */
DF_API void df_writer_drop(DfWriter *);  /* NULL is fine */

/* The whole of a small file at once. */
DF_API int df_file_write_text(const char *path, const char *text);

/* For a signal handler, before the process ends: removes what is half-written under its temporary name. */
DF_API void df_writers_abandon(void);

DF_END_DECLS

#endif
