/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/fuzz/fuzz_coco_annotations.c -- annotation files: a dataset comes out consistent, or nothing and a sentence.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "datasets/datasets.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const DfCocoDataset *coco)
{
    int boxes = 0;
    size_t letters = 0;
    for (int i = 0; i < coco->n_images; i++) {
        const DfCocoImage *image = &coco->images[i];
        if (image->first != boxes || image->n < 0)
            abort();
        for (int k = 0; k < image->n; k++)
            if (coco->boxes[image->first + k].image_id != image->id || coco->boxes[image->first + k].label >= coco->n_classes)
                abort();
        boxes += image->n;
        letters += strlen(coco->picture[i]);
    }
    for (int i = 0; i < coco->n_classes; i++)
        letters += strlen(coco->classes[i]);
    if (boxes != coco->n_boxes || letters == 0)
        abort();
}

static void open_with(const uint8_t *data, size_t size, const char *const *classes, int n)
{
    DfJson *json;
    DfCocoDataset *coco;
    if (df_json_open_text(&json, (const char *)data, size, "fuzz") < 0)
        return;
    const int error = df_coco_dataset_open_json(&coco, json, "folder", classes, n);
    if (error < 0 ? coco != NULL || !df_error()[0] : !coco)
        abort();
    if (coco)
        check(coco);
    df_coco_dataset_free(coco);
    df_json_close(json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const classes[] = { "a", "b" };
    open_with(data, size, classes, 2);
    open_with(data, size, NULL, 0);
    return 0;
}
