/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/torture/branch.h -- a process that goes on twice: once as a copy that something happens to, and then undisturbed.
 */
#ifndef DF_TORTURE_BRANCH_H
#define DF_TORTURE_BRANCH_H

#include <stdbool.h>

enum Branch {
    BRANCH_COPY,    /* this is the copy                                                                     */
    BRANCH_ENDED,   /* this is the process itself, and the copy has ended                                   */
    BRANCH_REFUSED, /* this is the process itself, and it has several threads or files that are not copied  */
};

/* The copy works in FOLDER/work, a copy of the working folder, and writes what it prints to FOLDER/out and FOLDER/err after a
 * copy of what is printed already. How it ended is in FOLDER/status, as the shell counts it: 128 and the signal. FOLDER is made
 * here, and is not below the working folder. */
enum Branch torture_branch(const char *folder);

/* Whether the copy in FOLDER ended with 1, said one line and nothing else, left no file and, as its report tells, no more than
 * `kept` blocks. Its folder is removed then. */
bool torture_remove_if_plain(const char *folder, long kept);

/* Runs COMMAND with the shell, without LD_PRELOAD: the exit status, or -1. */
int torture_call(const char *command);

#endif
