/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/fuzz/fuzz_masks.c -- compressed runs and polygons from any bytes: what is read is written back,
 * counted and compared. The first two bytes are height and width; an odd third one says that doubles
 * follow, two for each point, else compressed runs.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "eval/eval.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(DfMask *mask, bool real)
{
    static uint8_t pixels[255 * 255], again[255 * 255];
    char *text;
    double box[4];
    DfMask back, all;
    df_mask_box(mask, box);
    if (df_mask_to_text(mask, &text) < 0)
        return;
    if (df_mask_from_text(&back, text, strlen(text), mask->height, mask->width) < 0 || back.n != mask->n ||
        (back.n && memcmp(back.runs, mask->runs, back.n * sizeof *back.runs) != 0))
        abort();
    df_free(text);
    const double self = df_mask_iou(mask, &back, false);
    if (real && df_mask_area(mask) > 0 && self != 1)
        abort();
    if (df_mask_merge(&all, (DfMask[]){ *mask, back }, 2, true) == DF_OK)
        df_mask_done(&all);
    df_mask_done(&back);
    if (df_mask_decode(mask, pixels) == DF_OK && df_mask_encode(&back, pixels, mask->height, mask->width) == DF_OK) {
        if (df_mask_decode(&back, again) < 0 || memcmp(pixels, again, (size_t)mask->height * mask->width) != 0)
            abort();
        df_mask_done(&back);
    } else if (real) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    double xy[128];
    DfMask mask;
    if (size < 3)
        return 0;
    const uint8_t *const rest = data + 3;
    size -= 3;
    if (data[2] % 2 == 0) {
        if (df_mask_from_text(&mask, (const char *)rest, size, data[0], data[1]) == DF_OK)
            check(&mask, false);
    } else {
        size = size < sizeof xy ? size : sizeof xy;
        memcpy(xy, rest, size);
        if (df_mask_from_polygon(&mask, xy, size / 16, data[0], data[1]) == DF_OK)
            check(&mask, true);
    }
    df_mask_done(&mask);
    return 0;
}
