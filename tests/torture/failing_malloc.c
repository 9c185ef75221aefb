/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/torture/failing_malloc.c -- stands in front of a program (LD_PRELOAD) and lets one of its allocations fail,
 * whoever makes it: the program itself, cJSON, libpng, libjpeg, zlib, stdio.
 *
 *     TORTURE_FAIL=N      the allocation with this number, from 1 on
 *     TORTURE_FOREVER=1   and every later one
 *     TORTURE_REPORT=FILE written at the end: "made 123 kept 4", the numbers of allocations and of those not given back
 *
 * or several, one after another, without the beginning of the program each time: before each the process branches, and the
 * allocation fails in the copy, whose report is beside its folder. What a process does that the program starts cannot branch.
 *
 *     TORTURE_EACH=FILE   the numbers, one a line, in rising order; those for which the process cannot branch go to FILE.alone
 *     TORTURE_FOLDER=DIR  where the copies live, each in a folder named after its number
 *     TORTURE_KEPT=N      what an undisturbed run keeps
 *     TORTURE_JUDGE=TEXT  a command of the shell that is called with the number when a copy has ended otherwise than with 1, one
 *                         line, no file, and at most so many blocks kept
 *
 * Needs the GNU C library, whose functions have second names.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/torture/branch.h"

void *__libc_malloc(size_t);
void *__libc_calloc(size_t, size_t);
void *__libc_realloc(void *, size_t);
void *__libc_memalign(size_t, size_t);
void __libc_free(void *);

static atomic_long made, kept;
static long fail_at;
static bool forever;
enum { MOST_POINTS = 1 << 20 };
static long points[MOST_POINTS]; /* of TORTURE_EACH, and a zero behind them */
static const long *branch_at = points;
static FILE *alone;
static pid_t trunk; /* this process, not one that it starts */
static char report[4096];
static _Thread_local bool away; /* the allocations are our own */

static long number(const char *name)
{
    const char *text = getenv(name);
    return text ? strtol(text, NULL, 10) : 0;
}

static void read_points(const char *path)
{
    char line[32], rest[4096];
    FILE *list = fopen(path, "re");
    for (int n = 0; list && n < MOST_POINTS - 1 && fgets(line, sizeof line, list); n++)
        points[n] = strtol(line, NULL, 10);
    if (list)
        fclose(list);
    snprintf(rest, sizeof rest, "%s.alone", path);
    alone = fopen(rest, "we");
}

__attribute__((constructor)) static void begin(void)
{
    const char *path = getenv("TORTURE_REPORT"), *list = getenv("TORTURE_EACH");
    away = true;
    snprintf(report, sizeof report, "%s", path ? path : "");
    if (list)
        read_points(list);
    away = false;
    trunk = getpid();
    fail_at = number("TORTURE_FAIL");
    forever = number("TORTURE_FOREVER") != 0;
    atomic_store(&made, 0);
    atomic_store(&kept, 0);
}

__attribute__((destructor)) static void end(void)
{
    char text[64];
    away = true;
    const int n = snprintf(text, sizeof text, "made %ld kept %ld\n", atomic_load(&made), atomic_load(&kept));
    const int fd = report[0] ? open(report, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600) : -1;
    if (alone)
        fclose(alone);
    if (fd < 0)
        return;
    if (write(fd, text, (size_t)n) != n)
        _exit(99);
    close(fd);
}

/* Whether this is the copy in which allocation `n` fails. */
static bool branch(long n)
{
    static const long none;
    char folder[4096], call[8192];
    snprintf(folder, sizeof folder, "%s/%ld", getenv("TORTURE_FOLDER"), n);
    snprintf(call, sizeof call, "%s %ld", getenv("TORTURE_JUDGE"), n);
    const enum Branch which = getpid() == trunk ? torture_branch(folder) : BRANCH_REFUSED;
    if (which == BRANCH_COPY) {
        branch_at = &none;
        alone = NULL; /* what waits in it is written by the process itself */
        snprintf(report, sizeof report, "../report"); /* in FOLDER/work, where the program stays */
        return true;
    }
    if (which == BRANCH_REFUSED) {
        fprintf(alone, "%ld\n", n);
        fflush(alone); /* before the next copy has it, too */
    } else if (!torture_remove_if_plain(folder, number("TORTURE_KEPT")) && torture_call(call) != 0) {
        _exit(99);
    }
    branch_at++;
    return false;
}

static bool branches_at(long n)
{
    if (n != *branch_at || away)
        return false;
    away = true;
    const bool fails = branch(n);
    away = false;
    return fails;
}

static bool must_fail(void)
{
    if (away)
        return false;
    const long n = atomic_fetch_add(&made, 1) + 1;
    const bool fails = branches_at(n) || (fail_at > 0 && (forever ? n >= fail_at : n == fail_at));
    if (fails)
        errno = ENOMEM;
    return fails;
}

static void *noted(void *block)
{
    if (block && !away)
        atomic_fetch_add(&kept, 1);
    return block;
}

void *malloc(size_t size)
{
    return must_fail() ? NULL : noted(__libc_malloc(size));
}

void *calloc(size_t n, size_t size)
{
    return must_fail() ? NULL : noted(__libc_calloc(n, size));
}

void *realloc(void *block, size_t size)
{
    if (must_fail())
        return NULL;
    void *next = __libc_realloc(block, size);
    return block ? next : noted(next);
}

void *memalign(size_t align, size_t size)
{
    return must_fail() ? NULL : noted(__libc_memalign(align, size));
}

void *aligned_alloc(size_t align, size_t size)
{
    return memalign(align, size);
}

int posix_memalign(void **block, size_t align, size_t size)
{
    void *made_block = memalign(align, size);
    if (!made_block)
        return ENOMEM;
    *block = made_block;
    return 0;
}

void free(void *block)
{
    if (block && !away)
        atomic_fetch_sub(&kept, 1);
    __libc_free(block);
}
