/* SPDX-License-Identifier: Apache-2.0
 *
 * core/processor.h -- instructions that not every 64-bit ARM has. (On x86-64 the compiler's __builtin_cpu_supports()
 * tells.)
 */
#ifndef DF_CORE_PROCESSOR_H
#define DF_CORE_PROCESSOR_H

#include <stdbool.h>

#include "core/api.h"

DF_BEGIN_DECLS

typedef enum {
    DF_ARM_DOTPROD, /* SDOT, UDOT: sums of four products of 8 bits    */
    DF_ARM_I8MM,    /* USMMLA: 2 x 8 by 8 x 2 matrices of 8 bits      */
    DF_ARM_BF16     /* BFMMLA: 2 x 4 by 4 x 2 matrices of bfloat16    */
} DfProcessorFeature;

/* As the system tells; false where it tells nothing, and on other processors. */
DF_API bool df_processor_has(DfProcessorFeature);

DF_END_DECLS

#endif
