/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/datasets/folder_maker.h -- folders of labelled pictures that tests make and open
 */
#ifndef DF_TESTS_DATASETS_FOLDER_MAKER_H
#define DF_TESTS_DATASETS_FOLDER_MAKER_H

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "datasets/datasets.h"

/* ---- a folder in the making ---------------------------------------------------------------------------------------- */

static char *root;
static char *made[128]; /* below the root, files and folders */
static int n_made;

static inline char *path_of(const char *name)
{
    char *path = df_path_join(root, name);
    cr_assert_not_null(path);
    return path;
}

static inline void note(const char *name)
{
    for (int i = 0; i < n_made; i++)
        if (strcmp(made[i], name) == 0)
            return;
    cr_assert_lt(n_made, 128);
    made[n_made] = malloc(strlen(name) + 1);
    strcpy(made[n_made++], name);
}

static inline void make_folders(const char *name)
{
    char part[256];
    for (const char *slash = strchr(name, '/'); slash; slash = strchr(slash + 1, '/')) {
        snprintf(part, sizeof part, "%.*s", (int)(slash - name), name);
        char *path = path_of(part);
        cr_assert_eq(df_make_directory(path), DF_OK);
        df_free(path);
        note(part);
    }
    note(name);
}

static inline void put_text(const char *name, const char *text)
{
    make_folders(name);
    char *path = path_of(name);
    cr_assert_eq(df_file_write_text(path, text), DF_OK, "%s", df_error());
    df_free(path);
}

/* 40 x 32: mmdet leaves out what is smaller than 32. */
static inline void put_pixels(const char *name, int channels, uint8_t *pixels)
{
    const DfImage image = { .height = 32, .width = 40, .channels = channels, .pixels = pixels };
    make_folders(name);
    char *path = path_of(name);
    cr_assert_eq(df_image_write(&image, path, 90), DF_OK, "%s", df_error());
    df_free(path);
}

static inline void put_picture(const char *name, int channels, uint8_t value)
{
    uint8_t pixels[40 * 32 * 3];
    memset(pixels, value, sizeof pixels);
    put_pixels(name, channels, pixels);
}

/* PASCAL VOC's labels of one picture. */
#define SIDES(a, b, c, d) "<bndbox><xmin>" #a "</xmin><ymin>" #b "</ymin><xmax>" #c "</xmax><ymax>" #d "</ymax></bndbox>"

static inline void put_voc(const char *xml, const char *objects)
{
    char text[2048];
    snprintf(text, sizeof text, "<annotation><size><width>40</width><height>32</height></size>%s</annotation>", objects);
    put_text(xml, text);
}

static inline void begin(void)
{
    cr_assert_not_null(root = df_temporary_folder());
    n_made = 0;
}

/* Files before the folders that they are in. */
static inline void end(void)
{
    const char *files[132];
    static const char *const written[] = { "deformer_train.json", "deformer_val.json", "pictures_train.txt", "pictures_val.txt" };
    for (int i = 0; i < 4; i++)
        files[i] = written[i];
    for (int i = 0; i < n_made; i++)
        files[4 + i] = made[n_made - 1 - i];
    files[4 + n_made] = NULL;
    for (int round = 0; round < 4; round++) { /* folders were noted once, maybe before later files */
        char *again = malloc(strlen(root) + 1);
        strcpy(again, root);
        df_remove_folder(again, files);
        free(again);
    }
    while (n_made > 0)
        free(made[--n_made]);
    df_free(root);
}

/* ---- what is found ------------------------------------------------------------------------------------------------- */

static DfConfig *config;
static DfTrainingSet *train, *val;

static inline void open_sets(const DfFolderSettings *s)
{
    cr_assert_eq(df_config_parse(&config, "a = 1", 5, "c.py", true), DF_OK);
    df_config_free(config);
    put_text("c.json", "{}");
    char *path = path_of("c.json");
    cr_assert_eq(df_config_read(&config, path, s->text, s->n), DF_OK, "%s", df_error());
    df_free(path);
    cr_assert_eq(df_training_set_of_config(&train, df_config_root(config), NULL), DF_OK, "%s", df_error());
    cr_assert_eq(df_training_set_new(&val, df_node_at(df_config_root(config), "data.val"), NULL), DF_OK, "%s", df_error());
}

/* Opens the folder, says it in an empty config, and opens the two sets of that. */
static inline DfFolder *open_folder(DfFolderForm form, int training, int validation, const char *sentence)
{
    DfFolder *folder = NULL;
    DfFolderSettings s;
    DfConfig *empty;
    cr_assert_eq(df_folder_open(&folder, root), DF_OK, "%s", df_error());
    cr_expect_eq(df_folder_form(folder), form);
    cr_expect(df_folder_training(folder) == training && df_folder_validation(folder) == validation, "%s", df_folder_sentence(folder));
    cr_expect_not_null(strstr(df_folder_sentence(folder), sentence), "%s", df_folder_sentence(folder));
    cr_assert_eq(df_config_parse(&empty, "{}", 2, "c.json", false), DF_OK);
    cr_assert_eq(df_folder_settings(folder, df_config_root(empty), root, &s), DF_OK, "%s", df_error());
    df_config_free(empty);
    open_sets(&s);
    return folder;
}

static inline void close_folder(DfFolder *folder)
{
    df_training_set_free(train);
    df_training_set_free(val);
    df_config_free(config);
    df_folder_free(folder);
}

static inline DfAnnotations annotations_of(const DfTrainingSet *set, int i)
{
    DfImage image;
    DfAnnotations a;
    cr_assert_eq(df_training_set_load(set, i, &image, &a), DF_OK, "%s", df_error());
    df_image_free(&image);
    return a;
}

static inline void expect_box(const DfAnnotations *a, size_t i, float x1, float y1, float x2, float y2)
{
    const float *b = a->boxes + 4 * i;
    cr_assert_lt(i, a->n);
    cr_expect(b[0] == x1 && b[1] == y1 && b[2] == x2 && b[3] == y2, "box %zu is %g %g %g %g", i, b[0], b[1], b[2], b[3]);
}

static inline void fails(const char *sentence)
{
    DfFolder *folder;
    cr_expect_lt(df_folder_open(&folder, root), 0);
    cr_expect_null(folder);
    cr_expect_not_null(strstr(df_error(), sentence), "says '%s' and not '%s'", df_error(), sentence);
}

static inline void settings_of(const DfFolder *folder, const char *text, const char *want)
{
    DfConfig *read;
    DfFolderSettings s;
    DfFolder *f;
    memcpy(&f, &folder, sizeof f);
    cr_assert_eq(df_config_parse(&read, text, strlen(text), "c.py", true), DF_OK, "%s", df_error());
    const int error = df_folder_settings(f, df_config_root(read), root, &s);
    bool found = false;
    for (int i = 0; error == DF_OK && i < s.n; i++)
        found = found || df_starts_with(s.text[i] + strlen("--data "), want);
    cr_expect(error == DF_OK ? found : strstr(df_error(), want) != NULL, "%s\ngives no '%s' %s", text, want, error ? df_error() : "");
    df_config_free(read);
}

#endif
