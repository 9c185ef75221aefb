/* SPDX-License-Identifier: Apache-2.0
 *
 * checkpoint/pickle/machine.h -- private: the stack and the memo of the pickle machine. unpickle.c has the opcodes.
 */
#ifndef DF_CHECKPOINT_PICKLE_MACHINE_H
#define DF_CHECKPOINT_PICKLE_MACHINE_H

#include "checkpoint/pickle/operand.h"

typedef struct {
    Bytes bytes;
    size_t size;
    DfPyHeap heap;
    DfPy **stack;
    size_t n, capacity;
    DfPy **memo;
    size_t n_memo, memo_capacity;
    DfPy mark;
    bool stopped;
} Machine;

/* The code that goes with the sentence df_py_new() left. */
int df_pickle_failed(const Machine *);

/* ---- the stack --------------------------------------------------------------------------------------------------- */

int df_pickle_push(Machine *, DfPy *value);          /* NULL: df_py_new() failed */
int df_pickle_push_kind(Machine *, DfPyKind kind);
int df_pickle_push_integer(Machine *, DfPyKind kind, int64_t integer);
int df_pickle_push_float(Machine *, double number);
int df_pickle_push_text(Machine *, DfPyKind kind, DfPyText text);

int df_pickle_pop(Machine *, DfPy **out);
int df_pickle_top(Machine *, DfPy **out);            /* the value on top, which stays there */
/* Takes the values above the last mark, and the mark: `*values` stays valid until the next push. */
int df_pickle_pop_to_mark(Machine *, DfPy ***values, size_t *n);

int df_pickle_tuple_of(Machine *, size_t n);         /* puts the top n values, up to 3, into a tuple */
int df_pickle_gather(Machine *, DfPyKind kind);      /* everything above the mark into a container of its own */
/* Adds to the container on top. An opaque object takes what it is given: a class of lists or dicts that we do not
 * know. */
int df_pickle_add(Machine *, DfPyKind kind, DfPy *const *values, size_t n);
int df_pickle_add_above_mark(Machine *, DfPyKind kind);

/* ---- the memo ---------------------------------------------------------------------------------------------------- */

int df_pickle_remember(Machine *, uint64_t index);   /* the value on top */
int df_pickle_recall(Machine *, uint64_t index);

#endif
