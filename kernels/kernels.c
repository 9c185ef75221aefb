/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/kernels.c -- makes the table of kernels of each rung (first C, then what this CPU has), and chooses the one
 * to use.
 */
#include "kernels/kernels.h"

#ifdef DF_X86
#include <cpuid.h>
#endif
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/ladder.h"

enum { RUNGS = 3 }; /* on one processor */

static DfKernels rungs[RUNGS]; /* slowest first */
static int n_rungs;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static DfKernels blas;
static pthread_once_t blas_once = PTHREAD_ONCE_INIT;
static const DfKernels *chosen;
static pthread_once_t choice = PTHREAD_ONCE_INIT;

static DfKernels *next_rung(const char *name)
{
    DfKernels *rung = &rungs[n_rungs];
    if (n_rungs)
        *rung = rungs[n_rungs - 1]; /* inherits the kernels that it does not overwrite */
    rung->name = name;
    n_rungs++;
    return rung;
}

#if defined(DF_X86) || defined(DF_ARM)
/* The leaves that are written once for all processors with vectors of eight floats. */
static DfKernels *vector_rung(const char *name)
{
    DfKernels *k = next_rung(name);
    k->bf16 = (DfBf16Kernels){ 0 }; /* not inherited: a user who asks for bf16 expects speed, and C is slow */
    k->attention_bf16 = (DfAttentionKernels){ 0 };
    df_winograd_init_v8(&k->conv);
    df_depthwise_init_v8(&k->conv);
    df_pointwise_init_v8(&k->pointwise);
    df_rows_init_v8(&k->pointwise);
    df_mix_init_v8(&k->pointwise);
    df_attention_init_v8(&k->attention);
    df_ms_deform_init_v8(&k->ms_deform);
    return k;
}
#endif

#ifdef DF_X86
/* Read from CPUID, because not every compiler knows "avxvnni". */
static bool has_avxvnni(void)
{
    enum { AVX_VNNI = 1 << 4 };
    unsigned a, b, c, d;
    return __get_cpuid_count(7, 1, &a, &b, &c, &d) && (a & AVX_VNNI);
}

static void climb_avx512(DfKernels *k)
{
    df_gemm_init_avx512(&k->gemm);
    df_winograd_init_avx512(&k->conv);
    df_rows_init_avx512(&k->pointwise);
    df_attention_init_avx512(&k->attention);
    if (__builtin_cpu_supports("avx512bf16") && __builtin_cpu_supports("avx512bw")) {
        df_bf16_init_avx512bf16(&k->bf16);
        k->attention_bf16 = k->attention;
        df_attention_bf16_init_avx512bf16(&k->attention_bf16);
    }
    if (__builtin_cpu_supports("avx512vnni"))
        df_gemm_int8_init_avx512vnni(&k->int8);
}
#endif

#ifdef DF_ARM
static void climb_neon(DfKernels *k)
{
    df_gemm_init_neon(&k->gemm);
    if (df_processor_has(DF_ARM_BF16))
        df_bf16_init_neonbf16(&k->bf16);
    if (df_processor_has(DF_ARM_DOTPROD))
        df_gemm_int8_init_neondot(&k->int8);
    if (df_processor_has(DF_ARM_I8MM))
        df_gemm_int8_init_neoni8mm(&k->int8);
}
#endif

static void climb(void)
{
    DfKernels *c = next_rung("c");
    df_gemm_init_c(&c->gemm);
    df_bf16_init_c(&c->bf16);
    df_gemm_int8_init_c(&c->int8);
    df_winograd_init_c(&c->conv);
    df_depthwise_init_c(&c->conv);
    df_pointwise_init_c(&c->pointwise);
    df_rows_init_c(&c->pointwise);
    df_mix_init_c(&c->pointwise);
    df_attention_init_c(&c->attention);
    c->attention_bf16 = c->attention;
    df_attention_bf16_init_c(&c->attention_bf16);
    df_ms_deform_init_c(&c->ms_deform);
#ifdef DF_X86
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
        DfKernels *avx2 = vector_rung("avx2");
        df_gemm_init_avx2(&avx2->gemm);
        df_gemm_int8_init_avx2(&avx2->int8);
        if (has_avxvnni())
            df_gemm_int8_init_avxvnni(&avx2->int8);
        if (__builtin_cpu_supports("avx512f"))
            climb_avx512(next_rung("avx512"));
    }
#endif
#ifdef DF_ARM
    climb_neon(vector_rung("neon")); /* every aarch64 has it */
#endif
}

/* ---- OpenBLAS: a rung that is used only if it is asked for, or if there is nothing better than C ----------------- */

static void climb_to_blas(void)
{
#ifdef DF_BLAS
    if (df_blas_problem())
        return;
    blas = rungs[0];
    blas.name = "blas";
    df_gemm_init_blas(&blas.gemm);
#endif
}

static const DfKernels *blas_rung(void)
{
    pthread_once(&blas_once, climb_to_blas);
    return blas.name ? &blas : NULL;
}

static const char *why_no_blas(void)
{
#ifdef DF_BLAS
    return df_blas_problem();
#else
    return "it was not there when this program was built";
#endif
}

/* ---- choosing ---------------------------------------------------------------------------------------------------- */

const DfKernels *df_kernels_named(const char *rung)
{
    pthread_once(&once, climb);
    if (strcmp(rung, "blas") == 0)
        return blas_rung();
    for (int i = 0; i < n_rungs; i++)
        if (strcmp(rungs[i].name, rung) == 0)
            return &rungs[i];
    return NULL;
}

const char *df_kernels_rung(int i)
{
    pthread_once(&once, climb);
    if (i > 0 && blas_rung() && --i == 0)
        return "blas";
    return i < n_rungs ? rungs[i].name : NULL;
}

/* The fastest rung. If that is C, because we have no vector code for this processor, OpenBLAS. */
static const DfKernels *best_rung(void)
{
    pthread_once(&once, climb);
    const DfKernels *faster = n_rungs == 1 ? blas_rung() : NULL;
    return faster ? faster : &rungs[n_rungs - 1];
}

static void choose(void)
{
    const char *wanted = getenv("DEFORMER_CPU");
    if (wanted && *wanted)
        chosen = df_kernels_named(wanted);
    if (!chosen)
        chosen = best_rung();
}

const DfKernels *df_kernels(void)
{
    pthread_once(&choice, choose);
    return chosen;
}

int df_kernels_check(void)
{
    static const char *const known[] = { "c", "avx2", "avx512", "neon" };
    const char *wanted = getenv("DEFORMER_CPU");
    if (!wanted || !*wanted || df_kernels_named(wanted))
        return DF_OK;
    if (strcmp(wanted, "blas") == 0)
        return df_fail(DF_EVALUE, "the environment has DEFORMER_CPU=blas, but there is no OpenBLAS: %s", why_no_blas());
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(known[i], wanted) == 0)
            return df_fail(DF_EVALUE, "the environment has DEFORMER_CPU=%s, which this processor or build lacks: its "
                           "best is %s", wanted, rungs[n_rungs - 1].name);
    return df_fail(DF_EVALUE, "the environment has DEFORMER_CPU=%.80s: want c, blas, avx2, avx512 or neon", wanted);
}

const char *df_kernels_name(const DfKernels *kernels)
{
    return kernels->name;
}

const char *df_kernels_about(const DfKernels *kernels)
{
#ifdef DF_BLAS
    if (kernels == &blas)
        return df_blas_about();
#endif
    (void)kernels;
    return "";
}
