/* SPDX-License-Identifier: Apache-2.0
 *
 * core/temporary.h -- private to core/: temporary folders that df_writers_abandon() removes, in addition to unfinished
 * files.
 */
#ifndef DF_CORE_TEMPORARY_H
#define DF_CORE_TEMPORARY_H

/* The folders of df_temporary_folder_for() that are there, with their files. For a signal handler. */
void df_folders_abandon(void);

#endif
