/* SPDX-License-Identifier: Apache-2.0
 *
 * config/ready.h -- private to config/: ready configs by name; df_config_ready_folders() of config.h sets their
 * folders.
 */
#ifndef DF_CONFIG_READY_H
#define DF_CONFIG_READY_H

#include "core/core.h"

/* Is it no file, but perhaps the name of a ready config: without a slash? False if no folders were set. */
bool df_config_may_be_ready(const char *path);

/* The file of that name (with or without ".py"), NULL if there is none; df_free() it. */
int df_config_find_ready(char **out, const char *name);

/* DF_EIO with a sentence that tells the nearest names. */
int df_config_fail_unready(const char *path);

#endif
