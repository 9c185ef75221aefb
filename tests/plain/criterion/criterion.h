/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/plain/criterion/criterion.h -- as much of Criterion's interface as our tests use, in one process. Criterion
 * runs each test in a process of its own, on memory mapped where ThreadSanitizer keeps its shadow, and by starting the
 * program anew, which an emulator of another processor cannot follow: for both, tests are built with this instead.
 */
#ifndef DF_TESTS_PLAIN_CRITERION_H
#define DF_TESTS_PLAIN_CRITERION_H

#include <stdio.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

typedef struct {
    int unused;
    void (*init)(void), (*fini)(void);
    double timeout; /* not kept */
} PlainOptions;

typedef struct PlainTest {
    const char *suite, *name;
    void (*run)(void);
    PlainOptions options;
    struct PlainTest *next;
} PlainTest;

void plain_add(PlainTest *);  /* a test, or (run NULL) what all tests of a suite have in common */
void plain_check(bool ok, bool stop, const char *file, int line, const char *what, const char *format, ...);
void plain_skip(const char *format, ...);
bool plain_near(double a, double b, double epsilon);
bool plain_same_text(const char *a, const char *b);

#define PLAIN_REGISTER(suite_, name_, run_, ...)                                                                \
    static PlainTest suite_##_##name_##_test = { #suite_, #name_, run_, { 0, __VA_ARGS__ }, NULL };               \
    __attribute__((constructor)) static void suite_##_##name_##_add(void)                                       \
    {                                                                                                           \
        plain_add(&suite_##_##name_##_test);                                                                    \
    }
#define Test(suite, name, ...)                                                                                  \
    static void suite##_##name##_run(void);                                                                     \
    PLAIN_REGISTER(suite, name, suite##_##name##_run, __VA_ARGS__)                                              \
    static void suite##_##name##_run(void)
#define TestSuite(suite, ...) PLAIN_REGISTER(suite, all_of_it, NULL, __VA_ARGS__) struct PlainTest

#define PLAIN_CHECK(stop, ok, what, ...) plain_check((ok), stop, __FILE__, __LINE__, what, " " __VA_ARGS__)
#define PLAIN_ASSERT(ok, what, ...) PLAIN_CHECK(true, ok, what, __VA_ARGS__)
#define PLAIN_EXPECT(ok, what, ...) PLAIN_CHECK(false, ok, what, __VA_ARGS__)

#define cr_assert(a, ...) PLAIN_ASSERT(a, #a, __VA_ARGS__)
#define cr_assert_not(a, ...) PLAIN_ASSERT(!(a), "not " #a, __VA_ARGS__)
#define cr_assert_eq(a, b, ...) PLAIN_ASSERT((a) == (b), #a " == " #b, __VA_ARGS__)
#define cr_assert_neq(a, b, ...) PLAIN_ASSERT((a) != (b), #a " != " #b, __VA_ARGS__)
#define cr_assert_lt(a, b, ...) PLAIN_ASSERT((a) < (b), #a " < " #b, __VA_ARGS__)
#define cr_assert_leq(a, b, ...) PLAIN_ASSERT((a) <= (b), #a " <= " #b, __VA_ARGS__)
#define cr_assert_gt(a, b, ...) PLAIN_ASSERT((a) > (b), #a " > " #b, __VA_ARGS__)
#define cr_assert_geq(a, b, ...) PLAIN_ASSERT((a) >= (b), #a " >= " #b, __VA_ARGS__)
#define cr_assert_null(a, ...) PLAIN_ASSERT((a) == NULL, #a " is NULL", __VA_ARGS__)
#define cr_assert_not_null(a, ...) PLAIN_ASSERT((a) != NULL, #a " is not NULL", __VA_ARGS__)
#define cr_assert_str_eq(a, b, ...) PLAIN_ASSERT(plain_same_text(a, b), #a " reads " #b, __VA_ARGS__)
#define cr_assert_float_eq(a, b, e, ...) PLAIN_ASSERT(plain_near((double)(a), (double)(b), (double)(e)), #a " is near " #b, __VA_ARGS__)
#define cr_assert_arr_eq(a, b, n, ...) PLAIN_ASSERT(memcmp(a, b, n) == 0, #a " holds " #b, __VA_ARGS__)
#define cr_assert_fail(...) PLAIN_ASSERT(false, "failed", __VA_ARGS__)

#define cr_expect(a, ...) PLAIN_EXPECT(a, #a, __VA_ARGS__)
#define cr_expect_not(a, ...) PLAIN_EXPECT(!(a), "not " #a, __VA_ARGS__)
#define cr_expect_eq(a, b, ...) PLAIN_EXPECT((a) == (b), #a " == " #b, __VA_ARGS__)
#define cr_expect_neq(a, b, ...) PLAIN_EXPECT((a) != (b), #a " != " #b, __VA_ARGS__)
#define cr_expect_lt(a, b, ...) PLAIN_EXPECT((a) < (b), #a " < " #b, __VA_ARGS__)
#define cr_expect_leq(a, b, ...) PLAIN_EXPECT((a) <= (b), #a " <= " #b, __VA_ARGS__)
#define cr_expect_gt(a, b, ...) PLAIN_EXPECT((a) > (b), #a " > " #b, __VA_ARGS__)
#define cr_expect_geq(a, b, ...) PLAIN_EXPECT((a) >= (b), #a " >= " #b, __VA_ARGS__)
#define cr_expect_null(a, ...) PLAIN_EXPECT((a) == NULL, #a " is NULL", __VA_ARGS__)
#define cr_expect_not_null(a, ...) PLAIN_EXPECT((a) != NULL, #a " is not NULL", __VA_ARGS__)
#define cr_expect_str_eq(a, b, ...) PLAIN_EXPECT(plain_same_text(a, b), #a " reads " #b, __VA_ARGS__)
#define cr_expect_float_eq(a, b, e, ...) PLAIN_EXPECT(plain_near((double)(a), (double)(b), (double)(e)), #a " is near " #b, __VA_ARGS__)
#define cr_expect_arr_eq(a, b, n, ...) PLAIN_EXPECT(memcmp(a, b, n) == 0, #a " holds " #b, __VA_ARGS__)
#define cr_expect_fail(...) PLAIN_EXPECT(false, "failed", __VA_ARGS__)

#define cr_skip(...) plain_skip(" " __VA_ARGS__)
#define cr_skip_test(...) plain_skip(" " __VA_ARGS__)
#define cr_log_info(...) ((void)printf(__VA_ARGS__), (void)printf("\n"))

#endif
