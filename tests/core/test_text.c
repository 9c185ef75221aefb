/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/core/test_text.c -- what is unprintable is made visible wherever a text is printed.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "core/core.h"

static const struct {
    const char *text, *shown, *json;
} cases[] = {
    { "plain", "plain", "\"plain\"" },
    { "\x1b[31mred", "\\x1b[31mred", "\"\\u001b[31mred\"" },
    { "a\nb\tc\rd\ae", "a\\nb\\tc\\rd\\ae", "\"a\\u000ab\\u0009c\\u000dd\\u0007e\"" },
    { "\x7f", "\\x7f", "\"\\u007f\"" },
    { "\xc2\x9b" "31m", "\\u009b31m", "\"\\u009b31m\"" },
    { "caf\xc3\xa9", "caf\xc3\xa9", "\"caf\xc3\xa9\"" },
    { "\xe4\xba\xba", "\xe4\xba\xba", "\"\xe4\xba\xba\"" },
    { "\xf0\x9f\x90\x88", "\xf0\x9f\x90\x88", "\"\xf0\x9f\x90\x88\"" },
    { "\xff|\xc3", "\\xff|\\xc3", "\"\\udcff|\\udcc3\"" },
    { "\xe2\x80\xae" "gpj", "\\u202egpj", "\"\xe2\x80\xae" "gpj\"" },
    { "back\\slash", "back\\slash", "\"back\\\\slash\"" },
};
enum { N = sizeof cases / sizeof *cases };

Test(text, shown)
{
    char to[64];
    for (int i = 0; i < N; i++) {
        cr_expect_str_eq(df_shown(to, sizeof to, cases[i].text), cases[i].shown);
        cr_expect_eq(df_shown_length(cases[i].text), strlen(cases[i].shown));
        cr_expect_str_eq(df_shown(to, sizeof to, cases[i].shown), cases[i].shown, "shown again");
    }
}

Test(text, no_character_is_cut)
{
    char to[6];
    cr_expect_str_eq(df_shown(to, sizeof to, "ab\x1b" "c"), "ab");
    cr_expect_str_eq(df_shown(to, sizeof to, "abcd\xc3\xa9"), "abcd");
}

Test(text, json)
{
    for (int i = 0; i < N; i++) {
        DfTextbuf t = { 0 };
        char *out;
        df_textbuf_json(&t, cases[i].text);
        cr_assert_eq(df_textbuf_take(&t, &out), DF_OK);
        cr_expect_str_eq(out, cases[i].json);
        df_free(out);
    }
}

Test(text, sentences)
{
    df_fail(DF_EVALUE, "%s: wrong", "a\x1b]0;title\a\nb");
    cr_expect_str_eq(df_error(), "a\\x1b]0;title\\a\\nb: wrong");
    df_fail_in(DF_EVALUE, "%s: ", "\x9b");
    cr_expect_str_eq(df_error(), "\\x9b: a\\x1b]0;title\\a\\nb: wrong");
}

Test(text, of_files_is_checked)
{
    cr_expect_eq(df_text_check("caf\xc3\xa9\n", 6, "a.txt"), DF_OK);
    cr_expect_eq(df_text_check("", 0, "a.txt"), DF_OK);
    cr_expect_eq(df_text_check("a\nb\ncaf\xe9\n", 9, "a.txt"), DF_EFORMAT);
    cr_expect_str_eq(df_error(), "a.txt: line 3: the byte 0xe9 is not UTF-8 (iconv -t UTF-8 converts it)");
    cr_expect_eq(df_text_check("a\n\0b", 4, "a.txt"), DF_EFORMAT);
    cr_expect_str_eq(df_error(), "a.txt: line 2: a zero byte: want text");
    cr_expect_eq(df_text_check("\xc3", 1, "a.txt"), DF_EFORMAT, "cut short");
}
