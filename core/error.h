/* SPDX-License-Identifier: Apache-2.0
 *
 * core/error.h -- how the library reports errors.
 *
 * A function that can fail returns an int: DF_OK (0) or one of the negative codes below, and leaves one sentence for
 * the user in a thread-local buffer. The sentence says what was found and what was wanted, and names the file or key.
 * The library never prints and never exits. Unprintable characters in the sentence are escaped (core/text.h).
 */
#ifndef DF_CORE_ERROR_H
#define DF_CORE_ERROR_H

#include "core/api.h"

DF_BEGIN_DECLS

enum {
    DF_OK = 0,
    DF_ENOMEM = -1,     /* memory ran out                                        */
    DF_EIO = -2,        /* the operating system refused: open, read, write, ...  */
    DF_EFORMAT = -3,    /* the bytes are not what the format promises            */
    DF_EVALUE = -4,     /* a value is wrong: an option, a key, a type            */
    DF_ESHAPE = -5,     /* tensors that do not fit together                      */
    DF_EINTERRUPT = -6  /* the user asked to stop                                */
};

#if defined(__GNUC__)
#define DF_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#else
#define DF_PRINTF(fmt, args)
#endif

/* Sets the sentence and returns `code`:  return df_fail(DF_EVALUE, "dim = %d: want 16..4096", dim); */
DF_API int df_fail(int code, const char *format, ...) DF_PRINTF(2, 3);

/* The same for a failed system call: appends ": " and strerror(errno), code DF_EIO. */
DF_API int df_fail_errno(const char *format, ...) DF_PRINTF(1, 2);

/* The same with "FILE:LINE: " before the sentence; if `line` is 0, as for the command line, with "FILE: ". */
DF_API int df_fail_at(const char *file, int line, int code, const char *format, ...) DF_PRINTF(4, 5);

/* Fails with DF_ENOMEM: memory ran out while making `what`. */
DF_API int df_fail_memory(const char *what);

/* Puts context before the current sentence and returns `code` unchanged: "val.json: " + "line 3: ...". */
DF_API int df_fail_in(int code, const char *format, ...) DF_PRINTF(2, 3);

/* The last sentence of this thread; "" if nothing failed. Valid until the next failure on this thread. */
DF_API const char *df_error(void);

DF_END_DECLS

#endif
