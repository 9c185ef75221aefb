/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/support/golden.h -- reference outputs of the official code in .safetensors files, and how far ours are from
 * them. For the tests of tensor/ and the folders after it.
 */
#ifndef DF_TESTS_GOLDEN_H
#define DF_TESTS_GOLDEN_H

#include "checkpoint/checkpoint.h"
#include "tensor/tensor.h"

/* Opens the file named as by printf: golden_open(DF_TEST_DATA "/ops/%s.safetensors", name). NULL if it does not exist,
 * as some cases lack a file; a failed test if it is broken. */
DfCheckpoint *golden_open(const char *format, ...) DF_PRINTF(1, 2);
void golden_close(DfCheckpoint *); /* NULL is fine */

bool golden_has(const DfCheckpoint *, const char *name);
const DfArray *golden_get(const DfCheckpoint *, const char *name); /* the test fails if there is none */
float *golden_f32(const DfCheckpoint *, const char *name);         /* a copy in row-major order: df_free() it */
int64_t *golden_i64(const DfCheckpoint *, const char *name);

/* Of a large array of n elements a file may have every k-th, at most 64: returns k;
 * the test fails if the file has another number. */
size_t golden_step(const DfArray *, size_t n);

/* N C H W as N H W C: the same bytes, read in our order. */
DfArray golden_channels_last(const DfArray *);
DfTensor *golden_tensor(DfCtx *, const DfArray *);

/* Distances of row-major floats from an array of the same count, computed in double. NAN anywhere, or an infinity that
 * the other side does not have, gives INFINITY. If the expected array is all zero, the distances are absolute. */
double max_abs_over_max(const float *got, const DfArray *expected); /* max |got - expected| / max |expected|   */
double rel_l2(const float *got, const DfArray *expected);           /* ||got - expected||_2 / ||expected||_2   */

#endif
