/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/fuzz/fuzz_yolo.c -- texts of YOLO, read as labels and as data.yaml.
 */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "annotations/annotations.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int object(void *arg, const DfYoloObject *o)
{
    (void)arg;
    if (o->label < 0 || o->label > 6 || (o->n && (o->n < 3 || !o->xy)))
        abort();
    for (int i = 0; i < 4; i++)
        if (!isfinite(o->box[i]))
            abort();
    return DF_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const DfYoloSink sink = { .object = object };
    const DfYoloSink posed = { .object = object, .keypoints = 2, .dims = 3 };
    DfYoloData yaml;
    DfArena *arena = df_arena_new();
    char *copy = malloc(size ? size : 1);
    memcpy(copy, data, size);
    if (df_yolo_read_labels(copy, size, "fuzz", 7, &sink) < 0 && !df_error()[0])
        abort();
    if (df_yolo_read_labels(copy, size, "fuzz", 7, &posed) < 0 && !df_error()[0])
        abort();
    if (df_yolo_read_data(&yaml, copy, size, "fuzz", arena) == DF_OK)
        for (int i = 0; i < yaml.n; i++)
            if (!yaml.name[i][0])
                abort();
    free(copy);
    df_arena_free(arena);
    return 0;
}
