/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/fuzz/fuzz_lists.c -- lists of pictures and of classes that a config's datasets name: the split of a
 * segmentation, the ann_file of a classification, a file of class names. Parts between zero bytes.
 */
#include <stdlib.h>

#include "datasets/datasets.h"
#include "tests/fuzz/files.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const DfNode *sets(void)
{
    static const char text[] =
        "s = dict(type='CustomDataset', img_dir='img', ann_dir='ann', img_suffix='.png', seg_map_suffix='.png', split='split.txt',\n"
        "         classes='classes.txt')\n"
        "c = dict(type='ImageNet', data_prefix='folders', ann_file='ann.txt', classes='classes.txt')\n"
        "d = dict(type='ImageNet', data_prefix='folders', ann_file='ann.txt')\n";
    static DfConfig *config;
    if (!config) {
        fuzz_write_picture("img/a.png", 6, 8, 3);
        fuzz_write_picture("ann/a.png", 6, 8, 1);
        fuzz_write_picture("folders/cat/a.png", 6, 8, 3);
        fuzz_write_picture("folders/dog/b.png", 6, 8, 3);
        if (df_config_parse(&config, text, sizeof text - 1, "fuzz.py", true) < 0)
            abort();
    }
    return df_config_root(config);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = { "split.txt", "ann.txt", "classes.txt" };
    const DfNode *root = sets();
    DfSegmentation *segmentation;
    DfClassification *classification;
    DfImage map;
    fuzz_divide(data, size, names, 3);
    if (df_segmentation_from_config(&segmentation, df_node_at(root, "s"), fuzz_path("")) == DF_OK) {
        if (df_segmentation_label(segmentation, 0, 6, 8, &map) == DF_OK)
            df_image_free(&map);
        df_segmentation_free(segmentation);
    }
    for (int i = 0; i < 2; i++)
        if (df_classification_from_config(&classification, df_node_at(root, i ? "d" : "c"), fuzz_path(""),
                                          NULL) == DF_OK)
            df_classification_free(classification);
    return 0;
}
