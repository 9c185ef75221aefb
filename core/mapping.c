/* SPDX-License-Identifier: Apache-2.0
 *
 * core/mapping.c -- maps large files, so that they are read directly from the page cache.
 *
 * If someone truncates a mapped file, reading a page after its new end raises SIGBUS. Our handler puts a page of zeros
 * there and returns, so the reader continues, and df_file_check() reports afterwards that the file has changed. Faults
 * at other addresses are passed to the previous handler.
 */
#define _GNU_SOURCE
#include "core/mapping.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/memory.h"

/* What the handler looks through: nothing in it is ever freed. */
typedef struct {
    atomic_bool taken;
    atomic_uintptr_t start; /* 0: no mapping here */
    atomic_size_t size;
    atomic_bool torn;       /* a page of it was missing */
} Place;

enum { PLACES = 64 };
static Place places[PLACES];

struct DfMapping {
    Place *place;
    int fd;                 /* of the file as it was opened, whatever its name leads to by now */
    struct stat opened;
};

/* ---- the signal -------------------------------------------------------------------------------------------------- */

static struct sigaction before;
static uintptr_t page_size;

static bool mend(uintptr_t at)
{
    for (int i = 0; i < PLACES; i++) {
        const uintptr_t start = atomic_load(&places[i].start);
        if (!start || at < start || at - start >= atomic_load(&places[i].size))
            continue;
        void *page = (void *)(at / page_size * page_size);
        atomic_store(&places[i].torn, true);
        return mmap(page, page_size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == page;
    }
    return false;
}

static void on_bus_error(int number, siginfo_t *info, void *context)
{
    const int kept = errno;
    if (info->si_code > 0 && mend((uintptr_t)info->si_addr)) { /* > 0: the kernel sent it, not kill() */
        errno = kept;
        return;
    }
    if (before.sa_flags & SA_SIGINFO)
        before.sa_sigaction(number, info, context);
    else if (before.sa_handler != SIG_DFL && before.sa_handler != SIG_IGN)
        before.sa_handler(number);
    else {
        sigaction(SIGBUS, &before, NULL); /* the same again, and nobody is in the way */
        if (info->si_code <= 0)
            raise(SIGBUS);
    }
    errno = kept;
}

static void watch(void)
{
    struct sigaction action = { .sa_sigaction = on_bus_error, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART };
    page_size = (uintptr_t)sysconf(_SC_PAGESIZE);
    sigemptyset(&action.sa_mask);
    sigaction(SIGBUS, &action, &before);
}

/* ---- mappings ---------------------------------------------------------------------------------------------------- */

static Place *take_place(void)
{
    for (int i = 0; i < PLACES; i++) {
        bool taken = false;
        if (atomic_compare_exchange_strong(&places[i].taken, &taken, true))
            return &places[i];
    }
    return NULL;
}

static bool fill(Place *place, DfMapping *m, int fd, const struct stat *info)
{
    const size_t size = (size_t)info->st_size;
    void *data = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (data == MAP_FAILED)
        return false;
    *m = (DfMapping){ place, fd, *info };
    atomic_store(&place->torn, false);
    atomic_store(&place->size, size);
    atomic_store(&place->start, (uintptr_t)data);
    return true;
}

bool df_map(DfFile *out, int fd, const struct stat *info)
{
    static pthread_once_t watching = PTHREAD_ONCE_INIT;
    Place *place = take_place();
    DfMapping *m = place ? df_malloc(sizeof *m) : NULL;
    pthread_once(&watching, watch);
    if (m && fill(place, m, fd, info)) {
        *out = (DfFile){ (const uint8_t *)atomic_load(&place->start), (size_t)info->st_size, m };
        return true;
    }
    if (place)
        atomic_store(&place->taken, false);
    df_free(m);
    return false;
}

void df_unmap(DfFile *file)
{
    DfMapping *m = file->mapping;
    atomic_store(&m->place->start, 0);
    munmap((void *)(uintptr_t)file->data, file->size);
    close(m->fd);
    atomic_store(&m->place->taken, false);
    df_free(m);
}

bool df_file_has(const DfFile *file, const void *at)
{
    return file->mapping && (uintptr_t)at - (uintptr_t)file->data < file->size;
}

int df_file_check(const DfFile *file)
{
    const DfMapping *m = file->mapping;
    struct stat now;
    if (!m)
        return DF_OK;
    if (fstat(m->fd, &now) < 0)
        return df_fail_errno("asking for the file's size");
    if (now.st_size >= m->opened.st_size && atomic_load(&m->place->torn))
        return df_fail(DF_EIO, "was cut short and written again while it was in use");
    if (now.st_size < m->opened.st_size)
        return df_fail(DF_EIO, "shrank from %llu bytes to %llu while it was in use",
                       (unsigned long long)m->opened.st_size, (unsigned long long)now.st_size);
    const struct timespec then = m->opened.st_mtim;
    if (now.st_size != m->opened.st_size || now.st_mtim.tv_sec != then.tv_sec || now.st_mtim.tv_nsec != then.tv_nsec)
        return df_fail(DF_EIO, "was written to while it was in use: want it to be replaced as a whole, or left alone");
    return DF_OK;
}

/* Pages are in the mapping whether or not they are in memory: what is read again comes back by itself. */
void df_file_release(const DfFile *file, const void *at, size_t n)
{
    const uintptr_t first = (uintptr_t)at / page_size * page_size;
    if (df_file_has(file, at) && n)
        madvise((void *)first, (uintptr_t)at + n - first, MADV_DONTNEED);
}
