/* SPDX-License-Identifier: Apache-2.0
 *
 * config/merge.h -- private to config/: merges a config over its base, and applies single overrides.
 */
#ifndef DF_CONFIG_MERGE_H
#define DF_CONFIG_MERGE_H

#include "config/tree.h"

/* `over` into `base`, both of one tree, with mmcv's rules: dicts meet key by key, anything else replaces;
 * `_delete_=True` in a dict drops what the base had. With `lists`, a dict with keys 0, 1, ... also reaches into a
 * list. `over` is used up. */
int df_merge(DfConfig *, DfNode *base, DfNode *over, bool lists);

/* One override "a.b.c=value", or "--data a.b.c=value" that the option --data stands for; messages begin with the
 * option, which is --set where none is said. df_override_path(): what stands behind the option. */
int df_override(DfConfig *, DfNode *root, const char *override);
const char *df_override_path(const char *override);

#endif
