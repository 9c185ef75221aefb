/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/annotations/test_csv.c -- comma-separated values, and what Open Images keeps in them.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "annotations/annotations.h"

static DfCsv csv(const char *text)
{
    return (DfCsv){ .at = text, .end = text + strlen(text), .file = "a.csv" };
}

Test(csv, rows_of_fields)
{
    DfCsv c = csv("\xef\xbb\xbf" "A,B\r\n1,\"x, \"\"y\"\"\"\r\n\n-2.5,\n");
    char text[DF_CSV_TEXT];
    double x;
    cr_assert_eq(df_csv_next(&c), 1);
    cr_expect_eq(df_csv_column(&c, "B"), 1);
    cr_expect_eq(df_csv_column(&c, "C"), DF_CSV_FIELDS);
    cr_assert_eq(df_csv_next(&c), 1);
    cr_assert_eq(df_csv_text(&c, 1, "B", text), DF_OK);
    cr_expect_str_eq(text, "x, \"y\"");
    cr_assert_eq(df_csv_next(&c), 1);
    cr_expect_eq(c.line, 4);
    cr_assert_eq(df_csv_number(&c, 0, "A", &x), DF_OK);
    cr_expect_eq(x, -2.5);
    cr_expect_eq(df_csv_number(&c, 1, "B", &x), DF_EFORMAT);
    cr_expect_not_null(strstr(df_error(), "a.csv: line 4: B is '': want a number"));
    cr_expect_eq(df_csv_next(&c), 0);
}

static void refused(const char *text, const char *sentence)
{
    DfCsv c = csv(text);
    int met = 1;
    while (met == 1)
        met = df_csv_next(&c);
    cr_expect_eq(met, DF_EFORMAT, "%s", text);
    cr_expect_not_null(strstr(df_error(), sentence), "%s", df_error());
}

Test(csv, what_is_no_table_is_refused)
{
    refused("A,B\n1\n", "line 2: 1 fields: want 2, as the first line has");
    refused("A\n\"1", "the file ends within quotes");
    refused("A\n\"1\"2", "text behind a closing quote");
    refused("A\n1\r2\n", "a carriage return within a row");
}

/* ---- masks -------------------------------------------------------------------------------------------------------- */

/* By zlib.compress() and base64.b64encode() of Python, of the runs of a 2 x 2 square in an image of 4 x 4. */
Test(openimages_mask, runs_fill_the_image)
{
    static const char text[] = "eJwzNTIyMAYAAv8A/Q==";
    DfMask m;
    cr_assert_eq(df_openimages_mask(&m, text, strlen(text), 4, 4), DF_OK, "%s", df_error());
    cr_assert_eq(m.n, 5);
    cr_expect_eq(m.runs[0], 5);
    cr_expect_eq(m.runs[1], 2);
    cr_expect_eq(m.runs[4], 5);
    df_mask_done(&m);
    cr_expect_eq(df_openimages_mask(&m, text, strlen(text), 1, 2), DF_EFORMAT);
    cr_expect_eq(df_openimages_mask(&m, "e!", 2, 4, 4), DF_EFORMAT);
    cr_expect_not_null(strstr(df_error(), "0x21: want base64"), "%s", df_error());
    cr_expect_eq(df_openimages_mask(&m, "AAAA", 4, 4, 4), DF_EFORMAT);
    cr_expect_not_null(strstr(df_error(), "is not deflated by zlib"), "%s", df_error());
}

/* ---- the tree ----------------------------------------------------------------------------------------------------- */

static char told[256];

static int above(void *arg, const char *label, const char *ancestor)
{
    (void)arg;
    strcat(strcat(told, label), ancestor ? "<" : " ");
    if (ancestor)
        strcat(strcat(told, ancestor), " ");
    return DF_OK;
}

static int read_tree(const char *text)
{
    told[0] = 0;
    return df_openimages_read_tree(text, strlen(text), "tree.json", &(DfOpenImagesTreeSink){ NULL, above });
}

Test(openimages_tree, every_class_above_but_the_root)
{
    cr_assert_eq(read_tree("{\"LabelName\": \"r\", \"Subcategory\": [{\"Subcategory\": [{\"LabelName\": \"b\", \"Part\": [1]}], "
                           "\"LabelName\": \"a\"}, {\"LabelName\": \"b\"}]}"), DF_OK, "%s", df_error());
    cr_expect_str_eq(told, "a b b<a b ");
    cr_expect_eq(read_tree("{\"Subcategory\": [{}]}"), DF_EFORMAT);
    cr_expect_not_null(strstr(df_error(), "a class without LabelName"), "%s", df_error());
    cr_expect_eq(read_tree("{\"Subcategory\": []}"), DF_EFORMAT);
    cr_expect_eq(read_tree("{\"Subcategory\": 3}"), DF_EFORMAT);
    cr_expect_eq(read_tree("[]"), DF_EFORMAT);
}

/* ---- lists of classes --------------------------------------------------------------------------------------------- */

static int listed(void *arg, const char *name, const char *called)
{
    (void)arg;
    strcat(strcat(told, name), "=");
    strcat(strcat(told, called ? called : "?"), " ");
    return DF_OK;
}

static int read_list(const char *text)
{
    told[0] = 0;
    return df_openimages_read_class_list(text, strlen(text), "classes", &(DfOpenImagesClassSink){ NULL, listed });
}

Test(openimages_classes, json_lines_and_label_maps)
{
    cr_assert_eq(read_list(" {\"/m/a\": 1, \"/m/b\": 2}"), DF_OK, "%s", df_error());
    cr_expect_str_eq(told, "/m/a=? /m/b=? ");
    cr_assert_eq(read_list("LabelName,DisplayName\n/m/a,\"Ant, red\"\n/m/b,Bee\n"), DF_OK, "%s", df_error());
    cr_expect_str_eq(told, "/m/a=Ant, red /m/b=Bee ");
    cr_assert_eq(read_list("item {\n  display_name: \"Ant\"\n  name: \"/m/a\"\n  id: 1\n}\nitem { name: '/m/b' id: 2 }\n"), DF_OK,
                 "%s", df_error());
    cr_expect_str_eq(told, "/m/a=Ant /m/b=? ");
    cr_expect_eq(read_list("item { id: 1 display_name: \"Ant\" }"), DF_EFORMAT);
    cr_expect_not_null(strstr(df_error(), "classes: item 1: want item { name:"), "%s", df_error());
    cr_expect_eq(read_list("{\"a\": 1"), DF_EFORMAT);
    cr_expect_eq(read_list("\n"), DF_EFORMAT);
    cr_expect_not_null(strstr(df_error(), "classes: no class: want JSON"), "%s", df_error());
}
