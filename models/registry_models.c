/* SPDX-License-Identifier: Apache-2.0
 *
 * models/registry_models.c -- the networks of list.def as a table.
 */
#include "models/architecture.h"

#define DF_PLUGIN(name) extern const DfArchitecture df_architecture_##name;
#include "models/list.def"
#undef DF_PLUGIN

const DfArchitecture *const df_architectures[] = {
#define DF_PLUGIN(name) &df_architecture_##name,
#include "models/list.def"
#undef DF_PLUGIN
    NULL
};
