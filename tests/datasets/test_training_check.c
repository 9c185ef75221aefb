/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/datasets/test_training_check.c -- what is said of a training set that has something wrong.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "datasets/datasets.h"

static DfTrainingSet *set_of(const char *dict, DfConfig **config)
{
    char text[2048];
    DfTrainingSet *set = NULL;
    snprintf(text, sizeof text, "data = dict(train=%s)", dict);
    cr_assert_eq(df_config_parse(config, text, strlen(text), "c.py", true), DF_OK, "%s", df_error());
    cr_assert_eq(df_training_set_of_config(&set, df_config_root(*config), NULL), DF_OK, "%s", df_error());
    return set;
}

/* That the sentences, errors first, are these: NULL ends them. */
static void expect(const char *dict, int errors, const char *const *want)
{
    DfConfig *config;
    DfTrainingCheck check;
    DfTrainingSet *set = set_of(dict, &config);
    cr_assert_eq(df_training_set_check(&check, set), DF_OK, "%s", df_error());
    cr_expect_eq(check.n_errors, errors);
    int i = 0;
    for (; want[i] && i < check.n; i++)
        cr_expect(strstr(check.sentence[i], want[i]), "says '%s' and not '%s'", check.sentence[i], want[i]);
    cr_expect(!want[i] && i == check.n, "sentence %d: '%s'", i, i < check.n ? check.sentence[i] : want[i]);
    df_training_check_done(&check);
    df_training_set_free(set);
    df_config_free(config);
}

static char *folder;

static char *put(const char *name, const char *text)
{
    char *path = df_path_join(folder, name);
    cr_assert_eq(df_file_write_text(path, text), DF_OK);
    return path;
}

#define BOX(id, x, y, w, h, more) "{\"id\": " #id ", \"image_id\": 1, \"category_id\": 1, \"bbox\": [" #x ", " #y ", " #w ", " #h "]" more "}"

Test(training_check, objects)
{
    char dict[1024];
    folder = df_temporary_folder();
    char *path = put("a.json", "{\"images\": [{\"id\": 1, \"file_name\": \"420.jpg\", \"width\": 40, \"height\": 50}, {\"id\": 2, \"file_name\": \"none.jpg\", \"width\": 40, \"height\": 50}],"
                     " \"categories\": [{\"id\": 1, \"name\": \"a\"}, {\"id\": 2, \"name\": \"b\"}, {\"id\": 3, \"name\": \"c\"}], \"annotations\": ["
                     BOX(1, 1, 1, 10, 10, ) "," BOX(2, 41, 1, 10, 10, ) "," BOX(3, -5, 1, 4, 10, ) "," BOX(4, 1, 1, 0, 10, ) "," BOX(5, 1, 1, 5, 10, ", \"area\": 0") ","
                     BOX(6, 1, 1, 0.5, 10, ) "," BOX(7, 1, 1, 10, 10, ", \"iscrowd\": 1") ","
                     " {\"id\": 8, \"image_id\": 2, \"category_id\": 3, \"bbox\": [1, 2, 3, 4]}]}");
    snprintf(dict, sizeof dict, "dict(type='CocoDataset', ann_file='%s', img_prefix='" DF_TEST_DATA "/images', classes=['a', 'b'], filter_empty_gt=False)", path);
    expect(dict, 1, (const char *const[]){
        "1 of 2 pictures cannot be read; the first: " DF_TEST_DATA "/images/none.jpg",
        "1 of 2 pictures have another size than the annotations say; the first: " DF_TEST_DATA "/images/420.jpg is ",
        "2 of 8 boxes lie outside of their picture and are left out; the first: annotation 2 of 420.jpg, at (41, 1) of 40 x 50",
        "2 of 8 boxes have no area and are left out; the first: annotation 4 of 420.jpg, 0 x 10 pixels, area 0",
        "1 of 8 boxes have a side below one pixel and are left out; the first: annotation 6",
        "1 of 8 boxes are of a class that is not learnt and are left out; the first: annotation 8 of none.jpg",
        "1 of 2 classes has no object: b", NULL });
    df_remove_folder(folder, (const char *const[]){ "a.json", NULL });
    df_free(path);
    df_free(folder);
}

#define MAPS "data_root='" DF_TEST_DATA "/segmentation', img_dir='images', ann_dir='labels', img_suffix='.png'"

Test(training_check, label_maps)
{
    DfConfig *config;
    DfTrainingCheck check;
    DfTrainingSet *set = set_of("dict(type='ADE20KDataset', " MAPS ")", &config);
    cr_assert_eq(df_training_set_check(&check, set), DF_OK, "%s", df_error());
    cr_expect_eq(check.n_errors, 0);
    cr_assert_eq(check.n, 1);
    cr_expect_not_null(strstr(check.sentence[0], "of 150 classes have no picture"), "%s", check.sentence[0]);
    df_training_check_done(&check);
    df_training_set_free(set);
    df_config_free(config);
    set = set_of("dict(type='CustomDataset', " MAPS ", classes=['one'])", &config);
    cr_assert_eq(df_training_set_check(&check, set), DF_OK, "%s", df_error());
    cr_expect_geq(check.n_errors, 1);
    cr_expect_not_null(strstr(check.sentence[0], "label maps cannot be learnt from; the first: "), "%s", check.sentence[0]);
    df_training_check_done(&check);
    df_training_set_free(set);
    df_config_free(config);
}

Test(training_check, memory_that_runs_out_is_an_error)
{
    DfConfig *config;
    DfTrainingSet *set = set_of("dict(type='ADE20KDataset', " MAPS ")", &config);
    for (size_t n = 1;; n++) {
        DfTrainingCheck check;
        const size_t held = df_memory().now;
        df_memory_fail_at(n, false);
        const int error = df_training_set_check(&check, set);
        df_memory_fail_at(0, false);
        df_training_check_done(&check);
        cr_expect_eq(df_memory().now, held, "leak when allocation %zu fails", n);
        if (error == DF_OK && n > 30)
            break;
        cr_assert_lt(n, 200u);
    }
    df_training_set_free(set);
    df_config_free(config);
}
