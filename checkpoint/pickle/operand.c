/* SPDX-License-Identifier: Apache-2.0
 *
 * checkpoint/pickle/operand.c -- reads the operand of an opcode in a pickle. Every length is checked against the
 * remaining bytes.
 */
#include "checkpoint/pickle/operand.h"

#include <string.h>

int df_pickle_ends_early(void)
{
    return df_fail(DF_EFORMAT, "its pickle ends early: the file is truncated or corrupt");
}

static int take(Bytes *b, size_t n, const uint8_t **bytes)
{
    if (n > (size_t)(b->end - b->at))
        return df_pickle_ends_early();
    *bytes = b->at;
    b->at += n;
    return DF_OK;
}

static int take_number(Bytes *b, size_t n, uint64_t *value)
{
    const uint8_t *bytes = NULL;
    const int error = take(b, n, &bytes);
    if (error < 0)
        return error;
    *value = 0;
    for (size_t i = n; i-- > 0;)
        *value = *value << 8 | bytes[i];
    return DF_OK;
}

static int take_line(Bytes *b, DfPyText *text)
{
    const uint8_t *newline = b->at < b->end ? memchr(b->at, '\n', (size_t)(b->end - b->at)) : NULL;
    if (!newline)
        return df_pickle_ends_early();
    *text = (DfPyText){ (const char *)b->at, (size_t)(newline - b->at) };
    b->at = newline + 1;
    return DF_OK;
}

/* A length of `n` bytes, then that many bytes. */
static int take_text(Bytes *b, size_t n, DfPyText *text)
{
    uint64_t size;
    const uint8_t *bytes;
    int error;
    if ((error = take_number(b, n, &size)) < 0)
        return error;
    if (size > (size_t)(b->end - b->at))
        return df_pickle_ends_early();
    if ((error = take(b, (size_t)size, &bytes)) == DF_OK)
        *text = (DfPyText){ (const char *)bytes, (size_t)size };
    return error;
}

static uint64_t swap_bytes(uint64_t value)
{
    uint64_t swapped = 0;
    for (int i = 0; i < 8; i++, value >>= 8)
        swapped = swapped << 8 | (value & 0xff);
    return swapped;
}

int df_pickle_operand(Bytes *b, Form form, Operand *o)
{
    int error = DF_OK;
    switch (form) {
    case NOTHING: break;
    case U8: error = take_number(b, 1, &o->value); break;
    case U16: error = take_number(b, 2, &o->value); break;
    case U32: error = take_number(b, 4, &o->value); break;
    case U64: error = take_number(b, 8, &o->value); break;
    case I32:
        error = take_number(b, 4, &o->value);
        if (o->value > INT32_MAX)
            o->value |= ~(uint64_t)UINT32_MAX;
        break;
    case F64: /* the one big-endian number */
        error = take_number(b, 8, &o->value);
        o->value = swap_bytes(o->value);
        break;
    case LINE: error = take_line(b, &o->text); break;
    case LINES:
        error = take_line(b, &o->text);
        if (error == DF_OK)
            error = take_line(b, &o->second);
        break;
    case BYTES1: error = take_text(b, 1, &o->text); break;
    case BYTES4: error = take_text(b, 4, &o->text); break;
    case BYTES8: error = take_text(b, 8, &o->text); break;
    }
    return error;
}
