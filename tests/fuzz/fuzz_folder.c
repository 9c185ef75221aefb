/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/fuzz/fuzz_folder.c -- a folder of labelled pictures, and the settings that it makes. The first byte chooses its
 * form; parts between zero bytes are its files.
 */
#include <stdlib.h>

#include "datasets/folder/folder.h"
#include "tests/fuzz/files.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct {
    const char *dir;
    const char *picture[3];
    const char *files[3];
} Form;

static const Form forms[] = {
    { "yaml", { "yaml/images/train/a.png", "yaml/images/train/b.png", "yaml/images/val/c.png" },
      { "yaml/data.yaml", "yaml/labels/train/a.txt", "yaml/labels/val/c.txt" } },
    { "yolo", { "yolo/images/a.png", "yolo/images/b.png", "yolo/images/c.png" },
      { "yolo/classes.txt", "yolo/labels/a.txt", "yolo/labels/b.txt" } },
    { "voc", { "voc/JPEGImages/a.png", "voc/JPEGImages/b.png", "voc/JPEGImages/c.png" },
      { "voc/Annotations/a.xml", "voc/Annotations/b.xml", "voc/ImageSets/Main/train.txt" } },
    { "coco", { "coco/train/a.png", "coco/train/b.png", "coco/val/c.png" },
      { "coco/annotations/instances_train.json", "coco/annotations/instances_val.json", "coco/readme.txt" } },
    { "maps", { "maps/images/a.png", "maps/images/b.png", "maps/masks/a.png" }, { "maps/classes.txt", "maps/masks/b.png", "maps/x.txt" } },
    { "classes", { "classes/train/cat/a.png", "classes/train/dog/b.png", "classes/val/cat/c.png" },
      { "classes/classes.txt", "classes/train/cat/d.png", "classes/x.txt" } },
};
enum { FORMS = sizeof forms / sizeof *forms };

static DfConfig *prepare(void)
{
    static const char text[] = "model = dict(type='RetinaNet', bbox_head=dict(num_classes=2))\n"
                               "data = dict(train=dict(type='CocoDataset', pipeline=[]), val=dict(type='CocoDataset', pipeline=[]),\n"
                               "            test=dict(type='CocoDataset', pipeline=[]))\n";
    DfConfig *config;
    for (int i = 0; i < FORMS; i++)
        for (int k = 0; k < 3; k++)
            fuzz_write_picture(forms[i].picture[k], 6, 8, i == 4 && k == 2 ? 1 : 3);
    if (df_config_parse(&config, text, sizeof text - 1, "fuzz.py", true) < 0)
        abort();
    return config;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static DfConfig *config;
    DfFolder *folder;
    DfFolderSettings settings;
    if (!config)
        config = prepare();
    if (size < 1)
        return 0;
    const Form *form = &forms[data[0] % FORMS];
    fuzz_divide(data + 1, size - 1, form->files, 3);
    if (df_folder_open(&folder, fuzz_path(form->dir)) < 0)
        return 0;
    (void)df_folder_settings(folder, df_config_root(config), fuzz_path("work"), &settings);
    df_folder_free(folder);
    return 0;
}
