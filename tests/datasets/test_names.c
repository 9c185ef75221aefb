/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/datasets/test_names.c -- lists of names, one a line, whatever ends a line: as Python's universal newlines.
 */
#include <criterion/criterion.h>

#include "datasets/dataset_config.h"

static void expect_names(const char *text, int n)
{
    static const char *const want[] = { "cat", "dog", "big cow" };
    char *folder = df_temporary_folder();
    DfArena *arena = df_arena_new();
    cr_assert(folder && arena);
    char *path = df_path_join(folder, "names.txt");
    DfNames names;
    cr_assert(path);
    cr_assert_eq(df_file_write_text(path, text), DF_OK);
    cr_assert_eq(df_dataset_lines(&names, path, arena), DF_OK, "%s", df_error());
    cr_assert_eq(names.n, n, "%d names", names.n);
    for (int i = 0; i < n; i++)
        cr_expect_str_eq(names.name[i], want[i]);
    df_remove_folder(folder, (const char *const[]){ "names.txt", NULL });
    df_free(path);
    df_free(folder);
    df_arena_free(arena);
}

Test(names, any_end_of_line)
{
    expect_names("cat\ndog\nbig cow\n", 3);
    expect_names("cat\r\ndog\r\nbig cow", 3);
    expect_names("cat\rdog\rbig cow", 3);
    expect_names("\r\r\n\ncat\r\r\rdog\n\n", 2);
}
