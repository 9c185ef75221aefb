/* SPDX-License-Identifier: Apache-2.0
 *
 * core/file.h -- reads whole files, and writes files under a temporary name that is renamed when the file is complete.
 */
#ifndef DF_CORE_FILE_H
#define DF_CORE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/api.h"
#include "core/error.h"

DF_BEGIN_DECLS

/* The largest number of bytes read from a pipe, or from a file of unknown size (/proc). */
#define DF_PIPE_MOST ((size_t)1 << 30)

/* Reads a whole file or pipe into memory, and appends a zero byte. The copy does not depend on later changes of the
 * file. DF_EFORMAT: larger than `limit` bytes. DF_EIO: the file shrank while it was read; a directory, a device, a
 * socket, or a pipe without data for half a minute. `data` is NULL on failure. */
typedef struct DfMapping DfMapping;
typedef struct {
    const uint8_t *data;
    size_t size;
    DfMapping *mapping; /* of df_file_map(); NULL: `data` is a copy */
} DfFile;
DF_API int df_file_open(DfFile *out, const char *path, size_t limit);
DF_API void df_file_close(DfFile *);

/* The same without a copy: maps a regular file of DF_MAP_LEAST bytes or more, without an appended zero. If the file is
 * removed or replaced, the mapping keeps the old contents. If it is modified in place, the mapping changes; if it is
 * truncated, the missing part reads as zeros, without a signal. df_file_check() detects both: call it after every use.
 * From the first mapping on the library has a SIGBUS handler, which passes other faults to the previous handler. */
#define DF_MAP_LEAST ((size_t)64 << 10)
DF_API int df_file_map(DfFile *out, const char *path, size_t limit);
DF_API int df_file_check(const DfFile *);                 /* DF_EIO: it has changed; the sentence does not name it */
DF_API bool df_file_has(const DfFile *, const void *at);  /* `at` is in its mapping; false for a copy            */
/* Releases the pages of bytes at .. at + n, so that they no longer count for this process; they can be read again. */
DF_API void df_file_release(const DfFile *, const void *at, size_t n);

/* Reads at most `most` bytes from the beginning of a file. DF_EIO for a pipe, which could not be read again. */
DF_API int df_file_head(DfFile *out, const char *path, size_t most);

/* Reads n bytes at offset `at` of a regular file that is open for reading; false if there are fewer. */
DF_API int df_file_descriptor(int *fd, const char *path); /* close() it; -1 on failure */
DF_API bool df_file_read_at(int fd, void *into, size_t n, uint64_t at);

/* A whole file as a text that the caller owns (df_free it), without UTF-8's byte order mark. `size` may be NULL. */
DF_API int df_file_text(char **out, size_t *size, const char *path, size_t limit);

DF_API bool df_file_exists(const char *path);
DF_API bool df_is_directory(const char *path);
DF_API bool df_is_file(const char *path); /* a regular file */
DF_API int df_make_directory(const char *path); /* with its parents; fine if it exists */

/* "FOLDER/NAME", or NAME below an empty folder; df_free() it. NULL: no memory, without a sentence. */
DF_API char *df_path_join(const char *folder, const char *name);
/* "FOLDER/NAME" for a file to write, where NAME comes from data. An error, before anything is created, if it leads out
 * of the folder: absolute, with "..", or through a symbolic link. df_free() it. */
DF_API int df_path_below(char **out, const char *folder, const char *name);
/* A new folder in TMPDIR, or in the system's folder for temporary files; df_free() it. NULL after df_fail(). */
DF_API char *df_temporary_folder(void);
/* The same, but df_writers_abandon() also removes the folder with the named files (a NULL-terminated list, which must
 * live as long as the folder). Remove it with df_remove_folder(). */
DF_API char *df_temporary_folder_for(const char *const *files);
/* Removes the named files (up to NULL), then the folder if it is empty. */
DF_API void df_remove_folder(const char *folder, const char *const *files);

/* ---- safety against power cuts ----------------------------------------------------------------------------------- */

/* Syncs a folder: only then are created, removed and renamed files safely on the disk. It is not an error if the file
 * system cannot sync folders. */
DF_API int df_sync_folder(const char *folder);
DF_API int df_sync_folder_of(const char *path); /* the folder that contains PATH */
DF_API int df_sync_disk_of(const char *folder); /* syncs the whole disk of the folder */

/* An unpredictable name beside PATH, PATH.tmp-0123456789abcdef; df_free() it. NULL: no memory, without a sentence. */
DF_API char *df_temporary_name(const char *path);
DF_API bool df_is_temporary_name(const char *name);

/* ---- whole files out --------------------------------------------------------------------------------------------- */

/* Writes go to a temporary name (created exclusively, in the same folder). df_writer_commit() syncs the bytes, renames
 * the file to PATH and syncs the folder. So a reader sees the old file or the whole new one, also after a power cut,
 * and a full disk is an error, never a short file. The new file gets the permissions of the replaced one, or those of
 * the umask. If PATH is a symbolic link, the link stays and its target is replaced. After an error, later writes do
 * nothing, and commit reports the error. df_writer_drop() discards the file, as commit does after a failure. A device
 * or a pipe is written directly. */
typedef struct DfWriter DfWriter;
DF_API int df_writer_open(DfWriter **out, const char *path);
DF_API void df_write(DfWriter *, const void *bytes, size_t size);
DF_API void df_writef(DfWriter *, const char *format, ...) DF_PRINTF(2, 3);
DF_API int df_writer_commit(DfWriter *); /* frees the writer in every case */
DF_API void df_writer_drop(DfWriter *);  /* NULL is fine */

/* For many files that can be made again. Between these two calls, which nest, writers of this thread do not wait for
 * the disk; files are then complete or absent, except after a power cut. The last df_writers_settle() waits once,
 * until everything is on the disk of `folder`; NULL: it does not wait, because another thread will. */
DF_API void df_writers_hurry(void);
DF_API int df_writers_settle(const char *folder);

/* Writes a whole small file. */
DF_API int df_file_write_text(const char *path, const char *text);

/* Writes all bytes to a descriptor; 0, or the errno of the failure. */
DF_API int df_write_all(int fd, const void *bytes, size_t size);

/* ---- files that grow --------------------------------------------------------------------------------------------- */

/* A file that gets lines during a run. Each line is one write. It is synced when a line is added after
 * DF_SYNC_SECONDS, and by df_append_sync(). A power cut loses later lines and may leave an incomplete last line, so
 * readers stop at the first incomplete line. Only one process at a time can have the file open. */
enum { DF_SYNC_SECONDS = 2 };
typedef struct DfAppend DfAppend;
DF_API int df_append_open(DfAppend **out, const char *path); /* creates it; an error if another process has it */
DF_API int df_append_cut(DfAppend *, size_t size);           /* truncates it to `size` bytes, and syncs              */
DF_API int df_append_line(DfAppend *, const char *line);     /* without its newline                                  */
DF_API int df_append_sync(DfAppend *);
DF_API void df_append_close(DfAppend *);                     /* NULL is fine                                         */

/* For a signal handler, before the process ends: removes incomplete temporary files, and the folders of
 * df_temporary_folder_for(). */
DF_API void df_writers_abandon(void);

DF_END_DECLS

#endif
