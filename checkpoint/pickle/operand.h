/* SPDX-License-Identifier: Apache-2.0
 *
 * checkpoint/pickle/operand.h -- private to the unpickler: the operands of opcodes.
 */
#ifndef DF_CHECKPOINT_PICKLE_OPERAND_H
#define DF_CHECKPOINT_PICKLE_OPERAND_H

#include "checkpoint/pickle/value.h"

typedef struct {
    const uint8_t *at, *end;
} Bytes;

typedef enum {
    NOTHING,
    U8, U16, I32, U32, U64, /* little-endian numbers           */
    F64,                    /* the one big-endian number       */
    LINE,                   /* letters up to a newline         */
    LINES,                  /* two such lines                  */
    BYTES1, BYTES4, BYTES8  /* a length of 1, 4 or 8 bytes, then that many bytes */
} Form;

typedef struct {
    uint64_t value;         /* a number; of F64 its bits */
    DfPyText text, second;  /* `second` of LINES         */
} Operand;

int df_pickle_operand(Bytes *, Form form, Operand *out);
int df_pickle_ends_early(void); /* fails with the sentence for it */

#endif
