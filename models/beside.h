/* SPDX-License-Identifier: Apache-2.0
 *
 * models/beside.h -- a config with its weights at hand. Included by models/models.h.
 */
#ifndef DF_MODELS_BESIDE_H
#define DF_MODELS_BESIDE_H

#include "config/config.h"

DF_BEGIN_DECLS

/* df_config_read() of any config. If `path` is the folder of a model, or the config.json in it, and the config does
 * not say all widths, they come from the weights in the folder. */
DF_API int df_model_config_read(DfConfig **out, const char *path, const char *const *overrides, int n);

/* Whether `path` is the folder of a model, whose weights need not be named. */
DF_API bool df_is_model_folder(const char *path);

DF_END_DECLS

#endif
