/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/datasets/test_training_set.c -- training sets of every kind: which pictures and objects mmdetection 2.11 learns from and how
 * often (tests/scripts/make_training_set.py), label maps as mmseg's LoadAnnotations gives them, a folder for each class.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "datasets/datasets.h"

#define OBJECTS DF_TEST_DATA "/dataset/learnt/objects.json"
#define CLASSES "classes=('cell', 'plate', 'spot')"
#define COCO "type='CocoDataset', ann_file='" OBJECTS "', img_prefix='p', " CLASSES

static DfConfig *config;

static int open_set(DfTrainingSet **set, const char *dict)
{
    char text[4096];
    snprintf(text, sizeof text, "data = dict(train=%s)", dict);
    df_config_free(config);
    config = NULL;
    cr_assert_eq(df_config_parse(&config, text, strlen(text), "c.py", true), DF_OK, "%s", df_error());
    return df_training_set_of_config(set, df_config_root(config), NULL);
}

static DfTrainingSet *set_of(const char *dict)
{
    DfTrainingSet *set = NULL;
    cr_assert_eq(open_set(&set, dict), DF_OK, "%s: %s", dict, df_error());
    return set;
}

static void fails(const char *dict, const char *sentence)
{
    DfTrainingSet *set;
    cr_expect_lt(open_set(&set, dict), 0, "takes %s", dict);
    cr_expect_null(set);
    cr_expect_not_null(strstr(df_error(), sentence), "%s\nsays '%s' and not '%s'", dict, df_error(), sentence);
}

static void done(DfTrainingSet *set)
{
    df_training_set_free(set);
    df_config_free(config);
    config = NULL;
}

/* ---- objects ------------------------------------------------------------------------------------------------------ */

/* The pictures of one block of expected.txt, and their objects. */
static void expect_objects(FILE *expected, const DfTrainingSet *set, int n)
{
    char name[64], path[80];
    cr_assert_eq(df_training_set_count(set), n);
    for (int i = 0; i < n; i++) {
        int objects, height, width;
        DfAnnotations a;
        cr_assert_eq(fscanf(expected, "%63s %d", name, &objects), 2);
        snprintf(path, sizeof path, "p/%s", name);
        cr_expect_str_eq(df_training_set_path(set, i), path);
        cr_assert_eq(df_training_set_size(set, i, &height, &width), DF_OK);
        cr_assert_eq(df_training_set_annotations(set, i, height, width, &a), DF_OK);
        cr_assert_eq((int)a.n, objects, "%s", name);
        for (size_t k = 0; k < a.n; k++) {
            int id, label, crowd;
            cr_assert_eq(fscanf(expected, "%d %d %d", &id, &label, &crowd), 3);
            cr_expect(a.ids[k] == id && a.labels[k] == label && a.crowd[k] == crowd && a.ignore[k] == crowd, "%s", name);
        }
        df_annotations_done(&a);
    }
}

/* How often each picture is there, one picture after the other. */
static void expect_repeats(const int *times, int n, double threshold, bool filter_empty, const char *dataset)
{
    char dict[1024];
    snprintf(dict, sizeof dict, "dict(type='ClassBalancedDataset', oversample_thr=%g, filter_empty_gt=%s, dataset=dict(%s))",
             threshold, filter_empty ? "True" : "False", dataset);
    DfTrainingSet *set = set_of(dict);
    int at = 0;
    cr_expect_eq(df_training_set_pictures(set), n);
    for (int i = 0; i < n; i++)
        for (int k = 0; k < times[i]; k++, at++)
            cr_expect(at < df_training_set_count(set) && df_training_set_picture(set, at) == i, "sample %d of thr %g", at, threshold);
    cr_expect_eq(df_training_set_count(set), at);
    done(set);
}

Test(training_set, pictures_and_objects_are_those_of_mmdet)
{
    FILE *expected = fopen(DF_TEST_DATA "/dataset/learnt/expected.txt", "r");
    int filter_empty, min_size, n, blocks = 0;
    cr_assert_not_null(expected);
    while (fscanf(expected, "%d %d %d", &filter_empty, &min_size, &n) == 3) {
        char second[512], third[512];
        snprintf(second, sizeof second, COCO ", filter_empty_gt=%s", filter_empty ? "True" : "False");
        snprintf(third, sizeof third, "type='CocoDataset', ann_file='" OBJECTS "', img_prefix='p/', " CLASSES
                 ", filter_cfg=dict(filter_empty_gt=%s, min_size=%d)", filter_empty ? "True" : "False", min_size);
        for (int k = 0; k < 2; k++) {
            double threshold;
            int times[2][32];
            cr_assert(n <= 32 && fscanf(expected, "%lf", &threshold) == 1);
            for (int d = 0; d < 2; d++)
                for (int i = 0; i < n; i++)
                    cr_assert_eq(fscanf(expected, "%d", &times[d][i]), 1);
            if (min_size == 32) /* which 2.x always has */
                expect_repeats(times[0], n, threshold, filter_empty, second);
            expect_repeats(times[1], n, threshold, filter_empty, third);
        }
        char dict[600];
        snprintf(dict, sizeof dict, "dict(%s)", third);
        DfTrainingSet *set = set_of(dict);
        expect_objects(expected, set, n);
        done(set);
        blocks++;
    }
    cr_expect_eq(blocks, 4);
    fclose(expected);
}

Test(training_set, wrappers_change_the_list_of_samples)
{
    DfTrainingSet *set = set_of("dict(type='RepeatDataset', times=3, dataset=dict(" COCO ", pipeline=[dict(type='Inner')]))");
    const int n = df_training_set_pictures(set);
    cr_expect_eq(df_training_set_count(set), 3 * n);
    cr_expect_eq(df_training_set_picture(set, n + 2), 2);
    cr_expect_str_eq(df_node_text(df_node_at(df_training_set_pipeline(set, 0), "0.type"), ""), "Inner");
    cr_expect_null(df_training_set_mix_pipeline(set));
    done(set);

    set = set_of("dict(type='CocoDataset', ann_file=['" OBJECTS "', '" OBJECTS "'], img_prefix=['a', 'b/'], " CLASSES ")");
    cr_expect_eq(df_training_set_count(set), 2 * n);
    cr_expect_eq(df_training_set_sources(set), 2);
    cr_expect(df_starts_with(df_training_set_path(set, 0), "a/") && df_starts_with(df_training_set_path(set, n), "b/"));
    cr_expect(df_training_set_source(set, n - 1) == 0 && df_training_set_source(set, n) == 1 && df_training_set_picture(set, n) == n);
    done(set);

    set = set_of("[dict(" COCO "), dict(type='ConcatDataset', datasets=[dict(" COCO ", test_mode=True)])]");
    cr_expect_eq(df_training_set_count(set), n + 14, "a test set keeps all");
    done(set);

    set = set_of("dict(type='MultiImageMixDataset', pipeline=[dict(type='Mosaic')], dataset=dict(" COCO "))");
    cr_expect_str_eq(df_node_text(df_node_at(df_training_set_mix_pipeline(set), "0.type"), ""), "Mosaic");
    cr_expect_eq(df_training_set_count(set), n);
    done(set);
}

Test(training_set, masks_are_read_if_the_pipeline_wants_them)
{
    const char *with_masks = "dict(type='CocoDataset', ann_file='" DF_TEST_DATA "/dataset/annotations/instances_coco.json',"
                             " pipeline=[dict(type='LoadAnnotations', with_mask=True)])";
    DfAnnotations a;
    DfTrainingSet *set = set_of(with_masks);
    cr_expect(df_training_set_has_masks(set) && df_training_set_learning(set) == DF_LEARN_OBJECTS);
    cr_expect_eq(df_training_set_classes(set)->n, 80);
    cr_assert_eq(df_training_set_annotations(set, 0, 90, 60, &a), DF_OK);
    cr_expect(a.n == 6 && a.masks && a.masks[0].form != DF_MASK_NONE);
    df_annotations_done(&a);
    done(set);
    fails("dict(" COCO ", pipeline=[dict(type='LoadAnnotations', with_mask=True)])", "none of its objects has a mask");
}

/* ---- label maps --------------------------------------------------------------------------------------------------- */

#define MAPS "data_root='" DF_TEST_DATA "/segmentation', img_dir='images', ann_dir='labels', img_suffix='.png'"

Test(training_set, a_label_map_is_as_the_network_learns_it)
{
    DfImage image, stored;
    DfAnnotations a;
    char path[512];
    DfTrainingSet *set = set_of("dict(type='ADE20KDataset', " MAPS ")");
    cr_expect(df_training_set_learning(set) == DF_LEARN_LABEL_MAPS && df_training_set_classes(set)->n == 150);
    cr_assert_eq(df_training_set_load(set, 0, &image, &a), DF_OK, "%s", df_error());
    cr_assert(a.map.height == image.height && a.map.width == image.width && a.map.narrow && !a.map.wide && a.n == 0);
    const char *name = strrchr(df_training_set_path(set, 0), '/') + 1;
    snprintf(path, sizeof path, DF_TEST_DATA "/segmentation/labels/%.*s.png", (int)(strlen(name) - 4), name);
    cr_assert_eq(df_image_read_labels(&stored, path), DF_OK, "%s", df_error());
    for (size_t k = 0; k < df_image_bytes(&stored); k++) {
        const int value = stored.pixels[k];
        const int want = value == 0 || value == 255 ? 255 : value - 1;
        cr_assert_eq(a.map.narrow[k], want, "pixel %zu: stored %d", k, value);
    }
    df_image_free(&image);
    df_image_free(&stored);
    df_annotations_done(&a);
    done(set);
}

Test(training_set, a_label_beyond_the_classes_is_said)
{
    DfImage image;
    DfAnnotations a;
    DfTrainingSet *set = set_of("dict(type='CustomDataset', " MAPS ", classes=['one'])");
    int failed = 0;
    for (int i = 0; i < df_training_set_count(set); i++) {
        if (df_training_set_load(set, i, &image, &a) == DF_EVALUE) {
            failed++;
            cr_expect_not_null(strstr(df_error(), "want one of the 1 classes, 0 to 0, or 255"), "%s", df_error());
        }
        df_image_free(&image);
        df_annotations_done(&a);
    }
    cr_expect_gt(failed, 0);
    done(set);
}

/* ---- a folder for each class -------------------------------------------------------------------------------------- */

static char *folder;

static void put(const char *name)
{
    char *path = df_path_join(folder, name);
    uint8_t grey[12] = { 0 };
    const DfImage image = { .height = 3, .width = 4, .channels = 1, .pixels = grey };
    *strrchr(path, '/') = 0;
    cr_assert_eq(df_make_directory(path), DF_OK);
    path[strlen(path)] = '/';
    cr_assert_eq(df_image_write(&image, path, 90), DF_OK, "%s", df_error());
    df_free(path);
}

static void expect_class(const DfTrainingSet *set, int i, const char *name, int label)
{
    DfAnnotations a;
    int height, width;
    cr_expect(df_ends_with(df_training_set_path(set, i), name), "%s", df_training_set_path(set, i));
    cr_assert_eq(df_training_set_size(set, i, &height, &width), DF_OK, "%s", df_error());
    cr_expect(height == 3 && width == 4);
    cr_assert_eq(df_training_set_annotations(set, i, 3, 4, &a), DF_OK);
    cr_expect(a.has_class && a.image_class == label);
    df_annotations_done(&a);
}

Test(training_set, a_folder_for_each_class)
{
    char dict[1024];
    cr_assert_not_null(folder = df_temporary_folder());
    put("b/2.png");
    put("a/9.png");
    put("a/deep/1.jpg");
    put("c/x.JPEG.png");
    char *list = df_path_join(folder, "a/list.txt");
    cr_assert_eq(df_file_write_text(list, "c/x.JPEG.png 2\nb/2.png 0\n\n"), DF_OK);
    snprintf(dict, sizeof dict, "dict(type='ImageNet', data_prefix='%s')", folder);
    DfTrainingSet *set = set_of(dict);
    cr_expect(df_training_set_learning(set) == DF_LEARN_IMAGE_CLASS && df_training_set_count(set) == 4);
    cr_assert_eq(df_training_set_classes(set)->n, 3);
    cr_expect_str_eq(df_training_set_classes(set)->name[1], "b");
    expect_class(set, 0, "a/9.png", 0);
    expect_class(set, 1, "a/deep/1.jpg", 0);
    expect_class(set, 3, "c/x.JPEG.png", 2);
    done(set);
    snprintf(dict, sizeof dict, "dict(type='ImageNet', data_prefix='%s', ann_file='%s', classes=('x', 'y', 'z'))", folder, list);
    set = set_of(dict);
    cr_expect_eq(df_training_set_count(set), 2);
    expect_class(set, 0, "c/x.JPEG.png", 2);
    expect_class(set, 1, "b/2.png", 0);
    done(set);
    snprintf(dict, sizeof dict, "dict(type='ImageNet', data_prefix='%s', ann_file='%s', classes=('x', 'y'))", folder, list);
    fails(dict, "want a label in 0..1");
    snprintf(dict, sizeof dict, "dict(type='ImageNet', data_prefix='%s', classes=('a', 'b'))", folder);
    fails(dict, "the folder 'c' is not one of the 2 classes");
    df_remove_folder(folder, (const char *const[]){ "b/2.png", "b", "a/deep/1.jpg", "a/deep", "a/9.png", "a/list.txt", "a", "c/x.JPEG.png", "c", NULL });
    df_free(list);
    df_free(folder);
}

/* ---- what is wrong ------------------------------------------------------------------------------------------------ */

Test(training_set, errors_are_sentences)
{
    fails("[]", "a training set without a picture");
    fails("None", "no training set");
    fails("dict(type='MyDataset')", "unknown dataset 'MyDataset'");
    fails("dict(type='CocoDatset')", "did you mean 'CocoDataset'?");
    fails("dict(type='RepeatDataset', dataset=dict(" COCO "))", "times");
    fails("dict(type='RepeatDataset', times=2)", "dataset");
    fails("dict(type='MultiImageMixDataset', pipeline=[], skip_type_keys=('Mosaic',), dataset=dict(" COCO "))", "skip_type_keys");
    fails("dict(type='MultiImageMixDataset', pipeline=[], dynamic_scale=(8, 8), dataset=dict(" COCO "))", "dynamic_scale");
    fails("dict(type='ClassBalancedDataset', oversample_thr=0, dataset=dict(" COCO "))", "above 0");
    fails("dict(type='ClassBalancedDataset', oversample_thr=0.1, dataset=dict(type='ADE20KDataset', " MAPS "))", "label maps");
    fails("[dict(" COCO "), dict(type='ADE20KDataset', " MAPS ")]", "another kind");
    fails("[dict(" COCO "), dict(type='CocoDataset', ann_file='" OBJECTS "', classes=['cell'])]", "its 1 classes are not the 3");
    fails("dict(type='CocoDataset', ann_file=[])", "an empty list");
    fails("dict(type='CocoDataset', ann_file=['a', 'b'], img_prefix=['a', 'b', 'c'])", "want as many");
    fails("dict(type='CocoDataset', ann_file='" OBJECTS "', classes=['spot'], filter_cfg=dict(filter_empty_gt=True, min_size=500))", "none of its 14 pictures");
    fails("dict(type='ADE20KDataset', data_root='" DF_TEST_DATA "/segmentation', img_dir='images', img_suffix='.png')", "ann_dir = None");
    fails("dict(type='ADE20KDataset', data_root='" DF_TEST_DATA "/segmentation')", "img_dir = None");
    fails("[dict(" COCO "), dict(type='MultiImageMixDataset', pipeline=[], dataset=dict(" COCO "))]", "outermost");
}

Test(training_set, memory_that_runs_out_is_an_error)
{
    for (size_t n = 1;; n++) {
        DfTrainingSet *set = NULL;
        DfAnnotations a = { 0 };
        cr_assert_eq(open_set(&set, "dict(type='ClassBalancedDataset', oversample_thr=0.5, dataset=dict(" COCO "))"), DF_OK);
        const DfNode *dict = df_node_at(df_config_root(config), "data.train");
        df_training_set_free(set);
        const size_t held = df_memory().now;
        df_memory_fail_at(n, false);
        int error = df_training_set_new(&set, dict, NULL);
        if (error == DF_OK)
            error = df_training_set_annotations(set, 0, 40, 60, &a);
        df_memory_fail_at(0, false);
        df_annotations_done(&a);
        df_training_set_free(set);
        cr_expect_eq(df_memory().now, held, "leak when allocation %zu fails", n);
        if (error == DF_OK)
            break;
        cr_expect_eq(error, DF_ENOMEM, "allocation %zu: %s", n, df_error());
        cr_assert_lt(n, 300u);
    }
    df_config_free(config);
    config = NULL;
}

/* The same sizes as the decoded pictures have, EXIF's quarter turns included. */
Test(training_set, sizes_without_decoding)
{
    static const char *const names[] = { "420.jpg", "exif6.jpg", "rgba.png" };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char path[256];
        DfImage image;
        int height, width;
        snprintf(path, sizeof path, DF_TEST_DATA "/images/%s", names[i]);
        cr_assert_eq(df_image_read(&image, path), DF_OK, "%s", df_error());
        cr_assert_eq(df_image_read_size(path, &height, &width), DF_OK, "%s", df_error());
        cr_expect(height == image.height && width == image.width, "%s", path);
        df_image_free(&image);
    }
    int height, width;
    cr_expect_eq(df_image_read_size(OBJECTS, &height, &width), DF_EFORMAT);
    cr_expect_eq(df_image_read_size("no/such.png", &height, &width), DF_EIO);
}
