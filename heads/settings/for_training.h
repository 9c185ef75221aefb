/* SPDX-License-Identifier: Apache-2.0
 *
 * heads/settings/for_training.h -- private: dicts that only a training run needs. A mistake in them must not make a
 * network fail that is not trained: it loads with a loss that is not built in, or with an unknown key. The error is
 * stored as a sentence, and reported by the functions that compute losses.
 */
#ifndef DF_HEADS_SETTINGS_FOR_TRAINING_H
#define DF_HEADS_SETTINGS_FOR_TRAINING_H

#include "nn/nn.h"

/* Fills *out from a dict by an option table, as nn_configure() does; NULL and None give the defaults. False: *problem
 * says why; it is NULL at first, and its first sentence stays. Only a lack of memory poisons the model. */
bool df_bind_for_training(NnScope, const DfNode *dict, const DfOpt *opts, void *out, const char *what,
                          const char **problem);
void df_set_problem(NnScope, const char **problem, const char *format, ...) DF_PRINTF(3, 4);

#endif
