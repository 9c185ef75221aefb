/* SPDX-License-Identifier: Apache-2.0
 *
 * core/environment.h -- reads numbers from environment variables.
 */
#ifndef DF_CORE_ENVIRONMENT_H
#define DF_CORE_ENVIRONMENT_H

#include "core/api.h"
#include "core/error.h"

DF_BEGIN_DECLS

/* A whole number from 1 to `most`; 0 if the variable is not set, or empty. Anything else is DF_EVALUE. */
DF_API int df_environment_count(int *out, const char *name, int most);

/* The same of the first number of a list as OpenMP has it: "4,2". */
DF_API int df_environment_first_count(int *out, const char *name, int most);

DF_END_DECLS

#endif
