/* SPDX-License-Identifier: Apache-2.0
 *
 * models/beside.h -- a config together with its weights. Included by models/models.h.
 */
#ifndef DF_MODELS_BESIDE_H
#define DF_MODELS_BESIDE_H

#include "config/config.h"

DF_BEGIN_DECLS

/* df_config_read() for any config. If `path` is the folder of a model, or the config.json in it, widths that the config
 * does not state are read from the weights in the folder. */
DF_API int df_model_config_read(DfConfig **out, const char *path, const char *const *overrides, int n);

/* Whether `path` is the folder of a model, which contains its weights. */
DF_API bool df_is_model_folder(const char *path);

DF_END_DECLS

#endif
