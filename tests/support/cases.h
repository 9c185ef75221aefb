/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/support/cases.h -- many small cases in one .safetensors file: `cases` in its metadata lists their options,
 * arrays of case i are c<i>.<name>, results c<i>.out.<name>.
 *
 * The environment variable DEFORMER_TRAINING_CASES names a folder of more cases than are kept here:
 * unit/NAME.safetensors in it is read in place of tests/data/training/NAME.safetensors.
 */
#ifndef DF_TESTS_CASES_H
#define DF_TESTS_CASES_H

#include "config/config.h"
#include "tests/support/golden.h"

typedef struct {
    DfCheckpoint *file;
    DfConfig *config;
    const DfNode *options; /* of the first case; ->next are those of the others */
} Cases;

Cases cases_open(const char *name);
void cases_close(Cases *);

/* Arrays of case i; NULL where it has none. df_free() them. *n: how many rows, if it is not NULL. */
float *case_f32(const Cases *, int i, const char *name, size_t *n);
int *case_int(const Cases *, int i, const char *name, size_t *n);
const DfArray *case_array(const Cases *, int i, const char *name); /* the file's own, or NULL */

#endif
