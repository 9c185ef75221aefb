/* SPDX-License-Identifier: Apache-2.0
 *
 * What is written is JSON that cJSON reads back, to the bit.
 */
#include <cjson/cJSON.h>
#include <criterion/criterion.h>
#include <float.h>
#include <math.h>

#include "core/core.h"

Test(json_writer, is_read_back)
{
    const double numbers[] = { 0, -0.0, 1, 0.1, 1.0 / 3, DBL_MAX, DBL_MIN, 4e-324, 123456789012345678.0, -2.5e-7 };
    const size_t n = sizeof numbers / sizeof *numbers;
    DfJsonWriter w = { 0 };
    char *text;
    df_json_begin(&w, NULL, '{');
    df_json_put_text(&w, "a \"key\"\n", "\x1b\\");
    df_json_put_text(&w, "none", NULL);
    df_json_put_number(&w, "nan", (double)NAN);
    df_json_put_number(&w, "far", (double)-INFINITY);
    df_json_put_bool(&w, "yes", true);
    df_json_begin(&w, "empty", '[');
    df_json_end(&w);
    df_json_begin(&w, "numbers", '[');
    for (size_t i = 0; i < n; i++)
        df_json_put_number(&w, NULL, numbers[i]);
    df_json_end(&w);
    df_json_end(&w);
    cr_assert_eq(df_json_take(&w, &text), DF_OK);
    cJSON *json = cJSON_Parse(text);
    cr_assert_not_null(json, "%s", text);
    cr_expect_str_eq(cJSON_GetStringValue(cJSON_GetObjectItem(json, "a \"key\"\n")), "\x1b\\");
    cr_expect(cJSON_IsNull(cJSON_GetObjectItem(json, "none")) && cJSON_IsNull(cJSON_GetObjectItem(json, "nan")));
    cr_expect(cJSON_IsNull(cJSON_GetObjectItem(json, "far")) && cJSON_IsTrue(cJSON_GetObjectItem(json, "yes")));
    cr_expect_eq(cJSON_GetArraySize(cJSON_GetObjectItem(json, "empty")), 0);
    for (size_t i = 0; i < n; i++) {
        const double read = cJSON_GetArrayItem(cJSON_GetObjectItem(json, "numbers"), (int)i)->valuedouble;
        cr_expect(read == numbers[i], "%.17g for %.17g", read, numbers[i]);
    }
    cr_expect(strstr(text, " 0.1,\n"), "%s", text);
    cJSON_Delete(json);
    df_free(text);
}

/* As Python writes names of files; cJSON does not read it, test_json.c does. */
Test(json_writer, bytes_that_are_not_utf8)
{
    DfJsonWriter w = { 0 };
    char *text;
    df_json_begin(&w, NULL, '[');
    df_json_put_text(&w, NULL, "q\xff.jpg");
    df_json_end(&w);
    cr_assert_eq(df_json_take(&w, &text), DF_OK);
    cr_expect(strstr(text, "\"q\\udcff.jpg\""), "%s", text);
    df_free(text);
}

Test(json_writer, without_memory)
{
    for (long at = 1; at < 4; at++) {
        DfJsonWriter w = { 0 };
        char *text = NULL;
        df_memory_fail_at((size_t)at, true);
        df_json_begin(&w, NULL, '[');
        for (int i = 0; i < 500; i++)
            df_json_put_text(&w, NULL, "0123456789");
        df_json_end(&w);
        const int error = df_json_take(&w, &text);
        df_memory_fail_at(0, false);
        cr_expect_eq(error, DF_ENOMEM);
        cr_expect_null(text);
    }
}
