/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/torture/branch.c -- fork(), with a copy of the files, too: what the copy writes is not seen by the process itself.
 */
#define _GNU_SOURCE
#include "tests/torture/branch.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CANNOT = 97 }; /* an exit status that no command has */

/* ---- copies of files --------------------------------------------------------------------------------------------------- */

static bool copy_bytes(int from, int to)
{
    char bytes[1 << 16];
    for (off_t at = 0;;) {
        const ssize_t n = pread(from, bytes, sizeof bytes, at); /* where `from` stands is shared with the process */
        if (n <= 0)
            return n == 0;
        if (write(to, bytes, (size_t)n) != n)
            return false;
        at += n;
    }
}

static bool copy_file(const char *from, const char *to, mode_t mode)
{
    const int in = open(from, O_RDONLY | O_CLOEXEC);
    const int out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode & 0777);
    const bool good = in >= 0 && out >= 0 && copy_bytes(in, out);
    if (in >= 0)
        close(in);
    if (out >= 0)
        close(out);
    return good;
}

static bool copy_link(const char *from, const char *to)
{
    char target[PATH_MAX];
    const ssize_t n = readlink(from, target, sizeof target - 1);
    if (n < 0)
        return false;
    target[n] = 0;
    return symlink(target, to) == 0;
}

static bool copy_folder(const char *from, const char *to);

static bool copy_any(const char *from, const char *to)
{
    struct stat info;
    if (lstat(from, &info) != 0)
        return false;
    if (S_ISDIR(info.st_mode))
        return copy_folder(from, to);
    return S_ISLNK(info.st_mode) ? copy_link(from, to) : S_ISREG(info.st_mode) && copy_file(from, to, info.st_mode);
}

static bool copy_folder(const char *from, const char *to)
{
    DIR *folder = mkdir(to, 0777) == 0 ? opendir(from) : NULL;
    bool good = folder != NULL;
    for (struct dirent *entry; good && (entry = readdir(folder));) {
        char a[PATH_MAX], b[PATH_MAX];
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        good = snprintf(a, sizeof a, "%s/%s", from, entry->d_name) < PATH_MAX
            && snprintf(b, sizeof b, "%s/%s", to, entry->d_name) < PATH_MAX && copy_any(a, b);
    }
    if (folder)
        closedir(folder);
    return good;
}

/* ---- open files -------------------------------------------------------------------------------------------------------- */

/* Puts `path`, opened as `fd` is and at its place, where `fd` was. */
static bool reopen_as(int fd, const char *path)
{
    const int how = fcntl(fd, F_GETFL), closes = fcntl(fd, F_GETFD);
    const off_t at = lseek(fd, 0, SEEK_CUR);
    const int copy = open(path, (how & (O_ACCMODE | O_APPEND | O_DIRECTORY)) | (closes & FD_CLOEXEC ? O_CLOEXEC : 0));
    if (copy < 0)
        return false;
    const bool good = (at < 0 || lseek(copy, at, SEEK_SET) == at)
        && dup3(copy, fd, closes & FD_CLOEXEC ? O_CLOEXEC : 0) == fd;
    close(copy);
    return good;
}

static bool copy_stream(int fd, const char *folder, const char *name)
{
    char from[32], to[PATH_MAX];
    struct stat info;
    if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode))
        return true;
    snprintf(from, sizeof from, "/proc/self/fd/%d", fd);
    return snprintf(to, sizeof to, "%s/%s", folder, name) < PATH_MAX && copy_file(from, to, 0666) && reopen_as(fd, to);
}

/* What is below the working folder `here` is opened in its copy, what lies elsewhere once more, with a place of its own. */
static bool copy_open_file(int fd, const char *here, const char *work)
{
    char link[32], path[PATH_MAX], moved[2 * PATH_MAX + 8];
    struct stat info;
    if (fstat(fd, &info) != 0 || !(S_ISREG(info.st_mode) || S_ISDIR(info.st_mode)))
        return true;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    const ssize_t n = readlink(link, path, sizeof path - 1);
    if (n < 0 || info.st_nlink == 0)
        return false;
    path[n] = 0;
    const size_t length = strlen(here);
    const bool below = strncmp(path, here, length) == 0 && (path[length] == '/' || path[length] == 0);
    if (below && strstr(path, ".tmp-")) /* a writer's, which may know it by its absolute name, and rename or remove that */
        return false;
    snprintf(moved, sizeof moved, "%s%s", work, path + (below ? length : 0));
    return reopen_as(fd, below ? moved : path);
}

static bool copy_open_files(const char *here, const char *work)
{
    const int most = 256;
    bool good = true;
    for (int fd = 3; good && fd < most; fd++)
        good = copy_open_file(fd, here, work);
    return good;
}

/* ---- the copy ---------------------------------------------------------------------------------------------------------- */

static bool move_to(const char *folder)
{
    char here[PATH_MAX], whole[PATH_MAX], work[PATH_MAX + 8];
    if (!getcwd(here, sizeof here) || !realpath(folder, whole))
        return false;
    snprintf(work, sizeof work, "%s/work", whole);
    return copy_folder(here, work) && copy_stream(STDOUT_FILENO, whole, "out") && copy_stream(STDERR_FILENO, whole, "err")
        && copy_open_files(here, work) && chdir(work) == 0;
}

static int number_of_threads(void)
{
    struct stat info;
    return stat("/proc/self/task", &info) == 0 ? (int)info.st_nlink - 2 : 0;
}

static bool note_status(const char *folder, int ended)
{
    char path[PATH_MAX], text[16];
    snprintf(path, sizeof path, "%s/status", folder);
    const int n = snprintf(text, sizeof text, "%d\n", WIFEXITED(ended) ? WEXITSTATUS(ended) : 128 + WTERMSIG(ended));
    const int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    const bool good = fd >= 0 && write(fd, text, (size_t)n) == n;
    if (fd >= 0)
        close(fd);
    return good;
}

enum Branch torture_branch(const char *folder)
{
    if (number_of_threads() != 1 || mkdir(folder, 0777) != 0)
        return BRANCH_REFUSED;
    const pid_t child = fork();
    if (child == 0) {
        if (!move_to(folder))
            _exit(CANNOT);
        return BRANCH_COPY;
    }
    int ended = 0;
    if (child < 0 || waitpid(child, &ended, 0) != child || (WIFEXITED(ended) && WEXITSTATUS(ended) == CANNOT))
        return BRANCH_REFUSED;
    return note_status(folder, ended) ? BRANCH_ENDED : BRANCH_REFUSED;
}

/* ---- how it ended ------------------------------------------------------------------------------------------------------ */

/* The beginning of a file, as a text; false if it cannot be read. */
static bool read_text(char *text, size_t room, const char *folder, const char *name)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    const ssize_t n = fd < 0 ? -1 : read(fd, text, room - 1);
    if (fd >= 0)
        close(fd);
    text[n < 0 ? 0 : n] = 0;
    return n >= 0;
}

bool torture_remove_if_plain(const char *folder, long kept)
{
    static const char *const names[] = { "out", "err", "status", "report" };
    char text[4096], path[PATH_MAX];
    long made = 0, now = 0;
    if (!read_text(text, sizeof text, folder, "status") || strcmp(text, "1\n") != 0)
        return false;
    if (!read_text(text, sizeof text, folder, "report") || sscanf(text, "made %ld kept %ld", &made, &now) != 2 || now > kept)
        return false;
    if (!read_text(text, sizeof text, folder, "out") || text[0])
        return false;
    const char *end = read_text(text, sizeof text, folder, "err") ? strchr(text, '\n') : NULL;
    snprintf(path, sizeof path, "%s/work", folder);
    if (!end || end[1] || rmdir(path) != 0)
        return false;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        unlink(path);
    }
    return rmdir(folder) == 0;
}

int torture_call(const char *command)
{
    char shell[] = "sh", option[] = "-c", text[8192];
    char *words[] = { shell, option, text, NULL };
    char *kept[512];
    size_t n = 0;
    for (char **variable = environ; *variable && n < 511; variable++)
        if (strncmp(*variable, "LD_PRELOAD=", 11) != 0)
            kept[n++] = *variable;
    kept[n] = NULL;
    pid_t child = 0;
    int ended = 0;
    if (snprintf(text, sizeof text, "%s", command) >= (int)sizeof text)
        return -1;
    if (posix_spawn(&child, "/bin/sh", NULL, NULL, words, kept) != 0 || waitpid(child, &ended, 0) != child)
        return -1;
    return WIFEXITED(ended) ? WEXITSTATUS(ended) : -1;
}
