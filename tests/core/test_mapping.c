/* SPDX-License-Identifier: Apache-2.0
 *
 * Files that are mapped: what others do to such a file while it is in use is harmless, or told.
 */
#define _GNU_SOURCE
#include <criterion/criterion.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/core.h"

enum { SIZE = (int)DF_MAP_LEAST + 12345 };

static char path[64];

static void write_file(const char *to, size_t n, int salt)
{
    FILE *file = fopen(to, "wb");
    cr_assert_not_null(file);
    for (size_t i = 0; i < n; i++)
        putc((int)((i * 7 + i / 4096 + (size_t)salt) & 0xff), file);
    cr_assert_eq(fclose(file), 0);
}

/* Clocks of file systems are coarse: what is written now shall be seen, whatever the time is. */
static void make_old(void)
{
    const struct timespec then[2] = { { .tv_sec = 1000000000 }, { .tv_sec = 1000000000 } };
    cr_assert_eq(utimensat(AT_FDCWD, path, then, 0), 0);
}

static void choose_path(void)
{
    snprintf(path, sizeof path, "/tmp/deformer-map-XXXXXX");
    const int descriptor = mkstemp(path);
    cr_assert_geq(descriptor, 0);
    close(descriptor);
    write_file(path, SIZE, 0);
    make_old();
}

static void remove_file(void)
{
    unlink(path);
}

TestSuite(mapping, .init = choose_path, .fini = remove_file);

static DfFile map(void)
{
    DfFile file;
    cr_assert_eq(df_file_map(&file, path, SIZE_MAX), DF_OK, "%s", df_error());
    return file;
}

static size_t wrong_bytes(const DfFile *file)
{
    size_t wrong = 0;
    for (size_t i = 0; i < file->size; i++)
        wrong += file->data[i] != ((i * 7 + i / 4096) & 0xff);
    return wrong;
}

static void expect_changed(const DfFile *file, const char *sentence)
{
    cr_expect_eq(df_file_check(file), DF_EIO);
    cr_expect(strstr(df_error(), sentence), "%s", df_error());
}

Test(mapping, has_the_bytes_of_the_file)
{
    DfFile file = map();
    cr_assert_not_null(file.mapping);
    cr_expect_eq(file.size, SIZE);
    cr_expect_eq(wrong_bytes(&file), 0);
    cr_expect(df_file_has(&file, file.data + SIZE - 1));
    cr_expect_not(df_file_has(&file, file.data + SIZE));
    cr_expect_eq(df_file_check(&file), DF_OK, "%s", df_error());
    df_file_close(&file);
    cr_expect_null(file.data);
}

Test(mapping, small_files_are_copies_with_a_zero_behind)
{
    DfFile file;
    write_file(path, 100, 0);
    file = map();
    cr_expect_null(file.mapping);
    cr_expect_not(df_file_has(&file, file.data));
    cr_expect_eq(wrong_bytes(&file), 0);
    cr_expect_eq(file.data[100], 0);
    write_file(path, 100, 1);
    cr_expect_eq(df_file_check(&file), DF_OK, "it is a copy");
    df_file_close(&file);
}

Test(mapping, a_limit_is_one_for_mapped_files_too)
{
    DfFile file;
    cr_expect_eq(df_file_map(&file, path, SIZE - 1), DF_EFORMAT);
    cr_expect_null(file.data);
}

Test(mapping, released_bytes_come_back)
{
    DfFile file = map();
    cr_expect_eq(wrong_bytes(&file), 0);
    df_file_release(&file, file.data, file.size);
    df_file_release(&file, file.data + 5000, 1);
    df_file_release(&file, file.data + 5000, 0);
    cr_expect_eq(wrong_bytes(&file), 0);
    df_file_close(&file);
}

Test(mapping, a_file_that_is_removed_stays)
{
    DfFile file = map();
    df_file_release(&file, file.data, file.size);
    unlink(path);
    cr_expect_eq(wrong_bytes(&file), 0);
    cr_expect_eq(df_file_check(&file), DF_OK, "%s", df_error());
    df_file_close(&file);
}

Test(mapping, a_file_that_is_replaced_stays)
{
    char other[80];
    snprintf(other, sizeof other, "%s.new", path);
    DfFile file = map();
    write_file(other, SIZE, 1);
    cr_assert_eq(rename(other, path), 0);
    cr_expect_eq(wrong_bytes(&file), 0);
    cr_expect_eq(df_file_check(&file), DF_OK, "%s", df_error());
    df_file_close(&file);
}

Test(mapping, a_file_that_is_cut_short_gives_zeros_and_is_told)
{
    DfFile file = map();
    cr_assert_eq(truncate(path, 10000), 0);
    cr_expect_eq(file.data[SIZE - 1], 0); /* a whole page behind the end: SIGBUS without the handler */
    cr_expect_eq(file.data[9999], (9999 * 7 + 9999 / 4096) & 0xff);
    expect_changed(&file, "shrank from 77881 bytes to 10000");
    write_file(path, SIZE, 0);            /* the same size again: the page of zeros is still there */
    expect_changed(&file, "was cut short and written again");
    df_file_close(&file);
}

Test(mapping, a_file_that_is_written_to_is_told)
{
    DfFile file = map();
    const int descriptor = open(path, O_WRONLY);
    cr_assert_geq(descriptor, 0);
    cr_assert_eq(pwrite(descriptor, "x", 1, 77), 1);
    close(descriptor);
    expect_changed(&file, "was written to");
    df_file_close(&file);
}

/* ---- faults of others -------------------------------------------------------------------------------------------- */

static sigjmp_buf back;
static volatile sig_atomic_t their_faults;

static void on_their_fault(int number)
{
    (void)number;
    their_faults++;
    siglongjmp(back, 1);
}

/* A mapping of a file that is cut short, by code that is not ours. */
static void fault(void)
{
    const int descriptor = open(path, O_RDWR);
    cr_assert_geq(descriptor, 0);
    const volatile char *theirs = mmap(NULL, SIZE, PROT_READ, MAP_PRIVATE, descriptor, 0);
    cr_assert_eq(ftruncate(descriptor, 0), 0);
    if (sigsetjmp(back, 1) == 0)
        their_faults = theirs[0] ? 0 : -1; /* a fault: so this is not reached */
    close(descriptor);
}

/* How a process ends that had `before` as its handler, mapped a file, and met a fault elsewhere. */
static int end_of_a_process(struct sigaction before)
{
    int status = 0;
    const pid_t child = fork();
    cr_assert_geq(child, 0);
    if (child == 0) {
        sigaction(SIGBUS, &before, NULL);
        DfFile file = map();
        fault();
        df_file_close(&file);
        _exit(their_faults == 1 ? 77 : 1);
    }
    cr_assert_eq(waitpid(child, &status, 0), child);
    return status;
}

Test(mapping, faults_elsewhere_go_to_the_handler_that_was_there)
{
    const int status = end_of_a_process((struct sigaction){ .sa_handler = on_their_fault });
    cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 77, "%d", status);
}

Test(mapping, faults_elsewhere_end_the_program_where_there_was_none)
{
    const int status = end_of_a_process((struct sigaction){ .sa_handler = SIG_DFL });
    cr_expect(!WIFEXITED(status) || WEXITSTATUS(status) != 1, "%d", status);
}
