/* SPDX-License-Identifier: Apache-2.0
 *
 * core/processor.c -- asks Linux which instructions an ARM processor has.
 */
#include "core/processor.h"

#if defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>

/* The bits are those of <asm/hwcap.h>, which older systems have without the last ones. */
bool df_processor_has(DfProcessorFeature feature)
{
    switch (feature) {
    case DF_ARM_DOTPROD: return getauxval(AT_HWCAP) >> 20 & 1;
    case DF_ARM_I8MM: return getauxval(AT_HWCAP2) >> 13 & 1;
    case DF_ARM_BF16: return getauxval(AT_HWCAP2) >> 14 & 1;
    }
    return false;
}
#else
bool df_processor_has(DfProcessorFeature feature)
{
    (void)feature;
    return false;
}
#endif
