/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/datasets/test_folder.c -- folders of label maps and of classes; what a config is told of a folder, and what is said
 * of one that nobody knows.
 */
#include "tests/datasets/folder_maker.h"

TestSuite(folder, .init = begin, .fini = end);

/* ---- label maps ---------------------------------------------------------------------------------------------------- */

Test(folder, label_maps)
{
    put_picture("images/train/a.jpg", 3, 1);
    put_picture("images/train/b.jpg", 3, 1);
    put_picture("images/val/c.jpg", 3, 1);
    put_picture("masks/train/a.png", 1, 0);
    put_picture("masks/train/b.png", 1, 255);
    put_picture("masks/val/c.png", 1, 2);
    DfFolder *folder = open_folder(DF_FOLDER_LABEL_MAPS, 2, 1, "label maps, 2 pictures to train on and 1 to validate, 3 classes (class 0, class 1, class 2)");
    DfAnnotations a = annotations_of(val, 0);
    cr_expect(a.map.height == 32 && a.map.narrow[5] == 2);
    df_annotations_done(&a);
    settings_of(folder, "data = dict(train=dict(type='ADE20KDataset', pipeline=[dict(type='LoadImageFromFile'), dict(type='LoadAnnotations', reduce_zero_label=True)]))",
                "data.train.pipeline.1.reduce_zero_label=False");
    close_folder(folder);
    put_text("classes.txt", "ground\nwater\n");
    fails("a label map has the label 2, and there are 2 class names");
    put_picture("images/val/d.jpg", 3, 1);
    fails("d.png does not exist: want a label map for each picture");
}

Test(folder, label_maps_without_parts)
{
    char name[32];
    for (int i = 0; i < 6; i++) {
        snprintf(name, sizeof name, "images/%d.png", i);
        put_picture(name, 3, 1);
        snprintf(name, sizeof name, "masks/%d_mask.png", i);
        put_picture(name, 1, (uint8_t)(i % 2));
    }
    close_folder(open_folder(DF_FOLDER_LABEL_MAPS, 5, 1, "2 classes"));
    for (int i = 0; i < 6; i++) {
        snprintf(name, sizeof name, "masks/%d_mask.png", i);
        put_picture(name, 1, i % 2 ? 255 : 0);
    }
    fails("hold 0 and 255 alone, and 255 is ignored: want 1 for the object");
}

/* ---- classes ------------------------------------------------------------------------------------------------------- */

Test(folder, a_folder_for_each_class)
{
    char name[32];
    for (int i = 0; i < 10; i++) {
        snprintf(name, sizeof name, "%s/%d.jpg", i % 3 ? "rose" : "aster", i);
        put_picture(name, 3, 1);
    }
    DfFolder *folder = open_folder(DF_FOLDER_CLASSES, 8, 2, "a folder for each class, 8 pictures to train on and 2 to validate");
    cr_expect_eq(df_folder_learning(folder), DF_LEARN_IMAGE_CLASS);
    cr_expect_str_eq(df_folder_classes(folder)->name[1], "rose");
    for (int i = 0; i < 8; i++) {
        DfAnnotations a = annotations_of(train, i);
        cr_expect_eq(a.image_class, strstr(df_training_set_path(train, i), "rose") != NULL);
        df_annotations_done(&a);
    }
    close_folder(folder);
}

Test(folder, classes_with_parts)
{
    put_picture("train/b/1.jpg", 3, 1);
    put_picture("train/a/1.jpg", 3, 1);
    put_picture("val/b/1.jpg", 3, 1);
    close_folder(open_folder(DF_FOLDER_CLASSES, 2, 1, "2 classes (a, b)"));
    put_picture("val/c/1.jpg", 3, 1);
    fails("the folder 'c' is not one of the 2 classes");
}

/* ---- what a config is told ------------------------------------------------------------------------------------------ */

Test(folder, settings_go_below_wrappers)
{
    DfFolder *folder;
    put_picture("a/1.jpg", 3, 1);
    put_picture("b/2.jpg", 3, 1);
    cr_assert_eq(df_folder_open(&folder, root), DF_OK, "%s", df_error());
    settings_of(folder, "data = dict(train=dict(type='RepeatDataset', times=2, dataset=dict(type='ImageNet')))", "data.train.dataset.type=\"ImageNet\"");
    settings_of(folder, "data = dict(train=dict(type='ImageNet', ann_file='x'))", "data.train.ann_file=None");
    settings_of(folder, "train_dataloader = dict(dataset=dict(type='ImageNet'))", "data.val.data_prefix=");
    settings_of(folder, "data = dict(train=dict(type='CocoDataset'))", "the config learns from objects with boxes, and ");
    settings_of(folder, "data = dict(train=[dict(type='ImageNet')])", "a list of datasets");
    settings_of(folder, "backbone = dict(type='DAT', img_size=64)", "data.train.pipeline=[{'type': 'LoadImageFromFile'}, {'type': 'RandomResizedCrop', 'scale': 64}");
    settings_of(folder, "backbone = dict(type='DAT')", "data.test.pipeline=[{'type': 'LoadImageFromFile', 'imdecode_backend': 'pillow', 'color_type': 'color_ignore_orientation'}, {'type': 'ResizeEdge', 'scale': 256, 'interpolation': 'bicubic'}, {'type': 'CenterCrop', 'crop_size': (224, 224)}");
    df_folder_free(folder);
}

Test(folder, nothing_known_is_said)
{
    fails("want a folder in COCO's, PASCAL VOC's or YOLO's format");
    put_text("readme.txt", "x");
    fails("want a folder in COCO's");
    DfFolder *folder;
    cr_expect_eq(df_folder_open(&folder, "no/such"), DF_EIO);
    cr_expect_str_eq(df_error(), "no/such: no such folder");
}

Test(folder, memory_that_runs_out_is_an_error)
{
    put_voc("Annotations/a.xml", "<object><name>dog</name>" SIDES(3, 2, 9, 7) "</object>");
    put_voc("Annotations/b.xml", "<object><name>cat</name>" SIDES(3, 2, 9, 7) "</object>");
    put_picture("JPEGImages/a.jpg", 3, 9);
    put_picture("JPEGImages/b.jpg", 3, 9);
    for (size_t n = 1;; n++) {
        DfFolder *folder;
        const size_t held = df_memory().now;
        df_memory_fail_at(n, false);
        const int error = df_folder_open(&folder, root);
        df_memory_fail_at(0, false);
        df_folder_free(folder);
        cr_expect_eq(df_memory().now, held, "leak when allocation %zu fails", n);
        if (error == DF_OK && n > 40)
            break;
        cr_assert_lt(n, 400u);
    }
}
