/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/fuzz/files.h -- a folder of files for readers that take paths. It stands in TMPDIR,
 * best in memory, and goes when the process ends.
 */
#ifndef DF_TESTS_FUZZ_FILES_H
#define DF_TESTS_FUZZ_FILES_H

#include <stddef.h>
#include <stdint.h>

/* The path of a file or folder below that folder: a text of at most 16 calls ago. */
const char *fuzz_path(const char *name);

/* Folders on the way are made. */
void fuzz_write(const char *name, const void *bytes, size_t size);
void fuzz_write_text(const char *name, const char *text);

/* Divides the input at its zero bytes among n files; those that get nothing are empty. */
void fuzz_divide(const uint8_t *data, size_t size, const char *const *names, int n);

/* A picture of 8 x 6 pixels, PNG or JPEG by its ending. */
void fuzz_write_picture(const char *name, int height, int width, int channels);

/* Lines of the input as n texts of at most 250 bytes; gives how many there are. */
enum { FUZZ_LINES = 16 };
int fuzz_lines(const uint8_t *data, size_t size, const char *lines[FUZZ_LINES]);

#endif
