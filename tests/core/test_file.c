/* SPDX-License-Identifier: Apache-2.0
 *
 * Files that are read: whole, within limits, and never for ever. Numbers from the environment.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/core.h"

static char *folder;

static char *path_in_folder(const char *name)
{
    static char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void make_folder(void)
{
    cr_assert_not_null(folder = df_temporary_folder(), "%s", df_error());
}

static void remove_folder(void)
{
    df_remove_folder(folder, (const char *const[]){ "a", "pipe", NULL });
    df_free(folder);
}

TestSuite(file, .init = make_folder, .fini = remove_folder);

static void expect_refused(const char *path, const char *sentence)
{
    DfFile file;
    DfJson *json;
    char *text;
    cr_expect_lt(df_file_open(&file, path, SIZE_MAX), 0);
    cr_expect(strstr(df_error(), sentence), "%s", df_error());
    cr_expect_null(file.data);
    cr_expect_lt(df_file_text(&text, NULL, path, 1 << 20), 0);
    cr_expect_null(text);
    cr_expect_lt(df_json_open(&json, path), 0);
    cr_expect(strstr(df_error(), sentence), "%s", df_error());
}

Test(file, devices_and_folders_are_refused)
{
    expect_refused("/dev/zero", "/dev/zero: is a device or a socket, want a file or a pipe");
    expect_refused("/dev/null", "is a device");
    expect_refused(folder, "is a directory, want a file");
    expect_refused(path_in_folder("none"), "No such file");
}

Test(file, texts_without_their_mark)
{
    static const char *const texts[][2] = {
        { "\xef\xbb\xbf" "a", "a" },
        { "\xef\xbb\xbf", "" },
        { "\xef\xbb", "\xef\xbb" },
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        char *text;
        size_t size;
        cr_assert_eq(df_file_write_text(path_in_folder("a"), texts[i][0]), DF_OK, "%s", df_error());
        cr_assert_eq(df_file_text(&text, &size, path_in_folder("a"), 1 << 20), DF_OK, "%s", df_error());
        cr_expect_str_eq(text, texts[i][1]);
        cr_expect_eq(size, strlen(texts[i][1]));
        df_free(text);
    }
}

Test(file, limits)
{
    DfFile file;
    char *text;
    size_t size;
    const char *path = path_in_folder("a");
    cr_assert_eq(df_file_write_text(path, "0123456789"), DF_OK);
    cr_expect_eq(df_file_open(&file, path, 9), DF_EFORMAT);
    cr_expect(strstr(df_error(), "larger than 9 bytes"), "%s", df_error());
    cr_assert_eq(df_file_open(&file, path, 10), DF_OK);
    cr_expect_eq(file.size, 10);
    cr_expect_eq(truncate(path, 1), 0); /* what was read stays */
    cr_expect_str_eq((const char *)file.data, "0123456789");
    df_file_close(&file);
    cr_assert_eq(df_file_text(&text, &size, path, 10), DF_OK);
    cr_expect_str_eq(text, "0");
    cr_expect_eq(size, 1);
    df_free(text);
}

Test(file, head_and_pieces)
{
    DfFile file;
    char piece[4] = "";
    int fd;
    const char *path = path_in_folder("a");
    cr_assert_eq(df_file_write_text(path, "0123456789"), DF_OK);
    cr_assert_eq(df_file_head(&file, path, 4), DF_OK);
    cr_expect_str_eq((const char *)file.data, "0123");
    df_file_close(&file);
    cr_assert_eq(df_file_descriptor(&fd, path), DF_OK);
    cr_expect(df_file_read_at(fd, piece, 3, 7));
    cr_expect_str_eq(piece, "789");
    cr_expect_not(df_file_read_at(fd, piece, 3, 8));
    cr_expect_not(df_file_read_at(fd, piece, 3, UINT64_MAX));
    close(fd);
}

/* Files of /sys say that they have a page, and have less: as if somebody had cut them meanwhile. */
Test(file, that_shrinks)
{
    static const char path[] = "/sys/kernel/mm/transparent_hugepage/enabled";
    DfFile file;
    struct stat info;
    if (stat(path, &info) < 0 || info.st_size == 0)
        cr_skip_test("no such file here");
    cr_expect_eq(df_file_open(&file, path, SIZE_MAX), DF_EIO);
    cr_expect(strstr(df_error(), "shrank from 4096 bytes to "), "%s", df_error());
}

Test(file, whose_size_nobody_knows)
{
    DfFile file;
    if (!df_file_exists("/proc/self/status"))
        cr_skip_test("no /proc here");
    cr_assert_eq(df_file_open(&file, "/proc/self/status", SIZE_MAX), DF_OK);
    cr_expect(df_starts_with((const char *)file.data, "Name:"));
    df_file_close(&file);
    cr_expect_eq(df_file_open(&file, "/proc/self/status", 10), DF_EFORMAT);
}

/* What a signal handler calls before the process ends. */
Test(file, folders_for_a_while)
{
    static const char *const files[] = { "one", "two", "three", NULL };
    char *left = df_temporary_folder_for(files), *removed = df_temporary_folder_for(files), *kept = df_temporary_folder();
    for (int i = 0; i < 2; i++) {
        char *path = df_path_join(left, files[i]);
        DfWriter *writer;
        cr_assert_eq(df_writer_open(&writer, path), DF_OK);
        cr_assert_eq(df_writer_commit(writer), DF_OK);
        df_free(path);
    }
    df_remove_folder(removed, files);
    df_writers_abandon();
    cr_expect_not(df_is_directory(left));
    cr_expect_not(df_is_directory(removed));
    cr_expect(df_is_directory(kept));
    df_remove_folder(left, files);
    df_remove_folder(kept, files);
    df_free(left);
    df_free(removed);
    df_free(kept);
}

Test(file, pipes)
{
    DfFile file;
    int ends[2];
    char path[32];
    cr_assert_eq(pipe(ends), 0);
    cr_assert_eq(write(ends[1], "abc", 3), 3);
    close(ends[1]);
    snprintf(path, sizeof path, "/dev/fd/%d", ends[0]);
    cr_expect_eq(df_file_head(&file, path, 4), DF_EIO);
    cr_assert_eq(df_file_open(&file, path, 3), DF_OK, "%s", df_error());
    cr_expect_str_eq((const char *)file.data, "abc");
    df_file_close(&file);
    close(ends[0]);
}

Test(environment, counts)
{
    static const char *const bad[] = { "0", "-1", "x", "3x", "1025", "99999999999999999999", "4,2", " ", "1.5" };
    int n = 7;
    unsetenv("DF_TEST_COUNT");
    cr_expect_eq(df_environment_count(&n, "DF_TEST_COUNT", 1024), DF_OK);
    cr_expect_eq(n, 0);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        setenv("DF_TEST_COUNT", bad[i], 1);
        cr_expect_eq(df_environment_count(&n, "DF_TEST_COUNT", 1024), DF_EVALUE, "%s", bad[i]);
    }
    cr_expect_str_eq(df_error(), "the environment has DF_TEST_COUNT=1.5: want a whole number from 1 to 1024");
    setenv("DF_TEST_COUNT", "4,2", 1);
    cr_expect_eq(df_environment_first_count(&n, "DF_TEST_COUNT", 1024), DF_OK);
    cr_expect_eq(n, 4);
}
