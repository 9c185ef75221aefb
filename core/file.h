/* SPDX-License-Identifier: Apache-2.0
 *
 * core/file.h -- files in (whole) and out (under a temporary name, renamed when complete).
 */
#ifndef DF_CORE_FILE_H
#define DF_CORE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/api.h"
#include "core/error.h"

DF_BEGIN_DECLS

/* At most so many bytes are taken out of a pipe, or out of a file whose size the system does not tell (/proc). */
#define DF_PIPE_MOST ((size_t)1 << 30)

/* A whole file or all of a pipe, in memory, with a zero behind it. It is a copy: what happens to the file afterwards
 * changes nothing, and one that shrinks while it is read is DF_EIO. Larger than `limit` bytes is DF_EFORMAT;
 * directories, devices, sockets and pipes that stay silent for half a minute are DF_EIO. `data` is NULL on failure. */
typedef struct DfMapping DfMapping;
typedef struct {
    const uint8_t *data;
    size_t size;
    DfMapping *mapping; /* of df_file_map(); NULL: `data` is a copy */
} DfFile;
DF_API int df_file_open(DfFile *out, const char *path, size_t limit);
DF_API void df_file_close(DfFile *);

/* The same without a copy: a regular file of DF_MAP_LEAST bytes or more is read where it lies in the page cache.
 * There is no zero behind it. One that is removed or replaced under its name stays what it was. One that is
 * written to in its place does not: where it was cut short there are zeros, never a signal, and df_file_check()
 * tells. So ask it behind every use. SIGBUS has a handler of the library from the first mapping on, which hands
 * other faults to the handler that was there before. */
#define DF_MAP_LEAST ((size_t)64 << 10)
DF_API int df_file_map(DfFile *out, const char *path, size_t limit);
DF_API int df_file_check(const DfFile *);                 /* DF_EIO: it has changed; the sentence lacks its name */
DF_API bool df_file_has(const DfFile *, const void *at);  /* `at` is in its mapping; false for a copy            */
/* Bytes at .. at + n are not needed for now, so their pages count for this process no more. */
DF_API void df_file_release(const DfFile *, const void *at, size_t n);

/* Its first bytes, at most `most` of them; a pipe, which could not be read again, is DF_EIO. */
DF_API int df_file_head(DfFile *out, const char *path, size_t most);

/* Bytes `at` and following of a regular file that is open for reading; false if there are not `n` of them. */
DF_API int df_file_descriptor(int *fd, const char *path); /* close() it; -1 on failure */
DF_API bool df_file_read_at(int fd, void *into, size_t n, uint64_t at);

/* A whole file as a text that the caller owns (df_free it). `size` may be NULL. */
DF_API int df_file_text(char **out, size_t *size, const char *path, size_t limit);

DF_API bool df_file_exists(const char *path);
DF_API bool df_is_directory(const char *path);
DF_API bool df_is_file(const char *path); /* a regular file */
DF_API int df_make_directory(const char *path); /* parents too; fine if it is there already */

/* "FOLDER/NAME", or NAME below an empty folder; df_free() it. NULL: no memory, without a sentence. */
DF_API char *df_path_join(const char *folder, const char *name);
/* "FOLDER/NAME" for a file that is going to be written, where NAME comes from data. An error, before anything is made,
 * if it leads out of the folder: absolute, with "..", or through a symbolic link. df_free() it. */
DF_API int df_path_below(char **out, const char *folder, const char *name);
/* A new folder in TMPDIR, or in the system's folder for temporary files; df_free() it. NULL after df_fail(). */
DF_API char *df_temporary_folder(void);
/* The same, and df_writers_abandon() removes it, too, with the named files (up to NULL, as long as the folder is there).
 * It is to be removed by df_remove_folder(). */
DF_API char *df_temporary_folder_for(const char *const *files);
/* Removes the named files (up to NULL), then the folder if it is empty. */
DF_API void df_remove_folder(const char *folder, const char *const *files);

/* ---- what survives a cut of power -------------------------------------------------------------------------------- */

/* A new name, a removed name and a changed name are on the disk only when their folder is. A file system that cannot
 * sync folders is no error. */
DF_API int df_sync_folder(const char *folder);
DF_API int df_sync_folder_of(const char *path); /* the folder in which PATH stands */
DF_API int df_sync_disk_of(const char *folder); /* all that was written to the disk on which it is */

/* A name beside PATH that nobody can foresee, PATH.tmp-0123456789abcdef; df_free() it. NULL: no memory, without a
 * sentence. */
DF_API char *df_temporary_name(const char *path);
DF_API bool df_is_temporary_name(const char *name);

/* ---- whole files out --------------------------------------------------------------------------------------------- */

/* Writes go to a temporary name (made exclusively, in the same folder) and become PATH in df_writer_commit(), after
 * the bytes are on the disk and before the folder is: a reader sees the old file or the whole new one, also after a
 * cut of power, and a full disk is an error, never a short file. The new file has the permissions of the one that it
 * replaces; a new name has those of the umask. If PATH is a symbolic link, it stays and what it leads to is replaced.
 * Errors stick: the writes after one do nothing, and commit reports it. df_writer_drop() forgets the file; it is what
 * commit does on failure. A device or a pipe is written as it is. */
typedef struct DfWriter DfWriter;
DF_API int df_writer_open(DfWriter **out, const char *path);
DF_API void df_write(DfWriter *, const void *bytes, size_t size);
DF_API void df_writef(DfWriter *, const char *format, ...) DF_PRINTF(2, 3);
DF_API int df_writer_commit(DfWriter *); /* frees the writer in every case */
DF_API void df_writer_drop(DfWriter *);  /* NULL is fine */

/* For many files that can be made anew. Between the two, which nest, writers of this thread do not wait for the disk:
 * names lead to whole files, or to none, but after a cut of power. The last df_writers_settle() waits once, until all
 * is on the disk on which `folder` is; NULL: it does not wait, another thread will. */
DF_API void df_writers_hurry(void);
DF_API int df_writers_settle(const char *folder);

/* The whole of a small file at once. */
DF_API int df_file_write_text(const char *path, const char *text);

/* All bytes to a descriptor; 0, or the errno of the failure. */
DF_API int df_write_all(int fd, const void *bytes, size_t size);

/* ---- files that grow --------------------------------------------------------------------------------------------- */

/* A file of lines that is written while a run goes on. A line is one write. Lines are on the disk after at most
 * DF_SYNC_SECONDS and another line, and after df_append_sync(); a cut of power loses those behind, and may leave a
 * broken end, so readers go up to the first line that is not whole. One process at a time. */
enum { DF_SYNC_SECONDS = 2 };
typedef struct DfAppend DfAppend;
DF_API int df_append_open(DfAppend **out, const char *path); /* made if there is none; an error while another has it */
DF_API int df_append_cut(DfAppend *, size_t size);           /* back to its first `size` bytes, on the disk          */
DF_API int df_append_line(DfAppend *, const char *line);     /* without its newline                                  */
DF_API int df_append_sync(DfAppend *);
DF_API void df_append_close(DfAppend *);                     /* NULL is fine                                         */

/* For a signal handler, before the process ends: removes what is half-written under its temporary name, and the folders
 * of df_temporary_folder_for(). */
DF_API void df_writers_abandon(void);

DF_END_DECLS

#endif
