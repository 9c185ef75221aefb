/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/torture/failing_malloc.c -- stands in front of a program (LD_PRELOAD) and lets one of its allocations fail,
 * whoever makes it: the program itself, cJSON, libpng, libjpeg, zlib, stdio.
 *
 *     TORTURE_FAIL=N      the allocation with this number, from 1 on
 *     TORTURE_FOREVER=1   and every later one
 *     TORTURE_REPORT=FILE written at the end: "made 123 kept 4", the numbers of allocations and of those not given back
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

void *__libc_malloc(size_t);
void *__libc_calloc(size_t, size_t);
void *__libc_realloc(void *, size_t);
void *__libc_memalign(size_t, size_t);
void __libc_free(void *);

static atomic_long made, kept;
static long fail_at;
static bool forever;

static long number(const char *name)
{
    const char *text = getenv(name);
    return text ? strtol(text, NULL, 10) : 0;
}

__attribute__((constructor)) static void begin(void)
{
    atomic_store(&made, 0);
    atomic_store(&kept, 0);
    fail_at = number("TORTURE_FAIL");
    forever = number("TORTURE_FOREVER") != 0;
}

__attribute__((destructor)) static void end(void)
{
    char text[64];
    const char *path = getenv("TORTURE_REPORT");
    const int n = snprintf(text, sizeof text, "made %ld kept %ld\n", atomic_load(&made), atomic_load(&kept));
    const int fd = path ? open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600) : -1;
    if (fd < 0)
        return;
    if (write(fd, text, (size_t)n) != n)
        _exit(99);
    close(fd);
}

static bool must_fail(void)
{
    const long n = atomic_fetch_add(&made, 1) + 1;
    const bool fails = fail_at > 0 && (forever ? n >= fail_at : n == fail_at);
    if (fails)
        errno = ENOMEM;
    return fails;
}

static void *noted(void *block)
{
    if (block)
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
    if (block)
        atomic_fetch_sub(&kept, 1);
    __libc_free(block);
}
