/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/plain/main.c -- runs the tests of a program one after the other, in this
 * process, and counts them as Criterion does.
 */
#include <criterion/criterion.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

static PlainTest *first;
static jmp_buf out;
static enum { PASSED, FAILED, SKIPPED } fate;

void plain_add(PlainTest *test)
{
    PlainTest **last = &first;
    while (*last)
        last = &(*last)->next;
    *last = test;
}

void plain_check(bool ok, bool stop, const char *file, int line, const char *what, const char *format, ...)
{
    if (ok)
        return;
    va_list args;
    va_start(args, format);
    fprintf(stderr, "%s:%d: want %s:", file, line, what);
    vfprintf(stderr, format, args);
    fprintf(stderr, "\n");
    va_end(args);
    fate = FAILED;
    if (stop)
        longjmp(out, 1);
}

void plain_skip(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fprintf(stderr, "skipped:");
    vfprintf(stderr, format, args);
    fprintf(stderr, "\n");
    va_end(args);
    fate = SKIPPED;
    longjmp(out, 1);
}

bool plain_near(double a, double b, double epsilon)
{
    return a - b <= epsilon && b - a <= epsilon;
}

bool plain_same_text(const char *a, const char *b)
{
    return a && b && strcmp(a, b) == 0;
}

static const PlainOptions *common(const PlainTest *test)
{
    static const PlainOptions none;
    for (const PlainTest *t = first; t; t = t->next)
        if (!t->run && strcmp(t->suite, test->suite) == 0)
            return &t->options;
    return &none;
}

static void call(void (*function)(void))
{
    if (function && setjmp(out) == 0)
        function();
}

int main(void)
{
    int count[3] = { 0 };
    for (const PlainTest *t = first; t; t = t->next) {
        if (!t->run)
            continue;
        const PlainOptions *all = common(t), *own = &t->options;
        fate = PASSED;
        call(all->init);
        if (fate == PASSED)
            call(own->init);
        if (fate == PASSED)
            call(t->run);
        call(own->fini);
        call(all->fini);
        count[fate]++;
        fprintf(stderr, "%s %s::%s\n", fate == PASSED ? "passed " : fate == FAILED ? "FAILED " : "skipped", t->suite, t->name);
    }
    fprintf(stderr, "Synthesis: Tested: %d | Passing: %d | Failing: %d | Crashing: 0\n", count[PASSED] + count[FAILED] + count[SKIPPED], count[PASSED],
            count[FAILED]);
    return count[FAILED] > 0;
}
