/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/core/test_hash.c -- FNV-1a against the values that its authors publish.
 */
#include <criterion/criterion.h>

#include "core/hash.h"

Test(hash, published_values)
{
    cr_expect_eq(df_hash(""), UINT64_C(0xcbf29ce484222325));
    cr_expect_eq(df_hash("a"), UINT64_C(0xaf63dc4c8601ec8c));
    cr_expect_eq(df_hash("foobar"), UINT64_C(0x85944171f73967e8));
    cr_expect_eq(df_hash_add(df_hash("foo"), "bar", 3), df_hash("foobar"));
}

Test(hash, texts_have_ends)
{
    const uint64_t one = df_hash_add_text(df_hash_add_text(DF_HASH_START, "ab"), "c");
    const uint64_t other = df_hash_add_text(df_hash_add_text(DF_HASH_START, "a"), "bc");
    cr_expect_neq(one, other);
    cr_expect_eq(df_hash_add_text(DF_HASH_START, NULL), df_hash_add_text(DF_HASH_START, ""));
}
