/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/core/test_writing.c -- files are replaced whole, keep their links and permissions, and stay in their folder.
 */
#include <criterion/criterion.h>
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/core.h"

static char *folder;

static void setup(void)
{
    folder = df_temporary_folder();
    cr_assert_not_null(folder, "%s", df_error());
}

static void remove_all(const char *path)
{
    struct stat info;
    if (lstat(path, &info) == 0 && S_ISDIR(info.st_mode)) {
        DIR *dir = opendir(path);
        for (struct dirent *e; dir && (e = readdir(dir));) {
            char *inner = df_path_join(path, e->d_name);
            if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
                remove_all(inner);
            df_free(inner);
        }
        if (dir)
            closedir(dir);
    }
    remove(path);
}

static void teardown(void)
{
    remove_all(folder);
    df_free(folder);
}

TestSuite(writing, .init = setup, .fini = teardown);

/* In one buffer, because a test has few names at a time. */
static const char *in(const char *name)
{
    static char paths[8][1024];
    static int next;
    char *path = paths[next++ % 8];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

static void expect_content(const char *name, const char *want)
{
    char *text = NULL;
    cr_assert_eq(df_file_text(&text, NULL, in(name), 1 << 20), DF_OK, "%s", df_error());
    cr_expect_str_eq(text, want);
    df_free(text);
}

static int count_files(void)
{
    int n = 0;
    DIR *dir = opendir(folder);
    for (struct dirent *e; dir && (e = readdir(dir));)
        n += e->d_name[0] != '.';
    if (dir)
        closedir(dir);
    return n;
}

static int mode_of(const char *name)
{
    struct stat info;
    cr_assert_eq(stat(in(name), &info), 0);
    return info.st_mode & 0777;
}

Test(writing, new_one_obeys_the_umask)
{
    const mode_t before = umask(027);
    cr_assert_eq(df_file_write_text(in("a"), "one"), DF_OK, "%s", df_error());
    umask(before);
    cr_expect_eq(mode_of("a"), 0640);
}

Test(writing, replaced_one_keeps_its_permissions)
{
    cr_assert_eq(df_file_write_text(in("a"), "one"), DF_OK);
    cr_assert_eq(chmod(in("a"), 0606), 0);
    cr_assert_eq(df_file_write_text(in("a"), "two"), DF_OK);
    cr_expect_eq(mode_of("a"), 0606);
    expect_content("a", "two");
    cr_expect_eq(count_files(), 1);
}

Test(writing, link_stays_and_what_it_leads_to_is_replaced)
{
    struct stat info;
    cr_assert_eq(df_make_directory(in("deep")), DF_OK);
    cr_assert_eq(df_file_write_text(in("deep/a"), "one"), DF_OK);
    cr_assert_eq(symlink("deep/a", in("first")), 0);
    cr_assert_eq(symlink("first", in("second")), 0);
    cr_assert_eq(df_file_write_text(in("second"), "two"), DF_OK, "%s", df_error());
    expect_content("deep/a", "two");
    cr_assert_eq(lstat(in("second"), &info), 0);
    cr_expect(S_ISLNK(info.st_mode));
    cr_assert_eq(lstat(in("first"), &info), 0);
    cr_expect(S_ISLNK(info.st_mode));
}

Test(writing, links_in_a_circle_are_an_error)
{
    cr_assert_eq(symlink("b", in("a")), 0);
    cr_assert_eq(symlink("a", in("b")), 0);
    cr_expect_eq(df_file_write_text(in("a"), "text"), DF_EIO);
}

Test(writing, temporary_names_differ_and_fit)
{
    char long_name[256];
    memset(long_name, 'x', 255);
    long_name[255] = 0;
    char *one = df_temporary_name(in("a"));
    char *other = df_temporary_name(in("a"));
    cr_expect_neq(strcmp(one, other), 0);
    cr_expect(df_is_temporary_name(one));
    cr_expect_not(df_is_temporary_name("notes.tmp-old"));
    df_free(one);
    df_free(other);
    cr_expect_eq(df_file_write_text(in(long_name), "text"), DF_OK, "%s", df_error());
    expect_content(long_name, "text");
}

Test(writing, long_formats_and_many_bytes)
{
    enum { N = 200000 };
    DfWriter *writer;
    char *text = df_malloc(N + 1);
    memset(text, 'y', N);
    text[N] = 0;
    cr_assert_eq(df_writer_open(&writer, in("a")), DF_OK);
    df_writef(writer, "%s|", "short");
    df_writef(writer, "%s|", text);
    df_write(writer, text, N);
    for (int i = 0; i < 30000; i++)
        df_writef(writer, "%05d", i);
    cr_assert_eq(df_writer_commit(writer), DF_OK);
    struct stat info;
    cr_assert_eq(stat(in("a"), &info), 0);
    cr_expect_eq(info.st_size, 6 + N + 1 + N + 5 * 30000);
    df_free(text);
}

Test(writing, dropped_one_leaves_nothing)
{
    DfWriter *writer;
    cr_assert_eq(df_writer_open(&writer, in("a")), DF_OK);
    df_writef(writer, "text");
    df_writer_drop(writer);
    cr_expect_eq(count_files(), 0);
    cr_assert_eq(df_writer_open(&writer, in("a")), DF_OK);
    df_writers_abandon();
    cr_expect_eq(count_files(), 0);
    df_writer_drop(writer);
}

/* Whether they were waited for is seen only by who cuts the power (tests/torture). */
Test(writing, many_files_are_waited_for_once)
{
    char name[8];
    df_writers_hurry();
    df_writers_hurry();
    for (int i = 0; i < 20; i++) {
        snprintf(name, sizeof name, "%d", i);
        cr_assert_eq(df_file_write_text(in(name), "text"), DF_OK, "%s", df_error());
    }
    cr_expect_eq(df_writers_settle("not there, and not asked"), DF_OK);
    cr_expect_eq(df_writers_settle(in("")), DF_OK, "%s", df_error());
    cr_expect_eq(count_files(), 20);
    df_writers_hurry();
    cr_expect_lt(df_writers_settle(in("nowhere")), 0);
}

/* ---- names from data --------------------------------------------------------------------------------------------- */

static int below(const char *name)
{
    char *path;
    const int error = df_path_below(&path, in("out"), name);
    df_free(path);
    return error;
}

Test(writing, names_from_data_stay_below)
{
    cr_assert_eq(df_make_directory(in("out/deep")), DF_OK);
    cr_assert_eq(df_make_directory(in("elsewhere")), DF_OK);
    cr_assert_eq(df_make_directory(in("output")), DF_OK);
    const char *const fine[] = { "a", "deep/a", "deep/new/a", "..a", "a..", "...", "deep/..a/b", "inside/a" };
    const char *const wrong[] = { "", "/a", "..", "../a", "a/..", "deep/../../a", "a/../b", "link/a", "link/b/c",
                                  "file", "nowhere", "nowhere/a", "beside/a" };
    cr_assert_eq(symlink("deep", in("out/inside")), 0);
    cr_assert_eq(symlink("../elsewhere", in("out/link")), 0);
    cr_assert_eq(symlink("../elsewhere/a", in("out/file")), 0);
    cr_assert_eq(symlink("missing", in("out/nowhere")), 0);
    cr_assert_eq(symlink("../output", in("out/beside")), 0);
    for (size_t i = 0; i < sizeof fine / sizeof *fine; i++)
        cr_expect_eq(below(fine[i]), DF_OK, "%s: %s", fine[i], df_error());
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        cr_expect_eq(below(wrong[i]), DF_EVALUE, "%s", wrong[i]);
}

/* ---- files that grow --------------------------------------------------------------------------------------------- */

Test(writing, grows_by_lines_for_one_process)
{
    DfAppend *one;
    DfAppend *other;
    cr_assert_eq(df_append_open(&one, in("a")), DF_OK, "%s", df_error());
    cr_expect_eq(df_append_open(&other, in("a")), DF_EVALUE);
    cr_expect_eq(df_append_line(one, "first"), DF_OK);
    cr_expect_eq(df_append_line(one, "second"), DF_OK);
    cr_expect_eq(df_append_cut(one, 6), DF_OK);
    cr_expect_eq(df_append_line(one, "third"), DF_OK);
    cr_expect_eq(df_append_sync(one), DF_OK);
    df_append_close(one);
    expect_content("a", "first\nthird\n");
}
