/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/whole/tiny.h -- a detector of a few thousand parameters with everything the large ones have, its weights and
 * two pictures, in a folder of its own. For the tests of whole runs.
 */
#ifndef DF_TESTS_TINY_H
#define DF_TESTS_TINY_H

#include "core/core.h"

typedef struct {
    char folder[64], config[96], weights[96], jpeg[96], png[96], drawn[96];
} Tiny;

extern const char tiny_config[]; /* the text of the config: RetinaNet on DAT, 7 classes, 64 x 48 */

/* Writes config and pictures; the weights are the test's to write. A failure ends the test. */
Tiny tiny_new(void);
Tiny tiny_new_of(const char *config); /* another detector: the text of its config */
void tiny_remove(const Tiny *);

#endif
