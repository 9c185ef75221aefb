/* SPDX-License-Identifier: Apache-2.0
 *
 * core/folder.c -- paths, creating and removing folders, and temporary folders.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/error.h"
#include "core/file.h"
#include "core/memory.h"
#include "core/temporary.h"
#include "core/text.h"

char *df_path_join(const char *folder, const char *name)
{
    const size_t n = strlen(folder) + strlen(name) + 2;
    char *path = df_malloc(n);
    if (path)
        snprintf(path, n, "%s%s%s", folder, folder[0] && !df_ends_with(folder, "/") ? "/" : "", name);
    return path;
}

/* ---- names that come from data ----------------------------------------------------------------------------------- */

static bool climbs(const char *name)
{
    for (const char *part = name; part; part = strchr(part, '/')) {
        part += *part == '/';
        if (strncmp(part, "..", 2) == 0 && (part[2] == '/' || part[2] == 0))
            return true;
    }
    return false;
}

/* Whether what is there of `path`, with every symbolic link followed, is `root` or below it. A link that leads nowhere
 * may lead anywhere later. */
static bool is_really_below(const char *root, const char *path)
{
    struct stat info;
    char real[PATH_MAX];
    if (lstat(path, &info) != 0)
        return true;
    const size_t n = strlen(root);
    if (!realpath(path, real) || strncmp(real, root, n) != 0)
        return false;
    return real[n] == '/' || real[n] == 0 || root[n - 1] == '/';
}

/* Every part of `path` behind its first `length` characters, one after another. */
static bool stays(const char *folder, char *path, size_t length)
{
    char root[PATH_MAX];
    if (!realpath(folder[0] ? folder : ".", root))
        return errno == ENOENT; /* what is not there has no links in it */
    bool below = true;
    for (char *end = path + length; below && *end;) {
        end += strcspn(end + 1, "/") + 1;
        const char kept = *end;
        *end = 0;
        below = is_really_below(root, path);
        *end = kept;
    }
    return below;
}

int df_path_below(char **out, const char *folder, const char *name)
{
    *out = NULL;
    if (!name[0] || name[0] == '/' || climbs(name))
        return df_fail(DF_EVALUE, "'%s' leads out of %s: want a name below it", name, folder);
    char *path = df_path_join(folder, name);
    if (!path)
        return df_fail_memory("a path");
    if (!stays(folder, path, strlen(path) - strlen(name) - 1)) {
        df_free(path);
        return df_fail(DF_EVALUE, "'%s' leads out of %s through a symbolic link: want a name below it", name, folder);
    }
    *out = path;
    return DF_OK;
}

/* ---- the disk ---------------------------------------------------------------------------------------------------- */

/* Some file systems know no sync of folders, and a folder may be writable without being readable. */
static bool is_no_failure(int code)
{
    return code == EINVAL || code == ENOTSUP || code == EACCES || code == ENOSYS || code == EROFS;
}

int df_sync_folder(const char *folder)
{
    const int fd = open(folder[0] ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int error = DF_OK;
    if ((fd < 0 || fsync(fd) != 0) && !is_no_failure(errno))
        error = df_fail_errno("%s: the folder cannot be written to the disk", folder[0] ? folder : ".");
    if (fd >= 0)
        close(fd);
    return error;
}

int df_sync_disk_of(const char *folder)
{
    int error = DF_OK;
#ifdef __linux__
    const int fd = open(folder[0] ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if ((fd < 0 || syncfs(fd) != 0) && !is_no_failure(errno))
        error = df_fail_errno("%s: cannot be written to the disk", folder);
    if (fd >= 0)
        close(fd);
#else
    (void)folder;
    sync();
#endif
    return error;
}

/* Without an allocation, which could fail when the file has its name already. */
int df_sync_folder_of(const char *path)
{
    char folder[PATH_MAX];
    const char *slash = strrchr(path, '/');
    const size_t n = slash ? (size_t)(slash - path) + 1 : 0;
    if (n >= sizeof folder)
        return df_fail(DF_EIO, "%s: the path is too long", path);
    memcpy(folder, path, n);
    folder[n] = 0;
    return df_sync_folder(folder);
}

/* ---- for a while ------------------------------------------------------------------------------------------------- */

/* What df_folders_abandon() removes. A folder for which the list has no room is not known to it. */
enum { MOST_TEMPORARY = 8 };
static struct {
    _Atomic(const char *) folder;
    _Atomic(const char *const *) files; /* NULL: a free place */
} temporary[MOST_TEMPORARY];

static void note_folder(const char *folder, const char *const *files)
{
    for (int i = 0; i < MOST_TEMPORARY; i++) {
        const char *const *none = NULL;
        if (atomic_compare_exchange_strong(&temporary[i].files, &none, files)) {
            atomic_store(&temporary[i].folder, folder);
            return;
        }
    }
}

static void forget_folder(const char *folder)
{
    for (int i = 0; i < MOST_TEMPORARY; i++)
        if (atomic_load(&temporary[i].folder) == folder) {
            atomic_store(&temporary[i].folder, NULL);
            atomic_store(&temporary[i].files, NULL);
        }
}

char *df_temporary_folder_for(const char *const *files)
{
    const char *parent = getenv("TMPDIR");
    char *folder = df_path_join(parent && parent[0] ? parent : "/tmp", "deformer-XXXXXX");
    if (!folder) {
        df_fail_memory("a path");
        return NULL;
    }
    if (files)
        note_folder(folder, files); /* before it is there: a signal in between finds none of that name */
    if (!mkdtemp(folder)) {
        df_fail_errno("%s: cannot make a folder for results", folder);
        forget_folder(folder);
        df_free(folder);
        return NULL;
    }
    return folder;
}

char *df_temporary_folder(void)
{
    return df_temporary_folder_for(NULL);
}

/* Without an allocation: a signal handler calls it. */
static void remove_with_files(const char *folder, const char *const *files)
{
    const int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (; fd >= 0 && *files; files++)
        unlinkat(fd, *files, 0);
    if (fd >= 0)
        close(fd);
    rmdir(folder);
}

void df_remove_folder(const char *folder, const char *const *files)
{
    remove_with_files(folder, files);
    forget_folder(folder);
}

void df_folders_abandon(void)
{
    for (int i = 0; i < MOST_TEMPORARY; i++) {
        const char *folder = atomic_load(&temporary[i].folder);
        if (folder)
            remove_with_files(folder, atomic_load(&temporary[i].files));
    }
}
