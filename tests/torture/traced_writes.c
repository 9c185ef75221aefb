/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/torture/traced_writes.c -- stands in front of a program (LD_PRELOAD) and notes what it does to the files of one
 * folder, in the order in which it does it, for replay_writes.c.
 *
 *     TRACE_FOLDER=DIR   the folder, absolute; what is outside is not noted
 *     TRACE_LOG=FILE     grows by one record a call:
 *
 *     create ID PATH | write ID OFFSET SIZE, and SIZE bytes behind the line | size ID SIZE | sync ID
 *     link OLD NEW | rename OLD NEW | remove PATH | folder PATH | syncfolder PATH | syncdisk
 *
 * ID is the number of a file's inode in this trace, a PATH is relative to DIR. Only calls that succeed are noted.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int log_fd = -1;
static char root[PATH_MAX];

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

__attribute__((constructor)) static void begin(void)
{
    const char *folder = getenv("TRACE_FOLDER"), *path = getenv("TRACE_LOG");
    if (!folder || !path || !realpath(folder, root))
        return;
    log_fd = REAL(open)(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

/* ---- names --------------------------------------------------------------------------------------------------------- */

/* `path` below the folder, or NULL. Its last part need not be there. */
static const char *below(const char *path, char room[PATH_MAX])
{
    char parent[PATH_MAX], real[PATH_MAX];
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    const size_t n = slash ? (size_t)(slash - path) + 1 : 0;
    if (log_fd < 0 || n >= sizeof parent)
        return NULL;
    snprintf(parent, sizeof parent, "%.*s", (int)n, path);
    if (!realpath(n ? parent : ".", real))
        return NULL;
    const size_t length = strlen(root);
    if (strncmp(real, root, length) != 0 || (real[length] && real[length] != '/'))
        return NULL;
    const char *inner = real + length + (real[length] == '/');
    const int made = snprintf(room, PATH_MAX, "%s%s%s", inner, *inner ? "/" : "", name);
    return made > 0 && made < PATH_MAX ? room : NULL;
}

/* The file behind a descriptor: its inode, if the descriptor is of a file below the folder; 0 if not. */
static unsigned long long inode_of(int fd, bool *is_folder, char room[PATH_MAX])
{
    char link[64], path[PATH_MAX];
    struct stat info;
    if (log_fd < 0 || fd == log_fd || fstat(fd, &info) != 0)
        return 0;
    *is_folder = S_ISDIR(info.st_mode);
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    const ssize_t n = readlink(link, path, sizeof path - 1);
    if (n <= 0 || (!S_ISREG(info.st_mode) && !*is_folder))
        return 0;
    path[n] = 0;
    const size_t length = strlen(root);
    if (strncmp(path, root, length) != 0 || (path[length] && path[length] != '/'))
        return 0;
    snprintf(room, PATH_MAX, "%s", path + length + (path[length] == '/'));
    return info.st_ino;
}

/* ---- the log ------------------------------------------------------------------------------------------------------- */

static void put(const void *bytes, size_t size)
{
    if (REAL(write)(log_fd, bytes, size) != (ssize_t)size)
        abort(); /* a test without its trace is none */
}

__attribute__((format(printf, 3, 4))) static void note(const void *bytes, size_t size, const char *format, ...)
{
    char line[2 * PATH_MAX + 64];
    const int saved = errno;
    va_list args;
    va_start(args, format);
    const int n = vsnprintf(line, sizeof line, format, args);
    va_end(args);
    put(line, (size_t)n);
    if (size)
        put(bytes, size);
    errno = saved;
}

/* ---- the calls ------------------------------------------------------------------------------------------------------- */

static int opened(int fd, const char *path, int flags, bool was_there)
{
    char room[PATH_MAX];
    struct stat info;
    const char *name = fd >= 0 && (flags & O_ACCMODE) != O_RDONLY ? below(path, room) : NULL;
    if (!name || fstat(fd, &info) != 0 || !S_ISREG(info.st_mode))
        return fd;
    if (!was_there)
        note(NULL, 0, "create %llu %s\n", (unsigned long long)info.st_ino, name);
    else if (flags & O_TRUNC)
        note(NULL, 0, "size %llu 0\n", (unsigned long long)info.st_ino);
    return fd;
}

static int open_any(int folder, const char *path, int flags, mode_t mode)
{
    struct stat info;
    pthread_mutex_lock(&lock);
    const bool was_there = fstatat(folder, path, &info, 0) == 0;
    const int fd = REAL(openat)(folder, path, flags, mode);
    opened(fd, path, flags, was_there);
    pthread_mutex_unlock(&lock);
    return fd;
}

#define MODE_OF(flags, mode)                           \
    mode_t mode = 0;                                   \
    if ((flags) & (O_CREAT | O_TMPFILE)) {             \
        va_list args;                                  \
        va_start(args, flags);                         \
        mode = (mode_t)va_arg(args, int);              \
        va_end(args);                                  \
    }

int open(const char *path, int flags, ...)
{
    MODE_OF(flags, mode)
    return open_any(AT_FDCWD, path, flags, mode);
}

int open64(const char *path, int flags, ...)
{
    MODE_OF(flags, mode)
    return open_any(AT_FDCWD, path, flags, mode);
}

ssize_t write(int fd, const void *bytes, size_t size)
{
    char room[PATH_MAX];
    bool is_folder;
    pthread_mutex_lock(&lock);
    const ssize_t n = REAL(write)(fd, bytes, size);
    const unsigned long long inode = n > 0 ? inode_of(fd, &is_folder, room) : 0;
    if (inode)
        note(bytes, (size_t)n, "write %llu %lld %zd\n", inode, (long long)lseek(fd, 0, SEEK_CUR) - n, n);
    pthread_mutex_unlock(&lock);
    return n;
}

int ftruncate(int fd, off_t size)
{
    char room[PATH_MAX];
    bool is_folder;
    pthread_mutex_lock(&lock);
    const int error = REAL(ftruncate)(fd, size);
    const unsigned long long inode = error == 0 ? inode_of(fd, &is_folder, room) : 0;
    if (inode)
        note(NULL, 0, "size %llu %lld\n", inode, (long long)size);
    pthread_mutex_unlock(&lock);
    return error;
}

static int synced(int fd, int error)
{
    char room[PATH_MAX];
    bool is_folder = false;
    const unsigned long long inode = error == 0 ? inode_of(fd, &is_folder, room) : 0;
    if (inode && is_folder)
        note(NULL, 0, "syncfolder %s\n", room[0] ? room : ".");
    else if (inode)
        note(NULL, 0, "sync %llu\n", inode);
    return error;
}

int fsync(int fd)
{
    pthread_mutex_lock(&lock);
    const int error = synced(fd, REAL(fsync)(fd));
    pthread_mutex_unlock(&lock);
    return error;
}

int fdatasync(int fd)
{
    pthread_mutex_lock(&lock);
    const int error = synced(fd, REAL(fdatasync)(fd));
    pthread_mutex_unlock(&lock);
    return error;
}

int syncfs(int fd)
{
    pthread_mutex_lock(&lock);
    const int error = REAL(syncfs)(fd);
    if (error == 0 && log_fd >= 0)
        note(NULL, 0, "syncdisk\n");
    pthread_mutex_unlock(&lock);
    return error;
}

static int named(const char *what, const char *old, const char *new, int error)
{
    char from_room[PATH_MAX], to_room[PATH_MAX];
    const char *from = error == 0 ? below(old, from_room) : NULL;
    const char *to = from ? below(new, to_room) : NULL;
    if (to)
        note(NULL, 0, "%s %s %s\n", what, from, to);
    return error;
}

int rename(const char *old, const char *new)
{
    pthread_mutex_lock(&lock);
    const int error = named("rename", old, new, REAL(rename)(old, new));
    pthread_mutex_unlock(&lock);
    return error;
}

int linkat(int old_folder, const char *old, int new_folder, const char *new, int flags)
{
    pthread_mutex_lock(&lock);
    const int error = named("link", old, new, REAL(linkat)(old_folder, old, new_folder, new, flags));
    pthread_mutex_unlock(&lock);
    return error;
}

static int removed(const char *path, int error)
{
    char room[PATH_MAX];
    const char *name = error == 0 ? below(path, room) : NULL;
    if (name)
        note(NULL, 0, "remove %s\n", name);
    return error;
}

int unlink(const char *path)
{
    pthread_mutex_lock(&lock);
    const int error = removed(path, REAL(unlink)(path));
    pthread_mutex_unlock(&lock);
    return error;
}

int rmdir(const char *path)
{
    pthread_mutex_lock(&lock);
    const int error = removed(path, REAL(rmdir)(path));
    pthread_mutex_unlock(&lock);
    return error;
}

int mkdir(const char *path, mode_t mode)
{
    char room[PATH_MAX];
    pthread_mutex_lock(&lock);
    const int error = REAL(mkdir)(path, mode);
    const char *name = error == 0 ? below(path, room) : NULL;
    if (name)
        note(NULL, 0, "folder %s\n", name);
    pthread_mutex_unlock(&lock);
    return error;
}
