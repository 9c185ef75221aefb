/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/fuzz/fuzz_middle.c -- mmdet's middle format: pictures with boxes of known classes, or a sentence.
 */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#include "datasets/object_types.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const DfCocoDataset *d)
{
    for (int i = 0; i < d->n_images; i++)
        if (!d->images[i].file_name[0] || !d->picture[i] || d->images[i].first + d->images[i].n > d->n_boxes)
            abort();
    for (int i = 0; i < d->n_boxes; i++) {
        const DfCocoBox *box = &d->boxes[i];
        if (box->label < 0 || box->label >= d->n_classes || !isfinite(box->area))
            abort();
        for (int k = 0; k < 4; k++)
            if (!isfinite(box->bbox[k]))
                abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const classes[] = { "dog", "cat" };
    const DfObjectType type = { .files = DF_OBJECTS_MIDDLE };
    const DfObjectReading what = { .type = &type, .folder = "", .classes = classes, .n_classes = 2 };
    DfCocoDataset *dataset;
    DfJson *json;
    if (df_json_open_text(&json, (const char *)data, size, "fuzz") < 0)
        return 0;
    if (df_middle_dataset_read(&dataset, json, &what) == DF_OK)
        check(dataset);
    else if (!df_error()[0])
        abort();
    df_coco_dataset_free(dataset);
    df_json_close(json);
    return 0;
}
