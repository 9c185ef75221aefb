/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/named_file.h -- checks that a file which a config names exists.
 */
#ifndef DF_DATASETS_NAMED_FILE_H
#define DF_DATASETS_NAMED_FILE_H

#include "config/config.h"

DF_BEGIN_DECLS

/* The first node of a config that was read from the file `path`, or whose text names it: as it stands, below its
 * data_root, or, with `data_dir` (or NULL) as the root of the data, where a dataset looks for it there; or a folder that
 * it is data of. A file may have several names. NULL: there is none. */
DF_API const DfNode *df_named_file(const DfNode *root, const char *data_dir, const char *path);
/* Whether a config, or one of its bases, is read from the file. */
DF_API bool df_config_reads(const DfNode *root, const char *path);

/* Whether the file `path` is data of a folder, in it or in its folders: a picture, annotations, labels or a list. What
 * commands write, such as their --json, is none of these. */
DF_API bool df_is_data_of(const char *folder, const char *path);

DF_END_DECLS

#endif
