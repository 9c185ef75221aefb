/* SPDX-License-Identifier: Apache-2.0
 *
 * A host program whose language writes "0,5": nothing that the library reads or writes changes.
 */
#include <criterion/criterion.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "annotations/annotations.h"
#include "checkpoint/checkpoint.h"
#include "config/config.h"
#include "core/core.h"

/* The German of the system, or one that is made for the test. False if there is neither. */
static bool speak_german(const char *folder)
{
    char command[4200];
    if (!setlocale(LC_ALL, "de_DE.UTF-8")) {
        snprintf(command, sizeof command, "localedef -i de_DE -f UTF-8 %s/de_DE.UTF-8 >%s/log 2>&1", folder, folder);
        if (system(command) != 0 || setenv("LOCPATH", folder, 1) < 0 || !setlocale(LC_ALL, "de_DE.UTF-8"))
            return false;
    }
    char half[8];
    snprintf(half, sizeof half, "%.1f", 0.5);
    return strcmp(half, "0,5") == 0;
}

static void texts(void)
{
    DfTextbuf t = { 0 };
    char *text;
    df_textbuf_add(&t, "%g ", 0.5);
    df_textbuf_number(&t, 1234567.25);
    cr_assert_eq(df_textbuf_take(&t, &text), DF_OK);
    cr_expect_str_eq(text, "0.5 1234567.25");
    df_free(text);
    DfArena *arena = df_arena_new();
    cr_expect_str_eq(df_arena_text(arena, "%.2f", 0.25), "0.25");
    df_arena_free(arena);
    df_fail(DF_EVALUE, "%g: want %g", 0.5, 1.5);
    cr_expect_str_eq(df_error(), "0.5: want 1.5");
}

static void files(const char *folder)
{
    DfWriter *writer;
    DfConfig *config;
    char *path = df_path_join(folder, "a.py"), *text;
    cr_assert_eq(df_writer_open(&writer, path), DF_OK);
    df_writef(writer, "a = %g\nb = [1e-3, 2.5]\n", 0.5);
    cr_assert_eq(df_writer_commit(writer), DF_OK);
    cr_assert_eq(df_config_read(&config, path, NULL, 0), DF_OK, "%s", df_error());
    cr_expect_eq(df_node_number(df_node_get(df_config_root(config), "a"), 0), 0.5);
    cr_assert_eq(df_config_write(df_config_root(config), path, true), DF_OK, "%s", df_error());
    df_config_free(config);
    cr_assert_eq(df_file_text(&text, NULL, path, 1000), DF_OK);
    cr_expect(strstr(text, "0.5") && strstr(text, "0.001") && strstr(text, "2.5"), "%s", text);
    cr_expect_not(strstr(text, "0,5"), "%s", text);
    df_free(text);
    remove(path);
    df_free(path);
}

static void numbers(void)
{
    static const char json[] = "[0.5, 1.00000000000000011102230246251565404236316680908203125, 1e-400, 2.5e3]";
    static const double values[] = { 0.5, 1, 0, 2500 };
    DfJson *j;
    DfJsonValue v;
    char *end;
    cr_expect_eq(df_strtod("1.5x", &end), 1.5);
    cr_expect_str_eq(end, "x");
    cr_assert_eq(df_json_open_text(&j, json, sizeof json - 1, "json"), DF_OK);
    cr_expect_eq(df_json_next(j, &v), DF_JSON_ARRAY);
    for (int i = 0; i < 4; i++) {
        cr_expect_eq(df_json_next(j, &v), DF_JSON_NUMBER);
        cr_expect_eq(v.number, values[i]);
    }
    df_json_close(j);
}

Test(locale, a_decimal_comma_changes_nothing)
{
    char *folder = df_temporary_folder();
    cr_assert_not_null(folder);
    const bool german = speak_german(folder);
    if (german) {
        texts();
        files(folder);
        numbers();
        cr_expect_str_eq(localeconv()->decimal_point, ","); /* the program's own language stays */
    }
    char command[4200];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    cr_expect_eq(system(command), 0);
    df_free(folder);
    if (!german)
        cr_skip_test("no German here, and no localedef to make it");
}
