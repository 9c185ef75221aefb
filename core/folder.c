/* SPDX-License-Identifier: Apache-2.0
 *
 * core/folder.c -- paths, and folders for what is needed only for a while.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/error.h"
#include "core/file.h"
#include "core/memory.h"
#include "core/text.h"

char *df_path_join(const char *folder, const char *name)
{
    const size_t n = strlen(folder) + strlen(name) + 2;
    char *path = df_malloc(n);
    if (path)
        snprintf(path, n, "%s%s%s", folder, folder[0] && !df_ends_with(folder, "/") ? "/" : "", name);
    return path;
}

char *df_temporary_folder(void)
{
    const char *parent = getenv("TMPDIR");
    char *folder = df_path_join(parent && parent[0] ? parent : "/tmp", "deformer-XXXXXX");
    if (!folder) {
        df_fail_memory("a path");
    } else if (!mkdtemp(folder)) {
        df_fail_errno("%s: cannot make a folder for results", folder);
        df_free(folder);
        return NULL;
    }
    return folder;
}

void df_remove_folder(const char *folder, const char *const *files)
{
    for (; *files; files++) {
        char *path = df_path_join(folder, *files);
        if (path)
            unlink(path);
        df_free(path);
    }
    rmdir(folder);
}
