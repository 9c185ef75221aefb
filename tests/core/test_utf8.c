/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/core/test_utf8.c -- characters of UTF-8, against the table of RFC 3629, section 4.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "core/core.h"

Test(utf8, every_character_is_read_as_it_was_written)
{
    for (uint32_t code = 0; code <= 0x10ffff; code++) {
        unsigned char bytes[8] = { 0 };
        const size_t n = (size_t)(df_utf8_put(bytes, code) - bytes);
        const size_t want = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
        const bool surrogate = code >= 0xd800 && code < 0xe000;
        cr_assert_eq(n, want, "U+%04X takes %zu bytes", (unsigned)code, n);
        cr_assert_eq(df_utf8_length(bytes, bytes + n), surrogate ? 0 : n, "U+%04X", (unsigned)code);
        cr_assert(n == 1 || df_utf8_length(bytes, bytes + n - 1) == 0, "U+%04X cut short", (unsigned)code);
    }
}

Test(utf8, known_bytes)
{
    static const struct {
        uint32_t code;
        const char *bytes;
    } known[] = {
        { 0x24,    "$"                },
        { 0xa3,    "\xc2\xa3"         },
        { 0x20ac,  "\xe2\x82\xac"     },
        { 0x10348, "\xf0\x90\x8d\x88" },
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        unsigned char bytes[8] = { 0 };
        df_utf8_put(bytes, known[i].code);
        cr_expect_str_eq((char *)bytes, known[i].bytes);
    }
}

Test(utf8, what_is_no_character)
{
    static const char *const bad[] = {
        "\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xc2\x41", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xe2\x82\x41", "\xf0\x8f\xbf\xbf",
        "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xf0\x90\x8d\x41", "\xff",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const unsigned char *p = (const unsigned char *)bad[i];
        cr_expect_eq(df_utf8_length(p, p + strlen(bad[i])), 0, "sequence %zu", i);
    }
}

Test(digits, values)
{
    cr_expect_eq(df_digit_value('0'), 0);
    cr_expect_eq(df_digit_value('9'), 9);
    cr_expect_eq(df_digit_value('a'), 10);
    cr_expect_eq(df_digit_value('F'), 15);
    for (const char *p = "/:`gG@ \xff"; *p; p++)
        cr_expect_eq(df_digit_value(*p), 16);
}
