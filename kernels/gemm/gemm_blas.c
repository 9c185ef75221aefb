/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/gemm/gemm_blas.c -- whole matrix products by OpenBLAS, for the rung "blas".
 *
 * The library is loaded when this rung is first used. It is not linked, because loading it takes longer than
 * everything else that happens before a command starts. Our own thread pool is the only source of parallelism: a build
 * of OpenBLAS with threads is told to use one, so that a product has the same bits whichever thread calls it. A build
 * without threads gives two concurrent callers the same buffer, unless it was made with USE_LOCKING, which cannot be
 * asked; so there only one product runs at a time.
 */
#include <assert.h>
#include <dlfcn.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "kernels/gemm/parts.h"
#include "kernels/ladder.h"

/* The values of <cblas.h>. */
enum { ROW_MAJOR = 101, AS_IT_IS = 111, TRANSPOSED = 112 };
typedef void Sgemm(int order, int op_a, int op_b, int M, int N, int K, float alpha, const float *a, int lda,
                   const float *b, int ldb, float beta, float *c, int ldc);

enum { SERIAL, OWN_THREADS, OPENMP }; /* results of openblas_get_parallel() */

static struct {
    Sgemm *sgemm;
    void (*one_thread)(int); /* OpenMP builds: sets the number of threads for the calling thread; else NULL */
    bool takes_turns;        /* only one product may run at a time                                   */
    const char *about;       /* version, processor, kind of threads                                  */
    char problem[256];       /* why it cannot be used; empty if it can                               */
} library;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;

/* ---- loading ---------------------------------------------------------------------------------------------------- */

/* dlsym() returns a data pointer. POSIX guarantees that it can hold a function's address; ISO C does not. */
typedef void Function(void);

static Function *function_of(void *handle, const char *name)
{
    Function *found = NULL;
    void *address = dlsym(handle, name);
    static_assert(sizeof found == sizeof address, "functions have other addresses than data");
    memcpy(&found, &address, sizeof found);
    return found;
}

/* Opens the library that CMake found, or, if that file is gone, the one that the system finds by name. */
static void *open_library(void)
{
    const char *name = strrchr(DF_BLAS_LIBRARY, '/');
    void *handle = dlopen(DF_BLAS_LIBRARY, RTLD_LAZY | RTLD_LOCAL);
    return handle || !name ? handle : dlopen(name + 1, RTLD_LAZY | RTLD_LOCAL);
}

static void use_one_thread(void *handle, int parallel)
{
    void (*of_library)(int) = (void (*)(int))function_of(handle, "openblas_set_num_threads");
    if (parallel != SERIAL && of_library)
        of_library(1);
    library.takes_turns = parallel == SERIAL;
    if (parallel == OPENMP)
        library.one_thread = (void (*)(int))function_of(handle, "omp_set_num_threads");
}

static void refuse(const char *why)
{
    snprintf(library.problem, sizeof library.problem, "%.250s", why ? why : "it cannot be loaded");
}

static void load(void)
{
    void *handle = open_library();
    if (!handle) {
        refuse(dlerror());
        return;
    }
    int (*parallel)(void) = (int (*)(void))function_of(handle, "openblas_get_parallel");
    char *(*config)(void) = (char *(*)(void))function_of(handle, "openblas_get_config");
    library.sgemm = (Sgemm *)function_of(handle, "cblas_sgemm");
    if (!library.sgemm || !parallel || !config) {
        refuse(DF_BLAS_LIBRARY " is no OpenBLAS with the C interface");
        return;
    }
    library.about = config();
    if (strstr(library.about, "USE64BITINT"))
        refuse(DF_BLAS_LIBRARY " counts in integers of 64 bits: want the usual ones of 32");
    use_one_thread(handle, parallel());
}

const char *df_blas_problem(void)
{
    pthread_once(&once, load);
    return *library.problem ? library.problem : NULL;
}

const char *df_blas_about(void)
{
    return df_blas_problem() ? NULL : library.about;
}

/* ---- a product -------------------------------------------------------------------------------------------------- */

static int size_of(size_t n)
{
    assert(n <= INT_MAX);
    return (int)n;
}

/* The distance between rows. BLAS rejects 0, even if there are no rows. */
static int distance_of(size_t ld)
{
    return ld ? size_of(ld) : 1;
}

static void product(const DfProduct *p)
{
    static _Thread_local bool told;
    if (library.one_thread && !told)
        library.one_thread(1);
    told = true;
    if (library.takes_turns)
        pthread_mutex_lock(&turn);
    library.sgemm(ROW_MAJOR, p->transpose_a ? TRANSPOSED : AS_IT_IS, p->transpose_b ? TRANSPOSED : AS_IT_IS,
                  size_of(p->M), size_of(p->N), size_of(p->K), p->alpha, p->a, distance_of(p->lda), p->b,
                  distance_of(p->ldb), p->beta, p->c, distance_of(p->ldc));
    if (library.takes_turns)
        pthread_mutex_unlock(&turn);
}

void df_gemm_init_blas(DfGemmKernels *k)
{
    k->product = product;
}
