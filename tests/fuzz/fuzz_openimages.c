/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/fuzz/fuzz_openimages.c -- tables of Open Images, with every group of
 * columns, its tree and its lists of classes.
 */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "annotations/annotations.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int row(void *arg, const DfOpenImagesRow *r)
{
    uint64_t pixels = 0;
    (void)arg;
    for (int i = 0; i < 4; i++)
        if (!isfinite(r->box[i]))
            abort();
    for (size_t i = 0; i < r->mask.n; i++) {
        pixels += r->mask.runs[i];
        if (i > 0 && r->mask.runs[i] == 0)
            abort();
    }
    if (r->mask.n && pixels != (uint64_t)r->mask.height * r->mask.width)
        abort();
    if (!r->image[0] || !r->label[0] || !isfinite(r->score) || !isfinite(r->confidence))
        abort();
    return DF_OK;
}

static int above(void *arg, const char *label, const char *ancestor)
{
    (void)arg;
    if (!label[0] || (ancestor && !ancestor[0]))
        abort();
    return DF_OK;
}

static int listed(void *arg, const char *name, const char *called)
{
    (void)arg;
    if (!name[0] || strlen(name) >= DF_CSV_TEXT || (called && strlen(called) >= DF_CSV_TEXT))
        abort();
    return DF_OK;
}

static void expect_sentence(int error)
{
    if (error < 0 && !df_error()[0])
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const unsigned box = DF_OPENIMAGES_BOX | DF_OPENIMAGES_GROUP;
    const unsigned wanted[] = { 0, box, box | DF_OPENIMAGES_MASK, DF_OPENIMAGES_CONFIDENCE,
                                DF_OPENIMAGES_SCORE | DF_OPENIMAGES_MASK };
    char *copy = malloc(size ? size : 1); /* of its size, so that a byte too far is found */
    memcpy(copy, data, size);
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
        expect_sentence(df_openimages_read(copy, size, "fuzz", wanted[i], &(DfOpenImagesSink){ NULL, row }));
    expect_sentence(df_openimages_read_tree(copy, size, "fuzz", &(DfOpenImagesTreeSink){ NULL, above }));
    expect_sentence(df_openimages_read_class_list(copy, size, "fuzz", &(DfOpenImagesClassSink){ NULL, listed }));
    free(copy);
    return 0;
}
