/* SPDX-License-Identifier: Apache-2.0
 *
 * inference/evaluator.h -- private: reads test_evaluator and `evaluation` of a config, and warns of settings that have
 * no effect.
 */
#ifndef DF_INFERENCE_EVALUATOR_H
#define DF_INFERENCE_EVALUATOR_H

#include "config/config.h"

/* One warning for all that a test set is not scored by; nothing if there is none. `own_data`: the config's own test
 * set, whose annotation file the evaluator should name. DF_ENOMEM. */
int df_evaluator_warn(const DfNode *root, bool own_data);

#endif
